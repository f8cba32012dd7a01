"""Takes a plan and the facts in a store; gives the tables of barriers and of functions: rows, and
their summaries."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from ltspec.plan.replicates import DENSE
from ltspec.plan.stages import Contrast, Line, Measurement, Plan
from ltspec.results.instability import batchnorm
from ltspec.results.table import (
    Spread,
    as_document,
    counted,
    point_cells,
    point_document,
    point_headings,
    spread,
    write_csv,
)


@dataclass(frozen=True, slots=True)
class Network:
    """One of the two that are compared."""

    replicate: int
    branch: str
    """``dense``, ``ticket`` or a branch's name."""
    level: int
    density: float
    """Kept share of the prunable weights."""

    @property
    def label(self) -> str:
        """``ticket 3``: the line and its level."""
        return self.branch if self.branch == DENSE else f"{self.branch} {self.level}"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two networks, and what is told of them as a group over replicates."""

    entry: int
    """Which entry of the spec's ``measure`` asks for them, from 1."""
    about: str
    """What they differ in: ``successive``, ``replicates``, ``lines`` or ``siblings``."""
    first: Network
    second: Network
    copies: tuple[int, ...]
    """Of siblings the numbers of the two, from 1; else empty."""
    step: int
    """Of siblings, the step at which they parted; else 0."""
    split: str
    point: int = 0
    """Number of its point in a sweep."""

    @property
    def label(self) -> str:
        """Which two, over replicates."""
        match self.about:
            case "siblings":
                return f"copies of {self.first.label} from {self.step:,}"
            case "replicates":
                return f"replicates of {self.first.label}"
            case _:
                return f"{self.first.label} to {self.second.label}"

    @property
    def group(self) -> tuple[object, ...]:
        """Pairs with equal ones are summarised together."""
        ends = [(each.branch, each.level) for each in (self.first, self.second)]
        return self.point, self.entry, self.about, *ends, self.step, self.split


@dataclass(frozen=True, slots=True)
class Barrier:
    """The line between two networks on one split."""

    pair: Pair
    batchnorm: str
    """``interpolate`` or ``recalibrate``."""
    barrier: float
    """Points of error (100 times a share): the highest from one network to the other less the mean
    of the two."""
    alphas: Sequence[float]
    error: Sequence[float]
    """Share of the examples, at each of ``alphas``, some of which may lie beyond the networks."""
    loss: Sequence[float | None]
    """Mean, nats, at each of ``alphas``; None where it is not finite."""


@dataclass(frozen=True, slots=True)
class BarrierSummary:
    """Barriers between the same two places, over replicates."""

    pair: Pair
    """The first of them."""
    batchnorm: str
    pairs: int
    barrier: Spread
    """Points of error."""
    alphas: Sequence[float]
    error: Sequence[Spread]
    """Share of the examples over the pairs, at each of ``alphas``."""

    @property
    def label(self) -> str:
        """What a curve is called."""
        return self.pair.label

    @property
    def split(self) -> str:
        """What the error was taken on."""
        return self.pair.split

    @property
    def point(self) -> int:
        """Number of its point in a sweep."""
        return self.pair.point


@dataclass(frozen=True, slots=True)
class Function:
    """How differently two networks answer on one split."""

    pair: Pair
    examples: int
    different: int
    """Examples that the two classify differently."""
    disagreement: float
    """Their share, in points (100 times a share)."""
    loss_distance: float
    """L2 distance between the two vectors of losses, one for each example; nats."""
    accuracy: Sequence[float]
    """Of both."""


@dataclass(frozen=True, slots=True)
class FunctionSummary:
    """The same two places, over replicates and pairs of copies."""

    pair: Pair
    """The first of them."""
    pairs: int
    disagreement: Spread
    """Points."""
    loss_distance: Spread
    """Nats."""

    @property
    def label(self) -> str:
        """Which two."""
        return self.pair.label


def barriers(plan: Plan, facts: Mapping[int, Mapping[str, Any]]) -> list[Barrier]:
    """A row for each line of ``measure: barrier`` that is there. ``facts``: by place of the
    stage."""
    plan, found = counted(plan, facts), []
    for one in _there(plan, facts, "barrier"):
        work, line = plan.stages[one.stage].work, facts[one.stage]
        assert isinstance(work, Line)
        found.append(
            Barrier(
                _pair(plan, one, work.split),
                batchnorm(plan, one.stage),
                100 * line["instability"],
                *(line[name] for name in ("alphas", "error", "loss")),
            )
        )
    return found


def functions(plan: Plan, facts: Mapping[int, Mapping[str, Any]]) -> list[Function]:
    """A row for each contrast of ``measure: function`` that is there."""
    plan, found = counted(plan, facts), []
    for one in _there(plan, facts, "function"):
        work, contrast = plan.stages[one.stage].work, facts[one.stage]
        assert isinstance(work, Contrast)
        found.append(
            Function(
                _pair(plan, one, work.split),
                contrast["examples"],
                contrast["different"],
                100 * contrast["disagreement"],
                contrast["loss_distance"],
                contrast["accuracy"],
            )
        )
    return found


