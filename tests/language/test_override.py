"""``--set path=value``: the same checking and messages, with the caret in the option."""

from __future__ import annotations

import pytest

from ltspec.diagnostics import render
from ltspec.errors import SpecError, UsageError
from ltspec.language.source import Source, override, parse_text
from ltspec.language.spec import examine, parse
from ltspec.plan.resolve import replicates


@pytest.fixture
def source(small: str) -> Source:
    return parse_text(small, "small.yaml")


def test_a_value_is_replaced_and_the_file_is_not(source: Source) -> None:
    changed = override(source, "train.optimizer.lr=3e-2")
    assert parse(changed).train.optimizer.lr == 3e-2
    assert parse(source).train.optimizer.lr == 0.1


def test_parents_are_made(source: Source) -> None:
    spec = parse(override(source, "branches.control.kind=reinitialize"))
    assert list(spec.branches) == ["control"]


def test_a_mapping_and_an_item(source: Source) -> None:
    changed = override(source, "seeds=[1, 2]")
    changed = override(changed, "seeds.1={init: 5, order: 6, mask: 7}")
    assert [seeds.order for seeds in replicates(parse(changed))] == [1, 6]


def test_the_last_one_wins(source: Source) -> None:
    changed = override(override(source, "name=one"), "name=two")
    assert parse(changed).name == "two"


@pytest.mark.parametrize(
    ("option", "code", "under"),
    [
        ("train.optimizer.lr=fast", "LT103", "fast"),
        ("train.optimiser.lr=0.1", "LT101", "train.optimiser.lr"),
        ("prune.schedule={name: one-shot}", "LT102", "prune.schedule"),
        ("evaluate=[test, 5]", "LT104", "5"),
    ],
)
def test_an_error_points_into_the_option(
    source: Source, option: str, code: str, under: str
) -> None:
    changed = override(source, option)
    head, where, bar, line, carets, *_ = render(
        examine(changed).diagnostics, changed.file, changed.text
    ).split("\n")
    assert head.startswith(f"error[{code}]: ")
    assert where == f" --> --set {option}"
    assert bar == "  |"
    assert line == f"1 | {option}"
    start = 4 + option.index(under)
    assert carets.removesuffix(" unknown key") == "  | ".ljust(start) + "^" * len(under)


@pytest.mark.parametrize(
    ("option", "code", "column"),
    [("name={a", "LT004", 6), ("name={a: 1, a: 2}", "LT005", 13), ("name=!!int 3", "LT008", 6)],
)
def test_a_value_that_is_not_yaml(source: Source, option: str, code: str, column: int) -> None:
    with pytest.raises(SpecError) as caught:
        override(source, option)
    assert caught.value.file == f"--set {option}"
    assert caught.value.text == option
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == code
    assert diagnostic.position is not None
    assert diagnostic.position.column == column


@pytest.mark.parametrize(
    "option",
    ["name", "=1", ".name=1", "train..lr=1", "name.first=1", "prune.schedule.levels.x=1", ""],
)
def test_a_path_that_leads_nowhere(source: Source, option: str) -> None:
    with pytest.raises(UsageError) as caught:
        override(source, option)
    assert caught.value.code == "LT309"


@pytest.mark.parametrize("item", ["2", "-1", "x", "99999999999", "٣"])
def test_an_item_that_is_not_there(source: Source, item: str) -> None:
    changed = override(source, "seeds=[1, 2]")
    with pytest.raises(UsageError) as caught:
        override(changed, f"seeds.{item}=3")
    assert caught.value.code == "LT309"


def test_errors_of_the_file_come_first(source: Source, small: str) -> None:
    wrong = parse_text(small.replace("60", "0"), "x")
    codes = [each.path for each in examine(override(wrong, "name=No")).diagnostics]
    assert codes == [("train", "batch_size"), ("name",)]


def test_nothing_behind_the_equals_sign_is_told(source: Source) -> None:
    (diagnostic,) = examine(override(source, "about=")).diagnostics
    assert diagnostic.code == "LT103"
    assert diagnostic.position is not None
    assert diagnostic.position.origin is not None
