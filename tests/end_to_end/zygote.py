"""Takes a plan of kills as JSON on its command line; gives what happened as JSON on stdout.

Imports a framework once, then forks a child for each start of ``ltspec run`` (frameworks take
seconds to import, and a run is started more than twenty times). The child calls the real entry of
the command line, and is ended with SIGKILL: by the parent while it starts, by itself a random
moment after a random piece of training began, or in the middle of a random write. Moments are
paced by the run's own events, so that a busy machine does not move them past its end.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass
class Start:
    """One start of the program, and how it ended."""

    killed: bool
    code: int | None
    seconds: float
    in_write: bool
    """Whether something half-written was left in the store."""
    checkpoint: bool
    """Whether a checkpoint lay in the store when it was killed: it was inside of a training."""
    resumed: bool
    """Whether it said from which step it goes on."""
    progress: float
    """Share of all training steps that were kept, afterwards."""
    said: str


@dataclass(frozen=True)
class Moment:
    """When a start is killed."""

    kind: str
    """``start``: ``delay`` after it was forked; ``piece``: ``delay`` after a piece of training
    began; ``write``: half-way through a file; ``rename``: before it gets its name."""
    count: int
    """Which piece, write or rename, from 1."""
    delay: float
    """Seconds."""


def main() -> None:
    """``zygote.py '{"backend": ..., "call": [...], "store": ..., ...}'``."""
    order = json.loads(sys.argv[1])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as the adapter does, for the same bits
    importlib.import_module(order["backend"])
    importlib.import_module("ltspec.cli.main")
    _import_what_a_run_imports(order)
    child = _fork(order, Path(order["whole"]))
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit((Path(order["whole"]).parent / "stderr.txt").read_text(encoding="utf-8"))
    starts = _killed(order, Path(order["killed"]))
    json.dump({"starts": [asdict(start) for start in starts]}, sys.stdout)


def _import_what_a_run_imports(order: dict[str, Any]) -> None:
    """A run of few steps lists its modules, so that the starts to come find them in memory."""
    store = Path(order["whole"]).with_name("warm")
    short = [
        "--set",
        "train={duration: 60it, batch_size: 64, optimizer: {name: adam, lr: 0.001}}",
        "--set",
        "prune.rewind={to: 9it}",
    ]
    child = _fork({**order, "call": [*order["call"], *short]}, store)
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit((store.parent / "stderr.txt").read_text(encoding="utf-8"))
    for name in (store.parent / "modules.txt").read_text(encoding="utf-8").splitlines():
        if name.split(".")[0] in (order["backend"], "ltspec", "sklearn", "scipy", "rich", "numpy"):
            with suppress(Exception):
                importlib.import_module(name)


def _killed(order: dict[str, Any], store: Path) -> list[Start]:
    """Start again and again until it ends by itself, with ``kills`` kills on the way."""
    draw = random.Random(order["seed"])
    starts: list[Start] = []
    for kill in range(order["kills"]):
        kind = ("piece", "write", "piece", "rename", "piece", "start")[kill % 6]
        # On the way to the end in equal parts, and never so far that the rest has no moment left.
        left = order["kills"] - kill
        pieces = int((1 - (starts[-1].progress if starts else 0)) * order["steps"] / 100)
        most = max(1, min(2 * pieces // left, pieces - 4 * left)) if kind == "piece" else 3
        delay = draw.uniform(0, 0.25) if kind == "start" else draw.uniform(0, 0.03)
        starts.append(_start(order, store, Moment(kind, draw.randint(1, most), delay)))
    starts.append(_start(order, store, None))
    return starts


def _start(order: dict[str, Any], store: Path, moment: Moment | None) -> Start:
    """One start, killed at its moment, or left to its end."""
    began = time.perf_counter()
    child = _fork(order, store, moment)
    if moment is not None and moment.kind == "start":
        time.sleep(moment.delay)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    said = (store.parent / "stderr.txt").read_text(encoding="utf-8")
    return Start(
        killed,
        None if killed else os.waitstatus_to_exitcode(status),
        time.perf_counter() - began,
        _half_written(store),
        any((store / "checkpoints").rglob("facts.json")),
        "goes on from step" in said,
        _progress(store, order["steps"]),
        said,
    )


def _arm(moment: Moment) -> None:
    """Make this process end itself at a moment of its own run."""
    from ltspec.engine import disk, training

    left = moment.count

    def is_now() -> bool:
        nonlocal left
        left -= 1
        return left == 0

    def kill_later() -> None:
        time.sleep(moment.delay)
        os.kill(os.getpid(), signal.SIGKILL)

    record, write, replace = training.record, disk.write, disk.replace

    def record_and_die(*arguments: Any, **named: Any) -> Any:
        if is_now():
            threading.Thread(target=kill_later, daemon=True).start()
        return record(*arguments, **named)

    def write_half_and_die(file: Path, data: bytes) -> None:
        if is_now():
            file.write_bytes(data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        write(file, data)

    def die_before_replace(source: Path, target: Path) -> None:
        if is_now():
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    match moment.kind:
        case "piece":
            training.record = record_and_die
        case "write":
            disk.write = write_half_and_die
        case "rename":
            disk.replace = die_before_replace


def _half_written(store: Path) -> bool:
    try:
        return any(entry.is_dir() for entry in os.scandir(store / "temporary"))
    except FileNotFoundError:
        return False


def _progress(store: Path, steps: int) -> float:
    """Share of the training steps that results and checkpoints hold."""
    done = 0
    for file in (store / "results").rglob("facts.json"):
        facts = json.loads(file.read_text(encoding="utf-8"))["facts"]
        done += facts["steps"] if facts["kind"] == "train" else 0
    for file in (store / "checkpoints").rglob("facts.json"):
        done += json.loads(file.read_text(encoding="utf-8"))["facts"]["step"]
    return min(done / steps, 1.0)


def _fork(order: dict[str, Any], store: Path, moment: Moment | None = None) -> int:
    """A child that is ``ltspec`` with the call, its output in files beside the store.

    Its pieces of training are as short as the backend allows, for many moments in little time.
    """
    child = os.fork()
    if child:
        return child
    for number, name in ((1, "stdout.txt"), (2, "stderr.txt")):
        file = os.open(store.parent / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
    from ltspec.cli.main import _run
    from ltspec.engine import training

    code = 70
    try:
        training.PIECE_SECONDS = 1e-9
        if moment is not None:
            _arm(moment)
        code = _run([*order["call"], "--store", str(store)])
        (store.parent / "modules.txt").write_text("\n".join(sys.modules), encoding="utf-8")
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
