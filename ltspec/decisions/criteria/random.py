"""Takes a seed; gives each weight a random place in line: the control of every criterion."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ltspec.decisions import rng
from ltspec.decisions.state import Array, Arrays


def score(shapes: Mapping[str, tuple[int, ...]], weights: Arrays, seed: int) -> dict[str, Array]:
    """Uniform numbers of the stream (seed, "mask", name), the same at every level."""
    return {
        name: rng.uniform(math.prod(shape), seed, "mask", name).reshape(shape)
        for name, shape in shapes.items()
    }
