"""Takes a stage that begins with a file of weights; gives the state in it, checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ltspec.decisions.state import Array, Arrays
from ltspec.engine.arrays import buffers_of, pack_buffers, pack_weights, weights_of
from ltspec.engine.store import Result
from ltspec.errors import InvariantError, WeightsError
from ltspec.networks.elastic import tensors_of
from ltspec.networks.graph import Graph
from ltspec.plan.stages import Adopt
from ltspec.weights.layout import from_keras, to_keras
from ltspec.weights.reading import read_arrays

Made = tuple[dict[str, Any], dict[str, Array]]
"""As in :mod:`ltspec.engine.perform`."""


def adopt(work: Adopt, graph: Graph, path: str, inputs: Mapping[str, Result]) -> Made:
    """Weights and running statistics out of the file ``path``, those of ``fresh`` for the rest.

    Raises WeightsError: LT285 and LT286 for what is wrong with the file, a variance below zero
    among it; LT287 where it is not the one that the plan was made with.
    """
    arrays, content = read_arrays(Path(path), {theirs for _, theirs in work.tensors})
    if content != work.content:
        raise WeightsError(
            f"{path} is another file than the one that the plan was made with: its hash is "
            f"{content[:12]}, and was {work.content[:12]}",
            code="LT287",
            hint="give back the earlier file, or run the spec instead of the plan file",
        )
    shapes = {tensor.name: tensor.shape for tensor in tensors_of(graph)}
    read: dict[str, Array] = {}
    for ours, theirs in work.tensors:
        array = arrays[theirs]
        turned = from_keras(array, shapes[ours]) if work.layout == "keras" else array
        read[ours] = np.ascontiguousarray(turned)
    for buffer in graph.buffers:
        if buffer.initial and buffer.name in read and (read[buffer.name] < 0).any():
            theirs = dict(work.tensors)[buffer.name]
            raise WeightsError(f"{path}: a variance in {theirs} is below zero", code="LT286")
    fresh = inputs["fresh"].arrays if "fresh" in inputs else {}
    drawn = {**weights_of(fresh), **buffers_of(fresh)}
    made = {name: read[name] if name in read else drawn[name] for name in shapes}
    check_begun(work, graph, arrays, made)
    weights = {parameter.name: made[parameter.name] for parameter in graph.parameters}
    buffers = {buffer.name: made[buffer.name] for buffer in graph.buffers}
    return {}, {**pack_weights(weights), **pack_buffers(buffers)}


def check_begun(work: Adopt, graph: Graph, arrays: Arrays, made: Arrays) -> None:
    """Raise InvariantError unless every tensor of the network was written, in its shape and in
    float32, and turned back is what the file has. ``arrays``: the file's own, by its names."""
    for tensor in tensors_of(graph):
        found = made.get(tensor.name)
        if found is None or found.shape != tensor.shape or found.dtype != np.float32:
            raise InvariantError(f"{tensor.name} was not written as the network has it")
    for ours, theirs in work.tensors:
        found, there = made[ours], arrays[theirs]
        turned = to_keras(found, there.shape) if work.layout == "keras" else found
        if not np.array_equal(turned, there):
            raise InvariantError(f"{ours} is not the {theirs} of the file")
