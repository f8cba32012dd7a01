"""Takes a graph, weights and a batch; gives logits, the loss and its gradients, by hand.

Every operation has one case forward and one backward; the formulas are the definition. They hold
for complex numbers too, whose imaginary part carries a derivative along a direction: what is
chosen (ReLU, maxima, logarithms' shift) is chosen by the real part.
"""

from __future__ import annotations

import math
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from ltspec.engine.backend import (
    INPUT,
    Adam,
    Add,
    Array,
    Arrays,
    AvgPool,
    BatchNorm,
    Conv,
    Demand,
    Flatten,
    GlobalAvgPool,
    Graph,
    Linear,
    MaxPool,
    Mode,
    Node,
    Relu,
    Settings,
    storage,
)
from ltspec_numpy import operators

Labels = NDArray[np.integer[Any]]

EVALUATED_AT_ONCE = 100


def memory_bytes(demand: Demand, settings: Settings) -> int:
    """Estimate of the peak: weights, gradients, masks, slots, solutions that repel (as they are
    stored and as they are used), running statistics before and after,
    two copies (value and gradient) of the activations and of the largest set of windows, and the
    images as bytes; or an evaluation, when its batches are the larger ones."""
    graph = demand.graph
    weights = sum(parameter.size for parameter in graph.parameters)
    slots = 2 if isinstance(demand.optimizer, Adam) else 1
    buffers = 2 * sum(math.prod(buffer.shape) for buffer in graph.buffers)
    activations = sum(math.prod(shape) for shape in graph.shapes.values())
    activations += max((_windows_size(graph, node) for node in graph.nodes), default=0)
    batches = activations * max(2 * demand.batch_size, EVALUATED_AT_ONCE)
    images = demand.examples * math.prod(graph.input_shape)
    width = storage(settings.precision).itemsize
    copies = 3 + slots + 2 * demand.repelled_from
    return width * (weights * copies + buffers + batches) + images


def _windows_size(graph: Graph, node: Node) -> int:
    """Numbers in all windows of one example."""
    match node.op:
        case Conv(kernel=kernel) | MaxPool(kernel=kernel) | AvgPool(kernel=kernel):
            channels = graph.shapes[node.inputs[0]][0]
            return channels * math.prod(graph.shapes[node.name][1:]) * math.prod(kernel)
        case _:
            return 0


def forward(
    graph: Graph, weights: Arrays, buffers: Arrays, images: Array, mode: Mode
) -> dict[str, Array]:
    """The output of every node for a batch, (example, ...); the input's is ``images``."""
    values: dict[str, Array] = {INPUT: images}
    for node in graph.nodes:
        inputs = [values[name] for name in node.inputs]
        values[node.name] = _forward(node, weights, buffers, inputs, mode)
    return values


def _forward(
    node: Node, weights: Arrays, buffers: Arrays, inputs: list[Array], mode: Mode
) -> Array:
    x = inputs[0]
    match node.op:
        case Flatten():
            return x.reshape(len(x), -1)
        case Linear(bias=bias):
            y: Array = x @ weights[f"{node.name}.weight"].T
            return y + weights[f"{node.name}.bias"] if bias else y
        case Relu():
            return np.where(x.real > 0, x, 0) if np.iscomplexobj(x) else np.maximum(x, 0)
        case Conv() as op:
            weight, shift = weights[f"{node.name}.weight"], weights.get(f"{node.name}.bias")
            return operators.conv(op, x, weight, shift)
        case BatchNorm() as op:
            scale, shift = weights[f"{node.name}.scale"], weights[f"{node.name}.shift"]
            statistics = _statistics(node, x, buffers, mode)
            return operators.batch_norm(op, x, scale, shift, statistics)
        case MaxPool() as op:
            return operators.max_pool(op, x)
        case AvgPool() as op:
            return operators.avg_pool(op, x)
        case GlobalAvgPool():
            mean: Array = x.mean(axis=(2, 3))
            return mean
        case Add():
            return x + inputs[1]
        case op:
            assert_never(op)


def _statistics(node: Node, x: Array, buffers: Arrays, mode: Mode) -> tuple[Array, Array]:
    """The mean and variance that a norm uses: the batch's in training, else the running ones."""
    if mode == "train":
        return operators.batch_statistics(x)
    return buffers[f"{node.name}.running_mean"], buffers[f"{node.name}.running_var"]


