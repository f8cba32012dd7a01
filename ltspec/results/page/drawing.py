"""Takes a transfer; gives its picture as boxes and edges with their places, for a template.

The ticket's blocks stand above and those of the other network below, stage by stage. Lengths are in
CSS pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ltspec.networks.elastic import Inside, Pairing, part
from ltspec.networks.graph import Block
from ltspec.results.page.carriages import CARRIED, FRESH, Carriage, CarriedLine

CELL, HIGH, GAP, LEFT = 46, 28, 18, 58
"""Room for a block, height of a box, room between groups, and room for the names of the rows."""
ABOVE, BELOW = 26, 112
"""Upper edges of both rows."""
LETTER = 7
"""About the width of a letter."""
LOOKS = ("carried", "copy", "fresh", "dropped")
MOVED = {"shuffled": "shuffled", "drawn": "random", "by": "scored"}
"""What is said beneath a block whose mask is not the carried one, by the first word of what was
done."""


@dataclass(frozen=True, slots=True)
class Box:
    """A block."""

    x: int
    y: int
    width: int
    text: str
    look: str
    """One of :data:`LOOKS`."""
    marks: tuple[str, ...]
    """Words beneath it."""
    hover: str

    @property
    def middle(self) -> float:
        """Of its edges."""
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Edge:
    """From a block to a copy of it."""

    path: str
    look: str
    """``carried`` or ``copy``."""
    hover: str


@dataclass(frozen=True, slots=True)
class Group:
    """Stem, a stage, or the classifier."""

    x: int
    width: int
    text: str

    @property
    def middle(self) -> float:
        """Where its name stands."""
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Drawing:
    """The whole picture."""

    width: int
    height: int
    groups: Sequence[Group]
    boxes: Sequence[Box]
    edges: Sequence[Edge]
    looks: Sequence[str]
    """Those that occur, for the legend."""
    above: int = ABOVE
    """Upper edge of the ticket's boxes."""
    below: int = BELOW
    """Upper edge of the target's."""
    high: int = HIGH
    """Height of a box."""


def draw(carriage: Carriage) -> Drawing:
    """The picture of a carriage's first line."""
    theirs, ours = Inside(carriage.source), Inside(carriage.graph)
    pairings = carriage.assignment.pairings
    above: dict[str, Box] = {}
    below: dict[str, Box] = {}
    groups, x = [], LEFT
    for role, name in dict.fromkeys([*theirs.outline(), *ours.outline()]):
        first, second = (
            [block for block in inside.blocks.values() if part(block) == (role, name)]
            for inside in (theirs, ours)
        )
        cell = max(CELL, *(LETTER * len(_text(block)) + 22 for block in (*first, *second)))
        count = max(len(first), len(second))
        groups.append(Group(x, cell * count, name if role == "block" else ""))
        for place, block in enumerate(first):
            above[block.name] = _of_ticket(block, pairings, x + cell * place, cell)
        for place, block in enumerate(second):
            (pairing,) = (each for each in pairings if each.target.name == block.name)
            line = carriage.lines[0]
            below[block.name] = _of_target(pairing, line, ours, x + cell * place, cell)
        x += cell * count + GAP
    edges = [
        _edge(above[each.source.name], below[each.target.name], each.copy)
        for each in pairings
        if each.source is not None
    ]
    boxes = [*above.values(), *below.values()]
    looks = [look for look in LOOKS if any(box.look == look for box in boxes)]
    most = max(len(box.marks) for box in boxes)
    return Drawing(x, BELOW + HIGH + 12 * most + 6, groups, boxes, edges, looks)


def _of_ticket(block: Block, pairings: Sequence[Pairing], x: int, cell: int) -> Box:
    targets = [
        each.target.name
        for each in pairings
        if each.source is not None and each.source.name == block.name
    ]
    goes = f"to {', '.join(targets)}" if targets else "left out"
    look = "carried" if targets else "dropped"
    return Box(
        x + 3, ABOVE, cell - 6, _text(block), look, (), f"{block.name} of the ticket: {goes}"
    )


def _of_target(pairing: Pairing, line: CarriedLine, ours: Inside, x: int, cell: int) -> Box:
    block, anew = pairing.target, pairing.source is None
    look = "copy" if pairing.copy else "carried"
    if anew or line.weights != CARRIED:
        look = "fresh"
    text = _text(block) + "*" * pairing.copy
    marks = _marks(block, anew, line, ours)
    return Box(x + 3, BELOW, cell - 6, text, look, marks, _comes(pairing, line, ours))


def _edge(source: Box, target: Box, copy: bool) -> Edge:
    top, bottom = source.y + HIGH, target.y
    bend = (bottom - top) / 2
    path = (
        f"M{source.middle:g} {top}C{source.middle:g} {top + bend:g} "
        f"{target.middle:g} {bottom - bend:g} {target.middle:g} {bottom}"
    )
    look = "copy" if copy else "carried"
    return Edge(path, look, f"{source.text} to {target.text}")


def _text(block: Block) -> str:
    return str(block.index) if block.role == "block" else block.name


def _comes(pairing: Pairing, line: CarriedLine, ours: Inside) -> str:
    """What is said of a block of the target: where it is from, and what its layers keep."""
    block, source = pairing.target, pairing.source
    come = FRESH if source is None else f"from {source.name}"
    if source is not None and line.weights != CARRIED:
        come = f"mask from {source.name}, weights {line.weights}"
    sizes = {parameter.name: parameter.size for parameter in ours.graph.prunable}
    level = max(line.kept, default=None)
    shares = []
    for tensor in _prunable(block, ours):
        counts = line.kept.get(level, {}).get(tensor, []) if level is not None else []
        if counts:
            share = sum(counts) / len(counts) / sizes[tensor]
            shares.append(f"{tensor} keeps {share:.2%} at level {level}")
        elif tensor not in line.masked:
            shares.append(f"{tensor} is dense")
    return f"{block.name} of the target: " + "; ".join([come, *shares])


def _marks(block: Block, fresh: bool, line: CarriedLine, ours: Inside) -> tuple[str, ...]:
    tensors = set(_prunable(block, ours))
    marks = []
    if tensors and not tensors & set(line.masked):
        marks.append("dense")
    elif tensors & set(line.moved):
        marks.append(MOVED[line.mask.split()[0]])
    if fresh or line.weights == FRESH:
        marks.append("anew")
    elif line.weights != CARRIED:
        marks.append("own")
    return tuple(marks)


def _prunable(block: Block, inside: Inside) -> list[str]:
    """The block's tensors that can be pruned, in order."""
    nodes = {node.name for node in inside.nodes(block)}
    names = (parameter.name for parameter in inside.graph.prunable)
    return [name for name in names if name.rpartition(".")[0] in nodes]
