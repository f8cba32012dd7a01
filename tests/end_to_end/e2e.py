"""Takes a command line; gives what the real program says and leaves, as a user would see it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
PROGRAM = Path(sys.executable).parent / "ltspec"
NO_NETWORK = {f"{name}_proxy": "http://127.0.0.1:9" for name in ("http", "https", "all")} | {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
}
"""Settings of the environment under which nobody can be reached: port 9 answers nobody."""

TINY = """\
ltspec: 1
name: tiny
model: {family: lenet, widths: [12]}
data: {name: digits}
train:
  duration: 40it
  batch_size: 64
  optimizer: {name: sgd, lr: 0.1, momentum: 0.9}
prune:
  schedule: {name: iterative, fraction: 0.2, levels: 2}
"""

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Done:
    """A program that has ended."""

    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def write_tiny(folder: Path, *replacements: tuple[str, str], name: str = "tiny.yaml") -> Path:
    """The tiny spec as a file, with pieces of its text replaced."""
    text = TINY
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def environment(**changes: str) -> dict[str, str]:
    """Ours without what would change where ltspec reads and writes, or how wide it prints.

    One thread: on a machine whose cores are all busy, threads that wait for each other at every
    step make networks of this size up to a hundred times slower.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("LTSPEC_STORE", "LTSPEC_DATA", "FORCE_COLOR", "COLUMNS")
    }
    return {
        **kept,
        "COLUMNS": "120",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        **changes,
    }


def command(*arguments: object) -> list[str]:
    """``ltspec`` with these arguments, of the Python that runs the tests."""
    return [sys.executable, "-m", "ltspec", *map(str, arguments)]


def ltspec(
    *arguments: object,
    cwd: Path | None = None,
    code: int | None = 0,
    seconds: float = 120,
    **changes: str,
) -> Done:
    """Run ``ltspec``; ``changes`` are settings of its environment.

    Asserts that it ends within ``seconds`` and with ``code``, and that it never shows a traceback.
    """
    return finished(
        subprocess.run(
            command(*arguments),
            cwd=cwd,
            env=environment(**changes),
            timeout=seconds,
            text=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            encoding="utf-8",
        ),
        code,
    )


def finished(process: subprocess.CompletedProcess[str], code: int | None = 0) -> Done:
    """What a program said; asserts its exit code, and that it shows no traceback."""
    done = Done(process.returncode, process.stdout or "", process.stderr or "")
    assert "Traceback" not in done.out + done.err, done
    assert "LT901" not in done.err, done
    assert code is None or done.code == code, done
    return done


@contextmanager
def started(*arguments: object, cwd: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """``ltspec`` in the background, its errors and progress on ``stderr``; killed at the end."""
    with subprocess.Popen(
        command(*arguments),
        cwd=cwd,
        env=environment(),
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A job in the background of a shell without job control ignores Ctrl-C, and so would we.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str], code: int | None = 0, seconds: float = 120) -> Done:
    """Wait for a process that was started; asserts as :func:`ltspec` does."""
    out, err = process.communicate(timeout=seconds)
    return finished(subprocess.CompletedProcess(process.args, process.returncode, out, err), code)


def run_folder(store: Path, name: str = "tiny", realm: str = "numpy-float32") -> Path:
    """Where the table and the tickets of a run are."""
    return store / "runs" / name / realm


def results(store: Path) -> dict[str, bytes]:
    """Everything that a person takes away from a store: tables and tickets, by path."""
    found = {
        file.relative_to(store).as_posix(): file.read_bytes()
        for file in sorted((store / "runs").rglob("*"))
        if (file.is_file() and file.suffix in (".csv", ".safetensors")) or file.name == "table.json"
    }
    assert any(name.endswith("table.csv") for name in found)
    assert any(name.endswith(".safetensors") for name in found)
    return found


def stored_arrays(store: Path) -> dict[str, bytes]:
    """The arrays of every stage, by their path in the store."""
    found = {
        file.relative_to(store).as_posix(): file.read_bytes()
        for file in sorted((store / "results").rglob("arrays.safetensors"))
    }
    assert found
    return found


def assert_same_results(one: Path, other: Path) -> None:
    """Tables, tickets and the arrays of every stage of two stores are the same bytes."""
    for look in (results, stored_arrays):
        ours, theirs = look(one), look(other)
        assert list(ours) == list(theirs)
        assert [name for name in ours if ours[name] != theirs[name]] == []


def ticket_files(store: Path) -> list[Path]:
    """Tickets of all runs in a store."""
    return sorted((store / "runs").rglob("*.safetensors"))


def load(file: Path) -> Arrays:
    """Arrays as anybody reads them who has safetensors; the masks of a ticket unpacked."""
    arrays = safetensors.numpy.load_file(file)
    for name, packed in arrays.items():
        if name.startswith("mask/") and packed.dtype == np.uint8:
            weights = arrays[name.replace("mask/", "weights/", 1)]
            bits = np.unpackbits(packed, count=weights.size).reshape(weights.shape)
            arrays[name] = bits.astype(np.bool_)
    return arrays


def stages(store: Path, kind: str) -> dict[str, tuple[dict[str, Any], Path]]:
    """Facts, and the file of the arrays, of every stage of a kind in the store, by key."""
    found = {}
    for file in sorted((store / "results").rglob("facts.json")):
        facts = json.loads(file.read_text(encoding="utf-8"))["facts"]
        if facts["kind"] == kind:
            found[file.parent.name] = facts, file.parent / "arrays.safetensors"
    return found


def losses(store: Path) -> dict[str, NDArray[np.float32]]:
    """Loss of each step of every training in the store, by key."""
    return {key: load(file)["loss"] for key, (_, file) in stages(store, "train").items()}


def keys(plan_json: str) -> list[str]:
    """The keys in a plan file's text."""
    return [stage["key"] for stage in json.loads(plan_json)["stages"]]


def column(table_csv: Path, name: str) -> Sequence[str]:
    """One column of a table."""
    head, *rows = (line.split(",") for line in table_csv.read_text(encoding="utf-8").splitlines())
    return [row[head.index(name)] for row in rows]
