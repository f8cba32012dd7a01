"""Takes a data set and an Alteration; gives it altered, the same on every machine.

The tasks of "The Early Phase of Neural Network Training" (Frankle, Schwab and Morcos 2020,
section 5). Every choice is entry x of a stream of the alteration's seed, x being the example's
number in the published split: so altering more leaves what was altered already as it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ltspec.data.alteration import TURNS, Alteration, altered_facts, kept_examples
from ltspec.data.dataset import Dataset, Split, as_labels
from ltspec.data.streamed import Folder, StreamedSplit
from ltspec.decisions import rng

SLAB = 1024
"""Images that are blurred at a time, to bound the memory that takes."""

AnySplit = TypeVar("AnySplit", Split, StreamedSplit)


def altered(found: Dataset | Folder, alteration: Alteration) -> Dataset | Folder:
    """A data set of either kind, altered."""
    if isinstance(found, Dataset):
        return alter(found, alteration)
    return alter_folder(found, alteration)


def alter(dataset: Dataset, alteration: Alteration) -> Dataset:
    """The data set with its facts, altered: turned, blurred, labelled at random, then subsampled.

    The fingerprint stays that of the published bytes.
    """
    facts = altered_facts(dataset.facts, alteration)
    train, test = dataset.train, dataset.test
    if alteration.rotation:
        train = _turned(train, alteration.seed, "train")
        test = _turned(test, alteration.seed, "test")
    if alteration.blur > 1:
        train = replace(train, images=_kept(blurred(train.images, alteration.blur)))
        test = replace(test, images=_kept(blurred(test.images, alteration.blur)))
    train = _relabelled(train, alteration, facts.classes)
    chosen = _chosen(len(train), alteration)
    if chosen is not None:
        train = replace(
            train, images=_kept(train.images[chosen]), labels=_kept(train.labels[chosen])
        )
    return replace(dataset, facts=facts, train=train, test=test)


def alter_folder(folder: Folder, alteration: Alteration) -> Folder:
    """The same for a folder of images. Its images are not looked at, so that ``blur`` and
    ``rotation`` cannot be had: ValueError, which a rule of the language keeps from happening."""
    if alteration.rotation or alteration.blur > 1:
        raise ValueError("images that are streamed are neither blurred nor turned")
    facts = altered_facts(folder.facts, alteration)
    train = _relabelled(folder.train, alteration, facts.classes)
    chosen = _chosen(len(train), alteration)
    if chosen is not None:
        files = tuple(train.files[example] for example in chosen)
        train = replace(train, files=files, labels=_kept(train.labels[chosen]))
    return replace(folder, facts=facts, train=train)


def blurred(images: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Images (example, channel, height, width) made smaller by ``factor``, and scaled up again.

    Smaller: each pixel is the mean of ``factor`` x ``factor`` of them (fewer at the right and lower
    border, where the side is no multiple), rounded half up. Up again: bilinear between the middles
    of the small pixels, the outermost going on to the border, rounded half up once. Whole numbers
    throughout.
    """
    result = np.empty_like(images)
    for begin in range(0, len(images), SLAB):
        slab = images[begin : begin + SLAB]
        result[begin : begin + SLAB] = _enlarged(_reduced(slab, factor), factor, slab.shape[2:])
    return result


def _reduced(images: NDArray[np.uint8], factor: int) -> NDArray[np.int64]:
    height, width = images.shape[2:]
    rows, columns = np.arange(0, height, factor), np.arange(0, width, factor)
    sums = np.add.reduceat(images, rows, axis=2, dtype=np.int64)
    sums = np.add.reduceat(sums, columns, axis=3)
    counts = np.outer(np.diff([*rows, height]), np.diff([*columns, width]))
    means: NDArray[np.int64] = (2 * sums + counts) // (2 * counts)
    return means


def _enlarged(small: NDArray[np.int64], factor: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
    for axis, length in zip((2, 3), shape, strict=True):
        # The middle of pixel i lies at (2 i + 1 - factor) / (2 factor) small pixels.
        places, parts = np.divmod(2 * np.arange(length) + 1 - factor, 2 * factor)
        last = small.shape[axis] - 1
        before = small.take(np.clip(places, 0, last), axis)
        after = small.take(np.clip(places + 1, 0, last), axis)
        parts = parts.reshape((-1, 1) if axis == 2 else -1)
        small = before * (2 * factor - parts) + after * parts
    whole = 4 * factor * factor
    return (small + whole // 2) // whole


def _turned(split: Split, seed: int, name: str) -> Split:
    """Each image turned; the labels say how far."""
    turns = _drawn(len(split), TURNS, seed, "rotation", name)
    images = split.images.copy()
    for turn in range(1, TURNS):
        images[turns == turn] = np.rot90(split.images[turns == turn], turn, axes=(2, 3))
    return replace(split, images=_kept(images), labels=_kept(turns.astype(np.uint8)))


def _relabelled(split: AnySplit, alteration: Alteration, classes: int) -> AnySplit:
    """Labels of some examples drawn anew."""
    count, seed = len(split), alteration.seed
    replaced = round(count * alteration.random_labels)
    if not replaced:
        return split
    which = rng.permutation(count, seed, "relabelled")[:replaced]
    drawn = _drawn(count, classes, seed, "random-labels")
    labels = split.labels.astype(np.int64)
    labels[which] = drawn[which]
    return replace(split, labels=_kept(as_labels(labels, classes)))


def _chosen(count: int, alteration: Alteration) -> NDArray[np.int32] | None:
    """Which examples a subsample keeps, in their order; None when all stay."""
    kept = kept_examples(count, alteration.subsample)
    if kept == count:
        return None
    return np.sort(rng.permutation(count, alteration.seed, "subsample")[:kept])


def _drawn(count: int, choices: int, seed: int, *purpose: str) -> NDArray[np.int64]:
    """Numbers from 0 to ``choices`` - 1, alike."""
    name, *index = purpose
    return np.floor(rng.uniform(count, seed, name, *index) * choices).astype(np.int64)


Kept = TypeVar("Kept", bound=NDArray[np.generic])


def _kept(array: Kept) -> Kept:
    """The array, from now on read-only."""
    array.flags.writeable = False
    return array
