"""The short way of ``validate``: it calls right what the full one does, and nothing else."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pydantic_core
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from ltspec.cli.main import cli
from ltspec.errors import SpecError
from ltspec.language import core_schema, generated
from ltspec.language.accept import accept
from ltspec.language.section import Section
from ltspec.language.source import Source, override, parse_text, read
from ltspec.language.view import View
from ltspec.plan import is_fine, validate

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
GOOD = [*sorted((HERE / "good").glob("*.yaml")), *sorted((ROOT / "examples").glob("*.yaml"))]
BAD = sorted((HERE / "bad").glob("*.yaml"))


def plain(value: Any) -> Any:
    """A spec's values, whether models or views hold them."""
    if isinstance(value, Section | View):
        return {key: plain(inner) for key, inner in vars(value).items()}
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return tuple(plain(inner) for inner in value)
    return (type(value), value)  # 1 is not 1.0, nor True


def judge(source: Source) -> bool:
    """What both ways say of a spec; where it is right, they read the same in it."""
    try:
        spec = validate(source)
    except SpecError:
        assert not is_fine(source)
        return False
    assert is_fine(source)
    assert plain(accept(source)) == plain(spec)
    return True


def test_the_file_is_current() -> None:
    file = ROOT / "ltspec" / "language" / "generated.py"
    assert file.read_text(encoding="utf-8") == core_schema.text(), "run `make schema`"


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_files_are_fine(path: Path) -> None:
    assert judge(read(path))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_files_are_not(path: Path) -> None:
    try:
        source = read(path)
    except SpecError:  # before there is a tree, there is one way only
        return
    assert not judge(source)


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Every key and item of a tree, as its parent and the key there."""
    if not isinstance(tree, dict | list):
        return []
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
    return [(tree, key) for key in keys] + [each for key in keys for each in places(tree[key])]


TREES = [read(path).tree for path in GOOD]
WORDS = st.sampled_from(
    ["none", "end", "all", "0it", "50%", "3ep", "sgd", "adam", "step", "layer", "mnist", "fc1*"]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-1, 3)
    | st.integers()
    | st.floats()
    | st.sampled_from([0.2, 0.5, 1.0, 60, 500, 1e38])
    | WORDS
    | st.text(max_size=4)
)
JUNK = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(WORDS | st.sampled_from(["name", "kind", "to", "lr"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_specs_are_judged_alike(data: st.DataObject) -> None:
    tree = copy.deepcopy(data.draw(st.sampled_from(TREES)))
    for _ in range(data.draw(st.integers(1, 2))):
        parent, key = data.draw(st.sampled_from(places(tree)))
        action = data.draw(st.sampled_from(["replace", "remove", "add", "move"]))
        if action == "remove":
            del parent[key]
        elif action == "replace":
            parent[key] = data.draw(JUNK)
        elif action == "move":
            parent[key] = copy.deepcopy(elsewhere(data, tree))
        elif isinstance(parent, dict):
            parent[data.draw(WORDS | st.sampled_from(["levels", "momentum", "x"]))] = data.draw(
                JUNK
            )
        else:
            parent.append(data.draw(JUNK))
        if not places(tree):
            break
    judge(Source("x", "", tree, {}))


def elsewhere(data: st.DataObject, tree: Any) -> Any:
    """Something that stands elsewhere in the tree."""
    parent, key = data.draw(st.sampled_from(places(tree)))
    return parent[key]


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_every_key_left_out_is_judged_alike(path: Path) -> None:
    tree = read(path).tree
    for number in range(len(places(tree))):
        less = copy.deepcopy(tree)
        parent, key = places(less)[number]
        del parent[key]
        judge(Source("x", "", less, {}))


@pytest.mark.parametrize(
    ("change", "right"),
    [
        ("train.optimizer.lr=0.03", True),
        ("train.optimizer.lr=fast", False),
        ("seeds=[1, {init: 2, order: 3, mask: 4}]", True),
        ("replicates=", False),
        ("prune.rewind.to=99999it", False),
    ],
)
def test_overrides_are_judged_alike(small: str, change: str, right: bool) -> None:
    assert judge(override(parse_text(small, "x"), change)) == right


def outcome(file: Path, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["validate", str(file), *options], standalone_mode=False)
    return result.return_value, result.output


@pytest.fixture
def outcomes(small: str, tmp_path: Path) -> Any:
    """Gives what the command says of a right spec and of two wrong ones."""
    right, wrong = tmp_path / "right.yaml", tmp_path / "wrong.yaml"
    right.write_text(small, encoding="utf-8")
    wrong.write_text(small.replace("sgd", "sgdd"), encoding="utf-8")
    return lambda: [outcome(right), outcome(wrong), outcome(right, "--set", "train.batch_size=0")]


def test_the_command_goes_the_short_way(outcomes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told = outcomes()
    assert [code for code, _ in told] == [0, 1, 1]
    assert told[0][1].endswith("fine\n")
    monkeypatch.setattr("ltspec.cli.load.validate", lambda _: pytest.fail("the full way"))
    assert outcome(GOOD[0])[0] == 0


@pytest.mark.parametrize(
    ("name", "value"), [("PYDANTIC_CORE", "0.0.0"), ("SCHEMA", {"type": "nonsense"})]
)
def test_without_a_schema_that_fits_the_full_way_decides(
    outcomes: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: Any
) -> None:
    told = outcomes()
    monkeypatch.setattr(generated, name, value)
    assert not is_fine(read(GOOD[0]))
    assert outcomes() == told


def test_a_mistake_of_the_short_way_is_no_error(
    outcomes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = outcomes()
    monkeypatch.setattr(pydantic_core, "SchemaValidator", None)
    assert not is_fine(read(GOOD[0]))
    assert outcomes() == told
