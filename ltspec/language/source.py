"""Takes a file or a text of YAML; gives a plain tree, and where each key and value of it stands.

The only module that knows YAML. It reads ruamel.yaml's events and builds the tree itself, so that
positions are exact, duplicate keys are errors, scalars follow YAML 1.2, and hostile input (a
hundred thousand brackets, aliases of aliases) is refused before it costs time or memory.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)
from ruamel.yaml.reader import ReaderError

from ltspec.errors import Diagnostic, Origin, Path, Position, SpecError, UsageError
from ltspec.language.composing import Event, Mark, Text, Unreadable, compose
from ltspec.language.home import Home
from ltspec.language.syntax import sentence
from ltspec.language.tree import NoKeysError, is_swept, replaced

MAX_BYTES = 256 * 1024
"""A spec is a page of text; a file beyond this is something else."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a file says, before anyone asks what it means."""

    file: str
    """Its name, as the user wrote it."""
    text: str
    """All of it, for the lines that diagnostics show."""
    tree: Any
    """Dicts, lists, text, numbers, true, false and None."""
    positions: Mapping[Path, Mark]
    """Where each path of the tree stands."""
    problems: tuple[Diagnostic, ...] = ()
    """What is wrong with how it is written, such as a key that is there twice, where the rest can
    be read all the same: to be told with what is wrong with that."""
    holes: tuple[Path, ...] = ()
    """Where the tree is not what was meant, because of the problems."""
    home: Home = field(default_factory=Home, compare=False)
    """Where the file lies."""

    def position(self, path: Path, at: str = "value") -> Position | None:
        """Where ``path`` stands; for what is not written, the nearest key above it."""
        mark = self.positions.get(path)
        if mark is not None:
            return mark.key if at == "key" and mark.key is not None else mark.value
        for length in range(len(path) - 1, -1, -1):
            if mark := self.positions.get(path[:length]):
                return mark.key or mark.value
        return None

    def placed(self, diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
        """The diagnostics with their positions, in the order of the file, options last."""
        placed = [
            each
            if each.position is not None
            else replace(
                each,
                position=self.position(each.path, each.at),
                label=", ".join(filter(None, (each.label, self._note(each.path)))),
            )
            for each in diagnostics
        ]
        return tuple(sorted(placed, key=_order))

    def _note(self, path: Path) -> str:
        mark = self.positions.get(path)
        return mark.note if mark else ""


def _order(diagnostic: Diagnostic) -> tuple[bool, int, int]:
    position = diagnostic.position
    if position is None:
        return (False, 0, 0)
    return (position.origin is not None, position.line, position.column)


def read(path: str | os.PathLike[str]) -> Source:
    """The spec in a file. What is wrong and leaves it readable is among its problems.

    Raises:
        SpecError: the file cannot be read (LT001 to LT003), or is not YAML that a spec may be
            written in (LT004 to LT009).
    """
    file = os.fspath(path)
    return parse_text(_decode(_bytes(file), file), file)


def parse_text(text: str, file: str) -> Source:
    """The spec in a text; ``file`` is its name in messages. What is wrong and leaves it readable is
    among its problems.

    Raises:
        SpecError: not YAML that a spec may be written in (LT004 to LT009).
    """
    if len(text) > MAX_BYTES:
        raise _refused("LT002", f"the text has {len(text):,} characters", _SIZE_HINT, file)
    text = text.removeprefix("\ufeff")
    found = compose(Text(text), _events(text))
    problems = found.problems
    is_spec = isinstance(found.tree, dict) and "ltspec_plan" not in found.tree
    if not problems and not is_spec:
        problems = [_not_a_spec(found.tree, found.positions)]
    if not found.readable or not is_spec:
        raise SpecError(problems, file, text)
    return Source(
        file,
        text,
        found.tree,
        found.positions,
        tuple(problems),
        tuple(found.holes),
        Home((file,)),
    )


def override(source: Source, assignment: str) -> Source:
    """The source with one value replaced, as ``--set path=value`` does; nothing is checked yet.

    The value is YAML. List items are named by number (``seeds.0``); parents that are not there
    are made. Positions beneath the path refer to the option's own text. A key that the sweep has a
    list of its own for has the one value then, and is swept no more.

    Raises:
        UsageError: no path, or a path that leads through something that has no keys (LT309).
        SpecError: the value is not YAML; its file is the option itself.
    """
    dotted, equals, _ = assignment.partition("=")
    keys = dotted.strip().split(".")
    if not equals or not all(keys):
        hint = "write `--set path=value`, such as `--set train.optimizer.lr=0.03`"
        raise UsageError(f"`{assignment}` does not set a key", code="LT309", hint=hint)
    origin = Origin(f"--set {assignment}", assignment)
    start = len(dotted) + 1
    option = Text(assignment[start:], origin, start)
    value, found, problems, *_ = compose(option, _events(assignment[start:]))
    if problems:
        raise SpecError(problems, origin.name, assignment)
    before = source.tree
    try:
        if is_swept(before) or keys[0] == "sweep":
            from ltspec.language.points import aimed  # few specs have a sweep

            before, keys = aimed(before, keys)
        tree, path = replaced(before, keys, value)
    except NoKeysError as error:
        raise UsageError(f"`--set {dotted}`: {error}", code="LT309", hint=error.hint) from None
    whole = Position(1, 1, max(len(dotted), 1), origin)
    positions = {k: mark for k, mark in source.positions.items() if k[: len(path)] != path}
    for length in range(1, len(path)):
        positions.setdefault(path[:length], Mark(whole, whole))
    positions |= {path + inner: mark for inner, mark in found.items()}
    value_mark = found.get((), Mark(None, whole)).value
    positions[path] = Mark(whole, whole if value is None else value_mark)
    # A problem remains one of the file, even where the option sets another value.
    holes = tuple(hole for hole in source.holes if hole[: len(path)] != path)
    return replace(source, tree=tree, positions=positions, holes=holes)


def write(tree: Any) -> str:
    """A tree as YAML that :func:`parse_text` reads back to the same tree."""
    from io import StringIO

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.allow_unicode = True
    yaml.width = 10_000  # one value, one line
    stream = StringIO()
    yaml.dump(tree, stream)
    return stream.getvalue()


def _events(text: str) -> Iterator[Event]:
    """What ruamel.yaml reads, event by event; whatever it raises becomes :class:`Unreadable`."""
    at = 0
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            at = event.start_mark.index
            if isinstance(event, DocumentStartEvent | NodeEvent | CollectionEndEvent):
                yield _event(event)
    except RecursionError:
        raise Unreadable("LT006", "brackets within brackets, too deep to be read", at) from None
    except ReaderError as error:
        # Its character is a number, or a text of one character.
        code = error.character if isinstance(error.character, int) else ord(error.character)
        message = f"a control character (U+{code:04X}) stands here"
        hint = "remove it, or write it as an escape in double quotes"
        raise Unreadable("LT004", message, int(error.position), hint) from None
    except MarkedYAMLError as error:
        said = " ".join(str(part) for part in (error.context, error.problem) if part)
        mark, opening = error.problem_mark or error.context_mark, error.context_mark
        message, hint, at = sentence(
            said, text, mark.index if mark else at, opening.index if opening else None
        )
        raise Unreadable("LT004", message, at, hint) from None
    except (YAMLError, *_SLIPS):
        raise Unreadable("LT004", "this cannot be read as YAML", at) from None


_SLIPS = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    AssertionError,
    NotImplementedError,
)
"""What the parser raises by mistake on some texts that are not YAML: an escape beyond Unicode, a
directive with an absurd version. A person must see a place, not a traceback."""


