"""Takes nothing but the data's shape; gives LeNet-5, in the form that is common today.

Source: LeCun et al. 1998 (Fig. 2), layers of 6 and 16 channels, 120 and 84 units, with ReLU, max
pooling, and every channel of the second convolution connected to all of the first: 61,706
parameters on MNIST, 61,470 of them prunable. No layer is exempt by default.
"""

from __future__ import annotations

from ltspec.networks.draft import Draft
from ltspec.networks.graph import Conv, Flatten, Graph, Linear, MaxPool, Relu, Shape


def lenet5(input_shape: Shape, classes: int) -> Graph:
    """``conv1`` (padded, so that 28 x 28 is like the paper's 32 x 32), ``conv2``, ``fc1`` to
    ``fc3``. Every layer is a block: two stages of a convolution, two of a hidden layer."""
    draft = Draft(input_shape)
    for number, (channels, padding) in enumerate(((6, 2), (16, 0)), start=1):
        draft.add(f"conv{number}", Conv(channels, (5, 5), padding=(padding,) * 4, bias=True))
        draft.add(f"relu{number}", Relu())
        draft.add(f"pool{number}", MaxPool((2, 2), (2, 2)))
        draft.end_block("block", number)
    draft.add("flatten", Flatten())
    for number, width in enumerate((120, 84), start=1):
        draft.add(f"fc{number}", Linear(width))
        draft.add(f"relu{number + 2}", Relu())
        draft.end_block("block", number + 2)
    draft.add("fc3", Linear(classes))
    draft.end_block("classifier")
    return draft.graph()
