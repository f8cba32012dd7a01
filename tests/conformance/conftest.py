"""Takes ``--backend NAME``; gives the backend under test, the reference, and small cases.

Everything is compared with ``ltspec_numpy`` in float64. Backends are opened once: compiled
programs are reused from test to test, as in a run.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import entry_points

import numpy as np
import pytest
from ltspec_numpy import adapter as numpy_adapter
from numpy.typing import NDArray

from ltspec.decisions.initial import initial_weights
from ltspec.decisions.recipe import Adam, Optimizer, Recipe, Schedule, Sgd
from ltspec.decisions.tape import Tape, record
from ltspec.engine.backend import (
    INPUT,
    Adapter,
    Array,
    Backend,
    Demand,
    Flatten,
    Graph,
    Linear,
    Lowering,
    Masks,
    Node,
    Relu,
    Settings,
    Split,
    State,
)

RULES: dict[str, Optimizer] = {
    "sgd": Sgd(momentum=0.9, nesterov=False, weight_decay=0.01, decay="all"),
    "nesterov": Sgd(momentum=0.9, nesterov=True, weight_decay=0.01, decay="weights"),
    "plain": Sgd(momentum=0.0, nesterov=False, weight_decay=0.0, decay="all"),
    "adam": Adam(beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.01, decay="weights"),
}
RATES = {"sgd": 0.05, "nesterov": 0.05, "plain": 0.1, "adam": 0.01}


def network(
    shape: tuple[int, ...] = (2, 5, 5),
    widths: Sequence[int] = (12, 9),
    classes: int = 6,
    bias: bool = True,
) -> Graph:
    """A multilayer perceptron with ReLU; without widths, a linear classifier."""
    nodes = [Node("flatten", Flatten(), (INPUT,))]
    for number, width in enumerate(widths, start=1):
        nodes.append(Node(f"fc{number}", Linear(width, bias), (nodes[-1].name,)))
        nodes.append(Node(f"relu{number}", Relu(), (nodes[-1].name,)))
    nodes.append(Node("head", Linear(classes, bias), (nodes[-1].name,)))
    return Graph(shape, tuple(nodes))


def examples(graph: Graph, count: int, seed: int = 0) -> Split:
    """Random bytes with random labels; every channel has a normalisation of its own."""
    random = np.random.default_rng(seed)
    channels = np.arange(1, graph.input_shape[0] + 1)
    return Split(
        images=random.integers(0, 256, (count, *graph.input_shape), dtype=np.uint8),
        labels=random.integers(0, graph.classes, count).astype(np.uint8),
        scale=(1 / (70.0 + channels)).astype(np.float32),
        shift=(-1.5 - 0.1 * channels).astype(np.float32),
    )


@dataclass(frozen=True, eq=False)
class Case:
    """A small training: 43 examples at 8 a batch make epochs of 6 steps, the last of 3 examples."""

    graph: Graph
    split: Split
    rule: Optimizer
    state: State
    masks: Masks
    recipe: Recipe
    lowering: Lowering

    def tape(self, start: int, stop: int, fresh_at: int = 0) -> Tape:
        return record(self.recipe, start, stop, fresh_at)

    def play(
        self,
        backend: Backend,
        start: int = 0,
        stop: int = 20,
        state: State | None = None,
        fresh_at: int = 0,
    ) -> tuple[State, NDArray[np.float32]]:
        """The steps start .. stop - 1 from ``state``, or from the case's own at step 0."""
        return backend.train(
            self.graph,
            self.split,
            self.tape(start, stop, fresh_at),
            state or self.state,
            self.masks,
            self.rule,
            self.lowering,
        )


def case(
    adapter: Adapter,
    rule: str = "sgd",
    graph: Graph | None = None,
    count: int = 43,
    batch_size: int = 8,
    kept: float = 0.5,
    rate: float | None = None,
) -> Case:
    """``kept`` is the share of prunable weights that stay; 1 means no masks at all."""
    graph = graph or network()
    optimizer, split = RULES[rule], examples(graph, count)
    schedule = Schedule("step", RATES[rule] if rate is None else rate, 0, drops=(9,), factor=0.1)
    recipe = Recipe("random", 1, count, batch_size, optimizer, schedule, order_seed=3)
    random = np.random.default_rng(7)
    masks = {p.name: random.random(p.shape) < kept for p in graph.prunable} if kept < 1 else {}
    weights = {
        name: array * masks[name]
        if name in masks
        else array + random.normal(0, 0.1, array.shape).astype(np.float32)
        for name, array in initial_weights(graph, "kaiming-normal", 5).items()
    }
    demand = Demand(graph, batch_size, count, optimizer, 20)
    lowering = replace(adapter.lower(demand, Settings("cpu", "float64")), chunk_steps=32)
    return Case(graph, split, optimizer, State(weights, 0), masks, recipe, lowering)


def worst(ours: Mapping[str, Array], theirs: Mapping[str, Array]) -> float:
    """The largest absolute difference of any entry; all values here are of the order of 1."""
    assert list(ours) == list(theirs)
    assert [array.shape for array in ours.values()] == [array.shape for array in theirs.values()]
    return max(
        float(np.abs(ours[name].astype(np.float64) - theirs[name]).max(initial=0)) for name in ours
    )


def identical(ours: State, theirs: State) -> bool:
    """Whether two states are the same bit by bit, slots and step included."""
    pairs = [(ours.weights, theirs.weights)]
    pairs += [(ours.slots[slot], theirs.slots[slot]) for slot in theirs.slots]
    return (
        ours.step == theirs.step
        and list(ours.slots) == list(theirs.slots)
        and all(
            list(mine) == list(other)
            and all(mine[name].dtype == other[name].dtype for name in other)
            and all(mine[name].tobytes() == other[name].tobytes() for name in other)
            for mine, other in pairs
        )
    )


class Kit:
    """What the tests share. Under pytest's importlib mode they cannot import each other."""

    RULES = RULES
    network = staticmethod(network)
    examples = staticmethod(examples)
    worst = staticmethod(worst)
    identical = staticmethod(identical)

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter

    def case(self, *arguments: object, **options: object) -> Case:
        return case(self._adapter, *arguments, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def backend_name(request: pytest.FixtureRequest) -> str:
    return str(request.config.getoption("--backend"))


@pytest.fixture(scope="session")
def adapter(backend_name: str) -> Adapter:
    """By entry point, else by the name that packages of ours have. A missing framework fails."""
    found = [e for e in entry_points(group="ltspec.backends") if e.name == backend_name]
    where = found[0].value if found else f"ltspec_{backend_name}:adapter"
    module, _, attribute = where.partition(":")
    loaded: Adapter = getattr(importlib.import_module(module), attribute)
    loaded.versions()
    return loaded


@pytest.fixture(scope="session")
def reference() -> Backend:
    return numpy_adapter.open(Settings("cpu", "float64"))


@pytest.fixture(scope="session")
def backend64(adapter: Adapter) -> Backend:
    if "float64" not in adapter.precisions:
        pytest.skip(f"declared: {adapter.gaps['precision:float64']}")
    return adapter.open(Settings("cpu", "float64"))


@pytest.fixture(scope="session")
def backend32(adapter: Adapter) -> Backend:
    return adapter.open(Settings("cpu", "float32"))


@pytest.fixture(scope="session")
def kit(adapter: Adapter) -> Kit:
    return Kit(adapter)
