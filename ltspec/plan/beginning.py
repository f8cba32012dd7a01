"""Takes a spec whose network begins with the weights of a file; writes the stages of that.

In the place of :mod:`ltspec.plan.pretraining`: what it gives stands wherever the initial weights
would. The file is hashed as a whole here, so that its content is part of the stage's key; that it
fits is known from its header before (:mod:`ltspec.plan.weights_rules`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltspec.plan import resolve
from ltspec.plan.replicates import Replicate
from ltspec.plan.stages import Adopt
from ltspec.plan.weights_rules import fitted
from ltspec.weights.header import read_whole

if TYPE_CHECKING:
    from ltspec.plan.writer import Writer


def write(writer: Writer, seeds: Replicate, name: str) -> int:
    """The state that a replicate begins with, of the network that ``writer`` writes."""
    spec: Any = writer.spec
    file = str(spec.pretrain.weights)
    if file not in writer.weights:
        writer.weights[file] = read_whole(Path(file))
    whole, graph = writer.weights[file], resolve.graph(spec)
    found = fitted(spec, graph, whole.header)
    inputs = {}
    if len(found.tensors) < len(graph.parameters) + len(graph.buffers):
        inputs["fresh"] = writer.add(writer.init(seeds), f"{name}, initial weights", {})
    work = Adopt(writer.graph, whole.content, found.layout, found.tensors)
    return writer.add(work, f"{name}, weights of {Path(file).name}", inputs)
