"""Takes ``plain`` or ``transformers``, or nothing; prints how far our ImageNet ResNets are from
independent ones, or from all that are installed, as JSON.

The same weights go into ours (torch backend in float32, reference in float64), into plain torch
modules that follow the description of torchvision's ResNets, and into those of Hugging Face
transformers where that is installed. What is printed is the largest difference of a logit, relative
to the largest logit, in evaluation. A process of its own: torch is not to meet TensorFlow.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from ltspec_numpy.lower import forward as reference_forward
from ltspec_torch.lower import lower
from torch import Tensor, nn

from ltspec.decisions.initial import initial_weights
from ltspec.networks.graph import Graph
from ltspec.networks.imagenet_resnet import imagenet_resnet

SIDE = 64
LAYERS = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}

THEIRS = (  # ours, theirs
    ("shortcut.conv.", "downsample.0."),
    ("shortcut.norm.", "downsample.1."),
    ("stage", "layer"),
    (".block", "."),
    ("norm", "bn"),
    (".scale", ".weight"),
    (".shift", ".bias"),
)


class Block(nn.Module):
    """Two 3 x 3 convolutions, or a bottleneck of three, beside a shortcut."""

    def __init__(self, channels: int, width: int, stride: int, deep: bool) -> None:
        super().__init__()
        out = width * 4 if deep else width
        if deep:
            self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
            self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
            self.conv3 = nn.Conv2d(width, out, 1, bias=False)
            self.bn3 = nn.BatchNorm2d(out)
        else:
            self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
            self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.deep = deep
        self.downsample: nn.Module = nn.Identity()
        if stride > 1 or channels != out:
            across = nn.Conv2d(channels, out, 1, stride, bias=False)
            self.downsample = nn.Sequential(across, nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        if self.deep:
            y = self.bn3(self.conv3(torch.relu(y)))
        return torch.relu(y + self.downsample(x))


class ResNet(nn.Module):
    """A 7 x 7 stem, max pooling, four layers of blocks, the mean, a classifier."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.pool = nn.MaxPool2d(3, 2, 1)
        channels, deep = 64, depth >= 50
        for number, count in enumerate(LAYERS[depth], start=1):
            width = 32 * 2**number
            blocks = []
            for index in range(count):
                stride = 2 if number > 1 and index == 0 else 1
                blocks.append(Block(channels, width, stride, deep))
                channels = width * 4 if deep else width
            setattr(self, f"layer{number}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(torch.relu(self.bn1(self.conv1(x))))
        for number in range(1, 5):
            x = getattr(self, f"layer{number}")(x)
        return self.fc(x.mean((2, 3)))


def plain(depth: int, tensors: Mapping[str, Tensor], images: Tensor) -> Tensor:
    """Logits of the modules above."""
    model = ResNet(depth).double().eval()
    renamed = {}
    for name, tensor in tensors.items():
        for ours, theirs in THEIRS:
            name = name.replace(ours, theirs)
        renamed[name] = tensor
    counters = {name for name in model.state_dict() if name.endswith("num_batches_tracked")}
    assert set(renamed) | counters == set(model.state_dict())
    model.load_state_dict(renamed, strict=False)
    return model(images)


def hugging_face(depth: int, tensors: Mapping[str, Tensor], images: Tensor) -> Tensor:
    """Logits of transformers' ResNet, with the stride of bottlenecks where v1.5 has it."""
    from transformers import ResNetConfig, ResNetForImageClassification

    deep = depth >= 50
    config = ResNetConfig(
        embedding_size=64,
        hidden_sizes=[(256 if deep else 64) * 2**stage for stage in range(4)],
        depths=list(LAYERS[depth]),
        layer_type="bottleneck" if deep else "basic",
        downsample_in_bottleneck=False,
        num_labels=1000,
    )
    model = ResNetForImageClassification(config).double().eval()
    renamed = {hugging_face_name(name): tensor for name, tensor in tensors.items()}
    counters = {name for name in model.state_dict() if name.endswith("num_batches_tracked")}
    assert set(renamed) | counters == set(model.state_dict())
    model.load_state_dict(renamed, strict=False)
    return model(images).logits


def hugging_face_name(name: str) -> str:
    """``stage2.block0.norm1.scale`` is ``resnet.encoder.stages.1.layers.0.layer.0...`` there."""
    node, _, tensor = name.rpartition(".")
    tensor = {"scale": "weight", "shift": "bias"}.get(tensor, tensor)
    if node == "fc":
        return f"classifier.1.{tensor}"
    if "." not in node:
        kind = "convolution" if node == "conv1" else "normalization"
        return f"resnet.embedder.embedder.{kind}.{tensor}"
    stage, block, layer = node.split(".", 2)
    home = f"resnet.encoder.stages.{int(stage[5:]) - 1}.layers.{block[5:]}"
    if layer.startswith("shortcut"):
        kind = "convolution" if layer.endswith("conv") else "normalization"
        return f"{home}.shortcut.{kind}.{tensor}"
    kind = "convolution" if layer.startswith("conv") else "normalization"
    return f"{home}.layer.{int(layer[4:]) - 1}.{kind}.{tensor}"


def statistics(graph: Graph) -> dict[str, np.ndarray]:
    """Running statistics that are neither zero nor one."""
    random = np.random.default_rng(0)
    return {
        buffer.name: random.uniform(0.5, 1.5, buffer.shape).astype(np.float32)
        - (1 - buffer.initial)
        for buffer in graph.buffers
    }


def differences(depth: int, others: Sequence[str]) -> dict[str, float]:
    graph = imagenet_resnet((3, SIDE, SIDE), 1000, depth, 64, "imagenet")
    weights = initial_weights(graph, "kaiming-normal", 1, norm_scale="uniform")
    buffers = statistics(graph)
    images = np.random.default_rng(1).normal(0, 1, (2, 3, SIDE, SIDE)).astype(np.float32)
    tensors = {name: torch.tensor(array) for name, array in {**weights, **buffers}.items()}
    wide = {name: tensor.double() for name, tensor in tensors.items()}
    arrays = [{n: a.astype(float) for n, a in each.items()} for each in (weights, buffers)]
    found = {
        "reference": torch.tensor(
            reference_forward(graph, *arrays, images.astype(float), "eval")[graph.output]
        ),
        "torch": lower(graph)(
            [tensors[name] for name in weights],
            [tensors[name] for name in buffers],
            torch.tensor(images),
            False,
        ),
    }
    built = {"plain": plain, "transformers": hugging_face}
    expected = {other: built[other](depth, wide, torch.tensor(images).double()) for other in others}
    return {
        f"{depth} {ours} {theirs}": float((a - b).abs().max() / b.abs().max())
        for ours, a in found.items()
        for theirs, b in expected.items()
    }


if __name__ == "__main__":
    installed = ["plain", *(["transformers"] if importlib.util.find_spec("transformers") else [])]
    others = sys.argv[1:] or installed
    with torch.no_grad():
        print(json.dumps({**differences(18, others), **differences(50, others)}))
