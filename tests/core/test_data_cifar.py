"""CIFAR is read from each form that it was published in, and no pickle is ever run."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import pickle
import struct
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ltspec.data import cifar, unpickle
from ltspec.data.cifar import Cifar
from ltspec.data.download import Remote
from ltspec.data.facts import FACTS
from ltspec.data.reader import load
from ltspec.errors import DataError

NAMES = ("cifar10", "cifar100")
SMALL = {name: replace(FACTS[name], train=10, test=4) for name in NAMES}
SETS = {"cifar10": cifar.CIFAR10, "cifar100": cifar.CIFAR100}
Files = dict[str, dict[str, bytes]]
"""Content of each file by name, by layout: ``py`` and ``bin``."""


def ignore(text: str) -> None:
    pass


def text(value: bytes) -> bytes:
    return b"U" + bytes([len(value)]) + value


def python2_pickle(key: bytes, images: np.ndarray[Any, Any], labels: list[int]) -> bytes:
    """As Python 2 and the numpy of 2009 wrote it, byte for byte but for the memo."""
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85" + text(b"b") + b"\x87R"
    )
    dtype = b"cnumpy\ndtype\n" + text(b"u1") + b"K\0K\x01\x87R"
    dtype += b"(K\x03" + text(b"|") + b"NNN" + b"J\xff\xff\xff\xff" * 2 + b"K\0tb"
    shape = b"".join(b"M" + struct.pack("<H", n) for n in images.shape) + b"\x86"
    raw = images.tobytes()
    state = b"(K\x01" + shape + dtype + b"\x89T" + struct.pack("<i", len(raw)) + raw + b"tb"
    listed = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return b"\x80\x02}(" + text(b"data") + array + state + text(key) + listed + b"u."


def made(name: str) -> tuple[Cifar, Files, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A tiny data set in both layouts, with its images (example, 3072) and labels."""
    facts, known = SMALL[name], SETS[name]
    numbers = np.random.Generator(np.random.PCG64(0))
    images = numbers.integers(0, 256, (14, 3072)).astype(np.uint8)
    labels = numbers.integers(0, facts.classes, 14).astype(np.uint8)
    coarse = labels[:, None] // 5
    files: Files = {}
    layouts = []
    for layout in known.layouts:
        each = facts.train // (len(layout.files) - 1)
        files[layout.folder[-3:]] = content = {}
        for number, file in enumerate(layout.files):
            part = slice(number * each, number * each + (4 if "test" in file else each))
            if file.endswith(".bin"):
                before = [coarse[part]] if name == "cifar100" else []
                records = np.hstack([*before, labels[part, None], images[part]])
                content[file] = records.tobytes()
            else:
                key = b"labels" if name == "cifar10" else b"fine_labels"
                content[file] = python2_pickle(key, images[part], labels[part].tolist())
        md5s = {file: hashlib.md5(data).hexdigest() for file, data in content.items()}
        layouts.append(replace(layout, files=md5s))
    return replace(known, layouts=tuple(layouts)), files, images, labels


def layout_of(known: Cifar, kind: str) -> cifar.Layout:
    (found,) = [layout for layout in known.layouts if kind in layout.archive]
    return found


