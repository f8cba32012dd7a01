"""Takes tensor sizes and a sparsity schedule; gives how many weights each level keeps, exactly.

No numpy and no floating point: fractions are read as the decimal numbers that the user wrote, and
counts are rounded half to even. The fraction is always of what remains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Scope = Literal["global", "layer"]


@dataclass(frozen=True, slots=True)
class Level:
    """How many weights are kept at one level."""

    number: int
    """From 1; level 0 is the dense network."""
    keep: tuple[int, ...]
    """Scope ``layer``: for each prunable tensor in graph order. Scope ``global``: one total."""

    @property
    def kept(self) -> int:
        """Weights kept in all prunable tensors together."""
        return sum(self.keep)


def pruned(remaining: int, fraction: float) -> int:
    """How many of ``remaining`` weights one level removes: fraction * remaining, half to even."""
    return round(Fraction(str(fraction)) * remaining)


def kept_at(total: int, density: float) -> int:
    """How many of ``total`` weights a density keeps: density * total, half to even."""
    return round(Fraction(str(density)) * total)


def iterative(sizes: Sequence[int], scope: Scope, fraction: float, levels: int) -> list[Level]:
    """``levels`` levels, each of which removes ``fraction`` of what remains."""
    keep = _groups(sizes, scope)
    result = []
    for number in range(1, levels + 1):
        keep = tuple(count - pruned(count, fraction) for count in keep)
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


def _groups(sizes: Sequence[int], scope: Scope) -> tuple[int, ...]:
    return tuple(sizes) if scope == "layer" else (sum(sizes),)
