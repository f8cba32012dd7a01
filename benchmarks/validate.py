"""Takes an example; gives the time of `ltspec validate` as a whole process, against an empty one.

The empty process imports pydantic, ruamel.yaml and click, and does nothing. Importing pydantic
loads next to nothing until a model is defined, so a second empty process also defines one model of
one field, which is the least that any program with pydantic does. All are started in turn, so that
a busy machine slows all of them; the ratios of the medians count. Time of the processor, which
other work disturbs less, stands beside time of the clock.

    python benchmarks/validate.py [SPEC] [--repeats 40]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
EMPTY = [sys.executable, "-c", "import pydantic, ruamel.yaml, click"]
MODEL = [
    sys.executable,
    "-c",
    "import pydantic, ruamel.yaml, click\nclass One(pydantic.BaseModel):\n  field: int",
]


def seconds(command: list[str]) -> tuple[float, float]:
    """Time of the clock and of the processor that one process takes, all its modules compiled."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    began, before = time.perf_counter(), processor_seconds()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - began, processor_seconds() - before


def processor_seconds() -> float:
    """Of all processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("spec", nargs="?", default=str(ROOT / "examples" / "lenet_mnist.yaml"))
    parser.add_argument("--repeats", type=int, default=40)
    options = parser.parse_args()
    ours = [str(Path(sys.executable).parent / "ltspec"), "validate", options.spec]
    commands = {"empty": EMPTY, "one_model": MODEL, "validate": ours}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for command in commands.values():  # compile, and fill the file system's cache
        seconds(command)
    for _ in range(options.repeats):
        for name, command in commands.items():
            times[name].append(seconds(command))
    clock, processor = (
        {name: statistics.median(each[which] for each in found) for name, found in times.items()}
        for which in (0, 1)
    )
    print(
        json.dumps(
            {
                "spec": Path(options.spec).name,
                "repeats": options.repeats,
                "cores": os.cpu_count(),
                "python": sys.version.split()[0],
                "median_ms": {name: round(1000 * found, 1) for name, found in clock.items()},
                "ratio_to_empty": round(clock["validate"] / clock["empty"], 2),
                "ratio_to_one_model": round(clock["validate"] / clock["one_model"], 2),
                "processor_ms": {name: round(1000 * found, 1) for name, found in processor.items()},
                "processor_ratio_to_empty": round(processor["validate"] / processor["empty"], 2),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
