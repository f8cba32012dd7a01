"""The digits are read as scikit-learn gives them, without importing it, and checked."""

from __future__ import annotations

import gzip
import importlib.util
import subprocess
import sys
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest

from ltspec.data import digits
from ltspec.data.dataset import assemble, fingerprint
from ltspec.data.facts import FACTS
from ltspec.data.reader import READERS, load
from ltspec.errors import DataError


def packed(data: bytes) -> bytes:
    """gzip without the time of day, which would make another test of it each second."""
    return gzip.compress(data, mtime=0)


def test_the_split_and_the_bytes() -> None:
    data = load("digits", None)
    assert (len(data.train), len(data.test)) == (1438, 359)
    assert data.train.images.shape == (1438, 1, 8, 8)
    assert data.train.images.dtype == np.uint8
    assert data.train.images.max() == 16
    assert np.bincount(data.train.labels).min() > 100
    assert data.warnings == ()
    # Results in stores were made from these bytes. If this changes, raise the version in facts.py.
    assert data.fingerprint == "943b6a979b60f340602a9843458d4ce1879d9eaee164d2db69bdf271bb3c0bdc"


def test_every_fifth_example_is_for_testing() -> None:
    from sklearn.datasets import load_digits

    whole, data = load_digits(), load("digits", None)
    assert np.array_equal(data.test.images[:, 0], whole.images[4::5])
    assert np.array_equal(data.test.labels, whole.target[4::5])
    assert np.array_equal(data.train.images[:5, 0], whole.images[[0, 1, 2, 3, 5]])
    assert np.array_equal(data.train.labels[-2:], whole.target[[1795, 1796]])


def test_mean_and_deviation_are_those_of_the_training_split() -> None:
    data = load("digits", None)
    pixels = data.train.images / data.facts.top
    assert data.facts.mean == (round(pixels.mean(), 4),)
    assert data.facts.std == (round(pixels.std(), 4),)
    seen = data.train.images * data.train.scale[0] + data.train.shift[0]
    assert seen.dtype == np.float32
    assert abs(seen.mean()) < 1e-3
    assert abs(seen.std() - 1) < 1e-3
    assert data.test.scale is not None
    assert np.array_equal(data.test.scale, data.train.scale)


def test_arrays_cannot_be_written_to() -> None:
    data = load("digits", None)
    for split in (data.train, data.test):
        for array in (split.images, split.labels, split.scale, split.shift):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0


def test_scikit_learn_is_not_imported() -> None:
    code = (
        "import sys; from ltspec.data.reader import load; load('digits', None); "
        "print([name for name in ('sklearn', 'pooch', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_facts_need_no_numpy() -> None:
    code = "import sys, ltspec.data.facts; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_scikit_learn_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="scikit-learn, which is not installed") as caught:
        load("digits", None)
    assert caught.value.code == "LT305"
    assert "pip install" in caught.value.hint


def elsewhere(monkeypatch: pytest.MonkeyPatch, place: Path) -> Path:
    """Let scikit-learn seem to be installed in ``place``; where its table would be."""
    spec = ModuleSpec("sklearn", None, is_package=True)
    spec.submodule_search_locations = [str(place)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    file = place / "datasets" / "data" / "digits.csv.gz"
    file.parent.mkdir(parents=True)
    return file


def test_without_the_file_scikit_learn_itself_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = load("digits", None).fingerprint
    elsewhere(monkeypatch, tmp_path)
    table = digits._load_table
    asked = []
    monkeypatch.setattr(digits, "_load_table", lambda: asked.append(1) or table())
    assert load("digits", None).fingerprint == expected
    assert asked


@pytest.mark.parametrize(
    "content",
    [
        b"",
        packed(b""),
        b"not gzip",
        packed(b"1,2\n"),
        packed(b"a,b\n"),
        packed(b"1,2\n" * 999)[:-9],
        packed((b"0," * 64 + b"0\n") * 1796),
        packed((b"0," * 64 + b"10\n") * 1797),
        packed((b"17," * 64 + b"1\n") * 1797),
        packed((b"0.5," * 64 + b"1\n") * 1797),
        packed((b"257," * 64 + b"1\n") * 1797),
        packed((b"nan," * 64 + b"1\n") * 1797),
        packed((b"-1," * 64 + b"1\n") * 1797),
    ],
)
def test_a_damaged_file(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere(monkeypatch, tmp_path).write_bytes(content)
    with pytest.raises(DataError) as caught:
        load("digits", None)
    assert caught.value.code == "LT306"


def test_other_bytes_are_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere(monkeypatch, tmp_path).write_bytes(gzip.compress((b"3," * 64 + b"1\n") * 1797))
    assert "not the one that ltspec knows" in load("digits", None).warnings[0]


def test_every_data_set_has_a_reader_and_facts() -> None:
    streamed = ["imagenet"]  # has no reader that reads it whole
    assert sorted([*READERS, *streamed]) == sorted(FACTS)
    with pytest.raises(DataError, match="no data set is named 'minst'") as caught:
        load("minst", None)
    assert caught.value.code == "LT305"


def test_assemble_checks_what_is_known() -> None:
    facts = replace(FACTS["digits"], train=3, test=2)
    train = np.zeros((3, 1, 8, 8), np.uint8), np.array([0, 9, 1], np.uint8)
    test = np.zeros((2, 1, 8, 8), np.uint8), np.array([0, 9], np.uint8)
    assert assemble(facts, train, test, ("beware",)).warnings == ("beware",)
    for wrong in (
        (train[0][:2], train[1][:2]),
        (train[0][:, 0], train[1]),
        (train[0], train[1][:2]),
        (train[0] + 17, train[1]),
        (train[0], train[1] + 1),
        (train[0].astype(np.int8), train[1]),
    ):
        with pytest.raises(DataError, match=r"digits \(train\)") as caught:
            assemble(facts, wrong, test)
        assert caught.value.code == "LT306"


def test_the_fingerprint_sees_every_byte_type_and_shape() -> None:
    pair = np.zeros((2, 1, 2, 2), np.uint8), np.zeros(2, np.uint8)
    other = pair[0].copy()
    other[1, 0, 1, 1] = 1
    prints = [
        fingerprint(pair, pair),
        fingerprint((other, pair[1]), pair),
        fingerprint(pair, (other, pair[1])),
        fingerprint((pair[0].reshape(2, 1, 1, 4), pair[1]), pair),
        fingerprint((pair[0].view(np.int8), pair[1]), pair),
    ]
    assert len(set(prints)) == len(prints)
