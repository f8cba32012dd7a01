"""Takes a writer and an entry of ``measure`` that sets weights or masks side by side; gives its
stages.

As in :mod:`ltspec.plan.measuring`, a network is known by its row in the table: its mask, and what
it started from, are read off the stages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

from ltspec.decisions.line import sibling_seed
from ltspec.decisions.pretraining import is_pretraining
from ltspec.plan import compared, measured, pairs
from ltspec.plan.keys import graph_key
from ltspec.plan.replicates import DENSE, TICKET, Replicate
from ltspec.plan.stages import (
    Adopt,
    Compare,
    Init,
    Measurement,
    Outcome,
    Prune,
    Question,
    Rewind,
    Side,
    Train,
    Transfer,
)

if TYPE_CHECKING:
    from ltspec.plan.writer import Writer

Rows = Mapping[tuple[str, int], Outcome]
"""The rows of one replicate by line and level."""


@dataclass(frozen=True, slots=True)
class Network:
    """A state and the mask that it was trained under, by their places; None for a dense one."""

    state: int
    mask: int | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of ``measure``, and the writer that its stages go to."""

    writer: Writer
    measure: Any
    number: int
    """From 1."""

    def note(
        self,
        place: int,
        *sides: Side,
        about: str = "",
        copies: tuple[int, ...] = (),
        step: int = 0,
    ) -> None:
        """Keep what the answer of a stage is about."""
        metrics = tuple(self.measure.metrics) if self.measure.kind in _MEASURED_IN else ()
        found = Measurement(
            self.measure.kind, self.number, about, sides, copies, step, metrics, place
        )
        self.writer.measurements.append(found)

    def compare(
        self,
        line: str,
        question: Question,
        label: str,
        inputs: Mapping[str, int | None],
        **fields: Any,
    ) -> int:
        """Add a Compare stage; roles without a place are left out. ``line``: whose network it is,
        which is another one where tickets are carried."""
        carried = self.writer.carried.get(line)
        graph = self.writer.graph if carried is None else graph_key(carried.graph)
        tensors = self.writer.tensors if carried is None else carried.tensors
        work = Compare(graph, question, tensors, **fields)
        there = {role: place for role, place in inputs.items() if place is not None}
        return self.writer.add(work, label, there)

    def distance(self, line: str, first: Network, second: Network, label: str) -> int:
        """How far two networks are apart, on the weights that both masks keep."""
        inputs = {"first": first.state, "second": second.state}
        return self.compare(
            line,
            "distance",
            label,
            {**inputs, "first_mask": first.mask, "second_mask": second.mask},
        )


_MEASURED_IN = ("stability", "distance")
"""Kinds whose distances have metrics to choose from."""


def measure_replicate(entry: Entry, seeds: Replicate, rows: Rows) -> None:
    """What an entry asks of one replicate, whose networks are written already."""
    match entry.measure.kind:
        case "stability":
            _stability(entry, rows)
        case "distance":
            _distance(entry, seeds, rows)
        case "travelled":
            _travelled(entry, rows)
        case "overlap":
            _overlap(entry, rows)
        case "weights":
            _weights(entry, rows)
        case "threshold":
            _threshold(entry, rows)


def measure_replicates(entry: Entry, rows: Sequence[Rows]) -> None:
    """What an entry asks between replicates, once all of them are written."""
    if entry.measure.kind != "overlap" or "replicates" not in entry.measure.between:
        return
    for line, level in compared.networks(entry.writer.spec, entry.measure):
        for first, second in combinations(rows, 2):
            _one_overlap(entry, "replicates", first[line, level], second[line, level])


def siblings(
    writer: Writer, work: Train, inputs: Mapping[str, int], count: int, label: str
) -> list[int]:
    """Copies of a training that differ in data order and augmentation alone. The same numbers are
    the same copies, whichever measure asks for them."""
    copies = []
    for number in range(1, count + 1):
        seed = sibling_seed(work.recipe.order_seed, number)
        copy = replace(work, recipe=replace(work.recipe, order_seed=seed))
        copies.append(writer.add(copy, f"{label}, copy {number}", inputs))
    return copies


