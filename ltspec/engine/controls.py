"""Takes a stage that makes a control of a ticket, and what it reads; gives the mask or weights.

The part of :mod:`ltspec.engine.perform` that is about operators on masks and weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltspec.decisions import masks as masking
from ltspec.decisions import operators
from ltspec.decisions.initial import initial_buffers, initial_weights
from ltspec.decisions.paths import paths
from ltspec.decisions.state import Array, Arrays, Masks
from ltspec.engine import matching
from ltspec.engine.arrays import (
    buffers_of,
    masks_of,
    pack_buffers,
    pack_masks,
    pack_weights,
    weights_of,
)
from ltspec.engine.store import Result
from ltspec.errors import InvariantError
from ltspec.networks.graph import Graph
from ltspec.plan.stages import Combine, Init, Perturb, Remask

Made = tuple[dict[str, Any], dict[str, Array]]


def initial(work: Init, graph: Graph, inputs: Mapping[str, Result]) -> dict[str, Array]:
    """Initial weights and statistics. Where the stage says so the weights have the signs of another
    draw; or they have those of the state that is read, whose norms, biases and statistics stay."""

    def draw(number: int) -> Mapping[str, Array]:
        scale = work.norm_scale or "one"
        return initial_weights(graph, work.rule, work.seed, number, scale)

    sizes = draw(work.draw)
    if "state" in inputs:
        before = inputs["state"].arrays
        source = weights_of(before)
        names = [parameter.name for parameter in graph.parameters if parameter.role == "weight"]
        sizes = {name: sizes[name] for name in names}
        weights = {**source, **operators.with_signs(sizes, {name: source[name] for name in names})}
        _check_signs(weights, sizes, source)
        return {**pack_weights(weights), **pack_buffers(buffers_of(before))}
    weights = dict(sizes)
    if work.signs_of is not None:
        original = draw(work.signs_of)
        weights = operators.with_signs(sizes, original)
        _check_signs(weights, sizes, original)
    return {**pack_weights(weights), **pack_buffers(initial_buffers(graph))}


def _check_signs(weights: Arrays, sizes: Arrays, original: Arrays) -> None:
    """Tensors that have no ``sizes`` of their own are the original ones."""
    for name, array in weights.items():
        if name not in sizes:
            if not np.array_equal(array, original[name]):
                raise InvariantError(f"{name} was to stay as it is, and has changed")
            continue
        if np.any(np.signbit(array) != np.signbit(original[name])):
            raise InvariantError(f"{name} does not have the signs of the original weights")
        if not np.array_equal(np.abs(array), np.abs(sizes[name])):
            raise InvariantError(f"{name} does not have the sizes of the fresh weights")


def remask(work: Remask, graph: Graph, inputs: Mapping[str, Result]) -> Made:
    """A mask that keeps as many weights as the plan says, and not the same as the ticket's."""
    work = matching.counted(work, graph, inputs)
    stream = work.seed, work.draw, work.level
    before = _in_order(work.tensors, inputs["mask"]) if "mask" in inputs else {}
    masks: Masks
    moved = {name: mask for name, mask in before.items() if not work.only or name in work.only}
    match work.operator:
        case "shuffle-layer":
            masks = operators.shuffled(moved, *stream)
        case "shuffle-all":
            masks = operators.shuffled_together(moved, *stream)
        case "random":
            every = {parameter.name: parameter.shape for parameter in graph.parameters}
            shapes = {name: every[name] for name in work.tensors}
            masks = operators.random_masks(shapes, work.keep, *stream)
    if work.only and set(masks) == set(work.only):
        masks = {name: masks.get(name, mask) for name, mask in before.items()}
    _check_mask(work, masks, before)
    kept = masking.count_kept(masks)
    facts = {"kept": kept, "of": {name: mask.size for name, mask in masks.items()}}
    return {**facts, **paths(graph, masks).facts()}, pack_masks(masks)


def _in_order(tensors: Sequence[str], read: Result) -> Masks:
    """The masks in the order of ``tensors``: what comes from a store is in that of the alphabet.
    Masks of other tensors follow, for the checks to find."""
    found = masks_of(read.arrays)
    return {name: found[name] for name in tensors if name in found} | found


