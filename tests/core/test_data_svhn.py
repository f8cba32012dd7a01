"""SVHN is read from .mat files as they were published, and damaged ones are named."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from ltspec.data import place, svhn
from ltspec.data.facts import FACTS
from ltspec.errors import DataError

SMALL = replace(FACTS["svhn"], train=12, test=5)


def ignore(text: str) -> None:
    pass


def mat(count: int, compressed: bool = True, **changed: Any) -> bytes:
    """A .mat file in the true form: (row, column, channel, example), digits from 1 to 10."""
    numbers = np.random.Generator(np.random.PCG64(count))
    content = {
        "X": numbers.integers(0, 256, (32, 32, 3, count)).astype(np.uint8),
        "y": (np.arange(count).reshape(-1, 1) % 10 + 1).astype(np.float64),
    }
    content = {name: array for name, array in {**content, **changed}.items() if array is not None}
    packed = io.BytesIO()
    savemat(packed, content, do_compression=compressed)
    return packed.getvalue()


def put(folder: Path, train: bytes, test: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train_32x32.mat").write_bytes(train)
    (folder / "test_32x32.mat").write_bytes(test)


@pytest.mark.parametrize("place", svhn.PLACES)
@pytest.mark.parametrize("compressed", [True, False])
def test_it_is_read(place: str, compressed: bool, tmp_path: Path) -> None:
    put(tmp_path / place, mat(12, compressed), mat(5))
    data = svhn.read(SMALL, tmp_path, ignore, mirrors=())
    assert data.train.images.shape == (12, 3, 32, 32)
    assert data.train.labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2]
    original = np.random.Generator(np.random.PCG64(12)).integers(0, 256, (32, 32, 3, 12))
    assert data.train.images[7, 2, 30, 4] == original[30, 4, 2, 7]
    (warning,) = data.warnings
    assert "train_32x32.mat, test_32x32.mat are not the published files" in warning


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (lambda: mat(12)[:-20], "train_32x32.mat is not a whole .mat file"),
        (lambda: mat(12, compressed=False)[:-20], "train_32x32.mat is not a whole .mat file"),
        (lambda: b"", "is not a whole .mat file"),
        (lambda: b"<html>" * 100, "is not a whole .mat file"),
        (lambda: mat(11), r"has `X` of shape \(32, 32, 3, 11\), not \(32, 32, 3, 12\)"),
        (lambda: mat(12, y=None), "has `y` of shape None"),
        (lambda: mat(12, y=np.full((12, 1), 11.0)), "has a label that is not one of 1 to 10"),
        (lambda: mat(12, y=np.full((12, 1), 1.5)), "has a label that is not one of 1 to 10"),
        (lambda: mat(12, y=np.full((12, 1), np.nan)), "has a label that is not one of 1 to 10"),
        (lambda: mat(12, X=np.zeros((32, 32, 3, 12))), "has `X` of type float64, not bytes"),
        (lambda: mat(12, y=np.full((12, 1), "a", object)), "has `y` of type object"),
    ],
)
def test_a_damaged_file_is_named(content: Callable[[], bytes], says: str, tmp_path: Path) -> None:
    put(tmp_path / "svhn", content(), mat(5))
    with pytest.raises(DataError, match=says) as caught:
        svhn.read(SMALL, tmp_path, ignore, mirrors=())
    assert caught.value.code == "LT306"
    assert "train_32x32.mat" in caught.value.message


def test_what_is_whole_lacks_nothing(tmp_path: Path) -> None:
    """Another process may have completed it since it was looked for."""
    put(tmp_path, mat(12), mat(5))
    names = [file.name for file in svhn.FILES]
    assert place.lacking(tmp_path, [".", "none"], [names]) == []
    (tmp_path / names[0]).unlink()
    assert place.lacking(tmp_path, [".", "none"], [names]) == [f"{tmp_path} lacks {names[0]}"]


def test_without_network_it_says_what_to_put_where(tmp_path: Path) -> None:
    put(tmp_path / "svhn", mat(12), mat(5))
    (tmp_path / "svhn" / "test_32x32.mat").unlink()
    with pytest.raises(DataError, match="could not be downloaded") as caught:
        svhn.read(SMALL, tmp_path, ignore, ["http://127.0.0.1:9/"])
    assert caught.value.code == "LT305"
    lacks = f"{tmp_path / 'svhn'} lacks test_32x32.mat; svhn could not be downloaded"
    assert caught.value.message.startswith(lacks)
    by_hand = "put test_32x32.mat (MD5 eb5a983be6a315427106f1b164d9cef3)"
    assert f"{by_hand} into {tmp_path / 'svhn'}" in caught.value.hint
