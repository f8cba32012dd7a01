"""Takes earlier solutions and a mask; gives the term that repels a training from them.

The repellent loss of "Towards Understanding Iterative Magnitude Pruning: Why Lottery Tickets Win"
(Maene, Li and Moens 2021, section 3): to the loss is added

    strength / n  *  sum over the n solutions a of cos^2(w, a),

where w and a hold the weights of all conv and linear layers as one vector, both under the mask of
the network that is trained. A negative strength attracts.

With u = a / |a| and c = u . w / |w|, the gradient of the term by w is

    2 strength / n  *  sum of c (u - c w / |w|) / |w|.

It is zero wherever the mask is: there w is, and so is each u. Where w or an a is zero as a whole
there is no angle: then c and its gradient are 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltspec.decisions.state import Arrays, Masks


@dataclass(frozen=True, eq=False)
class Repulsion:
    """What a backend needs of the term. Made once, so that it is the same on each of them."""

    strength: float
    """Negative where it attracts."""
    directions: Arrays
    """The u above, (n, ...) of every tensor that takes part, in graph order: each solution under
    the mask, divided by its norm over all of these tensors together. Zero where it has none."""

    @property
    def count(self) -> int:
        """n: the solutions that one is repelled from, among them those that are zero."""
        return len(next(iter(self.directions.values())))


def repulsion(
    strength: float,
    solutions: Sequence[Arrays],
    masks: Masks,
    names: Sequence[str],
    dtype: np.dtype[np.floating],
) -> Repulsion:
    """The term for one training. ``names``: the weights of conv and linear layers, in graph order;
    those without a mask take part whole. Worked out in float64 and rounded once, to ``dtype``."""
    directions = {
        name: np.empty((len(solutions), *solutions[0][name].shape), dtype) for name in names
    }
    for place, solution in enumerate(solutions):
        masked = {
            name: solution[name].astype(np.float64) * masks.get(name, np.True_) for name in names
        }
        norm = _norm(masked)
        for name, array in masked.items():
            directions[name][place] = array / norm if norm > 0 else 0.0
    return Repulsion(strength, directions)


def cosines(term: Repulsion, weights: Arrays) -> NDArray[np.float64]:
    """The c above, (n,), of weights that are under the mask already."""
    taking_part = {name: weights[name].astype(np.float64) for name in term.directions}
    norm = _norm(taking_part)
    if norm == 0:
        return np.zeros(term.count)
    dots = sum(
        units.astype(np.float64).reshape(term.count, -1) @ taking_part[name].ravel()
        for name, units in term.directions.items()
    )
    return np.asarray(dots, np.float64) / norm


def _norm(vector: Arrays) -> float:
    """Of all tensors as one vector."""
    return math.sqrt(sum(float(np.vdot(array, array)) for array in vector.values()))
