"""Takes a spec and a branch that names a ticket file; gives what is wrong with the file, or does
not fit. Only the head of the file is read, without NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltspec.errors import Diagnostic, LtspecError
from ltspec.errors import Path as Place
from ltspec.language.variants import follows_its_file
from ltspec.plan import resolve

if TYPE_CHECKING:
    from ltspec.networks.graph import Graph


def ticket_fits(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT410 to LT414, LT416."""
    if branch.kind != "retrain" or branch.ticket is None:
        return
    yield from problems_of(branch.ticket, resolve.graph(spec), ("branches", name, "ticket"))


def file_training_begins(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT213."""
    if branch.kind != "retrain" or not follows_its_file(branch):
        return
    from ltspec.plan import origins  # few specs need it

    if origins.training(spec, branch) is None:
        yield in_the_middle(branch.ticket, ("branches", name, "ticket"))


def in_the_middle(file: str, place: Place) -> Diagnostic:
    """That a ticket's steps are not those of the spec's own training."""
    return Diagnostic(
        "LT213",
        f"the ticket of {file} begins in the middle of another training, whose steps are not "
        "those of this one: its data, batch size or length is another",
        place,
        "write where its schedule begins here, for example `schedule: 0it`",
        at="key",
    )


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
