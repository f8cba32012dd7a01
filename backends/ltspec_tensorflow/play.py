"""Takes a tape and a state; gives the state after it. The loop hands many steps to one program."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ltspec.engine.backend import (
    Array,
    Arrays,
    BackendError,
    Conv,
    Each,
    Evaluation,
    Graph,
    Lowering,
    Masks,
    Mode,
    Optimizer,
    Repulsion,
    Settings,
    Split,
    State,
    Tape,
    storage,
)
from ltspec_tensorflow import programs
from ltspec_tensorflow.arrays import OnDevice, Shelf, arrays_of, memory_errors, moves_of
from ltspec_tensorflow.update import slot_names, step_numbers

MANY_AT_ONCE, FEW_AT_ONCE = 1000, 128
"""Examples of one call of an evaluation; few for convolutions on a CPU, whose activations soon
leave its caches."""


class TensorflowBackend:
    """TensorFlow on one device. See :class:`ltspec.engine.backend.Backend`."""

    def __init__(self, device: str, settings: Settings) -> None:
        """Sets what TensorFlow knows only for a whole process: determinism, how float32 factors
        are rounded, memory, threads."""
        if settings.deterministic or settings.device == "cpu":
            tf.config.experimental.enable_op_determinism()
        if settings.precision != "float64":  # of which one may be opened beside another
            tf.config.experimental.enable_tensor_float_32_execution(settings.precision == "tf32")
        for gpu in tf.config.list_physical_devices("GPU"):
            with suppress(RuntimeError):  # TensorFlow has started already, with its own choice
                tf.config.experimental.set_memory_growth(gpu, True)
        if settings.threads is not None:
            _set_threads(settings.threads)
        logging.getLogger("tensorflow").addFilter(_no_retracing_advice)
        self._device = device
        self._precision = settings.precision
        self._shelf = Shelf(tf.as_dtype(storage(settings.precision)))
        self._training: dict[tuple[Graph, Optimizer, str], programs.Program] = {}
        self._evaluation: dict[tuple[Graph, bool], programs.Evaluate] = {}
        self._gradients: dict[tuple[Graph, Mode], programs.Gradients] = {}
        self._products: dict[tuple[Graph, Mode], programs.Gradients] = {}

    def threads(self) -> int:
        """TensorFlow's threads within an operation."""
        return int(tf.config.threading.get_intra_op_parallelism_threads()) or _own_threads()

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
        repulsion: Repulsion | None = None,
    ) -> tuple[State, NDArray[np.float32]]:
        """Play every step of ``tape``."""
        key = graph, optimizer, lowering.compilation
        if key not in self._training:
            self._training[key] = programs.training(
                graph, optimizer, self._precision, xla=lowering.compilation == "xla"
            )
        play = self._training[key]
        with tf.device(self._device):
            split, keep = self._shelf.split(data), self._shelf.masks(graph, masks)
            weights = self._shelf.tensors(graph.parameters, state.weights)
            buffers = self._shelf.tensors(graph.buffers, state.buffers)
            slots = [
                self._shelf.tensors(graph.parameters, state.slots[slot])
                if slot in state.slots
                else [tf.zeros_like(weight) for weight in weights]
                for slot in slot_names(optimizer)
            ]
            repelling = None if repulsion is None else self._shelf.repelling(repulsion)
            losses = []
            for call in calls(optimizer, tape, lowering.chunk_steps):
                played, weights, slots, buffers = play(
                    split,
                    tf.constant(call.batches),
                    None if call.moves is None else tf.constant(call.moves),
                    self._shelf.tensor(call.numbers),
                    tf.constant(call.steps),
                    keep,
                    weights,
                    slots,
                    buffers,
                    repelling,
                )
                losses.append(played[: call.steps])
            after = State(
                weights=OnDevice(graph.parameters, weights),
                step=tape.stop,
                slots={
                    slot: OnDevice(graph.parameters, tensors)
                    for slot, tensors in zip(slot_names(optimizer), slots, strict=True)
                },
                buffers=OnDevice(graph.buffers, buffers),
            )
            return after, tf.concat(losses, 0).numpy().astype(np.float32)

    @memory_errors()
    def evaluate(
        self, graph: Graph, data: Split, weights: Arrays, buffers: Arrays, each: bool = False
    ) -> Evaluation:
        """Loss and correct answers over the whole split."""
        on_gpu = self._device != "CPU:0"
        convolves = any(isinstance(node.op, Conv) for node in graph.nodes)
        at_once = FEW_AT_ONCE if convolves and not on_gpu else MANY_AT_ONCE
        if (graph, each) not in self._evaluation:
            self._evaluation[graph, each] = programs.evaluation(
                graph, self._precision, at_once, on_gpu, each
            )
        play = self._evaluation[graph, each]
        correct, loss_sum = 0, 0.0
        with tf.device(self._device):
            split = self._shelf.split(data)
            parameters = self._shelf.tensors(graph.parameters, weights)
            running = self._shelf.tensors(graph.buffers, buffers)
            stop = tf.constant(len(data))
            sums = [
                play(split, tf.constant(start), stop, parameters, running)
                for start in range(0, len(data), at_once)
            ]
            for right, losses, *_ in sums:
                correct, loss_sum = correct + int(right), loss_sum + float(losses)
            one_by_one = None
            if each:
                answers, losses = (
                    np.concatenate([one[place].numpy() for one in sums])[: len(data)]
                    for place in (2, 3)
                )
                one_by_one = Each(answers.astype(np.int64), losses)
        return Evaluation(len(data), correct, loss_sum, one_by_one)

    @memory_errors()
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
        gradient's derivative ``along`` a direction."""
        with tf.device(self._device):
            split, batch = self._shelf.split(data), tf.constant(indices)
            network = (
                self._shelf.tensors(graph.parameters, weights),
                self._shelf.tensors(graph.buffers, buffers),
            )
            if along is None:
                if (graph, mode) not in self._gradients:
                    self._gradients[graph, mode] = programs.gradients(graph, self._precision, mode)
                loss, by_weight = self._gradients[graph, mode](split, batch, *network)
            else:
                if (graph, mode) not in self._products:
                    self._products[graph, mode] = programs.products(graph, self._precision, mode)
                still = {name: np.zeros_like(weights[name]) for name in weights}
                direction = self._shelf.tensors(graph.parameters, {**still, **along})
                loss, by_weight = self._products[graph, mode](split, batch, *network, direction)
            return float(loss), arrays_of(graph.parameters, by_weight)


