"""Takes a writer and an entry of ``measure`` that compares networks two by two; gives its stages.

As in :mod:`ltspec.plan.measuring`, a network is known by its row in the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from ltspec.decisions.line import points_beyond
from ltspec.decisions.recalibration import BATCHES, Recalibration
from ltspec.decisions.recipe import Recipe
from ltspec.plan import pairs, recipes
from ltspec.plan.replicates import DENSE, Replicate
from ltspec.plan.stages import (
    Contrast,
    Evaluate,
    Line,
    Measurement,
    Outcome,
    Side,
    SplitName,
    Train,
)

if TYPE_CHECKING:
    from ltspec.plan.writer import Writer

Rows = Mapping[tuple[str, int], Outcome]
"""The rows of one replicate by line and level."""


def within(writer: Writer, measure: Any, number: int, seeds: Replicate, rows: Rows) -> None:
    """Compare networks of one replicate, all of which are written already."""
    if measure.between == "replicates":
        return
    about = "lines" if pairs.is_of_two_lines(measure) else measure.between
    for first, second in pairs.pairs(writer.spec, measure):
        compare(writer, measure, number, about, seeds, rows[first], rows[second])


def across(
    writer: Writer, measure: Any, number: int, seeds: Sequence[Replicate], rows: Sequence[Rows]
) -> None:
    """Compare networks of every two replicates."""
    if measure.between != "replicates":
        return
    for place, _ in pairs.pairs(writer.spec, measure):
        for one, other in combinations(range(len(rows)), 2):
            ends = rows[one][place], rows[other][place]
            compare(writer, measure, number, "replicates", seeds[one], *ends)


def compare(
    writer: Writer,
    measure: Any,
    number: int,
    about: str,
    seeds: Replicate,
    first: Outcome,
    second: Outcome,
) -> None:
    """Put the line between two networks, or the contrast of the two, on every split asked for.

    What is evaluated, and trained on, is as for the first of the two.
    """
    sides = first.side, second.side
    trained = writer.stages[first.trained].work
    # Where nothing is retrained the ticket itself stands for the trained network.
    recipe = trained.recipe if isinstance(trained, Train) else None
    ends = Ends(first.trained, second.trained, first, seeds, recipe)
    label = " and ".join(_name(side, sides[0], position) for position, side in enumerate(sides))
    for split in splits(measure):
        add(writer, About(measure, number, about, sides), split, ends, label)


@dataclass(frozen=True, slots=True)
class About:
    """What two states are compared for."""

    measure: Any
    number: int
    """Which entry of the spec's ``measure`` it is, from 1."""
    about: str
    sides: tuple[Side, ...]
    copies: tuple[int, ...] = ()
    step: int = 0
    """The last four are as in :class:`Measurement`."""


@dataclass(frozen=True, slots=True)
class Ends:
    """The two states, and how they came about."""

    first: int
    second: int
    row: Outcome
    """Of the first one, or of the network that both are copies of."""
    seeds: Replicate
    recipe: Recipe | None
    """That the first was trained by; None where it was not."""


def splits(measure: Any) -> tuple[SplitName, ...]:
    """What an entry is measured on."""
    return tuple(measure.on if measure.kind == "function" else measure.error)


def add(writer: Writer, about: About, split: SplitName, ends: Ends, label: str) -> None:
    """Add the stage that compares two states on a split, and what it is about."""
    measure = about.measure
    measured = writer.stages[next(iter(ends.row.scores.values()))].work
    assert isinstance(measured, Evaluate)
    where = measured.graph, measured.data, measured.data_version, split
    work: Line | Contrast = Contrast(*where, measured.alteration)
    if measure.kind != "function":
        work = Line(
            *where,
            measure.alphas,
            measured.alteration,
            points_beyond(measure.alphas, measure.reach) if measure.kind == "barrier" else 0,
            recalibration(writer, measure, ends.seeds, ends.recipe),
        )
    # A line between two copies is what `instability` stands for.
    kind = "" if measure.kind == "instability" else f", {measure.kind}"
    inputs = {"first": ends.first, "second": ends.second}
    stage = writer.add(work, f"{label}{kind}, {split}", inputs)
    writer.measurements.append(
        Measurement(
            measure.kind,
            about.number,
            about.about,
            about.sides,
            about.copies,
            about.step,
            (),
            stage,
        )
    )


def recalibration(
    writer: Writer, measure: Any, seeds: Replicate, recipe: Recipe | None
) -> Recalibration | None:
    """What running statistics are computed from along a line: batches of the training ``recipe``,
    or the replicate's own, in the replicate's data order; None where they are interpolated."""
    if measure.batchnorm == "interpolate":
        return None
    recipe = recipe or recipes.recipe(writer.spec, seeds.order)
    return Recalibration(
        recipe.data,
        recipe.data_version,
        recipe.examples,
        recipe.batch_size,
        measure.batches or min(BATCHES, recipe.examples // recipe.batch_size),
        seeds.order,
        recipe.augment,
        recipe.alteration,
    )


def _name(side: Side, first: Side, position: int) -> str:
    """``replicate 1, ticket level 3``, and of a second one only what differs."""
    line = side.branch if side.branch == DENSE else f"{side.branch} level {side.level}"
    if position and side.replicate == first.replicate:
        return line
    return f"replicate {side.replicate}, {line}"
