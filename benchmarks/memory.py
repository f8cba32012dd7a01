"""Takes nothing; gives the peak memory of the torch backend against a hand-written loop.

Each runs in a process of its own, which reports its peak resident size. LeNet-300-100 on 60,000
images, 1,000 steps at batch 60. A ratio of 1 is as little.

    python benchmarks/memory.py [--repeats 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from workload import workload

from ltspec.engine.backend import Adapter, Sgd


def play(side: str) -> None:
    """One training; prints the peak of this process in megabytes."""
    work = workload(Sgd(0.9, False, 0.0, "all"), 0.05, 60, 1000)
    if side == "ours":
        from training_steps import ours

        adapter: Adapter = import_module("ltspec_torch").adapter
        ours(adapter, work, "cpu", 1)()
    else:
        import torch
        from handwritten_torch import prepare

        torch.set_num_threads(1)
        prepare(work, "cpu")()()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)  # Linux counts kilobytes


def measured(side: str) -> float:
    done = subprocess.run(
        [sys.executable, __file__, "--play", side], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--play", choices=["ours", "baseline"], help=argparse.SUPPRESS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.play:
        play(options.play)
        return
    peaks: dict[str, list[float]] = {"baseline": [], "ours": []}
    for _ in range(options.repeats):
        for side, sizes in peaks.items():
            sizes.append(measured(side))
    baseline, mine = (statistics.median(peaks[side]) for side in ("baseline", "ours"))
    print(f"baseline {baseline:.0f} MB  ours {mine:.0f} MB  ratio {mine / baseline:.3f}")
    if options.json:
        ratio = {"baseline_mb": baseline, "ours_mb": mine, "ratio": mine / baseline}
        options.json.write_text(json.dumps(ratio, indent=2) + "\n")


if __name__ == "__main__":
    main()
