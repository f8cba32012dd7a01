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
from ltspec.decisions.recipe import Adam, Augment, Optimizer, Recipe, Schedule, Sgd
from ltspec.decisions.tape import Tape, record
from ltspec.engine.backend import (
    INPUT,
    Adapter,
    Add,
    Array,
    Arrays,
    AvgPool,
    Backend,
    BatchNorm,
    Conv,
    Demand,
    Evaluation,
    Flatten,
    GlobalAvgPool,
    Graph,
    Linear,
    Lowering,
    Masks,
    MaxPool,
    Mode,
    Node,
    Op,
    Relu,
    Repulsion,
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


def chain(shape: tuple[int, ...], *ops: Op) -> Graph:
    """One operation after another, named ``n0``, ``n1``, ..."""
    names = [INPUT, *(f"n{number}" for number in range(len(ops)))]
    nodes = zip(names[1:], ops, names[:-1], strict=True)
    return Graph(shape, tuple(Node(name, op, (before,)) for name, op, before in nodes))


def residual() -> Graph:
    """A stem, a block with a projection shortcut that halves the resolution, one without."""
    around = (1, 1, 1, 1)
    nodes = [
        Node("stem", Conv(4, (3, 3), (1, 1), around), (INPUT,)),
        Node("stem_norm", BatchNorm(), ("stem",)),
        Node("stem_relu", Relu(), ("stem_norm",)),
        Node("a1", Conv(6, (3, 3), (2, 2), around), ("stem_relu",)),
        Node("a1_norm", BatchNorm(), ("a1",)),
        Node("a1_relu", Relu(), ("a1_norm",)),
        Node("a2", Conv(6, (3, 3), (1, 1), around), ("a1_relu",)),
        Node("a2_norm", BatchNorm(), ("a2",)),
        Node("across", Conv(6, (1, 1), (2, 2)), ("stem_relu",)),
        Node("across_norm", BatchNorm(), ("across",)),
        Node("a", Add(), ("a2_norm", "across_norm")),
        Node("a_relu", Relu(), ("a",)),
        Node("b1", Conv(6, (3, 3), (1, 1), around), ("a_relu",)),
        Node("b1_norm", BatchNorm(), ("b1",)),
        Node("b", Add(), ("b1_norm", "a_relu")),
        Node("b_relu", Relu(), ("b",)),
        Node("pool", GlobalAvgPool(), ("b_relu",)),
        Node("head", Linear(5), ("pool",)),
    ]
    return Graph((3, 7, 8), tuple(nodes))


GRAPHS: Mapping[str, Graph] = {
    "residual": residual(),
    "vgg": chain(
        (2, 6, 8),
        Conv(5, (3, 3), (1, 1), (1, 1, 1, 1), bias=True),
        Relu(),
        MaxPool((2, 2), (2, 2)),
        Conv(4, (3, 3), (1, 1), (1, 1, 1, 1), bias=True),
        Relu(),
        Flatten(),
        Linear(7),
        Relu(),
        Linear(5),
    ),
    "mobile": chain(
        (3, 8, 8),
        Conv(4, (3, 3), (2, 2), (1, 1, 1, 1)),
        BatchNorm(),
        Relu(),
        Conv(4, (3, 3), (1, 1), (1, 1, 1, 1), groups=4),
        BatchNorm(),
        Relu(),
        Conv(6, (1, 1)),
        BatchNorm(momentum=0.3, epsilon=1e-3),
        Relu(),
        AvgPool((2, 2), (2, 2)),
        Flatten(),
        Linear(5),
    ),
    # Windows that stop before the edge, padding that differs on all four sides.
    "uneven": chain(
        (2, 9, 8),
        Conv(4, (3, 2), (2, 1), (0, 1, 2, 0)),
        BatchNorm(),
        Relu(),
        MaxPool((3, 2), (2, 2), (1, 0, 0, 1)),
        Conv(6, (2, 2), (1, 2), (1, 0, 0, 0), groups=2, bias=True),
        AvgPool((2, 2), (2, 1), (0, 1, 1, 0)),
        Flatten(),
        Linear(5),
    ),
}
"""Convolutional networks of a few hundred weights."""


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
        repulsion: Repulsion | None = None,
    ) -> tuple[State, NDArray[np.float32]]:
        """The steps start .. stop - 1 from ``state``, or from the case's own at step 0."""
        return self.follow(backend, self.tape(start, stop, fresh_at), state, repulsion)

    def follow(
        self,
        backend: Backend,
        tape: Tape,
        state: State | None = None,
        repulsion: Repulsion | None = None,
    ) -> tuple[State, NDArray[np.float32]]:
        """Every step of a tape, from ``state`` or from the case's own."""
        start = state or self.state
        return backend.train(
            self.graph, self.split, tape, start, self.masks, self.rule, self.lowering, repulsion
        )

    def evaluate(self, backend: Backend, split: Split | None = None) -> Evaluation:
        """The network at its start, on ``split`` or on the case's own."""
        weights, buffers = self.state.weights, self.state.buffers
        return backend.evaluate(self.graph, split or self.split, weights, buffers)

    def gradients(
        self,
        backend: Backend,
        indices: Sequence[int] | NDArray[np.integer],
        mode: Mode = "train",
        weights: Arrays | None = None,
        along: Arrays | None = None,
    ) -> tuple[float, dict[str, Array]]:
        """Of these examples, at ``weights`` or at the start; or their derivative ``along``."""
        return backend.gradients(
            self.graph,
            self.split,
            weights or self.state.weights,
            self.state.buffers,
            np.asarray(indices, np.int64),
            mode,
            along,
        )

    def direction(self) -> dict[str, Array]:
        """A random one, in which every parameter moves."""
        random = np.random.default_rng(3)
        return {p.name: random.normal(0, 1, p.shape) for p in self.graph.parameters}


