"""Takes a plan and the rows of its table; gives carried tickets as squares of source and target.

The all-pairs table of Chen et al. (2021), Table 5: a sweep has the sources, one at each point, and
its branches of kind ``transfer`` are the targets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ltspec.plan.stages import Plan
from ltspec.plan.transferring import CONTROLS
from ltspec.results.table import (
    Line,
    Row,
    Spread,
    point_cells,
    point_headings,
    summary,
    write_csv,
)


@dataclass(frozen=True, slots=True)
class Square:
    """Accuracies of one level on one split: of the ticket of each source on each target."""

    level: int
    split: str
    sources: tuple[int, ...]
    """Numbers of points, the rows."""
    targets: tuple[str, ...]
    """Names of branches, the columns, in the order of the spec."""
    columns: tuple[str, ...]
    """The same, each before those of its controls that are there (``to-3``, ``to-3-imp``)."""
    lines: Mapping[tuple[int, str], Line]
    """By source and target or control; those that are not there yet are left out."""

    def accuracy(self, source: int, target: str) -> Spread | None:
        """Mean, lowest and highest over replicates, of a target or a control of one; None where it
        is not there yet."""
        line = self.lines.get((source, target))
        return None if line is None else line.accuracy.get(self.split)


def squares(plan: Plan, found: Sequence[Row]) -> list[Square]:
    """A square for each level and split of a sweep with transfers; none without a sweep."""
    branches, names = _branches(plan), carried_branches(plan)
    if not plan.is_sweep or not names:
        return []
    beside = {name: [f"{name}-{word}" for word in CONTROLS] for name in names}
    every = summary(found)
    made = []
    for level in sorted({line.level for line in every if line.branch in names}):
        here = {(line.point, line.branch): line for line in every if line.level == level}
        carried = {place: line for place, line in here.items() if place[1] in names}
        splits = dict.fromkeys(split for line in carried.values() for split in line.accuracy)
        sources = tuple(sorted({point for point, _ in carried}))
        there = {branch for _, branch in here}
        targets = tuple(name for name in names if name in there)
        controls = there - set(branches)
        columns = tuple(
            line
            for name in targets
            for line in (name, *(one for one in beside[name] if one in controls))
        )
        made += [Square(level, split, sources, targets, columns, here) for split in splits]
    return made


def carried_branches(plan: Plan) -> list[str]:
    """Names of the branches of kind ``transfer``, of the spec and of what its sweep sets."""
    return [name for name, one in _branches(plan).items() if one.get("kind") == "transfer"]


def _branches(plan: Plan) -> dict[str, Mapping[str, Any]]:
    """Every branch by its name, as it is written."""
    written: dict[str, Any] = dict(plan.spec.get("branches") or {})
    for point in plan.points:
        written |= point.values.get("branches") or {}
        for key, value in point.values.items():
            if key.startswith("branches.") and key.count(".") == 1:
                written[key.removeprefix("branches.")] = value
    return {name: branch for name, branch in written.items() if isinstance(branch, Mapping)}


def as_csv(plan: Plan, found: Sequence[Square]) -> str:
    """One line for each level, split and source, three columns for each target, and for each of its
    controls beside it: mean, lowest and highest accuracy over replicates (shares of the examples);
    empty where a ticket is not there."""
    targets = list(dict.fromkeys(name for square in found for name in square.columns))
    headings = [text for name in targets for text in _headings(name)]
    return write_csv(
        ["level", "split", *point_headings(plan), *headings],
        (
            [
                square.level,
                square.split,
                *point_cells(plan, source),
                *(figure for name in targets for figure in _figures(square, source, name)),
            ]
            for square in found
            for source in square.sources
        ),
    )


def _headings(target: str) -> tuple[str, str, str]:
    """With a space in each, which no axis of a sweep has in its name."""
    return f"{target} mean", f"{target} lowest", f"{target} highest"


def _figures(square: Square, source: int, target: str) -> list[float | None]:
    accuracy = square.accuracy(source, target)
    if accuracy is None:
        return [None, None, None]
    return [accuracy.mean, accuracy.low, accuracy.high]
