"""Takes a graph; gives its Outline: the classes, attributes and statements of code that a person
would write for it.

A block whose nodes carry its name (``stage1.block0.conv1`` in ``stage1.block0``), that reads one
value and gives one, becomes an object of a class; the blocks of a stage follow each other in a
sequence. Blocks of equal structure share a class, and the numbers in which they differ are its
arguments. All other nodes are attributes of the network itself. Every legal graph has an outline,
one without blocks too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ltspec.networks.code.naming import Names, identifier, with_helpers
from ltspec.networks.code.units import ENTRY, SHORTCUT, Unit, entry_of, units_by_stage
from ltspec.networks.graph import (
    INPUT,
    Add,
    BatchNorm,
    Conv,
    Graph,
    Linear,
    Node,
    Op,
    Relu,
    Shape,
)


@dataclass(frozen=True, slots=True)
class Layer:
    """An operation, as code says it. Numbers are texts: ``64``, or the name of an argument."""

    name: str
    """An identifier, unique in its class."""
    op: Op
    inputs: str
    """Channels, or features, that it reads."""
    out: str
    stride: str
    """Of a convolution whose stride is the same both ways; else empty."""
    reads: Shape
    """For one example; in a class of blocks, of the first one."""
    gives: Shape


@dataclass(frozen=True, slots=True)
class Shortcut:
    """Layers on the way around a block; without any, its input goes that way as it is."""

    layers: tuple[Layer, ...]
    optional: bool
    """Whether blocks of the class with and without it exist."""


@dataclass(frozen=True, slots=True)
class Argument:
    """A number in which the blocks of one class differ."""

    name: str
    default: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One block of a stage."""

    type_name: str
    values: tuple[tuple[Argument, int], ...]
    project: bool | None
    """Whether it has the shortcut's layers; None where its class leaves no choice."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Blocks one after another."""

    name: str
    """An identifier, unique in the network."""
    calls: tuple[Call, ...]
    gives: Shape


@dataclass(frozen=True, slots=True)
class Line:
    """One statement: ``target = does(*sources)``, all of them variables."""

    target: str
    does: Layer | Shortcut | Stage
    sources: tuple[str, ...]
    goes_on: bool
    """Whether it reads what the line before gives, which nothing else reads."""


@dataclass(frozen=True, slots=True)
class BlockClass:
    """What the blocks of one structure have in common."""

    name: str
    arguments: tuple[Argument, ...]
    layers: tuple[Layer, ...]
    """In order; those of the shortcut are not among them."""
    shortcut: Shortcut | None
    lines: tuple[Line, ...]
    result: str
    """The variable that holds what it gives."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node is found in the code."""

    name: str
    """Of its layer, or of the sequence that it is in."""
    stage: str = ""
    """Attribute of its stage; empty for a layer of the network itself."""
    block: int = 0
    step: int | None = None
    """Its number in the shortcut."""


@dataclass(frozen=True, slots=True)
class Outline:
    """All that code for a network needs."""

    classes: tuple[BlockClass, ...]
    attributes: tuple[Layer | Stage, ...]
    """Of the network, in the order in which they are used."""
    lines: tuple[Line, ...]
    result: str
    places: Mapping[str, Place]
    """By the node's name in the graph."""


