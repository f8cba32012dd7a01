"""Ticket files that were damaged by chance or made to harm: none is read, memory is bounded.

More of them: ``python tests/core/fuzz_tickets.py --count 1000000 --seed 7``.
"""

from __future__ import annotations

import dataclasses
import io
import json
import resource
import struct
import tracemalloc
from typing import Any

import fuzz_tickets
import pytest

from ltspec.errors import LtspecError, TicketError
from ltspec.language.tree import replaced
from ltspec.results import ticket_trial
from ltspec.results.ticket_trial import origin
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


def test_the_spec_that_a_ticket_was_made_with_makes_it() -> None:
    origin(ticket_of(io.BytesIO(fuzz_tickets.of_a_plan())).certificate)


def test_no_damaged_spec_harms_who_looks_at_it() -> None:
    report = fuzz_tickets.fuzz_specs(60, seed=1)
    assert report.tried == 60
    assert report.crashed == []
    assert set(report.codes) <= {"LT415", "LT417"}
    assert report.codes["LT417"] > 30


BIG = {"family": "cifar-resnet", "depth": 1994, "width": 2}


@pytest.mark.parametrize(
    "changes",
    [
        {"replicates": 150, "prune.schedule.levels": 130, "prune.schedule.fraction": 0.01},
        {"replicates": 25, "model": BIG},
        {"replicates": 7, "branches.deeper.to": {"depth": 1994}, "model": {**BIG, "depth": 8}},
    ],
)
def test_a_large_plan_is_not_made_for_a_file(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor its spec validated: both take long."""
    manifest = fuzz_tickets.manifest_of(ticket_of(io.BytesIO(fuzz_tickets.of_a_plan())))
    del manifest["spec"]["seeds"]
    if "model" in changes:
        manifest["spec"]["branches"]["deeper"] |= {"to": {"depth": 1988}, "map": "first"}
    manifest["spec"]["prune"]["exempt"] = []
    for key, value in changes.items():
        manifest["spec"], _ = replaced(manifest["spec"], key.split("."), value)
    certificate = ticket_of(io.BytesIO(fuzz_tickets.of_a_plan())).certificate
    monkeypatch.setattr(ticket_trial, "validate", None)
    with pytest.raises(TicketError, match="its plan is large") as found:
        origin(dataclasses.replace(certificate, manifest=manifest))
    assert found.value.code == "LT417"


def test_a_ticket_is_of_one_point_of_a_sweep() -> None:
    ticket = ticket_of(io.BytesIO(fuzz_tickets.of_a_plan()))
    manifest = fuzz_tickets.manifest_of(ticket)
    manifest["spec"]["sweep"] = {"train.optimizer.lr": [0.1, 0.2]}
    with pytest.raises(TicketError, match="its spec has a sweep"):
        origin(dataclasses.replace(ticket.certificate, manifest=manifest))


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
