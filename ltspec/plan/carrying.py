"""Takes a writer at a level; gives it the stages that carry the ticket to another network.

The part of :mod:`ltspec.plan.branching` that is about branches of kind ``transfer``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ltspec.plan import recipes, resolve, transferring
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
    if branch.schedule is not None or branch.train is not None or branch.data is not None:
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
    seeds, label = leaving.seeds, leaving.label
    if branch.weights == "own":
        start = writer.origin(seeds, label)
        recipe = recipes.recipe(writer.spec, seeds.order)
        point = writer.rewind_point(start, recipe, f"{label}, rewind point")
        assert point is not None  # a rule sees to it
        return point
    fresh: Init = replace(writer.init(seeds), draw=branch.draw * DRAWS_APART + leaving.level.number)
    if branch.weights == "fresh":
        return writer.add(fresh, label, {})
    inputs = {"state": leaving.start}
    if to.assignment.afresh:
        inputs["fresh"] = writer.add(fresh, label, {})
    pairs = tuple(to.assignment.tensors.items())
    return writer.add(Transfer(writer.graph, graph_key(to.source), pairs), label, inputs)


def _mask(writer: Writer, to: Carried, leaving: Leaving, branch: Any) -> tuple[int, int | None]:
    source = graph_key(to.source)
    if branch.mask == "dense":
        sizes = {parameter.name: parameter.size for parameter in to.graph.parameters}
        whole = tuple(sizes[name] for name in to.tensors)
        work = Mapmask(writer.graph, source, (), to.tensors, whole)
        return writer.add(work, leaving.label, {}), sum(whole)
    keep = transferring.keep(leaving.level.keep, to)
    dense = to.dense
    pairs = tuple((n, to.assignment.tensors[n]) for n in to.tensors if n not in dense)
    work = Mapmask(writer.graph, source, pairs, dense, keep)
    place = writer.add(work, leaving.label, {"mask": leaving.mask})
    kept = sum(keep) if keep else None
    if branch.mask == "mapped":
        return place, kept
    only = tuple(target for target, _ in pairs)
    if branch.mask == "shuffled-copies":
        only = tuple(name for name in only if name in to.assignment.copies)
    together = branch.mask == "shuffled-all"
    operator: MaskOperator = "shuffle-all" if together else "shuffle-layer"
    counts = (sum(keep),) if together and keep else keep
    remask = Remask(
        writer.graph,
        operator,
        leaving.seeds.mask,
        branch.draw,
        leaving.level.number,
        to.tensors,
        counts,
        () if only == to.tensors else only,
    )
    return writer.add(remask, leaving.label, {"mask": place}), kept
