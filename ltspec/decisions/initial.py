"""Takes a graph, rules and a seed; gives the initial weights and statistics in float32."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ltspec.decisions import rng
from ltspec.decisions.exact import Floats
from ltspec.decisions.orthogonal import orthonormal
from ltspec.decisions.state import Array
from ltspec.networks.graph import Graph, Parameter


def initial_weights(
    graph: Graph, rule: str, seed: int, draw: int = 0, norm_scale: str = "one"
) -> Mapping[str, Array]:
    """Every parameter of ``graph``, float32, in graph order.

    ``rule`` is for weights of conv and linear layers, ``norm_scale`` for the scales of norms:
    ``one``, or ``uniform`` in (0, 1). Biases and the shifts of norms are zero.

    Numbers come from the stream (seed, "init", draw, name): a layer's weights depend on its own
    name and shape alone. ``draw`` 0 is a replicate's own start; others are for fresh weights.
    """
    weights: dict[str, Array] = {}
    for parameter in graph.parameters:
        match parameter.role:
            case "weight":
                numbers = _weight(parameter, rule, seed, draw)
            case "scale":
                numbers = _scale(parameter, norm_scale, seed, draw)
            case "bias" | "shift":
                numbers = np.zeros(parameter.size)
        weights[parameter.name] = numbers.astype(np.float32).reshape(parameter.shape)
    return weights


def initial_buffers(graph: Graph) -> Mapping[str, Array]:
    """Every running statistic of ``graph``, float32, in graph order: means 0 and variances 1."""
    return {
        buffer.name: np.full(buffer.shape, buffer.initial, np.float32) for buffer in graph.buffers
    }


def _weight(parameter: Parameter, rule: str, seed: int, draw: int) -> Floats:
    """A weight by its rule, flat."""
    fan_in, fan_out = parameter.fan_in, parameter.fan_out
    match rule:
        case "kaiming-normal":  # He et al. 2015, gain of ReLU
            return _normal(parameter, seed, draw) * math.sqrt(2.0 / fan_in)
        case "kaiming-uniform":
            return _symmetric(parameter, seed, draw) * math.sqrt(6.0 / fan_in)
        case "glorot-normal":  # Glorot and Bengio 2010
            return _normal(parameter, seed, draw) * math.sqrt(2.0 / (fan_in + fan_out))
        case "glorot-uniform":
            return _symmetric(parameter, seed, draw) * math.sqrt(6.0 / (fan_in + fan_out))
        case "orthogonal":  # Saxe et al. 2014, of the matrix (out, the rest), gain of ReLU
            matrix = _normal(parameter, seed, draw).reshape(parameter.shape[0], -1)
            return orthonormal(matrix).ravel() * math.sqrt(2.0)
        case "binary":  # the signs of kaiming-normal, all of its standard deviation
            return np.copysign(math.sqrt(2.0 / fan_in), _normal(parameter, seed, draw))
    raise ValueError(f"no rule for initial weights is named {rule!r}")


def _scale(parameter: Parameter, rule: str, seed: int, draw: int) -> Floats:
    """A norm's scale by its rule."""
    match rule:
        case "one":
            return np.ones(parameter.size)
        case "uniform":
            return rng.uniform(parameter.size, seed, "init", draw, parameter.name)
    raise ValueError(f"no rule for the scales of norms is named {rule!r}")


def _normal(parameter: Parameter, seed: int, draw: int) -> Floats:
    """Standard normal numbers."""
    return rng.normal(parameter.size, seed, "init", draw, parameter.name)


def _symmetric(parameter: Parameter, seed: int, draw: int) -> Floats:
    """Uniform numbers in (-1, 1)."""
    return 2.0 * rng.uniform(parameter.size, seed, "init", draw, parameter.name) - 1.0
