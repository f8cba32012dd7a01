"""Takes the language's models; gives the core schema that Pydantic makes of them, as a module.

Pydantic turns models into one nested dict, which pydantic-core turns into a validator. The first
takes nearly all of the time of both. Its result is written down here, so that a command that only
validates (:mod:`ltspec.language.accept`) needs neither it nor the models.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from types import FunctionType
from typing import Any

import pydantic_core

from ltspec.language.section import Section
from ltspec.language.spec import Spec
from ltspec.language.view import View

_NOT_FOR_VALIDATION = frozenset(
    {"metadata", "serialization", "json_schema_input_schema", "computed_fields", "model_name"}
)
_BEYOND_FIELDS = ("custom_init", "root_model", "post_init")
"""What a model may do when it is made, and a view does not."""


def text(root: type[Section] = Spec) -> str:
    """The module as it lies in ``ltspec/language/generated.py``: the same text each time.

    Raises:
        TypeError: something in the language has no source; the message says what, and where.
    """
    root.model_rebuild(force=True)
    writer = _Writer()
    schema = _laid_out(writer.source(root.__pydantic_core_schema__, "schema"), 1)
    lines = [
        '"""Takes nothing; gives the core schema of a spec. Made by `make schema`, not by hand."""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import Any",
        "",
        *sorted(f"from {home} import {name}" for home, name in writer.imports),
        "",
        f"PYDANTIC_CORE = {pydantic_core.__version__!r}",
        '"""The version that it was made for; another one may read it otherwise."""',
    ]
    names = [*(name for _, name in writer.imports), *writer.sections]
    if twice := {name for name in names if names.count(name) > 1}:
        raise TypeError(f"two things of one name: {', '.join(sorted(twice))}")
    for name, section in {**writer.sections, "SCHEMA": schema}.items():
        lines += ["", f"{name}: Any = {section}"]
    return "\n".join(lines) + "\n"


class _Source(str):
    """Python source, which is its own ``repr``."""

    __slots__ = ()
    __repr__ = str.__str__


class _Writer:
    """Turns values into ones whose ``repr`` is source, and collects what that refers to."""

    def __init__(self) -> None:
        self.imports: set[tuple[str, str]] = set()
        """(module, name) pairs."""
        self.sections: dict[str, str] = {}
        """The source of every section by its name, inner ones first."""

    def source(self, value: Any, where: str) -> Any:
        """The value that stands ``where`` in the schema.

        Raises:
            TypeError: it is of a type that cannot be written down.
        """
        match value:
            case {"type": str()}:
                return self._node(value, where)
            case dict():
                return {
                    self.source(key, where): self.source(each, f"{where}.{key}")
                    for key, each in value.items()
                }
            case list() | tuple():
                return type(value)(self.source(each, where) for each in value)
            case FunctionType() if value.__qualname__.isidentifier():  # a module's own
                return self._name(value)
            case Section():
                return self._call(View, vars(value), where)
            case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
                given = {
                    field.name: getattr(value, field.name)
                    for field in dataclasses.fields(value)
                    if getattr(value, field.name) != field.default
                }
                return self._call(type(value), given, where)
            case Decimal():
                return _Source(f"{self._name(Decimal)}({str(value)!r})")
            case float() if not math.isfinite(value):
                return _Source(f"float({str(value)!r})")
        if type(value) in (type(None), bool, int, float, str):
            return value
        if value in (dict, list, tuple):  # what makes a default
            return _Source(value.__name__)
        raise TypeError(f"{where} is {value!r}, which has no source")

    def _node(self, node: Mapping[str, Any], where: str) -> Any:
        """A schema within the schema; that of a section by the section's name."""
        kept = {key: value for key, value in node.items() if key not in _NOT_FOR_VALIDATION}
        for key in {"ref", "schema_ref"} & kept.keys():  # they end in the address of a class
            kept[key] = re.sub(r":[0-9]+", "", kept[key])
        if node["type"] != "model":
            return {key: self.source(value, f"{where}.{key}") for key, value in kept.items()}
        name = kept.pop("cls").__name__
        for key in _BEYOND_FIELDS:
            if kept.pop(key, None):
                raise TypeError(f"{where} is the section {name} with {key}, which a view has not")
        source = {key: self.source(value, f"{name}.{key}") for key, value in kept.items()}
        section = _laid_out({**source, "cls": self._name(View)}, 3)
        if self.sections.setdefault(name, section) != section:
            raise TypeError(f"two things of one name: {name}")
        return _Source(name)

    def _call(self, kind: type, values: Mapping[str, Any], where: str) -> _Source:
        given = (f"{key}={self.source(each, f'{where}.{key}')!r}" for key, each in values.items())
        return _Source(f"{self._name(kind)}({', '.join(given)})")

    def _name(self, named: Any) -> _Source:
        self.imports.add((named.__module__, named.__name__))
        return _Source(named.__name__)


def _laid_out(value: Any, depth: int, margin: str = "") -> str:
    """The source of a value, where dicts that are less than ``depth`` deep have a line a key."""
    if depth == 0 or not isinstance(value, dict):
        return repr(value)
    inner = margin + "    "
    lines = [f"{inner}{key!r}: {_laid_out(each, depth - 1, inner)}," for key, each in value.items()]
    return "\n".join(["{", *lines, margin + "}"])
