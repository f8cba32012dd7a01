"""Takes nothing; gives every criterion by name: what makes a weight worth keeping.

A criterion is one file here with a function ``score`` and one row in :data:`CRITERIA` (and its
name in ``ltspec.language.prune``). It works for all backends, since scores are made in numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ltspec.decisions.state import Array, Arrays


class Score(Protocol):
    """Scores by tensor name, in the tensor's shape. The lowest scores are pruned first."""

    def __call__(
        self, shapes: Mapping[str, tuple[int, ...]], weights: Arrays, seed: int
    ) -> dict[str, Array]:
        """``shapes`` are those of the prunable tensors; ``weights`` is empty unless it is read."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """A way to score weights."""

    module: str
    """The module of this package that holds ``score``."""
    reads_weights: bool
    """Whether scores depend on the trained weights; if not, a mask needs no training before it."""
    version: int = 1
    """Goes up when ``score`` gives other numbers; part of the key of every mask that it makes."""


CRITERIA: Mapping[str, Criterion] = {
    "magnitude": Criterion("magnitude", reads_weights=True),
    "random": Criterion("random", reads_weights=False),
}
