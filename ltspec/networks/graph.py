"""Takes a list of named operations; gives shapes, parameters, cost and a check that it is legal.

A :class:`Graph` is the network description that every backend lowers. It is plain data without
numpy, so that a spec can be validated and planned in milliseconds.

Canonical layout, on every backend: images are (channel, height, width); a convolution's weight is
(out, in / groups, height, width), a linear one (out, in); parameters come in graph order, a node's
weight before its bias, a norm's scale before its shift.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any, Literal, NamedTuple

from ltspec.errors import GraphError

Shape = tuple[int, ...]
Pair = tuple[int, int]
"""(height, width)."""
Padding = tuple[int, int, int, int]
"""Rows above and below, columns left and right. Always written, never a word such as "same"."""

INPUT = "input"
"""The reserved name of the network's input."""


@dataclass(frozen=True, slots=True)
class Flatten:
    """(channel, height, width) to one axis, in that order."""


@dataclass(frozen=True, slots=True)
class Linear:
    """y = x W^T + b, with W of shape (out, in)."""

    out: int
    """Number of output features."""
    bias: bool = True
    """Whether b is there."""


@dataclass(frozen=True, slots=True)
class Relu:
    """max(x, 0); its derivative at 0 is 0."""


@dataclass(frozen=True, slots=True)
class Conv:
    """Cross-correlation of a zero-padded image with W, (out, in / groups, height, width).

    y[o, i, j] = b[o] + sum over c, u, v of W[o, c, u, v] x[g + c, stride i + u, stride j + v],
    where g is the first channel of o's group. As many groups as channels is depthwise.
    """

    out: int
    """Number of output channels."""
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Padding = (0, 0, 0, 0)
    groups: int = 1
    """Output channels of each group see the input channels of that group alone."""
    bias: bool = False


@dataclass(frozen=True, slots=True)
class BatchNorm:
    """Ioffe and Szegedy 2015: y = scale (x - mean) / sqrt(variance + epsilon) + shift, per channel.

    In training, mean and variance are those of the batch, over examples and pixels, the variance
    divided by their number n; the running ones move by r = (1 - momentum) r + momentum b, where b
    is the batch's mean, and its variance divided by n - 1 (by n when n is 1). In evaluation they
    are the running ones.
    """

    epsilon: float = 1e-5
    momentum: float = 0.1
    """The share of the newest batch in the running statistics."""


@dataclass(frozen=True, slots=True)
class MaxPool:
    """The largest value of each window; padding is below every value. Of several largest ones in a
    window, the first in row order gets the gradient."""

    kernel: Pair
    stride: Pair
    padding: Padding = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class AvgPool:
    """The mean of each window, padding counted as zeros: always divided by the kernel's size."""

    kernel: Pair
    stride: Pair
    padding: Padding = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class GlobalAvgPool:
    """(channel, height, width) to (channel,): the mean over all pixels."""


@dataclass(frozen=True, slots=True)
class Add:
    """The sum of two inputs of the same shape."""


Op = Flatten | Linear | Relu | Conv | BatchNorm | MaxPool | AvgPool | GlobalAvgPool | Add
OPS: Mapping[str, type[Op]] = {
    "flatten": Flatten,
    "linear": Linear,
    "relu": Relu,
    "conv": Conv,
    "batch-norm": BatchNorm,
    "max-pool": MaxPool,
    "avg-pool": AvgPool,
    "global-avg-pool": GlobalAvgPool,
    "add": Add,
}
"""Every operation by the name that it carries in a plan file."""


@dataclass(frozen=True, slots=True)
class Node:
    """One operation with its name and where its input comes from."""

    name: str
    op: Op
    inputs: tuple[str, ...]


# Named tuples are defined several times as fast as frozen dataclasses, at each start of a process.
class Parameter(NamedTuple):
    """One trainable tensor."""

    name: str
    """For example ``fc1.weight``."""
    shape: Shape
    role: Literal["weight", "bias", "scale", "shift"]
    """``scale`` and ``shift`` are those of a norm."""
    fan_in: int
    """Inputs that one output sums over; what the initialisers scale by."""
    fan_out: int

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)

    @property
    def prunable(self) -> bool:
        """Weights of conv and linear layers are; biases and norm parameters never."""
        return self.role == "weight"


class Buffer(NamedTuple):
    """One tensor that training moves without a gradient: running statistics of a norm."""

    name: str
    """For example ``norm1.running_mean``."""
    shape: Shape
    initial: float
    """What every entry starts as: 0 for a mean, 1 for a variance."""


