"""Takes a section's class, what was written and which paths are wrong; gives what is right of it.

Rules over several keys read a :class:`Partial` as they read the section itself. At a part that is
wrong or missing it raises :class:`Unknown`, so the rule is left out and the others still run.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, get_origin

from pydantic import TypeAdapter, ValidationError

from ltspec.errors import Path
from ltspec.language.section import Section, alternatives, chosen, is_section, item_annotation
from ltspec.language.tree import tuples
from ltspec.language.unknown import Unknown


class Partial:
    """Stands in for a section some of whose keys are wrong: the same attributes, or Unknown.

    ``isinstance`` and ``match`` see the section's own class.
    """

    __slots__ = ("_bad", "_section", "_written")

    def __init__(self, section: type[Section], written: Any, bad: Iterable[Path]) -> None:
        """``bad`` holds the paths of wrong values, from this section on."""
        self._section = section
        self._written = written
        self._bad = tuple(bad)

    @property  # type: ignore[misc]  # what isinstance() asks
    def __class__(self) -> type[Section]:  # type: ignore[override]
        return self._section

    def __getattr__(self, name: str) -> Any:
        field = self._section.model_fields.get(name)
        if field is None:
            raise AttributeError(name)
        if () in self._bad or not isinstance(self._written, dict):
            raise Unknown(name)
        beneath = [path[1:] for path in self._bad if path[0] == name]
        if name in self._written:
            return _part(self._section, name, self._written[name], beneath)
        if beneath or field.is_required():
            raise Unknown(name)
        return field.get_default(call_default_factory=True)

    def __repr__(self) -> str:
        return f"Partial({self._section.__name__}, wrong={self._bad!r})"


def _part(section: type[Section], name: str, value: Any, bad: list[Path]) -> Any:
    """One value: itself when it is right, a stand-in when parts of it are, else Unknown."""
    if () in bad:
        raise Unknown
    if not bad:
        return _checked(_adapter(section, name), value)
    annotation = section.model_fields[name].annotation
    target = chosen(annotation, value)
    if target is not None and is_section(target):
        return Partial(target, value, bad)
    if get_origin(target) is dict:
        item = item_annotation(target)
        if not any(is_section(alternative) for alternative in alternatives(item)):
            raise Unknown  # a plain value has no keys that could be asked for one by one
        adapter = _item_adapter(section, name)
        return {key: _entry(item, adapter, key, inner, bad) for key, inner in value.items()}
    raise Unknown


def _entry(
    annotation: Any, adapter: TypeAdapter[Any], key: str, value: Any, bad: list[Path]
) -> Any:
    """One entry of a mapping of names. A wrong one stays in it, and is Unknown at every key."""
    beneath = [path[1:] for path in bad if path[0] == key]
    if not beneath:
        return _checked(adapter, value)
    target = chosen(annotation, value)
    if target is not None and is_section(target):
        return Partial(target, value, beneath)
    return Partial(alternatives(annotation)[0], value, [()])


def _checked(adapter: TypeAdapter[Any], value: Any) -> Any:
    try:
        return adapter.validate_python(tuples(value), strict=True)
    except ValidationError:
        raise Unknown from None


# Rules ask for the same keys again and again, and to make an adapter takes milliseconds.
@cache
def _adapter(section: type[Section], name: str) -> TypeAdapter[Any]:
    field = section.model_fields[name]
    annotation: Any = field.annotation
    return TypeAdapter(Annotated[annotation, field])


@cache
def _item_adapter(section: type[Section], name: str) -> TypeAdapter[Any]:
    """Of what stands behind the names of a mapping of names."""
    (mapping,) = (
        each
        for each in alternatives(section.model_fields[name].annotation)
        if get_origin(each) is dict
    )
    return TypeAdapter(item_annotation(mapping))
