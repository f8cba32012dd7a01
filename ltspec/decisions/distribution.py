"""Takes weights and a mask; gives how the surviving weights are distributed, and where a level cut.

As plotted in "Towards Understanding Iterative Magnitude Pruning" (Maene, Li and Moens 2021, Fig. 5
to 7). Worked out in float64, whatever the weights were trained in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ltspec.decisions.difference import Vector
from ltspec.decisions.state import Arrays, Masks


def distribution(
    weights: Mapping[str, Vector], bins: int, limit: float | None, percentiles: Sequence[float]
) -> dict[str, Any]:
    """Histogram and percentiles of vectors of weights, in ``all`` and by tensor.

    ``bins`` equal bins from -limit to limit, or to the largest magnitude where ``limit`` is None;
    each holds its lower edge, and the last one its upper edge too.
    """
    together = np.concatenate(list(weights.values())) if weights else np.zeros(0)
    return {
        "all": histogram(together, bins, limit, percentiles),
        "tensors": {
            name: histogram(vector, bins, limit, percentiles) for name, vector in weights.items()
        },
    }


def histogram(
    vector: Vector, bins: int, limit: float | None, percentiles: Sequence[float]
) -> dict[str, Any]:
    """Of one vector: ``weights`` (how many), ``mean``, ``deviation`` (of the whole, not of a
    sample), ``lowest``, ``highest``, ``percentiles`` (linear between the nearest two),
    ``limit``, ``counts`` by bin, and how many lie ``below`` and ``above`` the bins. Figures that
    need a weight are None without any."""
    found: dict[str, Any] = {
        "weights": int(vector.size),
        "mean": None,
        "deviation": None,
        "lowest": None,
        "highest": None,
        "percentiles": [None] * len(percentiles),
    }
    reach = 0.0
    if vector.size:
        found |= {
            "mean": float(np.mean(vector)),
            "deviation": float(np.std(vector)),
            "lowest": float(np.min(vector)),
            "highest": float(np.max(vector)),
            "percentiles": [float(each) for each in np.percentile(vector, list(percentiles))],
        }
        reach = max(abs(found["lowest"]), abs(found["highest"]))
    # Where every weight is zero any bins will do.
    limit = (reach or 1.0) if limit is None else limit
    counts, _ = np.histogram(vector, bins, (-limit, limit))
    return {
        **found,
        "limit": limit,
        "below": int(np.count_nonzero(vector < -limit)),
        "counts": [int(count) for count in counts],
        "above": int(np.count_nonzero(vector > limit)),
    }


def threshold(
    weights: Arrays, before: Masks, after: Masks, tensors: Sequence[str]
) -> dict[str, Any]:
    """Where a level cut, in ``all`` and by tensor: ``removed`` and ``kept`` weights, the largest
    magnitude removed (``largest_removed``) and the smallest that stayed (``smallest_kept``). The
    last two are None where there is no such weight."""
    sides: dict[str, tuple[Vector, Vector]] = {}
    for name in tensors:
        sizes = np.abs(weights[name].astype(np.float64))
        alive = before.get(name, np.ones(sizes.shape, np.bool_))
        sides[name] = sizes[alive & ~after[name]], sizes[after[name]]
    every = [
        np.concatenate([side[place] for side in sides.values()]) if sides else np.zeros(0)
        for place in (0, 1)
    ]
    return {
        "all": _cut(every[0], every[1]),
        "tensors": {name: _cut(*side) for name, side in sides.items()},
    }


def _cut(removed: Vector, kept: Vector) -> dict[str, Any]:
    return {
        "removed": int(removed.size),
        "kept": int(kept.size),
        "largest_removed": float(np.max(removed)) if removed.size else None,
        "smallest_kept": float(np.min(kept)) if kept.size else None,
    }