def outline(graph: Graph) -> Outline:
    """What code for ``graph`` looks like."""
    readers = Counter(name for node in graph.nodes for name in node.inputs)
    stages = units_by_stage(graph, readers)
    attribute_names, places = Names(), dict[str, Place]()
    named = {number: attribute_names.take(f"stage{number}") for number in stages}
    units = [unit for each in stages.values() for unit in each]
    classes, calls = _classes(graph, units)
    for number, each in stages.items():
        for unit in each:
            _note_places(unit, named[number], classes[calls[id(unit)].type_name], places)
    # In Keras a layer of a block has its stage and block in its name.
    layer_names = Names(
        "images",  # the input
        *named.values(),
        *(
            name
            for place in places.values()
            for name in with_helpers(f"{place.stage}_block{place.block}_{_tail(place)}")
        ),
    )
    inside = {
        node.name: number
        for number, each in stages.items()
        for unit in each
        for node in [*unit.full.values(), *unit.chain]
    }
    steps: list[tuple[str, tuple[str, ...], Layer | Shortcut | Stage]] = []
    begun: set[int] = set()
    for node in graph.nodes:
        stage = inside.get(node.name)
        if stage is None:
            layer = _plain_layer(graph, node, layer_names.take(identifier(node.name)))
            places[node.name] = Place(layer.name)
            steps.append((node.name, node.inputs, layer))
        elif stage not in begun:
            begun.add(stage)
            each = stages[stage]
            last = each[-1].block.nodes[-1]
            steps.append(
                (
                    last,
                    (entry_of(each[0]),),
                    Stage(
                        named[stage], tuple(calls[id(unit)] for unit in each), graph.shapes[last]
                    ),
                )
            )
    lines, result = _lines(steps, INPUT)
    attributes = tuple(does for _, _, does in steps if not isinstance(does, Shortcut))
    return Outline(tuple(classes.values()), attributes, lines, result, places)


def _tail(place: Place) -> str:
    return place.name if place.step is None else f"{place.name}_{place.step}"


# Blocks of equal structure share a class.


def _structure(graph: Graph, unit: Unit) -> tuple[object, ...]:
    return tuple(
        (node.name, _pattern(graph, unit.full[node.name]), node.inputs) for node in unit.main
    )


def _pattern(graph: Graph, node: Node) -> Op | tuple[Op, int, int]:
    """The operation without the numbers that can be arguments: channels, and a stride that is the
    same both ways."""
    match node.op:
        case Conv(stride=(down, across)) as op:
            channels = graph.shapes[node.inputs[0]][0]
            each = op.groups == channels > 1
            alike = replace(op, out=0, groups=0 if each else op.groups)
            if down == across:
                alike = replace(alike, stride=(0, 0))
            return alike, op.out // channels if each else 0, 0
        case Linear() as op:
            return replace(op, out=0)
        case op:
            return op


def _classes(graph: Graph, units: Sequence[Unit]) -> tuple[dict[str, BlockClass], dict[int, Call]]:
    """Classes by name, and how each unit is made, by its ``id``."""
    alike: dict[tuple[object, ...], list[Unit]] = {}
    for unit in units:
        alike.setdefault(_structure(graph, unit), []).append(unit)
    groups: list[list[Unit]] = []
    for together in alike.values():
        ways: dict[tuple[object, ...], list[Unit]] = {}
        for unit in together:
            way = tuple(_pattern(graph, node) for node in unit.chain)
            ways.setdefault(way, []).append(unit)
        optional = len([way for way in ways if way]) <= 1 and _fits(graph, together)
        groups.extend([together] if optional else ways.values())
    names, classes, calls = Names(), dict[str, BlockClass](), dict[int, Call]()
    for group in groups:
        made, numbers = _class(graph, group, names.take(_class_name(group[0])))
        classes[made.name] = made
        optional = made.shortcut is not None and made.shortcut.optional
        for place, unit in enumerate(group):
            values = tuple((argument, vector[place] or 0) for argument, vector in numbers)
            calls[id(unit)] = Call(made.name, values, bool(unit.chain) if optional else None)
    return classes, calls


def _class_name(unit: Unit) -> str:
    """What people call such a block."""
    convolutions = [node.op for node in unit.main if isinstance(node.op, Conv)]
    kernels = [op.kernel for op in convolutions]
    added = any(isinstance(node.op, Add) for node in unit.main)
    if added and kernels == [(3, 3), (3, 3)]:
        return "BasicBlock"
    if added and kernels == [(1, 1), (3, 3), (1, 1)]:
        return "Bottleneck"
    if not added and len(kernels) == 2 and convolutions[0].groups > 1 and kernels[1] == (1, 1):
        return "SeparableConv"
    kinds = [type(node.op) for node in unit.main]
    if kinds == [Conv, BatchNorm, Relu]:
        return "ConvNormRelu"
    return "ResidualBlock" if added else "Block"


