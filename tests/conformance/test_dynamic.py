"""Takes a backend; asserts that masks that change in training become those of the reference.

The core decides which weights go and come, by weights and gradients of the backend: in float64
they differ from the reference's by the order of sums alone, and no score is that near to another.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from ltspec.decisions.dynamic.schedule import MaskSchedule
from ltspec.decisions.recipe import Augment
from ltspec.engine import mask_updates
from ltspec.engine.training import Progress, Training, play

METHODS = {
    "gradual": {"power": 3},
    "set": {"fraction": 0.3, "seed": 4},
    "rigl": {"fraction": 0.3, "decay": "cosine"},
}


def training(case, backend, method):
    """20 steps with an update at 2, 7, 12 (and 15): in the second epoch, too."""
    names = tuple(p.name for p in case.graph.prunable)
    kept = tuple(int(case.masks[name].sum()) for name in names)
    if method == "gradual":
        sizes = {"keep": tuple(count // 2 for count in kept), "initial": kept}
    else:
        sizes = {"keep": kept}
    schedule = MaskSchedule(method, names, begin=2, until=15, every=5, **sizes, **METHODS[method])
    return Training(
        case.graph,
        case.recipe,
        0,
        20,
        schedule,
        case.split,
        lambda: pytest.fail("nothing is decoded"),
        backend,
        case.lowering,
        "a test",
    )


def played(case, backend, method, seen=None):
    work = training(case, backend, method)
    masks = mask_updates.begun(work.schedule, case.masks, case.state.weights)
    begun = Progress(case.state, np.zeros(0, np.float32), masks, explored=masks)
    return play(work, begun, lambda now, steps: seen.append(now) if seen is not None else None)


@pytest.mark.parametrize("rule", ["sgd", "adam"])
@pytest.mark.parametrize("method", METHODS)
def test_masks_are_those_of_the_reference(kit, reference, backend64, method, rule):
    case = kit.case(rule, graph=kit.GRAPHS["residual"], augment=Augment(flip=True, crop=2))
    ours, theirs = (played(case, backend, method) for backend in (backend64, reference))
    for name, mask in theirs.masks.items():
        assert np.array_equal(ours.masks[name], mask), name
        assert np.array_equal(ours.explored[name], theirs.explored[name]), name
        assert not ours.state.weights[name][~mask].any()
        assert not np.array_equal(mask, case.masks[name])
    assert kit.worst(ours.state.weights, theirs.state.weights) < 1e-9
    assert kit.worst(ours.state.buffers, theirs.state.buffers) < 1e-9
    np.testing.assert_allclose(ours.losses, theirs.losses, rtol=1e-6)


def test_an_update_of_rigl_takes_no_step(kit, backend64):
    """Weights that stay, all other parameters and running statistics are what they were."""
    seen: list[Progress] = []
    played(kit.case(graph=kit.GRAPHS["residual"]), backend64, "rigl", seen)
    (before, after), *others = [pair for pair in pairwise(seen) if _is_update(pair)]
    assert len(others) == 2
    assert after.state.step == before.state.step + 1 == 3
    for name, array in before.state.weights.items():
        if name in before.masks:
            stays = before.masks[name] & after.masks[name]
            assert np.array_equal(after.state.weights[name], np.where(stays, array, 0))
        else:
            assert np.array_equal(after.state.weights[name], array)
    for name, array in before.state.buffers.items():
        assert np.array_equal(after.state.buffers[name], array)


def _is_update(pair):
    before, after = pair
    return any(not np.array_equal(before.masks[name], mask) for name, mask in after.masks.items())


@pytest.mark.parametrize("method", METHODS)
def test_where_it_was_stopped_has_no_effect(kit, backend32, method):
    """Every state on the way leads to the same end, to the bit."""
    case = kit.case(graph=kit.GRAPHS["residual"], augment=Augment(flip=True))
    seen: list[Progress] = []
    whole = played(case, backend32, method, seen)
    work = training(case, backend32, method)
    for now in seen[1::2]:
        again = play(work, now, lambda progress, steps: None)
        assert kit.identical(again.state, whole.state)
        assert again.losses.tobytes() == whole.losses.tobytes()
        assert all(np.array_equal(again.masks[n], mask) for n, mask in whole.masks.items())
