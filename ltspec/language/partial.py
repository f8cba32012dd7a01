"""Takes a section's class, what was written and which paths are wrong; gives what is right of it.

Rules over several keys read a :class:`Partial` as they read the section itself. A part that is
wrong or missing is a :class:`Hole`, which raises :class:`Unknown` at whatever a rule asks of it: so
the rule is left out and the others still run.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, get_origin

from pydantic import TypeAdapter, ValidationError

from ltspec.errors import Path
from ltspec.language.home import Home
from ltspec.language.section import (
    Section,
    alternatives,
    chosen,
    is_section,
    item_annotation,
    kind_key,
)
from ltspec.language.tree import tuples
from ltspec.language.unknown import Unknown


class Hole:
    """Stands in for a value that is wrong or missing. Only its being there is known: it is not
    None, and everything else that is asked of it raises Unknown."""

    __slots__ = ()


def _ask(*_: Any, **__: Any) -> Any:
    raise Unknown


_QUESTIONS = (
    *("getattr", "call", "bool", "len", "iter", "contains", "getitem", "hash", "fspath"),
    *("eq", "ne", "lt", "le", "gt", "ge", "str", "repr", "format", "int", "float", "index"),
    *("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "floordiv", "rfloordiv"),
    *("mod", "rmod", "divmod", "rdivmod", "pow", "rpow", "neg", "abs", "round"),
)
for _question in _QUESTIONS:
    setattr(Hole, f"__{_question}__", _ask)
_HOLE = Hole()


class Partial:
    """Stands in for a section some of whose keys are wrong: the same attributes, or a Hole.

    ``isinstance`` and ``match`` see the section's own class.
    """

    __slots__ = ("_bad", "_section", "_written", "home")

    def __init__(
        self, section: type[Section], written: Any, bad: Iterable[Path], home: Home | None = None
    ) -> None:
        """``bad`` holds the paths of wrong values, from this section on; ``home`` is where a whole
        spec lies."""
        self.home = home
        self._section = section
        self._written = written
        self._bad = tuple(bad)

    @property  # type: ignore[misc]  # what isinstance() asks
    def __class__(self) -> type[Section]:  # type: ignore[override]
        return self._section

    def __getattr__(self, name: str) -> Any:
        field = self._section.model_fields.get(name)
        if () in self._bad or not isinstance(self._written, dict):
            if field is None:
                raise AttributeError(name)
            return _HOLE
        if field is None:
            if name.startswith("_") or self._is_known():
                raise AttributeError(name)
            return _HOLE  # another kind may have it
        key = field.alias or name
        beneath = [path[1:] for path in self._bad if path[0] == key]
        if key in self._written:
            return _part(self._section, name, self._written[key], beneath)
        if beneath or field.is_required():
            return _HOLE
        return field.get_default(call_default_factory=True)

    def _is_known(self) -> bool:
        """Whether it is known of which kind the section is."""
        return (kind_key(self._section),) not in self._bad

    def __repr__(self) -> str:
        return f"Partial({self._section.__name__}, wrong={self._bad!r})"


def _part(section: type[Section], name: str, value: Any, bad: list[Path]) -> Any:
    """One value: itself when it is right, a stand-in when parts of it are, else a Hole."""
    if () in bad:
        return _HOLE
    if not bad:
        return _checked(_adapter(section, name), value)
    target = chosen(section.model_fields[name].annotation, value)
    if target is not None and is_section(target):
        return Partial(target, value, bad)
    if get_origin(target) not in (dict, tuple):
        return _of_any_kind(section.model_fields[name].annotation, value, bad)
    item, adapter = item_annotation(target), _item_adapter(section, name, get_origin(target))
    if isinstance(value, dict):
        return {key: _entry(item, adapter, key, inner, bad) for key, inner in value.items()}
    return tuple(_entry(item, adapter, place, inner, bad) for place, inner in enumerate(value))


def _entry(
    annotation: Any, adapter: TypeAdapter[Any], key: str | int, value: Any, bad: list[Path]
) -> Any:
    """One entry of a list or of a mapping of names. A wrong one keeps its place: others are
    counted from it, or name it."""
    beneath = [path[1:] for path in bad if path[0] == key]
    if not beneath:
        return _checked(adapter, value)
    target = chosen(annotation, value)
    if target is not None and is_section(target):
        return Partial(target, value, beneath)
    return _of_any_kind(annotation, value, beneath)


def _of_any_kind(annotation: Any, value: Any, bad: list[Path]) -> Any:
    """A section that does not say of which kind it is: what any kind would make of it."""
    kinds = alternatives(annotation)
    if not isinstance(value, dict) or () in bad or not all(map(is_section, kinds)):
        return _HOLE
    first, *others = (kind.model_fields for kind in kinds)
    differing = [
        (key,)
        for key, field in first.items()
        if any(repr(other.get(key)) != repr(field) for other in others)
    ]
    return Partial(kinds[0], value, [*bad, *differing])


def _checked(adapter: TypeAdapter[Any], value: Any) -> Any:
    try:
        return adapter.validate_python(tuples(value), strict=True)
    except ValidationError:
        return _HOLE


# Rules ask for the same keys again and again, and to make an adapter takes milliseconds.
@cache
def _adapter(section: type[Section], name: str) -> TypeAdapter[Any]:
    field = section.model_fields[name]
    annotation: Any = field.annotation
    if field.alias is not None:  # a value that stands alone has no key
        return TypeAdapter(annotation)
    return TypeAdapter(Annotated[annotation, field])


@cache
def _item_adapter(section: type[Section], name: str, origin: type) -> TypeAdapter[Any]:
    """Of what stands in a list, or behind the names of a mapping of names."""
    (several,) = (
        each
        for each in alternatives(section.model_fields[name].annotation)
        if get_origin(each) is origin
    )
    return TypeAdapter(item_annotation(several))