Vector = tuple[int | None, ...]
"""A number of every block of a class; None where a block does not have it."""


def _numbers(graph: Graph, node: Node) -> tuple[int, int, int]:
    """Channels (or features) in and out, and the stride, 0 where it is not one number."""
    stride = 0
    if isinstance(node.op, Conv) and node.op.stride[0] == node.op.stride[1]:
        stride = node.op.stride[0]
    return graph.shapes[node.inputs[0]][0], graph.shapes[node.name][0], stride


def _columns(graph: Graph, nodes: Sequence[Node | None]) -> tuple[Vector, Vector, Vector]:
    rows = [(None,) * 3 if node is None else _numbers(graph, node) for node in nodes]
    return tuple(zip(*rows, strict=True))  # type: ignore[return-value]  # three columns


class _Arguments:
    """The arguments of a class, found as its layers ask for numbers."""

    def __init__(self, last: Vector) -> None:
        self._last = last
        self._found: dict[tuple[str, Vector], str] = {}
        self._names = Names("x", "y", "z", "self", "name", "project")

    def text(self, kind: str, vector: Vector, wanted: str) -> str:
        """How code says these numbers. ``kind`` keeps channels and strides apart."""
        if len(set(vector)) == 1:
            return str(vector[0])
        if (kind, vector) not in self._found:
            if kind == "channels" and wanted != "in_channels":
                wanted = "out_channels" if vector == self._last else "channels"
            self._found[kind, vector] = self._names.take(wanted)
        return self._found[kind, vector]

    def known(self, kind: str, vector: Vector) -> str:
        """The same of numbers that some blocks do not have; empty where no argument has them."""
        for (other, whole), name in self._found.items():
            pairs = zip(vector, whole, strict=True)
            if other == kind and all(number in (None, one) for number, one in pairs):
                return name
        there = {number for number in vector if number is not None}
        return str(there.pop()) if len(there) == 1 else ""

    def all(self) -> list[tuple[Argument, Vector]]:
        """Each with its number for every block, strides last."""
        found = sorted(self._found.items(), key=lambda each: each[0][0] == "stride")
        return [
            (Argument(name, 1 if kind == "stride" and 1 in vector else None), vector)
            for (kind, vector), name in found
        ]


def _main_layers(graph: Graph, group: Sequence[Unit], asked: _Arguments) -> list[Layer]:
    steps = max(len(unit.chain) for unit in group)
    names, layers = Names("shortcut", *(f"shortcut_{step}" for step in range(steps))), []
    for node in group[0].main:
        whole = [unit.full[node.name] for unit in group]
        inputs, out, stride = _columns(graph, whole)
        layers.append(
            Layer(
                names.take(identifier(node.name)),
                node.op,
                asked.text("channels", inputs, "in_channels"),
                asked.text("channels", out, "channels"),
                asked.text("stride", stride, "stride") if stride[0] else "",
                graph.shapes[whole[0].inputs[0]],
                graph.shapes[whole[0].name],
            )
        )
    return layers


def _asked(graph: Graph, group: Sequence[Unit]) -> _Arguments:
    last = [unit.full[unit.main[-1].name] for unit in group]
    return _Arguments(_columns(graph, last)[1])


def _chain_layers(graph: Graph, group: Sequence[Unit], asked: _Arguments) -> list[Layer] | None:
    """Layers of the shortcut; None where one needs numbers that no argument has."""
    model = next((unit for unit in group if unit.chain), None)
    layers: list[Layer] = []
    for step, node in enumerate(model.chain if model else ()):
        nodes = [unit.chain[step] if unit.chain else None for unit in group]
        inputs, out, stride = _columns(graph, nodes)
        reads, gives = asked.known("channels", inputs), asked.known("channels", out)
        by = asked.known("stride", stride) if isinstance(node.op, Conv) else ""
        if not (reads and gives) or (isinstance(node.op, Conv) and not by):
            return None
        shapes = graph.shapes[node.inputs[0]], graph.shapes[node.name]
        layers.append(Layer(str(step), node.op, reads, gives, by, *shapes))
    return layers


