"""Takes a graph; gives a function from a flat list of parameters and a batch to logits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import assert_never

import tensorflow as tf

from ltspec.engine.backend import INPUT, Flatten, Graph, Linear, Relu

Forward = Callable[[Sequence[tf.Tensor], tf.Tensor], tf.Tensor]
"""(parameters in graph order, images) to logits, (example, class)."""


def lower(graph: Graph) -> Forward:
    """What the graph computes. The order of the parameters is ``graph.parameters``."""
    position = {parameter.name: i for i, parameter in enumerate(graph.parameters)}

    def forward(parameters: Sequence[tf.Tensor], images: tf.Tensor) -> tf.Tensor:
        values = {INPUT: images}
        for node in graph.nodes:
            (name,) = node.inputs
            x = values[name]
            match node.op:
                case Flatten():
                    y = tf.reshape(x, (-1, math.prod(graph.shapes[name])))
                case Linear(bias=bias):
                    y = tf.matmul(x, parameters[position[f"{node.name}.weight"]], transpose_b=True)
                    if bias:
                        y += parameters[position[f"{node.name}.bias"]]
                case Relu():
                    y = tf.nn.relu(x)
                case op:
                    assert_never(op)
            values[node.name] = y
        return values[graph.output]

    return forward
