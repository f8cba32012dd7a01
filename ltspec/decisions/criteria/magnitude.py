"""Takes trained weights; gives their size. Frankle and Carbin 2019; "Linear Mode Connectivity",
Algorithm 2."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ltspec.decisions.state import Array, Arrays


def score(shapes: Mapping[str, tuple[int, ...]], weights: Arrays, seed: int) -> dict[str, Array]:
    """|w|."""
    return {name: np.abs(weights[name]) for name in shapes}