def _there(
    plan: Plan, facts: Mapping[int, Mapping[str, Any]], measure: str
) -> Iterable[Measurement]:
    there = [one for one in plan.measurements if one.measure == measure and one.stage in facts]
    # Those between replicates come last in the plan.
    return sorted(there, key=lambda one: (one.point, one.entry))


def _pair(plan: Plan, one: Measurement, split: str) -> Pair:
    first, second = (
        Network(side.replicate, side.branch, side.level or 0, plan.density(side, one.point))
        for side in (one.sides if len(one.sides) == 2 else one.sides * 2)
    )
    return Pair(one.entry, one.about, first, second, one.copies, one.step, split, one.point)


def barrier_summary(found: Iterable[Barrier]) -> list[BarrierSummary]:
    """The same two places together, over replicates, in the order of the spec."""
    return [
        BarrierSummary(
            group[0].pair,
            group[0].batchnorm,
            len(group),
            _spread(group, [row.barrier for row in group]),
            group[0].alphas,
            [_spread(group, errors) for errors in zip(*(row.error for row in group), strict=True)],
        )
        for group in _grouped(found, lambda row: row.pair)
    ]


def function_summary(found: Iterable[Function]) -> list[FunctionSummary]:
    """The same two places together, over replicates and copies, in the order of the spec."""
    return [
        FunctionSummary(
            group[0].pair,
            len(group),
            _spread(group, [row.disagreement for row in group]),
            _spread(group, [row.loss_distance for row in group]),
        )
        for group in _grouped(found, lambda row: row.pair)
    ]


def _spread(group: Sequence[Barrier | Function], figures: Sequence[float]) -> Spread:
    """Of one figure of each row. Pairs of two replicates share replicates with one another, so
    they count as one, and have no confidence interval."""
    pairs = [row.pair for row in group]
    return spread(
        figures, [0 if pair.about == "replicates" else pair.first.replicate for pair in pairs]
    )


R = TypeVar("R")


def _grouped(found: Iterable[R], pair: Callable[[R], Pair]) -> list[list[R]]:
    groups: dict[tuple[object, ...], list[R]] = {}
    for row in found:
        groups.setdefault(pair(row).group, []).append(row)
    return list(groups.values())


_ENDS = ("replicate", "branch", "level", "density")
_PAIR = ("entry", "about", *_ENDS, *(f"other_{name}" for name in _ENDS), "step", "copies", "split")


def _cells(plan: Plan, pair: Pair) -> list[object]:
    ends = [
        cell
        for each in (pair.first, pair.second)
        for cell in (each.replicate, each.branch, each.level, each.density)
    ]
    copies = "-".join(map(str, pair.copies))
    where = point_cells(plan, pair.point)
    return [*where, pair.entry, pair.about, *ends, pair.step, copies, pair.split]


def barriers_as_csv(plan: Plan, found: Sequence[Barrier]) -> str:
    """One line for each pair, split and alpha; ``barrier`` is the pair's, on each of them."""
    return write_csv(
        (*point_headings(plan), *_PAIR, "batchnorm", "barrier", "alpha", "error", "loss"),
        (
            [*_cells(plan, row.pair), row.batchnorm, row.barrier, *point]
            for row in found
            for point in zip(row.alphas, row.error, row.loss, strict=True)
        ),
    )


def functions_as_csv(plan: Plan, found: Sequence[Function]) -> str:
    """One line for each pair and split."""
    return write_csv(
        (*point_headings(plan), *_PAIR, "examples", "different", "disagreement", "loss_distance"),
        (
            [
                *_cells(plan, row.pair),
                row.examples,
                row.different,
                row.disagreement,
                row.loss_distance,
            ]
            for row in found
        ),
    )


def as_json(plan: Plan, found: Sequence[Any], summary: Sequence[Any]) -> str:
    """Rows and summary as one JSON object."""
    document = {
        "name": plan.name,
        **(point_document(plan) if plan.is_sweep else {}),
        "pairs": [_document(plan, row) for row in found],
        "summary": [_document(plan, line) for line in summary],
    }
    return json.dumps(document, indent=1) + "\n"


def _document(plan: Plan, row: Any) -> dict[str, Any]:
    return {**asdict(row), "pair": as_document(plan, row.pair)}


def files(plan: Plan, facts: Mapping[int, Mapping[str, Any]]) -> dict[str, str]:
    """What is written beside the table, by name; empty text where nothing is measured."""
    lines, contrasts = barriers(plan, facts), functions(plan, facts)
    return {
        "barrier.csv": barriers_as_csv(plan, lines) if lines else "",
        "barrier.json": as_json(plan, lines, barrier_summary(lines)) if lines else "",
        "function.csv": functions_as_csv(plan, contrasts) if contrasts else "",
        "function.json": as_json(plan, contrasts, function_summary(contrasts)) if contrasts else "",
    }
