"""Who may import whom: read from the source, and checked again in a fresh interpreter."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# A module may import from its own layer and those below it.
LAYERS = [
    ["errors"],
    ["language", "diagnostics"],
    ["networks", "data"],
    ["decisions"],
    ["tickets", "weights"],
    ["plan"],
    ["engine"],
    ["results"],
    ["cli", "__main__"],
]
LAYER_OF = {name: level for level, names in enumerate(LAYERS) for name in names}
FRAMEWORKS = {"torch", "tensorflow", "keras", "jax"}
BACKENDS = sorted(path.name for path in (ROOT / "backends").glob("ltspec_*"))


def modules(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Full names of everything that a module imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", modules(ROOT / "ltspec"), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_core_imports_downward_and_no_framework(path: Path) -> None:
    part = path.relative_to(ROOT / "ltspec").parts[0].removesuffix(".py")
    for name in imported(path):
        top, *rest = name.split(".")
        assert top not in FRAMEWORKS, f"imports {name}"
        assert not top.startswith("ltspec_"), f"imports the backend {name}"
        if top == "ltspec" and rest and part != "__init__":
            assert rest[0] in LAYER_OF, f"{rest[0]} is in no layer"
            assert LAYER_OF[rest[0]] <= LAYER_OF[part], f"imports upward: {name}"


@pytest.mark.parametrize(
    ("library", "home"),
    [
        ("pydantic", "language"),
        ("pydantic_core", "language"),
        ("ruamel", "language/source.py"),
        ("click", "cli"),
        ("safetensors", "engine/record.py"),
        ("pooch", "data"),
        ("rich", "cli"),
        ("matplotlib", "results/plots.py"),
        ("jinja2", ("results/export/folder.py", "results/page/writing.py")),
    ],
)
def test_a_library_stays_in_its_home(library: str, home: str | tuple[str, ...]) -> None:
    users = [
        path.relative_to(ROOT / "ltspec").as_posix()
        for path in modules(ROOT / "ltspec")
        if any(name.split(".")[0] == library for name in imported(path))
    ]
    assert users, f"{library} is not used at all"
    assert [user for user in users if not user.startswith(home)] == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_backend_goes_through_the_door(backend: str) -> None:
    for path in modules(ROOT / "backends" / backend):
        for name in imported(path):
            top = name.split(".")[0]
            if top == "ltspec":
                assert name.startswith("ltspec.engine.backend."), f"{path}: {name}"
            assert top == backend or not top.startswith("ltspec_"), f"{path}: {name}"


def test_nothing_prints_outside_of_the_command_line() -> None:
    for path in modules(ROOT / "ltspec"):
        if path.relative_to(ROOT / "ltspec").parts[0] in ("cli", "__main__.py"):
            continue
        calls = [
            node.func.id
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        ]
        assert "print" not in calls, path
        assert "exit" not in calls, path


def loaded_by(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has after ``code``."""
    done = subprocess.run(
        [sys.executable, "-c", code + "\nimport sys; print('\\n'.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return {line.split(".")[0] for line in done.stdout.splitlines()}


EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


def test_planning_every_example_loads_no_framework() -> None:
    files = [str(path) for path in EXAMPLES]
    assert files
    loaded = loaded_by(
        "from ltspec.cli.main import cli\n"
        f"for file in {files!r}:\n"
        "  for backend in ('numpy', 'torch', 'tensorflow'):\n"
        "    cli.main(['plan', file, '--backend', backend], standalone_mode=False)\n"
    )
    assert "ltspec" in loaded
    assert not loaded & FRAMEWORKS


def test_comparing_two_specs_loads_no_framework(tmp_path: Path) -> None:
    spec = str(EXAMPLES[0])
    plan = str(tmp_path / "plan.json")
    calls = (["plan", spec, "--backend", "torch", "--json", plan], ["diff", plan, spec])
    loaded = loaded_by(
        "from ltspec.cli.main import cli\n"
        f"for call in {calls!r}:\n"
        "  cli.main(call, standalone_mode=False)\n"
    )
    assert "ltspec" in loaded
    assert not loaded & FRAMEWORKS


def loaded_by_validating(*files: Path) -> set[str]:
    arguments = ["validate", *map(str, files)]
    return loaded_by(
        f"from ltspec.cli.main import cli\ncli.main({arguments!r}, standalone_mode=False)"
    )


def test_validating_loads_nothing_heavy() -> None:
    heavy = FRAMEWORKS | {"numpy", "rich", "safetensors", "sklearn", "matplotlib", "jinja2"}
    assert not loaded_by_validating(*EXAMPLES) & (heavy | {"pydantic"})
    good = ROOT / "tests" / "language" / "good"
    ticket = loaded_by_validating(good / "ticket_file.yaml", good / "from_ticket.yaml")
    assert not ticket & (heavy | {"pydantic"})
    weights = loaded_by_validating(ROOT / "tests" / "language" / "good" / "weights.yaml")
    assert not weights & (heavy | {"pydantic"})
    wrong = loaded_by_validating(ROOT / "tests" / "language" / "bad" / "LT102_train.yaml")
    assert not wrong & heavy
    assert "pydantic" in wrong  # which says what is wrong


@pytest.mark.parametrize("backend", BACKENDS)
def test_importing_an_adapter_does_not_load_its_framework(backend: str) -> None:
    assert not loaded_by(f"import {backend}; {backend}.adapter.gaps") & FRAMEWORKS