def _event(event: Any) -> Event:
    """An event of ruamel.yaml as one of ours."""
    start, end = event.start_mark.index, event.end_mark.index
    if isinstance(event, DocumentStartEvent):
        other = event.version is not None and tuple(event.version) != (1, 2)
        return Event("document", start, end, foreign=other or bool(event.tags))
    if isinstance(event, AliasEvent):
        return Event("alias", start, end, anchor=event.anchor)
    tagged = bool(str(getattr(event, "ctag", None) or ""))
    if isinstance(event, ScalarEvent):
        plain = bool(event.implicit[0])
        return Event("scalar", start, end, str(event.value), event.anchor, tagged, plain)
    if isinstance(event, CollectionStartEvent):
        kind: Literal["mapping", "list"] = "list"
        if isinstance(event, MappingStartEvent):
            kind = "mapping"
        flow = bool(event.flow_style)
        return Event(kind, start, end, anchor=event.anchor, tagged=tagged, flow=flow)
    return Event("end", start, end)


_SIZE_HINT = f"a spec is at most {MAX_BYTES // 1024} KiB of text"


def _refused(code: str, message: str, hint: str, file: str) -> SpecError:
    return SpecError([Diagnostic(code, message, hint=hint)], file)


def _bytes(file: str) -> bytes:
    """What is in a regular file of a sensible size; anything else is not read."""
    try:
        # Non-blocking, so that a pipe without a writer does not wait for one for ever.
        descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            if stat.S_ISDIR(status.st_mode):
                raise _refused("LT001", "it is a directory", "name a file in it", file)
            if not stat.S_ISREG(status.st_mode):
                hint = "save the spec to a file first"
                raise _refused("LT001", "it is a pipe or a device, not a file", hint, file)
            # One byte more tells a file that is too large from one that just fits.
            content = stream.read(MAX_BYTES + 1)
            size = max(status.st_size, len(content))
    except (OSError, ValueError) as error:
        raise _refused("LT001", _reason(error), _advice(error, file), file) from None
    if len(content) > MAX_BYTES:
        raise _refused("LT002", f"it has {size:,} bytes", _SIZE_HINT, file)
    return content


