"""Takes nothing; gives the types of the section ``sweep``, whose meaning is in :mod:`.points`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from ltspec.language.checks import list_or_mapping

Values = Annotated[tuple[Any, ...], Field(min_length=1)]
Setting = dict[str, Any]
ListOrSetting = Annotated[
    Annotated[Values, Tag("list")] | Annotated[Setting, Tag("mapping")],
    Discriminator(
        list_or_mapping,
        custom_error_type="LT103",
        custom_error_message="expected a list of values, or a mapping of keys and their values",
    ),
]
Axis = Annotated[
    Annotated[Values, Tag("list")]
    | Annotated[dict[str, ListOrSetting], Field(min_length=1), Tag("mapping")],
    Discriminator(
        list_or_mapping,
        custom_error_type="LT103",
        custom_error_message="expected a list of values such as [0it, 500it], or a mapping",
    ),
]
"""One entry of a sweep: a list, lists that go together, or named settings."""
