"""Takes a mask and the network under it at a step; gives the next mask, and the network under that.

Decided in numpy, so that it is the same on every backend. Ties fall as in
:mod:`ltspec.decisions.masks`: of two equal scores, that with the lower index goes first.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from ltspec.decisions import masks as masking
from ltspec.decisions import rng
from ltspec.decisions.dynamic.schedule import MaskSchedule
from ltspec.decisions.exact import cos
from ltspec.decisions.state import Array, Arrays, Masks, State

_PI = 3.141592653589793


def updated(
    schedule: MaskSchedule, step: int, masks: Masks, weights: Arrays, gradients: Arrays
) -> Masks:
    """The masks after the update at ``step``. ``gradients`` of the loss by every weight, masked or
    not, are read by ``rigl`` alone. Raises ValueError where a score is not a number."""
    sizes = {name: np.abs(weights[name]) for name in schedule.tensors}
    match schedule.method:
        case "gradual":
            return masking.prune(sizes, masks, schedule.kept_at(step))
        case "set":
            growth = _random_scores(schedule, step, masks)
        case "rigl":
            growth = {name: np.abs(gradients[name]) for name in schedule.tensors}
    return {
        name: _exchanged(masks[name], sizes[name], growth[name], dropped(schedule, step, count))
        for name, count in masking.count_kept(masks).items()
    }


def dropped(schedule: MaskSchedule, step: int, count: int) -> int:
    """How many of a tensor's ``count`` weights go at an update of ``set`` or ``rigl``: the drop
    fraction of them, half to even. With ``cosine`` that is
    end + (fraction - end) / 2 (1 + cos(pi t)), t going from 0 at ``begin`` to 1 at ``until``
    (Evci et al. 2020, section 3, where end is 0)."""
    if schedule.decay == "constant":
        return round(Fraction(str(schedule.fraction)) * count)
    passed = (step - schedule.begin) / (schedule.until - schedule.begin)
    end = schedule.end_fraction
    share = end + (schedule.fraction - end) / 2 * (1.0 + float(cos(np.array([_PI * passed]))[0]))
    return round(share * count)


def carried(state: State, before: Masks, after: Masks) -> State:
    """The state under another mask: weights and slots that stay are what they were, all that were
    dropped or grown are zero."""
    stays = {name: before[name] & mask for name, mask in after.items()}
    return State(
        masking.apply(state.weights, stays),
        state.step,
        {slot: masking.apply(arrays, stays) for slot, arrays in state.slots.items()},
        state.buffers,
    )


def _exchanged(mask: Array, sizes: Array, growth: Array, count: int) -> Array:
    """``count`` of the smallest go; as many come where ``growth`` is highest, among all that are
    not there any more. One that goes and comes stays."""
    kept = int(np.count_nonzero(mask)) - count
    remaining = masking.prune({"": sizes}, {"": mask}, [kept])[""]
    grown = masking.prune({"": growth}, {"": ~remaining}, [count])[""]
    return remaining | grown


def _random_scores(schedule: MaskSchedule, step: int, masks: Masks) -> Mapping[str, Array]:
    """Uniform numbers of the streams (seed, "grow", draw, level, step, name)."""
    return {
        name: rng.uniform(
            mask.size, schedule.seed, "grow", schedule.draw, schedule.level, step, name
        ).reshape(mask.shape)
        for name, mask in masks.items()
    }