def _stability(entry: Entry, rows: Rows) -> None:
    writer, measure = entry.writer, entry.measure
    for line, level in compared.networks(entry.writer.spec, entry.measure):
        row = rows[line, level]
        trained, mask = writer.stages[row.trained], _mask(writer, row)
        work, label = trained.work, trained.label
        assert isinstance(work, Train)  # a rule sees to it
        side = row.side
        if "pruning" in measure.to:
            assert row.ticket is not None
            start = writer.stages[row.ticket].inputs["state"]
            name = f"{label}, unpruned"
            whole = writer.add(work, name, {**trained.inputs, "state": start})
            place = entry.distance(
                line,
                Network(whole, None),
                Network(row.trained, mask),
                f"{label}, from the unpruned",
            )
            entry.note(place, side, about="pruning", step=work.start)
        if "data-order" in measure.to:
            count = pairs.siblings(measure)
            copies = siblings(writer, work, trained.inputs, count, label)
            for (one, first), (other, second) in combinations(enumerate(copies, 1), 2):
                place = entry.distance(
                    line,
                    Network(first, mask),
                    Network(second, mask),
                    f"{label}, copies {one}, {other}",
                )
                entry.note(place, side, about="data-order", copies=(one, other), step=work.start)


def _distance(entry: Entry, seeds: Replicate, rows: Rows) -> None:
    writer, measure = entry.writer, entry.measure
    name = f"replicate {seeds.number}"
    for line in measure.of:
        networks = []
        for level in compared.levels(writer.spec, measure, line):
            row = rows[line if level else DENSE, level]
            network = Network(row.trained, _mask(writer, row))
            # Whose level it is: the dense network begins the distances of every line.
            networks.append((replace(row.side, branch=line), network))
        if measure.init and not pairs.is_of_another_network(writer.spec, line):
            origin = writer.origin(seeds, name)
            side = Side(seeds.number, line, None, writer.prunable)
            networks.append((side, Network(origin, None)))
        for (side, first), (other, second) in combinations(networks, 2):
            ends = " and ".join(_level_text(each) for each in (side, other))
            entry.note(entry.distance(line, first, second, f"{name}, {line}, {ends}"), side, other)


def _level_text(side: Side) -> str:
    return "initial weights" if side.level is None else f"level {side.level}"


def _travelled(entry: Entry, rows: Rows) -> None:
    writer, measure = entry.writer, entry.measure
    for subject in measured.subjects(writer.spec, measure):
        row = rows[subject.line, subject.level]
        stage, mask = writer.stages[row.trained], _mask(writer, row)
        work, label, inputs = stage.work, stage.label, stage.inputs
        assert isinstance(work, Train)  # a rule sees to it
        if subject.step is not None:
            label = f"replicate {row.replicate}, dense from step {subject.step}"
        if subject.step:
            trunk = writer.add(replace(work, start=0, stop=subject.step), label, inputs)
            inputs, work = {**inputs, "state": trunk}, replace(work, start=subject.step)
        start = Network(inputs["state"], mask)
        begun = {"start": start}
        init = _initial(writer, start.state)
        if init is not None:
            begun["init"] = Network(init, None)
        ends: dict[tuple[int, ...], Network] = {(): Network(row.trained, mask)}
        if measure.siblings is not None:
            copies = siblings(writer, work, inputs, measure.siblings, label)
            ends = {(number,): Network(copy, mask) for number, copy in enumerate(copies, 1)}
        side = row.side
        for numbers, end in ends.items():
            for about, origin in begun.items():
                copy_label = "".join(f", copy {number}" for number in numbers)
                place = entry.distance(
                    row.branch, origin, end, f"{label}{copy_label}, way from {about}"
                )
                entry.note(place, side, about=about, copies=numbers, step=work.start)
        for one, other in combinations(ends, 2):
            both = (*one, *other)
            name = f"{label}, copies {both[0]} and {both[1]}, distance"
            place = entry.distance(row.branch, ends[one], ends[other], name)
            entry.note(place, side, about="apart", copies=both, step=work.start)


