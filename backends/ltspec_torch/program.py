"""Takes a network, its data and a rule; gives training steps that a device does by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ltspec.engine.backend import Graph, Masks, Optimizer, Repulsion, State, Tape
from ltspec_torch.arrays import DeviceSplit, OnDevice, Reel, Shelf, fill, laid_out, strided_as
from ltspec_torch.choice import Layout
from ltspec_torch.lower import Forward
from ltspec_torch.repelling import Repelling
from ltspec_torch.update import slot_names, update

Step = Callable[[], None]
"""One training step. It finds everything at fixed places and leaves its results there."""
Record = Callable[[Step], Step]
"""Makes a step cheaper to repeat, for example by recording what it asks of the device."""


@dataclass(frozen=True)
class Shape:
    """What a Program is built for; another training of the same shape can use it."""

    graph: Graph
    rule: Optimizer
    masked: tuple[str, ...]
    """Tensors that have masks, in graph order."""
    layout: Layout
    batch_size: int
    steps: int
    """Steps of a tape that it holds at a time."""
    moved: bool
    """Whether images are cut or mirrored."""
    margin: int
    """Pixels of black that the device keeps around each image."""
    repelled_from: int = 0
    """Earlier solutions in the repellent term."""


class Program:
    """Steps of trainings of one shape. What a recorded step did once it does for all of them."""

    def __init__(self, places: Places, record: Record) -> None:
        self._places, self._record = places, record
        self._steps: dict[int, Step] = {}

    def play(
        self, tape: Tape, state: State, masks: Masks, repulsion: Repulsion | None = None
    ) -> tuple[State, NDArray[np.float32]]:
        """The state after every step of ``tape``, and the loss of each before its update."""
        places, held = self._places, self._places.shape.steps
        places.load(state, masks, repulsion)
        reel = places.split.reel(tape)
        sizes = np.diff(tape.bounds).tolist()
        losses = torch.empty(tape.steps, dtype=torch.float32, device=places.losses.device)
        for begin in range(0, tape.steps, held):
            end = min(begin + held, tape.steps)
            examples = slice(int(tape.bounds[begin]), int(tape.bounds[end]))
            places.wind(reel.stretch(examples, slice(begin, end)))
            for size in sizes[begin:end]:
                self._step(size)()
            losses[begin:end] = places.losses[: end - begin]
        return places.read(tape.stop), losses.cpu().numpy()

    def _step(self, size: int) -> Step:
        """The step for a batch of so many examples."""
        if size not in self._steps:
            self._steps[size] = self._record(partial(self._places.step, size))
        return self._steps[size]


class Places:
    """Weights, slots, masks, statistics and a stretch of tape at fixed places of a device, and the
    step that plays them.

    A step reads which batch and which rate from the device and counts there, so nothing waits for
    Python, and it can be recorded once and repeated.
    """

    def __init__(self, shape: Shape, split: DeviceSplit, shelf: Shelf, forward: Forward) -> None:
        graph, device = shape.graph, shelf.device
        self.shape, self.split, self._forward = shape, split, forward
        self._parameters = shelf.empty(graph.parameters, shape.layout)
        self._buffers = shelf.empty(graph.buffers, shape.layout)
        self._slots = {
            slot: shelf.empty(graph.parameters, shape.layout) for slot in slot_names(shape.rule)
        }
        self._masked = [i for i, p in enumerate(graph.parameters) if p.name in shape.masked]
        masked = [graph.parameters[i] for i in self._masked]
        self._masks = shelf.empty(masked, shape.layout)
        self._repelling = (
            Repelling(graph, shape.layout, self._parameters, shape.repelled_from)
            if shape.repelled_from
            else None
        )
        self._update = update(graph, shape.rule, self._parameters, list(self._slots.values()))
        self._reel = Reel.empty(shape.steps * shape.batch_size, shape.steps, shape.moved, device)
        self.losses = torch.zeros(shape.steps, dtype=shelf.dtype, device=device)
        """Of the steps of the stretch, as far as they have been played."""
        # Where in the stretch the next batch begins, and which of its steps is next.
        self._position, self._number = torch.zeros(2, 1, dtype=torch.int64, device=device)
        count = max(shape.batch_size, shape.steps)
        self._counting = torch.arange(count, dtype=torch.int64, device=device)
        for parameter in self._parameters:
            parameter.requires_grad_()

    @torch.no_grad()
    def load(self, state: State, masks: Masks, repulsion: Repulsion | None = None) -> None:
        """Begin at ``state``; what has no mask is dense, and missing slots are fresh."""
        graph = self.shape.graph
        fill(self._parameters, graph.parameters, state.weights)
        fill(self._buffers, graph.buffers, state.buffers)
        for slot, tensors in self._slots.items():
            if slot in state.slots:
                fill(tensors, graph.parameters, state.slots[slot])
            else:
                torch._foreach_zero_(tensors)
        for i, mask in zip(self._masked, self._masks, strict=True):
            parameter = graph.parameters[i]
            if parameter.name in masks:
                fill([mask], [parameter], masks)
            else:
                mask.fill_(1)
        if self._repelling is not None and repulsion is not None:
            self._repelling.load(repulsion)

    def wind(self, stretch: Reel) -> None:
        """Put in the steps that come next."""
        self._reel.take(stretch)
        self._position.zero_()
        self._number.zero_()

    def step(self, size: int) -> None:
        """Play the next step of the stretch, whose batch has ``size`` examples."""
        reel, places = self._reel, self._position + self._counting[:size]
        examples = reel.examples.index_select(0, places)
        if reel.corners is None or reel.mirrored is None:
            images = self.split.images(examples)
        else:
            images = self.split.moved(
                reel.corners.index_select(0, places), reel.mirrored.index_select(0, places)
            )
        images = laid_out(images, self.shape.layout)
        logits = self._forward(self._parameters, self._buffers, images, True)
        loss = functional.cross_entropy(logits, self.split.labels(examples))
        gradients = torch.autograd.grad(loss, self._parameters, materialize_grads=True)
        with torch.no_grad():
            self._descend(gradients)
            here = self._counting[: self.shape.steps] == self._number
            torch.where(here, loss, self.losses, out=self.losses)
            self._position += size
            self._number += 1

    def _descend(self, gradients: Sequence[Tensor]) -> None:
        # How a gradient lies in memory is up to the operation that made it.
        aligned = [
            strided_as(parameter, laid_out(gradient, self.shape.layout))
            for parameter, gradient in zip(self._parameters, gradients, strict=True)
        ]
        if self._repelling is not None:
            self._repelling.add_to(aligned)
        if self._masks:
            torch._foreach_mul_([aligned[i] for i in self._masked], self._masks)
        rate = self._reel.rates.index_select(0, self._number)
        self._update(aligned, rate, self._reel.updates.index_select(0, self._number))

    def read(self, step: int) -> State:
        """Everything as it is now; ``step`` is the next one to be taken."""
        graph = self.shape.graph
        return State(
            OnDevice(graph.parameters, self._parameters),
            step,
            {slot: OnDevice(graph.parameters, ts) for slot, ts in self._slots.items()},
            OnDevice(graph.buffers, self._buffers),
        )
