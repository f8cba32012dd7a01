"""The four formats that diagnostics are shown in."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from ltspec.diagnostics import page, render, render_all
from ltspec.errors import CODES, Diagnostic, Origin, Position, SpecError
from ltspec.language.source import parse_text, write
from ltspec.language.spec import parse
from ltspec.networks.cifar_resnet import cifar_resnet
from ltspec.networks.imagenet_resnet import imagenet_resnet
from ltspec.networks.lenet import lenet
from ltspec.plan import validate

TEXT = "name: a\ntrain:\n  lr: 100%, x:y\n"
WRONG = Diagnostic(
    "LT105", "too much, 100%:\nreally", ("train", "lr"), "less", "here", position=Position(3, 7, 4)
)
WARNED = Diagnostic("LT101", "unused", ("name",), severity="warning", position=Position(1, 1, 4))
NOWHERE = Diagnostic("LT009", "empty")
OPTION = Diagnostic(
    "LT103", "bad", ("name",), position=Position(1, 6, 1, Origin("--set name=1", "name=1"))
)


def test_text() -> None:
    assert (
        render([WRONG, WARNED, NOWHERE, OPTION], "x.yaml", TEXT)
        == """\
error[LT105]: too much, 100%:<U+000A>really
 --> x.yaml:3:7
  |
3 |   lr: 100%, x:y
  |       ^^^^ here
  = hint: less

warning[LT101]: unused
 --> x.yaml:1:1
  |
1 | name: a
  | ^^^^

error[LT009]: empty
 --> x.yaml

error[LT103]: bad
 --> --set name=1
  |
1 | name=1
  |      ^

