"""Takes a Recipe and a stretch of steps; gives a Tape: every decision of those steps, in numpy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ltspec.decisions import rng
from ltspec.decisions.rates import rates
from ltspec.decisions.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Tape:
    """What happens at the steps ``start`` .. ``stop`` - 1. Bit-equal everywhere."""

    start: int
    stop: int
    first_update: int
    """Updates that the optimiser has made since it was fresh, before ``start`` (Adam's t - 1)."""
    batch_size: int
    orders: NDArray[np.int32]
    """(epoch, example): the order of each epoch touched, from that of ``start`` on."""
    rates: NDArray[np.float32]
    """(step,): learning rate of each step."""

    @property
    def steps(self) -> int:
        """Number of steps."""
        return self.stop - self.start

    @property
    def steps_per_epoch(self) -> int:
        """The last one may have a smaller batch."""
        return -(-int(self.orders.shape[1]) // self.batch_size)

    def batch(self, step: int) -> NDArray[np.int32]:
        """Examples of the batch at an absolute step, (batch_size,) or fewer at an epoch's end."""
        epoch, number = divmod(step, self.steps_per_epoch)
        row: NDArray[np.int32] = self.orders[epoch - self.start // self.steps_per_epoch]
        return row[number * self.batch_size : (number + 1) * self.batch_size]

    def batches(self) -> Iterator[NDArray[np.int32]]:
        """The batch of each step, in order."""
        return (self.batch(step) for step in range(self.start, self.stop))


def record(recipe: Recipe, start: int, stop: int, fresh_at: int) -> Tape:
    """Write down the steps ``start`` .. ``stop`` - 1 of a training.

    ``fresh_at`` is the step at which the optimiser was fresh. The order of epoch e is the stream
    (order_seed, "order", e): each epoch sees every example once. A step that lies past the end of
    the training (fine-tuning) goes on in the next epochs.
    """
    if not fresh_at <= start < stop:
        raise ValueError(f"a tape from {start} to {stop}, fresh at {fresh_at}, has no steps")
    first, last = start // recipe.steps_per_epoch, (stop - 1) // recipe.steps_per_epoch
    orders = np.stack(
        [_order(recipe.examples, recipe.order_seed, epoch) for epoch in range(first, last + 1)]
    )
    return Tape(
        start=start,
        stop=stop,
        first_update=start - fresh_at,
        batch_size=recipe.batch_size,
        orders=orders,
        rates=rates(recipe.schedule, start, stop),
    )


@lru_cache(maxsize=4)
def _order(examples: int, seed: int, epoch: int) -> NDArray[np.int32]:
    """Kept for a moment, since a tape is recorded in pieces that are shorter than an epoch."""
    order = rng.permutation(examples, seed, "order", epoch)
    order.flags.writeable = False
    return order
