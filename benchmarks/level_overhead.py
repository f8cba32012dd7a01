"""Takes a backend; gives what a level of ResNet-20 costs beside its training steps.

A short lottery on CIFAR-10 is run through the engine, and every stage is timed with its storing:
evaluating, pruning, rewinding, and storing what was trained. That is set against a level of 160
epochs (62,560 steps at batch 128), from the pace of the steps of the same run. LTSPEC_DATA names
the folder that has cifar10/.

    python benchmarks/level_overhead.py [--backend torch] [--device cpu] [--steps 20] [--threads 1]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ltspec.engine.session import Session
from ltspec.engine.watch import Silence
from ltspec.language.source import override, read
from ltspec.plan import validate
from ltspec.plan.passes import compile_spec
from ltspec.plan.stages import Stage

SPEC = Path(__file__).parents[1] / "examples" / "resnet20_cifar10.yaml"
FULL = 62_560


class Clock(Silence):
    """A Watch that keeps the seconds of every stage, by its kind; of a training those of its steps,
    and under ``store`` those after the last one."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self._began = self._last = 0.0

    def stage_began(self, stage: Stage, from_step: int, skipped: int) -> None:
        self._began = time.perf_counter()

    def trained(self, stage: Stage, step: int, steps: int, loss: float) -> None:
        self._last = time.perf_counter()

    def stage_ended(self, stage: Stage, facts: Mapping[str, Any], seconds: float) -> None:
        if stage.kind == "train":
            self.seconds["train"].append(self._last - self._began)
            self.seconds["store"].append(time.perf_counter() - self._last)
        else:
            self.seconds[stage.kind].append(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", default="torch")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    source = read(SPEC)
    for change in (
        f"train.duration={options.steps}it",
        "train.lr_schedule={name: constant}",
        "prune.schedule.levels=3",
        "prune.rewind.to=0it",
        "replicates=1",
        "branches={}",
    ):
        source = override(source, change)
    clock = Clock()
    with tempfile.TemporaryDirectory() as store:
        session = Session.open(
            compile_spec(validate(source)),
            backend=options.backend,
            device=options.device,
            precision="float32",
            threads=options.threads,
            store=Path(store),
            data=Path(os.environ["LTSPEC_DATA"]),
            note=lambda text: None,
        )
        session.run(clock, 1e9)
    step = statistics.median(clock.seconds["train"][1:]) / options.steps
    kinds = "evaluate", "prune", "rewind", "store"
    beside = {kind: statistics.median(clock.seconds[kind]) for kind in kinds}
    print(
        json.dumps(
            {
                "versions": dict(session.versions),
                "threads": options.threads,
                "ms_a_step": round(1000 * step, 1),
                "seconds_beside": {kind: round(found, 3) for kind, found in beside.items()},
                "share_of_a_level": round(sum(beside.values()) / (step * FULL), 6),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