3 errors and 1 warning in x.yaml (`ltspec explain LT105` says more)"""
    )


def test_colour_adds_colour_only() -> None:
    coloured = render([WRONG, OPTION], "x.yaml", TEXT, colour=True)
    assert "\x1b[1;31merror[LT105]" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render([WRONG, OPTION], "x.yaml", TEXT)


@pytest.mark.parametrize("format", ["json", "github", "sarif"])
def test_programs_get_no_colour(format: str) -> None:
    assert "\x1b" not in render_all([([WRONG], "x.yaml", TEXT)], format, colour=True)


def test_a_terminal_is_safe_from_the_file() -> None:
    line = "a: \x1b[31m\x07\u202e\u200b\x9b"
    shown = render([Diagnostic("LT103", "bad \x1b[0m", position=Position(1, 1, 1))], "\x1b]x", line)
    assert not [c for c in shown if not c.isprintable() and c != "\n"]


@pytest.mark.parametrize(
    ("line", "column", "length", "before", "caret"),
    [
        ("\tkey: x", 2, 3, 4, 3),
        ("漢字: x", 5, 1, 6, 1),
        ("漢字: x", 1, 2, 0, 4),
        ("e\u0301: x", 5, 1, 4 - 1, 1),
        ("a\x07b", 3, 1, 9, 1),
        ("short", 99, 5, 5, 1),
        ("", 1, 1, 0, 1),
    ],
)
def test_the_caret_stands_under_the_span(
    line: str, column: int, length: int, before: int, caret: int
) -> None:
    diagnostic = Diagnostic("LT103", "bad", position=Position(1, column, length))
    shown = render([diagnostic], "x", line + "\nnext\n").split("\n")
    assert shown[4] == "  | " + " " * before + "^" * caret


@pytest.mark.parametrize("start", [0, 50, 100, 250, 480])
def test_a_long_line_is_cut_around_the_span(start: int) -> None:
    line = "".join(chr(ord("a") + i % 26) for i in range(500))
    diagnostic = Diagnostic("LT103", "bad", position=Position(1, start + 1, 10))
    shown = render([diagnostic], "x", line).split("\n")
    source, under = shown[3][4:], shown[4][4:]
    assert len(source) <= 101
    first = under.index("^")
    assert source[first : first + 10] == line[start : start + 10]


def test_a_long_span_is_cut() -> None:
    diagnostic = Diagnostic("LT103", "bad", position=Position(1, 301, 400))
    shown = render([diagnostic], "x", "a" * 1000).split("\n")
    assert len(shown[3]) < 110
    assert len(shown[4]) <= len(shown[3])


def test_json() -> None:
    found = json.loads(render([WRONG, NOWHERE, OPTION], "x.yaml", TEXT, "json"))
    assert found["version"] == 1
    assert found["diagnostics"][0] == {
        "code": "LT105",
        "severity": "error",
        "message": "too much, 100%:\nreally",
        "hint": "less",
        "path": ["train", "lr"],
        "file": "x.yaml",
        "line": 3,
        "column": 7,
        "end_column": 11,
        "explain": "ltspec explain LT105",
    }
    assert found["diagnostics"][1]["line"] is None
    assert found["diagnostics"][2]["file"] == "--set name=1"


def test_github() -> None:
    assert render([WRONG, NOWHERE, OPTION, WARNED], "a,b:c.yaml", TEXT, "github").split("\n") == [
        (
            "::error file=a%2Cb%3Ac.yaml,line=3,col=7,endColumn=11,title=LT105"
            "::too much, 100%25:%0Areally%0Ahint: less"
        ),
        "::error file=a%2Cb%3Ac.yaml,title=LT009::empty",
        "::error title=LT103::bad (--set name=1)",
        "::warning file=a%2Cb%3Ac.yaml,line=1,col=1,endColumn=5,title=LT101::unused",
    ]


def test_sarif(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    inside = str(tmp_path / "sub dir" / "x.yaml")
    found = json.loads(
        render_all([([WRONG, NOWHERE], inside, TEXT), ([OPTION], "y.yaml", "")], "sarif")
    )
    assert found["version"] == "2.1.0"
    (run,) = found["runs"]
    driver = run["tool"]["driver"]
    rules = [rule["id"] for rule in driver["rules"]]
    assert driver["name"] == "ltspec"
    assert rules == ["LT009", "LT103", "LT105"]
    assert all(
        rule["help"]["text"] and rule["shortDescription"]["text"] for rule in driver["rules"]
    )
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning")
    first, second, third = (result["locations"][0]["physicalLocation"] for result in run["results"])
    assert first["artifactLocation"]["uri"] == "sub%20dir/x.yaml"
    assert first["region"] == {"startLine": 3, "startColumn": 7, "endColumn": 11}
    assert "region" not in second
    assert third == {"artifactLocation": {"uri": "y.yaml"}}
    assert "--set name=1" in run["results"][2]["message"]["text"]


def test_nothing_wrong() -> None:
    assert render([], "x.yaml", "") == "no errors in x.yaml"
    assert json.loads(render_all([], "json"))["diagnostics"] == []
    assert json.loads(render_all([], "sarif"))["runs"][0]["results"] == []
    assert render_all([], "github") == ""


def test_a_format_that_is_none() -> None:
    with pytest.raises(ValueError):
        render_all([], "xml")


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_page(code: str) -> None:
    text = page(code)
    assert text.startswith(f"# {code}: {CODES[code]}\n\n")
    assert len(text) > 250
    assert "```" in text
    folder = Path(__file__).parents[2] / "ltspec" / "cli" / "pages"
    assert {file.stem for file in folder.glob("*.md")} == set(CODES)


def blocks(code: str) -> list[str]:
    return [block.removeprefix("yaml\n") for block in page(code).split("```")[1::2]]


WHOLE = ("model", "data", "branches", "optimizer", "schedule", "lr_schedule", "rewind", "seeds")
"""Sections that an example writes as a whole; the others are laid over the small spec."""


def laid_over(base: object, top: object, key: str = "") -> object:
    if isinstance(base, dict) and isinstance(top, dict) and key not in WHOLE:
        return base | {k: laid_over(base.get(k), v, k) for k, v in top.items()}
    return top


def place_weights(folder: Path) -> None:
    """The files that pages on ``pretrain.weights`` name: headers, and zeros that take no room."""
    mnist = (1, 28, 28)
    files = {
        "net.safetensors": lenet(mnist, 10, (300, 100)),
        "weights/resnet50.safetensors": lenet(mnist, 10, (300, 100)),
        "resnet50.safetensors": imagenet_resnet(mnist, 10, 50, 64, "imagenet"),
        "of-1000-classes.safetensors": imagenet_resnet((3, 32, 32), 1000, 18, 64, "cifar"),
        "resnet20.safetensors": cifar_resnet(mnist, 10, 20, 16),
    }
    (folder / "weights").mkdir()
    (folder / "net.pt").write_bytes(b"PK")
    for name, graph in files.items():
        header, end = {}, 0
        for each in (*graph.parameters, *graph.buffers):
            begin, end = end, end + 4 * math.prod(each.shape)
            header[each.name] = {
                "dtype": "F32",
                "shape": list(each.shape),
                "data_offsets": [begin, end],
            }
        text = json.dumps(header).encode()
        with (folder / name).open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            file.truncate(8 + len(text) + end)


@pytest.mark.parametrize("code", [code for code in CODES if code[2] in "12"])
def test_the_examples_of_a_page_are_wrong_and_right(
    code: str, small: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("train/cat", "train/dog", "test/cat", "test/dog"):  # the folder of LT220
        (tmp_path / "my/images" / name).mkdir(parents=True)
        for number in range(100):
            (tmp_path / "my/images" / name / f"{number}.jpg").touch()
    (tmp_path / "lenet.yaml").write_text(small, encoding="utf-8")  # what others carry from
    place_weights(tmp_path)
    file = "lenet.yaml" if code == "LT276" else "x"
    monkeypatch.chdir(tmp_path)

    def codes(example: str) -> set[str]:
        tree = laid_over(parse_text(small, "x").tree, parse_text(example, "x").tree)
        try:
            validate(parse_text(write(tree), file))
        except SpecError as error:
            return {each.code for each in error.diagnostics}
        return set()

    wrong, right, *_ = blocks(code)
    assert code in codes(wrong)
    assert codes(right) == set()


@pytest.mark.parametrize("code", ["LT004", "LT005", "LT006", "LT007", "LT008", "LT009"])
def test_the_examples_of_texts_are_wrong_and_right(code: str) -> None:
    wrong, right = blocks(code)
    with pytest.raises(SpecError) as caught:
        parse(parse_text(wrong, "x"))  # some can be read all the same
    assert code in {each.code for each in caught.value.diagnostics}
    assert not parse_text(right, "x").problems


@pytest.mark.parametrize("columns", [1, 40, 60, 80, 100, 1000])
@pytest.mark.parametrize(("column", "length"), [(1, 3), (150, 10), (290, 10), (20, 200)])
def test_an_excerpt_fits_the_terminal(columns: int, column: int, length: int) -> None:
    found = Diagnostic("LT103", "bad", position=Position(1, column, length))
    shown = render([found], "x", "ab" * 150, columns=columns).split("\n")
    assert max(len(line) for line in shown[2:5]) <= max(40, min(columns, 100))
    assert "^" in shown[4]
