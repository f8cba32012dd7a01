"""Takes a backend; asserts that it plays the batches and rates of the tape, all and in order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

SIZES = {
    "partial": (43, 8),
    "exact": (40, 8),
    "larger-than-the-data": (11, 64),
    "one-at-a-time": (5, 1),
}


@pytest.mark.parametrize("size", SIZES)
def test_the_loss_of_a_step_is_the_mean_over_its_own_batch(kit, reference, backend32, size):
    """At a rate of zero the weights stay, so each loss tells which examples were in the batch.
    Two batches' losses differ by 1e-2, float32 by 1e-6."""
    count, batch_size = SIZES[size]
    case = kit.case("plain", count=count, batch_size=batch_size, rate=0.0)
    state, losses = case.play(backend32, 0, 14)
    expected = [case.gradients(reference, batch)[0] for batch in case.tape(0, 14).batches()]
    np.testing.assert_allclose(losses, expected, atol=5e-6)
    assert losses.dtype == np.float32
    assert losses.shape == (14,)
    if batch_size < count:
        assert np.abs(np.diff(expected)).max() > 1e-2
    for name, array in case.state.weights.items():
        np.testing.assert_array_equal(state.weights[name], array)


def test_the_order_of_the_batches_matters_and_is_the_tapes(kit, reference, backend64):
    case = kit.case("sgd")
    ours, _ = case.play(backend64, 0, 6)
    expected, _ = case.play(reference, 0, 6)
    tape = case.tape(0, 6)
    backwards = replace(tape, examples=tape.examples[::-1].copy(), bounds=43 - tape.bounds[::-1])
    other, _ = case.follow(reference, backwards)
    assert kit.worst(ours.weights, expected.weights) < 1e-10
    assert kit.worst(other.weights, expected.weights) > 1e-3, "this case cannot tell the order"


def test_every_step_has_its_own_rate(kit, reference, backend64):
    """Rates that change at every step, as in a cosine schedule."""
    case = kit.case("sgd")
    tape = case.tape(0, 13)
    wavy = replace(tape, rates=np.linspace(0.0, 0.1, 13, dtype=np.float32)[::-1].copy())
    ours, _ = case.follow(backend64, wavy)
    expected, _ = case.follow(reference, wavy)
    assert kit.worst(ours.weights, expected.weights) < 1e-10


@pytest.mark.parametrize(("start", "stop"), [(4, 5), (5, 6), (5, 8), (10, 20)])
def test_a_tape_may_begin_anywhere(kit, reference, backend64, start, stop):
    """Within an epoch, at its last step, across its end."""
    case = kit.case("sgd")
    state = replace(case.state, step=start)
    ours, losses = case.play(backend64, start, stop, state)
    expected, expected_losses = case.play(reference, start, stop, state)
    assert ours.step == stop
    assert kit.worst(ours.weights, expected.weights) < 1e-10
    np.testing.assert_allclose(losses, expected_losses, atol=1e-6)


def test_longer_than_a_chunk(kit, reference, backend64):
    """40 steps in one epoch, with programs of 32."""
    case = kit.case("sgd", count=321, batch_size=8)
    ours, losses = case.play(backend64, 0, 42)
    expected, expected_losses = case.play(reference, 0, 42)
    assert kit.worst(ours.weights, expected.weights) < 1e-10
    np.testing.assert_allclose(losses, expected_losses, atol=1e-6)
