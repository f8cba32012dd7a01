"""Takes nothing; gives the section ``branches``: what tickets are compared with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from ltspec.language.checks import unique, word_or_list
from ltspec.language.duration import Duration
from ltspec.language.section import Section

Level = Annotated[int, Field(ge=1)]

Levels = Annotated[
    Annotated[Literal["all"], Tag("word")]
    | Annotated[
        tuple[Level, ...],
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


class Reinitialize(Section):
    """The ticket's mask on fresh initial weights: the control of Frankle and Carbin (2019)."""

    kind: Literal["reinitialize"]
    """What is done with the ticket. `reinitialize`: its mask is kept, its weights are drawn anew
    (Frankle and Carbin 2019, the random reinitialisation control)."""
    levels: Levels = "all"
    """At which levels the branch leaves: `all` of the schedule, or a list such as `[5, 10]`."""
    draw: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """Which of the independent draws of fresh weights. Two branches with the same number start
    from the same weights."""
    schedule: Duration | None = None
    """Where learning rate and data order begin. The default is where the ticket's begin."""


Branch = Reinitialize
"""The sections that may stand behind a branch's name."""
