"""Takes the text of a plain YAML scalar; gives its value by the YAML 1.2 core schema.

So ``1e-4`` is a number, ``no`` is text, ``010`` is ten and ``1:30`` is text, whatever YAML 1.1
libraries make of them (YAML 1.2.2, section 10.3.2).
"""

from __future__ import annotations

import re

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **{sign + inf: float("inf") for sign in ("", "+") for inf in (".inf", ".Inf", ".INF")},
    **{"-" + inf: float("-inf") for inf in (".inf", ".Inf", ".INF")},
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")

MAX_DIGITS = 400
"""Longer numbers are refused: Python converts long digits slowly, and no spec needs them."""


def resolve(text: str) -> Scalar:
    """The value of an unquoted, untagged scalar.

    Raises:
        ValueError: a number of more than :data:`MAX_DIGITS` characters.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    for pattern, base in ((_INTEGER, 10), (_OCTAL, 8), (_HEXADECIMAL, 16)):
        if pattern.fullmatch(text):
            _refuse_long(text)
            return int(text, base)
    if _FLOAT.fullmatch(text):
        _refuse_long(text)
        return float(text)
    return text


def _refuse_long(text: str) -> None:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a number of {len(text):,} characters")
