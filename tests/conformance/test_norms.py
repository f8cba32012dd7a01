"""Takes a backend; asserts that running statistics move, and are used, as the graph says.

Tolerances: float64 1e-11, float32 1e-5; a running statistic of these cases is of the order of 1.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ltspec.engine.backend import BatchNorm, Conv, Flatten, Linear, Split, State

NETWORKS = ("residual", "mobile", "uneven")


@pytest.mark.parametrize("steps", [1, 5, 6, 8])
@pytest.mark.parametrize("name", NETWORKS)
def test_running_statistics_after_so_many_steps(kit, reference, backend64, backend32, name, steps):
    """The sixth batch of an epoch has 3 examples, and its variance is divided by fewer pixels."""
    case = kit.case("sgd", kit.GRAPHS[name])
    ours, _ = case.play(backend64, 0, steps)
    single, _ = case.play(backend32, 0, steps)
    expected, _ = case.play(reference, 0, steps)
    assert kit.worst(ours.buffers, expected.buffers) < 1e-11
    assert kit.worst(single.buffers, expected.buffers) < 1e-5
    for buffer in case.graph.buffers:
        assert (expected.buffers[buffer.name] != case.state.buffers[buffer.name]).all()


def norm_of_the_input(kit, ops=(), momentum=0.1):
    return kit.chain((2, 2, 3), *ops, BatchNorm(momentum=momentum), Flatten(), Linear(3))


@pytest.mark.parametrize("momentum", [0.1, 0.7])
def test_one_step_by_hand(kit, backend64, momentum):
    """r' = (1 - momentum) r + momentum b, the variance divided by n - 1 = 8 * 6 - 1."""
    graph = norm_of_the_input(kit, momentum=momentum)
    case = kit.case("sgd", graph)
    batch = case.tape(0, 1).batch(0)
    scale, shift = (array.astype(np.float64) for array in (case.split.scale, case.split.shift))
    seen = case.split.images[batch].transpose(1, 0, 2, 3).reshape(2, 48)
    seen = seen * scale[:, None] + shift[:, None]
    after, _ = case.play(backend64, 0, 1)
    for name, statistic in (("mean", seen.mean(axis=1)), ("var", seen.var(axis=1, ddof=1))):
        before = case.state.buffers[f"n0.running_{name}"].astype(np.float64)
        np.testing.assert_allclose(
            after.buffers[f"n0.running_{name}"],
            (1 - momentum) * before + momentum * statistic,
            atol=1e-12,
        )


def test_a_batch_of_one_pixel(kit, reference, backend64):
    """Its variance is 0, divided by 1 and not by 0; what comes out of the norm is the shift, and
    no gradient passes."""
    case = kit.case("sgd", norm_of_the_input(kit, (Conv(3, (2, 3)),)), batch_size=1, kept=1)
    after, losses = case.play(backend64, 0, 3)
    expected, expected_losses = case.play(reference, 0, 3)
    assert kit.worst(after.buffers, expected.buffers) < 1e-11
    assert kit.worst(after.weights, expected.weights) < 1e-11
    np.testing.assert_allclose(losses, expected_losses, atol=1e-6)
    variance = case.state.buffers["n1.running_var"].astype(np.float64)
    np.testing.assert_allclose(after.buffers["n1.running_var"], 0.9**3 * variance, atol=1e-12)
    _, gradients = case.gradients(backend64, [4])
    assert not gradients["n0.weight"].any()
    assert not gradients["n1.scale"].any()
    assert gradients["n1.shift"].any()


def test_a_constant_channel_is_not_divided_by_zero(kit, reference, backend32):
    """All pixels alike: variance 0, and epsilon alone is under the root."""
    case = kit.case("sgd", norm_of_the_input(kit), kept=1)
    case.split.images[:, 1] = 200
    ours, losses = case.play(backend32, 0, 6)
    expected, expected_losses = case.play(reference, 0, 6)
    assert np.isfinite(losses).all()
    np.testing.assert_allclose(losses, expected_losses, atol=1e-4)
    assert kit.worst(ours.buffers, expected.buffers) < 1e-4
    assert kit.worst(ours.weights, expected.weights) < 1e-3


def test_training_does_not_read_the_running_statistics(kit, backend32):
    case = kit.case("sgd", kit.GRAPHS["residual"])
    other = {name: array + 1 for name, array in case.state.buffers.items()}
    one, losses = case.play(backend32, 0, 7)
    two, other_losses = case.play(backend32, 0, 7, replace(case.state, buffers=other))
    assert losses.tobytes() == other_losses.tobytes()
    assert kit.identical(replace(one, buffers={}), replace(two, buffers={}))
    assert kit.worst(one.buffers, two.buffers) > 0.1


@pytest.mark.parametrize("name", NETWORKS)
def test_evaluation_uses_the_running_statistics(kit, reference, backend64, backend32, name):
    case = kit.case(graph=kit.GRAPHS[name])
    expected = case.evaluate(reference)
    assert case.evaluate(backend64).loss_sum == pytest.approx(expected.loss_sum, rel=1e-11)
    assert case.evaluate(backend64).correct == expected.correct
    assert case.evaluate(backend32).loss_sum == pytest.approx(expected.loss_sum, rel=1e-5)
    loss, _ = case.gradients(backend64, range(43), "eval")
    assert loss * 43 == pytest.approx(expected.loss_sum, rel=1e-11)
    of_the_batch, _ = case.gradients(backend64, range(43), "train")
    assert abs(of_the_batch - loss) > 1e-3
    moved = {name: array + 0.5 for name, array in case.state.buffers.items()}
    there = replace(case, state=State(case.state.weights, 0, buffers=moved))
    assert abs(there.evaluate(backend64).loss_sum - expected.loss_sum) > 0.1
    assert there.evaluate(backend64).loss_sum == pytest.approx(
        there.evaluate(reference).loss_sum, rel=1e-11
    )


def test_an_example_is_evaluated_by_itself(kit, backend64):
    """Whatever else is in its batch: the sum over single examples is that over the split."""
    case = kit.case(graph=kit.GRAPHS["residual"])
    split = case.split
    alone = sum(
        case.evaluate(
            backend64,
            Split(split.images[i : i + 1], split.labels[i : i + 1], split.scale, split.shift),
        ).loss_sum
        for i in range(7)
    )
    seven = Split(split.images[:7], split.labels[:7], split.scale, split.shift)
    assert case.evaluate(backend64, seven).loss_sum == pytest.approx(alone, rel=1e-11)
