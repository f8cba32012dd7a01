"""Takes numbers of processes; gives what they do together of a training, against one alone.

Each process is what ``ltspec run --side-by-side`` starts: a backend of its own, a network of its
own (another replicate), the same data. All begin at once, after each has compiled and warmed up,
and play the same number of steps; the rate is all their steps over the time of the slowest. The
numbers are tried in turn, ``--repeats`` times over, and a ratio is of medians.

    python benchmarks/side_by_side.py --device cuda --network resnet20 --processes 1 2 4 8 16
        [--backend torch] [--precision float32] [--batch 128] [--steps 400] [--repeats 5]
        [--threads 1] [--no-deterministic] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import time
from importlib import import_module
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, get_args

from training_steps import RULES, USUAL
from workload import GRAPHS, workload

from ltspec.engine.backend import Adapter, Demand, Precision, Settings


def rate(options: argparse.Namespace, count: int) -> float:
    """Steps a second of ``count`` processes together."""
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(count), context.SimpleQueue()
    crew = [
        context.Process(target=_play, args=(vars(options), barrier, answers)) for _ in range(count)
    ]
    for process in crew:
        process.start()
    spans = [answers.get() for _ in crew]
    for process in crew:
        process.join()
    began = min(start for start, _ in spans)
    return count * int(options.steps) / (max(end for _, end in spans) - began)


def _play(options: dict[str, Any], barrier: Barrier, answers: Any) -> None:
    adapter: Adapter = import_module(f"ltspec_{options['backend']}").adapter
    settings = Settings(
        options["device"],
        options["precision"],
        options["threads"],
        deterministic=not options["no_deterministic"],
    )
    (_, (rule, *_), _) = USUAL[options["network"]]
    work = workload(*RULES[rule], options["batch"], options["steps"], options["network"])
    demand = Demand(
        work.graph, options["batch"], len(work.split), work.rule, options["steps"], work.augment
    )
    backend, lowering = adapter.open(settings), adapter.lower(demand, settings)
    arguments = work.graph, work.split, work.tape, work.state, work.masks, work.rule, lowering
    backend.train(*arguments)  # compile, and warm the caches
    barrier.wait()
    began = time.time()
    backend.train(*arguments)
    answers.put((began, time.time()))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--backend", choices=["torch", "tensorflow"], default="torch")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--network", choices=sorted(GRAPHS), default="resnet20")
    parser.add_argument("--precision", choices=get_args(Precision), default="float32")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--threads", type=int, help="of each process, on a CPU")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-deterministic", action="store_true", help="let a GPU choose freely")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: dict[int, list[float]] = {count: [] for count in options.processes}
    for _ in range(options.repeats):
        for count, rates in found.items():
            rates.append(rate(options, count))
    alone = statistics.median(found[options.processes[0]])
    rows = []
    for count, rates in found.items():
        median = statistics.median(rates)
        rows.append({"processes": count, "steps_per_second": median, "rates": rates})
        print(
            f"{options.network} {options.precision}  {count:2} processes  "
            f"{median:9.1f} steps/s together  {median / alone:.2f} of "
            f"{options.processes[0]} alone"
        )
    if options.json:
        answer = {**vars(options), "json": str(options.json), "rows": rows}
        options.json.write_text(json.dumps(answer, indent=2) + "\n")


if __name__ == "__main__":
    main()
