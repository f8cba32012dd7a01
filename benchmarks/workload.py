"""Takes a network's name, a rule and a batch size; gives what both sides of a comparison train."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from ltspec.data.dataset import as_labels
from ltspec.decisions.initial import initial_buffers, initial_weights
from ltspec.decisions.recipe import Augment, Recipe, Schedule
from ltspec.decisions.tape import record
from ltspec.engine.backend import Graph, Masks, Optimizer, Split, State, Tape
from ltspec.networks.cifar_resnet import cifar_resnet
from ltspec.networks.cifar_vgg import cifar_vgg
from ltspec.networks.imagenet_resnet import imagenet_resnet
from ltspec.networks.lenet import lenet

GRAPHS = {
    "lenet": lenet((1, 28, 28), 10, (300, 100)),
    "resnet20": cifar_resnet((3, 32, 32), 10, depth=20, width=16),
    "vgg16": cifar_vgg((3, 32, 32), 10, depth=16, classifier=1),
    "resnet50": imagenet_resnet((3, 224, 224), 1000, 50, 64, "imagenet"),
}
"""LeNet-300-100 on MNIST as it is; ResNet-20 and VGG-16 in the shape of CIFAR-10 with flips and
crops; ResNet-50 in that of ImageNet, whose images come cut already."""
EXAMPLES = {"resnet50": 2048}
"""Of a network whose data set would not fit: enough that no batch is the one before."""


@dataclass(frozen=True, eq=False)
class Workload:
    """A network with half of its weights masked, and some steps of its training."""

    network: str
    """A name of :data:`GRAPHS`."""
    graph: Graph
    split: Split
    data: str
    """``MNIST``, or ``random bytes`` in the shape of the data set."""
    rule: Optimizer
    augment: Augment | None
    recipe: Recipe
    tape: Tape
    state: State
    masks: Masks

    def parts(self, calls: int) -> list[Tape]:
        """The tape in so many pieces, as equal as they can be."""
        steps = self.tape.steps
        ends = [steps * call // calls for call in range(calls + 1)]
        return [record(self.recipe, *piece, 0) for piece in pairwise(ends)]


def workload(
    rule: Optimizer, rate: float, batch_size: int, steps: int, network: str = "lenet"
) -> Workload:
    """The rate halves in the middle, so that nobody compiles it in."""
    graph = GRAPHS[network]
    split, data = _random(EXAMPLES.get(network, 50_000), graph), RANDOM
    if network == "lenet":
        split, data = _mnist()
    augment = Augment(flip=True, crop=4) if network in ("resnet20", "vgg16") else None
    schedule = Schedule("step", rate, 0, drops=(steps // 2,), factor=0.5)
    recipe = Recipe(network, 1, len(split), batch_size, rule, schedule, 1, augment)
    random = np.random.default_rng(1)
    masks = {p.name: random.random(p.shape) < 0.5 for p in graph.prunable}
    weights = {
        name: array * masks[name] if name in masks else array
        for name, array in initial_weights(graph, "kaiming-normal", 1).items()
    }
    state = State(weights, 0, buffers=initial_buffers(graph))
    tape = record(recipe, 0, steps, 0)
    return Workload(network, graph, split, data, rule, augment, recipe, tape, state, masks)


RANDOM = "random bytes"


def _mnist() -> tuple[Split, str]:
    """MNIST's training images where LTSPEC_DATA has them, else as many random ones."""
    if "LTSPEC_DATA" in os.environ:
        from ltspec.data.reader import load

        return load("mnist", Path(os.environ["LTSPEC_DATA"])).train, "MNIST"
    return _random(60_000, GRAPHS["lenet"]), RANDOM


def _random(count: int, graph: Graph) -> Split:
    """Bytes that a step takes as long for as for real ones."""
    random, shape = np.random.default_rng(0), graph.input_shape
    images = random.integers(0, 256, (count, *shape), dtype=np.uint8)
    labels = as_labels(random.integers(0, graph.classes, count), graph.classes)
    scale = np.full(shape[0], 1 / 255 / 0.3081, np.float32)
    shift = np.full(shape[0], -0.1307 / 0.3081, np.float32)
    for array in (images, labels, scale, shift):
        array.setflags(write=False)  # as a data set's are
    return Split(images, labels, scale, shift)
