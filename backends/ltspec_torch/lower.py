"""Takes a graph; gives a function from a flat list of parameters and a batch to logits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import assert_never

from torch import Tensor
from torch.nn import functional

from ltspec.engine.backend import INPUT, Flatten, Graph, Linear, Relu

Forward = Callable[[Sequence[Tensor], Tensor], Tensor]
"""(parameters in graph order, images) to logits, (example, class)."""


def lower(graph: Graph) -> Forward:
    """What the graph computes. The order of the parameters is ``graph.parameters``."""
    position = {parameter.name: i for i, parameter in enumerate(graph.parameters)}

    def forward(parameters: Sequence[Tensor], images: Tensor) -> Tensor:
        values = {INPUT: images}
        for node in graph.nodes:
            (x,) = (values[name] for name in node.inputs)
            match node.op:
                case Flatten():
                    y = x.flatten(1)
                case Linear(bias=bias):
                    weight = parameters[position[f"{node.name}.weight"]]
                    shift = parameters[position[f"{node.name}.bias"]] if bias else None
                    y = functional.linear(x, weight, shift)
                case Relu():
                    y = functional.relu(x)
                case op:
                    assert_never(op)
            values[node.name] = y
        return values[graph.output]

    return forward
