"""Takes a ticket file's head; gives its Certificate: what the file is, checked against itself.

Every field has its type and its range, the network is legal, and the arrays that the file holds
are those of this network under these masks, in every shape, with as many bytes as they need. No
array is read. Standard library alone, so that ``validate`` can ask.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from ltspec.errors import GraphError, TicketError
from ltspec.networks.graph import Graph
from ltspec.networks.soundness import unsound
from ltspec.tickets.container import Tensor, arranged, header, read_manifest, sealed
from ltspec.tickets.text import canonical, hash_of

FORMAT = "ltspec-ticket"
VERSION = 1
"""Version of the manifest. Goes up when an earlier ltspec could not read what is written."""

WEIGHTS, BUFFERS, MASK = "weights/", "buffers/", "mask/"
"""What the names of arrays begin with."""
T = TypeVar("T")
_LARGEST = 2**53 - 1
"""Of whole numbers: every reader of JSON gives those back."""


@dataclass(frozen=True)
class Certificate:
    """What a ticket file says of itself. Everything in it has been checked against the rest."""

    manifest: Mapping[str, Any]
    """As it lies in the file, without its own hash."""
    graph: Graph
    tensors: tuple[Tensor, ...]
    """In the order of the file."""
    data_begins: int
    """Bytes before the first array."""

    @property
    def content(self) -> str:
        """Hash of network, masks, weights and buffers: equal content trains equally, whatever else
        two files say of where they come from."""
        return str(self.manifest["content"])

    @property
    def kept(self) -> int:
        """Weights kept under all masks."""
        return int(self.manifest["kept"])

    @cached_property
    def masked(self) -> dict[str, int]:
        """Weights kept in each masked tensor, in graph order."""
        masks = self.manifest["masks"]
        return {
            parameter.name: int(masks[parameter.name]["kept"])
            for parameter in self.graph.prunable
            if parameter.name in masks
        }


def branch_name(line: str, branches: Mapping[str, Any]) -> str | None:
    """The branch of a spec that a line is of: the one of its name, or the one whose control it is
    (``deeper-reinit``; no control's word has a hyphen). None where there is none, as for the ticket
    and the dense network. ``branches``: of a ticket file's spec, a plain mapping."""
    if line in branches:
        return line
    branch, hyphen, _ = line.rpartition("-")
    return branch if hyphen and branch in branches else None


def content_of(graph: Graph, tensors: Mapping[str, Mapping[str, Any]]) -> str:
    """sha256 over what the network computes and the hashes of all arrays."""
    return hash_of(canonical({"network": graph.meaning(), "tensors": tensors}).encode())


def packed_size(entries: int) -> int:
    """Bytes that a mask of so many entries takes, a bit each."""
    return -(-entries // 8)


def arrays_of(graph: Graph, masked: Mapping[str, Any], dtype: str) -> dict[str, dict[str, Any]]:
    """Type and shape of every array that a ticket of ``graph`` has, by its name in the file.

    ``masked``: names of tensors with a mask. ``dtype``: F32 or F64.
    """
    tensors: dict[str, dict[str, Any]] = {}
    for parameter in graph.parameters:
        tensors[WEIGHTS + parameter.name] = {"dtype": dtype, "shape": list(parameter.shape)}
        if parameter.name in masked:
            size = packed_size(parameter.size)
            tensors[MASK + parameter.name] = {"dtype": "U8", "shape": [size]}
    for buffer in graph.buffers:
        tensors[BUFFERS + buffer.name] = {"dtype": dtype, "shape": list(buffer.shape)}
    return tensors


def read_certificate(file: Path) -> Certificate:
    """Read the head of a ticket file, and nothing else of it.

    Raises TicketError: LT410 where the file cannot be read, else as :func:`certificate_of`; the
    message names the file.
    """
    with opened(file) as stream:
        return named(file, lambda: certificate_of(stream))


def opened(file: Path) -> BinaryIO:
    """The file, open for reading. Raises TicketError (LT410)."""
    try:
        if file.exists() and not file.is_file():
            raise TicketError(f"{file} is no file", code="LT410")
        return file.open("rb")
    except (OSError, ValueError) as error:  # the latter: a zero byte in its name
        reason = getattr(error, "strerror", None) or str(error)
        raise TicketError(f"the ticket {file} cannot be read: {reason}", code="LT410") from None


def named(file: Path, read: Callable[[], T]) -> T:
    """What ``read`` gives; an error of it names the file."""
    try:
        return read()
    except TicketError as error:
        message = f"{file}: {error.message}"
        raise TicketError(message, code=error.code, hint=error.hint) from None
    except OSError as error:
        raise TicketError(f"{file} cannot be read: {error.strerror}", code="LT410") from None


def certificate_of(stream: BinaryIO) -> Certificate:
    """Read the head of an open ticket file.

    Raises TicketError: LT411 where it is another kind of file or of another version, LT412 where
    it is damaged, LT413 where the manifest is wrong, LT414 where network and arrays do not fit.
    """
    manifest, head, size = read_manifest(stream)
    versions = manifest.get("format"), manifest.get("version")
    if versions != (FORMAT, VERSION) or type(versions[1]) is not int:
        raise TicketError(
            f"it is of version {versions[1]!r:.40}, and this ltspec reads version {VERSION}",
            code="LT411",
        )
    _MANIFEST("", manifest)
    graph = _graph(manifest["network"])
    tensors = manifest["tensors"]
    _check_masks(manifest, graph)
    first = tensors.get(WEIGHTS + graph.parameters[0].name, {})
    dtype = "F64" if first.get("dtype") == "F64" else "F32"
    expected = arrays_of(graph, manifest["masks"], dtype)
    said = {
        name: {"dtype": tensor["dtype"], "shape": tensor["shape"]}
        for name, tensor in tensors.items()
    }
    if canonical(said) != canonical(expected):
        wrong = [
            name for name in sorted({*said, *expected}) if said.get(name) != expected.get(name)
        ]
        raise TicketError(
            f"its array {wrong[0]} is {_shown(said.get(wrong[0]))}, and its network asks for "
            f"{_shown(expected.get(wrong[0]))}",
            code="LT414",
        )
    if content_of(graph, tensors) != manifest["content"]:
        raise TicketError("its content has another hash than it says", code="LT412")
    placed = arranged(expected)
    if header(sealed(manifest), placed) != head:
        raise TicketError("its header is not the one that its manifest asks for", code="LT412")
    if size != len(head) + placed[-1].end:
        raise TicketError(
            f"it has {size:,} bytes, and its arrays end at {len(head) + placed[-1].end:,}",
            code="LT412",
        )
    return Certificate(manifest, graph, tuple(placed), len(head))


def _shown(tensor: Mapping[str, Any] | None) -> str:
    return "not there" if tensor is None else f"{tensor['dtype']} of shape {tensor['shape']}"


def _graph(description: Mapping[str, Any]) -> Graph:
    """The network of a manifest. Raises TicketError (LT414) where it is none."""
    try:
        graph = Graph.from_description(description)
        problem = unsound(graph)
        if not problem and canonical(graph.describe()) != canonical(description):
            problem = "its description holds what no network has"
    except GraphError as error:
        problem = error.message
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        problem = f"{type(error).__name__}: {error}"
    if problem:
        raise TicketError(f"its network is not legal: {ascii(problem)[1:-1]:.200}", code="LT414")
    return graph


def _check_masks(manifest: Mapping[str, Any], graph: Graph) -> None:
    """Counts add up, and masks lie on tensors that can be pruned."""
    sizes = {parameter.name: parameter.size for parameter in graph.prunable}
    masks = manifest["masks"]
    for name, mask in masks.items():
        if name not in sizes:
            raise TicketError(f"it masks {name}, which is no prunable tensor", code="LT414")
        if mask["of"] != sizes[name]:
            raise TicketError(
                f"it counts {mask['of']:,} weights in {name}, which has {sizes[name]:,}",
                code="LT414",
            )
    for name, counts in {**masks, "all masks": manifest}.items():
        if counts["kept"] > counts["of"] or counts["sparsity"] != sparsity(**_counts(counts)):
            raise _wrong(f"the counts of {name} do not agree")
    for key in ("kept", "of"):
        if manifest[key] != sum(mask[key] for mask in masks.values()):
            raise _wrong(f"`{key}` is not the sum over the masks")


def _counts(entry: Mapping[str, Any]) -> dict[str, int]:
    return {"kept": entry["kept"], "of": entry["of"]}


def sparsity(kept: int, of: int) -> float:
    """The pruned share of ``of`` weights."""
    return (of - kept) / of


def _wrong(message: str) -> TicketError:
    return TicketError(f"its manifest is wrong: {message}", code="LT413")


# What the manifest looks like: each check is a function of where it stands and the value.
_Check = Callable[[str, Any], None]


def _whole(least: int = 0) -> _Check:
    def check(where: str, value: Any) -> None:
        if type(value) is not int or not least <= value <= _LARGEST:
            raise _wrong(f"{where} is no whole number from {least}")

    return check


def _number(least: float = 0.0, most: float = math.inf) -> _Check:
    def check(where: str, value: Any) -> None:
        if type(value) is not float or not least <= value <= most or math.isinf(value):
            raise _wrong(f"{where} is no number from {least:g}")

    return check


def _text(pattern: str, longest: int = 200) -> _Check:
    def check(where: str, value: Any) -> None:
        if not isinstance(value, str) or len(value) > longest or not re.fullmatch(pattern, value):
            raise _wrong(f"{where} is not such a text as it has to be")

    return check


def _keys(**checks: _Check) -> _Check:
    def check(where: str, value: Any) -> None:
        if not isinstance(value, dict):
            raise _wrong(f"{where or 'it'} is no mapping")
        if missing := sorted(set(checks) - set(value)):
            raise _wrong(f"{where or 'it'} has no `{missing[0]}`")
        if unknown := sorted(set(value) - set(checks)):
            raise _wrong(f"{where or 'it'} has a key that is not known: {unknown[0]!a:.80}")
        for key, inner in checks.items():
            inner(f"{where}.{key}" if where else key, value[key])

    return check


def _each(name: _Check, inner: _Check) -> _Check:
    """A mapping of names; at least one."""

    def check(where: str, value: Any) -> None:
        if not isinstance(value, dict) or not value:
            raise _wrong(f"{where} is no mapping with anything in it")
        for key, each in value.items():
            name(f"a key of {where}", key)
            inner(f"{where}.{key}", each)

    return check


def _list(inner: _Check, *counts: int) -> _Check:
    """A list of so many; at least one."""

    def check(where: str, value: Any) -> None:
        if not isinstance(value, list) or not value or (counts and len(value) not in counts):
            raise _wrong(f"{where} is no list such as it has to be")
        for number, each in enumerate(value):
            inner(f"{where}.{number}", each)

    return check


def _mapping(where: str, value: Any) -> None:
    if not isinstance(value, dict):
        raise _wrong(f"{where} is no mapping")


def _score(where: str, value: Any) -> None:
    _keys(examples=_whole(1), correct=_whole(), accuracy=_number(0, 1), loss=_number())(
        where, value
    )
    if value["correct"] / value["examples"] != value["accuracy"]:
        raise _wrong(f"{where}.accuracy is not its correct answers over its examples")


def _steps(where: str, value: Any) -> None:
    _keys(weights=_whole(), schedule=_whole(), stop=_whole())(where, value)
    if value["schedule"] > value["stop"]:
        raise _wrong(f"{where} begins at step {value['schedule']:,} and ends before it")


_SLUG = _text(r"[a-z0-9][a-z0-9._-]*", 80)
_WORD = _text(r"[A-Za-z0-9][A-Za-z0-9 .:+_/-]*")
_TENSOR = _text(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]*", 2000)
_SHA256 = _text(r"[0-9a-f]{64}")
_KEY = _text(r"[0-9a-f]{40}")
_COUNTS = {"kept": _whole(), "of": _whole(1), "sparsity": _number(0, 1)}

_MANIFEST = _keys(
    format=_text(re.escape(FORMAT)),
    version=_whole(1),
    name=_SLUG,
    replicate=_whole(1),
    seeds=_keys(init=_whole(), order=_whole(), mask=_whole()),
    branch=_SLUG,
    level=_whole(),
    keys=_keys(ticket=_KEY, trained=_KEY),
    semantics=_whole(1),
    backend=_SLUG,
    precision=_SLUG,
    made_with=_each(_WORD, _WORD),
    data=_list(_keys(name=_text("[a-z0-9]+(-[a-z0-9]+)*"), version=_whole(1), fingerprint=_SHA256)),
    rewind=_steps,
    spec=_mapping,
    measured=_each(_text("test|train"), _score),
    network=_mapping,
    masks=_each(_TENSOR, _keys(**_COUNTS)),
    **_COUNTS,
    tensors=_each(
        _TENSOR,
        _keys(dtype=_text("F64|F32|U8"), shape=_list(_whole(1), 1, 2, 4), sha256=_SHA256),
    ),
    content=_SHA256,
)


def checked(manifest: Mapping[str, Any]) -> None:
    """Look at a manifest that is about to be written. Raises TicketError as for one that is
    read."""
    _MANIFEST("", manifest)
    _check_masks(manifest, _graph(manifest["network"]))
