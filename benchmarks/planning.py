"""Takes nothing; gives the time to compile plans of about 10,000 and 100,000 stages.

Each size is compiled several times, in turn; the medians count. Linear growth is a ratio of ten.

    python benchmarks/planning.py [--repeats 3]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time

from ltspec.language.source import parse_text
from ltspec.plan import validate
from ltspec.plan.passes import compile_spec

SPEC = """
ltspec: 1
name: large
model: {{family: lenet, widths: [300, 100]}}
data: {{name: mnist}}
train: {{duration: 24000it, batch_size: 60, optimizer: {{name: adam, lr: 1.2e-3}}}}
prune:
  schedule: {{name: iterative, levels: 15}}
  rewind: {{to: 500it}}
replicates: {replicates}
branches: {{reinit: {{kind: reinitialize}}}}
"""


def compile_once(replicates: int) -> tuple[int, float]:
    """(stages, seconds) from YAML text to a plan with keys."""
    began = time.perf_counter()
    plan = compile_spec(validate(parse_text(SPEC.format(replicates=replicates), "large.yaml")))
    return len(plan.stages), time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    sizes = (81, 810)
    found: dict[int, list[tuple[int, float]]] = {size: [] for size in sizes}
    compile_once(1)
    for _ in range(options.repeats):
        for size in sizes:
            found[size].append(compile_once(size))
    rows = [
        {"stages": runs[0][0], "median_s": round(statistics.median(t for _, t in runs), 3)}
        for runs in found.values()
    ]
    small, large = rows
    print(
        json.dumps(
            {
                "repeats": options.repeats,
                "cores": os.cpu_count(),
                "python": sys.version.split()[0],
                "plans": rows,
                "time_ratio": round(large["median_s"] / small["median_s"], 2),
                "stage_ratio": round(large["stages"] / small["stages"], 2),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