def put(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def archive(folder: str, files: dict[str, bytes]) -> bytes:
    """A .tar.gz as published: among others, and not in order."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as target:
        for name, data in {"readme.html": b"hello", **dict(reversed(files.items()))}.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(data)
            target.addfile(member, io.BytesIO(data))
    return packed.getvalue()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["python", "binary"])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("outer", ["", "first"])
def test_both_layouts_hold_the_same(
    name: str, kind: str, packed: bool, outer: str, tmp_path: Path
) -> None:
    known, files, images, labels = made(name)
    layout = layout_of(known, kind)
    content = files[layout.folder[-3:]]
    place = tmp_path / (name if outer else "")
    if packed:
        put(place, {layout.archive: archive(layout.folder, content)})
    else:
        put(place / layout.folder, content)
    data = known.read(SMALL[name], tmp_path, ignore, mirrors=())
    assert data.warnings == ()
    assert np.array_equal(data.train.images.reshape(10, 3072), images[:10])
    assert np.array_equal(data.test.images.reshape(4, 3072), images[10:])
    assert np.array_equal(data.train.labels, labels[:10])
    assert np.array_equal(data.test.labels, labels[10:])
    assert data.train.labels.dtype == np.uint8


def test_one_pixel_changed_is_a_warning(tmp_path: Path) -> None:
    known, files, _, _ = made("cifar10")
    content = files["bin"]
    content["data_batch_2.bin"] = content["data_batch_2.bin"][:-1] + b"\0"
    put(tmp_path / "cifar-10-batches-bin", content)
    (warning,) = known.read(SMALL["cifar10"], tmp_path, ignore, mirrors=()).warnings
    assert "data_batch_2.bin is not the published file" in warning
    assert str(tmp_path) in warning


def broken(known: Cifar, kind: str, change: Callable[[bytes], bytes], folder: Path) -> DataError:
    """What reading says when the second file is changed."""
    _, files, _, _ = made(known.name)
    layout = layout_of(known, kind)
    content = files[layout.folder[-3:]]
    second = list(layout.files)[1]
    put(folder / layout.folder, {**content, second: change(content[second])})
    with pytest.raises(DataError) as caught:
        known.read(SMALL[known.name], folder, ignore, mirrors=())
    assert second in caught.value.message
    assert "delete it" in caught.value.hint
    return caught.value


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("kind", "change", "says"),
    [
        ("binary", lambda data: data[:-1], "is truncated"),
        ("binary", lambda data: b"", "is truncated: 0 of"),
        ("binary", lambda data: data + b"\0", "goes on after"),
        ("binary", lambda data: b"\xff\xff" + data[2:], "has a label 255"),
        ("python", lambda data: data[:-1], "is not a whole pickle"),
        ("python", lambda data: data[:200], "is not a whole pickle"),
        ("python", lambda data: b"", "is not a whole pickle"),
        ("python", lambda data: b"<html>", "is not a whole pickle"),
        ("python", lambda data: data.replace(b"labels", b"lapels"), "has no list"),
        ("python", lambda data: data.replace(b"data", b"date"), "has no array `data`"),
        ("python", lambda data: data.replace(b"u1", b"i8"), "does not hold bytes"),
        ("python", lambda data: data.replace(b"M\0\x0c", b"M\1\x0c"), "with other than so many"),
        ("python", lambda data: pickle.dumps([1]), "holds a list"),
        ("python", lambda data: pickle.dumps({"data": 3}), "has no array"),
    ],
)
def test_a_damaged_file_is_named(
    name: str, kind: str, change: Callable[[bytes], bytes], says: str, tmp_path: Path
) -> None:
    known, _, _, _ = made(name)
    error = broken(known, kind, change, tmp_path)
    assert error.code == "LT306"
    assert says in error.message


class Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_not_run(protocol: int, tmp_path: Path) -> None:
    mark = tmp_path / "it was run"
    known, _, _, _ = made("cifar10")
    hostile = pickle.dumps({"data": Evil(mark)}, protocol)
    error = broken(known, "python", lambda data: hostile, tmp_path)
    assert "asks for posix.mkdir" in error.message or "asks for nt.mkdir" in error.message
    assert not mark.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"cnumpy.core.multiarray\nfromfile\n.",
        b"cbuiltins\neval\n.",
        b"\x80\x04\x8c\x05numpy\x8c\x07load.me\x93.",
        b"Pname\n.",
        b"cnumpy\ndtype\n(S'O8'\ntR(K\x03tb.",
        b"}r\xff\xff\xff\x7f.",
        b"\x96\xff\xff\xff\xff\xff\xff\x00\x00.",
    ],
)
def test_other_tricks_are_refused(content: bytes) -> None:
    try:
        found = unpickle.mapping(content)
    except unpickle.RefusedError:
        return
    assert found == {}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: data[: len(data) // 2], "is truncated or corrupt"),
        (lambda data: data[:100] + bytes(50) + data[150:], "is truncated or corrupt"),
        (lambda data: b"", "is truncated or corrupt"),
        (lambda data: b"<html>no</html>", "is truncated or corrupt"),
        (lambda data: archive("cifar-10-batches-bin", {"data_batch_1.bin": b"x"}), "truncated"),
        (lambda data: archive("elsewhere", {}), "lacks data_batch_1.bin, data_batch_2.bin"),
        (lambda data: gzip.compress(bytes(10_000)), "lacks data_batch_1.bin"),
        (
            lambda data: archive("cifar-10-batches-bin", {"big": bytes(1_000_000)}),
            "has cifar-10-batches-bin/big, which is too large",
        ),
    ],
)
def test_a_damaged_archive_is_named(
    change: Callable[[bytes], bytes], says: str, tmp_path: Path
) -> None:
    known, files, _, _ = made("cifar10")
    whole = archive("cifar-10-batches-bin", files["bin"])
    put(tmp_path, {"cifar-10-binary.tar.gz": change(whole)})
    with pytest.raises(DataError, match=says) as caught:
        known.read(SMALL["cifar10"], tmp_path, ignore, mirrors=())
    assert caught.value.code == "LT306"
    assert "cifar-10-binary.tar.gz" in caught.value.message


def test_links_in_an_archive_lead_nowhere(tmp_path: Path) -> None:
    known, _, _, _ = made("cifar100")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as target:
        for name in ("train.bin", "test.bin"):
            member = tarfile.TarInfo(f"cifar-100-binary/{name}")
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            target.addfile(member)
    put(tmp_path, {"cifar-100-binary.tar.gz": packed.getvalue()})
    with pytest.raises(DataError, match=r"lacks test.bin, train.bin"):
        known.read(SMALL["cifar100"], tmp_path, ignore, mirrors=())


def test_without_network_it_says_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="could not be downloaded") as caught:
        cifar.CIFAR10.read(SMALL["cifar10"], tmp_path, ignore, ["http://127.0.0.1:9/"])
    assert caught.value.code == "LT305"
    assert caught.value.message.startswith(f"cifar10 is not in {tmp_path} and could not be")
    assert caught.value.hint.startswith(
        "put cifar-10-python.tar.gz (MD5 c58f30108f718f92721af3b95e74349a) "
        f"into {tmp_path / 'cifar10'}, or choose"
    )
    assert "docs/data.md" in caught.value.hint
    with pytest.raises(DataError, match="needs a data directory"):
        load("cifar100", None)


NOBODY = "http://127.0.0.1:9/"


@pytest.mark.parametrize("outer", ["", "cifar10"])
def test_a_missing_file_is_named_before_anything_is_downloaded(outer: str, tmp_path: Path) -> None:
    known, files, _, _ = made("cifar10")
    folder = tmp_path / outer / "cifar-10-batches-bin"
    put(folder, files["bin"])
    (folder / "data_batch_3.bin").unlink()
    (folder / "data_batch_4.bin").unlink()
    (folder / "data_batch_4.bin").symlink_to("nowhere")
    reports: list[str] = []
    with pytest.raises(DataError) as caught:
        known.read(SMALL["cifar10"], tmp_path, reports.append, [NOBODY])
    lacks = f"{folder} lacks data_batch_3.bin, data_batch_4.bin"
    assert reports[0] == lacks
    assert reports[1].startswith(f"downloading {NOBODY}cifar-10-python.tar.gz")
    assert caught.value.message.startswith(f"{lacks}; cifar10 could not be downloaded: no mirror")
    assert caught.value.hint.startswith("put what is missing where the rest is; or put cifar-10-py")


def test_what_is_said_of_deleting_a_damaged_file_is_true(tmp_path: Path) -> None:
    known, files, _, _ = made("cifar10")
    folder = tmp_path / "cifar-10-batches-bin"
    put(folder, {**files["bin"], "data_batch_3.bin": files["bin"]["data_batch_3.bin"][:-1]})
    with pytest.raises(DataError, match=r"data_batch_3.bin is truncated") as caught:
        known.read(SMALL["cifar10"], tmp_path, ignore, [NOBODY])
    assert caught.value.hint.startswith(
        "put a whole one in its place; or delete it, and all of cifar10 will be downloaded "
        "(cifar-10-python.tar.gz, 170.5 MB)"
    )
    (folder / "data_batch_3.bin").unlink()
    reports: list[str] = []
    with pytest.raises(DataError):
        known.read(SMALL["cifar10"], tmp_path, reports.append, [NOBODY])
    assert reports[1] == f"downloading {NOBODY}cifar-10-python.tar.gz (170.5 MB)"


@pytest.mark.parametrize("name", NAMES)
def test_the_archive_that_is_downloaded_is_one_that_is_read(name: str) -> None:
    known = SETS[name]
    assert known.remote.name == known.layouts[0].archive
    assert isinstance(known.remote, Remote)
    assert [len(known.remote.md5), len(known.remote.sha256)] == [32, 64]
    for layout in known.layouts:
        assert all(len(md5) == 32 for md5 in layout.files.values())


@pytest.mark.needs_cifar10
def test_the_true_files(real: Path) -> None:
    data = load("cifar10", real)
    assert data.train.images.shape == (50_000, 3, 32, 32)
    assert np.bincount(data.train.labels).tolist() == [5000] * 10
    assert np.bincount(data.test.labels).tolist() == [1000] * 10
    assert data.train.labels[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
    # As everyone measures it on the published files; recompressed records change it by far less.
    means = data.train.images.mean((0, 2, 3)) / 255
    assert np.allclose(means, [0.4914, 0.4822, 0.4465], atol=1e-4)
