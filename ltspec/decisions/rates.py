"""Takes a Schedule and a stretch of steps; gives the learning rate at each, in float32."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ltspec.decisions.exact import cos
from ltspec.decisions.recipe import Schedule


def rates(schedule: Schedule, start: int, stop: int) -> NDArray[np.float32]:
    """Learning rate at the steps start .. stop - 1, computed in float64 and rounded once.

    Warm-up multiplies the schedule by (s + 1) / warmup at step s < warmup. ``linear`` and
    ``cosine`` go from ``lr`` at the end of the warm-up to ``end_lr`` at step ``end``, and stay.
    """
    steps = np.arange(start, stop, dtype=np.float64)
    if schedule.hold:
        steps = np.minimum(steps, schedule.hold - 1)
    rate = np.full(stop - start, schedule.lr, dtype=np.float64)
    match schedule.kind:
        case "step":
            for drop in schedule.drops:
                rate = np.where(steps >= drop, rate * schedule.factor, rate)
        case "linear" | "cosine":
            length = max(schedule.end - schedule.warmup, 1)
            progress = np.clip((steps - schedule.warmup) / length, 0.0, 1.0)
            if schedule.kind == "cosine":
                progress = 0.5 * (1.0 - cos(progress * 3.141592653589793))
            rate = schedule.lr + (schedule.end_lr - schedule.lr) * progress
        case "constant":
            pass
    if schedule.warmup:
        rate = np.where(steps < schedule.warmup, rate * (steps + 1.0) / schedule.warmup, rate)
    return rate.astype(np.float32)
