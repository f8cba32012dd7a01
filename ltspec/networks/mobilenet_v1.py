"""Takes a number of blocks; gives MobileNet-V1 for CIFAR-10.

Source: Howard et al. 2017 (Table 1) with a 3 x 3 stem of stride 1 and four halvings, as in the
code of Chen et al. 2021 (3, 5 and 10 repeated blocks; 5 is the original): 3,217,226 parameters on
CIFAR-10 with 5, of which 3,195,328 are prunable. No layer is exempt by default, as there.
"""

from __future__ import annotations

from functools import lru_cache

from ltspec.networks.draft import Draft
from ltspec.networks.graph import GlobalAvgPool, Graph, Linear, Shape


@lru_cache(maxsize=4)  # rules and passes each ask for the network
def mobilenet_v1(input_shape: Shape, classes: int, blocks: int) -> Graph:
    """A stem of 32 channels, then pairs of a 3 x 3 depthwise and a 1 x 1 convolution with norm and
    ReLU after each, the mean over all pixels, ``fc``.

    A pair is a block. Stages begin where the channels change: 64; 128, 128; 256, 256; 512 and
    ``blocks`` times 512; 1024, 1024.
    """
    draft = Draft(input_shape)
    draft.conv("conv1", 32, 3)
    draft.norm_relu("norm1", "relu1")
    draft.end_block("stem")
    channels = 32
    for stage, repeats in enumerate((1, 2, 2, 1 + blocks, 2), start=1):
        width = 32 * 2**stage
        for index in range(repeats):
            name = f"stage{stage}.block{index}"
            stride = 2 if stage > 1 and index == 0 else 1
            draft.conv(f"{name}.depthwise", channels, 3, stride, groups=channels)
            draft.norm_relu(f"{name}.norm1", f"{name}.relu1")
            draft.conv(f"{name}.pointwise", width, 1)
            draft.norm_relu(f"{name}.norm2", f"{name}.relu2")
            draft.end_block("block", stage, index)
            channels = width
    draft.add("pool", GlobalAvgPool())
    draft.add("fc", Linear(classes))
    draft.end_block("classifier")
    return draft.graph()
