"""Takes a rule and a batch size; gives what both sides of a comparison train on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ltspec.decisions.initial import initial_weights
from ltspec.decisions.recipe import Recipe, Schedule
from ltspec.decisions.tape import record
from ltspec.engine.backend import Graph, Masks, Optimizer, Split, State, Tape
from ltspec.networks.lenet import lenet


@dataclass(frozen=True, eq=False)
class Workload:
    """LeNet-300-100 with half of its weights masked, some steps of it."""

    graph: Graph
    split: Split
    data: str
    """``MNIST`` or ``random bytes``."""
    rule: Optimizer
    tape: Tape
    state: State
    masks: Masks


def workload(rule: Optimizer, rate: float, batch_size: int, steps: int) -> Workload:
    """The rate halves in the middle, so that nobody compiles it in."""
    split, data = _mnist()
    graph = lenet((1, 28, 28), 10, (300, 100))
    schedule = Schedule("step", rate, 0, drops=(steps // 2,), factor=0.5)
    recipe = Recipe("mnist", 1, len(split), batch_size, rule, schedule, order_seed=1)
    random = np.random.default_rng(1)
    masks = {p.name: random.random(p.shape) < 0.5 for p in graph.prunable}
    weights = {
        name: array * masks[name] if name in masks else array
        for name, array in initial_weights(graph, "glorot-normal", 1).items()
    }
    tape = record(recipe, 0, steps, 0)
    return Workload(graph, split, data, rule, tape, State(weights, 0), masks)


def _mnist() -> tuple[Split, str]:
    """MNIST's training images where LTSPEC_DATA has them, else as many random ones."""
    if "LTSPEC_DATA" in os.environ:
        from ltspec.data.reader import load

        return load("mnist", Path(os.environ["LTSPEC_DATA"])).train, "MNIST"
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (60_000, 1, 28, 28), dtype=np.uint8)
    labels = random.integers(0, 10, 60_000).astype(np.uint8)
    scale = np.array([1 / 255 / 0.3081], np.float32)
    shift = np.array([-0.1307 / 0.3081], np.float32)
    for array in (images, labels, scale, shift):
        array.setflags(write=False)  # as a data set's are
    return Split(images, labels, scale, shift), "random bytes"
