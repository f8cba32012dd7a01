"""Takes tapes and states; gives what the three verbs of a backend promise, on one device."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from ltspec.engine.backend import (
    Array,
    Arrays,
    BackendError,
    Each,
    Evaluation,
    Graph,
    Lowering,
    Masks,
    Mode,
    Optimizer,
    Precision,
    Repulsion,
    Split,
    State,
    Tape,
    storage,
)
from ltspec_torch.arrays import (
    Shelf,
    arrays_of,
    laid_out,
    memory_errors,
    moves,
    reach,
    shared,
)
from ltspec_torch.choice import Compilation, Layout, evaluated_at_once, layout_of
from ltspec_torch.lower import Forward, in_bfloat16, lower
from ltspec_torch.program import Places, Program, Record, Shape
from ltspec_torch.replay import Replay


class TorchBackend:
    """PyTorch on one device. See :class:`ltspec.engine.backend.Backend`."""

    def __init__(
        self, device: str, precision: Precision, threads: int | None, deterministic: bool
    ) -> None:
        self._device, self._precision = torch.device(device), precision
        self._threads, self._deterministic = threads, deterministic
        if device != "cpu":
            # Read by cuBLAS when it starts; without it, sums may change order.
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        # CUDA graphs are recorded on a stream of their own; all else shares it, so that nothing
        # has to wait for another stream.
        self._stream = None if device == "cpu" else torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        self._shelf = Shelf(self._device, getattr(torch, storage(precision).name))
        self._program: tuple[Places, Program] | None = None
        self._settle()

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
        """Play every step of ``tape``. Raises BackendError (LT304) for a lowering that is not one
        of this backend on this device."""
        layout, recorded = _layout(lowering), self._recorded(lowering)
        with self._playing():
            # While it plays nobody else has the program: after an error it may be half-way.
            kept, self._program = self._program, None
            # A recorded step reads from where it read before: data that comes piece by piece goes
            # there again.
            split = self._shelf.split(data, spare=kept[0].split if kept else None)
            split.widen(reach(tape))
            # Masks of ones let a recorded step serve dense and sparse networks alike.
            names = [p.name for p in graph.prunable if recorded or p.name in masks]
            shape = Shape(
                graph=graph,
                rule=optimizer,
                masked=tuple(names),
                layout=layout,
                batch_size=tape.batch_size,
                steps=lowering.chunk_steps,
                moved=moves(tape),
                margin=split.margin,
                repelled_from=0 if repulsion is None else repulsion.count,
            )
            if recorded and kept and kept[0].shape == shape and kept[0].split is split:
                places, program = kept
            else:
                del kept
                places = Places(shape, split, self._shelf, self._forward(graph))
                program = Program(places, self._record(recorded))
            played = program.play(tape, state, masks, repulsion)
            if recorded:
                self._program = places, program
            return played

    @torch.no_grad()
    def evaluate(
        self, graph: Graph, data: Split, weights: Arrays, buffers: Arrays, each: bool = False
    ) -> Evaluation:
        """Loss and correct answers over the whole split."""
        with self._playing():
            forward, split, layout = self._forward(graph), self._shelf.split(data), layout_of(graph)
            parameters = self._shelf.tensors(graph.parameters, weights, layout)
            running = self._shelf.tensors(graph.buffers, buffers, layout)
            correct = torch.zeros((), dtype=torch.int64, device=self._device)
            loss_sum = torch.zeros((), dtype=torch.float64, device=self._device)
            answers: list[torch.Tensor] = []
            losses: list[torch.Tensor] = []
            at_once = evaluated_at_once(graph, self._device.type)
            for examples in torch.arange(len(data), device=self._device).split(at_once):  # type: ignore[no-untyped-call]
                images = laid_out(split.images(examples), layout)
                labels = split.labels(examples)
                logits = forward(parameters, running, images, False)
                answer = logits.argmax(1)  # the first of equals
                correct += (answer == labels).sum()
                if each:
                    answers.append(answer)
                    losses.append(
                        functional.cross_entropy(logits.double(), labels, reduction="none")
                    )
                    loss_sum += losses[-1].sum()
                else:
                    loss_sum += functional.cross_entropy(logits.double(), labels, reduction="sum")
            one_by_one = None
            if each:
                one_by_one = Each(torch.cat(answers).cpu().numpy(), torch.cat(losses).cpu().numpy())
            return Evaluation(len(data), int(correct), float(loss_sum), one_by_one)

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
        """Mean loss over the examples ``indices``, and its gradient by every parameter, or that
        gradient's derivative ``along`` a direction: the gradient of its product with it."""
        with self._playing():
            forward, split, layout = self._forward(graph), self._shelf.split(data), layout_of(graph)
            parameters = self._shelf.tensors(graph.parameters, weights, layout)
            for parameter in parameters:
                parameter.requires_grad_()
            training = mode == "train"
            running = None if training else self._shelf.tensors(graph.buffers, buffers, layout)
            examples = shared(indices, self._device)
            images = laid_out(split.images(examples), layout)
            logits = forward(parameters, running, images, training)
            loss = functional.cross_entropy(logits, split.labels(examples))
            gradients = torch.autograd.grad(
                loss, parameters, materialize_grads=True, create_graph=along is not None
            )
            if along is not None:
                still = {name: np.zeros_like(weights[name]) for name in weights}
                direction = self._shelf.tensors(graph.parameters, {**still, **along}, layout)
                pairs = zip(gradients, direction, strict=True)
                product = torch.stack([(g * v).sum() for g, v in pairs]).sum()
                gradients = torch.autograd.grad(product, parameters, materialize_grads=True)
            return float(loss.detach()), dict(arrays_of(graph.parameters, gradients))

    def _forward(self, graph: Graph) -> Forward:
        forward = lower(graph)
        return in_bfloat16(forward, self._device.type) if self._precision == "bf16" else forward

    def _recorded(self, lowering: Lowering) -> bool:
        known = get_args(Compilation) if self._stream else ("eager",)
        if lowering.compilation not in known:
            raise BackendError(
                f"torch plays no step as {lowering.compilation!r} on {self._device}",
                code="LT304",
                hint=f"known here: {', '.join(known)}",
            )
        return lowering.compilation != "eager"

    def _record(self, recorded: bool) -> Record:
        if not recorded:
            return lambda step: step
        return partial(Replay, pool=torch.cuda.graph_pool_handle())

    def threads(self) -> int:
        """Torch's threads within an operation."""
        return self._threads or torch.get_num_threads()

    @contextmanager
    def _playing(self) -> Iterator[None]:
        stream = nullcontext() if self._stream is None else torch.cuda.stream(self._stream)
        with memory_errors(), stream:
            self._settle()
            yield

    def _settle(self) -> None:
        """Set what torch knows only for a whole process; another backend may have since."""
        tf32 = self._precision == "tf32"
        torch.set_float32_matmul_precision("high" if tf32 else "highest")
        torch.backends.cudnn.allow_tf32 = tf32
        if self._threads is not None and torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)
        if self._device.type == "cpu":
            # Every operation of ours repeats itself to the bit as it is (the conformance suite
            # sees to it), and asking for it would load a compiler: 70 MB and a second.
            return
        torch.backends.cudnn.benchmark = not self._deterministic
        if torch.are_deterministic_algorithms_enabled() != self._deterministic:
            torch.use_deterministic_algorithms(self._deterministic)
            # Filling fresh memory finds mistakes, and costs a pass over every result.
            torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def _layout(lowering: Lowering) -> Layout:
    match lowering.layout:
        case "canonical":
            return "canonical"
        case "channels-last":
            return "channels-last"
        case other:
            raise BackendError(f"torch knows no layout {other!r}", code="LT304")
