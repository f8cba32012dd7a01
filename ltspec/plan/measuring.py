"""Takes a writer at the end of a replicate; gives it the stages of what is measured there.

A measured network is known by its row in the table: what it started from and how it was trained is
read off the stages, so that every branch can be measured and none is named here.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

from ltspec.plan import compared, comparing, pairing, pairs
from ltspec.plan.measured import Subject, subjects
from ltspec.plan.replicates import Replicate
from ltspec.plan.stages import Outcome, Train

if TYPE_CHECKING:
    from ltspec.plan.writer import Writer


def compare(writer: Writer, seeds: Replicate) -> None:
    """Write every measure of one replicate, whose networks are written already."""
    rows = _rows(writer, seeds)
    for number, measure in enumerate(writer.spec.measure, start=1):
        if measure.kind in compared.KINDS:
            comparing.measure_replicate(comparing.Entry(writer, measure, number), seeds, rows)
            continue
        if not pairs.is_of_copies(measure):
            pairing.within(writer, measure, number, seeds, rows)
            continue
        for subject in subjects(writer.spec, measure):
            row = rows[subject.line, subject.level]
            of_copies(writer, measure, number, seeds, subject, row)


def compare_replicates(writer: Writer) -> None:
    """Write what is measured between replicates, all of which are written already."""
    rows = [_rows(writer, seeds) for seeds in writer.replicates]
    for number, measure in enumerate(writer.spec.measure, start=1):
        if measure.kind in compared.KINDS:
            comparing.measure_replicates(comparing.Entry(writer, measure, number), rows)
        elif not pairs.is_of_copies(measure):
            pairing.across(writer, measure, number, writer.replicates, rows)


def _rows(writer: Writer, seeds: Replicate) -> pairing.Rows:
    return {
        (outcome.branch, outcome.level): outcome
        for outcome in writer.outcomes
        if outcome.replicate == seeds.number
    }


def of_copies(
    writer: Writer, measure: Any, number: int, seeds: Replicate, subject: Subject, row: Outcome
) -> None:
    """Train copies under other data orders, and evaluate the line between every two of them, or how
    differently they answer."""
    trained = writer.stages[row.trained]
    work = trained.work
    assert isinstance(work, Train)  # a rule sees to it that there is something to train
    # A ticket's copies are repelled from the same solutions as itself.
    inputs = dict(trained.inputs)
    label = trained.label
    if subject.step is not None:
        work = replace(work, start=subject.step)
        label = f"replicate {row.replicate}, dense from step {subject.step}"
        if subject.step:
            trunk = replace(work, start=0, stop=subject.step)
            inputs = {"state": writer.add(trunk, label, inputs)}
    count = pairs.siblings(measure)
    siblings = comparing.siblings(writer, work, inputs, count, label)
    about = pairing.About(measure, number, "siblings", (row.side,), step=work.start)
    for split in pairing.splits(measure):
        for first, second in combinations(range(count), 2):
            both = first + 1, second + 1
            pairing.add(
                writer,
                replace(about, copies=both),
                split,
                pairing.Ends(siblings[first], siblings[second], row, seeds, work.recipe),
                f"{label}, copies {both[0]} and {both[1]}",
            )
