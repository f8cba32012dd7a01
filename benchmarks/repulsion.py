"""Takes ``--backend torch|tensorflow``; gives what a repellent term costs, against no term.

The same tape on the same network, without a term and repelled from so many solutions, one after
another in each of the repeats, so that whatever else the machine does meets all of them. A ratio
is the median of the steps' time with the term over that without; 1 means for nothing.

    python benchmarks/repulsion.py --backend torch [--network resnet20] [--solutions 1 10 25]
        [--steps 400] [--repeats 7] [--threads 2] [--device cpu] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
from training_steps import RULES, USUAL, seconds
from workload import GRAPHS, Workload, workload

from ltspec.decisions.repulsion import repulsion
from ltspec.engine.backend import Adapter, Backend, Demand, Lowering, Repulsion, Settings


def term(work: Workload, count: int) -> Repulsion | None:
    """Repelled from so many random solutions; None from none."""
    if not count:
        return None
    random = np.random.default_rng(1)
    names = [parameter.name for parameter in work.graph.prunable]
    solutions = [
        {name: random.normal(0, 1, work.state.weights[name].shape) for name in names}
        for _ in range(count)
    ]
    return repulsion(2.0, solutions, work.masks, names, np.dtype(np.float32))


def player(
    backend: Backend, work: Workload, lowering: Lowering, repelled_by: Repulsion | None
) -> Callable[[], object]:
    """One call of ``train``."""
    return lambda: backend.train(
        work.graph,
        work.split,
        work.tape,
        work.state,
        work.masks,
        work.rule,
        lowering,
        repelled_by,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--backend", choices=["torch", "tensorflow"], default="torch")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, help="of the CPU (default: all)")
    parser.add_argument("--network", choices=sorted(GRAPHS), default="lenet")
    parser.add_argument("--solutions", type=int, nargs="+", default=[1, 10, 25])
    parser.add_argument("--steps", type=int)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    batches, rules, steps = USUAL[options.network]
    steps = options.steps or steps
    adapter: Adapter = import_module(f"ltspec_{options.backend}").adapter
    work = workload(*RULES[rules[0]], batches[0], steps, options.network)
    settings = Settings(options.device, "float32", options.threads)
    counts = [0, *options.solutions]
    calls = {}
    for count in counts:
        demand = Demand(
            work.graph, batches[0], len(work.split), work.rule, steps, work.augment, count
        )
        # A backend of its own for each, as in a run, where one training follows another of a kind.
        backend = adapter.open(settings)
        calls[count] = player(backend, work, adapter.lower(demand, settings), term(work, count))
    times: dict[int, list[float]] = {count: [] for count in counts}
    for call in calls.values():
        call()  # compile, and warm the caches
    for _ in range(options.repeats):
        for count, call in calls.items():
            times[count].append(seconds(call) / steps * 1e3)
    plain = statistics.median(times[0])
    rows = [
        {"solutions": count, "ms": statistics.median(times[count]), "all_ms": times[count]}
        for count in counts
    ]
    for row in rows:
        row["ratio"] = row["ms"] / plain  # type: ignore[operator]
        print(
            f"{options.network} batch {batches[0]}  {row['solutions']:3} solutions  "
            f"{row['ms']:.3f} ms a step  ratio {row['ratio']:.3f}",
            flush=True,
        )
    result = {
        "backend": options.backend,
        "device": options.device,
        "threads": options.threads,
        "network": options.network,
        "versions": adapter.versions(),
        "steps": steps,
        "repeats": options.repeats,
        "data": work.data,
        "rows": rows,
    }
    print(json.dumps(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
