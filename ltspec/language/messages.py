"""Takes what Pydantic says of a spec; gives Diagnostics in plain words, with paths of the file.

Pydantic's location of an error names the alternative of a union as well (``optimizer.sgd.lr``);
here it is walked along the sections' own types, so that a path is what stands in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import takewhile
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ltspec.errors import Diagnostic, Path
from ltspec.language.checks import Named
from ltspec.language.scalars import resolve
from ltspec.language.section import (
    Section,
    alternatives,
    fields,
    is_section,
    item_annotation,
    kind,
    kind_key,
)
from ltspec.language.tree import dotted

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
    items: tuple[str, ...] = ()
    """The words that such a list is made of, where it is one of words."""


class Diagnosis(NamedTuple):
    """What is wrong with the keys of a spec."""

    found: list[Diagnostic]
    meant: set[Path]
    """Keys that misspelt ones were probably meant to be: what stands there is not known."""
    kinds: dict[Path, list[str]]
    """Sections that do not say of which kind they are, and the kinds that may be meant, each with
    the key that names it: ``name: sgd`` is ``["name", "sgd"]`` at ``train.optimizer``."""


def diagnose(
    error: ValidationError, root: type[Section], already: Sequence[Diagnostic]
) -> Diagnosis:
    """Every error, but those at or beneath a path that ``already`` has one (LT101 goes first)."""
    told = {diagnostic.path for diagnostic in already}
    found: list[Diagnostic] = []
    renamed: set[Path] = set()
    kinds: dict[Path, list[str]] = {}
    for detail in error.errors(include_url=False):
        place = locate(root, detail["loc"])
        unknown = detail["type"] == "extra_forbidden"
        if not unknown and any(place.path[:n] in told for n in range(len(place.path) + 1)):
            continue
        found.extend(_diagnostics(detail, place, root, renamed))
        if detail["type"].startswith("union_tag") and type(detail["input"]) is dict:
            kinds[place.path] = _possible_kinds(place.annotation, detail["input"])
    # A misspelt key is one mistake: that the key it was meant to be is missing goes without saying.
    found = [each for each in found if each.code != "LT102" or each.path not in renamed]
    return Diagnosis(found, renamed, kinds)


def _possible_kinds(annotation: Any, written: dict[str, Any]) -> list[str]:
    """The key that names the kind, and the kinds that a section may be meant as: the one that is
    nearly written, or that stands behind another key; else all."""
    sections = [each for each in alternatives(annotation) if is_section(each)]
    tag = kind_key(sections[0])
    known = [kind(section) or "" for section in sections]
    word = written.get(tag)
    if tag in written:
        close = _close(word, known, _LIKELY) if isinstance(word, str) else None
        return [tag, *([close] if close else known)]
    words = [written[key] for key in _KIND_KEYS if isinstance(written.get(key), str)]
    return [tag, *([each for each in known if each in words] or known)]


def locate(root: type[Section], loc: Iterable[str | int]) -> Place:
    """The place that Pydantic's ``loc`` means."""
    path: Path = ()
    section = root
    annotation: Any = root
    beside = ""
    items: tuple[str, ...] = ()
    for element in loc:
        if element == "[key]":
            return Place(path, section, str, "key")
        choices = alternatives(annotation)
        if len(choices) > 1:  # Pydantic names the alternative; the file does not
            annotation = _alternative(choices, element)
            others = [choice for choice in choices if choice is not annotation]
            beside = "a mapping" if is_section(others[0]) else "a list"
            beside = "a number" if others[0] is int else beside
            items = tuple(map(str, _items(others[0])))
            continue
        beside, items = "", ()
        annotation = choices[0]
        path = (*path, element)
        if is_section(annotation):
            section = annotation
            field = fields(section).get(str(element))
            if field is None:
                return Place(path, section, section, "key")
            annotation = field.annotation
        else:
            annotation = item_annotation(annotation)
    return Place(path, section, annotation, beside=beside, items=items)


def _items(choice: Any) -> list[Any]:
    """The words that a list is made of; none where it is no list of words."""
    return _words(item_annotation(choice)) if get_origin(choice) is tuple else []


