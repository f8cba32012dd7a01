"""Takes a graph; gives which of torchvision's and timm's ResNets it is.

A network is one of theirs if it computes exactly the same: 3 channels in, 64 after the stem of
7 x 7, the v1.5 form. Their ResNet-26, where they have one, is made of bottlenecks and is not ours.
"""

from __future__ import annotations

from ltspec.errors import UsageError
from ltspec.networks.graph import Graph
from ltspec.networks.imagenet_resnet import imagenet_resnet

DEPTHS = (18, 34, 50, 101, 152)
"""That torchvision has."""
WIDTH = 64


def depth_of(graph: Graph) -> int:
    """Which of torchvision's ResNets the graph is.

    Raises UsageError (LT421) where it is none.
    """
    if len(graph.input_shape) == 3 and graph.input_shape[0] == 3:
        for depth in DEPTHS:
            theirs = imagenet_resnet(graph.input_shape, graph.classes, depth, WIDTH, "imagenet")
            if theirs.meaning() == graph.meaning():
                return depth
    raise UsageError(
        "the ticket's network is none that torchvision has: they are the imagenet-resnet of "
        f"depth {', '.join(map(str, DEPTHS[:-1]))} or {DEPTHS[-1]} with 3 channels in, `width` "
        f"{WIDTH} and the `imagenet` stem",
        code="LT421",
        hint="write --to torch, which writes the code of any network",
    )