@dataclass(frozen=True, slots=True)
class Block:
    """Nodes that elastic transfer moves together: a residual block, a convolution with its norm."""

    name: str
    """``stem``, ``stage1.block0``, ``classifier``."""
    role: Literal["stem", "block", "classifier"]
    nodes: tuple[str, ...]
    stage: int = 0
    """From 1; 0 for stem and classifier."""
    index: int = 0
    """Place in its stage, from 0. The first block of a stage may change resolution and width."""


@dataclass(frozen=True)
class Graph:
    """A network: operations in the order in which they run. The last one gives the logits."""

    input_shape: Shape
    """Shape of one example, (channel, height, width)."""
    nodes: tuple[Node, ...]
    blocks: tuple[Block, ...] = field(default=(), compare=False)
    """Every node in exactly one block, in graph order; empty where a family says nothing. What the
    network computes does not depend on it."""

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Output shape of every node for one example (no batch axis), the input's included.

        Raises GraphError where a name is used twice or not yet known, or a shape does not fit.
        """
        shapes: dict[str, Shape] = {INPUT: self.input_shape}
        for node in self.nodes:
            if node.name in shapes:
                raise GraphError(f"two nodes are named {node.name!r}")
            unknown = [name for name in node.inputs if name not in shapes]
            if unknown:
                raise GraphError(
                    f"node {node.name!r} reads {unknown[0]!r}, which comes later or never"
                )
            shape = _output_shape(node, [shapes[name] for name in node.inputs])
            if min(shape) < 1:
                raise GraphError(f"node {node.name!r} gives nothing: {shape}")
            shapes[node.name] = shape
        if not self.nodes:
            raise GraphError("a network needs at least one node")
        return shapes

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Every trainable tensor, in graph order."""
        return tuple(
            parameter
            for node in self.nodes
            for parameter in _parameters_of(node, self.shapes[node.inputs[0]])
        )

    @cached_property
    def buffers(self) -> tuple[Buffer, ...]:
        """Every running statistic, in graph order."""
        return tuple(
            buffer
            for node in self.nodes
            if isinstance(node.op, BatchNorm)
            for shape in [self.shapes[node.name][:1]]
            for buffer in (
                Buffer(f"{node.name}.running_mean", shape, 0.0),
                Buffer(f"{node.name}.running_var", shape, 1.0),
            )
        )

    @property
    def prunable(self) -> tuple[Parameter, ...]:
        """The parameters that a mask may cover, in graph order."""
        return tuple(parameter for parameter in self.parameters if parameter.prunable)

    @property
    def output(self) -> str:
        """Name of the node that gives the logits."""
        return self.nodes[-1].name

    @property
    def classes(self) -> int:
        """Number of logits."""
        return self.shapes[self.output][0]

    @cached_property
    def forward_flops(self) -> int:
        """Floating-point operations for one example forward; a multiply-add counts as two."""
        return sum(
            _flops(node, self.shapes[node.inputs[0]], self.shapes[node.name]) for node in self.nodes
        )

    def describe(self) -> dict[str, Any]:
        """The graph as JSON-ready data; :meth:`from_description` reads it back."""
        blocks = [{**asdict(block), "nodes": list(block.nodes)} for block in self.blocks]
        return {**self.meaning(), **({"blocks": blocks} if blocks else {})}

    def meaning(self) -> dict[str, Any]:
        """What the network computes, as JSON-ready data: the description without its blocks."""
        return {
            "input_shape": list(self.input_shape),
            "nodes": [
                {
                    "name": node.name,
                    "op": _name_of(node.op),
                    **{name: _plain(value) for name, value in asdict(node.op).items()},
                    "inputs": list(node.inputs),
                }
                for node in self.nodes
            ],
        }

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Graph:
        """Inverse of :meth:`describe`. Raises GraphError for an unknown operation."""
        nodes = []
        for entry in description["nodes"]:
            kind = OPS.get(entry["op"])
            if kind is None:
                raise GraphError(f"unknown operation {entry['op']!r}")
            op = kind(**{each.name: _frozen(entry[each.name]) for each in fields(kind)})
            nodes.append(Node(entry["name"], op, tuple(entry["inputs"])))
        blocks = tuple(
            Block(**{name: _frozen(value) for name, value in block.items()})
            for block in description.get("blocks", ())
        )
        return cls(tuple(description["input_shape"]), tuple(nodes), blocks)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _name_of(op: Op) -> str:
    return next(name for name, kind in OPS.items() if type(op) is kind)


