"""Takes depth and width; gives a ResNet for CIFAR-10.

Source: He et al. 2016, section 4.2, with projection shortcuts (1 x 1 convolution and norm) as in
open_lth (``cifar_resnet``). ResNet-20 has 272,474 parameters on CIFAR-10, 270,896 of them
prunable. Early lottery papers call it ResNet-18. No layer is exempt by default, as in the papers.
"""

from __future__ import annotations

from functools import lru_cache

from ltspec.errors import GraphError
from ltspec.networks.draft import Draft
from ltspec.networks.graph import GlobalAvgPool, Graph, Linear, Shape
from ltspec.networks.residual import residual_stage


@lru_cache(maxsize=4)  # rules and passes each ask for the network
def cifar_resnet(input_shape: Shape, classes: int, depth: int, width: int) -> Graph:
    """``conv1``, three stages of (depth - 2) / 6 blocks with ``width``, 2 and 4 times ``width``
    channels, the mean over all pixels, ``fc``.

    Raises GraphError (LT218) for a depth that is not 6n + 2.
    """
    blocks, rest = divmod(depth - 2, 6)
    if rest:
        raise GraphError(
            f"a CIFAR ResNet has 6n + 2 layers, which {depth} is not",
            code="LT218",
            hint=f"write {depth - rest} or {depth - rest + 6}",
            key="depth",
        )
    draft = Draft(input_shape)
    draft.conv("conv1", width, 3)
    draft.norm_relu("norm1", "relu1")
    draft.end_block("stem")
    channels = width
    for stage in (1, 2, 3):
        size, stride = width * 2 ** (stage - 1), 1 if stage == 1 else 2
        channels = residual_stage(draft, stage, blocks, channels, size, stride=stride)
    draft.add("pool", GlobalAvgPool())
    draft.add("fc", Linear(classes))
    draft.end_block("classifier")
    return draft.graph()
