"""Takes a few changes; gives small specs and plans for tests, and tables of what they measure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ltspec.language.source import override, parse_text
from ltspec.language.spec import Spec
from ltspec.plan import validate
from ltspec.plan.passes import compile_spec
from ltspec.plan.stages import Plan
from ltspec.results import measures
from ltspec.results.rows import Table

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


def table_of(plan: Plan, facts: Mapping[int, Mapping[str, Any]], kind: str) -> Table:
    """What a plan measures of one kind. ``facts``: by place of the stage."""
    return next(table for table in measures.tables(plan, facts) if table.kind == kind)
