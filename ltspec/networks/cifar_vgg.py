"""Takes a depth; gives a VGG with batch norm for CIFAR-10, in the form of the lottery papers.

Source: Simonyan and Zisserman 2015 (Table 1: A, B, D, E) as in open_lth (``cifar_vgg``): no hidden
layers behind the convolutions, which have biases. VGG-16 has 14,728,266 parameters on CIFAR-10,
14,715,584 of them prunable. More classifier layers are those of Chen et al. 2021 (Table 5:
VGG-13-2, -3, -5), of 512 units each as in their code. No layer is exempt by default; the papers
exempt the last, ``fc.weight``.
"""

from __future__ import annotations

from functools import lru_cache

from ltspec.networks.draft import Draft
from ltspec.networks.graph import GlobalAvgPool, Graph, Linear, MaxPool, Relu, Shape

CHANNELS = (64, 128, 256, 512, 512)
"""Of every convolution of each stage."""
CONVOLUTIONS = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
"""How many there are in each stage, by depth."""


@lru_cache(maxsize=4)  # rules and passes each ask for the network
def cifar_vgg(input_shape: Shape, classes: int, depth: int, classifier: int) -> Graph:
    """Five stages with 2 x 2 max pooling between them, the mean over all pixels, ``classifier``
    linear layers: ``fc1``, ``fc2``, ... with ReLU, and ``fc``.

    A convolution with its norm is a block; a stage's first one has the pooling before it. The
    hidden layers ``fc1``, ``fc2``, ... are the blocks of stage 6.
    """
    draft = Draft(input_shape)
    for stage, channels in enumerate(CHANNELS, start=1):
        for index in range(CONVOLUTIONS[depth][stage - 1]):
            name = f"stage{stage}.block{index}"
            if stage > 1 and index == 0:
                draft.add(f"{name}.pool", MaxPool((2, 2), (2, 2)))
            draft.conv(f"{name}.conv", channels, 3, bias=True)
            draft.norm_relu(f"{name}.norm", f"{name}.relu")
            draft.end_block("block", stage, index)
    draft.add("pool", GlobalAvgPool())
    for index in range(classifier - 1):
        draft.add(f"fc{index + 1}", Linear(CHANNELS[-1]))
        draft.add(f"relu{index + 1}", Relu())
        draft.end_block("block", len(CHANNELS) + 1, index)
    draft.add("fc", Linear(classes))
    draft.end_block("classifier")
    return draft.graph()
