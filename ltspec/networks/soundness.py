"""Takes a Graph that others than a family made; gives what is wrong with it.

A user's function may return anything, and a file may say anything: shapes and legality
(:attr:`Graph.shapes`) are asked only of fields that hold what they say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from ltspec.networks.graph import OPS, Block, Graph, Op

LARGEST = 1_000_000
"""The largest whole number that an operation may hold, as for the widths of ``lenet``."""
MOST_WEIGHTS = 10**15
"""Of a network. Far more than any memory holds, and exact in every number of a plan."""
NAME_LENGTH = 200
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]*")
"""Of a node: names are part of keys, of the files of results, and of what ``exempt`` matches."""


def unsound(graph: Graph) -> str:
    """What is wrong with a graph, in a few words; empty where nothing is.

    Raises GraphError where it is not legal. Whoever cannot trust what ``graph`` is made of catches
    other exceptions as well.
    """
    shape = graph.input_shape
    if not _whole_numbers(shape, 3) or not all(0 < size <= LARGEST for size in shape):
        return f"its input is {shape!r}, which is not (channel, height, width)"
    for node in graph.nodes:
        if not _is_name(node.name):
            return f"{node.name!r} is no name of a node"
        if type(node.inputs) is not tuple:
            return f"node {node.name!r} has inputs {node.inputs!r}, which is no tuple"
        if type(node.op) not in OPS.values():
            return f"node {node.name!r} is no operation, but {node.op!r}"
        if wrong := _wrong_field(node.op):
            return f"node {node.name!r} has {wrong}"
    if len(graph.shapes[graph.output]) != 1:
        return f"it ends in {graph.shapes[graph.output]}, and logits are flat"
    read = {name for node in graph.nodes for name in node.inputs}
    for node in graph.nodes[:-1]:
        if node.name not in read:
            return f"nothing reads node {node.name!r}"
    if sum(parameter.size for parameter in graph.parameters) > MOST_WEIGHTS:
        return f"it has more than {MOST_WEIGHTS:,} weights"
    if not graph.prunable:
        return "it has no conv or linear layer to prune"
    in_blocks = [name for block in graph.blocks for name in block.nodes]
    if graph.blocks and in_blocks != [node.name for node in graph.nodes]:
        return "its blocks do not hold every node once, in order"
    return _wrong_block(graph.blocks)


_KINDS: Mapping[str, Callable[[Any], bool]] = {
    "int": lambda value: type(value) is int,
    "bool": lambda value: type(value) is bool,
    "float": lambda value: type(value) in (int, float),
    "Pair": lambda value: _whole_numbers(value, 2),
    "Padding": lambda value: _whole_numbers(value, 4),
}
"""Whether a value is what the field of an operation says, by the field's type."""


def _whole_numbers(value: Any, count: int) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) == count
        and all(type(each) is int for each in value)
    )


def _is_name(name: Any) -> bool:
    """Whether it can name a node, and could not be taken for a path to elsewhere."""
    if not isinstance(name, str) or len(name) > NAME_LENGTH or not _NAME.fullmatch(name):
        return False
    return {"", ".", ".."}.isdisjoint(name.split("/"))


def _wrong_field(op: Op) -> str:
    """The first field of an operation that does not hold what it says."""
    for each in fields(op):
        value = getattr(op, each.name)
        if not _KINDS[str(each.type)](value):
            return f"{each.name} = {value!r}, which is no {each.type}"
        if max(value if isinstance(value, tuple) else (value,)) > LARGEST:
            return f"{each.name} = {value!r}, and the most is {LARGEST:,}"
    return ""


def _wrong_block(blocks: tuple[Block, ...]) -> str:
    """What is wrong with the first block that elastic transfer could not place."""
    expected = 0, -1  # the stage and index of the block before
    for block in blocks:
        if type(block) is not Block or type(block.nodes) is not tuple:
            return f"{block!r} is no block"
        if not _is_name(block.name):
            return f"{block.name!r} is no name of a block"
        here = block.stage, block.index
        if not _whole_numbers(here, 2):
            return f"block {block.name!r} has a stage or an index that is no whole number"
        if block.role == "block":
            if here not in ((expected[0], expected[1] + 1), (expected[0] + 1, 0)) or here[0] == 0:
                return f"block {block.name!r} is number {block.index} of stage {block.stage}"
            expected = here
        elif block.role not in ("stem", "classifier") or here != (0, 0):
            return f"block {block.name!r} has the role {block.role!r} in stage {block.stage}"
    if len({block.name for block in blocks}) < len(blocks):
        return "two of its blocks have one name"
    return ""
