"""Takes a plan of kills as JSON on its command line; gives what happened as JSON on stdout.

Imports a framework once, then forks a child for each start of ``ltspec run`` (frameworks take
seconds to import, and a run is started more than twenty times). The child calls the real entry of
the command line; the parent ends it with SIGKILL.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import sys
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


def main() -> None:
    """``zygote.py '{"backend": ..., "call": [...], "store": ..., ...}'``."""
    order = json.loads(sys.argv[1])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    importlib.import_module(order["backend"])
    importlib.import_module("ltspec.cli.main")
    _import_what_a_run_imports(order)
    whole = Path(order["whole"])
    first, seconds = _whole(order, whole)
    starts = _killed(order, Path(order["killed"]), first, seconds)
    json.dump(
        {
            "first_checkpoint": first,
            "seconds": seconds,
            "starts": [asdict(start) for start in starts],
        },
        sys.stdout,
    )


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


def _whole(order: dict[str, Any], store: Path) -> tuple[float, float]:
    """Run without a kill: seconds until the first checkpoint, and until the end."""
    began = time.perf_counter()
    child = _fork(order, store)
    first = 0.0
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if not first and any((store / "checkpoints").rglob("facts.json")):
            first = time.perf_counter() - began
        time.sleep(0.002)
    return first, time.perf_counter() - began


def _killed(order: dict[str, Any], store: Path, first: float, whole: float) -> list[Start]:
    """Start again and again until it ends by itself, with ``kills`` kills on the way.

    Two kills of three come after a random time since the start, one of them inside of training;
    the third waits for a write to begin. The remaining kills share the remaining work; they may
    take a bit more than their share each, since a kill also loses some of it.
    """
    draw = random.Random(order["seed"])
    starts: list[Start] = []
    kills = 0
    while True:
        progress = starts[-1].progress if starts else 0.0
        left = order["kills"] - kills
        share = (whole - first) * (1 - progress) * 1.6 / left if left > 0 else 0.0
        delay = (
            None
            if left <= 0
            else (
                draw.uniform(0, first + share) if kills % 3 == 0 else first + draw.uniform(0, share)
            )
        )
        start = _start(order, store, delay, draw if kills % 3 == 2 else None)
        starts.append(start)
        kills += start.killed
        if not start.killed:
            return starts


def _start(
    order: dict[str, Any], store: Path, delay: float | None, in_write: random.Random | None
) -> Start:
    """One start, killed after ``delay`` seconds unless it ends before."""
    log = store.parent / "stderr.txt"
    began = time.perf_counter()
    child = _fork(order, store)
    due = None if delay is None else began + delay
    killed, writing = False, False
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        now = time.perf_counter()
        if due is not None and now >= due:
            if in_write is not None and not writing:
                writing = _half_written(store)
                if writing:  # a moment later, so that it is not always the same one
                    due = now + in_write.uniform(0, 0.006)
            else:
                os.kill(child, signal.SIGKILL)
                _, status = os.waitpid(child, 0)
                killed = os.WIFSIGNALED(status)
                break
        time.sleep(0.0005 if in_write is not None else 0.002)
    said = log.read_text(encoding="utf-8")
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


def _fork(order: dict[str, Any], store: Path) -> int:
    """A child that is ``ltspec`` with the call, its output in files beside the store."""
    child = os.fork()
    if child:
        return child
    for number, name in ((1, "stdout.txt"), (2, "stderr.txt")):
        file = os.open(store.parent / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
    from ltspec.cli.main import _run

    code = 70
    try:
        code = _run([*order["call"], "--store", str(store)])
        (store.parent / "modules.txt").write_text("\n".join(sys.modules), encoding="utf-8")
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
