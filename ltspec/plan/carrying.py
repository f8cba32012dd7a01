"""Takes a writer at a level; gives it the stages that carry the ticket to another network.

The part of :mod:`ltspec.plan.branching` that is about branches of kind ``transfer``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ltspec.decisions.criteria import CRITERIA
from ltspec.decisions.layerwise import Spread
from ltspec.language.variants import Variant, is_elsewhere
from ltspec.plan import origins, recipes, resolve, transferring
from ltspec.plan.keys import graph_key
from ltspec.plan.recipes import Rewinding
from ltspec.plan.replicates import DRAWS_APART
from ltspec.plan.stages import Init, Mapmask, MaskOperator, Remask, Transfer
from ltspec.plan.transferring import Carried

if TYPE_CHECKING:
    from ltspec.plan.branching import Leaving
    from ltspec.plan.writer import Writer


def writer_of(writer: Writer, name: str, branch: Any) -> Writer:
    """A writer of the same plan for the other network, trained as the branch says."""
    if name not in writer.carried:
        writer.carried[name] = transferring.carried(writer.spec, branch)
    to = writer.carried[name]
    total = resolve.total_steps(to.spec)
    rewinding = writer.rewinding
    if is_elsewhere(branch) and (begun := origins.training(writer.spec, branch)) is not None:
        rewinding = Rewinding(rewinding.weights, begun.start, begun.stop)
    if branch.schedule is not None or transferring.trains_otherwise(branch):
        start = 0 if branch.schedule is None else resolve.steps(to.spec, branch.schedule)
        rewinding = Rewinding(rewinding.weights, start, total)
    sizes = {parameter.name: parameter.size for parameter in to.graph.parameters}
    prunable = sum(sizes[tensor] for tensor in to.tensors)
    return replace(
        writer,
        spec=to.spec,
        graph=graph_key(to.graph),
        rewinding=rewinding,
        total=total,
        data=resolve.facts(to.spec),
        tensors=to.tensors,
        prunable=prunable,
        other_prunable=prunable,
        norm_scale=recipes.norm_scale(to.spec),
        alteration=resolve.alteration(to.spec),
    )


def begun_from(
    writer: Writer, leaving: Leaving, name: str, branch: Any
) -> tuple[int, int, int | None]:
    """The stages that hold the carried weights and the mask, and how many weights it keeps; None
    where only the run can say. ``writer``: that of :func:`writer_of`."""
    to = writer.carried[name]
    mask, kept = _mask(writer, to, leaving, branch)
    return _weights(writer, to, leaving, branch), mask, kept


def _weights(writer: Writer, to: Carried, leaving: Leaving, branch: Any) -> int:
    if branch.weights == "own":
        return _own(writer, leaving, "rewind")
    if branch.weights == "fresh":
        return writer.add(_fresh(writer, leaving, branch), leaving.label, {})
    return _carried(writer, to, leaving, branch, leaving.start)


def _carried(writer: Writer, to: Carried, leaving: Leaving, branch: Any, state: int) -> int:
    """A state of the ticket's network as one of the other network."""
    if to.is_the_same:  # and so is whatever is made of it, under the same key
        return state
    inputs = {"state": state}
    if to.assignment.afresh:
        inputs["fresh"] = writer.add(_fresh(writer, leaving, branch), leaving.label, {})
    pairs = tuple(to.assignment.tensors.items())
    return writer.add(Transfer(writer.graph, graph_key(to.source), pairs), leaving.label, inputs)


def _fresh(writer: Writer, leaving: Leaving, branch: Any) -> Init:
    draw = branch.draw * DRAWS_APART + leaving.level.number
    return replace(writer.init(leaving.seeds), draw=draw)


def _own(writer: Writer, leaving: Leaving, at: str) -> int:
    """A state of the other network's own dense training."""
    seeds, label = leaving.seeds, leaving.label
    start = writer.origin(seeds, label)
    recipe = recipes.recipe(writer.spec, seeds.order)
    if at == "init":
        return start
    if at == "end":
        return writer.train(start, recipe, 0, writer.total, f"{label}, dense")
    point = writer.rewind_point(start, recipe, f"{label}, rewind point")
    assert point is not None  # a rule sees to it
    return point


