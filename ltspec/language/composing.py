"""Takes the events of a YAML text; gives its tree, where everything stands, and what is wrong.

Two passes. The first turns events into nodes, where an alias is a reference; the
second copies nodes into the tree, counting, so that aliases of aliases cannot expand for ever.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ltspec.errors import Diagnostic, Origin, Path, Position
from ltspec.language.scalars import Scalar, resolve

MAX_DEPTH = 40
"""Mappings and lists within each other."""
MAX_NODES = 20_000
"""Keys and values, each alias counted as all that it stands for."""


# Named tuples are defined several times as fast as frozen dataclasses, at each start of a process.
class Mark(NamedTuple):
    """Where a key and its value stand."""

    key: Position | None
    """None for the whole and for items of a list."""
    value: Position
    note: str = ""
    """A few words for who is shown this place."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text and how to find a place in it."""

    text: str
    origin: Origin | None = None
    offset: int = 0
    """Where the text begins in its origin's text."""
    _starts: list[int] = field(default_factory=list)

    def position(self, start: int, end: int) -> Position:
        """The stretch from character ``start`` to ``end``, cut at the end of the line."""
        whole = self.origin.text if self.origin is not None else self.text
        if not self._starts:
            self._starts.append(0)
            self._starts.extend(match.end() for match in re.finditer(r"\r\n|\r|\n", whole))
        start = min(start + self.offset, len(whole))
        line = bisect.bisect_right(self._starts, start)
        first = self._starts[line - 1]
        last = self._starts[line] if line < len(self._starts) else len(whole)
        content = len(whole[first:last].rstrip("\r\n")) + first
        length = max(1, min(end + self.offset, content) - start)
        return Position(line, start - first + 1, length, self.origin)


@dataclass(slots=True)
class _Node:
    """A value as it is written: a scalar, a list, a mapping, or a reference to another node."""

    position: Position
    scalar: Scalar = None
    items: list[_Node] | None = None
    pairs: list[tuple[str, Position, _Node]] | None = None
    reference: _Node | None = None
    wrong: bool = False
    """Whether there is a problem with it that leaves the rest of the text readable."""
    twice: list[str] = field(default_factory=list)
    """Keys of a mapping that are written more than once."""


class Event(NamedTuple):
    """One step of reading a YAML text, free of the library that reads it."""

    kind: Literal["document", "alias", "scalar", "list", "mapping", "end"]
    start: int
    """Character at which it begins."""
    end: int
    value: str = ""
    """Text of a scalar."""
    anchor: str | None = None
    """Name behind ``&`` or ``*``."""
    tagged: bool = False
    plain: bool = False
    """Whether a scalar has no quotes, so that it may be a number."""
    flow: bool = False
    """Whether a list or mapping is written in brackets."""
    foreign: bool = False
    """Whether a document asks for another YAML than 1.2, or declares tags."""


