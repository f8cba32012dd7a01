"""Takes two tickets of one network; gives how much their masks and weights have in common, and
which of their facts differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ltspec.decisions.state import Array
from ltspec.errors import TicketError
from ltspec.tickets.ticket import Ticket

_SAID_APART = ("tensors", "masks", "network", "kept", "of", "sparsity", "content")
"""Keys of a manifest that follow from arrays and network."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two masks over the same weights."""

    name: str
    """A tensor, or ``all`` for all tensors together that one of the tickets prunes."""
    of: int
    """Weights that may be kept."""
    kept: tuple[int, int]
    sparsity: tuple[float, float]
    """Pruned share, of each ticket."""
    shared: int
    """Weights that both keep."""
    iou: float
    """Shared weights over those that at least one keeps (intersection over union); 1 where none
    keeps any."""
    of_each: tuple[float, float]
    """The shared part of each ticket's weights; 0 of a ticket that keeps none."""
    by_chance: float
    """Weights that two masks of these counts would share in the mean if their places were random,
    tensor by tensor."""


@dataclass(frozen=True, slots=True)
class Distance:
    """Two tickets' weights (all parameters, biases and norms too), in float64."""

    l2: float
    """Euclidean norm of the difference."""
    relative: float
    """The same over the norm of the first; 0 where both are zero."""
    shared: float
    """Norm of the difference at prunable weights that both keep."""
    largest: float
    """The largest difference of one parameter."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that the manifests say differently."""

    path: str
    """``spec.train.optimizer.lr``."""
    first: Any
    """None where it is not there."""
    second: Any


@dataclass(frozen=True, slots=True)
class Difference:
    """Of two tickets of the same network."""

    same_content: bool
    """Whether network, masks, weights and statistics are the same bytes."""
    tensors: tuple[Overlap, ...]
    """In graph order: those that at least one ticket prunes."""
    all: Overlap
    distance: Distance
    facts: tuple[Fact, ...]


def compare(first: Ticket, second: Ticket) -> Difference:
    """How two tickets differ. A tensor that one of them does not prune is whole there.

    Raises TicketError (LT419) where their networks do not have the same parameters.
    """
    shapes = [
        {parameter.name: parameter.shape for parameter in ticket.graph.parameters}
        for ticket in (first, second)
    ]
    if shapes[0] != shapes[1]:
        raise TicketError(
            "the two tickets are of networks with other parameters: " + _difference(*shapes),
            code="LT419",
        )
    names = [name for name in shapes[0] if name in first.masks or name in second.masks]
    masks = [[_mask(ticket, name, shapes[0][name]) for name in names] for ticket in (first, second)]
    overlaps = tuple(_overlap(*each) for each in zip(names, *masks, strict=True))
    return Difference(
        first.certificate.content == second.certificate.content,
        overlaps,
        _together(overlaps),
        _distance(first, second, dict(zip(names, zip(*masks, strict=True), strict=True))),
        tuple(_facts(first.certificate.manifest, second.certificate.manifest)),
    )


def _difference(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    name = next(name for name in [*ours, *theirs] if ours.get(name) != theirs.get(name))
    first, second = (found.get(name, "not there") for found in (ours, theirs))
    return f"{name} is {first} in the first, and {second} in the second"


def _mask(ticket: Ticket, name: str, shape: tuple[int, ...]) -> Array:
    return ticket.masks.get(name, np.ones(shape, np.bool_))


def _overlap(name: str, first: Array, second: Array) -> Overlap:
    kept = int(np.count_nonzero(first)), int(np.count_nonzero(second))
    chance = kept[0] * kept[1] / first.size
    return _counted(name, first.size, kept, int(np.count_nonzero(first & second)), chance)


def _together(overlaps: tuple[Overlap, ...]) -> Overlap:
    return _counted(
        "all",
        sum(each.of for each in overlaps),
        (sum(each.kept[0] for each in overlaps), sum(each.kept[1] for each in overlaps)),
        sum(each.shared for each in overlaps),
        sum(each.by_chance for each in overlaps),
    )


def _counted(name: str, of: int, kept: tuple[int, int], shared: int, chance: float) -> Overlap:
    either = sum(kept) - shared
    return Overlap(
        name,
        of,
        kept,
        ((of - kept[0]) / of, (of - kept[1]) / of),
        shared,
        shared / either if either else 1.0,
        (shared / kept[0] if kept[0] else 0.0, shared / kept[1] if kept[1] else 0.0),
        chance,
    )


def _distance(first: Ticket, second: Ticket, masks: Mapping[str, tuple[Array, Array]]) -> Distance:
    apart = {
        name: first.weights[name].astype(np.float64) - second.weights[name].astype(np.float64)
        for name in first.weights
    }
    length = _norm([array.astype(np.float64) for array in first.weights.values()])
    whole = _norm(list(apart.values()))
    return Distance(
        whole,
        whole / length if length else 0.0,
        _norm([apart[name][one & other] for name, (one, other) in masks.items()]),
        max(float(np.abs(array).max()) for array in apart.values()),
    )


def _norm(arrays: list[Array]) -> float:
    return float(np.sqrt(sum(float(np.sum(array * array)) for array in arrays)))


def _facts(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[Fact]:
    ours, theirs = (
        dict(_flat({key: value for key, value in each.items() if key not in _SAID_APART}, ""))
        for each in (first, second)
    )
    for path in dict.fromkeys([*ours, *theirs]):
        if path not in ours or path not in theirs or ours[path] != theirs[path]:
            yield Fact(path, ours.get(path), theirs.get(path))


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every value in a tree with its path; a list is one value."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else key)
    else:
        yield path, value