def _fits(graph: Graph, group: Sequence[Unit]) -> bool:
    """Whether blocks with and without a shortcut can share a class."""
    asked = _asked(graph, group)
    _main_layers(graph, group, asked)
    return _chain_layers(graph, group, asked) is not None


def _class(
    graph: Graph, group: Sequence[Unit], name: str
) -> tuple[BlockClass, list[tuple[Argument, Vector]]]:
    asked = _asked(graph, group)
    layers = _main_layers(graph, group, asked)
    chain = _chain_layers(graph, group, asked)
    if chain is None:  # all of them have one, with numbers of its own
        chain = []
        for step, node in enumerate(group[0].chain):
            inputs, out, stride = _columns(graph, [unit.chain[step] for unit in group])
            reads = asked.text("channels", inputs, "in_channels")
            gives = asked.text("channels", out, "channels")
            by = asked.text("stride", stride, "stride") if isinstance(node.op, Conv) else ""
            shapes = graph.shapes[node.inputs[0]], graph.shapes[node.name]
            chain.append(Layer(str(step), node.op, reads, gives, by, *shapes))
    optional = not all(unit.chain for unit in group)
    shortcut = Shortcut(tuple(chain), optional) if chain else None
    steps: list[tuple[str, tuple[str, ...], Layer | Shortcut | Stage]] = []
    for node, layer in zip(group[0].main, layers, strict=True):
        sources = node.inputs
        if SHORTCUT in sources:
            if shortcut:
                steps.append((SHORTCUT, (ENTRY,), shortcut))
            else:
                sources = tuple(ENTRY if each == SHORTCUT else each for each in sources)
        steps.append((node.name, sources, layer))
    lines, result = _lines(steps, ENTRY)
    arguments = asked.all()
    made = BlockClass(
        name, tuple(argument for argument, _ in arguments), tuple(layers), shortcut, lines, result
    )
    return made, arguments


def _note_places(unit: Unit, stage: str, made: BlockClass, places: dict[str, Place]) -> None:
    for node, layer in zip(unit.main, made.layers, strict=True):
        places[unit.full[node.name].name] = Place(layer.name, stage, unit.block.index)
    for step, node in enumerate(unit.chain):
        places[node.name] = Place("shortcut", stage, unit.block.index, step)


def _plain_layer(graph: Graph, node: Node, name: str) -> Layer:
    inputs, out, stride = _numbers(graph, node)
    reads, gives = graph.shapes[node.inputs[0]], graph.shapes[node.name]
    return Layer(name, node.op, str(inputs), str(out), str(stride or ""), reads, gives)


def _lines(
    steps: Sequence[tuple[str, tuple[str, ...], Layer | Shortcut | Stage]], entry: str
) -> tuple[tuple[Line, ...], str]:
    """Statements over as few variables as there are values at a time: ``x``, ``y``, ``z``, ..."""
    left = Counter(name for _, inputs, _ in steps for name in inputs)
    total = left.copy()
    held = {entry: "x"}
    lines: list[Line] = []
    before = ""
    for name, inputs, does in steps:
        sources = tuple(held[each] for each in inputs)
        left.subtract(inputs)
        for each in inputs:
            if not left[each]:
                held.pop(each, None)
        # The variable of a value that ends here, else the first that is free.
        free = [text for text in sources if text not in held.values()]
        target = free[0] if free else next(t for t in _variables() if t not in held.values())
        goes_on = inputs == (before,) and total[before] == 1
        lines.append(Line(target, does, sources, goes_on))
        held[name] = target
        before = name
    return tuple(lines), lines[-1].target


def _variables() -> Iterable[str]:
    yield from "xyz"
    number = 4
    while True:
        yield f"x{number}"
        number += 1
