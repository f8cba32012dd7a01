"""Takes a list of named operations; gives shapes, parameters, cost and a check that it is legal.

A :class:`Graph` is the network description that every backend lowers. It is plain data without
numpy, so that a spec can be validated and planned in milliseconds.

Canonical layout, on every backend: images are (channel, height, width); a linear weight is
(out, in); parameters come in graph order, a node's weight before its bias.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, Literal

from ltspec.errors import GraphError

Shape = tuple[int, ...]

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


Op = Flatten | Linear | Relu
OPS: Mapping[str, type[Op]] = {"flatten": Flatten, "linear": Linear, "relu": Relu}
"""Every operation by the name that it carries in a plan file."""


@dataclass(frozen=True, slots=True)
class Node:
    """One operation with its name and where its input comes from."""

    name: str
    op: Op
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One trainable tensor."""

    name: str
    """For example ``fc1.weight``."""
    shape: Shape
    role: Literal["weight", "bias"]
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


@dataclass(frozen=True)
class Graph:
    """A network: operations in the order in which they run. The last one gives the logits."""

    input_shape: Shape
    """Shape of one example, (channel, height, width)."""
    nodes: tuple[Node, ...]

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
            shapes[node.name] = _output_shape(node, [shapes[name] for name in node.inputs])
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
        return {
            "input_shape": list(self.input_shape),
            "nodes": [
                {
                    "name": node.name,
                    "op": _name_of(node.op),
                    **asdict(node.op),
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
            op = kind(**{field.name: entry[field.name] for field in fields(kind)})
            nodes.append(Node(entry["name"], op, tuple(entry["inputs"])))
        return cls(tuple(description["input_shape"]), tuple(nodes))


def _name_of(op: Op) -> str:
    return next(name for name, kind in OPS.items() if type(op) is kind)


def _output_shape(node: Node, inputs: list[Shape]) -> Shape:
    if len(inputs) != 1:
        raise GraphError(f"node {node.name!r} takes one input, not {len(inputs)}")
    (shape,) = inputs
    match node.op:
        case Flatten():
            return (math.prod(shape),)
        case Linear(out=out):
            if len(shape) != 1:
                raise GraphError(f"linear layer {node.name!r} needs a flat input, not {shape}")
            return (out,)
        case Relu():
            return shape


def _parameters_of(node: Node, input_shape: Shape) -> tuple[Parameter, ...]:
    match node.op:
        case Linear(out=out, bias=bias):
            (fan_in,) = input_shape
            weight = Parameter(f"{node.name}.weight", (out, fan_in), "weight", fan_in, out)
            shift = Parameter(f"{node.name}.bias", (out,), "bias", fan_in, out)
            return (weight, shift) if bias else (weight,)
        case _:
            return ()


def _flops(node: Node, input_shape: Shape, output_shape: Shape) -> int:
    match node.op:
        case Linear(out=out, bias=bias):
            return 2 * input_shape[0] * out + (out if bias else 0)
        case Relu():
            return math.prod(output_shape)
        case Flatten():
            return 0
