"""Takes a tape and a state; gives the state after it. The loop does nothing but the step."""

from __future__ import annotations

import os

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from ltspec.engine.backend import (
    Array,
    Arrays,
    Evaluation,
    Graph,
    Lowering,
    Masks,
    Optimizer,
    Precision,
    Split,
    State,
    Tape,
)
from ltspec_torch.arrays import Shelf, arrays_of, memory_errors, shared
from ltspec_torch.lower import lower
from ltspec_torch.update import slot_names, update

EVALUATED_AT_ONCE = 1000


class TorchBackend:
    """PyTorch on one device. See :class:`ltspec.engine.backend.Backend`."""

    def __init__(self, device: str, precision: Precision, threads: int | None) -> None:
        """Sets what torch knows only for a whole process: exact float32, determinism, threads."""
        if device != "cpu":
            # On a CPU every operation of ours repeats itself to the bit as it is (the conformance
            # suite sees to it), and asking for it would load a compiler: 70 MB and a second.
            # The variable is read by cuBLAS when it starts; without it, sums may change order.
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            torch.use_deterministic_algorithms(True)
            # Filling fresh memory finds mistakes, and costs a pass over every result.
            torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False
        if threads is not None:
            torch.set_num_threads(threads)
        self._device, self._dtype = torch.device(device), getattr(torch, precision)
        self._shelf = Shelf(self._device, self._dtype)

    @memory_errors()
    def train(
        self,
        graph: Graph,
        data: Split,
        tape: Tape,
        state: State,
        masks: Masks,
        optimizer: Optimizer,
        lowering: Lowering,
    ) -> tuple[State, NDArray[np.float32]]:
        """Play every step of ``tape``."""
        forward, split = lower(graph), self._shelf.split(data)
        parameters = self._shelf.tensors(graph, state.weights)
        slots = [
            self._shelf.tensors(graph, state.slots[slot])
            if slot in state.slots
            else [torch.zeros_like(parameter) for parameter in parameters]
            for slot in slot_names(optimizer)
        ]
        step = update(graph, optimizer, parameters, slots)
        masked = [i for i, parameter in enumerate(graph.parameters) if parameter.name in masks]
        keep = [self._shelf.tensor(masks[graph.parameters[i].name]) for i in masked]
        for parameter in parameters:
            parameter.requires_grad_()
        order = shared(np.concatenate(list(tape.batches())), self._device)
        batches = order.split([len(batch) for batch in tape.batches()])  # type: ignore[no-untyped-call]
        first = tape.first_update + 1
        updates = torch.arange(first, first + tape.steps, device=self._device).float()
        losses = torch.empty(tape.steps, device=self._device)
        for i, (batch, rate) in enumerate(zip(batches, tape.rates.tolist(), strict=True)):
            images, labels = split.batch(batch)
            loss = functional.cross_entropy(forward(parameters, images), labels)
            gradients = list(torch.autograd.grad(loss, parameters))
            with torch.no_grad():
                losses[i] = loss
                if keep:
                    torch._foreach_mul_([gradients[position] for position in masked], keep)
                step(gradients, rate, updates[i])
        after = {
            slot: arrays_of(graph, tensors)
            for slot, tensors in zip(slot_names(optimizer), slots, strict=True)
        }
        return State(arrays_of(graph, parameters), tape.stop, after), losses.cpu().numpy()

    @memory_errors()
    @torch.no_grad()
    def evaluate(self, graph: Graph, data: Split, weights: Arrays) -> Evaluation:
        """Loss and correct answers over the whole split."""
        forward, split = lower(graph), self._shelf.split(data)
        parameters = self._shelf.tensors(graph, weights)
        correct = torch.zeros((), dtype=torch.int64, device=self._device)
        loss_sum = torch.zeros((), dtype=torch.float64, device=self._device)
        for start in range(0, len(data), EVALUATED_AT_ONCE):
            stop = min(start + EVALUATED_AT_ONCE, len(data))
            images, labels = split.batch(torch.arange(start, stop, device=self._device))
            logits = forward(parameters, images)
            correct += (logits.argmax(1) == labels).sum()  # argmax gives the first of equals
            loss_sum += functional.cross_entropy(logits.double(), labels, reduction="sum")
        return Evaluation(len(data), int(correct), float(loss_sum))

    @memory_errors()
    def gradients(
        self, graph: Graph, data: Split, weights: Arrays, indices: NDArray[np.int64]
    ) -> tuple[float, dict[str, Array]]:
        """Mean loss over the examples ``indices``, and its gradient by every parameter."""
        images, labels = self._shelf.split(data).batch(shared(indices, self._device))
        parameters = self._shelf.tensors(graph, weights)
        for parameter in parameters:
            parameter.requires_grad_()
        loss = functional.cross_entropy(lower(graph)(parameters, images), labels)
        gradients = torch.autograd.grad(loss, parameters)
        return float(loss.detach()), dict(arrays_of(graph, gradients))
