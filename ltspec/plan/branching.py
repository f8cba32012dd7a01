"""Takes a writer at a level; gives it the stages of the branches that leave from there.

A kind of branch is a section of ``ltspec.language.branches`` and an arm in one or two of the three
functions below: what it starts from, how it is trained, and on what.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ltspec.decisions import layerwise
from ltspec.decisions.amounts import Level
from ltspec.decisions.recipe import Recipe
from ltspec.language.variants import (
    as_branch_sees,
    follows_its_file,
    is_combined,
    is_elsewhere,
    read_line,
)
from ltspec.plan import carrying, changing, dynamic, origins, recipes, resolve, transfer_controls
from ltspec.plan.recipes import Rewinding
from ltspec.plan.replicates import DRAWS_APART, TICKET, Replicate
from ltspec.plan.stages import (
    Combine,
    Init,
    Load,
    MaskOperator,
    Outcome,
    Perturb,
    Prune,
    Remask,
    Rewind,
)
from ltspec.tickets.certificate import read_certificate

if TYPE_CHECKING:
    from ltspec.plan.writer import Writer


@dataclass(frozen=True, slots=True)
class Leaving:
    """A level that branches leave from; stages by their places."""

    seeds: Replicate
    other: Replicate
    """The next replicate; the first after the last."""
    level: Level
    states: Mapping[str, int | None]
    """What a mask can be made from: ``init``, the ``rewind`` point (None where weights are not
    rewound), and the weights at the ``end`` of the training before this level."""
    made_from: int | None
    """The weights that the mask was made from, as training left them: ``end`` of ``states``, or
    where the mask changes in training, the weights that it ended with. None where tickets are not
    the spec's own."""
    dense: int
    """The dense network at the end of its training."""
    mask: int
    recipe: Recipe
    label: str
    anchors: tuple[int, ...] = ()
    """The earlier solutions that the ticket's training is repelled from."""

    @property
    def start(self) -> int:
        """The weights that the ticket starts from, before they are masked."""
        rewound, end = self.states["rewind"], self.states["end"]
        place = end if rewound is None else rewound
        assert place is not None
        return place


class Waiting(NamedTuple):
    """A branch that reads the mask of another line, and is written when that is."""

    leaving: Leaving
    name: str
    branch: Any


class Other(NamedTuple):
    """The mask of another line, at the level of a branch that reads it."""

    mask: int
    """The stage that holds it."""
    kept: int | None
    """How many weights it keeps; None where only the run can say."""
    counted: int
    """The stage whose mask says how many: the one, where that is like others, that it goes back
    to."""


def branch_off(writer: Writer, leaving: Leaving) -> None:
    """Write the branches that leave from this level, or let them wait for masks of others."""
    for name, branch in writer.spec.branches.items():
        level = leaving.level
        if is_elsewhere(branch):  # it leaves from tickets of its own
            continue
        if branch.levels == "all" or level.number in branch.levels:
            here = replace(leaving, label=f"{leaving.label}, {name}")
            if is_combined(branch) or read_line(branch) is not None:
                writer.waiting.append(Waiting(here, name, branch))
                continue
            if branch.kind == "transfer":
                carry(writer, here, name, branch)
                continue
            there = trained_as(writer, name, branch)
            if branch.kind == "dynamic":
                grow_beside(there, here, name, branch)
                continue
            if branch.kind == "retrain" and branch.ticket is not None:
                ticket, kept = load(there, here, branch.ticket)
            else:
                state, mask = begun_from(there, here, branch)
                ticket, kept = _ticket(there, here, state, mask), level.kept
            _train(there, here, name, branch, kept, ticket)


def carry(writer: Writer, leaving: Leaving, name: str, branch: Any) -> None:
    """Write a ticket that is carried to another network, and its controls."""
    there = trained_as(writer, name, branch)
    state, mask, kept = carrying.begun_from(there, leaving, name, branch)
    ticket = _ticket(there, leaving, state, mask)
    _train(there, leaving, name, branch, kept, ticket)
    transfer_controls.write(there, leaving, name, branch)


def finish(writer: Writer) -> None:
    """Write the branches that waited, each after the line whose mask it reads."""
    written = {(row.replicate, row.branch, row.level): row for row in writer.outcomes}
    left = {
        (one.leaving.seeds.number, one.name, one.leaving.level.number): one
        for one in writer.waiting
    }

    for line in left:
        chain = [line]
        while chain[-1] not in written:
            chain.append(_read(left[chain[-1]]))
        row = written[chain.pop()]
        for each in reversed(chain):
            _write_late(writer, left[each], _mask_of(writer, row))
            row = written[each] = writer.outcomes[-1]


