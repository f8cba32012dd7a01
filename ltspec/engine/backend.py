"""Takes what an adapter registers; gives backends by name. The only door for adapters.

A backend knows three verbs: train, evaluate, gradients. It never sees YAML, levels, criteria,
rewinding or file paths. Everything that an adapter needs of ltspec is re-exported here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ltspec.data.dataset import Split
from ltspec.decisions.moving import moved_images
from ltspec.decisions.recipe import Adam, Augment, Optimizer, Sgd
from ltspec.decisions.repulsion import Repulsion
from ltspec.decisions.state import Array, Arrays, Masks, State
from ltspec.decisions.tape import Tape
from ltspec.errors import BackendError
from ltspec.networks.graph import (
    INPUT,
    Add,
    AvgPool,
    BatchNorm,
    Buffer,
    Conv,
    Flatten,
    GlobalAvgPool,
    Graph,
    Linear,
    MaxPool,
    Node,
    Op,
    Parameter,
    Relu,
)

__all__ = [
    "INPUT",
    "Adam",
    "Adapter",
    "Add",
    "Array",
    "Arrays",
    "Augment",
    "AvgPool",
    "Backend",
    "BackendError",
    "BatchNorm",
    "Buffer",
    "Conv",
    "Demand",
    "Each",
    "Evaluation",
    "Flatten",
    "GlobalAvgPool",
    "Graph",
    "Linear",
    "Lowering",
    "Masks",
    "MaxPool",
    "Mode",
    "Node",
    "Op",
    "Optimizer",
    "Parameter",
    "Precision",
    "Relu",
    "Repulsion",
    "Settings",
    "Sgd",
    "Split",
    "State",
    "Tape",
    "moved_images",
    "storage",
]

Precision = Literal["float32", "float64", "tf32", "bf16"]
"""What a network computes in. ``tf32``: float32 whose convolutions and matrix products round their
factors to 10 bits, on GPUs that can. ``bf16``: convolutions and matrix products in bfloat16;
weights, statistics, loss and updates in float32; the values that flow between layers in either of
them, as the backend's ``lower`` says."""
Mode = Literal["train", "eval"]
"""Whether norms use the statistics of the batch or the running ones."""


def storage(precision: Precision) -> np.dtype[np.floating]:
    """The type of the arrays of a state."""
    return np.dtype(np.float64 if precision == "float64" else np.float32)


@dataclass(frozen=True, slots=True)
class Settings:
    """How a run is played; nothing here changes what a stage means."""

    device: str
    """``cpu``, ``cuda`` or ``cuda:1``; never ``auto``, which is resolved before."""
    precision: Precision
    threads: int | None = None
    """Threads of the CPU; None leaves the framework's own choice."""
    deterministic: bool = True
    """Whether the same run on the same device repeats itself to the bit; without it a GPU may
    choose faster operations that do not."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a training stage asks of a backend, enough to choose how it is played."""

    graph: Graph
    batch_size: int
    examples: int
    """Training examples that are in memory at a time: all of the data set, or what is decoded of a
    streamed one."""
    optimizer: Optimizer
    steps: int
    augment: Augment | None = None
    repelled_from: int = 0
    """Earlier solutions in the training's repellent term."""


@dataclass(frozen=True, slots=True)
class Lowering:
    """How one training stage is played on one backend and device. Plain data, shown by ``plan``."""

    layout: str
    """For example ``canonical`` or ``channels-last``."""
    compilation: str
    """For example ``eager`` or ``xla``."""
    chunk_steps: int
    """Steps that are played without returning to Python's side of the runner; pieces of a tape
    begin and end on multiples of it, so that a resumed run makes the same calls."""
    memory_bytes: int
    """Estimate of the peak on the device: weights, masks, slots, activations, data."""


@dataclass(frozen=True, eq=False)
class Each:
    """Answers to every example of a split, in its order."""

    answers: NDArray[np.int64]
    """(example,): the class with the largest logit; ties go to the lowest class."""
    losses: NDArray[np.float64]
    """(example,): cross-entropy, nats."""

    def __add__(self, other: Each) -> Each:
        return Each(
            np.concatenate([self.answers, other.answers]),
            np.concatenate([self.losses, other.losses]),
        )


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Sums over a split, and what they are made of where that was asked for."""

    examples: int
    correct: int
    """Examples whose largest logit is the label's; ties go to the lowest class."""
    loss_sum: float
    """Sum of the cross-entropy over the examples, in nats."""
    each: Each | None = field(default=None, compare=False)
    """What the sums are made of; None where it was not asked for."""

    def __add__(self, other: Evaluation) -> Evaluation:
        """Of two parts of a split together; example by example only where both have that."""
        return Evaluation(
            self.examples + other.examples,
            self.correct + other.correct,
            self.loss_sum + other.loss_sum,
            self.each + other.each if self.each and other.each else None,
        )


