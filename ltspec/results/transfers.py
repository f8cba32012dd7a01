"""Takes a plan and the rows of its table; gives carried tickets as squares of source and target.

The all-pairs table of Chen et al. (2021), Table 5: a sweep has the sources, one at each point, and
its branches of kind ``transfer`` are the targets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ltspec.plan.stages import Plan
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
    lines: Mapping[tuple[int, str], Line]
    """By source and target; those that are not there yet are left out."""

    def accuracy(self, source: int, target: str) -> Spread | None:
        """Mean, lowest and highest over replicates; None where it is not there yet."""
        line = self.lines.get((source, target))
        return None if line is None else line.accuracy.get(self.split)


def squares(plan: Plan, found: Sequence[Row]) -> list[Square]:
    """A square for each level and split of a sweep with transfers; none without a sweep."""
    names = carried_branches(plan)
    if not plan.is_sweep or not names:
        return []
    lines = [line for line in summary(found) if line.branch in names]
    targets = [name for name in names if any(line.branch == name for line in lines)]
    made = []
    for level in sorted({line.level for line in lines}):
        here = {(line.point, line.branch): line for line in lines if line.level == level}
        splits = dict.fromkeys(split for line in here.values() for split in line.accuracy)
        sources = tuple(sorted({point for point, _ in here}))
        columns = tuple(name for name in targets if any(name == branch for _, branch in here))
        made += [Square(level, split, sources, columns, here) for split in splits]
    return made


def carried_branches(plan: Plan) -> list[str]:
    """Names of the branches of kind ``transfer``, of the spec and of what its sweep sets."""
    written: dict[str, Any] = dict(plan.spec.get("branches") or {})
    for point in plan.points:
        written |= point.values.get("branches") or {}
        for key, value in point.values.items():
            if key.startswith("branches.") and key.count(".") == 1:
                written[key.removeprefix("branches.")] = value
    return [
        name
        for name, branch in written.items()
        if isinstance(branch, Mapping) and branch.get("kind") == "transfer"
    ]


def as_csv(plan: Plan, found: Sequence[Square]) -> str:
    """One line for each level, split and source, three columns for each target: mean, lowest and
    highest accuracy over replicates (shares of the examples); empty where a ticket is not there."""
    targets = list(dict.fromkeys(name for square in found for name in square.targets))
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
