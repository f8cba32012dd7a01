"""Takes arrays of bytes; gives a Dataset: its splits, how pixels become numbers, its fingerprint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltspec.data.facts import Facts


@dataclass(frozen=True, eq=False)
class Split:
    """One split of a data set. A network sees ``images * scale + shift``, per channel."""

    images: NDArray[np.uint8]
    """(example, channel, height, width)."""
    labels: NDArray[np.uint8]
    """(example,), from 0 to classes - 1."""
    scale: NDArray[np.float32]
    """(channel,): 1 / (top * std), rounded once to float32."""
    shift: NDArray[np.float32]
    """(channel,): -mean / std, rounded once to float32."""

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set in memory."""

    facts: Facts
    train: Split
    test: Split
    fingerprint: str
    """sha256 over images and labels of both splits, as hexadecimal."""
    warnings: tuple[str, ...] = ()
    """What a person should know of the bytes, for example that a hash is not the published one."""
