"""Takes a ticket's arrays and what is known of it; gives the bytes of its file, and reads it back.

A mask is packed eight entries to a byte, in row-major order, the first entry in the highest bit
(as ``numpy.packbits`` does); the bits that fill up its last byte are zero. Weights and buffers lie
whole, in canonical layout, pruned entries +0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ltspec.decisions.masks import count_kept
from ltspec.decisions.state import Array, Arrays, Masks
from ltspec.errors import TicketError
from ltspec.networks.graph import Graph
from ltspec.tickets.certificate import (
    BUFFERS,
    FORMAT,
    MASK,
    VERSION,
    WEIGHTS,
    Certificate,
    arrays_of,
    certificate_of,
    checked,
    content_of,
    named,
    opened,
    sparsity,
)
from ltspec.tickets.container import Tensor, arranged, header, sealed
from ltspec.tickets.text import hash_of

_DTYPES: Mapping[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "U8": np.dtype("u1"),
}


@dataclass(frozen=True, eq=False)
class Ticket:
    """A network under its mask, and where it comes from. Every promise has been checked."""

    certificate: Certificate
    weights: Arrays
    """Every parameter of the graph by name, in canonical layout."""
    buffers: Arrays
    """Running statistics by name."""
    masks: Masks
    """Booleans in the shape of the tensor, by name, in graph order."""

    @property
    def graph(self) -> Graph:
        """The network."""
        return self.certificate.graph


def pack(
    facts: Mapping[str, Any], graph: Graph, weights: Arrays, buffers: Arrays, masks: Masks
) -> bytes:
    """The bytes of a ticket file; equal tickets give equal bytes.

    ``facts``: the manifest but for what is worked out here (format, network, counts, hashes).
    ``weights``, ``buffers`` and ``masks`` are all those of ``graph`` by name, floats of one type.
    Raises TicketError (LT413 to LT415) for what no ticket can be.
    """
    arrays: dict[str, Array] = {}
    for prefix, named_arrays in ((WEIGHTS, weights), (BUFFERS, buffers)):
        for name, array in named_arrays.items():
            little = array.dtype.newbyteorder("<")
            arrays[prefix + name] = np.asarray(array).astype(little, order="C", copy=False)
    for name, mask in masks.items():
        there = weights.get(name)
        if there is None or mask.dtype != np.bool_ or mask.shape != there.shape:
            raise TicketError(f"the mask of {name} is {mask.dtype} {mask.shape}", code="LT414")
        arrays[MASK + name] = np.packbits(mask)
    dtype = "F64" if next(iter(weights.values())).dtype == np.float64 else "F32"
    shapes = arrays_of(graph, masks, dtype)
    for name in sorted({*shapes, *arrays}):
        held = arrays.get(name)
        found = None if held is None else (held.dtype, held.shape)
        wanted = shapes.get(name)
        if wanted is None or found != (_DTYPES[wanted["dtype"]], tuple(wanted["shape"])):
            raise TicketError(f"{name} is {found}, and the network has {wanted}", code="LT414")
    tensors = {
        name: {**shape, "sha256": hash_of(arrays[name].tobytes())} for name, shape in shapes.items()
    }
    counts = {name: _counts(kept, masks[name].size) for name, kept in count_kept(masks).items()}
    manifest = {
        **facts,
        "format": FORMAT,
        "version": VERSION,
        "network": graph.describe(),
        "masks": counts,
        **_counts(*(sum(mask[key] for mask in counts.values()) for key in ("kept", "of"))),
        "tensors": tensors,
        "content": content_of(graph, tensors),
    }
    checked(manifest)
    _check_promises(graph, weights, buffers, masks)
    placed = arranged(shapes)
    return b"".join(
        [header(sealed(manifest), placed), *(arrays[tensor.name].tobytes() for tensor in placed)]
    )


def _counts(kept: int, of: int) -> dict[str, Any]:
    return {"kept": int(kept), "of": int(of), "sparsity": sparsity(int(kept), int(of))}


def read_ticket(file: Path) -> Ticket:
    """Read a ticket file, all of it, and check all of it.

    Raises TicketError: LT410 where the file cannot be read, LT411 to LT415 for what is wrong with
    it; the message names the file.
    """
    with opened(file) as stream:
        return named(file, lambda: ticket_of(stream))


def ticket_of(stream: BinaryIO) -> Ticket:
    """Read an open ticket file. Raises TicketError (LT411 to LT415)."""
    certificate = certificate_of(stream)
    hashes = certificate.manifest["tensors"]
    stream.seek(certificate.data_begins)
    arrays: dict[str, Array] = {}
    for tensor in certificate.tensors:
        data = stream.read(tensor.end - tensor.begin)
        if hash_of(data) != hashes[tensor.name]["sha256"]:
            raise TicketError(f"its array {tensor.name} has another hash", code="LT412")
        arrays[tensor.name] = _array(tensor, data)
    graph, counted = certificate.graph, certificate.masked
    shapes = {parameter.name: parameter.shape for parameter in graph.parameters}
    masks = {name: _unpacked(name, arrays[MASK + name], shapes[name]) for name in counted}
    for name, kept in count_kept(masks).items():
        if kept != counted[name]:
            raise TicketError(
                f"its mask of {name} keeps {kept:,} weights, and it says {counted[name]:,}",
                code="LT415",
            )
    weights = {name: arrays[WEIGHTS + name] for name in shapes}
    buffers = {buffer.name: arrays[BUFFERS + buffer.name] for buffer in graph.buffers}
    _check_promises(graph, weights, buffers, masks)
    return Ticket(certificate, weights, buffers, masks)


def _array(tensor: Tensor, data: bytes) -> Array:
    return np.frombuffer(data, _DTYPES[tensor.dtype]).reshape(tensor.shape)


def _unpacked(name: str, packed: Array, shape: tuple[int, ...]) -> Array:
    """The booleans of a mask."""
    size = int(np.prod(shape))
    if np.unpackbits(packed)[size:].any():
        raise TicketError(f"its mask of {name} has more entries than the tensor", code="LT415")
    return np.unpackbits(packed, count=size).astype(np.bool_).reshape(shape)


def _check_promises(graph: Graph, weights: Arrays, buffers: Arrays, masks: Masks) -> None:
    """All numbers are finite, no variance is negative, every pruned weight is exactly +0."""
    for name, array in {**weights, **buffers}.items():
        if not np.isfinite(array).all():
            raise TicketError(f"an entry of {name} is not finite", code="LT415")
    for buffer in graph.buffers:
        if buffer.initial and (buffers[buffer.name] < 0).any():
            raise TicketError(f"a variance in {buffer.name} is below zero", code="LT415")
    for name, mask in masks.items():
        pruned = weights[name][~mask]
        if pruned.any() or np.signbit(pruned).any():
            raise TicketError(f"pruned weights of {name} are not zero", code="LT415")
    if not any(mask.any() for mask in masks.values()):
        raise TicketError("its masks keep nothing", code="LT415")
