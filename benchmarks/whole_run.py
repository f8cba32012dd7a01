"""Takes nothing; gives the time of a whole `ltspec run` against a hand-written script.

Both are processes that start from nothing, read MNIST, make a LeNet lottery of four trainings of
1,000 steps at batch 128 with one evaluation each, and leave the tickets on disk; they take turns,
so that a busy machine slows both, and the ratio of the medians counts. LTSPEC_DATA names the
folder that has mnist/.

    python benchmarks/whole_run.py [--repeats 7] [--threads 1]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
SPEC = """
ltspec: 1
name: lottery
model: {family: lenet}
data: {name: mnist}
train: {duration: 1000it, batch_size: 128, optimizer: {name: adam, lr: 1.2e-3}}
prune: {schedule: {name: iterative, levels: 3}}
"""


def seconds(command: list[str]) -> float:
    """Wall-clock time of one process."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def once(side: str, data: str, threads: str) -> float:
    """One lottery in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        if side == "script":
            script = str(HERE / "handwritten_lottery.py")
            return seconds([sys.executable, script, f"{data}/mnist", folder, threads])
        spec = Path(folder) / "lottery.yaml"
        spec.write_text(SPEC, encoding="utf-8")
        program = [sys.executable, "-m", "ltspec", "run", str(spec), "--backend", "torch"]
        return seconds([*program, "--data", data, "--threads", threads, "--quiet"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", default="1")
    options = parser.parse_args()
    data = os.environ["LTSPEC_DATA"]
    times: dict[str, list[float]] = {"script": [], "ltspec": []}
    for side in times:  # fill the file system's cache
        once(side, data, options.threads)
    for _ in range(options.repeats):
        for side, found in times.items():
            found.append(once(side, data, options.threads))
    medians = {side: statistics.median(found) for side, found in times.items()}
    print(
        json.dumps(
            {
                "torch": version("torch"),
                "threads": options.threads,
                "repeats": options.repeats,
                "seconds": {side: round(found, 2) for side, found in medians.items()},
                "ratio": round(medians["ltspec"] / medians["script"], 3),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
