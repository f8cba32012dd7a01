"""Every file of ``good`` is fine; every file of ``bad`` is refused with exactly the text beside it.

To see what a changed message looks like, run with ``LTSPEC_REWRITE=1`` and read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ltspec.diagnostics import render
from ltspec.errors import CODES, Diagnostic, SpecError
from ltspec.language.source import parse_text, read, write
from ltspec.language.spec import parse
from ltspec.plan import validate
from ltspec.plan.resolve import replicates

HERE = Path(__file__).parent
GOOD = sorted((HERE / "good").glob("*.yaml"))
BAD = sorted((HERE / "bad").glob("*.yaml"))
NOT_OF_A_TEXT = {"LT001", "LT002", "LT003"}
"""Codes of files that are made in test_reading.py: a pipe, a huge file, bytes that are no text."""


def check(path: Path) -> tuple[list[Diagnostic], str]:
    """What is wrong with a file, and its text."""
    try:
        validate(read(path))
    except SpecError as error:
        return list(error.diagnostics), error.text
    return [], ""


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_file_is_explained(path: Path) -> None:
    diagnostics, text = check(path)
    assert diagnostics, "nothing was found wrong"
    shown = render(diagnostics, path.name, text) + "\n"
    expected = path.with_suffix(".txt")
    if os.environ.get("LTSPEC_REWRITE"):
        expected.write_text(shown, encoding="utf-8")
    assert shown == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_file_has_the_code_of_its_name(path: Path) -> None:
    code = path.stem.split("_")[0]
    diagnostics, _ = check(path)
    assert {each.code for each in diagnostics} <= set(CODES)
    if code in CODES:
        assert code in {each.code for each in diagnostics}


def test_every_code_of_a_spec_has_a_bad_file() -> None:
    told = {each.code for path in BAD for each in check(path)[0]}
    codes = {code for code in CODES if code[2] in "012"}
    assert codes - told == NOT_OF_A_TEXT


def test_no_expected_text_is_left_over() -> None:
    assert {path.stem for path in (HERE / "bad").glob("*.txt")} == {path.stem for path in BAD}


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_file_is_fine(path: Path) -> None:
    diagnostics, _ = check(path)
    assert diagnostics == []


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_resolved_spec_is_the_same_experiment(path: Path) -> None:
    resolved = parse(read(path)).resolved()
    again = parse(parse_text(write(resolved), "resolved"))
    assert again.resolved() == resolved
    assert replicates(again) == replicates(parse(read(path)))
    assert again.train == parse(read(path)).train
    assert again.prune == parse(read(path)).prune
