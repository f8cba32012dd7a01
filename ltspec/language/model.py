"""Takes nothing; gives the section ``model``: which network is trained."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ltspec.language.section import Section

Width = Annotated[int, Field(ge=1, le=1_000_000)]
Channels = Annotated[int, Field(ge=1, le=4096)]
Depth = Annotated[int, Field(ge=8, le=2000)]
Count = Annotated[int, Field(ge=1, le=100)]
Init = Literal[
    "glorot-normal",
    "glorot-uniform",
    "kaiming-normal",
    "kaiming-uniform",
    "orthogonal",
    "binary",
]
NormScale = Literal["uniform", "one"]


class Lenet(Section):
    """A fully connected network with ReLU between its layers: LeNet-300-100 by default."""

    family: Literal["lenet"]
    """Which family of networks. `lenet`: hidden layers `fc1`, `fc2`, ... with ReLU, then the
    classifier; 266,610 parameters on MNIST at the default widths (Frankle and Carbin 2019)."""
    widths: Annotated[tuple[Width, ...], Field(min_length=1, max_length=64)] = (300, 100)
    """How many units each hidden layer has, from the input on. The classifier is not listed: its
    width is the number of classes."""
    init: Init = "glorot-normal"
    """What initial weights are drawn from; biases start at zero. `glorot-normal` is what Frankle
    and Carbin (2019) use for LeNet; Maene, Li and Moens (2021, Table 1) use `kaiming-uniform`."""


class Lenet5(Section):
    """LeNet-5 (LeCun et al. 1998) with ReLU and max pooling."""

    family: Literal["lenet5"]
    """Which family of networks. `lenet5`: two 5 x 5 convolutions of 6 and 16 channels, `fc1` to
    `fc3`; 61,706 parameters on MNIST (LeCun et al. 1998, with ReLU and max pooling)."""
    init: Init = "kaiming-normal"
    """What initial weights are drawn from; biases start at zero."""


class Conv(Section):
    """Conv-2, Conv-4 or Conv-6 (Frankle and Carbin 2019)."""

    family: Literal["conv"]
    """Which family of networks. `conv`: pairs of 3 x 3 convolutions, each pair with max pooling,
    then `fc1` to `fc3` (Frankle and Carbin 2019, Fig. 2)."""
    layers: Literal[2, 4, 6]
    """How many convolutions there are: 2, 4 or 6."""
    init: Init = "glorot-normal"
    """What initial weights are drawn from; biases start at zero. `glorot-normal` is what Frankle
    and Carbin (2019) use; Maene, Li and Moens (2021, Table 1) use `kaiming-normal`."""


class CifarVgg(Section):
    """A VGG with batch norm for small images."""

    family: Literal["cifar-vgg"]
    """Which family of networks. `cifar-vgg`: five stages of 3 x 3 convolutions with batch norm,
    then `fc` (Simonyan and Zisserman 2015; open_lth). The papers exempt `fc.weight` from
    pruning."""
    depth: Literal[11, 13, 16, 19]
    """How many layers there are, with one linear layer counted as three: 11, 13, 16 or 19. VGG-16
    has 14,728,266 parameters on CIFAR-10."""
    classifier: Count = 1
    """How many linear layers there are behind the convolutions, each but the last with 512 units
    and ReLU: 2, 3 and 5 make VGG-13-2, -3 and -5 (Chen et al. 2021, Table 5)."""
    init: Init = "kaiming-normal"
    """What initial weights are drawn from; biases start at zero."""
    norm_scale: NormScale = "uniform"
    """What the scales of batch norms start as: `uniform` in [0, 1], as in the papers' code
    (open_lth), or `one`."""


class CifarResnet(Section):
    """A ResNet for small images (He et al. 2016, section 4.2)."""

    family: Literal["cifar-resnet"]
    """Which family of networks. `cifar-resnet`: three stages of residual blocks with projection
    shortcuts, then `fc` (He et al. 2016, section 4.2; open_lth)."""
    depth: Depth
    """How many layers there are: 6n + 2, such as 20, 32, 44 or 56. ResNet-20 has 272,474 parameters
    on CIFAR-10; early papers call it ResNet-18."""
    width: Channels = 16
    """How many channels the first stage has; the others have 2 and 4 times as many."""
    init: Init = "kaiming-normal"
    """What initial weights are drawn from; biases start at zero."""
    norm_scale: NormScale = "uniform"
    """What the scales of batch norms start as: `uniform` in [0, 1], as in the papers' code
    (open_lth), or `one`."""


class ImagenetResnet(Section):
    """A ResNet for large images (He et al. 2016, Table 1), in the v1.5 form."""

    family: Literal["imagenet-resnet"]
    """Which family of networks. `imagenet-resnet`: four stages of residual blocks, then `fc` (He
    et al. 2016, Table 1), with the stride of bottlenecks in their 3 x 3 convolution, as in
    torchvision."""
    depth: Literal[18, 26, 34, 50, 101, 152]
    """How many layers there are: 18, 26 (Chen et al. 2021), 34, 50, 101 or 152. ResNet-50 has
    25,557,032 parameters at 1,000 classes."""
    width: Channels = 64
    """How many channels the first stage has; the others have 2, 4 and 8 times as many. The blocks
    of depth 50 and more give four times that."""
    stem: Literal["imagenet", "cifar"] = "imagenet"
    """How the network begins. `imagenet`: a 7 x 7 convolution of stride 2 and max pooling; `cifar`:
    a 3 x 3 convolution alone, for images of 32 x 32 and their like."""
    init: Init = "kaiming-normal"
    """What initial weights are drawn from; biases start at zero."""
    norm_scale: NormScale = "uniform"
    """What the scales of batch norms start as: `uniform` in [0, 1], as in the papers' code
    (open_lth), or `one`, as in torchvision."""


class MobilenetV1(Section):
    """MobileNet-V1 for small images (Howard et al. 2017)."""

    family: Literal["mobilenet-v1"]
    """Which family of networks. `mobilenet-v1`: pairs of a depthwise and a 1 x 1 convolution, then
    `fc` (Howard et al. 2017), with four halvings for small images."""
    blocks: Count = 5
    """How many blocks of 512 channels are repeated in the middle: 5 in the original, 3, 5 and 10
    in the code of Chen et al. (2021)."""
    init: Init = "kaiming-normal"
    """What initial weights are drawn from; biases start at zero."""
    norm_scale: NormScale = "uniform"
    """What the scales of batch norms start as: `uniform` in [0, 1], as in the papers' code
    (open_lth), or `one`."""


class Custom(Section):
    """A network that a Python function of the user's own describes."""

    family: Literal["custom"]
    """Which family of networks. `custom`: the graph that a Python function of your own returns. The
    function runs when the spec is validated or planned."""
    function: str
    """Where the function is: `package.module:name`, importable from the working directory or from
    where Python finds packages. It is called with the shape of an image (channels, height, width),
    the number of classes and `options`, and returns an `ltspec.networks.Graph`."""
    options: dict[str, Any] = Field(default_factory=dict)
    """What the function is called with besides, by name. Lists arrive as tuples."""
    init: Init = "kaiming-normal"
    """What initial weights are drawn from; biases start at zero."""
    norm_scale: NormScale = "uniform"
    """What the scales of batch norms start as: `uniform` in [0, 1], as in the papers' code
    (open_lth), or `one`."""


Model = Annotated[
    Lenet | Lenet5 | Conv | CifarVgg | CifarResnet | ImagenetResnet | MobilenetV1 | Custom,
    Field(discriminator="family"),
]
"""The sections that may stand behind ``model``."""
