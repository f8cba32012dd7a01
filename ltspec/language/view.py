"""Takes a section's values; gives them as attributes, without the section's model."""

from __future__ import annotations

from typing import Any


class View:
    """What pydantic-core makes of a section instead of a model: the same attributes."""

    # The places that pydantic-core fills in of a model.
    __slots__ = (
        "__dict__",
        "__pydantic_extra__",
        "__pydantic_fields_set__",
        "__pydantic_private__",
    )

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)
