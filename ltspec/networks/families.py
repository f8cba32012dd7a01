"""Takes a spec's model section; gives its graph.

A family is a file here with a function that returns a :class:`Graph`, a case in :func:`drawn`,
and its keys in ``ltspec.language.model``.
"""

from __future__ import annotations

from typing import Any

from ltspec.errors import GraphError
from ltspec.networks.cifar_resnet import cifar_resnet
from ltspec.networks.cifar_vgg import cifar_vgg
from ltspec.networks.conv import conv
from ltspec.networks.graph import Graph, Shape
from ltspec.networks.imagenet_resnet import imagenet_resnet
from ltspec.networks.lenet import lenet
from ltspec.networks.lenet5 import lenet5
from ltspec.networks.mobilenet_v1 import mobilenet_v1

LARGEST_SIDE = 512
"""Up to here the size of images that a network needs is looked for."""


def build(model: Any, input_shape: Shape, classes: int) -> Graph:
    """The network that ``model`` (a spec's model section) names, for one data set.

    Raises GraphError when the graph is not legal or does not give one logit a class. Its ``key``
    names the key of the section that is to blame: images too small for the network (LT217), a
    depth that its family does not have (LT218), a function that gives no network (LT219).
    """
    graph = drawn(model, input_shape, classes)
    try:
        logits = graph.shapes[graph.output]
    except GraphError as error:
        if error.code != "LT217":
            raise
        height, width = input_shape[1:]
        raise GraphError(
            f"images of {height} x {width} are too small for {model.family}: {error.message}",
            code="LT217",
            hint=_smallest_images(model, input_shape, classes),
            key="family",
        ) from error
    if logits != (classes,):
        raise GraphError(f"{model.family} gives {logits}, not {classes} logits")
    return graph


def drawn(model: Any, input_shape: Shape, classes: int) -> Graph:
    """The same, whether or not images can pass through it. Raises GraphError (LT218, LT219)."""
    match model.family:
        case "lenet":
            return lenet(input_shape, classes, model.widths)
        case "lenet5":
            return lenet5(input_shape, classes)
        case "conv":
            return conv(input_shape, classes, model.layers)
        case "cifar-vgg":
            return cifar_vgg(input_shape, classes, model.depth, model.classifier)
        case "cifar-resnet":
            return cifar_resnet(input_shape, classes, model.depth, model.width)
        case "imagenet-resnet":
            return imagenet_resnet(input_shape, classes, model.depth, model.width, model.stem)
        case "mobilenet-v1":
            return mobilenet_v1(input_shape, classes, model.blocks)
        case "custom":
            from ltspec.networks.custom import custom  # what it imports, the other families do not

            return custom(input_shape, classes, model.function, model.options)
        case other:
            raise GraphError(f"no family is named {other!r}")


def _smallest_images(model: Any, input_shape: Shape, classes: int) -> str:
    """A hint with the smallest square images that a network takes."""
    for side in range(1, LARGEST_SIDE + 1):
        try:
            _ = drawn(model, (input_shape[0], side, side), classes).shapes
        except GraphError:
            continue
        return f"it takes images from {side} x {side} on"
    return ""
