"""Takes figures; gives one number: where something begins to hold, or how far apart two lines are.

Pure functions, of which :mod:`ltspec.results.answering` makes answers.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TypeVar

X = TypeVar("X")


def onset(tried: Sequence[X], holds: Sequence[bool]) -> tuple[X | None, X | None]:
    """The first at which it holds, and the first from which on it holds to the end; None each
    where there is none. `True, True, False` has the first of the three and none."""
    ever = next((each for each, held in zip(tried, holds, strict=True) if held), None)
    begin = len(holds)
    while begin and holds[begin - 1]:
        begin -= 1
    return ever, (tried[begin] if begin < len(tried) else None)


def exact(points: float) -> Fraction:
    """A threshold as it is written: 0.2 is one fifth."""
    return Fraction(repr(points))


def exact_mean(figures: Iterable[Fraction | None]) -> Fraction | None:
    """The mean; None where one of them is."""
    found = list(figures)
    there = [figure for figure in found if figure is not None]
    return sum(there, Fraction()) / len(there) if len(there) == len(found) else None


def mean_gap(
    first: Sequence[tuple[float, float]], second: Sequence[tuple[float, float]]
) -> float | None:
    """The integral of the first curve less the second over the logarithm of density, from the
    lowest density that both have to the highest, divided by its length.

    A curve is a list of (density, value), straight between its points. Exact but for rounding: the
    difference is straight between neighbouring points of either curve. None where the curves have
    no stretch in common, or one has two values at a density.
    """
    curves = [sorted((math.log(density), value) for density, value in c) for c in (first, second)]
    places = [[place for place, _ in curve] for curve in curves]
    if any(len(set(own)) != len(own) for own in places):
        return None
    begin, end = max(own[0] for own in places), min(own[-1] for own in places)
    if not begin < end:
        return None
    knots = sorted({begin, end, *(x for own in places for x in own if begin < x < end)})
    gaps = [_at(curves[0], x) - _at(curves[1], x) for x in knots]
    pieces = zip(knots, knots[1:], gaps, gaps[1:], strict=False)
    return math.fsum((b - a) * (low + high) / 2 for a, b, low, high in pieces) / (end - begin)


def _at(curve: Sequence[tuple[float, float]], x: float) -> float:
    """The value of a curve at a place within it."""
    after = bisect_left(curve, x, key=lambda point: point[0])
    if curve[after][0] == x:
        return curve[after][1]
    (x0, y0), (x1, y1) = curve[after - 1], curve[after]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
