"""Takes a seed; gives each weight a random place in line: the control of every criterion."""

from __future__ import annotations

import math

from ltspec.decisions import rng
from ltspec.decisions.criteria import Subject
from ltspec.decisions.state import Array


def score(subject: Subject) -> dict[str, Array]:
    """Uniform numbers of the stream (seed, "mask", name), the same at every level."""
    return {
        name: rng.uniform(math.prod(shape), subject.seed, "mask", name).reshape(shape)
        for name, shape in subject.shapes.items()
    }
