"""Takes nothing; gives the base of every section of a spec, and how to walk from one to another.

A section is a mapping of a spec: a Pydantic model whose fields are its keys. Where one of several
sections can stand, the first field of each names its kind (``name``, ``family``, ``kind``).
"""

from __future__ import annotations

import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo


class Section(BaseModel):
    """A mapping of a spec. Unknown keys are errors, ``"0.1"`` is no number, ``1.0`` no integer."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """What may stand where a field has this annotation: the members of a union, but for None."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(
            deeper
            for member in get_args(annotation)
            if member is not type(None)
            for deeper in alternatives(member)
        )
    return (annotation,)


def fields(section: type[Section]) -> dict[str, FieldInfo]:
    """The fields of a section by their keys. A key that is a word of Python, such as ``from``, is
    another name's alias."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def is_section(annotation: Any) -> bool:
    """Whether it is the class of a section."""
    return isinstance(annotation, type) and issubclass(annotation, Section)


def kind_key(section: type[Section]) -> str:
    """The key that says which of several sections it is: the first."""
    return next(iter(section.model_fields))


def kind(section: type[Section]) -> str | None:
    """The one word that can stand behind its first key; None when the section has no kinds."""
    annotation = section.model_fields[kind_key(section)].annotation
    if get_origin(annotation) is not Literal or len(get_args(annotation)) > 1:
        return None
    return str(get_args(annotation)[0])


def chosen(annotation: Any, value: object) -> Any | None:
    """Which alternative of ``annotation`` the written ``value`` means; None when none."""
    choices = alternatives(annotation)
    if isinstance(value, dict):
        sections = [choice for choice in choices if is_section(choice)]
        if len(sections) == 1:
            return sections[0]
        for section in sections:
            if value.get(kind_key(section)) == kind(section):
                return section
        return next((choice for choice in choices if get_origin(choice) is dict), None)
    if isinstance(value, list | tuple):
        return next((choice for choice in choices if get_origin(choice) is tuple), None)
    return None


def item_annotation(annotation: Any) -> Any:
    """What stands in a list, or behind the names of a mapping of names."""
    arguments = get_args(annotation)
    return arguments[1] if get_origin(annotation) is dict else arguments[0]