def moved_buffers(graph: Graph, buffers: Arrays, values: Arrays) -> dict[str, Array]:
    """The buffers after a batch that went forward in training and gave ``values``."""
    moved = dict(buffers)
    for node in graph.nodes:
        if isinstance(node.op, BatchNorm):
            names = f"{node.name}.running_mean", f"{node.name}.running_var"
            before = [buffers[name] for name in names]
            after = operators.moved_statistics(node.op, values[node.inputs[0]], *before)
            moved.update(zip(names, after, strict=True))
    return moved


def cross_entropy(logits: Array, labels: Labels) -> tuple[Array, Array]:
    """The loss of each example, in nats, (example,), and its gradient by the logits.

    loss = log(sum_c exp(z_c)) - z_label, with the largest logit taken out of the exponential, so
    that no logit overflows. Its gradient is softmax(z) - onehot(label).
    """
    rows = np.arange(len(labels))
    shifted = logits - logits.real.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    sums = exponentials.sum(axis=1, keepdims=True)
    losses = np.log(sums[:, 0]) - shifted[rows, labels]
    gradient = exponentials / sums
    gradient[rows, labels] -= 1
    return losses, gradient


def backward(
    graph: Graph, weights: Arrays, buffers: Arrays, values: Arrays, labels: Labels, mode: Mode
) -> tuple[float, dict[str, Array]]:
    """Mean loss over the batch that gave ``values``, and its gradient by every parameter, in graph
    order."""
    losses, by_logits = cross_entropy(values[graph.output], labels)
    # What has been added up so far of the loss's gradient by each node's output. Going backwards
    # through the list, all readers of a node come before the node itself.
    by_output: dict[str, Array] = {graph.output: by_logits / len(labels)}
    by_weight: dict[str, Array] = {}
    for node in reversed(graph.nodes):
        if node.name not in by_output:
            continue  # nothing that leads to the logits reads it
        x, by_y = values[node.inputs[0]], by_output[node.name]
        by_x = _backward(node, weights, buffers, x, by_y, by_weight, mode)
        for name in node.inputs:  # both inputs of a sum have the gradient of the sum
            by_output[name] = by_output[name] + by_x if name in by_output else by_x
    gradients = {
        parameter.name: by_weight.get(parameter.name, np.zeros_like(weights[parameter.name]))
        for parameter in graph.parameters
    }
    return float(losses.real.mean()), gradients


def _backward(
    node: Node,
    weights: Arrays,
    buffers: Arrays,
    x: Array,
    by_y: Array,
    by_weight: dict[str, Array],
    mode: Mode,
) -> Array:
    """The gradient by the node's input, or by each of its inputs; those by its parameters are put
    into ``by_weight``."""
    match node.op:
        case Flatten():
            return by_y.reshape(x.shape)
        case Linear(bias=bias):
            by_weight[f"{node.name}.weight"] = by_y.T @ x
            if bias:
                by_weight[f"{node.name}.bias"] = by_y.sum(axis=0)
            by_x: Array = by_y @ weights[f"{node.name}.weight"]
            return by_x
        case Relu():
            return by_y * (x.real > 0)
        case Conv() as op:
            name = f"{node.name}.weight"
            by_x, by_weight[name] = operators.conv_backward(op, x, weights[name], by_y)
            if op.bias:
                by_weight[f"{node.name}.bias"] = by_y.sum(axis=(0, 2, 3))
            return by_x
        case BatchNorm() as op:
            scale, statistics = weights[f"{node.name}.scale"], _statistics(node, x, buffers, mode)
            by_x, by_scale, by_shift = operators.batch_norm_backward(
                op, x, scale, by_y, statistics, mode
            )
            by_weight[f"{node.name}.scale"], by_weight[f"{node.name}.shift"] = by_scale, by_shift
            return by_x
        case MaxPool() as op:
            return operators.max_pool_backward(op, x, by_y)
        case AvgPool() as op:
            return operators.avg_pool_backward(op, by_y, x.shape)
        case GlobalAvgPool():
            return np.broadcast_to(by_y[:, :, None, None] / math.prod(x.shape[2:]), x.shape)
        case Add():
            return by_y
        case op:
            assert_never(op)
