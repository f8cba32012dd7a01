"""A core schema that is written down says what Pydantic's own does, in languages to come too."""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationError
from pydantic_core import SchemaValidator
from pydantic_core import ValidationError as CoreError

from ltspec.language import core_schema
from ltspec.language.checks import unique, word_or_mapping
from ltspec.language.duration import Duration, Point
from ltspec.language.partial import tuples
from ltspec.language.section import Section
from ltspec.language.view import View


class Leaf(Section):
    kind: Literal["leaf"]
    metadata: int = 3
    ref: str = "a:1"
    share: Duration = Duration(percent=Decimal("12.5"))
    until: Point = "end"


class Tree(Section):
    kind: Literal["tree"]
    type: Literal["oak", "elm"] = "oak"
    children: tuple[Annotated[Leaf | Tree, Field(discriminator="kind")], ...] = ()


class Grove(Section):
    trees: dict[Annotated[str, Field(pattern="^[a-z]+$")], Tree] = Field(default_factory=dict)
    best: Annotated[
        Annotated[Leaf, Tag("mapping")] | Annotated[Literal["none"], Tag("word")],
        Discriminator(word_or_mapping),
    ] = Leaf(kind="leaf", metadata=4)
    widths: Annotated[tuple[int, ...], Field(max_length=3), AfterValidator(unique)] | int = 1
    limit: float = float("inf")


def validator(root: type[Section]) -> SchemaValidator:
    """What the written module gives."""
    module: dict[str, Any] = {}
    exec(core_schema.text(root), module)
    return SchemaValidator(module["SCHEMA"])


def plain(value: Any) -> Any:
    if isinstance(value, Section | View):
        return {key: plain(inner) for key, inner in vars(value).items()}
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return tuple(map(plain, value)) if isinstance(value, tuple) else value


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"best": "none", "widths": [1, 2], "limit": 2.5},
        {"best": {"kind": "leaf", "share": "5ep", "until": "3it", "ref": "b"}},
        {"trees": {"a": {"kind": "tree", "children": [{"kind": "tree"}, {"kind": "leaf"}]}}},
        {"trees": {"a": {"kind": "tree", "type": "elm"}}},
    ],
)
def test_what_is_right_reads_the_same(tree: dict[str, Any]) -> None:
    ours = validator(Grove).validate_python(tuples(tree))
    assert isinstance(ours, View)
    assert plain(ours) == plain(Grove.model_validate(tuples(tree)))


@pytest.mark.parametrize(
    "tree",
    [
        {"best": "some"},
        {"widths": [1, 1]},
        {"widths": [1, 2, 3, 4]},
        {"limit": "2"},
        {"trees": {"A": {"kind": "tree"}}},
        {"trees": {"a": {"kind": "tree", "children": [{"kind": "leaf", "colour": 1}]}}},
        {"trees": {"a": {"kind": "tree", "type": "ash"}}},
        {"best": {"kind": "leaf", "share": "5"}},
        {"colour": 1},
    ],
)
def test_what_is_wrong_is_refused_by_both(tree: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Grove.model_validate(tuples(tree))
    with pytest.raises(CoreError):
        validator(Grove).validate_python(tuples(tree))


class Colour(enum.Enum):
    RED = "red"


class OfEnum(Section):
    colour: Literal[Colour.RED]


class OfLambda(Section):
    width: Annotated[int, AfterValidator(lambda width: width)]


class Initialised(Section):
    width: int

    def model_post_init(self, _context: Any) -> None:
        """What a view would not do."""


class OfInitialised(Section):
    inner: Initialised


@pytest.mark.parametrize(
    ("root", "what"),
    [(OfEnum, "colour"), (OfLambda, "width"), (OfInitialised, "OfInitialised.*post_init")],
)
def test_what_cannot_be_written_is_told(root: type[Section], what: str) -> None:
    with pytest.raises(TypeError, match=what):
        core_schema.text(root)


def test_two_sections_of_one_name_are_told() -> None:
    first = type("Same", (Section,), {"__annotations__": {"a": int}})
    second = type("Same", (Section,), {"__annotations__": {"b": int}})
    both = type("Both", (Section,), {"__annotations__": {"first": first, "second": second}})
    with pytest.raises(TypeError, match="Same"):
        core_schema.text(both)
