"""Takes nothing; gives the peak memory of the torch backend against a hand-written loop.

Each runs in a process of its own, which reports its peak resident size. LeNet-300-100 on MNIST
(60,000 images), 1,000 steps at batch 60: the hand-written loop, the backend's ``train`` alone, and
a whole ``ltspec run`` that also prunes, rewinds, retrains, evaluates and stores. A ratio of 1 is as
little. LTSPEC_DATA names the folder that has mnist/.

    python benchmarks/memory.py [--repeats 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from workload import Workload, workload

from ltspec.engine.backend import Adapter, Sgd

SIDES = ("loop", "train", "run")
SPEC = """
ltspec: 1
name: memory
model: {family: lenet}
data: {name: mnist}
train: {duration: 1000it, batch_size: 60, optimizer: {name: sgd, lr: 0.05, momentum: 0.9}}
prune: {schedule: {name: iterative, levels: 2}}
"""


def work() -> Workload:
    """The same training for the loop and for the backend alone."""
    return workload(Sgd(0.9, False, 0.0, "all"), 0.05, 60, 1000)


def _run() -> None:
    """The command line in this process, in a store of its own."""
    from ltspec.cli.main import cli

    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "memory.yaml"
        spec.write_text(SPEC, encoding="utf-8")
        call = ["run", str(spec), "--backend", "torch", "--threads", "1", "--quiet"]
        with contextlib.redirect_stdout(io.StringIO()):
            cli.main(call, standalone_mode=False)


def play(side: str) -> None:
    """One training; prints the peak of this process in megabytes."""
    if side == "run":
        _run()
    elif side == "train":
        from training_steps import ours

        adapter: Adapter = import_module("ltspec_torch").adapter
        ours(adapter, work(), "cpu", 1)()()
    else:
        import torch
        from handwritten_torch import prepare

        torch.set_num_threads(1)
        prepare(work(), "cpu")()()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)  # Linux counts kilobytes


def measured(side: str) -> float:
    done = subprocess.run(
        [sys.executable, __file__, "--play", side], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--play", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.play:
        play(options.play)
        return
    peaks: dict[str, list[float]] = {side: [] for side in SIDES}
    for _ in range(options.repeats):
        for side, sizes in peaks.items():
            sizes.append(measured(side))
    medians = {side: statistics.median(sizes) for side, sizes in peaks.items()}
    for side, size in medians.items():
        print(f"{side:<8} {size:4.0f} MB  ratio {size / medians['loop']:.3f}")
    if options.json:
        options.json.write_text(json.dumps(medians, indent=2) + "\n")


if __name__ == "__main__":
    main()
