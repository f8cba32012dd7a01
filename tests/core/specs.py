"""Takes a few changes; gives small specs and plans for tests."""

from __future__ import annotations

from ltspec.language.source import override, parse_text
from ltspec.language.spec import Spec
from ltspec.plan import validate
from ltspec.plan.passes import compile_spec
from ltspec.plan.stages import Plan

TINY = """
ltspec: 1
name: tiny
model: {family: lenet, widths: [12]}
data: {name: digits}
train:
  duration: 40it
  batch_size: 64
  optimizer: {name: sgd, lr: 0.1, momentum: 0.9}
prune:
  schedule: {name: iterative, fraction: 0.2, levels: 2}
"""


def tiny(*changes: str) -> Spec:
    """The tiny spec with ``--set`` changes."""
    source = parse_text(TINY, "tiny.yaml")
    for change in changes:
        source = override(source, change)
    return validate(source)


def plan_of(*changes: str) -> Plan:
    """The tiny spec's plan with ``--set`` changes."""
    return compile_spec(tiny(*changes))
