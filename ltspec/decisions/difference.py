"""Takes weights or masks of two networks; gives how far apart they are, in numbers.

Everything is worked out in float64, whatever the weights were trained in. Angles and distances of
solutions: "Stabilizing the Lottery Ticket Hypothesis" (Frankle, Dziugaite, Roy and Carbin 2019,
section 3 and appendix B) and "Towards Understanding Iterative Magnitude Pruning" (Maene, Li and
Moens 2021, section 4.1).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltspec.decisions.state import Arrays, Masks

Vector = NDArray[np.float64]


def common(masks: Sequence[Masks], name: str) -> NDArray[np.bool_] | None:
    """The weights of a tensor that every one of some masks keeps; None for all of them. A mask
    without the tensor is dense."""
    found = [mask[name] for mask in masks if name in mask]
    return np.logical_and.reduce(found) if found else None


def chosen(weights: Arrays, masks: Sequence[Masks], tensors: Sequence[str]) -> dict[str, Vector]:
    """The weights of some tensors that every one of some masks keeps: a flat vector each, in
    row-major order."""
    vectors = {}
    for name in tensors:
        kept = common(masks, name)
        vector = weights[name].reshape(-1) if kept is None else weights[name][kept]
        vectors[name] = vector.astype(np.float64)
    return vectors


def distance(first: Mapping[str, Vector], second: Mapping[str, Vector]) -> dict[str, Any]:
    """How far two networks are apart on the same coordinates, in ``all`` and by tensor.

    ``coordinates``: how many; ``l2``: length of the difference; ``norms``: lengths of the two;
    ``cosine`` of the angle between them, from -1 to 1; ``angle`` in degrees, 0 to 180. The last
    two are None where one of the two is zero everywhere and has no direction.
    """
    names = list(first)
    return {
        "all": between([first[name] for name in names], [second[name] for name in names]),
        "tensors": {name: between([first[name]], [second[name]]) for name in names},
    }


def between(first: Sequence[Vector], second: Sequence[Vector]) -> dict[str, Any]:
    """:func:`distance` of two vectors that are given in pieces of equal sizes.

    The angle is 2 atan2(|u - v|, |u + v|) of the two directions u and v (Kahan, "How Futile are
    Mindless Assessments of Roundoff", section 12), since the arc cosine loses half of the digits
    of a small one.
    """
    pairs = list(zip(first, second, strict=True))
    norms = [math.sqrt(math.fsum(_squares(piece) for piece in side)) for side in (first, second)]
    found: dict[str, Any] = {
        "coordinates": sum(piece.size for piece in first),
        "l2": math.sqrt(math.fsum(_squares(one - other) for one, other in pairs)),
        "norms": norms,
        "cosine": None,
        "angle": None,
    }
    if all(norms):
        inner = math.fsum(float(np.sum(one * other)) for one, other in pairs)
        units = [(one / norms[0], other / norms[1]) for one, other in pairs]
        apart = math.fsum(_squares(one - other) for one, other in units)
        along = math.fsum(_squares(one + other) for one, other in units)
        found["cosine"] = max(-1.0, min(1.0, inner / norms[0] / norms[1]))
        found["angle"] = math.degrees(2 * math.atan2(math.sqrt(apart), math.sqrt(along)))
    return found


def _squares(vector: Vector) -> float:
    return float(np.sum(np.square(vector)))


def metric(name: str, figures: Mapping[str, Any]) -> float | None:
    """One measure of :func:`between`'s: ``l2``, ``cosine``, ``angle`` in degrees, or ``angular``:
    2 angle / pi with the angle in radians, which is 0 for one direction and 1 for orthogonal ones
    (Maene et al. 2021, section 4.1). None where there is no direction."""
    if name != "angular":
        found: float | None = figures[name]
        return found
    return None if figures["angle"] is None else figures["angle"] / 90


def overlap(first: Masks, second: Masks, tensors: Sequence[str]) -> dict[str, dict[str, int]]:
    """By tensor: its ``size``, the weights that the ``first`` mask keeps, those that the
    ``second`` keeps, and those that ``both`` keep."""
    return {
        name: {
            "size": int(first[name].size),
            "first": int(np.count_nonzero(first[name])),
            "second": int(np.count_nonzero(second[name])),
            "both": int(np.count_nonzero(first[name] & second[name])),
        }
        for name in tensors
    }


def overlap_figures(counts: Sequence[Mapping[str, int]]) -> dict[str, float | None]:
    """What the counts of some tensors (:func:`overlap`) come to together.

    ``iou``: weights kept by both over those kept by either. ``share``: weights kept by both over
    those of the smaller mask. ``iou_expected`` and ``share_expected``: the same with the number
    that two independent random masks with the same counts in each tensor keep in common on
    average, the sum of first * second / size. None where a mask keeps nothing.
    """
    one, other, both = (sum(each[side] for each in counts) for side in ("first", "second", "both"))
    expected = math.fsum(each["first"] * each["second"] / each["size"] for each in counts)
    smaller = min(one, other)
    if not smaller:
        return dict.fromkeys(("iou", "iou_expected", "share", "share_expected"))
    return {
        "iou": both / (one + other - both),
        "iou_expected": expected / (one + other - expected),
        "share": both / smaller,
        "share_expected": expected / smaller,
    }
