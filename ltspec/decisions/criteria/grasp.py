"""Takes a network and examples; gives what each weight does for the norm of the gradient (Wang,
Zhang and Grosse 2020)."""

from __future__ import annotations

import numpy as np

from ltspec.decisions.criteria import Subject
from ltspec.decisions.criteria.means import mean_gradients
from ltspec.decisions.state import Array, Arrays
from ltspec.networks.graph import Graph, Linear, Node

COOLER = "grasp_temperature"
"""The layer that is put behind a network to divide its outputs."""


def score(subject: Subject) -> dict[str, Array]:
    """w (H g): g is the gradient of the mean loss over the examples, H its Hessian ("Picking
    winning tickets before training by preserving gradient flow", equation 8 and Algorithm 2).

    The paper's score is -w (H g), what g g / 2 gains to first order when the weight becomes zero,
    and the highest go first. Here the lowest go first, so the sign is turned.

    g and H are of the weights of all conv and linear layers, as in the authors' code, exempt ones
    too; biases and norm parameters take no part. Weights that are pruned already cannot move, and
    have a gradient of zero. Both are means over the same examples: the sums over two halves in the
    authors' code differ by a factor, which changes no ranking. The loss is of the outputs divided
    by the temperature.
    """
    assert subject.graph is not None
    graph = cooled(subject.graph)
    last = np.identity(subject.graph.classes) / subject.temperature
    weights: Arrays = {**subject.weights, f"{COOLER}.weight": last}
    names = [parameter.name for parameter in subject.graph.prunable]
    flow = mean_gradients(subject, graph, weights, names)
    along = {name: flow[name] * subject.masks.get(name, np.True_) for name in names}
    products = mean_gradients(subject, graph, weights, list(subject.shapes), along)
    return {name: product * subject.weights[name] for name, product in products.items()}


def cooled(graph: Graph) -> Graph:
    """The network with a layer behind it, by which its outputs can be divided."""
    divide = Node(COOLER, Linear(graph.classes, bias=False), (graph.output,))
    return Graph(graph.input_shape, (*graph.nodes, divide))
