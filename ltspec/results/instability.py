"""Takes a plan and the lines in a store; gives the table of instabilities: rows, and a summary."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ltspec.plan.stages import Line, Plan
from ltspec.results import table
from ltspec.results.table import Spread, counted, mean, spread


@dataclass(frozen=True, slots=True)
class Pair:
    """Two copies of one network of one replicate, and the line between them on one split."""

    replicate: int
    branch: str
    """``dense``, ``ticket`` or a branch's name."""
    level: int
    step: int
    """The step at which the copies parted."""
    density: float
    """Kept share of the prunable weights."""
    pair: tuple[int, int]
    """Numbers of the copies, from 1."""
    split: str
    batchnorm: str
    """``interpolate`` or ``recalibrate``: where running statistics along the line come from."""
    batches: int | None
    """How many training batches they are recalibrated from; None where they are interpolated."""
    instability: float
    """Points of error (100 times a share): the highest on the line less the mean of its ends."""
    alphas: Sequence[float]
    error: Sequence[float]
    """Share of the examples, at each of ``alphas``."""
    loss: Sequence[float | None]
    """Mean, nats, at each of ``alphas``; None where it is not finite."""
    point: int = 0
    """Number of its point in a sweep."""


@dataclass(frozen=True, slots=True)
class Instability:
    """Of one network on one split, over all pairs of all replicates."""

    branch: str
    level: int
    step: int
    density: float
    split: str
    batchnorm: str
    """``interpolate`` or ``recalibrate``."""
    batches: int | None
    """As in :class:`Pair`."""
    pairs: int
    instability: Spread
    """Points of error."""
    alphas: Sequence[float]
    error: Sequence[Spread]
    """Share of the examples over the pairs, at each of ``alphas``."""
    point: int = 0
    """Number of its point in a sweep."""

    @property
    def label(self) -> str:
        """What a curve is called."""
        name = f"{self.branch}, level {self.level}" if self.level else self.branch
        return f"{name}, from step {self.step:,}"


def pairs(plan: Plan, facts: Mapping[int, Mapping[str, Any]]) -> list[Pair]:
    """A row for each line that is there. ``facts``: by place of the stage."""
    plan = counted(plan, facts)
    return [
        Pair(
            one.replicate,
            one.branch,
            one.level,
            one.step,
            plan.density(one, one.point),
            one.pair,
            one.split,
            batchnorm(plan, one.line),
            _batches(plan, one.line),
            100 * facts[one.line]["instability"],
            facts[one.line]["alphas"],
            facts[one.line]["error"],
            facts[one.line]["loss"],
            one.point,
        )
        for one in plan.comparisons
        if one.line in facts
    ]


def summary(found: Iterable[Pair]) -> list[Instability]:
    """Pairs of the same point, network and split together, over replicates.

    They are in the order of the spec. Entries of it that ask for other numbers of points of a line,
    or other running statistics, are kept apart.
    """
    groups: dict[tuple[object, ...], list[Pair]] = {}
    for row in found:
        key = row.point, row.branch, row.level, row.step, row.split, row.batches
        groups.setdefault((*key, len(row.alphas)), []).append(row)
    owners = {key: [row.replicate for row in group] for key, group in groups.items()}
    return [
        Instability(
            group[0].branch,
            group[0].level,
            group[0].step,
            mean([row.density for row in group]),
            group[0].split,
            group[0].batchnorm,
            group[0].batches,
            len(group),
            spread([row.instability for row in group], owners[key]),
            group[0].alphas,
            [
                spread(errors, owners[key])
                for errors in zip(*(row.error for row in group), strict=True)
            ],
            group[0].point,
        )
        for key, group in groups.items()
    ]


def batchnorm(plan: Plan, place: int) -> str:
    """Where the running statistics along a line come from."""
    work = plan.stages[place].work
    assert isinstance(work, Line)
    return "interpolate" if work.recalibration is None else "recalibrate"


def _batches(plan: Plan, place: int) -> int | None:
    work = plan.stages[place].work
    assert isinstance(work, Line)
    return None if work.recalibration is None else work.recalibration.batches


_COLUMNS = ("replicate", "branch", "level", "step", "density", "split", "copies", "instability")


def as_csv(plan: Plan, found: Sequence[Pair]) -> str:
    """One line for each pair, split and alpha; ``instability`` is the pair's, on each of them."""
    return table.write_csv(
        [*table.point_headings(plan), *_COLUMNS, "alpha", "error", "loss", "batchnorm", "batches"],
        (
            [
                *table.point_cells(plan, row.point),
                *(row.replicate, row.branch, row.level, row.step, row.density, row.split),
                "-".join(map(str, row.pair)),
                row.instability,
                *figures,
                row.batchnorm,
                row.batches,
            ]
            for row in found
            for figures in zip(row.alphas, row.error, row.loss, strict=True)
        ),
    )


def as_json(plan: Plan, found: Sequence[Pair]) -> str:
    """Pairs and summary as one JSON object, with the points of a sweep."""
    document = {
        "name": plan.name,
        **(table.point_document(plan) if plan.is_sweep else {}),
        "pairs": [table.as_document(plan, row) for row in found],
        "summary": [table.as_document(plan, line) for line in summary(found)],
    }
    return json.dumps(document, indent=1) + "\n"
