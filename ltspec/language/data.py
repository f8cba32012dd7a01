"""Takes nothing; gives the section ``data``: what is trained and tested on, and how it is moved."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ltspec.language.section import Section


class Data(Section):
    """What is trained and tested on."""

    name: Literal[
        "cifar10",
        "cifar100",
        "digits",
        "fashion-mnist",
        "folder",
        "imagenet",
        "mnist",
        "svhn",
    ]
    """The data set. `digits`: 1,797 scans of 8 x 8 pixels that come with scikit-learn, for a first
    run without network; `mnist` and `fashion-mnist`: 60,000 and 10,000 of 28 x 28; `cifar10` and
    `cifar100`: 50,000 and 10,000 of 32 x 32 in colour; `svhn`: 73,257 and 26,032 likewise;
    `imagenet`: 1,281,167 and 50,000 of any size; `folder`: your own JPEG or PNG images, in
    `train/CLASS/` and `test/CLASS/` of `path`."""
    path: Annotated[str, Field(min_length=1)] | None = None
    """The folder of images of `name: folder`, which needs it; other data sets lie in the data
    directory."""
    size: Annotated[int, Field(ge=8, le=1024)] | None = None
    """Height and width in pixels that the images of `folder` and `imagenet` are scaled to. The
    default is 224."""
    shorter_side: Annotated[int, Field(ge=8, le=2048)] | None = None
    """To how many pixels the shorter side of such an image is scaled before its middle is cut out,
    at testing, and at training without `resized-crop-flip`. The default is 8/7 of `size`: 256 for
    224. As much as `size` takes the whole shorter side."""
    augment: Literal["none", "flip", "crop", "crop-flip", "resized-crop-flip"] = "none"
    """How training images are moved at random, anew in each epoch. `flip`: half of them mirrored
    left to right; `crop`: 4 black pixels put around, and a window of the old size cut out;
    `crop-flip`: both, as the lottery-ticket papers do for CIFAR-10; `resized-crop-flip`: a part of
    8% to 100% of the area scaled, and mirrored (Szegedy et al. 2015), for `folder` and `imagenet`.
    """
    random_labels: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The share of the training labels that is drawn anew from all classes (Frankle, Schwab and
    Morcos 2020, as the next three)."""
    blur: Annotated[int, Field(ge=1, le=64)] = 1
    """The factor by which the images of both splits are made smaller and scaled up again; 1 leaves
    them as they are. Not for `folder` and `imagenet`."""
    subsample: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The share of the training examples that is kept, chosen at random."""
    rotation: bool = False
    """Whether the task is to tell by how many quarter turns an image was turned: 4 classes, in both
    splits. Not for `folder` and `imagenet`."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    """Seed of what is random in `random_labels`, `subsample` and `rotation`; the same for all
    replicates."""
