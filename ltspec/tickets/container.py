"""Takes the head of a file that may be anything; gives its manifest, or says why it is no ticket.

A ticket is a safetensors file: eight bytes (the header's length, little-endian), the header (JSON),
the arrays. Of all headers that safetensors can read, one is right for a manifest, and the manifest
has a hash of itself and of each array. So no bit of a file is free, and equal tickets are equal
bytes::

    {"__metadata__": {"ltspec.ticket": MANIFEST}, NAME: {"dtype", "shape", "data_offsets"}, ...}

with keys in order, no spaces but at its end, where they fill it up to a multiple of eight bytes.
Arrays lie without a gap, those of the widest type first, then by name. Nothing is allocated that
the file does not hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from ltspec.errors import TicketError
from ltspec.tickets.text import canonical, hash_of, strict

METADATA = "ltspec.ticket"
"""The one key of the file's metadata. Two would be written in any order."""
MOST_HEADER = 4 * 2**20
"""Bytes. The manifest of ResNet-152 takes about a tenth of it."""
WIDTHS: Mapping[str, int] = {"F64": 8, "F32": 4, "U8": 1}
"""Bytes of one entry, by the name of its type in safetensors."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """What a header says of one array."""

    name: str
    dtype: str
    """A key of :data:`WIDTHS`."""
    shape: tuple[int, ...]
    begin: int
    """Its first byte, counted from the end of the header."""
    end: int


def arranged(tensors: Mapping[str, Mapping[str, Any]]) -> list[Tensor]:
    """Arrays in the order of the file. ``tensors``: ``dtype`` and ``shape`` by name."""
    placed: list[Tensor] = []
    place = 0
    for name in sorted(tensors, key=lambda name: (-WIDTHS[tensors[name]["dtype"]], name)):
        dtype, shape = tensors[name]["dtype"], tuple(tensors[name]["shape"])
        end = place + WIDTHS[dtype] * math.prod(shape)
        placed.append(Tensor(name, dtype, shape, place, end))
        place = end
    return placed


def header(manifest: str, tensors: Iterable[Tensor]) -> bytes:
    """All that comes before the arrays, its length first."""
    content: dict[str, Any] = {"__metadata__": {METADATA: manifest}}
    for tensor in tensors:
        content[tensor.name] = {
            "dtype": tensor.dtype,
            "shape": list(tensor.shape),
            "data_offsets": [tensor.begin, tensor.end],
        }
    text = canonical(content).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def read_manifest(stream: BinaryIO) -> tuple[dict[str, Any], bytes, int]:
    """The manifest of an open file, the bytes of its header, and the size of the whole file.

    The manifest's text is canonical and has the hash that it names; what it says is not looked at
    yet. Raises TicketError: LT411 where it is another kind of file, LT412 where it is damaged.
    """
    size = stream.seek(0, 2)
    stream.seek(0)
    length = int.from_bytes(stream.read(8), "little")
    if stream.read(1) != b"{":  # where every safetensors file has one
        raise TicketError("it does not begin as a ticket does", code="LT411")
    if length > size - 8:
        raise TicketError(
            f"its header would take {length:,} bytes, and {size - 8:,} follow", code="LT412"
        )
    if length > MOST_HEADER:
        raise TicketError(
            f"its header would take {length:,} bytes, and the most is {MOST_HEADER:,}",
            code="LT412",
        )
    stream.seek(8)
    raw = stream.read(length)
    try:
        content = strict(raw.decode("utf-8"))
    except ValueError as error:
        raise TicketError(f"its header is no JSON text: {_said(error)}", code="LT411") from None
    metadata = content.get("__metadata__") if isinstance(content, dict) else None
    text = metadata.get(METADATA) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise TicketError(
            f"it has no `{METADATA}` in its metadata",
            code="LT411",
            hint="tickets lie in runs/NAME/BACKEND-PRECISION/tickets/ of a store",
        )
    return _checked(text), length.to_bytes(8, "little") + raw, size


def _checked(text: str) -> dict[str, Any]:
    """The manifest that a text says, its hash taken out of it."""
    try:
        manifest = strict(text)
    except ValueError as error:
        raise TicketError(f"its manifest is no JSON text: {_said(error)}", code="LT412") from None
    digest = manifest.pop("sha256", None) if isinstance(manifest, dict) else None
    if not isinstance(digest, str):
        raise TicketError("its manifest has no hash", code="LT412")
    if hash_of(canonical(manifest).encode()) != digest:
        raise TicketError("its manifest has another hash than it says", code="LT412")
    if sealed(manifest) != text:
        raise TicketError("its manifest is not written as it has to be", code="LT412")
    return dict(manifest)


def sealed(manifest: Mapping[str, Any]) -> str:
    """The text of a manifest, with its hash in it."""
    return canonical({**manifest, "sha256": hash_of(canonical(manifest).encode())})


def _said(error: ValueError) -> str:
    """What is wrong, in one short line of plain characters."""
    return ascii(str(error))[1:-1][:120]
