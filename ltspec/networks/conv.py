"""Takes a number of convolutions; gives Conv-2, Conv-4 or Conv-6.

Source: Frankle and Carbin 2019 (Fig. 2), scaled-down VGGs for CIFAR-10: 4,301,642, 2,425,930 and
2,262,602 parameters there. The paper says 4.3M, 2.4M and 1.7M; the layers that it lists for Conv-6
make 2.26M, which is what later work counts too. No layer is exempt by default. The paper prunes at
a rate of its own in each kind of layer (convolutions 10 or 15%, hidden layers 20%, the classifier
10%).
"""

from __future__ import annotations

from ltspec.networks.draft import Draft
from ltspec.networks.graph import Flatten, Graph, Linear, MaxPool, Relu, Shape

CHANNELS = (64, 128, 256)
"""Of both convolutions of each stage."""
WIDTH = 256
"""Units of each of the two hidden layers."""


def conv(input_shape: Shape, classes: int, layers: int) -> Graph:
    """Pairs of padded 3 x 3 convolutions with biases and ReLU, 2 x 2 max pooling after each pair,
    then ``fc1`` and ``fc2`` with ReLU and the classifier ``fc3``.

    Every layer is a block; each pair is a stage, and the two hidden layers are the last one.
    """
    draft = Draft(input_shape)
    for stage, channels in enumerate(CHANNELS[: layers // 2], start=1):
        for index in range(2):
            number = 2 * stage - 1 + index
            draft.conv(f"conv{number}", channels, 3, bias=True)
            draft.add(f"relu{number}", Relu())
            if index:
                draft.add(f"pool{stage}", MaxPool((2, 2), (2, 2)))
            draft.end_block("block", stage, index)
    draft.add("flatten", Flatten())
    for index in range(2):
        draft.add(f"fc{index + 1}", Linear(WIDTH))
        draft.add(f"relu{layers + index + 1}", Relu())
        draft.end_block("block", layers // 2 + 1, index)
    draft.add("fc3", Linear(classes))
    draft.end_block("classifier")
    return draft.graph()
