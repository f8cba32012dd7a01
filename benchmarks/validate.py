"""Takes an example; gives the time of `ltspec validate` as a whole process, against an empty one.

The empty process imports pydantic, ruamel.yaml and click, and does nothing. Both are started in
turn, so that a busy machine slows both; the ratio of the medians counts.

    python benchmarks/validate.py [SPEC] [--repeats 40]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
EMPTY = [sys.executable, "-c", "import pydantic, ruamel.yaml, click"]


def seconds(command: list[str]) -> float:
    """Wall-clock time of one process."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("spec", nargs="?", default=str(ROOT / "examples" / "lenet_mnist.yaml"))
    parser.add_argument("--repeats", type=int, default=40)
    options = parser.parse_args()
    ours = [str(Path(sys.executable).parent / "ltspec"), "validate", options.spec]
    times: dict[str, list[float]] = {"empty": [], "validate": []}
    seconds(EMPTY), seconds(ours)  # fill the file system's cache
    for _ in range(options.repeats):
        times["empty"].append(seconds(EMPTY))
        times["validate"].append(seconds(ours))
    medians = {name: statistics.median(found) for name, found in times.items()}
    print(
        json.dumps(
            {
                "spec": Path(options.spec).name,
                "repeats": options.repeats,
                "cores": os.cpu_count(),
                "python": sys.version.split()[0],
                "median_ms": {name: round(1000 * found, 1) for name, found in medians.items()},
                "ratio": round(medians["validate"] / medians["empty"], 3),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
