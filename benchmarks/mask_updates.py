"""Takes a backend; gives what an update of a mask costs, against a training whose mask is fixed.

The same stretch of training is played by the engine with a fixed mask and with an update at each
100 steps, in turns, in one process. Seconds are the process's own (CPU time), so that other work
on the machine counts little. LTSPEC_DATA names the folder that has mnist/ and cifar10/.

    python benchmarks/mask_updates.py [--backend torch] [--network lenet|resnet20] [--repeats 5]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ltspec.data.reader import load
from ltspec.decisions import masks as masking
from ltspec.decisions.initial import initial_buffers, initial_weights
from ltspec.decisions.operators import random_masks
from ltspec.decisions.state import State
from ltspec.engine import adapters, mask_updates, training
from ltspec.engine.backend import Settings
from ltspec.engine.execution import lower
from ltspec.engine.training import Progress, Training, play
from ltspec.language.source import override, read
from ltspec.plan import validate
from ltspec.plan.passes import compile_spec
from ltspec.plan.stages import Remask

EXAMPLES = Path(__file__).parents[1] / "examples"
SPECS = {"lenet": "rigl_lenet.yaml", "resnet20": "resnet20_cifar10.yaml"}
EVERY = 100
"""Steps from one update to the next, as in the papers."""
METHODS = ("gradual", "set", "rigl")


def prepared(network: str, method: str, backend: str, steps: int) -> tuple[Training, Progress]:
    """The training of one method's network, and where it begins."""
    source = read(EXAMPLES / SPECS[network])
    schedule = f"{{name: {method}, density: 0.1, every: {EVERY}it, begin: 0it, until: 90%}}"
    for change in (
        f"train.duration={steps}it",
        "train.lr_schedule={name: constant}",
        f"prune.schedule={schedule}",
        "prune.rewind={to: 0it}",
        "branches={}",
        "replicates=1",
    ):
        source = override(source, change)
    plan = compile_spec(validate(source))
    stage = plan.stages[plan.outcomes[1].trained]
    work: Any = stage.work
    graph = plan.graphs[work.graph]
    shapes = {p.name: p.shape for p in graph.prunable if p.name in work.masks.tensors}
    keep = next(
        (s.work.keep for s in plan.stages if isinstance(s.work, Remask)),
        tuple(int(0.1 * np.prod(shape)) for shape in shapes.values()),
    )
    masks = random_masks(shapes, keep, 1, 1, 1)
    if method == "gradual":
        masks = {name: np.ones(shape, np.bool_) for name, shape in shapes.items()}
    weights = masking.apply(initial_weights(graph, "kaiming-normal", 1), masks)
    adapter, settings = adapters.find(backend), Settings("cpu", "float32", threads=1)
    begun = Progress(
        State(weights, 0, {}, initial_buffers(graph)), np.zeros(0, np.float32), masks, masks
    )
    return (
        Training(
            graph,
            work.recipe,
            0,
            steps,
            work.masks,
            load(work.recipe.data, Path(os.environ["LTSPEC_DATA"])).train,
            lambda: None,  # type: ignore[arg-type, return-value]
            adapter.open(settings),
            lower(plan, adapter, settings).lowerings[stage.key],
            stage.label,
        ),
        begun,
    )


def played(what: Training, begun: Progress) -> float:
    """Seconds of CPU time that it takes."""
    began = time.process_time()
    play(what, begun, lambda now, steps: None)
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", default="torch")
    parser.add_argument("--network", choices=list(SPECS), default="lenet")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    spent: list[float] = []
    honest = mask_updates.with_update

    def timed(*given: Any) -> Progress:
        began = time.process_time()
        found = honest(*given)
        spent.append(time.process_time() - began)
        return found

    training.with_update = timed  # type: ignore[attr-defined]
    result: dict[str, Any] = {"network": options.network, "backend": options.backend}
    for method in METHODS:
        changing, begun = prepared(options.network, method, options.backend, options.steps)
        fixed = replace(changing, schedule=None)
        played(changing, begun)  # compiles what has to be
        spent.clear()
        ratios, paces = [], []
        for _ in range(options.repeats):
            still = played(fixed, begun)
            moving = played(changing, begun)
            ratios.append(moving / still)
            paces.append(still / options.steps)
        pace = statistics.median(paces)
        update = statistics.median(spent)
        result[method] = {
            "ms_a_step": round(1000 * pace, 3),
            "ms_an_update": round(1000 * update, 2),
            "steps_an_update": round(update / pace, 2),
            "training_against_fixed_mask": round(statistics.median(ratios), 4),
            "lowest_and_highest": [round(min(ratios), 4), round(max(ratios), 4)],
        }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