def _mask(writer: Writer, to: Carried, leaving: Leaving, branch: Any) -> tuple[int, int | None]:
    keep, spread = transferring.kept(leaving.level.keep, branch, to)
    kept = sum(keep) if keep else None
    if branch.mask == "dense":
        work = Mapmask(writer.graph, graph_key(to.source), (), to.tensors, keep)
        return writer.add(work, leaving.label, {}), kept
    if branch.mask == "mapped":
        return _mapped(writer, to, leaving), kept
    if isinstance(branch.mask, str) and branch.mask not in transferring.RANDOM:
        return _shuffled(writer, to, leaving, branch, keep), kept
    if not isinstance(branch.mask, str) and branch.mask.only is not None:
        mapped = _mapped(writer, to, leaving)
        only = transferring.chosen(branch.mask.scope, to)
        return _scored(writer, to, leaving, branch, keep, spread, mapped, only), kept
    like = _mapped(writer, to, leaving) if spread else None
    made = _random if isinstance(branch.mask, str) else _scored
    return made(writer, to, leaving, branch, keep, spread, like), kept


def _mapped(writer: Writer, to: Carried, leaving: Leaving) -> int:
    if to.is_the_same:
        return leaving.mask
    pairs, keep = _pairs(to), transferring.keep(leaving.level.keep, to)
    work = Mapmask(writer.graph, graph_key(to.source), pairs, to.dense, keep)
    return writer.add(work, leaving.label, {"mask": leaving.mask})


def _pairs(to: Carried) -> tuple[tuple[str, str], ...]:
    """(target, source) of every mask that is carried."""
    dense = to.dense
    return tuple((n, to.assignment.tensors[n]) for n in to.tensors if n not in dense)


def _shuffled(
    writer: Writer, to: Carried, leaving: Leaving, branch: Any, keep: tuple[int, ...]
) -> int:
    place = _mapped(writer, to, leaving)
    only = tuple(target for target, _ in _pairs(to))
    if branch.mask == "shuffled-copies":
        only = tuple(name for name in only if name in to.assignment.copies)
    operator: MaskOperator = "shuffle-layer"
    if branch.mask == "shuffled-all":
        operator = "shuffle-all"
    remask = Remask(
        writer.graph,
        operator,
        leaving.seeds.mask,
        branch.draw,
        leaving.level.number,
        to.tensors,
        keep,
        () if only == to.tensors else only,
    )
    return writer.add(remask, leaving.label, {"mask": place})


def _random(
    writer: Writer,
    to: Carried,
    leaving: Leaving,
    branch: Any,
    keep: tuple[int, ...],
    spread: Spread,
    like: int | None,
) -> int:
    """As many weights as the mapped mask keeps, at random places."""
    remask = Remask(
        writer.graph,
        "random",
        leaving.seeds.mask,
        branch.draw,
        leaving.level.number,
        to.tensors,
        keep,
        spread=spread,
    )
    return writer.add(remask, leaving.label, {} if like is None else {"like": like})


def _scored(
    writer: Writer,
    to: Carried,
    leaving: Leaving,
    branch: Any,
    keep: tuple[int, ...],
    spread: Spread,
    like: int | None,
    only: tuple[tuple[str, ...], ...] = (),
) -> int:
    """As many weights as the mapped mask keeps, by a criterion on the other network; in the groups
    of tensors ``only``, where there are any."""
    criterion = branch.mask.criterion
    scoring = recipes.scoring(Variant(to.spec, prune=Variant(to.spec.prune, criterion=criterion)))
    states: dict[str, int | None] = {}
    if CRITERIA[scoring.criterion].reads_weights:
        states[scoring.at] = _looked_at(writer, to, leaving, branch, scoring.at)
    seeds, label = leaving.seeds, leaving.label
    return writer.prune(seeds, scoring, keep, states, None, label, spread, like, only)


def _looked_at(writer: Writer, to: Carried, leaving: Leaving, branch: Any, at: str) -> int:
    """The weights that are scored: those that the branch starts from, at another point of the
    dense training where the criterion says so."""
    if branch.weights == "own":
        return _own(writer, leaving, at)
    if branch.weights == "fresh":
        return _weights(writer, to, leaving, branch)
    # Nothing was pruned before: the end of training is that of the dense network.
    place = leaving.dense if at == "end" else leaving.states[at]
    assert place is not None  # a rule sees to it
    return _carried(writer, to, leaving, branch, place)
