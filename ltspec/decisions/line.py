"""Takes two networks; gives the points of the line between them, and what errors there amount to.

Instability analysis of "Linear Mode Connectivity and the Lottery Ticket Hypothesis" (Frankle,
Dziugaite, Roy and Carbin 2020, section 2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ltspec.decisions.state import Array, Arrays

_APART = 2**32
"""A spec's seeds lie below."""


def alphas(count: int, beyond: int = 0) -> list[float]:
    """``count`` evenly spaced numbers from 0 to 1, both of them among these, and ``beyond`` more on
    either side, as far apart; ``count`` > 1."""
    return [place / (count - 1) for place in range(-beyond, count + beyond)]


def points_beyond(count: int, reach: float) -> int:
    """How many points of the spacing of ``count`` lie beyond an end, but no further than ``reach``
    of the line's length."""
    return math.floor(reach * (count - 1) + 1e-9)


def point(first: Arrays, second: Arrays, alpha: float) -> dict[str, Array]:
    """(1 - alpha) first + alpha second of every array, and exactly the one or the other at an end.

    Worked out in float64 and rounded once, to the arrays' own type. What is zero in both stays
    zero. Beyond the ends a running variance may come out below zero, and is zero then. Raises
    ValueError where the two do not hold the same names and shapes.
    """
    if first.keys() != second.keys() or any(first[n].shape != second[n].shape for n in first):
        raise ValueError("a line needs two networks of the same tensors")
    if alpha in (0.0, 1.0):  # so that not even the sign of a zero changes
        return dict(second if alpha else first)
    near = 1.0 - alpha
    between: dict[str, Array] = {
        name: (near * one.astype(np.float64) + alpha * second[name].astype(np.float64)).astype(
            one.dtype
        )
        for name, one in first.items()
    }
    if not 0 < alpha < 1:
        for name in between:
            if name.endswith(".running_var"):
                between[name] = np.maximum(between[name], 0)
    return between


def instability(errors: Sequence[float]) -> float:
    """The highest error on a line less the mean of its two ends, in the unit of ``errors``; between
    any two networks it is called the barrier. ``errors`` begin and end with the networks.

    Never negative but for rounding: the higher of the two ends is no less than their mean.
    """
    return max(errors) - (errors[0] + errors[-1]) / 2


def sibling_seed(order_seed: int, sibling: int) -> int:
    """Seed of the data order and augmentation of a copy, numbered from 1.

    Seeds of a spec lie below 2^32, so that no copy meets the order of any replicate, nor that of
    a copy of another order or number. Copies of replicates that share their order seed share
    theirs too: 3 initialisations under the same 3 orders.
    """
    return order_seed + sibling * _APART
