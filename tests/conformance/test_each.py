"""Takes a backend; asserts what it says of every example, and the statistics of single batches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ltspec.decisions.recalibration import STANDSTILL, Recalibration, averaged, forgetful
from ltspec.decisions.recipe import Augment
from ltspec.decisions.tape import record
from ltspec.engine.backend import State

NETWORKS = ("residual", "mobile", "uneven", "vgg")


def evaluated(case, backend, split, each):
    return backend.evaluate(case.graph, split, case.state.weights, case.state.buffers, each=each)


@pytest.mark.parametrize("count", [1, 43, 260])
@pytest.mark.parametrize("name", [None, *NETWORKS])
def test_answers_and_losses_are_those_of_the_reference(
    kit, reference, backend64, backend32, name, count
):
    """Also where a split is more than one batch of an evaluation (128), and less."""
    case = kit.case("sgd", kit.GRAPHS[name] if name else None)
    split = kit.examples(case.graph, count, seed=4)
    wanted = evaluated(case, reference, split, True).each
    assert wanted is not None
    for backend, tolerance in ((backend64, 1e-10), (backend32, 1e-4)):
        found = evaluated(case, backend, split, True)
        assert found.each is not None
        assert found.each.answers.dtype == np.int64
        assert found.each.losses.dtype == np.float64
        np.testing.assert_allclose(found.each.losses, wanted.losses, atol=tolerance, rtol=tolerance)
        assert np.count_nonzero(found.each.answers != wanted.answers) <= (tolerance > 1e-9)
        assert found.correct == np.count_nonzero(found.each.answers == split.labels)
        assert found.loss_sum == pytest.approx(found.each.losses.sum(), rel=1e-12)


def test_sums_are_the_same_with_and_without(kit, backend64, backend32):
    case = kit.case("sgd", kit.GRAPHS["residual"])
    split = kit.examples(case.graph, 300, seed=5)
    for backend in (backend64, backend32):
        alone, beside = (evaluated(case, backend, split, each) for each in (False, True))
        assert alone.each is None
        assert alone.correct == beside.correct
        assert alone.loss_sum == pytest.approx(beside.loss_sum, rel=1e-12)


def test_of_equal_logits_the_lowest_class_is_the_answer(kit, backend64):
    case = kit.case("sgd", kit.network(widths=()))
    weights = {name: np.zeros_like(array) for name, array in case.state.weights.items()}
    weights["head.bias"][[2, 4]] = 1
    found = backend64.evaluate(case.graph, case.split, weights, {}, each=True).each
    assert found.answers.tolist() == [2] * 43
    # log(2 e + 4) less the label's logit, which is 1 or 0.
    by_hand = np.log(2 * np.e + 4) - np.isin(case.split.labels, [2, 4])
    np.testing.assert_allclose(found.losses, by_hand, atol=1e-12)


@pytest.mark.parametrize("broken", [{3: np.nan}, {1: np.inf, 3: np.nan}, {3: np.nan, 4: np.nan}])
def test_what_is_no_number_is_the_answer(kit, backend64, broken):
    """Of a network that broke on a line between two, every backend says the same."""
    case = kit.case("sgd", kit.network(widths=()))
    weights = {name: array.copy() for name, array in case.state.weights.items()}
    for place, value in broken.items():
        weights["head.bias"][place] = value
    found = backend64.evaluate(case.graph, case.split, weights, {}, each=True)
    assert found.each.answers.tolist() == [3] * 43
    assert found.correct == np.count_nonzero(case.split.labels == 3)
    assert np.isnan(found.loss_sum)


@pytest.mark.parametrize("name", NETWORKS[:3])
def test_a_step_at_rate_0_leaves_the_statistics_of_its_batch(
    kit, reference, backend64, backend32, name
):
    """What recalibration is made of: norms that keep nothing, one batch at a time."""
    case = kit.case("plain", kit.GRAPHS[name])
    recalibration = Recalibration("random", 1, 43, 8, 3, 9, Augment(flip=True, crop=1))
    graph = forgetful(case.graph)
    found = {}
    for label, backend in (("ref", reference), ("64", backend64), ("32", backend32)):
        seen = []
        for step in range(recalibration.batches):
            tape = record(recalibration.recipe, step, step + 1, 0)
            state = State(case.state.weights, step, {}, case.state.buffers)
            lowering = replace(case.lowering, chunk_steps=1)
            after, _ = backend.train(graph, case.split, tape, state, {}, STANDSTILL, lowering)
            assert kit.worst(after.weights, case.state.weights) == 0
            seen.append(after.buffers)
        found[label] = averaged(seen)
    assert kit.worst(found["64"], found["ref"]) < 1e-11
    assert kit.worst(found["32"], found["ref"]) < 1e-5
    # Nothing is left of what was there before.
    other = {name: array + 1 for name, array in case.state.buffers.items()}
    tape = record(recalibration.recipe, 0, 1, 0)
    first, second = (
        backend64.train(
            graph,
            case.split,
            tape,
            State(case.state.weights, 0, {}, buffers),
            {},
            STANDSTILL,
            replace(case.lowering, chunk_steps=1),
        )[0].buffers
        for buffers in (case.state.buffers, other)
    )
    assert kit.worst(first, second) < 1e-12
