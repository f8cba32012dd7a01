"""Takes a graph; gives what other tools call its tensors: PyTorch, torchvision, Keras.

PyTorch and Keras name a tensor after the attribute or layer that holds it, so their names are those
of the code that ltspec writes for a network (:mod:`ltspec.networks.code.outline`). torchvision and
timm share the names of the ImageNet ResNets.
"""

from __future__ import annotations

from ltspec.networks.code.outline import Outline, Place
from ltspec.networks.graph import BatchNorm, Conv, Graph, Node, Shape

COUNTER = "num_batches_tracked"
"""What torch's norms have beside their statistics, and use for nothing where a momentum is set."""
_TORCH = {"scale": "weight", "shift": "bias"}
"""torch's name for ours, of a norm; the others have the same."""
_KERAS = {
    "weight": "kernel",
    "bias": "bias",
    "scale": "gamma",
    "shift": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
"""Keras' name for ours."""


def torch_names(graph: Graph, outline: Outline) -> dict[str, str]:
    """Name in the state dict of every parameter and buffer, by ours."""
    return {name: _in_torch(name, _torch_path(outline.places[_node(name)])) for name in _all(graph)}


def torch_counters(graph: Graph, outline: Outline) -> list[str]:
    """Names of the norms' counters of batches."""
    norms = [node.name for node in graph.nodes if isinstance(node.op, BatchNorm)]
    return [f"{_torch_path(outline.places[name])}.{COUNTER}" for name in norms]


def _torch_path(place: Place) -> str:
    steps = [place.stage, str(place.block)] if place.stage else []
    return ".".join([*steps, place.name, *([] if place.step is None else [str(place.step)])])


def torchvision_names(graph: Graph) -> dict[str, str]:
    """Name that torchvision and timm share for every parameter and buffer of an ImageNet ResNet, by
    ours."""
    return {name: _in_torch(name, _torchvision_path(_node(name))) for name in _all(graph)}


def torchvision_counters(graph: Graph) -> list[str]:
    """Names of the norms' counters of batches."""
    norms = [node.name for node in graph.nodes if isinstance(node.op, BatchNorm)]
    return [f"{_torchvision_path(name)}.{COUNTER}" for name in norms]


def _torchvision_path(node: str) -> str:
    """``stage2.block0.shortcut.norm`` is ``layer2.0.downsample.1``."""
    return (
        node.replace("shortcut.conv", "downsample.0")
        .replace("shortcut.norm", "downsample.1")
        .replace("norm", "bn")
        .replace("stage", "layer")
        .replace("block", "")
    )


def _in_torch(name: str, path: str) -> str:
    tensor = name.rpartition(".")[2]
    return f"{path}.{_TORCH.get(tensor, tensor)}"


def keras_names(graph: Graph, outline: Outline) -> dict[str, str]:
    """Path of the variable of every parameter and buffer, ``conv1/kernel``, by our name."""
    return {
        name: f"{_keras_layer(outline.places[_node(name)])}/{_KERAS[name.rpartition('.')[2]]}"
        for name in _all(graph)
    }


def _keras_layer(place: Place) -> str:
    name = place.name if place.step is None else f"{place.name}_{place.step}"
    return f"{place.stage}_block{place.block}_{name}" if place.stage else name


def keras_shapes(graph: Graph) -> dict[str, Shape]:
    """Shape that Keras has for every parameter and buffer, by our name.

    Linear: (in, out). Convolution: (height, width, in / groups, out); one that has a filter for
    each channel: (height, width, in, out / in). The others are ours.
    """
    nodes = {node.name: node for node in graph.nodes}
    found: dict[str, Shape] = {buffer.name: buffer.shape for buffer in graph.buffers}
    for parameter in graph.parameters:
        shape = parameter.shape
        if len(shape) == 2:
            shape = shape[::-1]
        elif len(shape) == 4:
            shape = _keras_kernel(graph, nodes[_node(parameter.name)], shape)
        found[parameter.name] = shape
    return found


def _keras_kernel(graph: Graph, node: Node, shape: Shape) -> Shape:
    out, inputs, height, width = shape
    channels = graph.shapes[node.inputs[0]][0]
    if isinstance(node.op, Conv) and is_depthwise(node.op, channels):
        return height, width, channels, out // channels
    return height, width, inputs, out


def is_depthwise(op: Conv, channels: int) -> bool:
    """Whether it is Keras' ``DepthwiseConv2D``, which has one stride for both ways."""
    return op.groups == channels > 1 and op.stride[0] == op.stride[1]


def _node(name: str) -> str:
    return name.rpartition(".")[0]


def _all(graph: Graph) -> list[str]:
    return [each.name for each in graph.parameters] + [each.name for each in graph.buffers]
