"""Fashion-MNIST shares the format and the names of MNIST, and is never taken for it."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ltspec.data import fashion_mnist
from ltspec.data.download import Remote
from ltspec.data.facts import FACTS
from ltspec.data.idx_set import shapes
from ltspec.errors import DataError

SMALL = replace(FACTS["fashion-mnist"], train=6, test=4, shape=(1, 2, 3))


def ignore(text: str) -> None:
    pass


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Four tiny files, and the reader made to believe that they are those that were published."""
    made = {}
    for remote, shape in zip(fashion_mnist.FASHION_MNIST.files, shapes(SMALL), strict=True):
        header = np.array([8 * 256 + len(shape), *shape], ">u4").tobytes()
        body = np.arange(np.prod(shape), dtype=np.uint8) % 10
        made[remote.name] = gzip.compress(header + body.tobytes(), mtime=0)
    files = tuple(
        Remote(name, len(data), hashlib.md5(data).hexdigest(), "") for name, data in made.items()
    )
    tiny = replace(fashion_mnist.FASHION_MNIST, files=files)
    monkeypatch.setattr(fashion_mnist, "FASHION_MNIST", tiny)
    return made


def put(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


@pytest.mark.parametrize("place", ["fashion-mnist", "FashionMNIST/raw"])
def test_it_is_found_in_its_places(place: str, tmp_path: Path, packed: dict[str, bytes]) -> None:
    put(tmp_path / place, packed)
    data = fashion_mnist.read(SMALL, tmp_path, ignore, mirrors=())
    assert data.warnings == ()
    assert data.train.labels.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("place", ["mnist", "new"])
def test_the_files_of_mnist_are_not_taken_for_it(
    place: str, tmp_path: Path, packed: dict[str, bytes]
) -> None:
    put(tmp_path / place, packed)
    with pytest.raises(DataError, match="fashion-mnist is not in"):
        fashion_mnist.read(SMALL, tmp_path, ignore, mirrors=())


def test_files_that_cannot_be_compared_are_a_warning(
    tmp_path: Path, packed: dict[str, bytes]
) -> None:
    name = "train-labels-idx1-ubyte"
    files = {**packed, name: gzip.decompress(packed[f"{name}.gz"])}
    del files[f"{name}.gz"]
    put(tmp_path / "fashion-mnist", files)
    (warning,) = fashion_mnist.read(SMALL, tmp_path, ignore, mirrors=()).warnings
    assert f"{name} is not the published" in warning
