"""Takes a file that may be anything; gives what a safetensors file says of its tensors, or why it
is none.

A safetensors file: eight bytes (the header's length, little-endian), the header (JSON: type, shape
and place of each tensor by name, and free text under ``__metadata__``), the tensors. Nothing in it
is run, and nothing is allocated that the file does not hold. Standard library alone, so that
``validate`` can ask.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from ltspec.errors import WeightsError
from ltspec.tickets.container import Tensor
from ltspec.tickets.text import strict

MOST_HEADER = 16 * 2**20
"""Bytes. ResNet-152 takes a hundredth of it."""
MOST_AXES = 16
LARGEST = 2**53
"""Of a shape's numbers."""
WIDTHS: Mapping[str, int] = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 8),
    **dict.fromkeys(("F32", "I32", "U32"), 4),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 2),
    **dict.fromkeys(("BOOL", "I8", "U8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 1),
}
"""Bytes of one entry, by the name of its type in safetensors."""
_CHUNK = 2**20
_IN_KERAS = (b"metadata.json", b"config.json", b"model.weights.h5")
"""Files in the zip that a ``.keras`` file is."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of its tensors; their places follow each other without a gap to its end."""

    tensors: Mapping[str, Tensor]
    """By name, in the order of the file."""
    head: bytes = field(repr=False)
    """All that comes before the first tensor."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A file that was read from end to end."""

    header: Header
    content: str
    """sha256 of all its bytes."""


def read_header(file: Path) -> Header:
    """Read the header of a safetensors file, and nothing else of it.

    Raises WeightsError: LT285 where the file cannot be read, LT286 where it is another kind of file
    or damaged; the message names the file.
    """
    with opened(file) as stream:
        return named(file, lambda: header_of(stream))


def read_whole(file: Path) -> Whole:
    """Read a file's header, and hash its bytes. Raises WeightsError as :func:`read_header` does."""

    def read(stream: BinaryIO) -> Whole:
        header = header_of(stream)
        digest = hashlib.sha256(header.head)
        stream.seek(len(header.head))
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
        return Whole(header, digest.hexdigest())

    with opened(file) as stream:
        return named(file, lambda: read(stream))


def opened(file: Path) -> BinaryIO:
    """The file, open for reading. Raises WeightsError (LT285)."""
    try:
        if file.exists() and not file.is_file():
            raise WeightsError(f"{file} is no file", code="LT285")
        return file.open("rb")
    except (OSError, ValueError) as error:  # the latter: a zero byte in its name
        reason = getattr(error, "strerror", None) or str(error)
        raise WeightsError(
            f"the weights {file} cannot be read: {reason}",
            code="LT285",
            hint="a relative path begins at the working directory",
        ) from None


def named(file: Path, read: Callable[[], T]) -> T:
    """What ``read`` gives; an error of it names the file."""
    try:
        return read()
    except WeightsError as error:
        message = f"{file}: {error.message}"
        raise WeightsError(message, code=error.code, hint=error.hint) from None
    except OSError as error:
        raise WeightsError(f"{file} cannot be read: {error.strerror}", code="LT285") from None


def header_of(stream: BinaryIO) -> Header:
    """Read the header of an open file. Raises WeightsError (LT286)."""
    size = stream.seek(0, 2)
    stream.seek(0)
    start = stream.read(64)
    if start[8:9] != b"{":  # where every safetensors file has one
        raise _another_kind(start)
    length = int.from_bytes(start[:8], "little")
    if length > size - 8:
        raise _damaged(f"its header would take {length:,} bytes, and {size - 8:,} follow")
    if length > MOST_HEADER:
        raise _damaged(f"its header would take {length:,} bytes, and the most is {MOST_HEADER:,}")
    stream.seek(8)
    raw = stream.read(length)
    try:
        content = strict(raw.decode("utf-8"))
    except ValueError as error:
        said = ascii(str(error))[1:-1]
        raise _damaged(f"its header is no JSON text: {said:.120}") from None
    content.pop("__metadata__", None)
    placed = sorted(
        (_tensor(name, entry) for name, entry in content.items()),
        key=lambda tensor: (tensor.begin, tensor.end),
    )
    place = 0
    for tensor in placed:
        if tensor.begin != place:
            raise _damaged(f"{shown(tensor.name)} does not begin where the tensor before it ends")
        place = tensor.end
    held = size - 8 - length
    if place != held:
        raise _damaged(f"its tensors take {place:,} bytes, and {held:,} are there")
    return Header({tensor.name: tensor for tensor in placed}, start[:8] + raw)


def _tensor(name: str, entry: Any) -> Tensor:
    """One entry of a header, every part of it looked at."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise _damaged(f"its header says something else of {shown(name)} than type, shape, place")
    dtype, shape, places = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in WIDTHS:
        raise _damaged(f"{shown(name)} is of a type that is not known: {dtype!a:.40}")
    if not _are_sizes(shape) or len(shape) > MOST_AXES:
        raise _damaged(f"the shape of {shown(name)} is none")
    if not _are_sizes(places) or len(places) != 2:
        raise _damaged(f"the place of {shown(name)} is none")
    begin, end = places
    if end - begin != WIDTHS[dtype] * math.prod(shape):
        raise _damaged(
            f"{shown(name)} has {end - begin:,} bytes, which is not what its shape takes"
        )
    return Tensor(name, dtype, tuple(shape), begin, end)


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(
        type(number) is int and 0 <= number <= LARGEST for number in value
    )


def shown(name: str) -> str:
    """A name that anybody may have chosen, as a message shows it."""
    text = ascii(name)[1:-1]
    return text if len(text) <= 80 else f"{text[:77]}..."


def _damaged(message: str) -> WeightsError:
    return WeightsError(message, code="LT286", hint="write the file again")


def _another_kind(start: bytes) -> WeightsError:
    """What to do with a file that does not begin as a safetensors file does."""
    of_keras = start.startswith(b"PK") and start[30:].startswith(_IN_KERAS)
    if start.startswith((b"PK\x03\x04", b"\x80")) and not of_keras:
        return WeightsError(
            "it is no safetensors file, but a zip or a pickle as PyTorch writes it, which may run "
            "code when it is read",
            code="LT286",
            hint="write it anew with PyTorch: `from safetensors.torch import save_file`, then "
            '`save_file(torch.load("net.pt", weights_only=True), "net.safetensors")`',
        )
    if start.startswith(b"\x89HDF") or of_keras:
        return WeightsError(
            "it is no safetensors file, but one as Keras writes it",
            code="LT286",
            hint="write it anew with Keras: `from safetensors.numpy import save_file`, then "
            '`save_file({v.path: v.numpy() for v in model.variables}, "net.safetensors")`',
        )
    return WeightsError(
        "it does not begin as a safetensors file does",
        code="LT286",
        hint="name a file that `save_file` of safetensors has written",
    )
