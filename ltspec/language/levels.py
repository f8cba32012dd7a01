"""Takes nothing; gives the types of levels: of branches and tickets, and with the dense network."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from ltspec.language.checks import unique, word_or_list

Word = Annotated[Literal["all"], Tag("word")]
_SEVERAL = Field(min_length=1, json_schema_extra={"uniqueItems": True})
_EITHER = Discriminator(
    word_or_list,
    custom_error_type="LT103",
    custom_error_message="expected the word all, or a list such as [5, 10]",
)

Level = Annotated[int, Field(ge=1)]
Levels = Annotated[
    Word | Annotated[tuple[Level, ...], _SEVERAL, AfterValidator(unique), Tag("list")], _EITHER
]
"""The word ``all``, or a list of levels, none of which is the dense network."""

LevelOrDense = Annotated[int, Field(ge=0)]
MeasuredLevels = Annotated[
    Word | Annotated[tuple[LevelOrDense, ...], _SEVERAL, AfterValidator(unique), Tag("list")],
    _EITHER,
]
"""The word ``all``, or a list of levels; 0 is the dense network."""
