"""Takes a spec and one of its measures; gives the networks that it asks for.

Plain functions, which rules ask too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ltspec.language.unknown import Unknown
from ltspec.language.variants import as_branch_sees, is_elsewhere
from ltspec.plan import beside, pairs, resolve
from ltspec.plan.replicates import DENSE, TICKET


@dataclass(frozen=True, slots=True)
class Subject:
    """A network that is measured in every replicate."""

    line: str
    """``dense``, ``ticket`` or a branch's name."""
    level: int
    step: int | None = None
    """Dense only: the step at which copies part."""


def subjects(spec: Any, measure: Any) -> list[Subject]:
    """Every network that a measure asks for, each once, in the order in which it is written."""
    found: list[Subject] = []
    for line in pairs.lines(measure):
        if line == DENSE:
            found += dense(spec, measure)
            continue
        for level in levels(spec, measure, line):
            found += dense(spec, measure) if level == 0 else [Subject(line, level)]
    return list(dict.fromkeys(found))


def levels(spec: Any, measure: Any, line: str) -> tuple[int, ...]:
    """The levels of a ticket or branch that are measured; 0 for the dense network.

    Raises Unknown for a branch that is not there: a rule of its own says so.
    """
    if measure.levels != "all":
        return tuple(measure.levels)
    if line == TICKET:
        return tuple(range(1, resolve.level_count(spec) + 1))
    branch = beside.branch(spec, line)
    if branch is None:
        raise Unknown(line)
    return beside.leaves_at(spec, branch)


def dense(spec: Any, measure: Any) -> list[Subject]:
    """The dense network from each of the steps that are asked for."""
    if measure.at is not None:
        return [Subject(DENSE, 0, resolve.steps(spec, written)) for written in measure.at]
    step = rewind_step(spec)
    return [] if step is None else [Subject(DENSE, 0, step)]


def asks_for_dense(measure: Any) -> bool:
    """Whether the dense network is among what is measured."""
    return DENSE in pairs.lines(measure) or (measure.levels != "all" and 0 in measure.levels)


def rewind_step(spec: Any) -> int | None:
    """The step whose weights tickets return to; None where they keep the trained ones."""
    rewind = spec.prune.rewind
    if rewind == "none":
        return None
    written = rewind.to if rewind.to is not None else rewind.weights
    return None if written == "end" else resolve.steps(spec, written)


def is_not_trained(spec: Any, line: str) -> bool:
    """Whether nothing is trained after pruning in a line; false for one that is not there."""
    if line == TICKET:
        return bool(spec.prune.rewind == "none")
    branch = beside.branch(spec, line)
    if branch is None:
        return False
    if branch.kind == "retrain" or getattr(branch, "schedule", None) is not None:
        return False
    if branch.kind == "transfer" and (branch.train is not None or branch.data is not None):
        return False  # from its first step on
    if is_elsewhere(branch):
        from ltspec.plan import origins  # few specs need it

        begun = origins.training(spec, branch)
        return begun is not None and begun.start == begun.stop
    return bool(as_branch_sees(spec, branch).prune.rewind == "none")


def copies(spec: Any) -> int:
    """Copies that are trained for measures alone, in one replicate."""
    return sum(
        pairs.siblings(measure) * len(subjects(spec, measure))
        for measure in spec.measure
        if pairs.is_of_copies(measure)
    )