def _alternative(choices: tuple[Any, ...], tag: str | int) -> Any:
    """The alternative that Pydantic's tag names."""
    for choice in choices:
        if is_section(choice) and (kind(choice) == tag or (tag == "mapping" and not kind(choice))):
            return choice
        if tag == "list" and get_origin(choice) is tuple:
            return choice
        if tag == "word" and get_origin(choice) is Literal:
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
        known = list(fields(place.section))
        yield _unknown(path, value, known, kind_key(place.section), root, renamed)
    elif type_ == "missing":
        yield diagnostic("LT102", f"`{key}` is missing from {_of(path[:-1])}", _missing_hint(place))
    elif type_ == "union_tag_not_found":
        tag = kind_key(alternatives(place.annotation)[0])
        kinds = [kind(choice) or "" for choice in alternatives(place.annotation)]
        message = f"`{tag}` is missing from {_of(path)}"
        known = _keys_of_all(place.annotation, value)
        for written, inner in value.items():
            if written not in known:
                yield _unknown((*path, written), inner, known, tag, root, renamed)
        yield diagnostic("LT102", message, f"add `{tag}`: {_listed(kinds)}", path=(*path, tag))
    elif type_ == "union_tag_invalid":
        tag = kind_key(alternatives(place.annotation)[0])
        kinds = [kind(choice) or "" for choice in alternatives(place.annotation)]
        yield _choice(path if isinstance(value, Named) else (*path, tag), value[tag], kinds)
    elif type_ == "literal_error":
        words = [str(word) for word in _words(place.annotation)]
        wrong = _choice(path, value, words, place.beside)
        hint = _rewind_hint(key, value) if place.beside else ""
        if isinstance(value, str) and (meant := _close(value, place.items, _LIKELY)):
            hint = f"write `{key}: [{meant}]`"
        yield replace(wrong, hint=hint or wrong.hint)
    elif type_ in _TYPES:
        yield _wrong_type(place, value, _TYPES[type_])
    elif type_ in _RANGES:
        limit, sentence = _RANGES[type_]
        message = f"{name} is {_shown(value)}, but {sentence.format(_number(context[limit]))}"
        yield diagnostic("LT105", message, _range_hint(key, value))
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
        hint = _rewind_hint(key, value)
        yield diagnostic("LT103", f"{name} is {_what(value)}: {detail['msg']}", hint)
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


def _close(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    from difflib import get_close_matches  # only a wrong spec needs it

    known = list(known)
    for spelt in (word.lower().replace("-", "_"), word.lower().replace("_", "-")):
        if matches := get_close_matches(spelt, known, 1, cutoff):
            return matches[0]
    return None


_SURE = 0.8
"""How like a key must be for a slip of the keyboard; below, an exact key elsewhere is likelier."""
_LIKELY = 0.75
"""How like a choice must be: below, the list of choices says more."""


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
    "lr_decay": "lr_schedule",
}
"""What other tools call a key, and what it is called here."""


_KIND_KEYS = ("name", "type", "kind", "family", "method")
"""What the key that says the kind of a section is called, here or elsewhere."""


def _unknown(
    path: Path,
    value: Any,
    known: Sequence[str],
    tag: str,
    root: type[Section],
    renamed: set[Path],
) -> Diagnostic:
    """A key that its section does not have; ``known`` are those it has, ``tag`` the first."""
    key = str(path[-1])
    hint, meant = _special_key(key, value, known)
    if not hint:
        hint, meant = _unknown_hint(path, known, tag, root)
    renamed.update((*path[:-1], each) for each in meant)
    message = f"{_of(path[:-1])} has no key `{key}`"
    return Diagnostic("LT101", message, path, hint, "unknown key", at="key")


def _keys_of_all(annotation: Any, written: dict[str, Any]) -> list[str]:
    """The keys of every kind of a section; of one kind when another key names it."""
    sections = alternatives(annotation)
    words = [written[key] for key in _KIND_KEYS if isinstance(written.get(key), str)]
    named = [section for section in sections if kind(section) in words]
    return list(dict.fromkeys(key for each in named or sections for key in fields(each)))


