"""Takes tensor sizes and a sparsity schedule; gives how many weights each level keeps, exactly.

No numpy and no floating point: fractions are read as the decimal numbers that the user wrote, and
counts are rounded half to even. The fraction is always of what remains.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from ltspec.decisions import layerwise

Scope = Literal["global", "layer"]


@dataclass(frozen=True, slots=True)
class Level:
    """How many weights are kept at one level."""

    number: int
    """From 1; level 0 is the dense network."""
    keep: tuple[int, ...]
    """Scopes ``layer`` and ``erk``: for each prunable tensor in graph order. Scope ``global``: one
    total."""

    @property
    def kept(self) -> int:
        """Weights kept in all prunable tensors together."""
        return sum(self.keep)


def pruned(remaining: int, fraction: float, factor: float = 1) -> int:
    """How many of ``remaining`` weights one level removes: factor * fraction * remaining, half to
    even."""
    return round(Fraction(str(factor)) * Fraction(str(fraction)) * remaining)


def kept_at(total: int, density: float) -> int:
    """How many of ``total`` weights a density keeps: density * total, half to even."""
    return round(Fraction(str(density)) * total)


def iterative(
    sizes: Sequence[int], scope: Scope, fraction: float, levels: int, factors: Sequence[float] = ()
) -> list[Level]:
    """``levels`` levels, each of which removes ``fraction`` of what remains; of each tensor so many
    times as much as its entry of ``factors`` says, for scope ``layer``."""
    keep = _groups(sizes, scope)
    factors = factors or (1,) * len(keep)
    result = []
    for number in range(1, levels + 1):
        keep = tuple(
            count - pruned(count, fraction, factor)
            for count, factor in zip(keep, factors, strict=True)
        )
        result.append(Level(number, keep))
    return result


MOST_LEVELS = 1000
"""A schedule has at most so many levels."""


def to_density(sizes: Sequence[int], scope: Scope, density: float, fraction: float) -> list[Level]:
    """Levels of ``fraction`` while they stay above ``density``; the last one ends exactly there.

    Where a level would remove nothing (a few weights and a small fraction) the next one ends
    there. Stops one level past :data:`MOST_LEVELS`, so that a fraction near 0 is found out.
    """
    keep = _groups(sizes, scope)
    target = tuple(kept_at(size, density) for size in keep)
    result: list[Level] = []
    while keep != target and len(result) <= MOST_LEVELS:
        following = tuple(
            max(count - pruned(count, fraction), goal)
            for count, goal in zip(keep, target, strict=True)
        )
        keep = target if following == keep else following
        result.append(Level(len(result) + 1, keep))
    return result


def one_shot(sizes: Sequence[int], scope: Scope, density: float) -> list[Level]:
    """One level, straight to ``density``."""
    return [Level(1, tuple(kept_at(size, density) for size in _groups(sizes, scope)))]


def by_tensor(levels: Sequence[Level], shapes: Sequence[layerwise.Shape]) -> list[Level]:
    """The same levels of scope ``global``, their totals shared out by :func:`layerwise.erk`.

    Sharing whole weights out, a total that is smaller may give a tensor one weight more. Masks only
    shrink, so that one goes to the first tensors that still have room.
    """
    before = [math.prod(shape) for shape in shapes]
    result = []
    for level in levels:
        shares = layerwise.erk(shapes, level.kept)
        keep = [min(share, room) for share, room in zip(shares, before, strict=True)]
        for place, room in enumerate(before):
            keep[place] += min(level.kept - sum(keep), room - keep[place])
        result.append(Level(level.number, tuple(keep)))
        before = keep
    return result


def rounds(before: Sequence[int], keep: Sequence[int], count: int) -> list[tuple[int, ...]]:
    """What each of ``count`` rounds keeps on the way from ``before`` to ``keep``.

    Round k of n keeps before (keep / before)^(k / n), half to even ("Pruning neural networks
    without any data", Algorithm 1), and the last one ``keep`` exactly. Decimal numbers: powers of
    floats may differ in the last bit from machine to machine.
    """
    steps = []
    for number in range(1, count):
        share = Decimal(number) / count
        steps.append(
            tuple(
                round(start * (Decimal(end) / start) ** share)
                for start, end in zip(before, keep, strict=True)
            )
        )
    return [*steps, tuple(keep)]


def _groups(sizes: Sequence[int], scope: Scope) -> tuple[int, ...]:
    return tuple(sizes) if scope == "layer" else (sum(sizes),)
