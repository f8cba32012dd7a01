"""Takes what Pydantic says of a spec; gives Diagnostics in plain words, with paths of the file.

Pydantic's location of an error names the alternative of a union as well (``optimizer.sgd.lr``);
here it is walked along the sections' own types, so that a path is what stands in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ltspec.errors import Diagnostic, Path
from ltspec.language.scalars import resolve
from ltspec.language.section import (
    Section,
    alternatives,
    is_section,
    item_annotation,
    kind,
    kind_key,
)

_TYPES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
"""What is expected, by Pydantic's name of the error."""

_RANGES = {
    "greater_than": ("gt", "must be above {}"),
    "greater_than_equal": ("ge", "must be at least {}"),
    "less_than": ("lt", "must be below {}"),
    "less_than_equal": ("le", "must be at most {}"),
}
_SIZES = {
    "too_short": ("min_length", "needs at least {}", "item"),
    "too_long": ("max_length", "takes at most {}", "item"),
    "string_too_short": ("min_length", "needs at least {}", "character"),
    "string_too_long": ("max_length", "takes at most {}", "character"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an error is, in terms of the language."""

    path: Path
    section: type[Section]
    """The innermost section on the way."""
    annotation: Any
    """What may stand there; the section's own class for an unknown key."""
    at: Literal["key", "value"] = "value"
    beside: str = ""
    """What may stand there beside a word: ``a mapping``, ``a list``, or nothing else."""


def dotted(path: Path) -> str:
    """``train.optimizer.lr``, as ``--set`` and ``explain`` take it."""
    return ".".join(str(element) for element in path)


def empties(tree: Any, path: Path = ()) -> list[Diagnostic]:
    """A diagnostic for every key or item with nothing behind it: nothing is never a value."""
    if isinstance(tree, dict):
        return [found for key, value in tree.items() for found in empties(value, (*path, key))]
    if isinstance(tree, list):
        return [found for i, value in enumerate(tree) for found in empties(value, (*path, i))]
    if tree is not None:
        return []
    message = f"nothing is written behind `{dotted(path)}`"
    return [Diagnostic("LT103", message, path, "write a value, or leave the key out", "empty")]


def diagnose(
    error: ValidationError, root: type[Section], already: Sequence[Diagnostic]
) -> list[Diagnostic]:
    """Every error, but those at or beneath a path that ``already`` has one (LT101 goes first)."""
    told = {diagnostic.path for diagnostic in already}
    found: list[Diagnostic] = []
    renamed: set[Path] = set()
    for detail in error.errors(include_url=False):
        place = locate(root, detail["loc"])
        unknown = detail["type"] == "extra_forbidden"
        if not unknown and any(place.path[:n] in told for n in range(len(place.path) + 1)):
            continue
        found.extend(_diagnostics(detail, place, root, renamed))
    # A misspelt key is one mistake: that the key it was meant to be is missing goes without saying.
    return [each for each in found if each.code != "LT102" or each.path not in renamed]


def locate(root: type[Section], loc: Iterable[str | int]) -> Place:
    """The place that Pydantic's ``loc`` means."""
    path: Path = ()
    section = root
    annotation: Any = root
    beside = ""
    for element in loc:
        choices = alternatives(annotation)
        if len(choices) > 1:  # Pydantic names the alternative; the file does not
            annotation = _alternative(choices, element)
            others = [choice for choice in choices if choice is not annotation]
            beside = "a mapping" if is_section(others[0]) else "a list"
            continue
        beside = ""
        annotation = choices[0]
        if element == "[key]":
            return Place(path, section, str, "key")
        path = (*path, element)
        if is_section(annotation):
            section = annotation
            field = section.model_fields.get(str(element))
            if field is None:
                return Place(path, section, section, "key")
            annotation = field.annotation
        else:
            annotation = item_annotation(annotation)
    return Place(path, section, annotation, beside=beside)


def _alternative(choices: tuple[Any, ...], tag: str | int) -> Any:
    """The alternative that Pydantic's tag names."""
    for choice in choices:
        if is_section(choice) and (kind(choice) == tag or (tag == "mapping" and not kind(choice))):
            return choice
        if tag == "list" and get_origin(choice) is tuple:
            return choice
    return next(
        choice for choice in choices if not is_section(choice) and get_origin(choice) is not tuple
    )


def _diagnostics(
    detail: ErrorDetails, place: Place, root: type[Section], renamed: set[Path]
) -> Iterator[Diagnostic]:
    type_, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    path, name = place.path, f"`{dotted(place.path)}`"
    key = str(path[-1]) if path else ""

    def diagnostic(code: str, message: str, hint: str = "", **more: Any) -> Diagnostic:
        return Diagnostic(code, message, more.pop("path", path), hint, at=place.at, **more)

    if type_ == "extra_forbidden":
        hint, meant = _unknown_hint(path, place.section, root)
        if meant:
            renamed.add((*path[:-1], meant))
        yield diagnostic("LT101", f"{_of(path[:-1])} has no key `{key}`", hint, label="unknown key")
    elif type_ == "missing":
        yield diagnostic("LT102", f"`{key}` is missing from {_of(path[:-1])}", _missing_hint(place))
    elif type_ == "union_tag_not_found":
        tag = kind_key(alternatives(place.annotation)[0])
        kinds = [kind(choice) or "" for choice in alternatives(place.annotation)]
        message = f"`{tag}` is missing from {_of(path)}"
        yield diagnostic("LT102", message, f"add `{tag}`: {_listed(kinds)}", path=(*path, tag))
    elif type_ == "union_tag_invalid":
        tag = kind_key(alternatives(place.annotation)[0])
        kinds = [kind(choice) or "" for choice in alternatives(place.annotation)]
        yield _choice((*path, tag), value[tag], kinds)
    elif type_ == "literal_error":
        words = [str(word) for word in _words(place.annotation)]
        yield _choice(path, value, words, place.beside)
    elif type_ in _TYPES:
        yield _wrong_type(place, value, _TYPES[type_])
    elif type_ in _RANGES:
        limit, sentence = _RANGES[type_]
        message = f"{name} is {_shown(value)}, but {sentence.format(_number(context[limit]))}"
        yield diagnostic("LT105", message)
    elif type_ in _SIZES:
        limit, sentence, things = _SIZES[type_]
        bound = int(context[limit])
        # Pydantic counts only the right items, and each wrong one has its own error.
        if type_ == "too_short" and len(value) >= bound:
            return
        plural = things if bound == 1 else things + "s"
        yield diagnostic("LT105", f"{name} {sentence.format(f'{bound:,}')} {plural}")
    elif type_ == "finite_number":
        yield diagnostic("LT105", f"{name} is {_shown(value)}, but must be a finite number")
    elif type_ == "string_pattern_mismatch":
        slug = re.sub(r"[^a-z0-9._-]+", "-", str(value).lower()).strip("-._")
        hint = f"write `{slug}`" if slug else ""
        message = f"{_shown(value)} is no name: names are made of a-z, 0-9, `.`, `_` and `-`"
        yield diagnostic("LT105", f"{message}, and begin with a letter or digit", hint)
    elif type_ == "LT108":
        message = f"this ltspec reads version 1 of the language, and the file says {_shown(value)}"
        yield diagnostic("LT108", message, "write `ltspec: 1`, or install a newer ltspec")
    elif type_ == "LT103":
        yield diagnostic("LT103", f"{name} is {_what(value)}: {detail['msg']}")
    elif type_ in ("LT105", "LT106"):
        subject = _shown(context["found"])
        message = detail["msg"].replace(str(context["found"]), subject, 1)
        yield diagnostic(type_, f"{name}: {message}", context.get("hint", ""))
    else:  # an error of Pydantic's that the language does not provoke; better plain than lost
        yield diagnostic("LT103", f"{name}: {detail['msg']}")


def _of(path: Path) -> str:
    return f"`{dotted(path)}`" if path else "the spec"


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _words(annotation: Any) -> list[Any]:
    return [
        word
        for choice in alternatives(annotation)
        if get_origin(choice) is Literal
        for word in get_args(choice)
    ]


def _close(word: str, known: Iterable[str]) -> str | None:
    from difflib import get_close_matches  # only a wrong spec needs it

    matches = get_close_matches(word.lower().replace("-", "_"), list(known), 1, 0.6)
    return (
        matches[0]
        if matches
        else next(
            iter(get_close_matches(word.lower().replace("_", "-"), list(known), 1, 0.6)), None
        )
    )


_ALIASES = {
    "learning_rate": "lr",
    "epochs": "duration",
    "steps": "duration",
    "iterations": "duration",
    "batch": "batch_size",
    "dataset": "data",
    "description": "about",
    "wd": "weight_decay",
    "eps": "epsilon",
    "rounds": "levels",
    "rate": "fraction",
    "milestones": "drops",
    "gamma": "factor",
    "network": "model",
}
"""What other tools call a key, and what it is called here."""


def _unknown_hint(path: Path, section: type[Section], root: type[Section]) -> tuple[str, str]:
    """The hint, and the key of the same section that was probably meant ("" when none)."""
    key, known = str(path[-1]), list(section.model_fields)
    meant = _ALIASES.get(key)
    if meant not in known:
        meant = _close(key, known)
    if meant:
        return f"did you mean `{meant}`?", meant
    keys = f"its keys are {_listed(known)}"
    homes = dict(_homes(key, root))
    if path in homes:  # another kind of this section has it
        other = homes[path]
        return f"`{key}` belongs to `{kind_key(other)}: {kind(other)}`; {keys}", ""
    if homes:
        return f"`{key}` belongs to {_listed([dotted(home[:-1]) for home in homes])}; {keys}", ""
    return keys, ""


def _homes(
    key: str, section: type[Section], path: Path = ()
) -> Iterator[tuple[Path, type[Section]]]:
    """Where in the language there is a key of this name, and in which section."""
    for name, field in section.model_fields.items():
        if name == key:
            yield (*path, name), section
        for choice in alternatives(field.annotation):
            if is_section(choice):
                yield from _homes(key, choice, (*path, name))


def _missing_hint(place: Place) -> str:
    """What to add: the key with its choices, or the shape of what stands behind it."""
    key = place.path[-1]
    choices = alternatives(place.annotation)
    if words := _words(place.annotation):
        return f"add `{key}`: {_listed(words)}"
    if is_section(choices[0]) and kind(choices[0]):
        kinds = _listed([f"{kind_key(c)}: {kind(c)}" for c in choices])
        return f"add `{key}`, a mapping with one of {kinds}"
    if is_section(choices[0]):
        return f"add `{key}` with {_listed(list(choices[0].model_fields))}"
    if key == "ltspec":
        return "add `ltspec: 1`, the version of the language, as the first line"
    return f"add `{key}`; `ltspec explain {dotted(place.path)}` says what it is"


def _choice(path: Path, value: Any, words: Sequence[str], beside: str = "") -> Diagnostic:
    """A value that is not one of the words that may stand there."""
    close = _close(value, words) if isinstance(value, str) else None
    hint = f"did you mean `{close}`?" if close else ""
    if len(words) == 1:
        only = f"`{words[0]}` or {beside}" if beside else f"`{words[0]}`"
        message = f"`{dotted(path)}` can only be {only}, not {_shown(value)}"
        return Diagnostic("LT104", message, path, hint)
    message = f"`{dotted(path)}` is {_shown(value)}, but must be one of {_listed(words)}"
    return Diagnostic("LT104", message, path, hint)


def _wrong_type(place: Place, value: Any, expected: str) -> Diagnostic:
    key = place.path[-1] if place.path else ""
    lead = f"{key}: " if isinstance(key, str) else ""  # an item of a list has no key
    message = f"`{dotted(place.path)}` takes {expected}, not {_what(value)}"
    hint = ""
    if expected in ("a number", "a whole number") and isinstance(value, str):
        number = _as_number(value)
        if number is not None:
            hint = f"quotes, spaces and separators make it text: write `{lead}{number}`"
    elif expected == "a whole number" and isinstance(value, float) and value.is_integer():
        hint = f"write `{lead}{int(value)}`" if abs(value) < 1e15 else ""
    elif expected == "true or false" and isinstance(value, str):
        yes = value.lower() in ("yes", "on", "y", "true")
        no = value.lower() in ("no", "off", "n", "false")
        hint = f"write `{lead}{'true' if yes else 'false'}`" if yes or no else ""
    elif expected == "a list" and isinstance(value, str | int | float):
        hint = f"write `{lead}[{value}]`"
    elif expected == "text" and isinstance(value, int | float):
        hint = f'quotes make it text: write `{lead}"{str(value).lower()}"`'
    elif expected == "a mapping" and is_section(choice := alternatives(place.annotation)[0]):
        inner = kind_key(choice)
        word = value if isinstance(value, str) and len(value) < 40 else "..."
        hint = f"write `{lead}{{{inner}: {word}}}`" if kind(choice) or inner == "name" else ""
        hint = hint or f"its keys are {_listed(list(choice.model_fields))}"
    return Diagnostic("LT103", message, place.path, hint)


def _as_number(text: str) -> str | None:
    """The number that a text was probably meant to be, as it should be written."""
    for candidate in (text.strip(), text.strip().replace("_", ""), text.strip().replace(",", ".")):
        try:
            value = resolve(candidate)
        except ValueError:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return candidate
    return None


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _shown(value: Any) -> str:
    """A value in a sentence: short, on one line."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int) and abs(value) >= 10**30:
        return "a very large number"
    if value is None or isinstance(value, dict | tuple | list):
        return _what(value)
    text = str(value).replace("\n", " ")
    return f"`{text if len(text) <= 60 else text[:57] + '...'}`"


def _what(value: Any) -> str:
    """The type of a value, in plain words, with the value where it is short."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {_shown(value)}"
        case str():
            return f"the text {_shown(value)}"
        case dict():
            return "a mapping"
        case _:
            return "a list"
