"""Ticket files that were damaged by chance or made to harm: none is read, memory is bounded.

More of them: ``python tests/core/fuzz_tickets.py --count 1000000 --seed 7``.
"""

from __future__ import annotations

import io
import json
import resource
import struct
import tracemalloc

import fuzz_tickets
import pytest

from ltspec.errors import LtspecError, TicketError
from ltspec.tickets import ticket as tickets
from ltspec.tickets.container import MOST_HEADER, header, sealed
from ltspec.tickets.ticket import ticket_of


def test_the_real_ones_are_right() -> None:
    one, other = (ticket_of(io.BytesIO(fuzz_tickets.real(seed))) for seed in (0, 1))
    assert one.certificate.content != other.certificate.content


def test_no_damaged_ticket_is_read() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = fuzz_tickets.fuzz(12_000, seed=1)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert report.tried == 12_000
    assert report.accepted == []
    assert report.crashed == []
    assert set(report.codes) == {f"LT41{n}" for n in range(1, 6)}
    assert min(report.codes.values()) > 500
    assert after - before < 64 * 1024  # in KiB


def test_a_reader_that_does_not_look_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickets, "_check_promises", lambda *arguments: None)
    report = fuzz_tickets.fuzz(600, seed=2)
    assert report.accepted
    assert report.crashed == []


def claims(shape: list[int]) -> bytes:
    """A small file that says it has a very large array."""
    ticket = ticket_of(io.BytesIO(fuzz_tickets.real()))
    manifest = json.loads(json.dumps(ticket.certificate.manifest))
    manifest["network"]["nodes"][-1]["out"] = shape[0]
    for name in ("weights/out.weight", "weights/out.bias", "mask/out.weight"):
        manifest["tensors"][name]["shape"][0] = shape[0]
    return header(sealed(manifest), ticket.certificate.tensors) + b"\0" * 100


def wide() -> bytes:
    """A header of the most bytes, of nothing but lists."""
    text = b'{"a":[' + b"[],[]," * (MOST_HEADER // 6 - 3) + b"[]]}"
    return struct.pack("<Q", len(text)) + text


def wide_manifest() -> bytes:
    content = "[" + "[]," * (MOST_HEADER // 3 - 30) + "[]]"
    text = json.dumps({"__metadata__": {"ltspec.ticket": content}}).encode()
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    ("data", "most"),
    [
        (claims([999_999]), 2**20),
        (claims([2**52]), 2**20),
        (struct.pack("<Q", 2**40) + b"{}", 2**16),
        (wide(), 100 * MOST_HEADER),
        (wide_manifest(), 100 * MOST_HEADER),
    ],
    ids=["large", "huge", "header", "lists", "lists in the manifest"],
)
def test_nothing_is_allocated_that_the_file_does_not_hold(data: bytes, most: int) -> None:
    stream = io.BytesIO(data)
    tracemalloc.start()
    try:
        with pytest.raises(LtspecError) as found:
            ticket_of(stream)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(found.value, TicketError)
    assert peak < most
