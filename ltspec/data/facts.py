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
    """Mean of each channel on the training split, with pixels divided by ``top``."""
    std: tuple[float, ...]
    """Standard deviation of each channel, likewise."""


FACTS: Mapping[str, Facts] = {
    facts.name: facts
    for facts in (
        # 1,797 scans of 8 x 8 (scikit-learn); every fifth one, from the fifth on, is for testing.
        Facts("digits", 1, 1438, 359, (1, 8, 8), 10, 16, (0.3058,), (0.3764,)),
        # LeCun, Cortes and Burges; mean and standard deviation as commonly rounded.
        Facts("mnist", 1, 60_000, 10_000, (1, 28, 28), 10, 255, (0.1307,), (0.3081,)),
    )
}
"""Every data set by name."""
