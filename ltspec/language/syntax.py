"""Takes what the YAML parser says of a text; gives a sentence that a person can act on."""

from __future__ import annotations

import re

_QUOTE = "text that begins with a special character is written in quotes"

_SENTENCES: tuple[tuple[str, str, str], ...] = (
    (r"found character '\\t'", "a tab stands where only spaces may", "indent with spaces"),
    (r"tab", "a tab stands where only spaces may", "indent with spaces"),
    (
        r"found character '([^']+)' that cannot start",
        "`{0}` cannot begin a value",
        _QUOTE,
    ),
    (
        r"mapping values are not allowed",
        "a colon is not expected here",
        "a value that contains `: ` is written in quotes; check the indentation of this line",
    ),
    (
        r"could not find expected ':'",
        "a colon is expected behind a key",
        "write `key: value`, with a space behind the colon",
    ),
    (
        r"while scanning a quoted scalar.*unexpected end of stream",
        "a quotation mark is not closed",
        "close it with the same mark",
    ),
    (
        r"while scanning a double-quoted scalar.*(unknown escape|expected escape)",
        "a backslash in double quotes begins an escape that YAML does not know",
        "use single quotes, or write the backslash twice",
    ),
    (
        r"while parsing a flow (?:sequence|mapping|node).*(?:<stream end>|end of stream)",
        "a bracket is not closed",
        "close it with `]` or `}`",
    ),
    (
        r"while parsing a flow sequence.*expected ',' or '\]'",
        "a comma or `]` is expected here",
        "",
    ),
    (
        r"while parsing a flow mapping.*expected ',' or '\}'",
        "a comma or `}` is expected here",
        "",
    ),
    (
        r"expected the node content, but found '(.+?)'",
        "a value is expected here, not `{0}`",
        _QUOTE,
    ),
    (
        r"expected <block end>, but found '(?:-|<block sequence start>|<block entry>)'",
        "a list item is not expected here",
        "check the indentation of this line",
    ),
    (
        r"expected <block end>",
        "this line does not belong to what stands above it",
        "check its indentation; keys of one mapping begin in the same column",
    ),
    (
        r"expected '<document start>'",
        "the document has ended, and something follows",
        "check the indentation of this line, and the quotes and brackets above",
    ),
    (
        r"expected alphabetic or numeric character",
        "`*` and `&` begin an alias or an anchor, and a name must follow",
        _QUOTE,
    ),
)


def sentence(said: str, text: str, at: int, opening: int | None) -> tuple[str, str, int]:
    """(message, hint, character to point to) of what the parser ``said`` of ``text`` at ``at``.

    ``opening`` is where the thing that it was reading begins, when it was reading one.
    """
    if opening is not None and "expected ','" in said and "\n" in text[opening:at]:
        # A key in a later line was read as part of the list: the bracket is what is wrong.
        return "a bracket is not closed in its line", "close it with `]` or `}`", opening
    no_key = "mapping values are not allowed" in said or "could not find expected ':'" in said
    if no_key and (word := _bare_word_above(text, at)):
        name = word.group(1)
        return f"a colon is missing behind `{name}`", f"write `{name}:`", word.start(1)
    if "mapping values are not allowed" in said or "expected <block end>" in said:
        indents = _indents(text, at)
        if indents is not None:
            here, above, start = indents
            message = f"this line is indented by {here}, the one above by {above}"
            hint = "keys of one mapping begin in the same column"
            if here > above:
                hint += ", and a key with others beneath it has nothing behind its colon"
            return message, hint, start
    for pattern, message, hint in _SENTENCES:
        match = re.search(pattern, said, re.DOTALL)
        if match is None:
            continue
        if "not closed" in message and opening is not None:
            at = opening  # helps more than the end of the file
        return message.replace("{0}", (match.groups() or ("",))[0] or ""), hint, at
    return f"this is not YAML: {said or 'unreadable'}", "", at


def _bare_word_above(text: str, at: int) -> re.Match[str] | None:
    """The word that stands alone in the line above, where it must be a key without its colon."""
    return re.search(r"(?:^|\n) *(\w+) *(?:#[^\n]*)?\r?\n[^\n]*\Z", text[:at])


def _indents(text: str, at: int) -> tuple[int, int, int] | None:
    """(spaces before the line that ``at`` is in, those before the line above, where the line's own
    text begins); None when they are the same, or ``at`` is not in the line's first key."""
    begin = text.rfind("\n", 0, at) + 1
    until = text[begin:at]
    above = [line for line in text[:begin].splitlines() if line.split("#")[0].strip()]
    if not above or ": " in until or "{" in until or "[" in until:
        return None
    line = text[begin:].split("\n", 1)[0]
    here = len(line) - len(line.lstrip(" "))
    upper = len(above[-1]) - len(above[-1].lstrip(" "))
    return (here, upper, begin + here) if here != upper else None
