"""Takes named arrays; gives a State: a network at a step of its training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Arrays = Mapping[str, Array]
Masks = Mapping[str, NDArray[np.bool_]]
"""Prunable tensors by name, True where a weight is kept, in the shape of the tensor."""


@dataclass(frozen=True, eq=False)
class State:
    """Weights in canonical layout (see :mod:`ltspec.networks.graph`) at a step."""

    weights: Arrays
    """Every parameter of the graph by name."""
    step: int
    """The next step to be taken: weights are those *before* it."""
    slots: Mapping[str, Arrays] = field(default_factory=dict)
    """What the optimiser remembers, by slot then tensor. SGD with momentum: ``velocity``.
    Adam: ``first`` and ``second`` moment. Empty when fresh."""
    buffers: Arrays = field(default_factory=dict)
    """Every buffer of the graph by name: running statistics of its norms."""
