"""Files that are no specs: refused quickly, in little memory, with a sentence and no traceback."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ltspec.errors import SpecError
from ltspec.language.source import MAX_BYTES, parse_text, read
from ltspec.language.spec import parse

SECONDS = 20
"""Generous: a busy machine with two cores; the worst case takes one or two on a quiet one."""


def refused(path: Path | str) -> SpecError:
    began = time.monotonic()
    with pytest.raises(SpecError) as caught:
        read(path)
    assert time.monotonic() - began < SECONDS
    return caught.value


def test_a_missing_file_suggests_a_name(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("ltspec: 1")
    error = refused(tmp_path / "spec.yml")
    assert (error.code, error.message) == ("LT001", "there is no such file")
    assert "spec.yaml" in error.hint


@pytest.mark.parametrize("name", ["-", "no/such/folder/x.yaml", "zero\0byte", "x" * 5000, ""])
def test_names_that_are_no_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused(name).code == "LT001"


def test_a_directory(tmp_path: Path) -> None:
    assert "directory" in refused(tmp_path).message


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "pipe" in refused(tmp_path / "pipe").message


def test_a_device() -> None:
    assert refused("/dev/zero").code == "LT001"


def test_a_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert refused(tmp_path / "loop").code == "LT001"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret.yaml"
    path.write_text("ltspec: 1")
    path.chmod(0)
    assert refused(path).message == "you may not read it"


def test_a_permission_error_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", deny)
    assert refused(tmp_path / "secret.yaml").message == "you may not read it"


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as stream:
        stream.truncate(100 * 2**20)
    error = refused(path)
    assert (error.code, error.message) == ("LT002", "it has 104,857,600 bytes")


def test_the_size_limit_is_exact(tmp_path: Path, small: str) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(small + "#" * (MAX_BYTES - len(small)))
    assert read(path).tree["name"] == "small"
    path.write_text(small + "#" * (MAX_BYTES - len(small) + 1))
    assert refused(path).code == "LT002"


@pytest.mark.parametrize(
    ("content", "offset"),
    [
        (b"name: caf\xe9", "byte 9 "),
        (b"\xef\xbb\xbfname: caf\xe9", "byte 12 "),
        ("ltspec: 1".encode("utf-16"), "byte 0 "),
        (b"name: \0x", "byte 6 "),
        (b"a\0\xff", "byte 1 "),
        (bytes(range(256)), "byte 0 "),
        (b"name: \xed\xa0\x80", "byte 6 "),
    ],
)
def test_bytes_that_are_no_text(content: bytes, offset: str, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(content)
    error = refused(path)
    assert error.code == "LT003"
    assert error.message.startswith(offset)


def test_a_byte_order_mark_is_fine(tmp_path: Path, small: str) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + small.encode())
    source = read(path)
    assert source.tree["ltspec"] == 1
    position = source.position(("ltspec",), "key")
    assert position is not None
    assert (position.line, position.column) == (1, 1)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings(ending: str, tmp_path: Path, small: str) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(small.replace("\n", ending).encode())
    source = read(path)
    position = source.position(("train", "batch_size"))
    assert position is not None
    assert (position.line, position.column, position.length) == (7, 15, 2)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n"
    for before, name in zip("abcdefghijklm", "bcdefghijklmn", strict=True)
)
CHAIN = "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 300))
HOSTILE = {
    "brackets": ("[" * 100_000, "LT006"),
    "braces": ("{" * 100_000, "LT006"),
    "mappings": ("{a: " * 60_000, "LT006"),
    "dashes": ("- " * 100_000, "LT006"),
    "questions": ("? " * 100_000, "LT006"),
    "bomb": (BOMB, "LT007"),
    "itself": ("a: &a [*a]", "LT007"),
    "chain": (CHAIN, "LT006"),
    "keys": ("".join(f"k{i}: 1\n" for i in range(24_000)), "LT002"),
    "items": ("a: [" + "1," * 120_000 + "]", "LT002"),
    "copies of a key": ("{" + "a," * 5_000 + "}", "LT005"),
    "digits": ("a: " + "9" * 200_000, "LT105"),
    "escape": ('a: "\\UFFFFFFFF"', "LT004"),
    "directive": ("%YAML 99999999999999999999.1\n---\na: 1", "LT004"),
    "surrogate": ("a: \ud800", "LT004"),
    "blank": (" " * 250_000, "LT009"),
    "tags": ("!" * 100_000, "LT008"),
    "anchors": ("&a " * 50_000, "LT004"),
    "text": ("x" * 300_000, "LT002"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text(name: str) -> None:
    text, code = HOSTILE[name]
    began = time.monotonic()
    with pytest.raises(SpecError) as caught:
        parse(parse_text(text, name))  # some can be read all the same
    assert code in {each.code for each in caught.value.diagnostics}
    assert time.monotonic() - began < SECONDS


def test_a_bomb_takes_little_memory(tmp_path: Path) -> None:
    """In a process that may not have more than a few hundred MiB."""
    path = tmp_path / "bomb.yaml"
    path.write_text(BOMB)
    limit = 512 * 2**20
    code = (
        "import resource, sys\n"
        "from ltspec.errors import SpecError\n"
        "from ltspec.language.source import read\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))\n"
        "try: read(sys.argv[1])\n"
        "except SpecError as error: print(error.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "LT007\n"
    assert resource.getrlimit(resource.RLIMIT_AS)[0] != limit


def test_every_problem_of_the_text_is_told_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        parse_text("a: 1\na: 2\n5: x\nb: !!int 3\na: 4\n<<: x\nc: [\n", "x")
    codes = [each.code for each in caught.value.diagnostics]
    assert codes == ["LT005", "LT008", "LT008", "LT005", "LT008", "LT004"]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e-4", 1e-4),
        ("12e-4", 12e-4),
        ("1.", 1.0),
        (".5", 0.5),
        ("+3", 3),
        ("-0.5", -0.5),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        (".inf", float("inf")),
        ("-.inf", -float("inf")),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("1e", "1e"),
        ("2024-01-01", "2024-01-01"),
        ("1.2.3", "1.2.3"),
        ("'5'", "5"),
        ('"true"', "true"),
        ("nan", "nan"),
        ("tRue", "tRue"),
        ("=", "="),
    ],
)
def test_scalars_follow_yaml_1_2(written: str, value: object) -> None:
    found = parse_text(f"a: {written}\n", "x").tree["a"]
    assert found == value
    assert type(found) is type(value)


def test_not_a_number_is_a_number() -> None:
    found = parse_text("a: .nan", "x").tree["a"]
    assert isinstance(found, float)
    assert found != found


def test_every_path_has_its_exact_place() -> None:
    text = 'a: {b: [1, "two"], c: é}\n漢: \n  d:\n  - x\n  - {e: 12e-4}\nf: |\n  text\n'
    source = parse_text(text, "x")
    lines = text.split("\n")

    def at(path: tuple[str | int, ...], which: str) -> str:
        position = source.position(path, which)
        assert position is not None
        start = position.column - 1
        return lines[position.line - 1][start : start + position.length]

    assert at(("a",), "key") == "a"
    assert at(("a",), "value") == '{b: [1, "two"], c: é}'
    assert at(("a", "b"), "value") == '[1, "two"]'
    assert at(("a", "b", 1), "value") == '"two"'
    assert at(("a", "c"), "value") == "é"
    assert at(("漢", "d"), "key") == "d"
    assert at(("漢", "d", 0), "value") == "x"
    assert at(("漢", "d", 1, "e"), "value") == "12e-4"
    assert at(("f",), "value") == "|"
    assert at(("a", "missing"), "value") == "a"
