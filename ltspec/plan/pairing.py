"""Takes a writer and an entry of ``measure`` that compares networks two by two; gives its stages.

As in :mod:`ltspec.plan.measuring`, a network is known by its row in the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from ltspec.decisions.line import points_beyond
from ltspec.decisions.recalibration import BATCHES, Recalibration
from ltspec.decisions.recipe import Recipe
from ltspec.plan import pairs, recipes
from ltspec.plan.replicates import DENSE, TICKET, Replicate
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
"""The rows of one replicate by line and level; the dense network is level 0 of the ticket."""


def within(writer: Writer, measure: Any, number: int, seeds: Replicate, rows: Rows) -> None:
    """Compare networks of one replicate, all of which are written already."""
    if measure.between == "replicates":
        return
    about = "lines" if pairs.is_of_two_lines(measure) else measure.between
    for first, second in pairs.pairs(writer.spec, measure):
        ends = (_row(rows, first), first[0]), (_row(rows, second), second[0])
        compare(writer, measure, number, about, seeds, *ends)


def across(
    writer: Writer, measure: Any, number: int, seeds: Sequence[Replicate], rows: Sequence[Rows]
) -> None:
    """Compare networks of every two replicates."""
    if measure.between != "replicates":
        return
    for place, _ in pairs.pairs(writer.spec, measure):
        for one, other in combinations(range(len(rows)), 2):
            ends = [(_row(rows[number], place), place[0]) for number in (one, other)]
            compare(writer, measure, number, "replicates", seeds[one], *ends)


def compare(
    writer: Writer,
    measure: Any,
    number: int,
    about: str,
    seeds: Replicate,
    first: tuple[Outcome, str],
    second: tuple[Outcome, str],
) -> None:
    """Put the line between two networks, or the contrast of the two, on every split asked for.

    ``first`` and ``second``: a row, and the line that it is written as in the spec. What is
    evaluated, and trained on, is as for the first of the two.
    """
    sides = tuple(
        Side(row.replicate, line, row.level, row.kept, row.prunable)
        for row, line in (first, second)
    )
    trained = writer.stages[first[0].trained].work
    # Where nothing is retrained the ticket itself stands for the trained network.
    recipe = trained.recipe if isinstance(trained, Train) else None
    inputs = {"first": first[0].trained, "second": second[0].trained}
    label = " and ".join(_name(side, sides[0], position) for position, side in enumerate(sides))
    add(writer, measure, number, about, sides, (), 0, seeds, recipe, first[0], inputs, label)


def add(
    writer: Writer,
    measure: Any,
    number: int,
    about: str,
    sides: tuple[Side, ...],
    copies: tuple[int, ...],
    step: int,
    seeds: Replicate,
    recipe: Recipe | None,
    row: Outcome,
    inputs: Mapping[str, int],
    label: str,
) -> None:
    """Add the stages that compare two states, and what they are about."""
    measured = writer.stages[next(iter(row.scores.values()))].work
    assert isinstance(measured, Evaluate)
    splits: tuple[SplitName, ...] = measure.on if measure.kind == "function" else measure.error
    for split in splits:
        work: Line | Contrast = Contrast(
            measured.graph, measured.data, measured.data_version, split, measured.alteration
        )
        if measure.kind == "barrier":
            work = Line(
                measured.graph,
                measured.data,
                measured.data_version,
                split,
                measure.alphas,
                measured.alteration,
                points_beyond(measure.alphas, measure.reach),
                recalibration(writer, measure, seeds, recipe),
            )
        stage = writer.add(work, f"{label}, {measure.kind}, {split}", inputs)
        writer.measurements.append(
            Measurement(measure.kind, number, about, sides, copies, step, (), stage)
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


def _row(rows: Rows, place: pairs.Place) -> Outcome:
    line, level = place
    return rows[TICKET if line == DENSE else line, level]


def _name(side: Side, first: Side, position: int) -> str:
    """``replicate 1, ticket level 3``, and of a second one only what differs."""
    line = side.branch if side.branch == DENSE else f"{side.branch} level {side.level}"
    if position and side.replicate == first.replicate:
        return line
    return f"replicate {side.replicate}, {line}"
