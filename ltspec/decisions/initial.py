"""Takes a graph, a rule and a seed; gives the initial weights in float32."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from ltspec.decisions import rng
from ltspec.decisions.exact import Floats
from ltspec.decisions.state import Array
from ltspec.networks.graph import Graph, Parameter

Draw = Callable[[int, int, str, int, str], Floats]


def _scale(parameter: Parameter, rule: str) -> tuple[Draw, float]:
    """The distribution of a weight and its scale: standard deviation, or half-width."""
    fan_in, fan_out = parameter.fan_in, parameter.fan_out
    match rule:
        case "kaiming-normal":  # He et al. 2015, gain of ReLU
            return rng.normal, math.sqrt(2.0 / fan_in)
        case "kaiming-uniform":
            return rng.uniform, math.sqrt(6.0 / fan_in)
        case "glorot-normal":  # Glorot and Bengio 2010
            return rng.normal, math.sqrt(2.0 / (fan_in + fan_out))
        case "glorot-uniform":
            return rng.uniform, math.sqrt(6.0 / (fan_in + fan_out))
    raise ValueError(f"no rule for initial weights is named {rule!r}")


def initial_weights(graph: Graph, rule: str, seed: int, draw: int = 0) -> Mapping[str, Array]:
    """Every parameter of ``graph``, float32, in graph order. Biases are zero.

    Weights come from the stream (seed, "init", draw, name): a layer's weights depend on its own
    name and shape alone. ``draw`` 0 is a replicate's own start; others are for fresh weights.
    """
    weights: dict[str, Array] = {}
    for parameter in graph.parameters:
        if parameter.role == "bias":
            weights[parameter.name] = np.zeros(parameter.shape, np.float32)
            continue
        distribution, scale = _scale(parameter, rule)
        numbers = distribution(parameter.size, seed, "init", draw, parameter.name)
        if distribution is rng.uniform:
            numbers = 2.0 * numbers - 1.0
        weights[parameter.name] = (numbers * scale).astype(np.float32).reshape(parameter.shape)
    return weights
