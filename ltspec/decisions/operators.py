"""Takes masks or weights and the name of a stream; gives them changed, as controls of tickets.

Every operator works tensor by tensor on streams that are named by tensor, level and draw, so no
control moves because another one was added.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ltspec.decisions import rng
from ltspec.decisions.state import Array, Arrays, Masks


def shuffled(masks: Masks, seed: int, draw: int, level: int) -> Masks:
    """Each mask permuted at random: entry i is entry p[i] of the mask in row-major order, where p
    is the permutation (seed, "shuffle", draw, level, name). As many weights are kept in each."""
    return {
        name: _permuted(mask.reshape(-1), seed, "shuffle", draw, level, name).reshape(mask.shape)
        for name, mask in masks.items()
    }


def shuffled_together(masks: Masks, seed: int, draw: int, level: int) -> Masks:
    """All masks, one after another, under one permutation (seed, "shuffle-all", draw, level)."""
    joined = np.concatenate([mask.reshape(-1) for mask in masks.values()])
    mixed = _permuted(joined, seed, "shuffle-all", draw, level)
    bounds = np.cumsum([0, *(mask.size for mask in masks.values())])
    return {
        name: mixed[begin:end].reshape(mask.shape)
        for (name, mask), (begin, end) in zip(masks.items(), pairwise(bounds), strict=True)
    }


def random_masks(
    shapes: Mapping[str, tuple[int, ...]], keep: Sequence[int], seed: int, draw: int, level: int
) -> Masks:
    """Masks that keep ``keep`` weights of each tensor, drawn at random: the first places of the
    permutation (seed, "random-mask", draw, level, name)."""
    masks = {}
    for (name, shape), count in zip(shapes.items(), keep, strict=True):
        flat = np.zeros(math.prod(shape), np.bool_)
        flat[rng.permutation(flat.size, seed, "random-mask", draw, level, name)[:count]] = True
        masks[name] = flat.reshape(shape)
    return masks


def intersected(masks: Masks, others: Masks) -> Masks:
    """What both keep."""
    return {name: mask & others[name] for name, mask in masks.items()}


def united(masks: Masks, others: Masks) -> Masks:
    """What either of them keeps."""
    return {name: mask | others[name] for name, mask in masks.items()}


def with_signs(weights: Arrays, original: Arrays) -> dict[str, Array]:
    """``weights`` with the signs of ``original`` (Zhou et al. 2019, section 4)."""
    return {name: np.copysign(array, original[name]) for name, array in weights.items()}


def noisy(
    weights: Arrays, masks: Masks, deviations: float, seed: int, draw: int, level: int
) -> dict[str, Array]:
    """Surviving weights with normal noise, of ``deviations`` standard deviations of theirs.

    Entry i of a tensor gets entry i of the stream (seed, "noise", draw, level, name), whatever the
    mask. Deviations are from the mean of the tensor's surviving weights, in float64 and with sums
    that are rounded once, so that they have the same bits everywhere.
    """
    changed = {}
    for name, array in weights.items():
        alive = _alive(name, array, masks)
        noise = rng.normal(array.size, seed, "noise", draw, level, name).reshape(array.shape)
        values = array[alive].astype(np.float64)
        result = array.copy()
        result[alive] = values + deviations * _deviation(values) * noise[alive]
        changed[name] = result
    return changed


def permuted(
    weights: Arrays, masks: Masks, within_filters: bool, seed: int, draw: int, level: int
) -> dict[str, Array]:
    """Surviving weights in other surviving places, drawn at random.

    In row-major order they are sorted by the random words of (seed, "permute", draw, level, name),
    one word an entry of the tensor; ``within_filters``, each output's (first axis) on its own.
    """
    changed = {}
    for name, array in weights.items():
        alive = np.flatnonzero(_alive(name, array, masks))
        words = rng.bits(array.size, seed, "permute", draw, level, name)[alive]
        outputs = (
            alive // (array.size // array.shape[0]) if within_filters else np.zeros_like(alive)
        )
        flat = array.reshape(-1).copy()
        flat[alive] = flat[alive[np.lexsort((words, outputs))]]
        changed[name] = flat.reshape(array.shape)
    return changed


def _permuted(
    flat: NDArray[np.bool_], seed: int, purpose: str, *index: str | int
) -> NDArray[np.bool_]:
    return flat[rng.permutation(flat.size, seed, purpose, *index)]


def _alive(name: str, array: Array, masks: Masks) -> NDArray[np.bool_]:
    return masks[name] if name in masks else np.ones(array.shape, np.bool_)


def _deviation(values: NDArray[np.float64]) -> float:
    """Standard deviation from the mean; 0 of nothing."""
    if not values.size:
        return 0.0
    mean = math.fsum(values) / values.size
    return math.sqrt(math.fsum((values - mean) ** 2) / values.size)