_BINARY = getattr(os, "O_BINARY", 0)


def _reason(error: OSError | ValueError) -> str:
    match error:
        case FileNotFoundError():
            return "there is no such file"
        case IsADirectoryError():
            return "it is a directory"
        case PermissionError():
            return "you may not read it"
        case OSError():
            return f"it cannot be read: {(error.strerror or str(error)).lower()}"
        case _:
            return "that is no name of a file"


def _advice(error: OSError | ValueError, file: str) -> str:
    if isinstance(error, IsADirectoryError):
        return "name a file in it"
    if not isinstance(error, FileNotFoundError):
        return ""
    if file == "-":
        return "a spec is read from a file, not from standard input"
    try:
        names = [name.name for name in FilePath(file).parent.iterdir()]
    except OSError:
        return "the folder is not there either"
    from difflib import get_close_matches  # only a wrong name needs it

    wanted = FilePath(file)
    # That both end in `.yaml` is no likeness.
    close = [
        name
        for name in get_close_matches(wanted.name, names, 3)
        if get_close_matches(wanted.stem, [FilePath(name).stem], 1)
    ]
    return f"did you mean `{wanted.parent / close[0]}`?" if close else ""


def _decode(content: bytes, file: str) -> str:
    zero = content.find(b"\0")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The codec counts from behind a byte-order mark.
        offset = error.start + (3 if content.startswith(b"\xef\xbb\xbf") else 0)
        if 0 <= zero < offset:
            offset = zero
        utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
        hint = "save it as UTF-8" + ("; it looks like UTF-16" if utf16 else "")
        message = f"byte {offset:,} (0x{content[offset]:02x}) is not UTF-8"
        raise _refused("LT003", message, hint, file) from None
    if zero >= 0:
        raise _refused("LT003", f"byte {zero:,} is zero: this is not text", "save as UTF-8", file)
    return text


def _not_a_spec(tree: Any, positions: Mapping[Path, Mark]) -> Diagnostic:
    hint = "a spec begins with `ltspec: 1`; `ltspec explain LT009` shows a small one"
    if tree is None:
        return Diagnostic("LT009", "the file is empty", hint=hint)
    if isinstance(tree, dict):
        hint = "give it to `ltspec run`, `show`, `report` or `diff`"
        message = "the file is a plan, which was made from a spec"
        return Diagnostic("LT009", message, hint=hint, position=positions[("ltspec_plan",)].key)
    found = "a list" if isinstance(tree, list) else "a single value"
    message = f"the file is {found}, not keys and values"
    return Diagnostic("LT009", message, hint=hint, position=positions[()].value)
