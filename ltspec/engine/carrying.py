"""Takes a stage that carries a state or a mask to another network; gives it as it is there.

The part of :mod:`ltspec.engine.perform` that is about transfer between networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ltspec.decisions import masks as masking
from ltspec.decisions import transfer
from ltspec.decisions.paths import paths
from ltspec.decisions.state import Array, Arrays, Masks
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
from ltspec.networks.elastic import tensors_of
from ltspec.networks.graph import Graph
from ltspec.plan.stages import Mapmask, Transfer

Made = tuple[dict[str, Any], dict[str, Array]]
"""As in :mod:`ltspec.engine.perform`."""


def carry_state(work: Transfer, graph: Graph, inputs: Mapping[str, Result]) -> Made:
    """Every parameter and running statistic of the other network."""
    source = inputs["state"].arrays
    fresh = inputs["fresh"].arrays if "fresh" in inputs else {}
    parts = []
    for of, tensors in ((weights_of, graph.parameters), (buffers_of, graph.buffers)):
        names = [tensor.name for tensor in tensors]
        pairs = [pair for pair in work.tensors if pair[0] in names]
        parts.append(transfer.carried(of(source), pairs, of(fresh), names))
    weights, buffers = parts
    check_state(work, graph, source, weights | buffers)
    return {}, {**pack_weights(weights), **pack_buffers(buffers)}


def check_state(work: Transfer, graph: Graph, source: Arrays, made: Arrays) -> None:
    """Raise InvariantError unless every tensor was written, in its shape, and equals its source."""
    before = weights_of(source) | buffers_of(source)
    for tensor in tensors_of(graph):
        if tensor.name not in made or made[tensor.name].shape != tensor.shape:
            raise InvariantError(f"{tensor.name} of the other network was not written")
    for target, origin in work.tensors:
        if not np.array_equal(made[target], before[origin]):
            raise InvariantError(f"{target} is not the copy of {origin} that it should be")


def carry_mask(work: Mapmask, graph: Graph, inputs: Mapping[str, Result]) -> Made:
    """A mask of the other network, that keeps as many weights as the plan says where it does."""
    before = masks_of(inputs["mask"].arrays) if "mask" in inputs else {}
    covered = {target for target, _ in work.tensors} | set(work.dense)
    shapes = {one.name: one.shape for one in graph.parameters if one.name in covered}
    masks = transfer.carried_masks(before, work.tensors, shapes)
    check_masks(work, before, masks)
    kept = masking.count_kept(masks)
    facts = {"kept": kept, "of": {name: int(mask.size) for name, mask in masks.items()}}
    return {**facts, **paths(graph, masks).facts()}, pack_masks(masks)


def check_masks(work: Mapmask, before: Masks, made: Masks) -> None:
    """Raise InvariantError unless each mask equals its source, and counts are those of the plan."""
    for target, origin in work.tensors:
        if target not in made or not np.array_equal(made[target], before[origin]):
            raise InvariantError(f"the mask of {target} is not that of {origin}")
    for name in work.dense:
        if name not in made or not made[name].all():
            raise InvariantError(f"{name} is not dense")
    kept = masking.count_kept(made)
    counts = (sum(kept.values()),) if len(work.keep) == 1 else tuple(kept.values())
    if work.keep and counts != work.keep:
        raise InvariantError(f"a mask keeps {counts} weights, and the plan says {work.keep}")
