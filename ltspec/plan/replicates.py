"""Takes nothing; gives the seeds of a replicate, and the name of an experiment's main line.

Apart from the stages, because ``validate`` needs only this and starts faster without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TICKET = "ticket"
"""What the main line of an experiment is called among its branches."""
DENSE = "dense"
"""What the network before any pruning is called where it is measured."""

DRAWS_APART = 1_000_001
"""Keeps the draws of fresh weights of one number apart from the next's; more than any level."""


@dataclass(frozen=True, slots=True)
class Replicate:
    """Seeds of one replicate."""

    number: int
    """From 1."""
    init: int
    order: int
    mask: int


def after(replicate: Replicate, replicates: Sequence[Replicate]) -> Replicate:
    """The next one; the first after the last."""
    return replicates[replicate.number % len(replicates)]
