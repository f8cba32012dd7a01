"""Takes arrays of bytes; gives a Dataset: two splits, their normalisation, their fingerprint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltspec.data.facts import Facts
from ltspec.errors import DataError

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""Images (example, channel, height, width) and labels (example,) of one split."""


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
    """A data set in memory. Its arrays cannot be written to."""

    facts: Facts
    train: Split
    test: Split
    fingerprint: str
    """sha256 over images and labels of both splits, as hexadecimal."""
    warnings: tuple[str, ...] = ()
    """What a person should know of the bytes, for example that a hash is not the published one."""


def assemble(facts: Facts, train: Pair, test: Pair, warnings: tuple[str, ...] = ()) -> Dataset:
    """Make a Dataset of what a reader read, after checking it against what is known of it.

    Raises DataError (LT306) when a count, a shape, a type, a label or a pixel is not as in
    ``facts``.
    """
    for name, count, pair in (("train", facts.train, train), ("test", facts.test, test)):
        _check(facts, name, count, *pair)
    scale = np.array([1.0 / (facts.top * std) for std in facts.std], np.float32)
    shift = np.array(
        [-mean / std for mean, std in zip(facts.mean, facts.std, strict=True)], np.float32
    )
    splits = [Split(*(_frozen(array) for array in (*pair, scale, shift))) for pair in (train, test)]
    return Dataset(facts, splits[0], splits[1], fingerprint(train, test), warnings)


def fingerprint(train: Pair, test: Pair) -> str:
    """sha256 over type, shape and bytes of the training images and labels, then the test ones'."""
    digest = hashlib.sha256()
    for array in (*train, *test):
        digest.update(f"{array.dtype.str}{list(array.shape)}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _check(
    facts: Facts, split: str, count: int, images: NDArray[np.uint8], labels: NDArray[np.uint8]
) -> None:
    where = f"{facts.name} ({split})"
    for what, array, shape in (
        ("images", images, (count, *facts.shape)),
        ("labels", labels, (count,)),
    ):
        if array.shape != shape or array.dtype != np.uint8:
            raise DataError(
                f"{where}: {what} are {array.dtype} of shape {array.shape}, not bytes of {shape}",
                code="LT306",
            )
    if labels.max() >= facts.classes:
        raise DataError(
            f"{where}: a label is {labels.max()}, but there are {facts.classes} classes",
            code="LT306",
        )
    # A comparison with 255 could never fail and would cost a pass over every pixel.
    if facts.top < np.iinfo(np.uint8).max and images.max() > facts.top:
        raise DataError(
            f"{where}: a pixel is {images.max()}, but a full one is {facts.top}", code="LT306"
        )


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    """The array in the order of C, and read-only."""
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array
