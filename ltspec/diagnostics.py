"""Takes diagnostics and the text they are about; gives them as people and other programs read them.

Four formats: ``text`` for a terminal, ``json`` for programs, ``github`` for workflow annotations,
``sarif`` (2.1.0) for code scanning. Their shape is part of what ltspec promises.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any, Literal

from ltspec.errors import CODES, Diagnostic, Position

Format = Literal["text", "json", "github", "sarif"]

JSON_VERSION = 1
"""Goes up when the shape of ``json`` changes so that a reader would notice."""

WIDTH = 100
"""Columns that an excerpt takes at most; of a longer line, those around the caret are shown."""
_NARROWEST = 40


def render(
    diagnostics: Sequence[Diagnostic],
    file: str,
    text: str,
    format: Format = "text",
    *,
    colour: bool = False,
    columns: int = WIDTH,
) -> str:
    """The diagnostics of one file in a format, without a line feed at the end.

    ``file`` is the name that is shown and ``text`` its content ("" when it could not be read).
    ``colour`` adds ANSI colours to ``text``; the other formats are for programs and have none.
    ``columns`` is the terminal's width, which excerpts of source lines in ``text`` fit.
    """
    return render_all([(diagnostics, file, text)], format, colour=colour, columns=columns)


def render_all(
    files: Sequence[tuple[Sequence[Diagnostic], str, str]],
    format: Format | str = "text",
    *,
    colour: bool = False,
    columns: int = WIDTH,
) -> str:
    """The diagnostics of several files, each (diagnostics, name, text); JSON and SARIF are one
    document for all of them.

    Raises:
        ValueError: no such format.
    """
    told = [(each, file) for diagnostics, file, _ in files for each in diagnostics]
    match format:
        case "text":
            return "\n\n".join(_text(*each, colour, columns) for each in files)
        case "json":
            return _json(told)
        case "github":
            return "\n".join(_github(each, file) for each, file in told)
        case "sarif":
            return _sarif(told)
        case _:
            raise ValueError(f"no format is called {format!r}")


# -- text ------------------------------------------------------------------------------------------

_STYLES = {"error": "1;31", "warning": "1;33", "place": "1;34", "strong": "1"}


def _text(
    diagnostics: Sequence[Diagnostic], file: str, text: str, colour: bool, columns: int
) -> str:
    columns = max(min(columns, WIDTH), _NARROWEST)

    def paint(style: str, words: str) -> str:
        return f"\x1b[{_STYLES[style]}m{words}\x1b[0m" if colour and words else words

    blocks = []
    for each in diagnostics:
        position = each.position
        gutter = " " * len(str(position.line)) if position else " "
        head = paint(each.severity, f"{each.severity}[{each.code}]")
        lines = [head + paint("strong", f": {_safe(each.message)}")]
        lines.append(f"{gutter}{paint('place', '-->')} {_safe(_where(position, file))}")
        shown = _line(position, text)
        if position and shown is not None:
            before, marked, caret = _excerpt(shown, position, columns - len(gutter) - len(" | "))
            bar = paint("place", " |")
            label = f" {_safe(each.label)}" if each.label else ""
            lines += [
                f"{gutter}{bar}",
                f"{paint('place', f'{position.line} |')} {marked}",
                f"{gutter}{bar} {' ' * before}{paint(each.severity, '^' * caret + label)}",
            ]
        if each.hint:
            lines.append(f"{gutter}{paint('place', ' =')} hint: {_safe(each.hint)}")
        blocks.append("\n".join(line.rstrip() for line in lines))
    return "\n\n".join([*blocks, _summary(diagnostics, file)])


def _where(position: Position | None, file: str) -> str:
    if position is None:
        return file
    if _is_option(position):
        return _name(position, file)
    return f"{_name(position, file)}:{position.line}:{position.column}"


def _summary(diagnostics: Sequence[Diagnostic], file: str) -> str:
    counts = []
    for severity in ("error", "warning"):
        number = sum(each.severity == severity for each in diagnostics)
        if number:
            counts.append(f"{number} {severity}{'s' if number > 1 else ''}")
    more = f" (`ltspec explain {diagnostics[0].code}` says more)" if diagnostics else ""
    return f"{' and '.join(counts) or 'no errors'} in {_safe(file)}{more}"


def _line(position: Position | None, text: str) -> str | None:
    """The line that a position is in; None when it is not at hand."""
    if position is None:
        return None
    whole = position.origin.text if position.origin else text
    lines = re.split(r"\r\n|\r|\n", whole) if whole else []
    return lines[position.line - 1] if position.line <= len(lines) else None


def _excerpt(line: str, position: Position, width: int) -> tuple[int, str, int]:
    """(columns before the caret, the line as it is shown, columns of caret)."""
    widest = width - min(20, width // 4)
    start = min(position.column - 1, len(line))
    end = max(start, min(start + position.length, len(line)))
    before, span, after = (_safe(part) for part in (line[:start], line[start:end], line[end:]))
    if _columns(span) > widest:
        span = _cut(span, widest) + "…"
        after = ""
    if _columns(before) + _columns(span) + _columns(after) > width:
        room = width - _columns(span)
        if _columns(before) > room // 2:
            kept = max(room // 2, room - _columns(after))
            before = "…" + _cut(before[::-1], kept - 1)[::-1] if _columns(before) > kept else before
        rest = width - _columns(before) - _columns(span)
        if _columns(after) > rest:
            after = _cut(after, max(rest - 1, 0)) + "…"
    return _columns(before), before + span + after, max(_columns(span), 1)


def _safe(text: str) -> str:
    """The text with nothing that moves the cursor, turns the direction of text or is invisible."""
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character == "\t":
        return "    "
    if " " <= character <= "~":
        return character
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return f"<U+{ord(character):04X}>"
    return character


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if character <= "~":
        return 1
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cut(text: str, columns: int) -> str:
    """As much of the beginning as fits."""
    used = 0
    for index, character in enumerate(text):
        used += _width(character)
        if used > columns:
            return text[:index]
    return text


# -- for programs ----------------------------------------------------------------------------------


def _json(told: Sequence[tuple[Diagnostic, str]]) -> str:
    """One object; every key is always there, null where nothing is known.

    ``path`` is a list of keys and item numbers; ``line``, ``column`` and ``end_column`` count from
    1, in characters, ``end_column`` being the column behind the last; ``file`` is ``--set ...`` for
    a value of that option. ``explain`` is the command that says more.
    """
    return _dump(
        {
            "version": JSON_VERSION,
            "diagnostics": [
                {
                    "code": each.code,
                    "severity": each.severity,
                    "message": each.message,
                    "hint": each.hint or None,
                    "path": list(each.path),
                    "file": _name(each.position, file),
                    "line": each.position.line if each.position else None,
                    "column": each.position.column if each.position else None,
                    "end_column": _end(each.position) if each.position else None,
                    "explain": f"ltspec explain {each.code}",
                }
                for each, file in told
            ],
        }
    )


def _is_option(position: Position) -> bool:
    """Whether it is a place in an option, and not in a file."""
    return position.origin is not None and not position.origin.is_file


def _name(position: Position | None, file: str) -> str:
    return position.origin.name if position and position.origin else file


def _end(position: Position) -> int:
    return position.column + position.length


def _github(each: Diagnostic, file: str) -> str:
    """A workflow command. What comes from an option has no place in a file."""
    position = each.position
    properties = []
    message = each.message
    placed = position is not None and not _is_option(position)
    if position is not None and not placed:
        message += f" ({_name(position, file)})"
    else:
        properties.append(("file", PurePath(_name(position, file)).as_posix()))
    if position is not None and placed:
        properties += [("line", str(position.line)), ("col", str(position.column))]
        properties.append(("endColumn", str(_end(position))))
    properties.append(("title", each.code))
    words = ",".join(f"{key}={_property(value)}" for key, value in properties)
    message += f"\nhint: {each.hint}" if each.hint else ""
    return f"::{each.severity} {words}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _sarif(told: Sequence[tuple[Diagnostic, str]]) -> str:
    codes = sorted({each.code for each, _ in told})
    rules = [_rule(code) for code in codes]
    return _dump(
        {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {"driver": {"name": "ltspec", "rules": rules}},
                    "columnKind": "unicodeCodePoints",
                    "results": [_result(each, file, codes) for each, file in told],
                }
            ],
        }
    )


def _rule(code: str) -> dict[str, Any]:
    body = page(code)
    return {
        "id": code,
        "shortDescription": {"text": CODES[code]},
        "help": {"text": body, "markdown": body},
        "defaultConfiguration": {"level": "error"},
    }


def page(code: str) -> str:
    """The page of a code in Markdown, as ``ltspec explain`` shows it.

    Raises:
        KeyError: no such code.
    """
    if code not in CODES:
        raise KeyError(code)
    folder = Path(__file__).parent / "cli" / "pages"
    return (folder / f"{code}.md").read_text(encoding="utf-8")


def _result(each: Diagnostic, file: str, codes: list[str]) -> dict[str, Any]:
    position = each.position
    at = file if position is not None and _is_option(position) else _name(position, file)
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(at)}}
    message = each.message + (f" Hint: {each.hint}" if each.hint else "")
    if position is not None and _is_option(position):
        message += f" (in {_name(position, file)})"
    elif position is not None:
        place["region"] = {
            "startLine": position.line,
            "startColumn": position.column,
            "endColumn": _end(position),
        }
    return {
        "ruleId": each.code,
        "ruleIndex": codes.index(each.code),
        "level": each.severity,
        "message": {"text": message},
        "locations": [{"physicalLocation": place}],
    }


def _uri(file: str) -> str:
    """The file relative to the working directory where it lies below it, percent-encoded."""
    from urllib.parse import quote  # costs more than all else here

    path = Path(file)
    if path.is_absolute():
        if not path.is_relative_to(Path.cwd()):
            return path.as_uri()
        path = path.relative_to(Path.cwd())
    return quote(path.as_posix())


def _dump(tree: dict[str, Any]) -> str:
    return json.dumps(tree, indent=2, ensure_ascii=True)
