"""Takes a spec and an entry of ``measure`` that compares networks two by two; gives the pairs.

Plain functions, which rules ask too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ltspec.language.unknown import Unknown
from ltspec.language.variants import is_elsewhere
from ltspec.networks.graph import Graph
from ltspec.plan import beside, resolve
from ltspec.plan.replicates import DENSE, TICKET

Place = tuple[str, int]
"""``dense``, ``ticket`` or a branch's name, and the level; ``dense`` has the level 0 alone."""

KINDS = ("barrier", "function")
"""Kinds of ``measure`` that are about pairs."""


def is_of_copies(measure: Any) -> bool:
    """Whether copies are trained that differ in data order and augmentation alone."""
    return bool(
        measure.kind == "instability"
        or (measure.kind == "function" and measure.between == "siblings")
    )


def is_of_two_lines(measure: Any) -> bool:
    """Whether an entry about pairs names the two lines that it compares."""
    return not isinstance(measure.between, str)


def lines(measure: Any) -> tuple[str, ...]:
    """The lines that an entry is about."""
    if measure.kind in KINDS and is_of_two_lines(measure):
        return tuple(measure.between)
    return (TICKET,) if measure.of is None else tuple(measure.of)


def siblings(measure: Any) -> int:
    """How many copies are trained of a network."""
    return 3 if measure.siblings is None else int(measure.siblings)


def own_levels(spec: Any, line: str) -> tuple[int, ...]:
    """Every level at which a line has a network, the dense one included.

    Raises Unknown for a branch that is not there: a rule of its own says so.
    """
    there = range(1, resolve.level_count(spec) + 1)
    if line == DENSE:
        return (0,)
    if line == TICKET:
        return (0, *there)
    branch = beside.branch(spec, line)
    if branch is None:
        raise Unknown(line)
    dense = () if is_of_another_network(spec, line) else (0,)
    return (*dense, *beside.leaves_at(spec, branch))


def most_levels(spec: Any, lines: Iterable[str]) -> int:
    """The highest level that the schedule of any of these lines has."""
    highest = [resolve.level_count(spec)]
    for line in lines:
        branch = beside.branch(spec, line)
        if branch is not None and is_elsewhere(branch):
            highest += beside.leaves_at(spec, branch)
    return max(highest)


def is_of_another_network(spec: Any, line: str) -> bool:
    """Whether a branch's tickets are those of another network than the spec's."""
    branch = beside.branch(spec, line)
    if branch is None or branch.kind != "transfer":
        return False
    return network(spec, line) != resolve.graph(spec)


def network(spec: Any, line: str) -> Graph:
    """The network of a line.

    Raises Unknown for a branch that is not there: a rule of its own says so.
    """
    branch = beside.branch(spec, line)
    if branch is None and line not in (DENSE, TICKET):
        raise Unknown(line)
    if branch is None or branch.kind != "transfer":
        return resolve.graph(spec)
    from ltspec.plan import transferring  # few specs need it

    return resolve.graph(transferring.with_model(spec, branch))


def pairs(spec: Any, measure: Any) -> list[tuple[Place, Place]]:
    """Every two networks that are compared: of one replicate, or for ``replicates`` of two, where
    both places are the same. In the order in which they are written, each once."""
    found: list[tuple[Place, Place]] = []
    names = lines(measure)
    if is_of_two_lines(measure):
        for level in _common(spec, measure, names):
            found.append((_place(names[0], level), _place(names[1], level)))
        return list(dict.fromkeys(found))
    for line in names:
        own = own_levels(spec, line)
        asked = own if measure.levels == "all" else measure.levels
        if measure.between == "successive":
            both = [level for level in asked if level in own and level + 1 in own]
            found += [(_place(line, level), _place(line, level + 1)) for level in both]
            continue
        if measure.levels == "all" and line != DENSE:
            asked = [level for level in own if level]
        found += [(_place(line, level), _place(line, level)) for level in asked if level in own]
        if line == DENSE:
            found.append(((DENSE, 0), (DENSE, 0)))
    return list(dict.fromkeys(found))


def _common(spec: Any, measure: Any, names: tuple[str, ...]) -> list[int]:
    """Levels at which two lines are compared; the dense network stands at each."""
    own = [own_levels(spec, name) for name in names if name != DENSE]
    asked = sorted({*own[0]} - {0}) if measure.levels == "all" else measure.levels
    return [level for level in asked if level and all(level in each for each in own)]


def _place(line: str, level: int) -> Place:
    return (line, level) if level and line != DENSE else (DENSE, 0)
