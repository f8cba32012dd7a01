"""Takes scores and counts; gives masks that keep exactly so many weights.

Ties fall by canonical flat index: of two equal scores the one that comes first (earlier tensor,
then earlier entry in row-major order) is pruned first, so that the count is met to the weight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ltspec.decisions.state import Array, Arrays, Masks


def prune(scores: Mapping[str, Array], before: Masks, keep: Sequence[int]) -> Masks:
    """Keep the highest scores among the weights that ``before`` keeps.

    ``scores``: by tensor in graph order. ``before``: the mask to shrink; a tensor that is absent
    is dense. ``keep``: one count for each tensor, or a single one for all of them together.
    Raises ValueError for a score that is not a number, or a count that ``before`` cannot give.
    """
    names = list(scores)
    flat = {name: np.ascontiguousarray(scores[name]).reshape(-1) for name in names}
    alive = {
        name: before[name].reshape(-1) if name in before else np.ones(flat[name].size, np.bool_)
        for name in names
    }
    groups = [names] if len(keep) == 1 else [[name] for name in names]
    kept: dict[str, NDArray[np.bool_]] = {}
    for group, count in zip(groups, keep, strict=True):
        chosen = _keep_highest(
            np.concatenate([flat[name] for name in group]),
            np.concatenate([alive[name] for name in group]),
            count,
        )
        ends = np.cumsum([flat[name].size for name in group])
        kept.update(zip(group, np.split(chosen, ends[:-1]), strict=True))
    return {name: kept[name].reshape(scores[name].shape) for name in names}


def _keep_highest(scores: Array, alive: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """The ``count`` highest scores among ``alive``; of equal ones, those with the highest index."""
    places = np.flatnonzero(alive)
    values = scores[places]
    if np.isnan(values).any():
        raise ValueError("a score is not a number")
    drop = len(places) - count
    if not 0 <= drop <= len(places):
        raise ValueError(f"cannot keep {count} of {len(places)} weights")
    chosen = alive.copy()
    if drop == 0:
        return chosen
    if count == 0:
        chosen[places] = False
        return chosen
    threshold = np.partition(values, drop - 1)[drop - 1]  # the drop-th smallest score
    below = values < threshold
    ties = np.flatnonzero(values == threshold)
    chosen[places[below]] = False
    chosen[places[ties[: drop - int(below.sum())]]] = False
    return chosen


def apply(weights: Arrays, masks: Masks) -> dict[str, Array]:
    """Weights with pruned entries set to exactly +0; tensors without a mask are unchanged."""
    return {
        name: np.where(masks[name], array, np.zeros((), array.dtype)) if name in masks else array
        for name, array in weights.items()
    }


def count_kept(masks: Masks) -> dict[str, int]:
    """Weights kept in each tensor."""
    return {name: int(np.count_nonzero(mask)) for name, mask in masks.items()}
