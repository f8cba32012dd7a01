"""Takes ``--backend torch|tensorflow``; gives steps a second against a hand-written loop.

Both play the same tape on the same network, bytes and masks: baseline, ours, baseline, ours, ...
in one process, so that whatever else the machine does meets both. A ratio is the median of ours
over the median of the baseline; 1 means as fast. Ours is the whole call of ``train``: upload,
loop, download. The baseline's clock runs over its loop alone.

    python benchmarks/training_steps.py --backend torch [--repeats 7] [--steps 400] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
from workload import Workload, workload

from ltspec.engine.backend import Adam, Adapter, Demand, Settings, Sgd

RULES = {
    "sgd-momentum": (Sgd(0.9, False, 0.0, "all"), 0.05),
    "adam": (Adam(0.9, 0.999, 1e-8, 0.0, "all"), 1.2e-3),
}


def ours(
    adapter: Adapter, work: Workload, device: str, threads: int | None
) -> Callable[[], object]:
    """The backend's own call."""
    settings = Settings(device, "float32", threads)
    backend = adapter.open(settings)
    demand = Demand(work.graph, work.tape.batch_size, len(work.split), work.rule, work.tape.steps)
    lowering = adapter.lower(demand, settings)
    return lambda: backend.train(
        work.graph, work.split, work.tape, work.state, work.masks, work.rule, lowering
    )


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--backend", choices=["torch", "tensorflow"], default="torch")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, help="of the CPU, for both (default: all)")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    adapter: Adapter = import_module(f"ltspec_{options.backend}").adapter
    handwritten = import_module(f"handwritten_{options.backend}")
    rows = []
    for batch_size in (60, 128):
        for name, (rule, rate) in RULES.items():
            work = workload(rule, rate, batch_size, options.steps)
            mine = ours(adapter, work, options.device, options.threads)
            prepare = handwritten.prepare(work, options.device)
            mine(), prepare()()  # compile, and warm the caches
            theirs_s, ours_s = [], []
            for _ in range(options.repeats):
                theirs_s.append(seconds(prepare()))
                ours_s.append(seconds(mine))
            theirs_ms, ours_ms = (
                statistics.median(times) / options.steps * 1e3 for times in (theirs_s, ours_s)
            )
            rows.append(
                {
                    "batch": batch_size,
                    "rule": name,
                    "baseline_ms": theirs_ms,
                    "ours_ms": ours_ms,
                    "ratio": theirs_ms / ours_ms,
                    "pairs": [t / o for t, o in zip(theirs_s, ours_s, strict=True)],
                }
            )
            print(
                f"LeNet-300-100  batch {batch_size:3}  {name:12}  baseline {theirs_ms:.3f} ms  "
                f"ours {ours_ms:.3f} ms  ratio {theirs_ms / ours_ms:.3f}",
                flush=True,
            )
    result = {
        "backend": options.backend,
        "device": options.device,
        "threads": options.threads,
        "numpy": np.__version__,
        "versions": adapter.versions(),
        "steps": options.steps,
        "repeats": options.repeats,
        "data": work.data,
        "rows": rows,
    }
    print(json.dumps(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
