"""Takes arrays of bytes; gives a Dataset: two splits, their normalisation, their fingerprint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltspec.data.facts import Facts
from ltspec.errors import DataError

BYTE_CLASSES = 256
"""Classes that a byte can tell apart; where there are more, labels are int32."""

Labels = NDArray[np.uint8] | NDArray[np.int32]
"""(example,), from 0 to classes - 1: bytes for up to :data:`BYTE_CLASSES`."""

Pair = tuple[NDArray[np.uint8], Labels]
"""Images (example, channel, height, width) and labels (example,) of one split."""


@dataclass(frozen=True, eq=False)
class Split:
    """One split of a data set. A network sees ``images * scale + shift``, per channel."""

    images: NDArray[np.uint8]
    """(example, channel, height, width)."""
    labels: Labels
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
    scale, shift = normalisation(facts)
    splits = [Split(*(_frozen(array) for array in (*pair, scale, shift))) for pair in (train, test)]
    return Dataset(facts, splits[0], splits[1], fingerprint(train, test), warnings)


def as_labels(numbers: NDArray[np.integer], classes: int) -> Labels:
    """The same numbers as :data:`Labels`."""
    return numbers.astype(np.uint8) if classes <= BYTE_CLASSES else numbers.astype(np.int32)


def normalisation(facts: Facts) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """``scale`` and ``shift`` of :class:`Split`, (channel,) each, rounded once to float32."""
    scale = np.array([1.0 / (facts.top * std) for std in facts.std], np.float32)
    shift = np.array(
        [-mean / std for mean, std in zip(facts.mean, facts.std, strict=True)], np.float32
    )
    return scale, shift


def fingerprint(train: Pair, test: Pair) -> str:
    """sha256 over type, shape and bytes of the training images and labels, then the test ones'."""
    digest = hashlib.sha256()
    for array in (*train, *test):
        digest.update(f"{array.dtype.str}{list(array.shape)}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _check(facts: Facts, split: str, count: int, images: NDArray[np.uint8], labels: Labels) -> None:
    where = f"{facts.name} ({split})"
    of_labels = np.uint8 if facts.classes <= BYTE_CLASSES else np.int32
    expected: tuple[tuple[str, NDArray[Any], tuple[int, ...], np.dtype[Any]], ...] = (
        ("images", images, (count, *facts.shape), np.dtype(np.uint8)),
        ("labels", labels, (count,), np.dtype(of_labels)),
    )
    for what, array, shape, dtype in expected:
        if array.shape != shape or array.dtype != dtype:
            kind = "bytes" if dtype == np.uint8 else dtype
            raise DataError(
                f"{where}: {what} are {array.dtype} of shape {array.shape}, not {kind} of {shape}",
                code="LT306",
            )
    if labels.min() < 0 or labels.max() >= facts.classes:
        raise DataError(
            f"{where}: labels go from {labels.min()} to {labels.max()}, but there are "
            f"{facts.classes} classes",
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
