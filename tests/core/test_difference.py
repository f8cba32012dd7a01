"""Distances, overlaps, histograms and thresholds of arrays that are small enough to do by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltspec.decisions.difference import (
    between,
    chosen,
    distance,
    metric,
    overlap,
    overlap_figures,
)
from ltspec.decisions.distribution import distribution, histogram, threshold

VECTORS = st.lists(
    st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=1, max_size=20
).map(lambda pairs: np.array(pairs, np.float64).T)


def vector(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def test_a_distance_by_hand() -> None:
    found = between([vector(3, 0)], [vector(0, 4)])
    assert found["l2"] == 5
    assert found["norms"] == [3, 4]
    assert found["cosine"] == 0
    assert found["angle"] == pytest.approx(90, abs=1e-12)
    assert metric("angular", found) == pytest.approx(1, abs=1e-14)
    found = between([vector(1, 0)], [vector(1, math.sqrt(3))])
    assert found["cosine"] == pytest.approx(0.5)
    assert found["angle"] == pytest.approx(60)
    assert metric("angular", found) == pytest.approx(2 / 3)
    assert metric("l2", found) == pytest.approx(math.sqrt(3))


def test_opposite_same_and_no_direction() -> None:
    assert between([vector(1, 2)], [vector(-2, -4)])["angle"] == pytest.approx(180)
    same = between([vector(1, 2)], [vector(1, 2)])
    assert (same["l2"], same["angle"]) == (0, 0)
    nothing = between([vector(0, 0)], [vector(1, 2)])
    assert (nothing["angle"], nothing["cosine"]) == (None, None)
    assert metric("angular", nothing) is None
    assert nothing["l2"] == pytest.approx(math.sqrt(5))


def test_a_small_angle_keeps_its_digits() -> None:
    """The arc cosine of a double gives 0 here."""
    found = between([vector(1, 0)], [vector(1, 1e-9)])
    assert math.radians(found["angle"]) == pytest.approx(1e-9, rel=1e-12)


@given(VECTORS)
def test_pieces_make_one_vector(pair: np.ndarray) -> None:
    one, other = pair
    whole = between([one], [other])
    cut = len(one) // 2
    pieces = between([one[:cut], one[cut:]], [other[:cut], other[cut:]])
    for name in ("l2", "coordinates"):
        assert pieces[name] == pytest.approx(whole[name])
    assert whole["l2"] == pytest.approx(float(np.linalg.norm(one - other)))
    if whole["cosine"] is not None:
        wanted = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
        assert whole["cosine"] == pytest.approx(wanted, abs=1e-9)
        assert math.cos(math.radians(whole["angle"])) == pytest.approx(wanted, abs=1e-7)
        assert pieces["angle"] == pytest.approx(whole["angle"], abs=1e-6)


def test_only_what_both_masks_keep_counts() -> None:
    one = {"a": np.array([[1.0, 2.0], [3.0, 4.0]], np.float32), "b": np.array([5.0], np.float32)}
    masks = [
        {"a": np.array([[True, True], [False, True]])},
        {"a": np.array([[True, False], [False, True]]), "b": np.array([True])},
    ]
    found = chosen(one, masks, ("a", "b"))
    assert found["a"].tolist() == [1, 4]
    assert found["b"].tolist() == [5]
    assert found["a"].dtype == np.float64
    dense = chosen(one, [{}, {}], ("a",))
    assert dense["a"].tolist() == [1, 2, 3, 4]
    facts = distance(found, {"a": vector(1, 1), "b": vector(1)})
    assert facts["all"]["l2"] == 5
    assert facts["tensors"]["a"]["l2"] == 3
    assert facts["tensors"]["b"] == between([vector(5)], [vector(1)])


def test_float32_weights_are_compared_in_float64() -> None:
    one, other = np.float32(1), np.nextafter(np.float32(1), np.float32(2))
    sides = [{"a": np.full(4, value, np.float32)} for value in (one, other)]
    found = distance(*(chosen(side, [], ("a",)) for side in sides))
    assert found["all"]["l2"] == 2 * (float(other) - 1)


def test_an_overlap_by_hand() -> None:
    first = {"a": np.array([1, 1, 1, 0], bool), "b": np.array([1, 0], bool)}
    second = {"a": np.array([1, 1, 0, 1], bool), "b": np.array([0, 1], bool)}
    counts = overlap(first, second, ("a", "b"))
    assert counts["a"] == {"size": 4, "first": 3, "second": 3, "both": 2}
    assert counts["b"] == {"size": 2, "first": 1, "second": 1, "both": 0}
    found = overlap_figures(list(counts.values()))
    assert found["iou"] == 2 / 6
    assert found["share"] == 2 / 4
    expected = 3 * 3 / 4 + 1 * 1 / 2
    assert found["share_expected"] == expected / 4
    assert found["iou_expected"] == expected / (8 - expected)


@given(st.integers(1, 5), st.data())
def test_chance_is_the_mean_over_every_mask(size: int, data: st.DataObject) -> None:
    """Every placement of the second mask's weights, counted one by one."""
    one, other = (data.draw(st.integers(1, size)) for _ in range(2))
    first = {"a": np.arange(size) < one}
    boths = []
    for places in itertools.combinations(range(size), other):
        second = {"a": np.isin(np.arange(size), places)}
        boths.append(overlap(first, second, ("a",))["a"]["both"])
    counts = {"size": size, "first": one, "second": other, "both": 0}
    mean = sum(boths) / len(boths)
    found = overlap_figures([counts])
    assert found["share_expected"] == pytest.approx(mean / min(one, other))


