"""An IDX file is read exactly, or refused with its name and what is wrong with it."""

from __future__ import annotations

import errno
import gzip
import struct
import tracemalloc
import zlib
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltspec.data.idx import read_idx
from ltspec.data.opening import unreadable
from ltspec.errors import DataError


def packed(data: bytes) -> bytes:
    """gzip without the time of day, which would make another test of it each second."""
    return gzip.compress(data, mtime=0)


SHAPE = (3, 4, 5)
PIXELS = np.arange(60, dtype=np.uint8).reshape(SHAPE)
GOOD = struct.pack(">HBBIII", 0, 8, 3, *SHAPE) + PIXELS.tobytes()


thorough = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def pixels_or_code(file: Path) -> bytes | str:
    """What is read, or the code of the error."""
    try:
        return read_idx(file, SHAPE)[0].tobytes()
    except DataError as error:
        return error.code


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "train-images-idx3-ubyte"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda data: gzip.compress(data, 0)])
def test_a_good_file(pack: type[bytes], file: Path) -> None:
    file.write_bytes(pack(GOOD))
    array, digest = read_idx(file, SHAPE)
    assert array.dtype == np.uint8
    assert np.array_equal(array, PIXELS)
    assert digest == sha256(GOOD).hexdigest()


def header(*values: int, kind: int = 8) -> bytes:
    return struct.pack(f">HBB{len(values)}I", 0, kind, len(values), *values)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "begins with nothing, not with 00 00 08 03"),
        (b"<html>", "begins with 3c 68 74 6d"),
        (header(3, 4, 5, kind=13) + bytes(60), "begins with 00 00 0d 03"),
        (header(60) + bytes(60), "begins with 00 00 08 01, not with 00 00 08 03"),
        (b"\x03\x08\x00\x00" + GOOD[4:], "begins with 03 08 00 00"),
        (GOOD[:10], "ends within its header"),
        (struct.pack("<HBBIII", 0, 8, 3, *SHAPE) + bytes(60), "says that it holds 50,331,648 x"),
        (header(2, 4, 5) + bytes(40), "says that it holds 2 x 4 x 5, not 3 x 4 x 5"),
        (header(3, 5, 4) + bytes(60), "says that it holds 3 x 5 x 4, not 3 x 4 x 5"),
        (header(2**32 - 1, 4, 5), "says that it holds 4,294,967,295 x 4 x 5"),
        (GOOD[:-1], "is truncated: 75 of 76 bytes"),
        (GOOD + b"x", "goes on after the 76 bytes"),
        (packed(GOOD[:-1]), "is truncated: 75 of 76 bytes"),
        (packed(GOOD + b"x"), "goes on after the 76 bytes"),
        (packed(GOOD)[:-1], "is truncated gzip"),
        (packed(GOOD)[:15], "is truncated gzip"),
        (b"\x1f\x8b", "is truncated gzip"),
        (packed(GOOD) + b"x", "goes on after the end of its gzip data"),
        (packed(GOOD)[:-8] + bytes(8), "is corrupted gzip"),
        (b"\x1f\x8b" + bytes(50), "is corrupted gzip"),
    ],
)
def test_a_bad_file(content: bytes, says: str, file: Path) -> None:
    file.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_idx(file, SHAPE)
    assert caught.value.code == "LT306"
    assert caught.value.message.startswith(f"{file} {says}")


def test_labels_of_the_other_split_are_said_to_be_so(file: Path) -> None:
    labels = np.random.Generator(np.random.PCG64(0)).integers(0, 10, 60_000).astype(np.uint8)
    file.write_bytes(gzip.compress(header(60_000) + labels.tobytes()))
    assert file.stat().st_size > 2 * 10_008  # more than 10,000 labels can take, however packed
    with pytest.raises(DataError, match=r"says that it holds 60,000, not 10,000$") as caught:
        read_idx(file, (10_000,))
    assert caught.value.hint.startswith("delete it, and it will be downloaded again")


@pytest.mark.parametrize(
    ("pack", "size"),
    [
        (bytes, 50_000_000),
        (lambda data: gzip.compress(data, 9), 50_000_000),
        (lambda data: gzip.compress(data, 9), 3_500_000),  # small enough to be looked into
    ],
)
def test_a_bomb_is_not_unpacked(pack: type[bytes], size: int, file: Path) -> None:
    file.write_bytes(pack(GOOD + bytes(size)))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"goes on after the 76 bytes|is too large") as caught:
            read_idx(file, SHAPE)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert caught.value.code == "LT306"


@thorough
@given(st.integers(0, 10**6), st.integers(0, 7))
def test_a_flipped_bit_in_gzip_never_gives_other_pixels(file: Path, place: int, bit: int) -> None:
    data = bytearray(gzip.compress(GOOD, mtime=0))
    data[place % len(data)] ^= 1 << bit
    file.write_bytes(data)
    found = pixels_or_code(file)
    # Some bits are free: those of a date or another note of gzip.
    assert found in (PIXELS.tobytes(), "LT306")


@thorough
@given(
    st.binary(max_size=120),
    st.sampled_from([b"", GOOD[:16], b"\x1f\x8b\x08", zlib.compress(GOOD)]),
)
def test_anything_else_is_a_clear_error(file: Path, tail: bytes, start: bytes) -> None:
    file.write_bytes(start + tail)
    found = pixels_or_code(file)
    assert found == "LT306" or (isinstance(found, bytes) and start + tail == GOOD[:16] + found)


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    for file, hint in ((tmp_path, "move it away"), (tmp_path / "none", "put it there again")):
        with pytest.raises(DataError, match="cannot be read") as caught:
            read_idx(file, SHAPE)
        assert caught.value.code == "LT305"
        assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.EACCES, "let this user read it"),
        (errno.ENOENT, "put it there again; or remove it"),
        (errno.EIO, "copy it there again"),
        (errno.ETIMEDOUT, "see whether other programs can read it"),
    ],
)
def test_each_reason_has_its_remedy(number: int, hint: str) -> None:
    found = unreadable("x.jpg", OSError(number, "says the system"))
    assert (found.code, found.message) == ("LT305", "x.jpg cannot be read: says the system")
    assert found.hint.startswith(hint)
