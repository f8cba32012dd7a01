"""Durations: their text, their steps, and what is said of what is none."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltspec.language.duration import Duration

whole = st.integers(0, 10**12 - 1)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("160ep", Duration(160)),
        ("2000it", Duration(0, 2000)),
        ("12ep20it", Duration(12, 20)),
        ("50%", Duration(percent=Decimal(50))),
        ("12.5%", Duration(percent=Decimal("12.5"))),
        ("0it", Duration()),
        ("0ep", Duration()),
        ("007ep", Duration(7)),
    ],
)
def test_what_is_read(text: str, duration: Duration) -> None:
    assert Duration.parse(text) == duration


@given(whole, whole)
def test_text_reads_back(epochs: int, iterations: int) -> None:
    duration = Duration(epochs, iterations)
    assert Duration.parse(str(duration)) == duration


@given(st.decimals(0, 100, places=6))
def test_a_share_reads_back(share: Decimal) -> None:
    duration = Duration(percent=share)
    assert Duration.parse(str(duration)) == duration


@pytest.mark.parametrize("text", ["100%", "10%", "0.5%", "12ep20it", "5ep", "0it"])
def test_text_is_canonical(text: str) -> None:
    assert str(Duration.parse(text)) == text


def test_steps_of_epochs_and_iterations() -> None:
    assert Duration(12, 20).steps(391) == 12 * 391 + 20


@pytest.mark.parametrize(
    ("share", "total", "steps"),
    [
        ("50%", 5, 2),
        ("50%", 7, 4),
        ("50%", 6, 3),
        ("10%", 25, 2),
        ("10%", 35, 4),
        ("0.1%", 499, 0),
        ("0.1%", 501, 1),
        ("100%", 63_000, 63_000),
        ("0%", 9, 0),
    ],
)
def test_a_share_is_rounded_half_to_even(share: str, total: int, steps: int) -> None:
    assert Duration.parse(share).steps(391, total) == steps


@given(st.decimals(0, 100, places=4), st.integers(0, 10**9))
def test_a_share_is_exact(share: Decimal, total: int) -> None:
    assert Duration(percent=share).steps(1, total) == round(Fraction(share) * total / 100)


def test_a_share_needs_a_total() -> None:
    with pytest.raises(ValueError, match="of what"):
        Duration.parse("50%").steps(391)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("160", "write `160ep` or `160it`"),
        ("1_000", "write `1000ep` or `1000it`"),
        ("160 epochs", "write `160ep`"),
        ("160EP", "write `160ep`"),
        ("2000 steps", "write `2000it`"),
        ("20it12ep", "write `12ep20it`"),
        ("1.5ep", "whole numbers"),
        ("101%", "at most `100%`"),
        ("-5it", "not negative"),
        ("", "write epochs as `160ep`"),
        ("2k", "write epochs as `160ep`"),
        ("12ep\n", "write `12ep`"),
        ("٣ep", "write epochs as"),
        ("9999999999999it", "write epochs as"),
    ],
)
def test_what_is_none(text: str, advice: str) -> None:
    with pytest.raises(ValueError) as caught:
        Duration.parse(text)
    assert advice in str(caught.value)
