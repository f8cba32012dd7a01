"""Takes a writer at the end of a replicate; gives it the tickets of other specs and of files, and
the branches that carry them.

The part of :mod:`ltspec.plan.branching` that is about ``from``. What the tickets of another spec
take is written as in that spec's own plan, so that it has the same keys there and here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ltspec.decisions.amounts import Level
from ltspec.language.variants import Variant, is_elsewhere
from ltspec.plan import branching, origins, recipes, resolve
from ltspec.plan.branching import Leaving
from ltspec.plan.keys import graph_key
from ltspec.plan.replicates import TICKET, Replicate, after
from ltspec.plan.stages import Load, Stage

if TYPE_CHECKING:
    from ltspec.plan.writer import Writer


class Taken(NamedTuple):
    """A ticket before it is carried: places of stages."""

    state: int
    """Its weights, before they are masked where these are known."""
    mask: int
    scored: int | None = None
    """The weights of its network's dense training that a mask of the branch looks at, where these
    are others."""


def branch_off(writer: Writer, seeds: Replicate) -> None:
    """Write every branch of a replicate that carries other tickets than the spec's own."""
    for name, branch in writer.spec.branches.items():
        if is_elsewhere(branch):
            found = origins.levels(writer.spec, branch)
            taken = _taken(writer, seeds, branch, found)
            for level in found:
                branching.carry(writer, _leaving(writer, seeds, name, level, taken), name, branch)


def _leaving(
    writer: Writer, seeds: Replicate, name: str, level: Level, taken: dict[int, Taken]
) -> Leaving:
    state, mask, scored = taken[level.number]
    return Leaving(
        seeds,
        after(seeds, writer.replicates),
        level,
        {"init": scored, "rewind": state, "end": None},
        None,
        state if scored is None else scored,
        mask,
        recipes.recipe(writer.spec, seeds.order),
        f"replicate {seeds.number}, level {level.number}, {name}",
    )


def _taken(writer: Writer, seeds: Replicate, branch: Any, levels: list[Level]) -> dict[int, Taken]:
    """The tickets of a replicate by level."""
    if origins.is_of_a_file(branch):
        ticket = origins.certificate(writer.spec, branch)
        writer.tickets[origins.file_of(writer.spec, branch)] = ticket
        label = f"replicate {seeds.number}, ticket of {ticket.manifest['name']}"
        place = writer.add(Load(graph_key(ticket.graph), ticket.content), label, {})
        return {level.number: Taken(place, place) for level in levels}
    other = origins.other(writer.spec, branch)
    return _of_spec(writer, other, seeds.number, levels, _looked_at(branch))


def _looked_at(branch: Any) -> str:
    """Which weights of the other dense training the branch's mask is made from, beyond those that
    the ticket starts from: ``init``, ``end`` or none."""
    if isinstance(branch.mask, str) or branch.weights != "mapped":
        return ""
    at = getattr(branch.mask.criterion, "at", "")
    return "" if at == "rewind" else str(at)


def _of_spec(
    writer: Writer, spec: Any, number: int, levels: list[Level], at: str
) -> dict[int, Taken]:
    """The tickets of another spec's replicate, and all that is needed for them and for a look at
    the weights ``at`` a point of its dense training."""
    alone = Variant(spec, branches={}, measure=(), evaluate=())
    there = type(writer).of(alone, graph_key(resolve.graph(spec)))
    there = replace(
        there,
        levels=there.levels[: max(level.number for level in levels)],
        beside=f", tickets of {spec.name}",
        weights=writer.weights,
    )
    seeds = there.replicates[number - 1]
    there.write_replicate(seeds, recipes.recipe(alone, seeds.order))
    tickets = {
        row.level: there.stages[row.ticket].inputs
        for row in there.outcomes
        if row.branch == TICKET and row.ticket is not None
    }
    wanted = {level.number: tickets[level.number] for level in levels}
    roots = [place for inputs in wanted.values() for place in inputs.values()]
    dense = there.outcomes[0].trained
    scored = {"init": there.stages[dense].inputs["state"], "end": dense}.get(at)
    moved = _moved(writer, there.stages, roots if scored is None else [*roots, scored])
    looked_at = None if scored is None else moved[scored]
    return {
        level: Taken(moved[inputs["state"]], moved[inputs["mask"]], looked_at)
        for level, inputs in wanted.items()
    }


def _moved(writer: Writer, stages: list[Stage], roots: list[int]) -> dict[int, int]:
    """Add stages and all that they read to the writer's own; where each has gone."""
    needed: set[int] = set()
    waiting = list(roots)
    while waiting:
        place = waiting.pop()
        if place not in needed:
            needed.add(place)
            waiting.extend(stages[place].inputs.values())
    moved: dict[int, int] = {}
    for place in sorted(needed):
        stage = stages[place]
        inputs = {role: moved[read] for role, read in stage.inputs.items()}
        moved[place] = writer.add(stage.work, stage.label, inputs)
    return moved
