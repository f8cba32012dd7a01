"""Takes a few changes; gives small specs and plans for tests, what runs them on the reference
backend, and tables of what they measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ltspec.engine.session import Session
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


def open_session(
    plan: Plan, store: Path, note: Callable[[str], None] = lambda text: None
) -> Session:
    """A session of the reference backend, whose store holds its data too."""
    return Session.open(
        plan,
        backend="numpy",
        device="cpu",
        precision="float32",
        threads=None,
        store=store,
        data=store,
        note=note,
    )


def table_of(plan: Plan, facts: Mapping[int, Mapping[str, Any]], kind: str) -> Table:
    """What a plan measures of one kind. ``facts``: by place of the stage."""
    return next(table for table in measures.tables(plan, facts) if table.kind == kind)
