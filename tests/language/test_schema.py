"""The JSON Schema: what it accepts and refuses, that it is complete and the file current."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ltspec.data.facts import FACTS
from ltspec.errors import SpecError
from ltspec.language import schema
from ltspec.language.source import parse_text, read, write
from ltspec.language.spec import Data, examine

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
GOOD = [*sorted((HERE / "good").glob("*.yaml")), *sorted((ROOT / "examples").glob("*.yaml"))]
WRONG = {"LT101", "LT103", "LT104", "LT105", "LT106", "LT108"}
"""What a schema can see in one key. LT102 too, but for keys that depend on others."""
BEYOND = {"LT105_digits"}
"""Refused by the reader before there is a tree."""


def readable(path: Path) -> bool:
    try:
        read(path)
    except SpecError:
        return False
    return True


BAD = [
    path
    for path in sorted((HERE / "bad").glob("LT1*.yaml"))
    if path.stem not in BEYOND and readable(path)
]


@pytest.fixture(scope="module", params=["2020-12", "7"])
def validator(request: pytest.FixtureRequest) -> Any:
    """The same schema, read as the draft it names and as the one that some editors know."""
    kind = {"2020-12": jsonschema.Draft202012Validator, "7": jsonschema.Draft7Validator}
    return kind[request.param](schema.document())


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_files_pass(path: Path, validator: Any) -> None:
    assert list(validator.iter_errors(read(path).tree)) == []


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_files_fail(path: Path, validator: Any) -> None:
    source = read(path)
    codes = {each.code for each in examine(source).diagnostics}
    if codes & WRONG or path.stem in ("LT102_everything", "LT102_inside", "LT102_rewind_apart"):
        assert not validator.is_valid(source.tree)


def test_the_schema_is_legal() -> None:
    jsonschema.Draft202012Validator.check_schema(schema.document())
    jsonschema.Draft7Validator.check_schema(schema.document())


def test_the_file_is_current() -> None:
    assert (ROOT / "schemas" / "ltspec.schema.json").read_text(encoding="utf-8") == schema.text()


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from nodes(value)


def test_every_key_is_described_and_nothing_else_is_allowed() -> None:
    mappings = [node for node in nodes(schema.schema()) if isinstance(node.get("properties"), dict)]
    assert len(mappings) > 15
    for mapping in mappings:
        assert mapping["additionalProperties"] is False
        for name, key in mapping["properties"].items():
            assert len(key["description"]) > 20, name
            assert key["title"].endswith(name)


def test_an_editor_meets_nothing_that_it_does_not_know() -> None:
    text = schema.text()
    for word in ("$ref", "$defs", "discriminator", '"null"', "prefixItems"):
        assert word not in text


def test_every_default_is_right_and_is_the_default(small: str) -> None:
    """A spec with a default written out is the spec without it."""
    plain = examine(parse_text(small, "x")).spec
    properties = schema.schema()["properties"]
    for name, key in properties["prune"]["properties"].items():
        if "default" in key:
            tree = parse_text(small, "x").tree
            tree["prune"][name] = key["default"]
            assert examine(parse_text(write(tree), "x")).spec == plain


def test_the_data_sets_are_those_that_there_are() -> None:
    assert set(Data.model_json_schema()["properties"]["name"]["enum"]) == {*FACTS, "folder"}


def test_one_key_is_described() -> None:
    text = schema.describe("train.optimizer.momentum")
    assert "with `name: sgd`" in text
    assert "default:  0.0" in text
    assert "required" in schema.describe("train.optimizer.lr")
    assert "levels" in schema.describe("branches.any-name")
    assert "Seed of the initial weights" in schema.describe("seeds.3.init")
    assert "160ep" in schema.describe("train.duration")


def test_a_key_is_described_in_one_kind_where_it_is_named() -> None:
    every = schema.describe("branches.NAME.schedule")
    assert "with `kind: dynamic`:" in every
    assert "with `kind: retrain`:" in every
    one = schema.describe("branches.dynamic.schedule")
    assert "with `kind: dynamic`:" in one
    assert "retrain" not in one
    assert "with `kind: transfer`:" in schema.describe("branches.NAME.map")
    assert schema.describe("measure.barrier.alphas").count("with `") == 1
    assert schema.describe("train.optimizer.adam.lr").count("with `") == 1
    with pytest.raises(schema.UnknownPath):
        schema.describe("train.optimizer.adam.momentum")


def test_a_kind_is_described_with_its_keys() -> None:
    text = schema.describe("ask.first-stable")
    assert "with `kind: first-stable`:" in text
    assert "What is asked. `first-stable`:" in text
    assert "    below   a number above 0, at most 100; default: 2.0\n" in text
    assert "within" not in text.partition("keys:")[2]  # a key of another kind
    assert schema.describe("ask.0.first-stable").splitlines()[1:-1] == text.splitlines()[1:-1]
    assert "`siblings`" not in schema.describe("measure.barrier")
    assert "    siblings " in schema.describe("measure.instability")
    for path in ("branches.transfer", "branches.NAME.transfer"):
        assert "    classifier " in schema.describe(path)
        assert "    noise " not in schema.describe(path)
    assert "    beta1 " in schema.describe("train.optimizer.adam")
    assert "kinds: kind: reinitialize" in schema.describe("branches.mine")
    with pytest.raises(schema.UnknownPath):
        schema.describe("ask.first-stabel")


def test_what_a_key_means_in_each_kind_stands_under_its_name() -> None:
    page = schema.language_page()
    (schedule,) = (s for s in page.split("\n### ") if s.startswith("`branches.NAME.schedule`"))
    assert "- With `kind: retrain` (a duration): Where learning rate" in schedule
    assert "- With `kind: dynamic`: How the mask changes" in schedule
    (sweep,) = (s for s in page.split("\n## ") if s.startswith("`train`"))
    assert "- With" not in sweep


def test_every_key_can_be_described_and_is_on_the_page() -> None:
    page = schema.language_page()

    def walk(node: Any, path: str) -> Iterator[str]:
        for inner in [node, *node.get("oneOf", ()), *node.get("anyOf", ())]:
            for name, key in inner.get("properties", {}).items():
                yield f"{path}.{name}".lstrip(".")
                yield from walk(key, f"{path}.{name}")

    paths = set(walk(schema.schema(), ""))
    assert len(paths) > 40
    for path in paths:
        assert path in schema.describe(path)
        assert f"`{path.rpartition('.')[2]}`" in page


@pytest.mark.parametrize(
    ("path", "suggestion"),
    [
        ("lr", "train.optimizer.lr"),
        ("train.optimiser", "train.optimizer"),
        ("prune.levels", "prune.schedule.levels"),
    ],
)
def test_an_unknown_path_suggests(path: str, suggestion: str) -> None:
    with pytest.raises(KeyError) as caught:
        schema.describe(path)
    assert isinstance(caught.value, schema.UnknownPath)
    assert suggestion in caught.value.suggestions


def test_nonsense_is_unknown() -> None:
    for path in ("", ".", "x" * 1000, "train.optimizer.lr.deeper"):
        with pytest.raises(KeyError):
            schema.describe(path)


@pytest.mark.parametrize(
    ("path", "suggestions"),
    [
        (
            "criterion",
            ("prune.criterion", "branches.NAME.criterion", "branches.NAME.mask.criterion"),
        ),
        ("iterative", ("prune.schedule",)),
        (
            "magnitude",
            ("prune.criterion", "branches.NAME.criterion", "branches.NAME.mask.criterion"),
        ),
        (
            "cosine",
            (
                "train.lr_schedule",
                "prune.schedule.decay",
                "branches.NAME.schedule.decay",
                "measure.0.metrics",
            ),
        ),
        ("reinitialize", ("branches.NAME",)),
        ("mnist", ("data.name",)),
        (
            "criterium",
            ("prune.criterion", "branches.NAME.criterion", "branches.NAME.mask.criterion"),
        ),
    ],
)
def test_a_last_part_or_a_choice_leads_to_its_key(path: str, suggestions: tuple[str, ...]) -> None:
    with pytest.raises(schema.UnknownPath) as caught:
        schema.describe(path)
    assert caught.value.suggestions == suggestions
