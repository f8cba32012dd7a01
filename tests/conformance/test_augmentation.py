"""Takes a backend; asserts that training images are moved as the tape says, and as bytes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ltspec.engine.backend import Augment, Split, State, Tape

MOVES = {
    "flip": Augment(flip=True),
    "crop": Augment(crop=2),
    "both": Augment(flip=True, crop=4),
}


@pytest.mark.parametrize("move", MOVES)
def test_a_training_is_the_references(kit, reference, backend64, backend32, move):
    """Two epochs and more, through the batch of 3 examples."""
    case = kit.case("sgd", augment=MOVES[move])
    tape = case.tape(0, 14)
    assert (tape.flips is not None, tape.shifts is not None) == (move != "crop", move != "flip")
    ours, losses = case.play(backend64, 0, 14)
    single, _ = case.play(backend32, 0, 14)
    expected, expected_losses = case.play(reference, 0, 14)
    assert kit.worst(ours.weights, expected.weights) < 1e-10
    assert kit.worst(single.weights, expected.weights) < 2e-5
    np.testing.assert_allclose(losses, expected_losses, atol=1e-6)
    still, _ = case.follow(reference, replace(tape, flips=None, shifts=None))
    assert kit.worst(still.weights, expected.weights) > 1e-3, "nothing was moved"


def test_a_convolutional_network(kit, reference, backend64):
    case = kit.case("sgd", kit.GRAPHS["residual"], augment=MOVES["both"])
    ours, _ = case.play(backend64, 0, 8)
    expected, _ = case.play(reference, 0, 8)
    assert kit.worst(ours.weights, expected.weights) < 1e-10
    assert kit.worst(ours.buffers, expected.buffers) < 1e-10


IMAGE = [[1, 2, 3], [4, 5, 6]]
BY_HAND = [
    ((0, 0), False, [[1, 2, 3], [4, 5, 6]]),
    ((0, 0), True, [[3, 2, 1], [6, 5, 4]]),
    ((1, 0), False, [[4, 5, 6], [0, 0, 0]]),
    ((-1, 0), False, [[0, 0, 0], [1, 2, 3]]),
    ((0, 1), False, [[2, 3, 0], [5, 6, 0]]),
    ((0, -1), False, [[0, 1, 2], [0, 4, 5]]),
    ((1, -1), True, [[5, 4, 0], [0, 0, 0]]),  # cut first: [[0, 4, 5], [0, 0, 0]]
    ((-1, 2), True, [[0, 0, 0], [0, 0, 3]]),
    ((2, 0), False, [[0, 0, 0], [0, 0, 0]]),
]


def test_pixels_by_hand(kit, backend64):
    """A linear classifier of two classes learns from zero weights, at a rate of 2, one image of
    label 0: the weights of class 0 become the image as the network saw it. To this network byte 0
    is -0.5 in the first channel and 1 in the second, whose bytes are those of the first plus 10."""
    graph = kit.network(shape=(2, 2, 3), widths=(), classes=2)
    image = np.array([IMAGE, np.array(IMAGE) + 10], np.uint8)
    split = Split(
        images=np.stack([np.full_like(image, 77), image]),
        labels=np.array([1, 0], np.uint8),
        scale=np.array([0.125, 0.25], np.float32),
        shift=np.array([-0.5, 1.0], np.float32),
    )
    case = kit.case("plain", graph, count=2, batch_size=1, kept=1)
    case = replace(case, split=split)
    nothing = {name: np.zeros_like(array) for name, array in case.state.weights.items()}
    for shift, flip, pixels in BY_HAND:
        tape = Tape(
            start=0,
            stop=1,
            first_update=0,
            batch_size=1,
            examples=np.array([1], np.int32),
            bounds=np.array([0, 1], np.int64),
            rates=np.array([2], np.float32),
            flips=np.array([flip]),
            shifts=np.array([shift], np.int8),
        )
        state, _ = case.follow(backend64, tape, State(nothing, 0))
        first = np.array(pixels)
        second = np.where(first > 0, first + 10, 0)
        seen = np.stack([first * 0.125 - 0.5, second * 0.25 + 1.0])
        found = state.weights["head.weight"].reshape(2, 2, 2, 3)
        np.testing.assert_allclose(found[0], seen, atol=1e-12, err_msg=f"{shift} {flip}")
        np.testing.assert_allclose(found[1], -seen, atol=1e-12)


def test_in_pieces(kit, backend32):
    """What happens to an example does not depend on where a tape begins."""
    case = kit.case("sgd", augment=MOVES["both"])
    whole, losses = case.play(backend32)
    for cut in (1, 5, 6, 10):
        half, first = case.play(backend32, 0, cut)
        rest, second = case.play(backend32, cut, 20, half)
        assert kit.identical(rest, whole), f"cut at {cut}"
        np.testing.assert_array_equal(np.concatenate([first, second]), losses)


def test_evaluation_sees_images_as_they_are(kit, reference, backend32):
    """After a training that moved them."""
    case = kit.case("sgd", augment=MOVES["both"])
    case.play(backend32, 0, 3)
    expected = case.evaluate(reference)
    assert case.evaluate(backend32).loss_sum == pytest.approx(expected.loss_sum, rel=1e-6)
