"""Takes a spec that pre-trains; gives the network that is pre-trained, and writes its stages.

The network is the spec's own where the other data has as many classes. Where it has not, it is the
same for those classes, and what it learns is carried over (:class:`ltspec.plan.stages.Transfer`),
but for the tensors whose shape depends on the classes: these begin with their initial weights.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ltspec.language.variants import as_pretrained
from ltspec.networks.elastic import tensors_of
from ltspec.networks.graph import Graph
from ltspec.plan import recipes, resolve
from ltspec.plan.keys import graph_key
from ltspec.plan.replicates import Replicate
from ltspec.plan.stages import Train, Transfer

if TYPE_CHECKING:
    from ltspec.plan.writer import Writer


def network(spec: Any) -> Graph:
    """The network that is pre-trained."""
    return resolve.graph(as_pretrained(spec))


def write(writer: Writer, seeds: Replicate, name: str, fresh: int) -> int:
    """The pre-trained state, of the network that ``writer`` writes. ``fresh``: its initial one."""
    graph = network(writer.spec)
    key = graph_key(graph)
    recipe, steps = recipes.pretraining(writer.spec, seeds.order)
    work, label = Train(key, recipe, 0, steps), f"{name}, pre-training"
    if key == writer.graph:
        return writer.add(work, label, {"state": fresh})
    init = replace(writer.init(seeds), graph=key)
    begun = writer.add(init, f"{name}, initial weights for pre-training", {})
    trained = writer.add(work, label, {"state": begun})
    shapes = {tensor.name: tensor.shape for tensor in tensors_of(resolve.graph(writer.spec))}
    pairs = tuple(
        (tensor.name, tensor.name)
        for tensor in tensors_of(graph)
        if tensor.shape == shapes[tensor.name]
    )
    inputs = {"state": trained, "fresh": fresh}
    return writer.add(Transfer(writer.graph, key, pairs), f"{name}, pre-trained", inputs)
