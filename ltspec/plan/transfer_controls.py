"""Takes a writer at a carried ticket; gives it the controls that the branch asks for by one word.

The controls of Chen et al. 2021: of the carried ticket itself (its mask shuffled, its copies
shuffled, its weights drawn anew), and of the other network (tickets of its own, and masks by other
criteria at the density of these).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ltspec.decisions.sample import EXAMPLES, Sample
from ltspec.language.variants import Variant
from ltspec.plan import carrying, recipes, resolve
from ltspec.plan.recipes import Scoring
from ltspec.plan.stages import Rewind
from ltspec.plan.transferring import (
    OF_THE_TICKET,
    asked_controls,
    changed,
    trains_otherwise,
)

if TYPE_CHECKING:
    from ltspec.plan.branching import Leaving
    from ltspec.plan.writer import Writer


def write(writer: Writer, leaving: Leaving, name: str, branch: Any) -> None:
    """Write every control of a branch at one level. ``writer``: that of the other network."""
    to = writer.carried[name]
    for word in asked_controls(branch, to.has_copies):
        here = replace(leaving, label=f"{leaving.label}-{word}")
        writer.carried[f"{name}-{word}"] = to
        if word in OF_THE_TICKET:
            _of_ticket(writer, here, name, word, changed(branch, word))
        elif word != "imp":
            _matched(writer, here, name, word, branch)
        elif leaving.level.number == max(level.number for level in to.levels):
            _own_tickets(writer, here, name)


def _of_ticket(writer: Writer, leaving: Leaving, name: str, word: str, branch: Any) -> None:
    """The carried ticket with something of it changed."""
    there = writer
    state, mask, kept = carrying.begun_from(there, leaving, name, branch)
    _train(there, leaving, f"{name}-{word}", state, mask, kept)


def _matched(writer: Writer, leaving: Leaving, name: str, word: str, branch: Any) -> None:
    """A mask by another criterion, from the other network's dense training, in one go to as many
    weights as its own ticket of the level has. In a training of the branch's own it begins where
    that ticket does, which is the rewind point of this training."""
    own = _own(writer, name, leaving.level.number, word)
    seeds, label = leaving.seeds, leaving.label
    recipe = recipes.recipe(own.spec, seeds.order)
    origin = own.origin(seeds, label)
    point = own.rewind_point(origin, recipe, f"{label}, rewind point")
    assert point is not None  # a rule sees to it
    states = {"init": origin, "rewind": point}
    if word == "magnitude":
        states["end"] = own.train(origin, recipe, 0, own.total, f"{label}, dense")
    keep = own.levels[-1].keep
    mask = own.prune(seeds, _scoring(own, word), keep, states, None, label)
    if trains_otherwise(branch) and branch.schedule is None:
        writer = replace(writer, rewinding=own.rewinding)
    _train(writer, leaving, f"{name}-{word}", point, mask, sum(keep))


def _scoring(own: Writer, word: str) -> Scoring:
    """As in the authors' code: gradients at the rewind point over the whole training set, and
    GraSP's scores ranked by their size."""
    if word == "magnitude":
        return Scoring("magnitude")
    known = resolve.facts(own.spec)
    everything = Sample(
        data=known.name,
        data_version=known.version,
        examples=known.train,
        of=known.train,
        batch_size=EXAMPLES,
        mode="eval",
        alteration=resolve.alteration(own.spec),
    )
    if word == "snip":
        return Scoring("snip", "rewind", sample=everything)
    return Scoring("grasp", "rewind", sample=everything, by_size=True, temperature=200.0)


def _own_tickets(writer: Writer, leaving: Leaving, name: str) -> None:
    """The other network's own dense training and tickets, up to the level: a row for each."""
    own = _own(writer, name, leaving.level.number, "imp")
    own.write_replicate(leaving.seeds, recipes.recipe(own.spec, leaving.seeds.order))
    writer.outcomes.extend(replace(row, branch=f"{name}-imp") for row in own.outcomes)


def _own(writer: Writer, name: str, level: int, word: str) -> Writer:
    """A writer of the other network's own experiment, up to a level, with rows of its own."""
    spec: Any = Variant(writer.spec, branches={}, measure=())
    return replace(
        writer,
        spec=spec,
        levels=resolve.levels(spec)[:level],
        rewinding=recipes.rewinding(spec),
        outcomes=[],
        waiting=[],
        beside=f", {name}-{word}",
    )


def _train(
    writer: Writer, leaving: Leaving, line: str, state: int, mask: int, kept: int | None
) -> None:
    label = leaving.label
    ticket = writer.add(Rewind(writer.graph), label, {"state": state, "mask": mask})
    recipe = recipes.recipe(writer.spec, leaving.seeds.order)
    start, stop = writer.rewinding.start, writer.rewinding.stop
    trained = writer.train(ticket, recipe, start, stop, label)
    writer.measure(leaving.seeds, line, leaving.level.number, kept, ticket, trained, label)
