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

from ltspec.data import place
from ltspec.data.opening import unreadable

_GZIP = b"\x1f\x8b"


def read_idx(file: Path, shape: tuple[int, ...]) -> tuple[NDArray[np.uint8], str]:
    """The array in ``file``, which must have ``shape``, and the sha256 of the file's content
    (after decompression).

    No more is ever decompressed or read than such a file can hold. Raises DataError: LT305 when
    the file cannot be opened, LT306 when it holds anything else; both name the file.
    """
    size = _header_bytes(shape) + int(np.prod(shape, dtype=np.int64))
    content = _content(file, shape, size)
    if len(content) < size:
        raise place.damaged(file, f"is truncated: {len(content):,} of {size:,} bytes")
    if len(content) > size:
        raise place.damaged(file, f"goes on after the {size:,} bytes that it should hold")
    array = np.frombuffer(content, np.uint8, offset=_header_bytes(shape)).reshape(shape)
    return array, hashlib.sha256(content).hexdigest()


def _header_bytes(shape: tuple[int, ...]) -> int:
    return 4 + 4 * len(shape)


def _check_header(file: Path, header: bytes, shape: tuple[int, ...]) -> None:
    """Raises DataError (LT306) where a file does not begin as one that holds ``shape``."""
    expected = bytes([0, 0, 8, len(shape)])
    if header[:4] != expected:
        raise place.damaged(
            file,
            f"begins with {header[:4].hex(' ') or 'nothing'}, "
            f"not with {expected.hex(' ')} as an IDX file with {len(shape)} axes of bytes",
        )
    if len(header) < _header_bytes(shape):
        raise place.damaged(file, "ends within its header")
    dimensions = tuple(int(n) for n in np.frombuffer(header[4:], ">u4"))
    if dimensions != shape:
        raise place.damaged(file, f"says that it holds {_times(dimensions)}, not {_times(shape)}")


def _content(file: Path, shape: tuple[int, ...], size: int) -> bytes:
    """What is in the file, decompressed; at most ``size`` + 1 bytes.

    The header is looked at first: it tells a file of another split best, whatever its size is.
    """
    # Incompressible data grows by 5 bytes in each 16 KiB, plus the gzip header and a file name.
    bound = size + size // 1000 + 4096
    try:
        with file.open("rb") as stream:
            stored = stream.read(bound + 1)
    except OSError as error:
        raise unreadable(file, error) from error
    length = _header_bytes(shape)
    if not stored.startswith(_GZIP):
        _check_header(file, stored[:length], shape)
        return stored[: size + 1]
    decompressor = zlib.decompressobj(wbits=31)
    try:
        header = decompressor.decompress(stored, length)
        if len(header) == length or decompressor.eof:
            _check_header(file, header, shape)
        if len(stored) > bound:
            raise place.damaged(
                file, f"is too large: {size:,} bytes need no more than {bound:,} in gzip"
            )
        content = header + decompressor.decompress(
            decompressor.unconsumed_tail, size + 1 - len(header)
        )
    except zlib.error as error:
        raise place.damaged(file, f"is corrupted gzip: {error}") from error
    if len(content) > size:
        return content
    if not decompressor.eof:
        raise place.damaged(file, f"is truncated gzip: {len(content):,} of {size:,} bytes")
    if decompressor.unused_data:
        raise place.damaged(file, "goes on after the end of its gzip data")
    return content


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{n:,}" for n in shape)
