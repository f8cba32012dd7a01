"""How many weights each level keeps: exact, half to even, of what remains."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltspec.decisions import amounts

LENET = (235_200, 30_000, 1_000)
FRACTIONS = st.integers(1, 99).map(lambda hundredths: hundredths / 100)


def test_the_papers_grid_of_lenet() -> None:
    levels = amounts.iterative(LENET, "global", 0.2, 15)
    assert [level.kept for level in levels] == [
        212_960,
        170_368,
        136_294,
        109_035,
        87_228,
        69_782,
        55_826,
        44_661,
        35_729,
        28_583,
        22_866,
        18_293,
        14_634,
        11_707,
        9_366,
    ]
    assert levels[-1].kept / sum(LENET) == pytest.approx(0.0352, abs=5e-5)


def test_layers_shrink_each_by_itself() -> None:
    first, second = amounts.iterative((10, 100), "layer", 0.25, 2)
    assert first.keep == (8, 75)  # 2.5 of 10 is rounded to the even 2
    assert second.keep == (6, 56)  # 2 of 8; 18.75 of 75 is 19


@pytest.mark.parametrize(
    ("remaining", "fraction", "expected"),
    [
        (10, 0.2, 2),
        (5, 0.5, 2),
        (7, 0.5, 4),
        (15, 0.1, 2),
        (25, 0.1, 2),
        (35, 0.1, 4),
        (1, 0.2, 0),
        (3, 0.35, 1),
        (10, 0.35, 4),
        (30, 0.35, 10),  # 3.5 and 10.5, which binary fractions miss
    ],
)
def test_halves_go_to_even(remaining: int, fraction: float, expected: int) -> None:
    assert amounts.pruned(remaining, fraction) == expected


def test_to_density_ends_exactly_there() -> None:
    levels = amounts.to_density(LENET, "global", 0.05, 0.2)
    assert [level.number for level in levels] == list(range(1, 15))
    assert levels[-2].kept == 14_634
    assert levels[-1].kept == 13_310 == amounts.kept_at(266_200, 0.05)


def test_to_density_goes_on_when_a_fraction_rounds_to_nothing() -> None:
    assert [level.kept for level in amounts.to_density((10,), "global", 0.1, 0.04)] == [1]


def test_one_shot() -> None:
    (level,) = amounts.one_shot((10, 100), "layer", 0.1)
    assert (level.number, level.keep, level.kept) == (1, (1, 10), 11)


@given(
    st.lists(st.integers(1, 10_000), min_size=1, max_size=5),
    FRACTIONS,
    st.integers(1, 30),
    st.sampled_from(["global", "layer"]),
)
def test_levels_never_grow_and_stay_near_the_fraction(
    sizes: list[int], fraction: float, count: int, scope: amounts.Scope
) -> None:
    before = tuple(sizes) if scope == "layer" else (sum(sizes),)
    for level in amounts.iterative(sizes, scope, fraction, count):
        for now, earlier in zip(level.keep, before, strict=True):
            assert 0 <= now <= earlier
            assert abs((earlier - now) - Fraction(str(fraction)) * earlier) <= Fraction(1, 2)
        before = level.keep


@given(
    st.lists(st.integers(1, 5_000), min_size=1, max_size=4),
    FRACTIONS,
    FRACTIONS,
    st.sampled_from(["global", "layer"]),
)
def test_to_density_is_met_to_the_weight(
    sizes: list[int], density: float, fraction: float, scope: amounts.Scope
) -> None:
    levels = amounts.to_density(sizes, scope, density, fraction)
    groups = sizes if scope == "layer" else [sum(sizes)]
    target = tuple(amounts.kept_at(size, density) for size in groups)
    if tuple(groups) == target:
        assert levels == []
        return
    assert levels[-1].keep == target
    kept = [level.kept for level in levels]
    assert kept == sorted(set(kept), reverse=True)