def _overlap(entry: Entry, rows: Rows) -> None:
    measure, asked = entry.measure, compared.networks(entry.writer.spec, entry.measure)
    if "lines" in measure.between:
        for level in dict.fromkeys(level for _, level in asked):
            there = [line for line, each in asked if each == level]
            for first, second in combinations(there, 2):
                _one_overlap(entry, "lines", rows[first, level], rows[second, level])
    if "levels" in measure.between:
        for line in measure.of:
            there_too = [level for each, level in asked if each == line]
            for low, high in combinations(there_too, 2):
                _one_overlap(entry, "levels", rows[line, low], rows[line, high])


def _one_overlap(entry: Entry, about: str, first: Outcome, second: Outcome) -> None:
    masks = {"first_mask": _mask(entry.writer, first), "second_mask": _mask(entry.writer, second)}
    names = [
        f"replicate {row.replicate}, {row.branch}, level {row.level}" for row in (first, second)
    ]
    place = entry.compare(first.branch, "overlap", f"masks of {names[0]} and {names[1]}", masks)
    entry.note(place, first.side, second.side, about=about)


def _weights(entry: Entry, rows: Rows) -> None:
    measure, asked = entry.measure, compared.networks(entry.writer.spec, entry.measure)
    # The dense network is that of every line, and measured once.
    for line, level in dict.fromkeys((line if level else DENSE, level) for line, level in asked):
        row = rows[line, level]
        place = entry.compare(
            line,
            "distribution",
            f"{entry.writer.stages[row.trained].label}, weights",
            {"first": row.trained, "first_mask": _mask(entry.writer, row)},
            bins=measure.bins,
            limit=measure.limit,
            percentiles=tuple(measure.percentiles),
        )
        entry.note(place, row.side)


def _threshold(entry: Entry, rows: Rows) -> None:
    writer = entry.writer
    for level in compared.levels(writer.spec, entry.measure, TICKET):
        row = rows[TICKET, level]
        mask = _mask(writer, row)
        assert mask is not None
        pruned = writer.stages[mask]
        assert isinstance(pruned.work, Prune)
        before = {"first": pruned.inputs["state"], "first_mask": pruned.inputs.get("mask")}
        place = entry.compare(
            TICKET,
            "threshold",
            f"{pruned.label}, threshold",
            {**before, "second_mask": mask},
            apart=len(pruned.work.keep) > 1,
        )
        entry.note(place, row.side)


def _mask(writer: Writer, row: Outcome) -> int | None:
    """The stage that holds a network's mask, its own training where that changes it; None for the
    dense network."""
    if row.ticket is None:
        return None
    ticket = writer.stages[row.ticket]
    return ticket.inputs["mask"] if isinstance(ticket.work, Rewind) else row.ticket


def _initial(writer: Writer, place: int) -> int | None:
    """The initial weights that a state was made from, or the pre-trained ones or those of a file in
    their place; None for a ticket out of a file, or a state of another network."""
    network = writer.stages[place].work.graph
    while not isinstance(writer.stages[place].work, Init):
        before = writer.stages[place].inputs.get("state")
        if _is_pretrained(writer, place):
            break
        if before is None or writer.stages[before].work.graph != network:
            return None
        place = before
    return place


def _is_pretrained(writer: Writer, place: int) -> bool:
    """Whether a state takes the place of the initial weights (:mod:`ltspec.plan.pretraining`,
    :mod:`ltspec.plan.beginning`)."""
    stage = writer.stages[place]
    if isinstance(stage.work, Adopt):
        return True
    # Tickets that are carried to another network come from these.
    sources = {writer.graph, *(graph_key(to.source) for to in writer.carried.values())}
    if isinstance(stage.work, Transfer) and stage.work.source not in sources:
        stage = writer.stages[stage.inputs["state"]]
    return isinstance(stage.work, Train) and is_pretraining(stage.work.recipe.order_seed)
