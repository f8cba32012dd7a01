"""Takes an IDX file, gzipped or not; gives its array of bytes and the hash of its content.

The format: two zero bytes, the type (8: unsigned bytes), the number of axes, each axis as a
big-endian 32-bit number, then the data. Source: Y. LeCun, the MNIST page.
"""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ltspec.errors import DataError

_GZIP = b"\x1f\x8b"


def read_idx(file: Path, shape: tuple[int, ...]) -> tuple[NDArray[np.uint8], str]:
    """The array in ``file``, which must have ``shape``, and the sha256 of the file's content
    (after decompression).

    No more is ever decompressed or read than such a file can hold. Raises DataError: LT305 when
    the file cannot be opened, LT306 when it holds anything else; both name the file.
    """
    header = 4 + 4 * len(shape)
    size = header + int(np.prod(shape, dtype=np.int64))
    content = _content(file, size)
    expected = bytes([0, 0, 8, len(shape)])
    if content[:4] != expected:
        raise _damaged(
            file,
            f"begins with {content[:4].hex(' ') or 'nothing'}, "
            f"not with {expected.hex(' ')} as an IDX file with {len(shape)} axes of bytes",
        )
    if len(content) < header:
        raise _damaged(file, "ends within its header")
    dimensions = tuple(int(n) for n in np.frombuffer(content[4:header], ">u4"))
    if dimensions != shape:
        raise _damaged(file, f"says that it holds {_times(dimensions)}, not {_times(shape)}")
    if len(content) < size:
        raise _damaged(file, f"is truncated: {len(content):,} of {size:,} bytes")
    if len(content) > size:
        raise _damaged(file, f"goes on after the {size:,} bytes that it should hold")
    array = np.frombuffer(content, np.uint8, offset=header).reshape(shape)
    return array, hashlib.sha256(content).hexdigest()


def _content(file: Path, size: int) -> bytes:
    """What is in the file, decompressed; at most ``size`` + 1 bytes."""
    # Incompressible data grows by 5 bytes in each 16 KiB, plus the gzip header and a file name.
    bound = size + size // 1000 + 4096
    try:
        with file.open("rb") as stream:
            stored = stream.read(bound + 1)
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}", code="LT305") from error
    if not stored.startswith(_GZIP):
        return stored[: size + 1]
    if len(stored) > bound:
        raise _damaged(file, f"is too large: {size:,} bytes need no more than {bound:,} in gzip")
    decompressor = zlib.decompressobj(wbits=31)
    try:
        content = decompressor.decompress(stored, size + 1)
    except zlib.error as error:
        raise _damaged(file, f"is corrupted gzip: {error}") from error
    if len(content) > size:
        return content
    if not decompressor.eof:
        raise _damaged(file, f"is truncated gzip: {len(content):,} of {size:,} bytes")
    if decompressor.unused_data:
        raise _damaged(file, "goes on after the end of its gzip data")
    return content


def _damaged(file: Path, what: str) -> DataError:
    return DataError(
        f"{file} {what}",
        code="LT306",
        hint="delete it, and it will be downloaded again",
    )


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{n:,}" for n in shape)
