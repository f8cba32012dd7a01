"""Takes a spec and a branch that names a ticket file; gives what is wrong with the file, or does
not fit. Only the head of the file is read, without NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltspec.errors import Diagnostic, LtspecError
from ltspec.errors import Path as Place
from ltspec.plan import resolve

if TYPE_CHECKING:
    from ltspec.networks.graph import Graph


def ticket_fits(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT410 to LT414, LT416."""
    if branch.kind != "retrain" or branch.ticket is None:
        return
    yield from problems_of(branch.ticket, resolve.graph(spec), ("branches", name, "ticket"))


def problems_of(file: str, graph: Graph, place: Place) -> Iterator[Diagnostic]:
    """What keeps a ticket file from being one of ``graph``, at the place of the spec that names
    it."""
    from ltspec.tickets.certificate import read_certificate  # few specs need it

    try:
        found = read_certificate(Path(file)).graph
    except LtspecError as error:
        yield Diagnostic(error.code, error.message, place, error.hint)
        return
    if found != graph:
        yield Diagnostic(
            "LT416",
            f"the ticket is of another network: {difference(found, graph)}",
            place,
            "write the `model` and `data` that the ticket was made with; "
            f"`ltspec ticket inspect {file}` shows them",
        )


def difference(found: Graph, wanted: Graph) -> str:
    """The first thing in which a ticket's network is not the spec's."""
    for what, ours, theirs in (
        ("images of shape", wanted.input_shape, found.input_shape),
        ("classes", wanted.classes, found.classes),
        ("operations", len(wanted.nodes), len(found.nodes)),
    ):
        if ours != theirs:
            return f"it has {what} {theirs}, and the spec's has {ours}"
    for mine, other in zip(wanted.nodes, found.nodes, strict=True):
        if mine != other:
            return f"its {other.name} is {other.op}, and the spec's {mine.name} is {mine.op}"
    return "they are described in another way"