class Backend(Protocol):
    """Plays tapes on states, on one device. Pure: same arguments, same result.

    Every verb raises MemoryError when the memory of the device runs out.
    """

    def train(
        self,
        graph: Graph,
        data: Split,
        tape: Tape,
        state: State,
        masks: Masks,
        optimizer: Optimizer,
        lowering: Lowering,
        repulsion: Repulsion | None = None,
    ) -> tuple[State, NDArray[np.float32]]:
        """Play every step of ``tape`` on ``state``; return the state after, and the loss of each
        step, (tape.stop - tape.start,), taken before its update.

        ``state.step`` equals ``tape.start``. Weights that ``masks`` excludes are zero on entry and
        exactly zero after every step. Tensors without a mask are dense. Empty ``state.slots``
        mean a fresh optimiser. ``state.buffers`` holds every buffer of the graph, and so does the
        state after. With a ``repulsion`` its term is a part of the loss: its gradient
        (:mod:`ltspec.decisions.repulsion`) is added before decay and mask. The losses that are
        returned are without it. Images are cut and mirrored as the tape says, as bytes, before
        normalisation. Returned arrays have the type that :func:`storage` gives.
        """

    def evaluate(
        self, graph: Graph, data: Split, weights: Arrays, buffers: Arrays, each: bool = False
    ) -> Evaluation:
        """Loss and correct answers over the whole split, with the running statistics; with
        ``each`` also example by example, which may cost more."""

    def gradients(
        self,
        graph: Graph,
        data: Split,
        weights: Arrays,
        buffers: Arrays,
        indices: NDArray[np.int64],
        mode: Mode,
        along: Arrays | None = None,
    ) -> tuple[float, dict[str, Array]]:
        """Mean loss over the examples ``indices``, and its gradient by every parameter. Buffers
        are read in mode ``eval`` and never moved.

        With ``along``, instead of the gradient g its derivative along a direction v of parameters,
        d/dt g(w + t v) at t = 0: the Hessian of the loss times v, exact but for rounding. A
        parameter that ``along`` leaves out does not move, and has its derivative all the same.
        ReLU and max-pooling are piecewise linear: their choices stay as they are.
        """


@runtime_checkable
class Threaded(Protocol):
    """A backend that can say how many threads it computes with, which its bits may depend on."""

    def threads(self) -> int:
        """Threads within an operation on a CPU, chosen by :class:`Settings` or not."""


class Adapter(Protocol):
    """What a package registers under the entry-point group ``ltspec.backends``.

    Importing its module must not import the framework.
    """

    name: str
    extra: str
    """What ``pip install`` needs when the framework is missing, for example ``ltspec[torch]``."""
    precisions: tuple[Precision, ...]
    gaps: Mapping[str, str]
    """What it lacks: a feature (``op:linear``, ``optimizer:adam``, ``loss:repulsion``,
    ``evaluate:each``, ``gradients:along``, ``device:gpu``, ``precision:float64``) and the reason.
    """

    determinism: str
    """What repeats itself to the bit and what does not, in a sentence for people."""

    def versions(self) -> dict[str, str]:
        """Versions of the framework. Raises ImportError when it is not installed."""

    def devices(self) -> Sequence[str]:
        """Devices that can be used now, the best one first. Raises ImportError likewise."""

    def device_gaps(self, device: str) -> Mapping[str, str]:
        """What ``device``, one of :meth:`devices`, lacks of what ``precisions`` and ``gaps`` say of
        the backend: ``precision:tf32`` on a CPU. The same names, with the reasons. Imports no
        framework for ``cpu``."""

    def lower(self, demand: Demand, settings: Settings) -> Lowering:
        """Choose how a training stage is played. Imports no framework."""

    def open(self, settings: Settings) -> Backend:
        """Start the framework on a device. Raises BackendError: LT303 for a device that is missing,
        LT304 for what it lacks."""
