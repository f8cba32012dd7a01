"""Takes nothing; gives what is known of each data set before it is read or downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Facts:
    """What a plan needs to know of a data set."""

    name: str
    version: int
    """Goes up when the reader, the split or the normalisation changes; part of every key."""
    train: int
    """Examples in the training split."""
    test: int
    shape: tuple[int, int, int]
    """(channel, height, width) of one image."""
    classes: int
    top: int
    """The value of a full pixel: 255 for bytes, 16 for ``digits``."""
    mean: tuple[float, ...]
    """What is subtracted from each channel, once pixels are divided by ``top``."""
    std: tuple[float, ...]
    """What each channel is divided by after that."""


STREAMED = ("folder", "imagenet")
"""Data sets whose images are decoded when they are due. Names that a plan gives them begin so."""
USUAL_SIZE = 224
"""Height and width in pixels that their images are scaled to when nothing is said."""


def is_streamed(name: str) -> bool:
    """Whether a data set of a plan is streamed, by its name."""
    return name.startswith(STREAMED)


IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's training images, red, green and blue; as everyone rounds them."""

FACTS: Mapping[str, Facts] = {
    facts.name: facts
    for facts in (
        # Krizhevsky 2009. Normalised with ImageNet's numbers and not their own, as the code of the
        # lottery-ticket papers does for CIFAR-10 (open_lth); CIFAR-100 likewise, to be comparable.
        Facts("cifar10", 1, 50_000, 10_000, (3, 32, 32), 10, 255, IMAGENET_MEAN, IMAGENET_STD),
        Facts("cifar100", 1, 50_000, 10_000, (3, 32, 32), 100, 255, IMAGENET_MEAN, IMAGENET_STD),
        # 1,797 scans of 8 x 8 (scikit-learn); every fifth one, from the fifth on, is for testing.
        Facts("digits", 1, 1438, 359, (1, 8, 8), 10, 16, (0.3058,), (0.3764,)),
        # Xiao, Rasul and Vollgraf 2017; their own mean and standard deviation.
        Facts("fashion-mnist", 1, 60_000, 10_000, (1, 28, 28), 10, 255, (0.2860,), (0.3530,)),
        # Russakovsky et al. 2015: ILSVRC 2012, tested on its validation images. Streamed; another
        # size is a matter of the spec, see ltspec.data.folder.
        Facts(
            "imagenet",
            2,  # reads as 1 did: see ltspec.data.folder.VERSION
            1_281_167,
            50_000,
            (3, 224, 224),
            1000,
            255,
            IMAGENET_MEAN,
            IMAGENET_STD,
        ),
        # LeCun, Cortes and Burges; mean and standard deviation as commonly rounded.
        Facts("mnist", 1, 60_000, 10_000, (1, 28, 28), 10, 255, (0.1307,), (0.3081,)),
        # Netzer et al. 2011: cropped digits, without the extra images; their own numbers.
        Facts(
            "svhn",
            1,
            73_257,
            26_032,
            (3, 32, 32),
            10,
            255,
            (0.4377, 0.4438, 0.4728),
            (0.1980, 0.2010, 0.1970),
        ),
    )
}
"""Every published data set by name. A folder of images has facts of its own."""