class Unreadable(Exception):  # noqa: N818  (what is wrong with the text becomes a Diagnostic)
    """The text is not YAML, at a character."""

    def __init__(self, code: str, message: str, at: int, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.at, self.hint = code, message, at, hint


class _Stop(Exception):  # noqa: N818  (a way out of the recursion)
    """Nothing more can be read; the problem is noted."""


class Composed(NamedTuple):
    """One YAML document."""

    tree: Any
    """None where it is empty, or cannot be read."""
    positions: dict[Path, Mark]
    problems: list[Diagnostic]
    holes: list[Path]
    """Where the tree is not what was meant: the places of those problems."""
    readable: bool
    """Whether the tree is all there but for the holes, so that it can be asked what else is
    wrong."""


def compose(text: Text, events: Iterator[Event]) -> Composed:
    """The one document of a text."""
    composer = _Composer(text, events)
    copier = _Copier(composer.problems)
    tree = None
    readable = False
    try:
        node = composer.document()
        readable = not composer.lost
        if readable:
            tree = copier.copy(node, (), None, 0)
    except _Stop:
        readable = False
    except Unreadable as error:
        readable = False
        place = text.position(error.at, error.at + 1)
        composer.problems.append(
            Diagnostic(error.code, error.message, hint=error.hint, position=place)
        )
    return Composed(tree, copier.positions, composer.problems, copier.holes, readable)


class _Composer:
    """First pass: events to nodes."""

    def __init__(self, text: Text, events: Iterator[Event]) -> None:
        self.text = text
        self.problems: list[Diagnostic] = []
        self.lost = False
        """Whether a key could not be read, and what stands behind it has no place in the tree."""
        self.anchors: dict[str, _Node] = {}
        self.nodes = 0
        self.events = events

    def _note(self, code: str, message: str, start: int, end: int, hint: str = "") -> None:
        place = self.text.position(start, end)
        self.problems.append(Diagnostic(code, message, hint=hint, position=place))

    def _fail(self, code: str, message: str, start: int, end: int, hint: str = "") -> None:
        self._note(code, message, start, end, hint)
        raise _Stop

    def document(self) -> _Node:
        """The one document of the text."""
        root: _Node | None = None
        documents = 0
        for event in self.events:
            if event.kind == "document":
                documents += 1
                start = event.start
                if documents > 1:
                    hint = "write one spec a file"
                    self._fail("LT008", "a second document begins here", start, start + 3, hint)
                if event.foreign:
                    message = "a directive of another YAML than 1.2"
                    self._fail("LT008", message, start, start + 1, "leave the line with `%` out")
            else:
                root = self._node(event, 1, None)
        return root if root is not None else _Node(self.text.position(0, 1))

    def _node(self, event: Event, depth: int, key: Position | None) -> _Node:
        """The node that begins with ``event``; ``key`` is where its key stands."""
        start, end = event.start, event.end
        self.nodes += 1
        if self.nodes > MAX_NODES:
            message = f"more than {MAX_NODES:,} keys and values"
            self._fail("LT002", message, start, end, "a spec is a page of text")
        if event.kind == "alias":
            return self._alias(event, start, end)
        if event.tagged:
            hint = "leave the tag out; text is written in quotes"
            self._note("LT008", "tags such as `!!int` are not used in specs", start, end, hint)
        empty = start == end
        place = key if empty and key is not None else self.text.position(start, end)
        node = _Node(place, wrong=event.tagged)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        if event.kind == "scalar":
            before = len(self.problems)
            node.scalar = self._scalar(event, start, end)
            node.wrong = node.wrong or len(self.problems) > before
            return node
        if depth > MAX_DEPTH:
            message = f"more than {MAX_DEPTH} mappings and lists within each other"
            self._fail("LT006", message, start, start + 1, "a spec needs fewer than ten")
        if event.kind == "list":
            node.items = []
            self._items(node, node.items, depth, start, flow=event.flow)
        else:
            node.pairs = []
            self._pairs(node, node.pairs, depth, start, flow=event.flow)
            if not event.flow and node.pairs:
                node.position = node.pairs[0][1]
        return node

    def _alias(self, event: Event, start: int, end: int) -> _Node:
        target = self.anchors.get(event.anchor or "")
        if target is None:
            message = f"`*{event.anchor}` refers to `&{event.anchor}`, which is not written above"
            hint = "text that begins with `*` is written in quotes"
            self._note("LT004", message, start, end, hint)
        return _Node(self.text.position(start, end), reference=target, wrong=target is None)

    def _scalar(self, event: Event, start: int, end: int) -> Scalar:
        if not event.plain:  # quoted or a block: always text
            return event.value
        try:
            return resolve(event.value)
        except ValueError as error:
            self._note("LT105", f"{error} is too long", start, end)
            return 0

    def _items(
        self, node: _Node, items: list[_Node], depth: int, start: int, *, flow: bool
    ) -> None:
        for event in self.events:
            if event.kind == "end":
                if flow:
                    node.position = self.text.position(start, event.end)
                return
            items.append(self._node(event, depth + 1, None))

    def _pairs(
        self,
        node: _Node,
        pairs: list[tuple[str, Position, _Node]],
        depth: int,
        start: int,
        *,
        flow: bool,
    ) -> None:
        first: dict[str, Position] = {}
        for event in self.events:
            if event.kind == "end":
                if flow:
                    node.position = self.text.position(start, event.end)
                return
            key = self._key(event, depth)
            place = self.text.position(event.start, event.end)
            if key is not None and key in first:
                line = first[key].line
                message = f"the key `{key}` is written twice, first in line {line}"
                hint = "leave one of them out"
                self.problems.append(
                    Diagnostic("LT005", message, hint=hint, label="again", position=place)
                )
                node.twice.append(key)
            value = self._node(next(self.events), depth + 1, place)
            if key is None:
                self.lost = True
            else:
                first.setdefault(key, place)
                pairs.append((key, place, value))

    def _key(self, event: Event, depth: int) -> str | None:
        """The text of a key; None, and a problem, when it is something else."""
        start, end = event.start, event.end
        node = self._node(event, depth + 1, None)
        if event.kind != "scalar":
            what = "an alias" if event.kind == "alias" else "a mapping or a list"
            self._note("LT008", f"{what} cannot be a key", start, end, "keys are plain words")
            return None
        if event.value == "<<" and event.plain:
            hint = "write the keys out; an alias may stand for a whole value"
            self._note("LT008", "merge keys (`<<`) are not used in specs", start, end, hint)
            return None
        if not isinstance(node.scalar, str):
            shown = event.value or "nothing"
            hint = f'write `"{event.value}"` if it is a name' if event.value else ""
            if isinstance(node.scalar, int | float) and not isinstance(node.scalar, bool):
                hint += "; a decimal comma is written as a point"
            message = f"the key `{shown}` is not text"
            self._note("LT008", message, start, max(end, start + 1), hint)
            return None
        return node.scalar


@dataclass(slots=True)
class _Copier:
    """Second pass: nodes to the tree, with references written out."""

    problems: list[Diagnostic]
    positions: dict[Path, Mark] = field(default_factory=dict)
    holes: list[Path] = field(default_factory=list)
    open: set[int] = field(default_factory=set)
    """The nodes that are being copied, to find an alias that contains itself."""
    copied: int = 0

    def copy(self, node: _Node, path: Path, key: Position | None, depth: int) -> Any:
        """The value of a node, and the positions of everything in it."""
        place = node.position
        while node.reference is not None:
            node = node.reference
        if node.wrong:
            self.holes.append(path)
        self.holes.extend((*path, name) for name in node.twice)
        self.copied += 1
        if self.copied > MAX_NODES:
            self._fail("LT007", f"aliases expand to more than {MAX_NODES:,} values", place)
        if id(node) in self.open:
            self._fail("LT007", "an alias stands within what it refers to", place)
        if depth > MAX_DEPTH:
            self._fail("LT006", f"aliases nest more than {MAX_DEPTH} levels deep", place)
        self.positions[path] = Mark(key, place)
        if node.items is None and node.pairs is None:
            return node.scalar
        self.open.add(id(node))
        value: Any
        if node.items is not None:
            value = [
                self.copy(item, (*path, i), None, depth + 1) for i, item in enumerate(node.items)
            ]
        else:
            value = {
                name: self.copy(item, (*path, name), where, depth + 1)
                for name, where, item in node.pairs or ()
            }
        self.open.discard(id(node))
        return value

    def _fail(self, code: str, message: str, place: Position) -> None:
        self.problems.append(Diagnostic(code, message, hint="write it out", position=place))
        raise _Stop
