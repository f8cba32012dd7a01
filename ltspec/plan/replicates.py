"""Takes nothing; gives the seeds of a replicate, and the name of an experiment's main line.

Apart from the stages, because ``validate`` needs only this and starts faster without them.
"""

from __future__ import annotations

from dataclasses import dataclass

TICKET = "ticket"
"""What the main line of an experiment is called among its branches."""


@dataclass(frozen=True, slots=True)
class Replicate:
    """Seeds of one replicate."""

    number: int
    """From 1."""
    init: int
    order: int
    mask: int
