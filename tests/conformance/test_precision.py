"""Takes a backend that offers tf32 or bf16; asserts what these may change, and what they may not.

bf16 keeps 8 bits of a factor and tf32 keeps 11: a relative rounding of 2^-9 and 2^-12 of each.
That averages out in a loss. In small networks at a batch of 8 it turns a few ReLUs and maxima
around, each of which is a part of the update: rounding every factor and result of the reference's
convolutions to bf16 moves the first update by 0.11 (residual), 0.13 (vgg) and 0.20 (mobile) of its
length. Weights, slots, buffers and updates are float32 all the same.
"""

from __future__ import annotations

import numpy as np
import pytest

from ltspec.engine.backend import Backend, BackendError, Settings

TOLERANCES = {"tf32": (0.002, 0.1), "bf16": (0.01, 0.4)}
"""Of a loss of about 1.6, and of an update or a gradient relative to its length."""


@pytest.fixture(scope="module", params=["tf32", "bf16"])
def rounded(request, adapter) -> tuple[Backend, tuple[float, float]]:
    """The backend in that precision, on the CPU where it has it there."""
    precision = request.param
    if precision not in adapter.precisions:
        pytest.skip(f"declared: {adapter.gaps[f'precision:{precision}']}")
    for device in reversed(adapter.devices()):
        try:
            return adapter.open(Settings(device, precision)), TOLERANCES[precision]
        except BackendError as error:
            assert error.code == "LT304"  # noqa: PT017 - what this device lacks, said in time
    pytest.skip(f"no device here computes in {precision}")


@pytest.mark.parametrize("name", ["residual", "vgg", "mobile"])
def test_one_step_is_close_to_float32(kit, backend32, rounded, name):
    backend, (loss_tolerance, tolerance) = rounded
    case = kit.case("sgd", kit.GRAPHS[name])
    ours, losses = case.play(backend, 0, 1)
    expected, expected_losses = case.play(backend32, 0, 1)
    assert losses[0] == pytest.approx(expected_losses[0], abs=loss_tolerance)
    updates = [
        {name: state.weights[name] - start for name, start in case.state.weights.items()}
        for state in (ours, expected)
    ]
    assert 0 < distance(*updates) < tolerance, "nothing was rounded, or too much"
    assert kit.worst(ours.buffers, expected.buffers) < loss_tolerance


def distance(ours, theirs):
    """Length of the difference over that of the second, all tensors in one vector."""
    one, two = (np.concatenate([a.ravel() for a in arrays.values()]) for arrays in (ours, theirs))
    return float(np.linalg.norm(one - two) / np.linalg.norm(two))


@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_state_is_float32_and_masks_are_exact(kit, rounded, rule):
    backend, _ = rounded
    case = kit.case(rule, kit.GRAPHS["residual"])
    state, losses = case.play(backend, 0, 13)
    assert losses.dtype == np.float32
    assert np.isfinite(losses).all()
    for arrays in (state.weights, state.buffers, *state.slots.values()):
        assert {array.dtype for array in arrays.values()} == {np.dtype(np.float32)}
    for name, mask in case.masks.items():
        assert (state.weights[name][~mask] == 0).all()
        # A weight that is rounded to bfloat16 and kept so would have 16 zero bits at its end.
        assert (state.weights[name][mask].view(np.uint32) & 0xFFFF).any()


def test_evaluation_and_gradients(kit, backend32, rounded):
    backend, (loss_tolerance, tolerance) = rounded
    case = kit.case(graph=kit.GRAPHS["residual"])
    ours, expected = case.evaluate(backend), case.evaluate(backend32)
    assert ours.loss_sum / 43 == pytest.approx(expected.loss_sum / 43, abs=loss_tolerance)
    loss, gradients = case.gradients(backend, range(8))
    expected_loss, expected_gradients = case.gradients(backend32, range(8))
    assert loss == pytest.approx(expected_loss, abs=loss_tolerance)
    assert 0 < distance(gradients, expected_gradients) < tolerance
    assert {array.dtype for array in gradients.values()} == {np.dtype(np.float32)}


def test_in_pieces(kit, rounded):
    backend, _ = rounded
    case = kit.case("sgd", kit.GRAPHS["residual"])
    whole, _ = case.play(backend, 0, 12)
    half, _ = case.play(backend, 0, 7)
    assert kit.identical(case.play(backend, 7, 12, half)[0], whole)
