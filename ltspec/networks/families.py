"""Takes a spec's model section; gives its graph.

A family is a file here with a function that returns a :class:`Graph`, a case in :func:`build`, and
its keys in ``ltspec.language.model``.
"""

from __future__ import annotations

from typing import Any

from ltspec.errors import GraphError
from ltspec.networks.graph import Graph, Shape
from ltspec.networks.lenet import lenet


def build(model: Any, input_shape: Shape, classes: int) -> Graph:
    """The network that ``model`` (a spec's model section) names, for one data set.

    Raises GraphError when the graph is not legal or does not give one logit a class.
    """
    match model.family:
        case "lenet":
            graph = lenet(input_shape, classes, model.widths)
        case other:
            raise GraphError(f"no family is named {other!r}")
    if graph.shapes[graph.output] != (classes,):
        raise GraphError(f"{model.family} gives {graph.shapes[graph.output]}, not {classes} logits")
    return graph