def _special_key(key: str, value: Any, known: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The hint for a key that is another thing here, and the keys that it stands for."""
    if key == "betas" and "beta1" in known:
        if isinstance(value, list | tuple) and len(value) == 2:
            first, second = (_shown(each).strip("`") for each in value)
            return f"write `beta1: {first}` and `beta2: {second}`", ("beta1", "beta2")
        return "write `beta1` and `beta2`", ("beta1", "beta2")
    if key == "sparsity" and ("density" in known or "fraction" in known):
        number = isinstance(value, int | float) and 0 < value < 1
        density = f"density: {_number(round(1 - value, 9))}" if number else "density: 0.1"
        if "density" in known:
            return f"density is 1 - sparsity: write `{density}`", ("density",)
        return f"density is 1 - sparsity: write `name: to-density` and `{density}`", ("levels",)
    return "", ()


def _unknown_hint(
    path: Path, known: Sequence[str], tag: str, root: type[Section]
) -> tuple[str, tuple[str, ...]]:
    """The hint, and the key of the same section that was probably meant (none when unknown)."""
    key = str(path[-1])
    meant = _ALIASES.get(key)
    if meant not in known:
        meant = tag if key in _KIND_KEYS and tag in _KIND_KEYS else _close(key, known, _SURE)
    if meant:
        return f"did you mean `{meant}`?", (meant,)
    keys = f"its keys are {_listed(known)}"
    found = list(_homes(key, root))
    homes = dict(found)
    if others := [section for home, section in found if home == path]:
        # other kinds of this section have it
        kinds = dict.fromkeys(f"{kind_key(other)}: {kind(other)}" for other in others)
        return f"`{key}` belongs to {_listed(list(kinds))}; {keys}", ()
    if homes:
        near = _nearest(homes, path)
        named = [f"`{dotted(home[:-1])}`" if home[:-1] else "the top of the file" for home in near]
        return f"`{key}` belongs to {', '.join(named)}; {keys}", ()
    if key not in _ALIASES and (meant := _close(key, known)):
        return f"did you mean `{meant}`?", (meant,)
    homes = dict(_homes(_ALIASES.get(key, ""), root))
    if named := [dotted(home) for home in _nearest(homes, path)]:
        return f"did you mean {_listed(named)}? {keys[0].upper()}{keys[1:]}", ()
    return keys, ()


def _homes(
    key: str, section: type[Section], path: Path = ()
) -> Iterator[tuple[Path, type[Section]]]:
    """Where in the language there is a key of this name, and in which section."""
    for name, field in fields(section).items():
        if name == key:
            yield (*path, name), section
        for choice in alternatives(field.annotation):
            if is_section(choice):
                yield from _homes(key, choice, (*path, name))


def _nearest(homes: Mapping[Path, type[Section]], path: Path) -> list[Path]:
    """Of each section that stands in several places, the one that has most of ``path`` in common;
    else the first."""

    def shared(home: Path) -> int:
        same = takewhile(lambda pair: pair[0] == pair[1], zip(home, path, strict=False))
        return sum(1 for _ in same)

    near: dict[type[Section], Path] = {}
    for home, section in homes.items():
        if section not in near or shared(home) > shared(near[section]):
            near[section] = home
    return list(dict.fromkeys(near.values()))


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
        if needed := _required(choices[0]):
            return f"add `{key}` with {_listed(needed)}"
        return f"add `{key}` with one of {_listed(list(fields(choices[0])))}"
    if key == "ltspec":
        return "add `ltspec: 1`, the version of the language, as the first line"
    return f"add `{key}`; `ltspec explain {dotted(place.path)}` says what it is"


def _required(section: type[Section]) -> list[str]:
    return [name for name, field in section.model_fields.items() if field.is_required()]


_SUCH_AS = {
    "lr": "0.1",
    "levels": "10",
    "density": "0.1",
    "drops": "[80ep, 120ep]",
}
"""What may stand behind a required key, for a mapping that a hint writes out."""


def _example(section: type[Section], word: str) -> str:
    """A mapping with all that a kind of section needs: ``{name: adam, lr: 1e-3}``."""
    first, *others = _required(section)
    values = _SUCH_AS | ({"lr": "1e-3"} if word == "adam" else {})
    return (
        "{"
        + ", ".join([f"{first}: {word}", *(f"{k}: {values.get(k, '...')}" for k in others)])
        + "}"
    )


def _mapping_hint(place: Place, value: Any, lead: str) -> str:
    """How the mapping is written that a word or a list was written instead of."""
    choices = [choice for choice in alternatives(place.annotation) if is_section(choice)]
    if not choices:  # a mapping of names of the user's choice
        inner = [each for each in _entries(place.annotation) if is_section(each) and kind(each)]
        names = [value] if isinstance(value, str) else value
        if not inner or not isinstance(names, list | tuple):
            return ""
        name = next((each for each in names if isinstance(each, str) and len(each) < 40), "NAME")
        return f"write `{lead}{{{name}: {_example(inner[0], kind(inner[0]) or '')}}}`"
    tag = kind_key(choices[0])
    if kind(choices[0]):
        kinds = {kind(choice) or "": choice for choice in choices}
        word = _close(value, kinds, _LIKELY) if isinstance(value, str) else None
        simple = min(kinds, key=lambda each: len(_required(kinds[each])))
        more = f"; `{tag}` is one of {_listed(list(kinds))}" if len(kinds) > 1 and not word else ""
        return f"write `{lead}{_example(kinds[word or simple], word or simple)}`{more}"
    words = [str(each) for each in _words(choices[0].model_fields[tag].annotation)]
    if words and _required(choices[0]) == [tag]:
        word = _close(value, words, _LIKELY) if isinstance(value, str) else None
        more = f"; `{tag}` is one of {_listed(words)}" if not word else ""
        return f"write `{lead}{{{tag}: {word or words[0]}}}`{more}"
    return f"its keys are {_listed(list(fields(choices[0])))}"


def _entries(annotation: Any) -> tuple[Any, ...]:
    """What may stand behind the names of a mapping of names."""
    for choice in alternatives(annotation):
        if get_origin(choice) is dict:
            return alternatives(item_annotation(choice))
    return ()


def _rewind_hint(key: str, value: Any) -> str:
    """How a point is written behind ``rewind`` that stands there without its mapping."""
    from ltspec.language.duration import Duration  # only a wrong spec needs it

    if key != "rewind" or isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    point = f"{value}it" if isinstance(value, int) else value
    point = "0it" if point in ("init", "initial", "start") else point
    try:
        return f"write `rewind: {{to: {Duration.parse(point)}}}`"
    except ValueError:
        return ""


def _range_hint(key: str, value: Any) -> str:
    if key in ("fraction", "density") and 1 < value < 100:
        return f"it is a share of 1: write `{key}: {_number(value / 100)}`"
    if key == "batch_size":
        return "write how many examples are in one step, such as `batch_size: 60`"
    return ""


def _choice(path: Path, value: Any, words: Sequence[str], beside: str = "") -> Diagnostic:
    """A value that is not one of the words that may stand there."""
    close = _close(value, words, _LIKELY) if isinstance(value, str) else None
    meant = [close] if close else []
    if isinstance(value, str) and len(value) > 2 and not close:
        meant = [word for word in words if word.startswith(value.lower())]
        # Part of a word, with a size or without: `resnet20` is `cifar-resnet` and a key.
        part = re.sub(r"[-_]?[0-9]+$", "", value.lower())
        meant = meant or [word for word in words if part in word.split("-")]
    hint = "did you mean " + " or ".join(f"`{each}`" for each in meant) + "?" if meant else ""
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
        number = _as_number(value, whole=expected == "a whole number")
        if share := re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,9})?) ?%", value.strip()):
            percent = Decimal(share[1]) / 100
            hint = f"it is a share of 1: write `{lead}{percent.normalize():f}`"
            hint = hint if expected == "a number" else f"write a whole number, such as `{lead}10`"
        elif number is not None:
            hint = f"quotes, spaces and separators make it text: write `{lead}{number}`"
        elif expected == "a whole number" and re.match(r"\s*[0-9]", value):
            hint = f"write one whole number, such as `{lead}10`"
    elif expected == "a whole number" and isinstance(value, float) and value.is_integer():
        hint = f"write `{lead}{int(value)}`" if abs(value) < 1e15 else ""
    elif expected == "true or false" and isinstance(value, str):
        yes = value.lower() in ("yes", "on", "y", "true")
        no = value.lower() in ("no", "off", "n", "false")
        hint = f"write `{lead}{'true' if yes else 'false'}`" if yes or no else ""
    elif place.path == ("seeds",) and type(value) is int and value > 0:
        hint = f"write `replicates: {value}` for {value:,} replicates, or `seeds: [{value}]` for "
        hint += "one with this seed"
    elif (
        expected == "a list"
        and isinstance(value, str | int | float)
        and not isinstance(value, bool)
    ):
        hint = f"write `{lead}[{value}]`"
    elif expected == "text" and isinstance(value, int | float):
        hint = f'quotes make it text: write `{lead}"{str(value).lower()}"`'
    elif expected == "a mapping":
        hint = _mapping_hint(place, value, lead)
    return Diagnostic("LT103", message, place.path, hint)


def _as_number(text: str, *, whole: bool) -> str | None:
    """The number that a text was probably meant to be, as it should be written."""
    text = text.strip().replace("_", "")
    if re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})+", text) and whole:
        text = text.replace(",", "")
    for candidate in (text, text.replace(",", ".")):
        try:
            value = resolve(candidate) if candidate else None
        except ValueError:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if whole and isinstance(value, float):
            if candidate == text and value.is_integer() and abs(value) < 1e15:
                return str(int(value))
            continue
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
