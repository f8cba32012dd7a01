"""Takes ``--backend torch|tensorflow``; gives steps a second against a hand-written loop.

Both play the same tape on the same network, bytes and masks: baseline, ours, baseline, ours, ...
in one process, so that whatever else the machine does meets both. What a framework knows only for a
whole process (determinism, search for the fastest convolution, TF32) each side sets anew before its
turn. A ratio is the median of ours over the median of the baseline; 1 means as fast. Ours is the
whole call of ``train``: upload, loop, download. The baseline's clock runs over its loop alone. With
``--calls`` ours plays the tape in so many calls, each on the state that the one before it returned,
as a run does (two calls a second, about).

The baseline is always free to choose what does not repeat itself. Ours is deterministic, as a run
is, and the ratio has the cost of it; with ``--no-deterministic`` both are free.

    python benchmarks/training_steps.py --backend torch [--network resnet20] [--precision bf16]
        [--batch 128] [--rule sgd] [--steps 400] [--calls 1] [--repeats 7] [--threads 2]
        [--device cuda --peak 67 --bandwidth 4.8] [--no-deterministic] [--json FILE]

With ``--peak`` (10^12 operations a second, of that precision) and ``--bandwidth`` (10^12 bytes a
second), as the maker of a device gives them, the floor of a step stands beside: no step on it can
be faster.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import numpy as np
from workload import GRAPHS, Workload, workload

from ltspec.engine.backend import Adam, Adapter, Demand, Precision, Settings, Sgd
from ltspec.plan.cost import slots

RULES = {
    "sgd": (Sgd(0.9, False, 0.0, "all"), 0.05),
    "sgd-decay": (Sgd(0.9, False, 1e-4, "all"), 0.05),
    "adam": (Adam(0.9, 0.999, 1e-8, 0.0, "all"), 1.2e-3),
}
USUAL = {
    "lenet": ([60, 128], ["sgd", "adam"], 400),
    "resnet20": ([128], ["sgd-decay"], 20),
    "vgg16": ([128], ["sgd-decay"], 4),
    "resnet50": ([256], ["sgd-decay"], 20),
}
"""Batch sizes, rules and steps of each network, where the call names none."""
Turn = Callable[[], Callable[[], object]]
"""Makes the process ready for one side; gives what is timed."""


def ours(
    adapter: Adapter,
    work: Workload,
    device: str,
    threads: int | None,
    precision: Precision = "float32",
    deterministic: bool = True,
    calls: int = 1,
) -> Turn:
    """The backend's own calls."""
    settings = Settings(device, precision, threads, deterministic)
    backend, tape = adapter.open(settings), work.tape
    demand = Demand(
        work.graph, tape.batch_size, len(work.split), work.rule, tape.steps, work.augment
    )
    lowering = adapter.lower(demand, settings)
    parts = work.parts(calls)

    def train() -> None:
        state = work.state
        for part in parts:
            state, _ = backend.train(
                work.graph, work.split, part, state, work.masks, work.rule, lowering
            )
        for arrays in (state.weights, state.buffers, *state.slots.values()):
            dict(arrays)  # leave the device only when somebody looks at them

    def turn() -> Callable[[], object]:
        adapter.open(settings)  # which sets what is of the whole process
        return train

    return turn


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def compare(
    baseline: Turn,
    mine: Turn,
    repeats: int,
    steps: int,
) -> dict[str, Any]:
    """Milliseconds a step of each side, and how fast ours is relative to the baseline."""
    mine()(), baseline()()  # compile, and warm the caches
    theirs_s, ours_s = [], []
    for _ in range(repeats):
        theirs_s.append(seconds(baseline()))
        ours_s.append(seconds(mine()))
    theirs_ms, ours_ms = (statistics.median(times) / steps * 1e3 for times in (theirs_s, ours_s))
    return {
        "baseline_ms": theirs_ms,
        "ours_ms": ours_ms,
        "ratio": theirs_ms / ours_ms,
        "pairs": [t / o for t, o in zip(theirs_s, ours_s, strict=True)],
    }


def floor_ms(work: Workload, precision: Precision, peak: float, bandwidth: float) -> float:
    """The longer of two times. Arithmetic: three forward passes an example. Memory: each activation
    is written once and read once forward, read once backward and its gradient written and read;
    each weight, its gradient and its slots are read and written once."""
    graph, batch = work.graph, work.tape.batch_size
    activations = sum(math.prod(shape) for shape in graph.shapes.values())
    weights = sum(parameter.size for parameter in graph.parameters)
    width = 2 if precision == "bf16" else 4
    moved = 5 * width * activations * batch + 2 * 4 * weights * (2 + slots(work.rule))
    return max(3 * graph.forward_flops * batch / peak, moved / bandwidth) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--backend", choices=["torch", "tensorflow"], default="torch")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, help="of the CPU, for both (default: all)")
    parser.add_argument("--network", choices=sorted(GRAPHS), default="lenet")
    parser.add_argument("--precision", choices=get_args(Precision), default="float32")
    parser.add_argument("--batch", type=int, action="append", help="again for several")
    parser.add_argument("--rule", choices=sorted(RULES), action="append", help="again for several")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--calls", type=int, default=1, help="of train, that ours plays them in")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--peak", type=float, help="of the device, 10^12 operations a second")
    parser.add_argument("--bandwidth", type=float, help="of its memory, 10^12 bytes a second")
    parser.add_argument("--no-deterministic", action="store_true", help="let ours choose freely")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if (options.peak is None) != (options.bandwidth is None):
        parser.error("the floor needs both --peak and --bandwidth")
    if options.backend == "tensorflow" and options.network == "resnet50":
        parser.error("there is no hand-written resnet50 for TensorFlow")
    batches, rules, steps = USUAL[options.network]
    steps = options.steps or steps
    if not 1 <= options.calls <= steps:
        parser.error("--calls lies between 1 and the number of steps")
    adapter: Adapter = import_module(f"ltspec_{options.backend}").adapter
    handwritten = import_module(f"handwritten_{options.backend}")
    rows = []
    for batch_size in options.batch or batches:
        for name in options.rule or rules:
            work = workload(*RULES[name], batch_size, steps, options.network)
            mine = ours(
                adapter,
                work,
                options.device,
                options.threads,
                options.precision,
                deterministic=not options.no_deterministic,
                calls=options.calls,
            )
            baseline = handwritten.prepare(work, options.device, options.precision)
            row = compare(baseline, mine, options.repeats, steps)
            if options.peak:
                row["floor_ms"] = floor_ms(work, options.precision, options.peak, options.bandwidth)
            rows.append({"batch": batch_size, "rule": name, **row})
            print(
                f"{options.network} {options.precision}  batch {batch_size:3}  {name:9}  "
                f"baseline {row['baseline_ms']:.3f} ms  ours {row['ours_ms']:.3f} ms  "
                f"ratio {row['ratio']:.3f}"
                + (f"  floor {row['floor_ms']:.3f} ms" if options.peak else ""),
                flush=True,
            )
    result = {
        "backend": options.backend,
        "device": options.device,
        "threads": options.threads,
        "network": options.network,
        "precision": options.precision,
        "deterministic": not options.no_deterministic,
        "numpy": np.__version__,
        "versions": adapter.versions(),
        "steps": steps,
        "calls": options.calls,
        "repeats": options.repeats,
        "data": work.data,
        "rows": rows,
    }
    print(json.dumps(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
