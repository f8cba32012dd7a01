"""Takes nothing; gives the type of the levels at which networks are measured."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from ltspec.language.checks import unique, word_or_list

MeasuredLevels = Annotated[
    Annotated[Literal["all"], Tag("word")]
    | Annotated[
        tuple[Annotated[int, Field(ge=0)], ...],
        Field(min_length=1, json_schema_extra={"uniqueItems": True}),
        AfterValidator(unique),
        Tag("list"),
    ],
    Discriminator(
        word_or_list,
        custom_error_type="LT103",
        custom_error_message="expected the word all, or a list such as [5, 10]",
    ),
]
"""The word ``all``, or a list of levels; 0 is the dense network."""
