"""Takes depth, width and stem; gives a ResNet for ImageNet, in the v1.5 form.

Source: He et al. 2016 (Table 1), with the stride of bottlenecks in their 3 x 3 convolution and no
biases of convolutions, as in torchvision: 11,689,512 parameters for ResNet-18 and 25,557,032 for
ResNet-50 at 1,000 classes. ResNet-26 is that of Chen et al. 2021: two-layer blocks, 2, 3, 4 and 3.
No layer is exempt by default, as in the papers.

torchvision's names are ours with ``layer1.0`` for ``stage1.block0``, ``bn1`` for ``norm1``,
``downsample.0`` and ``.1`` for ``shortcut.conv`` and ``.norm``, and ``weight`` and ``bias`` for
``scale`` and ``shift`` of norms.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from ltspec.networks.draft import Draft
from ltspec.networks.graph import GlobalAvgPool, Graph, Linear, MaxPool, Shape
from ltspec.networks.residual import residual_stage

BLOCKS = {
    18: (2, 2, 2, 2),
    26: (2, 3, 4, 3),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
"""How many there are in each stage, by depth. From depth 50 on they are bottlenecks."""


@lru_cache(maxsize=4)  # rules and passes each ask for the network
def imagenet_resnet(
    input_shape: Shape,
    classes: int,
    depth: int,
    width: int,
    stem: Literal["imagenet", "cifar"],
) -> Graph:
    """``conv1`` (7 x 7, stride 2, then 3 x 3 max pooling; with the ``cifar`` stem 3 x 3 alone),
    four stages with ``width``, 2, 4 and 8 times ``width`` channels, the mean over all pixels,
    ``fc``."""
    draft = Draft(input_shape)
    small = stem == "cifar"
    draft.conv("conv1", width, 3 if small else 7, 1 if small else 2)
    draft.norm_relu("norm1", "relu1")
    if not small:
        draft.add("maxpool", MaxPool((3, 3), (2, 2), (1, 1, 1, 1)))
    draft.end_block("stem")
    channels = width
    for stage, blocks in enumerate(BLOCKS[depth], start=1):
        channels = residual_stage(
            draft,
            stage,
            blocks,
            channels,
            width * 2 ** (stage - 1),
            stride=1 if stage == 1 else 2,
            bottleneck=depth >= 50,
        )
    draft.add("pool", GlobalAvgPool())
    draft.add("fc", Linear(classes))
    draft.end_block("classifier")
    return draft.graph()
