"""Takes a graph and masks; gives what of a pruned network still takes part in its answer.

Effective sparsity as in "Connectivity Matters: Neural Network Pruning Through the Lens of
Effective Sparsity" (Vysogorets and Kempe 2021): a weight that no path from input to output passes
through may be kept, but it changes nothing that depends on the input.

What counts. Units are channels of images and features of vectors. A weight that its mask keeps, and
any weight without a mask, joins a unit of its layer's input to one of its output. Norms, ReLU,
pools and flattening join each unit to itself, an addition both of its inputs to the sum. Values of
weights play no part, and neither do biases and shifts of norms: a unit that only they reach is a
constant, whatever the input, and what leads on from it is on no path. Of a kernel, places that see
nothing but padding join nothing. Where in an image a channel carries something is not followed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltspec.decisions.state import Masks
from ltspec.networks.graph import INPUT, Add, Conv, Flatten, Graph, Linear, Node, Shape

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Paths:
    """What paths from input to output pass through."""

    effective: Mapping[str, int]
    """Of each masked tensor, how many of its weights are kept and lie on a path."""
    collapsed: tuple[str, ...]
    """Weight tensors that no path passes through, masked or not, in graph order. Beside a shortcut
    that is a block without effect."""
    connected: bool
    """Whether there is any path at all; without one the network's answer is a constant."""

    def facts(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return {
            "effective": dict(self.effective),
            "collapsed": list(self.collapsed),
            "connected": self.connected,
        }


def paths(graph: Graph, masks: Masks) -> Paths:
    """Follow every path through the weights that ``masks`` keep; what has no mask is dense.

    Raises ValueError for a mask of another shape than its tensor, or of a tensor that is not there.
    """
    shapes = {parameter.name: parameter.shape for parameter in graph.prunable}
    for name, mask in masks.items():
        if mask.shape != shapes.get(name):
            raise ValueError(f"a mask of {name} has the shape {mask.shape}")
    layers = {
        node.name: _layer(graph, node, masks.get(f"{node.name}.weight"))
        for node in graph.nodes
        if isinstance(node.op, Linear | Conv)
    }
    reached, leading = _reached(graph, layers), _leading(graph, layers)
    effective: dict[str, int] = {}
    collapsed = []
    for node in graph.nodes:
        if node.name not in layers:
            continue
        layer, name = layers[node.name], f"{node.name}.weight"
        ends = layer.by_group(reached[node.inputs[0]]), layer.by_group(leading[node.name])
        # (group, out / groups, in / groups) times how many weights join the two.
        between = layer.counts * (ends[0][:, None, :] & ends[1][:, :, None])
        count = int(between.sum(dtype=np.int64))
        if name in masks:
            effective[name] = count
        if not count:
            collapsed.append(name)
    ordered = {name: effective[name] for name in masks}
    return Paths(ordered, tuple(collapsed), bool(leading[INPUT].any()))


@dataclass(frozen=True, slots=True)
class _Layer:
    """A convolution or linear layer as what it joins."""

    groups: int
    counts: NDArray[np.uint16]
    """(group, out / groups, in / groups): how many weights join the two units."""

    def by_group(self, units: Bools) -> Bools:
        """(unit,) to (group, unit in it)."""
        return units.reshape(self.groups, -1)

    def forward(self, units: Bools) -> Bools:
        """Which outputs any of these inputs is joined to."""
        joined = (self.counts > 0) & self.by_group(units)[:, None, :]
        return joined.any(axis=2).reshape(-1)

    def backward(self, units: Bools) -> Bools:
        """Which inputs are joined to any of these outputs."""
        joined = (self.counts > 0) & self.by_group(units)[:, :, None]
        return joined.any(axis=1).reshape(-1)


def _layer(graph: Graph, node: Node, mask: Bools | None) -> _Layer:
    inner, outer = graph.shapes[node.inputs[0]], graph.shapes[node.name]
    if isinstance(node.op, Linear):
        size = outer[0], inner[0]
        kept = np.ones(size, np.uint16) if mask is None else mask.astype(np.uint16)
        return _Layer(1, kept[None])
    assert isinstance(node.op, Conv)
    groups, seen = node.op.groups, _seen(node.op, inner, outer)
    shape = groups, outer[0] // groups, inner[0] // groups
    if mask is None:
        return _Layer(groups, np.full(shape, np.count_nonzero(seen), np.uint16))
    counts = np.count_nonzero(mask & seen, axis=(2, 3))
    return _Layer(groups, counts.astype(np.uint16).reshape(shape))


def _seen(op: Conv, inner: Shape, outer: Shape) -> Bools:
    """(height, width): the places of a kernel that see a pixel in some window."""
    top, _, left, _ = op.padding
    sides = []
    for axis, before in ((0, top), (1, left)):
        pixels = (
            op.stride[axis] * np.arange(outer[1 + axis])
            + np.arange(op.kernel[axis])[:, None]
            - before
        )
        sides.append(((pixels >= 0) & (pixels < inner[1 + axis])).any(axis=1))
    return np.logical_and.outer(*sides)


def _reached(graph: Graph, layers: Mapping[str, _Layer]) -> dict[str, Bools]:
    """Of every node, the units that a path leads to from the input."""
    reached = {INPUT: np.ones(graph.input_shape[0], np.bool_)}
    for node in graph.nodes:
        units: Bools = reached[node.inputs[0]]
        match node.op:
            case Linear() | Conv():
                units = layers[node.name].forward(units)
            case Flatten():
                units = np.repeat(units, math.prod(graph.shapes[node.inputs[0]][1:]))
            case Add():
                units = units | reached[node.inputs[1]]
        reached[node.name] = units
    return reached


def _leading(graph: Graph, layers: Mapping[str, _Layer]) -> dict[str, Bools]:
    """Of every node, the units that a path leads from to the output."""
    leading = {name: np.zeros(shape[0], np.bool_) for name, shape in graph.shapes.items()}
    leading[graph.output][:] = True
    for node in reversed(graph.nodes):
        units: Bools = leading[node.name]
        if node.name in layers:
            units = layers[node.name].backward(units)
        elif isinstance(node.op, Flatten):
            channels = graph.shapes[node.inputs[0]][0]
            units = units.reshape(channels, -1).any(axis=1).reshape(-1)
        for name in node.inputs:
            leading[name] |= units
    return leading
