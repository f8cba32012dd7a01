"""Takes a backend; asserts that what is pruned stays exactly zero, whatever the optimiser does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def check_zero(case, state):
    for name, mask in case.masks.items():
        assert (state.weights[name][~mask] == 0).all()  # -0.0 equals 0, and counts as zero
        for arrays in state.slots.values():
            assert (arrays[name][~mask] == 0).all()


@pytest.mark.parametrize("rule", ["sgd", "nesterov", "plain", "adam"])
def test_zero_after_every_step(kit, backend32, rule):
    """Momentum and decay are carried from step to step; the rate drops on the way."""
    case = kit.case(rule)
    state = case.state
    for step in range(14):
        state, _ = case.play(backend32, step, step + 1, state)
        check_zero(case, state)
    for name, mask in case.masks.items():
        moved = state.weights[name] != case.state.weights[name]
        assert moved[mask].mean() > 0.5, "the kept weights did not train"


@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_convolutions(kit, backend32, rule):
    """Weights of convolutions as those of linear layers; norms and biases are dense."""
    case = kit.case(rule, kit.GRAPHS["mobile"], kept=0.3)
    assert set(case.masks) == {"n0.weight", "n3.weight", "n6.weight", "n11.weight"}
    state = case.state
    for step in range(7):
        state, _ = case.play(backend32, step, step + 1, state)
        check_zero(case, state)
    for name, array in state.weights.items():
        kept = case.masks.get(name, np.ones(array.shape, np.bool_))
        assert (array != case.state.weights[name])[kept].any(), name


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(kept=st.sampled_from([0.0, 0.02, 0.3, 0.9, 1.0]), seed=st.integers(0, 2**31))
def test_any_mask(kit, reference, backend32, kept, seed):
    """Down to nothing kept in a layer. 1e-4 in float32, see test_updates."""
    case = kit.case("sgd")
    random = np.random.default_rng(seed)
    for name, mask in case.masks.items():
        mask[...] = random.random(mask.shape) < kept
        case.state.weights[name][...] = random.normal(0, 0.3, mask.shape) * mask
    state, _ = case.play(backend32)
    check_zero(case, state)
    assert kit.worst(state.weights, case.play(reference)[0].weights) < 1e-4


def test_a_tensor_without_a_mask_is_dense(kit, reference, backend64):
    case = kit.case("sgd")
    del case.masks["fc2.weight"]
    assert set(case.masks) == {"fc1.weight", "head.weight"}
    state, _ = case.play(backend64)
    check_zero(case, state)
    assert (state.weights["fc2.weight"] != 0).mean() > 0.9
    assert kit.worst(state.weights, case.play(reference)[0].weights) < 1e-10


def test_a_mask_of_ones_is_no_mask(kit, backend32):
    dense = kit.case("sgd", kept=1)
    assert not dense.masks
    masked = kit.case("sgd", kept=1)
    for parameter in masked.graph.prunable:
        masked.masks[parameter.name] = np.ones(parameter.shape, np.bool_)
    assert kit.identical(dense.play(backend32)[0], masked.play(backend32)[0])


def test_negative_zero_stays_zero(kit, backend32):
    """A weight times a False mask may be -0.0; training from it must not wake it up."""
    case = kit.case("sgd")
    for name, mask in case.masks.items():
        case.state.weights[name][~mask] = -0.0
    state, _ = case.play(backend32)
    check_zero(case, state)
    clean, _ = kit.case("sgd").play(backend32)
    assert kit.worst(state.weights, clean.weights) == 0