def _read(waiting: Waiting) -> tuple[int, str, int]:
    """The line whose mask is read: its replicate, name and level."""
    leaving, branch = waiting.leaving, waiting.branch
    of_next = is_combined(branch) and branch.other.replicate == "next"
    seeds = leaving.other if of_next else leaving.seeds
    return seeds.number, read_line(branch) or TICKET, leaving.level.number


def _mask_of(writer: Writer, row: Outcome) -> Other:
    """The mask of a line; what comes out of a file holds its own."""
    assert row.ticket is not None
    mask = counted = writer.stages[row.ticket].inputs.get("mask", row.ticket)
    while isinstance(writer.stages[counted].work, Prune | Remask):
        inputs = writer.stages[counted].inputs
        shuffled = isinstance(writer.stages[counted].work, Remask) and "mask" in inputs
        if not shuffled and "like" not in inputs:
            break
        counted = inputs["mask" if shuffled else "like"]
    return Other(mask, row.kept, counted)


def _write_late(writer: Writer, waiting: Waiting, other: Other) -> None:
    leaving, name, branch = waiting
    there = trained_as(writer, name, branch)
    state, kept = leaving.start, other.kept
    if is_combined(branch):
        work = Combine(writer.graph, branch.operator, writer.tensors)
        mask = writer.add(work, leaving.label, {"mask": leaving.mask, "other": other.mask})
        kept = None
    else:
        state, mask = begun_from(there, leaving, branch, other)
    ticket = _ticket(there, leaving, state, mask)
    _train(there, leaving, name, branch, kept, ticket)


def _ticket(writer: Writer, leaving: Leaving, state: int, mask: int) -> int:
    return writer.add(Rewind(writer.graph), leaving.label, {"state": state, "mask": mask})


def _train(
    writer: Writer, leaving: Leaving, name: str, branch: Any, kept: int | None, ticket: int
) -> None:
    """Write a branch from its ticket on; ``writer`` is the branch's own."""
    label, start, stop = leaving.label, writer.rewinding.start, writer.rewinding.stop
    recipe = recipe_of(writer, leaving, branch)
    # Of another network there are no earlier solutions.
    anchors = leaving.anchors if branch.kind != "transfer" and branch.repel else ()
    trained = writer.train(ticket, recipe, start, stop, label, anchors)
    writer.measure(leaving.seeds, name, leaving.level.number, kept, ticket, trained, label)


def load(writer: Writer, leaving: Leaving, file: str) -> tuple[int, int]:
    """The stage that takes a ticket out of a file, and how many weights the ticket keeps."""
    if file not in writer.tickets:
        writer.tickets[file] = read_certificate(Path(file))
    ticket = writer.tickets[file]
    kept = sum(
        ticket.masked.get(tensor.name, tensor.size) for tensor in resolve.prunable(writer.spec)
    )
    work = Load(writer.graph, ticket.content)
    return writer.add(work, leaving.label, {}), kept


def grow_beside(writer: Writer, leaving: Leaving, name: str, branch: Any) -> None:
    """A network whose mask changes in training, as sparse as the ticket at the end."""
    seeds, level, label = leaving.seeds, leaving.level, leaving.label
    origin = leaving.states["init"]
    assert origin is not None
    begun = dynamic.Begun(
        origin, recipe_of(writer, leaving, branch), seeds.mask, branch.draw, level.number, label
    )
    keep = changing.counts(writer.spec, branch.schedule, level)
    grown = dynamic.write(writer, branch.schedule, keep, begun)
    writer.measure(seeds, name, level.number, level.kept, grown.ticket, grown.trained, label)


def trained_as(writer: Writer, name: str, branch: Any) -> Writer:
    """A writer of the same plan, for the branch's own network, data, training and rewinding."""
    if branch.kind == "transfer":
        return carrying.writer_of(writer, name, branch)
    spec = as_branch_sees(writer.spec, branch)
    if branch.kind == "rewind":
        return replace(writer, rewinding=recipes.rewinding(spec))
    if branch.kind == "dynamic":
        total = resolve.total_steps(spec)
        return replace(writer, spec=spec, rewinding=Rewinding(0, 0, total), total=total)
    if branch.kind != "retrain" and branch.schedule is None:
        return writer
    total = resolve.total_steps(spec)
    start = 0
    if branch.schedule is not None:
        start = resolve.steps(spec, branch.schedule)
    elif branch.kind == "retrain" and follows_its_file(branch):
        begun = origins.training(writer.spec, branch)
        assert begun is not None  # a rule sees to it
        start = begun.start
    rewinding = Rewinding(writer.rewinding.weights, start, total)
    if branch.kind != "retrain":
        return replace(writer, rewinding=rewinding)
    return replace(
        writer,
        spec=spec,
        rewinding=rewinding,
        total=total,
        data=resolve.facts(spec),
        alteration=resolve.alteration(spec),
    )


