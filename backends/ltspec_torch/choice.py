"""Takes a demand; gives how torch plays it best and the memory that it needs, without torch."""

from __future__ import annotations

import math
from typing import Literal

from ltspec.engine.backend import Adam, Conv, Demand, Graph, Lowering, Settings, storage

Layout = Literal["canonical", "channels-last"]
"""How images and the weights of convolutions lie in memory: (channel, height, width), or with the
channel running fastest."""
Compilation = Literal["eager", "cuda-graphs"]
"""Operation by operation, or whole steps that a GPU repeats in one call."""

CHUNK_STEPS = 100
SLOW_STEPS = 10
"""Of convolutions on a CPU, where a step may take a second: a person waits for the next word, and
an interrupt costs what was played since the last."""


def choose(demand: Demand, settings: Settings) -> Lowering:
    """Eager steps on a CPU, where the Python around them is no cost: compiled ones were no faster,
    neither for matrix products nor for convolutions. Recorded ones on a GPU."""
    compilation: Compilation = "eager" if settings.device == "cpu" else "cuda-graphs"
    layout = layout_of(demand.graph)
    slow = layout == "channels-last" and compilation == "eager"
    return Lowering(
        layout=layout,
        compilation=compilation,
        chunk_steps=SLOW_STEPS if slow else CHUNK_STEPS,
        memory_bytes=_memory_bytes(demand, settings),
    )


def layout_of(graph: Graph) -> Layout:
    """Convolutions are faster channels-last, on a CPU by 1.2 to 1.3."""
    convolves = any(isinstance(node.op, Conv) for node in graph.nodes)
    return "channels-last" if convolves else "canonical"


CACHED_BYTES = 8 * 2**20
"""Of a CPU, what stays near it: the largest activation of a batch should be no larger."""
GPU_BYTES = 2**30
"""The same of a GPU, where it only has to be much less than there is."""


def evaluated_at_once(graph: Graph, device: str) -> int:
    """Examples of a batch when a split is evaluated; the best for the speed, and at most 1000."""
    largest = 4 * max(math.prod(shape) for shape in graph.shapes.values())
    return max(1, min(1000, (CACHED_BYTES if device == "cpu" else GPU_BYTES) // largest))


def _memory_bytes(demand: Demand, settings: Settings) -> int:
    """Estimate of the peak: weights, gradients, masks, slots, solutions that repel and three
    vectors for their term, running statistics; the state before and the one after, which stay
    there until somebody looks; the activations, all of which the backward pass reads, and four
    more of the largest for gradients and what an operation needs besides; a stretch of tape;
    images as bytes with the black around them, and their labels."""
    width = storage(settings.precision).itemsize
    graph = demand.graph
    weights = sum(parameter.size for parameter in graph.parameters)
    buffers = sum(math.prod(buffer.shape) for buffer in graph.buffers)
    slots = 2 if isinstance(demand.optimizer, Adam) else 1
    repelling = demand.repelled_from + 3 if demand.repelled_from else 0
    sizes = [math.prod(shape) for shape in graph.shapes.values()]
    active = 2 if settings.precision == "bf16" else width
    margin = demand.augment.crop if demand.augment else 0
    channels, *sides = graph.input_shape
    image = channels * math.prod(side + 2 * margin for side in sides)
    return (
        width * (weights * (3 + slots + repelling + 2 * (1 + slots)) + 3 * buffers)
        + active * (sum(sizes) + 4 * max(sizes)) * demand.batch_size
        + CHUNK_STEPS * demand.batch_size * 3 * 8
        + demand.examples * (image + 8)
    )
