"""Takes layer widths; gives the fully connected LeNet (LeNet-300-100 by default).

Source: Frankle and Carbin 2019 (Fig. 2); "Linear Mode Connectivity", Table 1: 266,610 parameters
on MNIST, 266,200 of them prunable. No layer is exempt by default; open_lth and Chen et al. 2021
exempt the classifier, ``fc3.weight`` here.
"""

from __future__ import annotations

from collections.abc import Sequence

from ltspec.networks.draft import Draft
from ltspec.networks.graph import Flatten, Graph, Linear, Relu, Shape


def lenet(input_shape: Shape, classes: int, widths: Sequence[int]) -> Graph:
    """Hidden layers ``fc1``, ``fc2``, ... of the given widths with ReLU, then the classifier.

    The classifier is the last ``fc``: for widths (300, 100) it is ``fc3``. Each hidden layer is a
    block, and layers of one width that follow each other are a stage, so that layers within a
    stage can take each other's place (the MLPs of Chen et al. 2021, Table 5).
    """
    draft = Draft(input_shape)
    draft.add("flatten", Flatten())
    stage = index = before = 0
    for number, width in enumerate(widths, start=1):
        stage, index = (stage, index + 1) if width == before else (stage + 1, 0)
        draft.add(f"fc{number}", Linear(width))
        draft.add(f"relu{number}", Relu())
        draft.end_block("block", stage, index)
        before = width
    draft.add(f"fc{len(widths) + 1}", Linear(classes))
    draft.end_block("classifier")
    return draft.graph()
