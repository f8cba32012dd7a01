"""Takes a backend; asserts that evaluation counts exactly and sums precisely.

2,345 examples: no round batch divides them. The loss sum is a float64 sum of float32 logits'
losses, each off by 1e-6 at most.
"""

from __future__ import annotations

import math

import numpy as np
import pytest


@pytest.mark.parametrize("name", ["linear", "vgg"])
@pytest.mark.parametrize("count", [1, 43, 2345])
def test_counts_and_loss(kit, reference, backend32, backend64, name, count):
    case = kit.case(graph=kit.GRAPHS.get(name), kept=0.8)
    split = kit.examples(case.graph, count, seed=1)
    expected = case.evaluate(reference, split)
    precise = case.evaluate(backend64, split)
    single = case.evaluate(backend32, split)
    assert (precise.examples, precise.correct) == (count, expected.correct)
    assert (single.examples, single.correct) == (count, expected.correct)
    assert precise.loss_sum == pytest.approx(expected.loss_sum, rel=1e-12)
    assert single.loss_sum == pytest.approx(expected.loss_sum, rel=1e-6)
    assert isinstance(single.correct, int)
    assert isinstance(single.loss_sum, float)


def test_loss_is_the_mean_of_gradients_loss(kit, backend64):
    case = kit.case()
    evaluation = case.evaluate(backend64)
    loss, _ = case.gradients(backend64, range(43))
    assert evaluation.loss_sum / 43 == pytest.approx(loss, rel=1e-12)


def test_ties_go_to_the_lowest_class(kit, backend32):
    """All logits equal: the answer is class 0. Then classes 2 and 5 tie at the top: it is 2."""
    case = kit.case(kept=1)
    labels = case.split.labels
    silent = {name: np.zeros_like(array) for name, array in case.state.weights.items()}
    evaluation = backend32.evaluate(case.graph, case.split, silent, {})
    assert evaluation.correct == (labels == 0).sum() > 0
    assert evaluation.loss_sum == pytest.approx(43 * math.log(6), rel=1e-6)
    silent["head.bias"] = np.array([0, 1, 3, 1, 2, 3], np.float32)
    assert backend32.evaluate(case.graph, case.split, silent, {}).correct == (labels == 2).sum() > 0


def test_a_changed_split_of_the_same_shape_is_not_mixed_up(kit, reference, backend32):
    """Data is kept on the device by identity; another Split must never be answered from it."""
    case = kit.case()
    for seed in range(6):  # short-lived splits: their ids are used again
        split = kit.examples(case.graph, 43, seed)
        ours = case.evaluate(backend32, split)
        expected = case.evaluate(reference, split)
        assert ours.loss_sum == pytest.approx(expected.loss_sum, rel=1e-6)
        del split


def test_twice_is_the_same(kit, backend32):
    case = kit.case()
    split = kit.examples(case.graph, 2345)
    first = case.evaluate(backend32, split)
    assert first == case.evaluate(backend32, split)
