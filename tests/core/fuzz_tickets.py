"""Takes a count and a seed; gives damaged ticket files, reads each, and tells what was accepted.

    python tests/core/fuzz_tickets.py --count 1000000 --seed 7

Two thirds are a real ticket whose bytes were changed. One third was changed and then sealed again,
with every hash, count of bytes and header made anew, so that only what the file says can be wrong.
A file that is read, or that ends in anything but an LtspecError, is a finding.

With ``--specs`` it is the spec in a real ticket that is damaged, which any text may be for whoever
reads the file. It is looked at when the ticket is verified and when it is exported: there anything
but an answer or a TicketError is a finding.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import io
import json
import random
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.metadata import version
from typing import Any

import numpy as np
from specs import plan_of

from ltspec.decisions.initial import initial_buffers, initial_weights
from ltspec.errors import LtspecError, TicketError
from ltspec.networks.graph import INPUT, Add, BatchNorm, Block, Conv, Flatten, Graph, Linear, Node
from ltspec.results.export.folder import title_of
from ltspec.results.ticket_trial import origin
from ltspec.tickets.certificate import content_of
from ltspec.tickets.container import arranged, header, sealed
from ltspec.tickets.ticket import Ticket, pack, ticket_of

NET = Graph(
    (2, 3, 3),
    (
        Node("conv", Conv(2, (3, 3), padding=(1, 1, 1, 1)), (INPUT,)),
        Node("norm", BatchNorm(), ("conv",)),
        Node("add", Add(), ("norm", INPUT)),
        Node("flatten", Flatten(), ("add",)),
        Node("out", Linear(3), ("flatten",)),
    ),
    (
        Block("stem", "stem", ("conv", "norm")),
        Block("stage1.block0", "block", ("add", "flatten"), 1, 0),
        Block("classifier", "classifier", ("out",)),
    ),
)
FACTS: dict[str, Any] = {
    "name": "fuzzed",
    "replicate": 1,
    "seeds": {"init": 1, "order": 2, "mask": 3},
    "branch": "ticket",
    "level": 1,
    "keys": {"ticket": "a" * 40, "trained": "b" * 40},
    "semantics": 1,
    "backend": "numpy",
    "precision": "float32",
    "made_with": {"device": "cpu"},
    "data": [{"name": "digits", "version": 1, "fingerprint": "c" * 64}],
    "rewind": {"weights": 0, "schedule": 0, "stop": 40},
    "spec": {"name": "fuzzed"},
    "measured": {"test": {"examples": 4, "correct": 3, "accuracy": 0.75, "loss": 0.5}},
}


def real(seed: int = 0) -> bytes:
    """A ticket that is right, of about four kilobytes."""
    rng = np.random.default_rng(seed)
    weights = dict(initial_weights(NET, "kaiming-normal", 1, seed, "one"))
    masks = {}
    for parameter in NET.prunable:
        mask = masks[parameter.name] = rng.random(parameter.shape) < 0.5
        weights[parameter.name] = np.where(mask, weights[parameter.name], np.float32(0))
    return pack(FACTS, NET, weights, initial_buffers(NET), masks)


@dataclass
class Report:
    """What came of the files."""

    tried: int = 0
    accepted: list[str] = field(default_factory=list)
    """How each file was changed that was read as if nothing were wrong."""
    crashed: list[str] = field(default_factory=list)
    """Of each that ended in something else than an LtspecError, how it was changed."""
    codes: Counter[str] = field(default_factory=Counter)
    """How many were refused with each code."""
    longest: tuple[float, str] = 0.0, ""
    """Seconds that the slowest of the specs took, and how it was changed."""

    def note(self, how: str, look: Callable[[], object], refusal: type[LtspecError]) -> None:
        """Look at one file, and note what came of it. ``refusal``: the only errors that are one."""
        self.tried += 1
        try:
            look()
        except refusal as error:
            self.codes[error.code] += 1
        except Exception as error:
            self.crashed.append(f"{how}: {type(error).__name__}: {error}")
        else:
            self.accepted.append(how)


def fuzz(count: int, seed: int) -> Report:
    """Read ``count`` damaged files."""
    report = Report()
    for how, data in damaged(random.Random(seed), count):
        report.note(how, partial(ticket_of, io.BytesIO(data)), LtspecError)
    return report


def fuzz_specs(count: int, seed: int) -> Report:
    """Look at ``count`` tickets whose spec is another than the one they were made with: whether it
    makes them, and what their network is called. ``accepted``: a spec that makes its ticket, which
    is no finding, for not all of a spec decides about a ticket."""
    report, rng = Report(), random.Random(seed)
    while report.tried < count:
        ticket, how = with_another_spec(rng)
        began = time.perf_counter()
        report.note(how, partial(_judge, ticket), TicketError)
        report.longest = max(report.longest, (time.perf_counter() - began, how))
    return report


def _judge(ticket: Ticket) -> None:
    """Look at the spec of a ticket in each way that there is."""
    title_of(ticket)
    origin(ticket.certificate)


@cache
def of_a_plan() -> bytes:
    """A ticket that its spec makes: a control of one that was carried."""
    plan = plan_of(
        "model={family: lenet, widths: [12, 12, 8]}",
        "prune.rewind={to: 5it}",
        "prune.exempt=[fc1.weight]",
        "branches.other={kind: prune, criterion: {name: snip}}",
        "branches.deeper={kind: transfer, levels: [2], to: {widths: [12, 12, 12, 8]}, "
        "map: {append: [1]}, controls: [reinit, imp], mask: mapped}",
        "replicates=2",
        "measure=[{kind: overlap, of: [ticket, other], between: [lines]}]",
    )
    row = next(row for row in plan.outcomes if (row.branch, row.level) == ("deeper-reinit", 2))
    assert row.ticket is not None
    facts = {**FACTS, "spec": plan.spec, "branch": row.branch, "level": row.level}
    facts["keys"] = {**FACTS["keys"], "ticket": plan.stages[row.ticket].key}
    facts["made_with"] = {"device": "cpu", "ltspec": version("ltspec")}
    made = ticket_of(io.BytesIO(real()))
    return pack(facts, NET, made.weights, made.buffers, made.masks)


PLAUSIBLE: list[Any] = [
    *(0, 1, 3, 10**9, 10**15, 0.5, 1e-9, 0.999, True, "all", "ticket", "deeper", "next", "end"),
    *("40it", "999999ep", "global", "layer", "digits", "magnitude", "cifar-resnet", "custom"),
    *([0] * 100, [[1, 2]], {"branch": "deeper"}, {"to": {"depth": 1994}}, {"ticket": "/dev/null"}),
    {"family": "custom", "function": "evil:net"},
    {"family": "cifar-resnet", "depth": 1994, "width": 2},
    {"family": "cifar-vgg", "depth": 19, "classifier": 10**12},
    {"name": "to-density", "density": 1e-9, "fraction": 1e-6},
    {"kind": "combine-masks", "operator": "union", "other": {"branch": "deeper-reinit"}},
    {"kind": "transfer", "from": {"spec": "x.yaml"}},
    {"train.optimizer.lr": [0.1, 0.2, 0.3]},
]
"""Values that may be right somewhere in a spec, or nearly."""


def with_another_spec(rng: random.Random) -> tuple[Ticket, str]:
    """A ticket with a few things in its spec replaced, removed or added."""
    ticket = ticket_of(io.BytesIO(of_a_plan()))
    manifest = manifest_of(ticket)
    spec, how = manifest["spec"], []
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        path = rng.choice(list(paths(spec, ())))
        place: Any = spec
        for key in path[:-1]:
            place = place[key]
        match rng.choice(("put", "put", "put", "drop", "add")):
            case "put":
                place[path[-1]] = copy.deepcopy(rng.choice([*JUNK, *PLAUSIBLE]))
                how.append(f"{path} = {place[path[-1]]!r:.60}")
            case "drop":
                del place[path[-1]]
                how.append(f"without {path}")
            case _:
                if isinstance(place, dict):
                    name = rng.choice(("x", "", "deeper", "deeper-reinit", "pretrain", "sweep"))
                    place[name] = copy.deepcopy(rng.choice([*JUNK, *PLAUSIBLE]))
                    how.append(f"{path[:-1]} with {name} = {place[name]!r:.60}")
    data = seal(ticket, manifest, held(ticket, of_a_plan()))
    return ticket_of(io.BytesIO(data)), ", ".join(how)


def damaged(rng: random.Random, count: int) -> Iterator[tuple[str, bytes]]:
    """Files that are all different from the real ones, each with how it was made."""
    one, other = real(0), real(1)
    ticket = ticket_of(io.BytesIO(one))
    made = 0
    while made < count:
        if made % 3 < 2:
            change = rng.choice(BYTES)
            data = change(rng, bytearray(one), other)
            how = f"bytes, {change.__name__}"
        else:
            change_sealed = rng.choice(SEALED)
            how, data = change_sealed(rng, ticket, one)
        if data not in (one, other):
            made += 1
            yield how, bytes(data)


# -- bytes: nothing is made anew -------------------------------------------------------------------


def flip(rng: random.Random, data: bytearray, other: bytes) -> bytes:
    for _ in range(rng.choice((1, 1, 1, 2, 8, 64))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def cut(rng: random.Random, data: bytearray, other: bytes) -> bytes:
    return bytes(data[: rng.randrange(len(data))])


def drop(rng: random.Random, data: bytearray, other: bytes) -> bytes:
    begin = rng.randrange(len(data))
    del data[begin : begin + rng.choice((1, 4, 8, 100))]
    return bytes(data)


def insert(rng: random.Random, data: bytearray, other: bytes) -> bytes:
    place = rng.randrange(len(data) + 1)
    data[place:place] = rng.randbytes(rng.choice((1, 4, 8, 100)))
    return bytes(data)


def splice(rng: random.Random, data: bytearray, other: bytes) -> bytes:
    """A stretch of another ticket at the same place, or from elsewhere."""
    begin, length = rng.randrange(len(data)), rng.choice((1, 8, 64, 1000))
    source = begin if rng.random() < 0.5 else rng.randrange(len(other))
    data[begin : begin + length] = other[source : source + length]
    return bytes(data)


def overwrite(rng: random.Random, data: bytearray, other: bytes) -> bytes:
    begin, length = rng.randrange(len(data)), rng.choice((1, 4, 32, 500))
    fill = rng.choice((b"\0", b"\xff", b" ", b"[", b'"', b"9"))
    data[begin : begin + length] = fill * len(data[begin : begin + length])
    return bytes(data)


def length(rng: random.Random, data: bytearray, other: bytes) -> bytes:
    now = struct.unpack("<Q", data[:8])[0]
    sizes = (0, 1, now - 8, now + 8, now - 1, len(data), 2**31, 2**32, 2**63, 2**64 - 1)
    data[:8] = struct.pack("<Q", rng.choice((*sizes, rng.randrange(2**64))))
    return bytes(data)


def head(rng: random.Random, data: bytearray, other: bytes) -> bytes:
    """The header's JSON changed somewhere and written again, with its right length."""
    size = struct.unpack("<Q", data[:8])[0]
    content = json.loads(data[8 : 8 + size])
    path = rng.choice(list(paths(content)))
    replace(content, path, rng.choice([*JUNK, [0, 2**60], [-1, 4], [8, 4], [0, 0]]))
    text = json.dumps(content, sort_keys=rng.random() < 0.5, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + bytes(data[8 + size :])


def doubled(rng: random.Random, data: bytearray, other: bytes) -> bytes:
    """A key written twice in the header or in the manifest."""
    size = struct.unpack("<Q", data[:8])[0]
    text = data[8 : 8 + size].rstrip()
    if rng.random() < 0.5:
        text = text[:-1] + b',"__metadata__":{}}'
    else:
        text = text.replace(b'\\"version\\":1}', b'\\"version\\":1,\\"version\\":1}')
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + bytes(text) + bytes(data[8 + size :])


def nothing(rng: random.Random, data: bytearray, other: bytes) -> bytes:
    return rng.randbytes(rng.randrange(2000))


def nested(rng: random.Random, data: bytearray, other: bytes) -> bytes:
    mark = rng.choice(("[", '{"a":'))
    text = f'{{"__metadata__":{{"ltspec.ticket":"{rng.choice(("", "x"))}"}},"a":'
    text += mark * rng.choice((10, 500, 5000, 50_000))
    return struct.pack("<Q", len(text)) + text.encode() + bytes(data[8:])


BYTES: list[Callable[[random.Random, bytearray, bytes], bytes]] = [
    flip,
    flip,
    cut,
    drop,
    insert,
    splice,
    overwrite,
    length,
    head,
    doubled,
    nothing,
    nested,
]

# -- sealed again: every hash is right, and something else is not ----------------------------------

JUNK: list[Any] = [
    None,
    True,
    False,
    -1,
    2**53,
    2**70,
    -0.5,
    1e308,
    "",
    "../../x",
    "/x",
    "\0",
    "\x1b[2J",
    "x" * 3000,
    [],
    {},
    [[]],
    [None],
    {"": 0},
    [-1, -1],
    [1e9, 1],
    [10**12, 10**12],
]
"""Values that are right nowhere in a manifest but in its spec; one is right in one place: see
:func:`allowed`."""


def allowed(path: tuple[Any, ...], value: Any) -> bool:
    """Whether a value of :data:`JUNK` would be right there."""
    return path[-1] == "loss" and value == 1e308


def paths(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Of every value in a tree, but for what is in the spec."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in items:
        if not path and key == "spec":
            continue  # a reader takes any: see `with_another_spec`
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from paths(value, (*path, key))


def replace(tree: Any, path: tuple[Any, ...], value: Any) -> None:
    for key in path[:-1]:
        tree = tree[key]
    tree[path[-1]] = value


def held(ticket: Ticket, data: bytes) -> dict[str, bytearray]:
    """The bytes of every array."""
    begin = ticket.certificate.data_begins
    return {
        tensor.name: bytearray(data[begin + tensor.begin : begin + tensor.end])
        for tensor in ticket.certificate.tensors
    }


def seal(ticket: Ticket, manifest: dict[str, Any], arrays: dict[str, bytearray]) -> bytes:
    """A file of this manifest and these arrays, as right as it can be made."""
    tensors = manifest.get("tensors")
    try:
        for name, array in arrays.items():
            if len(tensors[name]["sha256"]) == 64:
                tensors[name]["sha256"] = hashlib.sha256(array).hexdigest()
        if len(manifest["content"]) == 64:
            manifest["content"] = content_of(
                Graph.from_description(manifest["network"]), manifest["tensors"]
            )
        placed = arranged(manifest["tensors"])
        begin = header(sealed(manifest), placed)
    except Exception:  # then as the real one has them
        placed = list(ticket.certificate.tensors)
        begin = header(sealed(manifest), placed)
    return begin + b"".join(bytes(arrays.get(tensor.name, b"")) for tensor in placed)


def manifest_of(ticket: Ticket) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(ticket.certificate.manifest))
    return found


def replaced(rng: random.Random, ticket: Ticket, data: bytes) -> tuple[str, bytes]:
    manifest = manifest_of(ticket)
    path, value = rng.choice(list(paths(manifest))), rng.choice(JUNK)
    if allowed(path, value):
        return "", data
    replace(manifest, path, value)
    return f"{path} = {value!r:.40}", seal(ticket, manifest, held(ticket, data))


def removed(rng: random.Random, ticket: Ticket, data: bytes) -> tuple[str, bytes]:
    manifest = manifest_of(ticket)
    path = rng.choice([each for each in paths(manifest) if each != ("network", "blocks")])
    place: Any = manifest
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return f"without {path}", seal(ticket, manifest, held(ticket, data))


def added(rng: random.Random, ticket: Ticket, data: bytes) -> tuple[str, bytes]:
    manifest = manifest_of(ticket)
    places: list[Any] = [manifest]
    for path in paths(manifest):
        place: Any = manifest
        for key in path:
            place = place[key]
        if isinstance(place, dict):
            places.append(place)
    rng.choice(places)[rng.choice(("x", "", "name2", "../x", "__class__"))] = rng.choice(JUNK)
    return "one key more", seal(ticket, manifest, held(ticket, data))


def renumbered(rng: random.Random, ticket: Ticket, data: bytes) -> tuple[str, bytes]:
    """A count, a shape or an operation's number that is another one, and plausible."""
    manifest = manifest_of(ticket)
    numbers = [
        path
        for path in paths(manifest)
        if path[0] in ("masks", "kept", "of", "tensors", "network") and path[-1] != "sparsity"
    ]
    path = rng.choice(numbers)
    place: Any = manifest
    for key in path:
        place = place[key]
    if type(place) is not int or path[-1] == "groups":
        return "", data
    # A convolution with other padding or steps may be another network of the same parameters.
    if {"padding", "stride"} & set(path):
        return "", data
    replace(manifest, path, place + rng.choice((-1, 1, 8, 1000)))
    return f"{path} was {place}", seal(ticket, manifest, held(ticket, data))


def unpruned(rng: random.Random, ticket: Ticket, data: bytes) -> tuple[str, bytes]:
    """A pruned weight that is not zero."""
    arrays = held(ticket, data)
    name = rng.choice(list(ticket.masks))
    pruned = np.flatnonzero(~ticket.masks[name].reshape(-1))
    place = int(rng.choice(list(pruned)))
    value = rng.choice((-0.0, 1e-45, 1.0, -1e30))
    arrays[f"weights/{name}"][4 * place : 4 * place + 4] = struct.pack("<f", value)
    return f"{value} in {name}", seal(ticket, manifest_of(ticket), arrays)


def infinite(rng: random.Random, ticket: Ticket, data: bytes) -> tuple[str, bytes]:
    arrays = held(ticket, data)
    name = rng.choice([name for name in arrays if not name.startswith("mask/")])
    place = rng.randrange(len(arrays[name]) // 4)
    value = rng.choice((float("nan"), float("inf"), float("-inf")))
    arrays[name][4 * place : 4 * place + 4] = struct.pack("<f", value)
    return f"{value} in {name}", seal(ticket, manifest_of(ticket), arrays)


def remasked(rng: random.Random, ticket: Ticket, data: bytes) -> tuple[str, bytes]:
    """One bit of a mask is another, a filling one perhaps."""
    arrays = held(ticket, data)
    name = rng.choice([name for name in arrays if name.startswith("mask/")])
    arrays[name][rng.randrange(len(arrays[name]))] ^= 1 << rng.randrange(8)
    return f"a bit of {name}", seal(ticket, manifest_of(ticket), arrays)


def moved(rng: random.Random, ticket: Ticket, data: bytes) -> tuple[str, bytes]:
    """A mask that keeps as many weights, in another place."""
    arrays = held(ticket, data)
    name = rng.choice(list(ticket.masks))
    mask = ticket.masks[name].copy().reshape(-1)
    off, on = (int(rng.choice(list(np.flatnonzero(mask == state)))) for state in (True, False))
    mask[off], mask[on] = False, True
    arrays[f"mask/{name}"] = bytearray(np.packbits(mask).tobytes())
    return f"{name} moved", seal(ticket, manifest_of(ticket), arrays)


SEALED: list[Callable[[random.Random, Ticket, bytes], tuple[str, bytes]]] = [
    replaced,
    replaced,
    replaced,
    removed,
    added,
    renumbered,
    unpruned,
    infinite,
    remasked,
    moved,
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--specs", action="store_true")
    arguments = parser.parse_args()
    began = time.perf_counter()
    report = (fuzz_specs if arguments.specs else fuzz)(arguments.count, arguments.seed)
    print(f"{report.tried:,} files in {time.perf_counter() - began:.1f} s: {dict(report.codes)}")
    for what, found in (("accepted", report.accepted), ("crashed", report.crashed)):
        print(f"{what}: {len(found)}", *sorted(set(found))[:50], sep="\n  ")
    if arguments.specs:
        print(f"the longest took {report.longest[0]:.1f} s: {report.longest[1]}")


if __name__ == "__main__":
    main()
