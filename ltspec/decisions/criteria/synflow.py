"""Takes a network; gives the synaptic flow through each of its weights (Tanaka et al. 2020)."""

from __future__ import annotations

import math

import numpy as np

from ltspec.data.dataset import Split
from ltspec.decisions.criteria import Subject
from ltspec.decisions.state import Array, Arrays
from ltspec.networks.graph import Graph, Linear, Node

READOUT = "synflow_sum"
"""The layer that is put behind a network to add up its outputs."""


def score(subject: Subject) -> dict[str, Array]:
    """|dR/dw w|, R being the sum of the outputs for an input of ones, of the network whose
    parameters and running statistics all have their absolute values ("Pruning neural networks
    without any data", Algorithm 1; norms in evaluation mode, as in the authors' code)."""
    _, by_weight = flow(subject)
    return {name: np.abs(by_weight[name] * subject.weights[name]) for name in subject.shapes}


def flow(subject: Subject) -> tuple[float, dict[str, Array]]:
    """R, and its gradient by the absolute value of every parameter.

    A backend gives gradients of a cross-entropy, so R is read out through one: behind the network
    comes a layer with the two outputs 0 and R. The cross-entropy of the first is log(1 + e^R), and
    its derivative by R is 1 / (1 + e^-R), by which the gradient is divided. R is not negative where
    outputs are sums of what is not, so that the divisor is at least a half.
    """
    assert subject.graph is not None
    graph, weights = subject.graph, _sizes(subject.weights)
    reader = Node(READOUT, Linear(2, bias=False), (graph.output,))
    weights[f"{READOUT}.weight"] = np.stack([np.zeros(graph.classes), np.ones(graph.classes)])
    loss, gradients = subject.gradients(
        Graph(graph.input_shape, (*graph.nodes, reader)),
        _ones(graph),
        weights,
        _sizes(subject.buffers),
        np.zeros(1, np.int64),
        "eval",
    )
    slope = -math.expm1(-loss)  # of a loss of log(1 + e^R)
    total = loss + math.log(slope) if slope > 0 else -math.inf
    return total, {name: gradients[name] / slope for name in subject.weights}


def _sizes(arrays: Arrays) -> dict[str, Array]:
    return {name: np.abs(array.astype(np.float64)) for name, array in arrays.items()}


def _ones(graph: Graph) -> Split:
    """One example of the first class, all of whose numbers are 1."""
    channels = graph.input_shape[0]
    return Split(
        images=np.ones((1, *graph.input_shape), np.uint8),
        labels=np.zeros(1, np.uint8),
        scale=np.ones(channels, np.float32),
        shift=np.zeros(channels, np.float32),
    )
