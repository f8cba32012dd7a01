"""Takes a backend; asserts that its update rules are the reference's, over a change of the rate.

Twenty steps with a tenfold drop at step 9: a rule that folds the rate into the velocity agrees
until then and not after. Tolerances: float64 1e-10 (rounding of 1e-16, amplified over 20 steps by
far less than 1e6); float32 2e-5 for SGD (rounding of 6e-8, likewise) and 2e-4 for Adam, which
divides a gradient by its own size, so that one near zero carries its relative error into a step.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ltspec.engine.backend import BatchNorm, Conv, Flatten, Linear

RULES = ("sgd", "nesterov", "plain", "adam")


@pytest.mark.parametrize("rule", RULES)
def test_float64(kit, reference, backend64, rule):
    case = kit.case(rule)
    ours, our_losses = case.play(backend64)
    theirs, their_losses = case.play(reference)
    assert kit.worst(ours.weights, theirs.weights) < 1e-10
    assert list(ours.slots) == list(theirs.slots)
    for slot in theirs.slots:
        assert kit.worst(ours.slots[slot], theirs.slots[slot]) < 1e-10
    np.testing.assert_allclose(our_losses, their_losses, atol=1e-6)  # they are float32
    moved = max(
        np.abs(theirs.weights[name] - case.state.weights[name]).max() for name in theirs.weights
    )
    assert moved > 0.01, "the training did nothing"


@pytest.mark.parametrize("rule", RULES)
def test_float32(kit, reference, backend32, rule):
    case = kit.case(rule)
    ours, our_losses = case.play(backend32)
    theirs, their_losses = case.play(reference)
    tolerance = 2e-4 if rule == "adam" else 2e-5
    assert kit.worst(ours.weights, theirs.weights) < tolerance
    assert {array.dtype for array in ours.weights.values()} == {np.dtype(np.float32)}
    np.testing.assert_allclose(our_losses, their_losses, atol=10 * tolerance)


@pytest.mark.parametrize("name", ["residual", "vgg", "mobile", "uneven"])
def test_convolutional_networks(kit, reference, backend64, backend32, name):
    """``nesterov`` decays weights alone, ``sgd`` everything; norms, running statistics and biases
    over a drop of the rate, through the batches of 3 examples."""
    for rule in ("sgd", "nesterov"):
        case = kit.case(rule, kit.GRAPHS[name])
        ours, our_losses = case.play(backend64)
        single, single_losses = case.play(backend32)
        theirs, their_losses = case.play(reference)
        for mine, expected in (
            (ours.weights, theirs.weights),
            (ours.slots["velocity"], theirs.slots["velocity"]),
            (ours.buffers, theirs.buffers),
        ):
            assert kit.worst(mine, expected) < 1e-10
        np.testing.assert_allclose(our_losses, their_losses, atol=1e-6)
        assert kit.worst(single.weights, theirs.weights) < 2e-5
        assert kit.worst(single.buffers, theirs.buffers) < 2e-5
        np.testing.assert_allclose(single_losses, their_losses, atol=2e-5)


def test_one_step_by_hand(kit, backend64):
    """From given velocities: v' = m v + (gradient + wd w), w' = w - lr v'."""
    case = kit.case("sgd", kept=1)
    weights = {name: array.astype(np.float64) for name, array in case.state.weights.items()}
    velocity = {name: np.full(array.shape, 0.25) for name, array in weights.items()}
    state = replace(case.state, weights=weights, slots={"velocity": velocity})
    tape = case.tape(0, 1)
    _, gradients = case.gradients(backend64, tape.batch(0), weights=weights)
    after, _ = case.play(backend64, 0, 1, state)
    for name, w in weights.items():
        v = 0.9 * 0.25 + gradients[name] + 0.01 * w
        np.testing.assert_allclose(after.slots["velocity"][name], v, atol=1e-12)
        np.testing.assert_allclose(after.weights[name], w - float(tape.rates[0]) * v, atol=1e-12)


def test_adams_first_step_is_the_rate(kit, backend64):
    """With fresh moments both corrections cancel: the step is lr * sign(g), for g >> epsilon."""
    case = kit.case("adam", kept=1)
    tape = case.tape(0, 1)
    _, gradients = case.gradients(backend64, tape.batch(0))
    after, _ = case.play(backend64, 0, 1)
    for parameter in case.graph.parameters:
        w = case.state.weights[parameter.name].astype(np.float64)
        g = gradients[parameter.name] + (0.01 * w if parameter.role == "weight" else 0)
        large = np.abs(g) > 1e-3
        assert large.any()
        step = (w - after.weights[parameter.name])[large]
        np.testing.assert_allclose(step, float(tape.rates[0]) * np.sign(g[large]), rtol=2e-5)


def test_adam_counts_updates_from_when_it_was_fresh(kit, reference, backend64):
    """A tape that starts at step 12 with an optimiser fresh there has t = 1, not 13."""
    case = kit.case("adam")
    late = replace(case.state, step=12)
    fresh, _ = case.play(backend64, 12, 16, late, fresh_at=12)
    expected, _ = case.play(reference, 12, 16, late, fresh_at=12)
    old, _ = case.play(reference, 12, 16, late, fresh_at=0)
    assert kit.worst(fresh.weights, expected.weights) < 1e-10
    assert kit.worst(old.weights, expected.weights) > 1e-4, "the test would not see the difference"


def test_scales_and_shifts_decay_with_all_alone(kit, backend64):
    """At a gradient of zero, as below."""
    for rule, moves in (("nesterov", False), ("sgd", True)):
        graph = kit.chain((2, 3, 3), Conv(3, (2, 2), bias=True), BatchNorm(), Flatten(), Linear(1))
        case = kit.case(rule, graph, kept=1)
        after, _ = case.play(backend64, 0, 3)
        for parameter in graph.parameters:
            before = case.state.weights[parameter.name].astype(np.float64)
            expected = moves or parameter.role == "weight"
            shrunk = np.abs(after.weights[parameter.name]) < np.abs(before)
            assert shrunk.all() == expected, parameter.name
            assert (after.weights[parameter.name] == before).all() != expected, parameter.name


def test_only_weights_decay_where_the_spec_says_so(kit, backend64):
    """At a gradient of zero (one class) only the decay moves anything: ``nesterov`` has
    decay: weights, ``sgd`` has decay: all."""
    graph = kit.network(classes=1)
    for rule, bias_moves in (("nesterov", False), ("sgd", True)):
        case = kit.case(rule, graph, kept=1)
        after, _ = case.play(backend64, 0, 3)
        before = case.state.weights
        assert (after.weights["fc1.bias"] != before["fc1.bias"]).all() == bias_moves
        assert (after.weights["fc1.bias"] == before["fc1.bias"]).all() != bias_moves
        assert (np.abs(after.weights["fc1.weight"]) < np.abs(before["fc1.weight"])).all()
