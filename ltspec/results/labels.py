"""Takes some points of a sweep; gives what they are called together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ltspec.language.points import labelled

Columns = Mapping[str, Any]
"""What tells a point of a sweep apart."""

MOST_LABELS = 4
"""Points that are named where the same is shown or said of several."""


def of_points(some: Sequence[Columns], every: Sequence[Columns]) -> str:
    """The labels of at least one point: what they have in common where only these have that, which
    is nothing for all points together."""
    shared = {k: v for k, v in some[0].items() if all(columns[k] == v for columns in some)}
    if len(some) == sum(shared.items() <= columns.items() for columns in every):
        return labelled(shared)
    return listed([labelled(columns) for columns in some])


def listed(labels: Sequence[str]) -> str:
    """The first few labels, and how many more there are."""
    more = [f"{len(labels) - MOST_LABELS:,} more"] if len(labels) > MOST_LABELS else []
    return "; ".join([*labels[:MOST_LABELS], *more])
