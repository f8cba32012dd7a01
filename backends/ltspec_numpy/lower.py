"""Takes a graph, weights and a batch; gives logits, the loss and its gradients, by hand.

Every operation has one case forward and one backward; the formulas are the definition.
"""

from __future__ import annotations

import math
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from ltspec.engine.backend import (
    INPUT,
    Adam,
    Array,
    Arrays,
    Demand,
    Flatten,
    Graph,
    Linear,
    Node,
    Relu,
    Settings,
)

Labels = NDArray[np.uint8]


def memory_bytes(demand: Demand, settings: Settings) -> int:
    """Estimate of the peak: weights, gradients, masks, slots, two copies of the activations and
    of the batch (value and gradient), and the images as bytes."""
    width = 8 if settings.precision == "float64" else 4
    weights = sum(parameter.size for parameter in demand.graph.parameters)
    slots = 2 if isinstance(demand.optimizer, Adam) else 1
    activations = sum(math.prod(shape) for shape in demand.graph.shapes.values())
    images = demand.examples * math.prod(demand.graph.input_shape)
    return width * (weights * (3 + slots) + 2 * activations * demand.batch_size) + images


def forward(graph: Graph, weights: Arrays, images: Array) -> dict[str, Array]:
    """The output of every node for a batch, (example, ...); the input's is ``images``."""
    values: dict[str, Array] = {INPUT: images}
    for node in graph.nodes:
        (x,) = (values[name] for name in node.inputs)
        values[node.name] = _forward(node, weights, x)
    return values


def _forward(node: Node, weights: Arrays, x: Array) -> Array:
    match node.op:
        case Flatten():
            return x.reshape(len(x), -1)
        case Linear(bias=bias):
            y: Array = x @ weights[f"{node.name}.weight"].T
            return y + weights[f"{node.name}.bias"] if bias else y
        case Relu():
            return np.maximum(x, 0)
        case op:
            assert_never(op)


def cross_entropy(logits: Array, labels: Labels) -> tuple[Array, Array]:
    """The loss of each example, in nats, (example,), and its gradient by the logits.

    loss = log(sum_c exp(z_c)) - z_label, with the largest logit taken out of the exponential, so
    that no logit overflows. Its gradient is softmax(z) - onehot(label).
    """
    rows = np.arange(len(labels))
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    sums = exponentials.sum(axis=1, keepdims=True)
    losses = np.log(sums[:, 0]) - shifted[rows, labels]
    gradient = exponentials / sums
    gradient[rows, labels] -= 1
    return losses, gradient


def loss_and_gradients(
    graph: Graph, weights: Arrays, images: Array, labels: Labels
) -> tuple[float, dict[str, Array]]:
    """Mean loss over the batch, and its gradient by every parameter, in graph order."""
    values = forward(graph, weights, images)
    losses, by_logits = cross_entropy(values[graph.output], labels)
    # What has been added up so far of the loss's gradient by each node's output. Going backwards
    # through the list, all readers of a node come before the node itself.
    by_output: dict[str, Array] = {graph.output: by_logits / len(labels)}
    by_weight: dict[str, Array] = {}
    for node in reversed(graph.nodes):
        if node.name not in by_output:
            continue  # nothing that leads to the logits reads it
        (name,) = node.inputs
        by_x = _backward(node, weights, values[name], by_output[node.name], by_weight)
        by_output[name] = by_output[name] + by_x if name in by_output else by_x
    gradients = {
        parameter.name: by_weight.get(parameter.name, np.zeros_like(weights[parameter.name]))
        for parameter in graph.parameters
    }
    return float(losses.mean()), gradients


def _backward(
    node: Node, weights: Arrays, x: Array, by_y: Array, by_weight: dict[str, Array]
) -> Array:
    """The gradient by the node's input; those by its parameters are put into ``by_weight``."""
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
            return by_y * (x > 0)
        case op:
            assert_never(op)
