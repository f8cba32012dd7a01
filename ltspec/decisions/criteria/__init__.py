"""Takes nothing; gives every criterion by name: what makes a weight worth keeping.

A criterion is one file here with a function ``score`` and one row in :data:`CRITERIA` (and a
section in ``ltspec.language.criteria``). It works for all backends: scores are made in numpy, and
what a network computes is asked of a backend's verb ``gradients``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ltspec.data.dataset import Split
from ltspec.decisions.state import Array, Arrays, Masks
from ltspec.networks.graph import Graph

Mode = Literal["train", "eval"]
Batch = tuple[Split, NDArray[np.int64]]
"""Examples, and the ones among them that are looked at together."""


class Gradients(Protocol):
    """A backend's verb: ``ltspec.engine.backend.Backend.gradients``."""

    def __call__(
        self,
        graph: Graph,
        data: Split,
        weights: Arrays,
        buffers: Arrays,
        indices: NDArray[np.int64],
        mode: Mode,
        along: Arrays | None = None,
    ) -> tuple[float, dict[str, Array]]:
        """Mean cross-entropy over the examples ``indices``, and its gradient by every parameter;
        or that gradient's derivative ``along`` a direction, the Hessian times it."""


def _no_gradients(*_: object, **__: object) -> tuple[float, dict[str, Array]]:
    raise LookupError("the criterion asks for gradients, and its row does not say so")


def _no_batches() -> Iterator[Batch]:
    raise LookupError("the criterion asks for examples, and its row does not say so")


@dataclass(frozen=True, eq=False)
class Subject:
    """What is scored, and what a criterion may ask of it."""

    shapes: Mapping[str, tuple[int, ...]]
    """Of the prunable tensors, in graph order."""
    weights: Arrays = field(default_factory=dict)
    """Every parameter, pruned weights exactly zero. Empty where the criterion reads none."""
    masks: Masks = field(default_factory=dict)
    """Which of them are left; a tensor that is absent is dense."""
    temperature: float = 1.0
    """What outputs are divided by before the loss."""
    seed: int = 0
    """For what the criterion draws; 0 where it draws nothing."""
    graph: Graph | None = None
    """The network; None where the criterion asks for no gradients."""
    buffers: Arrays = field(default_factory=dict)
    """Running statistics of the network's norms."""
    mode: Mode = "eval"
    """Whether norms use the statistics of the batch or the running ones."""
    gradients: Gradients = _no_gradients
    """In the precision that the criterion's row asks for."""
    batches: Callable[[], Iterator[Batch]] = _no_batches
    """The examples that the spec has it look at, each of them once."""


class Score(Protocol):
    """Scores by tensor name, in the tensor's shape. The lowest scores are pruned first."""

    def __call__(self, subject: Subject) -> dict[str, Array]:
        """One finite number a weight; those of weights that are pruned already do not matter."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """A way to score weights."""

    module: str
    """The module of this package that holds ``score``."""
    reads_weights: bool
    """Whether scores depend on weights; if not, a mask needs no network before it."""
    draws: bool = False
    """Whether scores depend on the seed."""
    gradients: Literal["none", "run", "float64"] = "none"
    """Whether it asks for gradients, in the precision of the run or in float64 always."""
    passes: int = 3
    """Where it asks for gradients: forward passes that one example costs as much as; a gradient
    costs three, its derivative along a direction about twice as much again."""
    along: bool = False
    """Whether it asks for the derivative of a gradient along a direction."""
    version: int = 1
    """Goes up when ``score`` gives other numbers; part of the key of every mask that it makes."""


CRITERIA: Mapping[str, Criterion] = {
    "magnitude": Criterion("magnitude", reads_weights=True),
    "random": Criterion("random", reads_weights=False, draws=True),
    "snip": Criterion("snip", reads_weights=True, gradients="run"),
    "grasp": Criterion("grasp", reads_weights=True, gradients="float64", passes=9, along=True),
    "synflow": Criterion("synflow", reads_weights=True, gradients="float64"),
}