def _output_shape(node: Node, inputs: list[Shape]) -> Shape:
    wanted = 2 if isinstance(node.op, Add) else 1
    if len(inputs) != wanted:
        raise GraphError(f"node {node.name!r} takes {wanted} inputs, not {len(inputs)}")
    shape = inputs[0]
    match node.op:
        case Flatten():
            return (math.prod(shape),)
        case Linear(out=out):
            if len(shape) != 1:
                raise GraphError(f"linear layer {node.name!r} needs a flat input, not {shape}")
            return (out,)
        case Relu():
            return shape
        case Add():
            if inputs[1] != shape:
                raise GraphError(f"{node.name!r} cannot add {inputs[1]} to {shape}")
            return shape
        case BatchNorm(epsilon=epsilon, momentum=momentum):
            if not (0 < epsilon < math.inf and 0 <= momentum <= 1):
                raise GraphError(f"{node.name!r} has epsilon {epsilon} and momentum {momentum}")
            return _image(node, shape)
        case Conv(out=out, groups=groups):
            channels = _image(node, shape)[0]
            if groups < 1 or channels % groups or out % groups:
                raise GraphError(
                    f"{node.name!r} cannot split {channels} channels into {out} by {groups} groups"
                )
            return (out, *_windows(node, node.op, shape))
        case MaxPool() | AvgPool():
            return (_image(node, shape)[0], *_windows(node, node.op, shape))
        case GlobalAvgPool():
            return (_image(node, shape)[0],)


def _image(node: Node, shape: Shape) -> Shape:
    if len(shape) != 3:
        raise GraphError(f"{node.name!r} needs (channel, height, width), not {shape}")
    return shape


def _windows(node: Node, op: Conv | MaxPool | AvgPool, shape: Shape) -> Pair:
    """How many windows there are, down and across; the last ones may not reach the edge."""
    top, bottom, left, right = op.padding
    sizes = (shape[1] + top + bottom, shape[2] + left + right)
    if min(op.kernel) < 1 or min(op.stride) < 1 or min(op.padding) < 0:
        raise GraphError(f"{node.name!r} has a window of {op.kernel} by steps of {op.stride}")
    if any(kernel > size for kernel, size in zip(op.kernel, sizes, strict=True)):
        raise GraphError(
            f"{node.name!r}: a window of {op.kernel} does not fit into {shape}", code="LT217"
        )
    reach = (op.kernel[0], op.kernel[0], op.kernel[1], op.kernel[1])
    if isinstance(op, MaxPool) and any(p >= k for p, k in zip(op.padding, reach, strict=True)):
        raise GraphError(f"{node.name!r}: a window of {op.kernel} would hold nothing but padding")
    down, across = (
        (size - kernel) // stride + 1
        for size, kernel, stride in zip(sizes, op.kernel, op.stride, strict=True)
    )
    return down, across


def _parameters_of(node: Node, input_shape: Shape) -> tuple[Parameter, ...]:
    match node.op:
        case Linear(out=out, bias=bias):
            (fan_in,) = input_shape
            weight = Parameter(f"{node.name}.weight", (out, fan_in), "weight", fan_in, out)
            shift = Parameter(f"{node.name}.bias", (out,), "bias", fan_in, out)
            return (weight, shift) if bias else (weight,)
        case Conv(out=out, kernel=kernel, groups=groups, bias=bias):
            inputs, area = input_shape[0] // groups, math.prod(kernel)
            fans = inputs * area, out * area
            weight = Parameter(f"{node.name}.weight", (out, inputs, *kernel), "weight", *fans)
            shift = Parameter(f"{node.name}.bias", (out,), "bias", *fans)
            return (weight, shift) if bias else (weight,)
        case BatchNorm():
            channels = input_shape[0]
            return (
                Parameter(f"{node.name}.scale", (channels,), "scale", 1, 1),
                Parameter(f"{node.name}.shift", (channels,), "shift", 1, 1),
            )
        case _:
            return ()


def _flops(node: Node, input_shape: Shape, output_shape: Shape) -> int:
    size = math.prod(output_shape)
    match node.op:
        case Linear(out=out, bias=bias):
            return 2 * input_shape[0] * out + (out if bias else 0)
        case Conv(kernel=kernel, groups=groups, bias=bias):
            return size * (2 * (input_shape[0] // groups) * math.prod(kernel) + bias)
        case BatchNorm():
            return 2 * size
        case MaxPool(kernel=kernel) | AvgPool(kernel=kernel):
            return size * math.prod(kernel)
        case GlobalAvgPool():
            return math.prod(input_shape)
        case Relu() | Add():
            return size
        case Flatten():
            return 0