def test_a_mask_that_keeps_nothing_has_no_overlap() -> None:
    counts = {"size": 3, "first": 0, "second": 2, "both": 0}
    assert set(overlap_figures([counts]).values()) == {None}


def test_a_histogram_by_hand() -> None:
    found = histogram(vector(-3, -1, -0.5, 0, 0.5, 1, 1, 2), 4, 1, (0, 50, 100))
    # [-1, -0.5) [-0.5, 0) [0, 0.5) [0.5, 1]
    assert found["counts"] == [1, 1, 1, 3]
    assert (found["below"], found["above"], found["weights"]) == (1, 1, 8)
    assert found["percentiles"] == [-3, 0.25, 2]
    assert (found["lowest"], found["highest"], found["mean"]) == (-3, 2, 0)
    assert found["deviation"] == pytest.approx(math.sqrt((9 + 1 + 0.25 + 0.25 + 1 + 1 + 4) / 8))


def test_bins_reach_to_the_largest_magnitude_when_nothing_is_said() -> None:
    found = distribution({"a": vector(-2, 1), "b": vector(0.5)}, 2, None, (50,))
    assert (found["all"]["limit"], found["all"]["counts"]) == (2, [1, 2])
    assert (found["tensors"]["b"]["limit"], found["tensors"]["b"]["counts"]) == (0.5, [0, 1])
    empty = histogram(vector(), 2, None, (50,))
    assert (empty["counts"], empty["mean"], empty["percentiles"]) == ([0, 0], None, [None])


def test_a_threshold_by_hand() -> None:
    weights = {"a": np.array([0.1, -0.4, 0.2, 0.0], np.float32), "b": np.array([-0.3], np.float32)}
    before = {"a": np.array([1, 1, 1, 0], bool), "b": np.array([1], bool)}
    after = {"a": np.array([0, 1, 0, 0], bool), "b": np.array([1], bool)}
    found = threshold(weights, before, after, ("a", "b"))
    assert found["tensors"]["a"] == {
        "removed": 2,
        "kept": 1,
        "largest_removed": float(np.float32(0.2)),
        "smallest_kept": float(np.float32(0.4)),
    }
    assert found["tensors"]["b"]["largest_removed"] is None
    assert found["all"]["smallest_kept"] == float(np.float32(0.3))
    assert (found["all"]["removed"], found["all"]["kept"]) == (2, 2)