def start(graph: Graph, masks: Masks) -> State:
    """Masked initial weights and all else random, so that nothing is zero or one by chance. Biases
    and shifts have both signs, scales and running variances are from 0.5 to 1.5."""
    random = np.random.default_rng(11)
    weights = dict(initial_weights(graph, "kaiming-normal", 5))
    for parameter in graph.parameters:
        match parameter.role:
            case "weight":
                weights[parameter.name] = weights[parameter.name] * masks.get(parameter.name, True)
            case "bias" | "shift":
                weights[parameter.name] = random.normal(0, 0.1, parameter.shape).astype(np.float32)
            case "scale":
                weights[parameter.name] = random.uniform(0.5, 1.5, parameter.shape).astype(
                    np.float32
                )
    buffers = {
        buffer.name: (
            random.uniform(0.5, 1.5, buffer.shape)
            if buffer.initial
            else random.normal(0, 0.3, buffer.shape)
        ).astype(np.float32)
        for buffer in graph.buffers
    }
    return State(weights, 0, buffers=buffers)


def case(
    adapter: Adapter,
    rule: str = "sgd",
    graph: Graph | None = None,
    count: int = 43,
    batch_size: int = 8,
    kept: float = 0.5,
    rate: float | None = None,
    augment: Augment | None = None,
) -> Case:
    """``kept`` is the share of prunable weights that stay; 1 means no masks at all."""
    graph = graph or network()
    optimizer, split = RULES[rule], examples(graph, count)
    schedule = Schedule("step", RATES[rule] if rate is None else rate, 0, drops=(9,), factor=0.1)
    recipe = Recipe("random", 1, count, batch_size, optimizer, schedule, 3, augment)
    random = np.random.default_rng(7)
    masks = {p.name: random.random(p.shape) < kept for p in graph.prunable} if kept < 1 else {}
    demand = Demand(graph, batch_size, count, optimizer, 20, augment)
    lowering = replace(adapter.lower(demand, Settings("cpu", "float64")), chunk_steps=32)
    return Case(graph, split, optimizer, start(graph, masks), masks, recipe, lowering)


def worst(ours: Mapping[str, Array], theirs: Mapping[str, Array]) -> float:
    """The largest absolute difference of any entry; all values here are of the order of 1."""
    assert list(ours) == list(theirs)
    assert [array.shape for array in ours.values()] == [array.shape for array in theirs.values()]
    differences = (np.abs(ours[name].astype(np.float64) - theirs[name]) for name in ours)
    return max((float(array.max(initial=0)) for array in differences), default=0.0)


def identical(ours: State, theirs: State) -> bool:
    """Whether two states are the same bit by bit: weights, slots, buffers and step."""
    pairs = [(ours.weights, theirs.weights), (ours.buffers, theirs.buffers)]
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
    GRAPHS = GRAPHS
    network = staticmethod(network)
    chain = staticmethod(chain)
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
