"""Takes one value as it is written; gives it when it is right, or which alternative it is meant as.

What the sections' types call beyond Pydantic's own checks. Pydantic itself is not needed here, so
that :mod:`ltspec.language.accept` can call the same functions without it.
"""

from __future__ import annotations

from typing import Any

from pydantic_core import PydanticCustomError

VERSION = 1
"""The version of the language that this ltspec reads."""


def known_version(version: int) -> int:
    """``version`` as it is; an error when it is another one than ours."""
    if version != VERSION:
        raise PydanticCustomError("LT108", "version {found}", {"found": version})
    return version


def unique(items: tuple[Any, ...]) -> tuple[Any, ...]:
    """``items`` as they are; an error when two of them are the same."""
    seen: list[Any] = []
    for item in items:
        if item in seen:
            raise PydanticCustomError("LT105", "{found} is written twice", {"found": item})
        seen.append(item)
    return items


def word_or_list(value: Any) -> str | None:
    """The tag of a field that is a word or a list."""
    if isinstance(value, tuple | list):
        return "list"
    return "word" if isinstance(value, str) else None


def list_or_mapping(value: Any) -> str | None:
    """The tag of a field that is a list or a mapping."""
    if isinstance(value, dict):
        return "mapping"
    return "list" if isinstance(value, tuple | list) else None


def word_or_mapping(value: Any) -> str | None:
    """The tag of a field that is a word or a section."""
    if _is_mapping(value):
        return "mapping"
    return "word" if isinstance(value, str) else None


def word_or_number(value: Any) -> str:
    """The tag of a field that is a number or a word; what is neither is told to be no number."""
    return "word" if isinstance(value, str) else "number"


class Named(dict[str, str]):
    """A section that was written as the word that names it."""


def named(value: Any) -> Any:
    """A word as the section of that name, with its defaults; all else as it is."""
    return Named(name=value) if isinstance(value, str) else value


def number_or_mapping(value: Any) -> str:
    """The tag of a field that is a number or a section; what is neither is told to be no number."""
    return "mapping" if _is_mapping(value) else "number"


def _is_mapping(value: Any) -> bool:
    """Whether it is a section: as it is read, or the model when a spec is written out."""
    return isinstance(value, dict) or hasattr(value, "model_fields_set")
