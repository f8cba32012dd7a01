"""The wheel as it would be published: what is in it, and that it works where it is unpacked."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from e2e import EXAMPLES, ROOT, environment, finished

from ltspec.errors import CODES
from ltspec.language import presets

TOP_LEVEL = {"ltspec", "ltspec_numpy", "ltspec_torch", "ltspec_tensorflow"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the working tree."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = shutil.copytree(
        ROOT,
        folder / "copy",
        ignore=shutil.ignore_patterns(
            ".*", "*.egg-info", "build", "__pycache__", "tests", "benchmarks"
        ),
    )
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, copy],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=environment(),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> Sequence[str]:
    """Paths in the wheel."""
    return zipfile.ZipFile(wheel).namelist()


def test_no_other_top_level_name(wheel: Path, names: Sequence[str]) -> None:
    info = f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"
    assert {name.split("/")[0] for name in names} == TOP_LEVEL | {info}
    top = zipfile.ZipFile(wheel).read(f"{info}/top_level.txt").decode().split()
    assert set(top) == TOP_LEVEL


def test_all_modules_pages_and_the_typing_mark_are_in_it(names: Sequence[str]) -> None:
    expected = {
        file.relative_to(folder).as_posix()
        for folder in (ROOT, ROOT / "backends")
        for package in folder.glob("ltspec*")
        if (package / "__init__.py").is_file()
        for file in package.rglob("*.py")
    }
    assert len(expected) > 60
    assert {name for name in names if name.endswith(".py")} == expected
    assert {f"ltspec/cli/pages/{code}.md" for code in CODES} <= set(names)
    assert "ltspec/py.typed" in names
    for part in ("export", "page"):
        templates = list((ROOT / "ltspec" / "results" / part / "templates").iterdir())
        assert templates
        folder = f"ltspec/results/{part}/templates"
        assert {f"{folder}/{file.name}" for file in templates} <= set(names)
    assert {f"ltspec/presets/{name}.yaml" for name in presets.names()} <= set(names)
    assert not [name for name in names if "test" in name or "__pycache__" in name]


def test_entry_points(wheel: Path, names: Sequence[str]) -> None:
    (file,) = (name for name in names if name.endswith("/entry_points.txt"))
    points = configparser.ConfigParser()
    points.read_string(zipfile.ZipFile(wheel).read(file).decode())
    assert dict(points["console_scripts"]) == {"ltspec": "ltspec.cli.main:main"}
    assert dict(points["ltspec.backends"]) == {
        name: f"ltspec_{name}:adapter" for name in ("numpy", "torch", "tensorflow")
    }


def test_it_works_from_where_it_is_unpacked(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")

    def call(*arguments: str) -> str:
        return finished(
            subprocess.run(
                [sys.executable, "-m", "ltspec", *arguments],
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
                cwd=tmp_path,
                env=environment(PYTHONPATH=str(tmp_path / "site")),
            )
        ).out

    where = subprocess.run(
        [sys.executable, "-c", "import ltspec, ltspec_numpy; print(ltspec.__file__)"],
        text=True,
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(tmp_path / "site")),
    )
    assert where.stdout.startswith(str(tmp_path))
    assert call("validate", str(EXAMPLES[0])) == f"{EXAMPLES[0]}: fine\n"
    assert call("explain", "LT101").startswith("# LT101")
    assert call("explain", "train.optimizer.lr")  # reads the sources of the language
    assert call("schema") == (ROOT / "schemas" / "ltspec.schema.json").read_text(encoding="utf-8")
