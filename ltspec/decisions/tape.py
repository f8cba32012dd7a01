"""Takes a Recipe and a stretch of steps; gives a Tape: every decision of those steps, in numpy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltspec.decisions import rng
from ltspec.decisions.rates import rates
from ltspec.decisions.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Tape:
    """What happens at the steps ``start`` .. ``stop`` - 1. Bit-equal everywhere.

    Batches lie one after another along a single axis, (example,): the batch of step ``start`` + i
    is ``bounds[i]:bounds[i + 1]`` of it.
    """

    start: int
    stop: int
    first_update: int
    """Updates that the optimiser has made since it was fresh, before ``start`` (Adam's t - 1)."""
    batch_size: int
    """Examples of a whole batch; the last one of an epoch may be smaller."""
    examples: NDArray[np.int32]
    """(example,): which example of the training split."""
    bounds: NDArray[np.int64]
    """(step + 1,): where each step's batch begins, and where the last one ends."""
    rates: NDArray[np.float32]
    """(step,): learning rate of each step."""
    flips: NDArray[np.bool_] | None = None
    """(example,): whether the image is mirrored left to right. None where none is."""
    shifts: NDArray[np.int8] | None = None
    """(example, 2): the window that is cut out of the image begins so many rows below and columns
    right of its corner; what it sees outside of the image is byte 0. None where all stay. Cut
    first, then mirrored."""
    boxes: NDArray[np.float32] | None = None
    """(example, 4): four numbers from 0 to 1 that choose which part of an image is scaled to the
    network's size, :func:`ltspec.data.images.box`. For whoever reads the images; a backend gets
    them cut already. None where the middle is taken."""

    @property
    def steps(self) -> int:
        """Number of steps."""
        return self.stop - self.start

    def batch(self, i: int) -> NDArray[np.int32]:
        """Examples of the batch at step ``start`` + i, (batch_size,) or fewer."""
        batch: NDArray[np.int32] = self.examples[self.bounds[i] : self.bounds[i + 1]]
        return batch

    def batches(self) -> Iterator[NDArray[np.int32]]:
        """The batch of each step, in order."""
        return (self.batch(i) for i in range(self.steps))


def record(recipe: Recipe, start: int, stop: int, fresh_at: int) -> Tape:
    """Write down the steps ``start`` .. ``stop`` - 1 of a training.

    ``fresh_at`` is the step at which the optimiser was fresh. The order of epoch e is the stream
    (order_seed, "order", e): each epoch sees every example once. What happens to example x in
    epoch e is entry x of the streams (order_seed, "flip", e), (order_seed, "crop", e) and
    (order_seed, "box", e), wherever in the epoch it comes. A step that lies past the end of
    the training (fine-tuning) goes on in the next epochs.
    """
    if not fresh_at <= start < stop:
        raise ValueError(f"a tape from {start} to {stop}, fresh at {fresh_at}, has no steps")
    per_epoch, count, augment = recipe.steps_per_epoch, recipe.examples, recipe.augment
    ends = [_seen(recipe, step) for step in range(start, stop + 1)]
    examples, flips, shifts, boxes = [], [], [], []
    for epoch in range(start // per_epoch, (stop - 1) // per_epoch + 1):
        begin, end = (min(max(seen - epoch * count, 0), count) for seen in (ends[0], ends[-1]))
        chosen = _order(count, recipe.order_seed, epoch)[begin:end]
        examples.append(chosen)
        if augment is not None and augment.flip:
            flips.append(_flips(count, recipe.order_seed, epoch)[chosen])
        if augment is not None and augment.crop:
            shifts.append(_shifts(count, recipe.order_seed, epoch, augment.crop)[chosen])
        if augment is not None and augment.resized_crop:
            boxes.append(_boxes(count, recipe.order_seed, epoch)[chosen])
    return Tape(
        start=start,
        stop=stop,
        first_update=start - fresh_at,
        batch_size=recipe.batch_size,
        examples=np.concatenate(examples),
        bounds=np.array(ends, np.int64) - ends[0],
        rates=rates(recipe.schedule, start, stop),
        flips=np.concatenate(flips) if flips else None,
        shifts=np.concatenate(shifts) if shifts else None,
        boxes=np.concatenate(boxes) if boxes else None,
    )


def _seen(recipe: Recipe, step: int) -> int:
    """Examples in all batches before ``step``."""
    epochs, number = divmod(step, recipe.steps_per_epoch)
    return epochs * recipe.examples + number * recipe.batch_size


# Kept for a moment, since a tape is recorded in pieces that are shorter than an epoch.


@lru_cache(maxsize=4)
def _order(examples: int, seed: int, epoch: int) -> NDArray[np.int32]:
    return _kept(rng.permutation(examples, seed, "order", epoch))


@lru_cache(maxsize=4)
def _flips(examples: int, seed: int, epoch: int) -> NDArray[np.bool_]:
    """Heads or tails: the highest bit of each word."""
    return _kept(rng.bits(examples, seed, "flip", epoch) >> np.uint64(63) == 1)


@lru_cache(maxsize=4)
def _shifts(examples: int, seed: int, epoch: int, crop: int) -> NDArray[np.int8]:
    """Rows, then columns, each one of -crop .. crop alike."""
    numbers = rng.uniform(2 * examples, seed, "crop", epoch).reshape(examples, 2)
    return _kept((np.floor(numbers * (2 * crop + 1)) - crop).astype(np.int8))


@lru_cache(maxsize=2)
def _boxes(examples: int, seed: int, epoch: int) -> NDArray[np.float32]:
    numbers = rng.uniform(4 * examples, seed, "box", epoch).reshape(examples, 4)
    return _kept(numbers.astype(np.float32))


def _kept(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
