"""Takes weights; gives their size. Frankle and Carbin 2019; "Linear Mode Connectivity",
Algorithm 2."""

from __future__ import annotations

import numpy as np

from ltspec.decisions.criteria import Subject
from ltspec.decisions.state import Array


def score(subject: Subject) -> dict[str, Array]:
    """|w|."""
    return {name: np.abs(subject.weights[name]) for name in subject.shapes}
