"""Takes a graph; gives the blocks that code can make objects of, by stage."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby

from ltspec.networks.graph import Add, BatchNorm, Block, Conv, Graph, Linear, Node, Op

ENTRY, SHORTCUT = "<entry>", "<shortcut>"
"""What the nodes of a block read from outside, and the projection of it; no node's name."""


@dataclass(slots=True)
class Unit:
    """A block that becomes an object of a class."""

    block: Block
    main: list[Node]
    """Without the shortcut; names and inputs are local ones, :data:`ENTRY` or :data:`SHORTCUT`."""
    chain: list[Node]
    """Of the shortcut, from the entry on; names are those of the graph."""
    full: dict[str, Node]
    """Node of the graph by its local name."""
    moved: list[Node] = field(default_factory=list)
    """What the network does itself before the block: for example pooling before a stage."""


def units_by_stage(graph: Graph, readers: Counter[str]) -> dict[int, list[Unit]]:
    """Stages all of whose blocks can be objects in a sequence, by number."""
    nodes = {node.name: node for node in graph.nodes}
    found: dict[int, list[Unit]] = {}
    blocks = [block for block in graph.blocks if block.role == "block"]
    for number, group in groupby(blocks, lambda block: block.stage):
        units: list[Unit] | None = []
        before = None
        for block in group:
            unit = _unit(block, [nodes[name] for name in block.nodes], readers, not units)
            joined = unit is not None and (before is None or entry_of(unit) == before)
            if unit is None or not joined or units is None:
                units = None
                break
            if before is not None and readers[before] != _uses(unit, before):
                units = None
                break
            units.append(unit)
            before = block.nodes[-1]
        if units:
            found[number] = units
    return found


def entry_of(unit: Unit) -> str:
    """The node of the graph that a unit reads."""
    own = {node.name for node in [*unit.full.values(), *unit.chain]}
    reads = [n for node in [*unit.full.values(), *unit.chain] for n in node.inputs if n not in own]
    return reads[0]


def _uses(unit: Unit, name: str) -> int:
    return sum(node.inputs.count(name) for node in [*unit.full.values(), *unit.chain])


def _unit(block: Block, nodes: list[Node], readers: Counter[str], first: bool) -> Unit | None:
    """The block as an object, or None where it cannot be one."""
    prefix = f"stage{block.stage}.block{block.index}"
    if block.name != prefix or not all(node.name.startswith(f"{prefix}.") for node in nodes):
        return None
    moved: list[Node] = []
    while first and len(nodes) > 1 and _moves_out(nodes, readers):
        moved.append(nodes[0])
        nodes = nodes[1:]
    own = {node.name for node in nodes}
    outside = {name for node in nodes for name in node.inputs} - own
    within = Counter(name for node in nodes for name in node.inputs)
    if len(outside) != 1 or any(readers[n.name] != within[n.name] for n in nodes[:-1]):
        return None
    (entry,) = outside
    chain = _chain(nodes, entry, readers)
    local = {entry: ENTRY, **{node.name: node.name.removeprefix(f"{prefix}.") for node in nodes}}
    if chain:
        local[chain[-1].name] = SHORTCUT
    adds = [node for node in nodes if isinstance(node.op, Add)]
    main = []
    for node in nodes:
        if node in chain:
            continue
        inputs = tuple(local[name] for name in node.inputs)
        if not chain and len(adds) == 1 and node is adds[0] and inputs.count(ENTRY) == 1:
            inputs = tuple(SHORTCUT if name == ENTRY else name for name in inputs)
        main.append(Node(local[node.name], node.op, inputs))
    full = {local[node.name]: node for node in nodes if node not in chain}
    return Unit(block, main, chain, full, moved)


def _moves_out(nodes: list[Node], readers: Counter[str]) -> bool:
    """Whether the first node has no weights and only the second reads it."""
    head, after = nodes[0], nodes[1]
    plain = not isinstance(head.op, Conv | Linear | BatchNorm | Add)
    return plain and readers[head.name] == after.inputs.count(head.name) == 1


def _chain(nodes: list[Node], entry: str, readers: Counter[str]) -> list[Node]:
    """Convolutions and norms that lead from the entry to the block's only sum, in order."""
    by_name = {node.name: node for node in nodes}
    adds = [node for node in nodes if isinstance(node.op, Add)]
    if len(adds) != 1 or entry in adds[0].inputs:
        return []
    for end in reversed(adds[0].inputs):
        chain: list[Node] = []
        while end in by_name and readers[end] == 1 and _is_projection(by_name[end].op):
            chain.insert(0, by_name[end])
            end = by_name[end].inputs[0]
        if chain and end == entry:
            return chain
    return []


def _is_projection(op: Op) -> bool:
    if isinstance(op, Conv):
        return not any(op.padding) and op.stride[0] == op.stride[1] and op.groups == 1
    return isinstance(op, BatchNorm)
