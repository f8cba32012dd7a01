"""Parsing: what is right of a wrong spec, random damage, and what importing the language costs."""

from __future__ import annotations

import copy
import subprocess
import sys
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltspec.errors import CODES, SpecError
from ltspec.language.partial import Partial
from ltspec.language.source import Source, parse_text, read, write
from ltspec.language.spec import Spec, Unknown, examine, parse
from ltspec.language.train import Constant, Sgd
from ltspec.plan.recipes import Rewinding, rewinding
from ltspec.plan.replicates import Replicate
from ltspec.plan.resolve import replicate_count, replicates

EVERYTHING = Path(__file__).parent / "good" / "everything.yaml"


def changed(small: str, old: str, new: str) -> Source:
    assert old in small
    return parse_text(small.replace(old, new), "x")


def test_defaults_are_filled_in(small: str) -> None:
    spec = parse(parse_text(small, "x"))
    assert isinstance(spec, Spec)
    assert spec.train.lr_schedule == Constant(name="constant")
    assert spec.prune.rewind != "none"
    assert str(spec.prune.rewind.to) == "0it"
    assert replicate_count(spec) == 1
    assert replicates(spec) == (Replicate(1, 1, 1, 1),)
    assert spec.evaluate == ("test",)


def test_seeds_count_replicates(small: str) -> None:
    spec = parse(parse_text(small + "seeds: [4, {init: 1, order: 2, mask: 3}]\n", "x"))
    assert replicate_count(spec) == 2
    assert replicates(spec) == (Replicate(1, 4, 4, 4), Replicate(2, 1, 2, 3))
    three = parse(parse_text(small + "replicates: 3\n", "x"))
    assert [seeds.mask for seeds in replicates(three)] == [1, 2, 3]


def test_rewinding_apart(small: str) -> None:
    apart = parse(parse_text(small + "  rewind: {weights: end, schedule: 90it}\n", "x"))
    assert rewinding(apart) == Rewinding(None, 90, 24000)
    together = parse(parse_text(small + "  rewind: {to: 90it}\n", "x"))
    assert rewinding(together) == Rewinding(90, 90, 24000)


def test_a_spec_does_not_change(small: str) -> None:
    spec = parse(parse_text(small, "x"))
    with pytest.raises(ValueError):
        spec.name = "other"  # type: ignore[misc]


def test_parse_tells_everything_at_once(small: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(changed(small, "batch_size: 60", "batch_size: 0\n  colour: red"))
    assert [each.code for each in caught.value.diagnostics] == ["LT105", "LT101"]
    assert caught.value.text


def test_what_is_right_of_a_wrong_spec(small: str) -> None:
    spec = examine(changed(small, "lr: 0.1}", 'lr: "0.1", momentum: 0.9}')).spec
    assert isinstance(spec.train.optimizer, Sgd)
    assert spec.train.optimizer.momentum == 0.9
    assert spec.train.optimizer.nesterov is False
    assert str(spec.train.duration) == "24000it"
    assert spec.train.lr_schedule == Constant(name="constant")
    assert spec.prune.schedule.levels == 10
    assert replicate_count(spec) == 1
    assert spec.model.widths == (300, 100)
    assert spec.train.optimizer.lr is not None  # that much is known
    with pytest.raises(Unknown):
        _ = spec.train.optimizer.lr + 1
    with pytest.raises(AttributeError):
        _ = spec.train.colour


def test_an_unknown_key_hides_nothing(small: str) -> None:
    spec = examine(changed(small, "batch_size: 60", "batch_size: 60\n  colour: red")).spec
    assert spec.train.batch_size == 60


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("duration: 24000it", "about: x", "train.duration"),
        ("name: sgd", "name: sgdd", "train.optimizer.momentum"),
        ("{name: sgd, lr: 0.1}", "[]", "train.optimizer"),
        ("train:", "training:", "train"),
        ("name: small", "name:", "name"),
        ("ltspec: 1", "ltspec: 2", "prune"),
        ("levels: 10}", "levels: 10}\n  rewind: {to: 0it, weights: end}", "prune.rewind.weights"),
    ],
)
def test_what_is_wrong_is_unknown(old: str, new: str, path: str, small: str) -> None:
    examined = examine(changed(small, old, new))
    assert examined.diagnostics
    with pytest.raises(Unknown):
        bool(attrgetter(path)(examined.spec))


def test_right_branches_beside_wrong_ones(small: str) -> None:
    text = (
        small
        + "branches:\n  a: {kind: reinitialize, draw: 3}\n  b: {kind: reinitialize, draw: 0}\n"
    )
    spec = examine(parse_text(text, "x")).spec
    assert spec.branches["a"].draw == 3
    assert isinstance(spec.branches["b"], Partial) or spec.branches["b"].levels == "all"
    assert spec.branches["b"].levels == "all"
    with pytest.raises(Unknown):
        _ = spec.branches["b"].draw == 1


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["none", "end", "all", "50%", "3ep", "sgd", "mapping", "list", "word"]),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
)


def known(error: SpecError) -> None:
    """Every diagnostic has a code that can be explained, and whatever place it has is one."""
    for each in error.diagnostics:
        assert each.code in CODES
        assert each.position is None or each.position.column >= 1


def paths(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else ()
    )
    return [path, *(deeper for key, value in inner for deeper in paths(value, (*path, key)))]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_random_damage_is_told_with_its_place(data: st.DataObject) -> None:
    tree = copy.deepcopy(read(EVERYTHING).tree)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(paths(tree)[1:]))
        parent = tree
        for key in path[:-1]:
            parent = parent[key]
        action = data.draw(st.sampled_from(["replace", "remove", "add"]))
        if action == "remove":
            del parent[path[-1]]
        elif action == "add" and isinstance(parent, dict):
            word = data.draw(
                st.sampled_from(["sgd", "lr", "to", "mapping", "list", "x", "iterative"])
            )
            parent[word] = data.draw(JUNK)
        else:
            parent[path[-1]] = data.draw(JUNK)
        if not tree:
            return
    try:
        source = parse_text(write(tree), "x")
    except SpecError as error:  # text that YAML cannot hold, or a key that is no text
        known(error)
        return
    lines = source.text.split("\n")
    examined = examine(source)
    for each in examined.diagnostics:
        assert each.code in CODES
        assert each.position is not None
        assert 1 <= each.position.line <= len(lines)
        assert each.position.column + each.position.length - 1 <= max(
            len(lines[each.position.line - 1]), 1
        )
        assert "pydantic" not in each.message.lower()
        assert "input" not in each.message.lower()
    if not examined.diagnostics:
        assert parse(source) == examined.spec


@settings(max_examples=200, deadline=None)
@given(
    st.text(
        alphabet=st.sampled_from("ab:{}[]-&*!|>'\"%@`#,? \n\t\\01.~<=é漢\u2028\x85\x07"),
        max_size=60,
    )
)
def test_random_text_is_refused_or_read(text: str) -> None:
    try:
        source = parse_text(text, "x")
    except SpecError as error:
        known(error)
    else:
        examine(source)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80))
def test_random_bytes_are_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "x.yaml"
    path.write_bytes(content)
    try:
        examine(read(path))
    except SpecError as error:
        known(error)


def test_importing_the_language_is_cheap() -> None:
    code = "import sys, ltspec.language.spec, ltspec.diagnostics\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "pydantic" in loaded
    assert not loaded & {"numpy", "rich", "click", "jinja2", "torch", "tensorflow", "sklearn"}
