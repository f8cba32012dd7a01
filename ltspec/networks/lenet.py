"""Takes layer widths; gives the fully connected LeNet (LeNet-300-100 by default).

Source: Frankle and Carbin 2019 (Fig. 2); "Linear Mode Connectivity", Table 1: 266,610 parameters
on MNIST, 266,200 of them prunable. No layer is exempt by default.
"""

from __future__ import annotations

from collections.abc import Sequence

from ltspec.networks.graph import INPUT, Flatten, Graph, Linear, Node, Relu, Shape


def lenet(input_shape: Shape, classes: int, widths: Sequence[int]) -> Graph:
    """Hidden layers ``fc1``, ``fc2``, ... of the given widths with ReLU, then the classifier.

    The classifier is the last ``fc``: for widths (300, 100) it is ``fc3``.
    """
    nodes = [Node("flatten", Flatten(), (INPUT,))]
    for number, width in enumerate(widths, start=1):
        nodes.append(Node(f"fc{number}", Linear(width), (nodes[-1].name,)))
        nodes.append(Node(f"relu{number}", Relu(), (nodes[-1].name,)))
    nodes.append(Node(f"fc{len(widths) + 1}", Linear(classes), (nodes[-1].name,)))
    return Graph(input_shape, tuple(nodes))