def _check_mask(work: Remask, masks: Masks, before: Masks) -> None:
    kept = masking.count_kept(masks)
    if list(kept) != list(work.tensors):
        raise InvariantError(f"{work.operator} gave masks of {', '.join(kept) or 'nothing'}")
    counts = (sum(kept.values()),) if len(work.keep) == 1 else tuple(kept.values())
    if work.keep and counts != work.keep:
        raise InvariantError(f"a mask keeps {counts} weights, and the plan says {work.keep}")
    if not before:
        return
    if sum(kept.values()) != sum(masking.count_kept(before).values()):
        raise InvariantError("a shuffled mask keeps another number of weights")
    if work.only and any(
        not np.array_equal(mask, before[name])
        for name, mask in masks.items()
        if name not in work.only
    ):
        raise InvariantError("a mask that was to stay as it is was shuffled")
    if work.operator == "shuffle-layer" and kept != masking.count_kept(before):
        raise InvariantError("a mask that was shuffled within layers has other counts in them")
    if all(np.array_equal(mask, before[name]) for name, mask in masks.items()):
        full = all(mask.all() for mask in masks.values())
        raise InvariantError(
            "the shuffled mask is the same as before",
            hint="no weight of it is pruned, so leave the level out"
            if full
            else "there are few places to shuffle: write another `draw`, or leave the level out",
        )


def combine(work: Combine, graph: Graph, inputs: Mapping[str, Result]) -> Made:
    """What two masks both keep, or what either of them keeps. Raises InvariantError where it is
    not that, and where no weight is left."""
    pair = _in_order(work.tensors, inputs["mask"]), _in_order(work.tensors, inputs["other"])
    put = operators.intersected if work.operator == "intersect" else operators.united
    masks = put(*pair)
    _check_combined(work, masks, pair)
    kept = masking.count_kept(masks)
    facts = {"kept": kept, "of": {name: mask.size for name, mask in masks.items()}}
    return {**facts, **paths(graph, masks).facts()}, pack_masks(masks)


def _check_combined(work: Combine, masks: Masks, pair: tuple[Masks, Masks]) -> None:
    """Entries are counted, and by another rule than that which made them."""
    if not list(masks) == list(pair[0]) == list(pair[1]) == list(work.tensors):
        raise InvariantError(f"masks of {', '.join(masks)} are not of the tensors that are pruned")
    for name, mask in masks.items():
        votes = sum(each[name].astype(np.int8) for each in pair)
        if not np.array_equal(mask, votes >= (2 if work.operator == "intersect" else 1)):
            raise InvariantError(f"the {work.operator} of two masks of {name} keeps something else")
    if not any(mask.any() for mask in masks.values()):
        raise InvariantError(
            "the two masks have no weight in common, so that nothing would be left",
            hint="leave this level out of the branch's `levels`",
        )


def perturb(work: Perturb, graph: Graph, inputs: Mapping[str, Result]) -> Made:
    """The state with its surviving weights changed, and nothing else."""
    arrays, masks = inputs["state"].arrays, masks_of(inputs["mask"].arrays)
    source = weights_of(arrays)
    names = [parameter.name for parameter in graph.parameters if parameter.role == "weight"]
    chosen = {name: source[name] for name in names}
    stream = work.seed, work.draw, work.level
    if work.noise is not None:
        changed = operators.noisy(chosen, masks, work.noise, *stream)
    else:
        changed = operators.permuted(chosen, masks, work.permute == "filters", *stream)
    _check_perturbed(work, chosen, changed, masks)
    return {}, {**pack_weights({**source, **changed}), **pack_buffers(buffers_of(arrays))}


def _check_perturbed(work: Perturb, before: Arrays, after: Arrays, masks: Masks) -> None:
    for name, array in after.items():
        if name in masks and not np.array_equal(array[~masks[name]], before[name][~masks[name]]):
            raise InvariantError(f"perturbing changed pruned weights of {name}")
        if work.permute is not None and not _rearranged(work, before[name], array):
            raise InvariantError(f"permuting {name} changed the values in it")
    if all(np.array_equal(array, before[name]) for name, array in after.items()):
        raise InvariantError(
            "the perturbed weights are the same as the ticket's",
            hint="write more `noise`, another `draw`, or leave the level out",
        )


def _rearranged(work: Perturb, before: Array, after: Array) -> bool:
    """Whether the same values are there, in the tensor or in each of its filters."""

    def values(array: Array) -> NDArray[Any]:
        rows = len(array) if work.permute == "filters" else 1
        return np.sort(array.reshape(rows, -1), axis=1)

    return np.array_equal(values(before), values(after))