def recipe_of(writer: Writer, leaving: Leaving, branch: Any) -> Recipe:
    """How the branch is trained, as its own writer (:func:`trained_as`) sees it."""
    match branch.kind:
        case "retrain" | "dynamic" | "transfer":
            return recipes.recipe(writer.spec, leaving.seeds.order)
        case "other-seed":
            return recipes.recipe(writer.spec, leaving.other.order)
        case _:
            return leaving.recipe


def begun_from(
    writer: Writer, leaving: Leaving, branch: Any, like: Other | None = None
) -> tuple[int, int]:
    """The stages that hold the weights and the mask of a branch of the spec's own network, which
    keeps as many as the ticket, or as the mask ``like``."""
    seeds, number, label = leaving.seeds, leaving.level.number, leaving.label
    match branch.kind:
        case "reinitialize":
            # Draw 0 is the replicate's own start; a level's fresh weights are its own.
            init = replace(writer.init(seeds), draw=branch.draw * DRAWS_APART + number)
            inputs = {}
            if branch.same_sign and isinstance(writer.stages[leaving.start].work, Init):
                init = replace(init, signs_of=0)
            elif branch.same_sign:  # whose norms are kept, so it does not matter how they start
                init, inputs = replace(init, norm_scale=None), {"state": leaving.start}
            return writer.add(init, label, inputs), leaving.mask
        case "shuffle-mask":
            together = branch.within == "all"
            mask = leaving.mask
            keep = (leaving.level.kept,) if together else leaving.level.keep
            if like is not None:
                mask, keep = like.mask, () if like.kept is None else (like.kept,)
            operator: MaskOperator = "shuffle-all" if together else "shuffle-layer"
            remask = Remask(
                writer.graph, operator, seeds.mask, branch.draw, number, writer.tensors, keep
            )
            return leaving.start, writer.add(remask, label, {"mask": mask})
        case "random-mask":
            kept = leaving.level.kept if like is None else like.kept
            remask = Remask(
                writer.graph,
                "random",
                seeds.mask,
                branch.draw,
                number,
                writer.tensors,
                () if kept is None else layerwise.SPREADS[branch.layers](writer.shapes, kept),
                spread=branch.layers if kept is None else "",
            )
            return leaving.start, writer.add(remask, label, _counted(like))
        case "perturb":
            perturb = Perturb(
                writer.graph, seeds.init, branch.draw, number, branch.noise, branch.permute
            )
            inputs = {"state": leaving.start, "mask": leaving.mask}
            return writer.add(perturb, label, inputs), leaving.mask
        case "prune":
            seen = as_branch_sees(writer.spec, branch)
            scoring = recipes.scoring(seen)
            if like is None:
                keep = resolve.matched(writer.spec, leaving.level, branch.scope)
            else:
                keep = resolve.shared(writer.spec, like.kept, branch.scope)
            spread = "" if keep else resolve.spread_of(writer.spec, branch.scope)
            # Nothing was pruned before: the end of training is that of the dense network.
            states = {**leaving.states, "end": leaving.dense}
            counted = _counted(like).get("like")
            mask = writer.prune(seeds, scoring, keep, states, None, label, spread, counted)
            place = states[scoring.at] if branch.weights == "scored" else leaving.start
            assert place is not None  # a rule sees to it
            return place, mask
        case "rewind":
            place = leaving.made_from
            if writer.rewinding.weights is not None:
                origin = leaving.states["init"]
                assert origin is not None
                place = writer.rewind_point(origin, leaving.recipe, f"{label}, rewind point")
            assert place is not None
            return place, leaving.mask
        case "other-seed":
            name = f"replicate {leaving.other.number}"
            origin = writer.origin(leaving.other, name)
            recipe = recipe_of(writer, leaving, branch)
            point = writer.rewind_point(origin, recipe, f"{name}, rewind point")
            assert point is not None  # a rule sees to it
            return point, leaving.mask
        case _:  # retrain
            return leaving.start, leaving.mask


def _counted(like: Other | None) -> dict[str, int]:
    """The mask whose weights the run counts, by its role."""
    return {"like": like.counted} if like is not None and like.kept is None else {}
