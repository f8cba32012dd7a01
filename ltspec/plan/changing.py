"""Takes a section of masks that change in training; gives its numbers: steps and counts.

Plain functions, which rules ask too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ltspec.decisions import amounts
from ltspec.decisions.amounts import Level
from ltspec.decisions.layerwise import SPREADS
from ltspec.plan import resolve

DYNAMIC = ("gradual", "set", "rigl")
"""Names of schedules whose masks change while a network is trained."""


@dataclass(frozen=True, slots=True)
class Points:
    """When masks change, in steps from where the network's training begins."""

    begin: int
    until: int
    every: int


def points(spec: Any, schedule: Any, length: int) -> Points:
    """The points of a schedule, in a training of ``length`` steps, of which shares are taken."""
    per_epoch = resolve.steps_per_epoch(spec)
    every = schedule.every.steps(per_epoch, length)
    begin = schedule.begin.steps(per_epoch, length) if schedule.begin is not None else every
    return Points(begin, schedule.until.steps(per_epoch, length), every)


def counts(spec: Any, schedule: Any, level: Level) -> tuple[int, ...]:
    """How many weights a branch keeps beside a level: as many as the ticket in each group that it
    compares (gradual), or in all, shared out by ``layers``."""
    if schedule.name == "gradual":
        return level.keep
    shapes = [tensor.shape for tensor in resolve.prunable(spec)]
    return SPREADS[schedule.layers](shapes, level.kept)


def initial(spec: Any, schedule: Any, keep: tuple[int, ...]) -> tuple[int, ...]:
    """What ``gradual`` keeps at its beginning, counted as ``keep`` is, and never less than that: a
    tensor that ends denser than the network begins stays as it is."""
    sizes = [tensor.size for tensor in resolve.prunable(spec)]
    sizes = sizes if len(keep) == len(sizes) else [sum(sizes)]
    return tuple(
        max(amounts.kept_at(size, schedule.initial), count)
        for size, count in zip(sizes, keep, strict=True)
    )
