"""Takes a training at an update of its mask; gives where it stands after it.

The core decides, in numpy: a backend is asked for gradients where the method needs them, and then
goes on with other masks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ltspec.data.dataset import Split
from ltspec.decisions import masks as masking
from ltspec.decisions.dynamic import update
from ltspec.decisions.dynamic.schedule import MaskSchedule
from ltspec.decisions.moving import moved_images
from ltspec.decisions.state import Arrays, Masks, State
from ltspec.decisions.tape import Tape
from ltspec.errors import InvariantError, RunError

if TYPE_CHECKING:
    from ltspec.engine.training import Progress, Training


def begun(schedule: MaskSchedule, masks: Masks, weights: Arrays) -> Masks:
    """The masks that a training starts with: those of the state that it reads, else ones."""
    return {
        name: masks[name] if name in masks else np.ones(weights[name].shape, np.bool_)
        for name in schedule.tensors
    }


def with_update(
    training: Training, schedule: MaskSchedule, tape: Tape, data: Split, progress: Progress
) -> Progress:
    """After the update at the first step of ``tape``; where that stands in place of a gradient
    step, one step later. Running statistics do not move.

    Raises RunError (LT401) where gradients are not finite, InvariantError where the mask that was
    made is not what the schedule says.
    """
    state, step = progress.state, tape.start
    gradients: Arrays = {}
    losses = progress.losses
    if schedule.method == "rigl":
        batch = Split(
            moved_images(data, tape, 0), data.labels[tape.batch(0)], data.scale, data.shift
        )
        loss, gradients = training.backend.gradients(
            training.graph,
            batch,
            state.weights,
            state.buffers,
            np.arange(len(batch), dtype=np.int64),
            "train",
        )
        _refuse_divergence(training.label, step, loss, gradients)
        losses = np.append(losses, np.float32(loss))
    masks = update.updated(schedule, step, progress.masks, state.weights, gradients)
    after = update.carried(state, progress.masks, masks)
    check(training.label, schedule, step, (progress.masks, state), (masks, after))
    if schedule.replaces_step:
        after = replace(after, step=step + 1)
    explored = {name: progress.explored[name] | mask for name, mask in masks.items()}
    return replace(progress, state=after, losses=losses, masks=masks, explored=explored)


def check(
    label: str,
    schedule: MaskSchedule,
    step: int,
    before: tuple[Masks, State],
    after: tuple[Masks, State],
) -> None:
    """Raise InvariantError where counts are not those of the schedule, where a weight that stays
    has changed, and where one that was dropped or grown is not zero, in slots either."""
    where = f"{label}, update at step {step:,}"
    (old, state), (new, now) = before, after
    kept = masking.count_kept(new)
    gradual = schedule.method == "gradual"
    wanted = schedule.kept_at(step) if gradual else schedule.keep
    counts = (sum(kept.values()),) if len(wanted) == 1 < len(kept) else tuple(kept.values())
    if list(kept) != list(schedule.tensors) or counts != wanted:
        raise InvariantError(f"{where}: the mask keeps {counts}, and the plan says {wanted}")
    arrays = {"weight": (state.weights, now.weights)} | {
        slot: (state.slots[slot], now.slots[slot]) for slot in state.slots
    }
    for name, mask in new.items():
        if gradual and np.any(mask & ~old[name]):
            raise InvariantError(f"{where}: the mask of {name} has grown")
        stays = mask & old[name]
        for what, (was, is_) in arrays.items():
            if np.array_equal(is_[name], np.where(stays, was[name], 0)):
                continue
            wrong = (
                "that is new or gone is not zero"
                if np.any(is_[name][~stays])
                else "that stays has changed"
            )
            raise InvariantError(f"{where}: a {what} of {name} {wrong}")


def check_end(label: str, schedule: MaskSchedule, masks: Masks, explored: Masks) -> None:
    """Raise InvariantError where a training ends with other counts than planned, or a kept weight
    is not among those that were ever kept."""
    kept = masking.count_kept(masks)
    counts = (sum(kept.values()),) if len(schedule.keep) == 1 < len(kept) else tuple(kept.values())
    if counts != schedule.keep:
        raise InvariantError(
            f"{label}: the mask keeps {counts} at its end, and the plan says {schedule.keep}"
        )
    for name, mask in masks.items():
        if np.any(mask & ~explored[name]):
            raise InvariantError(f"{label}: a weight of {name} is kept and was never explored")


def facts(schedule: MaskSchedule, start: int, stop: int, explored: Masks) -> Mapping[str, Any]:
    """``mask_updates`` of a training, and ``explored``: the share of prunable weights that were in
    a mask at some time, R_s of Liu et al. (2021, "Do we actually need dense
    over-parameterization?", section 3)."""
    seen = sum(masking.count_kept(explored).values())
    return {
        "mask_updates": schedule.updates_before(stop) - schedule.updates_before(start),
        "explored": seen / sum(mask.size for mask in explored.values()),
    }


def _refuse_divergence(label: str, step: int, loss: float, gradients: Arrays) -> None:
    if np.isfinite(loss) and all(np.isfinite(array).all() for array in gradients.values()):
        return
    raise RunError(
        f"{label}: the training diverged: at step {step:,}, an update of the mask, the loss is "
        f"{loss} or a gradient is not finite",
        code="LT401",
        hint="lower train.optimizer.lr or add warm-up; what was done before is kept",
    )