class Call(NamedTuple):
    """What one call of a program plays: ``steps`` of them, and zeros up to the size of the call."""

    steps: int
    batches: NDArray[np.int32]
    """(step, example)."""
    moves: NDArray[np.int32] | None
    """(step, example, 3), see :func:`ltspec_tensorflow.arrays.moves_of`."""
    numbers: Array
    """(step, k), see :func:`ltspec_tensorflow.update.step_numbers`."""


def calls(rule: Optimizer, tape: Tape, chunk_steps: int) -> Iterator[Call]:
    """The tape as calls of a program.

    The arrays are filled up with zeros to ``chunk_steps``, so that every call has one shape. The
    smaller batch that ends an epoch is a call of its own: examples are never added to it.
    """
    numbers, moves, sizes = step_numbers(rule, tape), moves_of(tape), np.diff(tape.bounds)
    start = 0
    while start < tape.steps:
        size, stop = int(sizes[start]), start + 1
        length = chunk_steps if size == tape.batch_size else 1
        while stop < min(start + length, tape.steps) and sizes[stop] == size:
            stop += 1
        seen = slice(int(tape.bounds[start]), int(tape.bounds[stop]))
        yield Call(
            stop - start,
            _filled(tape.examples[seen].reshape(-1, size), length),
            None if moves is None else _filled(moves[seen].reshape(-1, size, 3), length),
            _filled(numbers[start:stop], length),
        )
        start = stop


def _filled(rows: Array, length: int) -> Array:
    """Zeros after ``rows``, ``length`` in all."""
    filled = np.zeros((length, *rows.shape[1:]), rows.dtype)
    filled[: len(rows)] = rows
    return filled


def _no_retracing_advice(record: logging.LogRecord) -> bool:
    """False for TensorFlow's advice against tracing often: every graph is traced once, by design,
    and it counts different graphs as one function."""
    return "triggered tf.function retracing" not in str(record.msg)


def _own_threads() -> int:
    """What TensorFlow takes where nobody asks for a number: that of its environment variable, or
    one for each core that this process may use."""
    wanted = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _set_threads(threads: int) -> None:
    """Within an operation and between operations. TensorFlow's own choice for the second is one a
    core, which several processes side by side would each have.

    Raises BackendError when TensorFlow has started with another number of threads.
    """
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:
        raise BackendError(
            "TensorFlow has started already, with another number of threads",
            code="LT309",
            hint="use one number of threads in a process",
        ) from None
