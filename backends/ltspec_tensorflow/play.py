"""Takes a tape and a state; gives the state after it. The loop hands many steps to one program."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ltspec.engine.backend import (
    Array,
    Arrays,
    BackendError,
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
from ltspec_tensorflow import programs
from ltspec_tensorflow.arrays import Shelf, arrays_of, memory_errors
from ltspec_tensorflow.update import slot_names, step_numbers

EVALUATED_AT_ONCE = 1000


class TensorflowBackend:
    """TensorFlow on one device. See :class:`ltspec.engine.backend.Backend`."""

    def __init__(self, device: str, precision: Precision, threads: int | None) -> None:
        """Sets what TensorFlow knows only for a whole process: determinism, exact float32."""
        tf.config.experimental.enable_op_determinism()
        tf.config.experimental.enable_tensor_float_32_execution(False)
        for gpu in tf.config.list_physical_devices("GPU"):
            with suppress(RuntimeError):  # TensorFlow has started already, with its own choice
                tf.config.experimental.set_memory_growth(gpu, True)
        if threads is not None:
            _set_threads(threads)
        logging.getLogger("tensorflow").addFilter(_no_retracing_advice)
        self._device = device
        self._dtype: tf.DType = tf.as_dtype(precision)
        self._shelf = Shelf(self._dtype)
        self._training: dict[tuple[Graph, Optimizer], programs.Program] = {}
        self._evaluation: dict[Graph, programs.Evaluate] = {}
        self._gradients: dict[Graph, programs.Gradients] = {}

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
        key = graph, optimizer
        if key not in self._training:
            self._training[key] = programs.training(graph, optimizer)
        play = self._training[key]
        with tf.device(self._device):
            split, keep = self._shelf.split(data), self._shelf.masks(graph, masks)
            weights = self._shelf.tensors(graph, state.weights)
            slots = [
                self._shelf.tensors(graph, state.slots[slot])
                if slot in state.slots
                else self._shelf.zeros(graph)
                for slot in slot_names(optimizer)
            ]
            losses = []
            for count, batches, numbers in calls(optimizer, tape, lowering.chunk_steps):
                played, weights, slots = play(
                    split,
                    tf.constant(batches),
                    self._shelf.tensor(numbers),
                    tf.constant(count),
                    keep,
                    weights,
                    slots,
                )
                losses.append(played[:count])
            after = {
                slot: arrays_of(graph, tensors)
                for slot, tensors in zip(slot_names(optimizer), slots, strict=True)
            }
            state = State(arrays_of(graph, weights), tape.stop, after)
            return state, tf.concat(losses, 0).numpy().astype(np.float32)

    @memory_errors()
    def evaluate(self, graph: Graph, data: Split, weights: Arrays) -> Evaluation:
        """Loss and correct answers over the whole split."""
        if graph not in self._evaluation:
            self._evaluation[graph] = programs.evaluation(graph)
        play = self._evaluation[graph]
        correct, loss_sum = 0, 0.0
        with tf.device(self._device):
            split, tensors = self._shelf.split(data), self._shelf.tensors(graph, weights)
            sums = [
                play(split, tf.range(start, min(start + EVALUATED_AT_ONCE, len(data))), tensors)
                for start in range(0, len(data), EVALUATED_AT_ONCE)
            ]
            for right, losses in sums:
                correct, loss_sum = correct + int(right), loss_sum + float(losses)
        return Evaluation(len(data), correct, loss_sum)

    @memory_errors()
    def gradients(
        self, graph: Graph, data: Split, weights: Arrays, indices: NDArray[np.int64]
    ) -> tuple[float, dict[str, Array]]:
        """Mean loss over the examples ``indices``, and its gradient by every parameter."""
        if graph not in self._gradients:
            self._gradients[graph] = programs.gradients(graph)
        play = self._gradients[graph]
        with tf.device(self._device):
            split, tensors = self._shelf.split(data), self._shelf.tensors(graph, weights)
            loss, by_weight = play(split, tf.constant(indices), tensors)
            return float(loss), dict(arrays_of(graph, by_weight))


def calls(
    rule: Optimizer, tape: Tape, chunk_steps: int
) -> Iterator[tuple[int, NDArray[np.int32], Array]]:
    """The tape as calls of a program: how many steps, their batches and their step numbers.

    The arrays are filled up with zeros to ``chunk_steps``, so that every call has one shape. The
    smaller batch that ends an epoch is a call of its own: examples are never added to it.
    """
    batches, numbers = list(tape.batches()), step_numbers(rule, tape)
    whole = min(tape.batch_size, tape.orders.shape[1])
    start = 0
    while start < tape.steps:
        stop = start + 1
        if len(batches[start]) == whole:
            limit = min(start + chunk_steps, tape.steps)
            while stop < limit and len(batches[stop]) == whole:
                stop += 1
        length = chunk_steps if len(batches[start]) == whole else 1
        filled = np.zeros((length, len(batches[start])), np.int32)
        filled[: stop - start] = np.stack(batches[start:stop])
        rows = np.zeros((length, numbers.shape[1]))
        rows[: stop - start] = numbers[start:stop]
        yield stop - start, filled, rows
        start = stop


def _no_retracing_advice(record: logging.LogRecord) -> bool:
    """False for TensorFlow's advice against tracing often: every graph is traced once, by design,
    and it counts different graphs as one function."""
    return "triggered tf.function retracing" not in str(record.msg)


def _set_threads(threads: int) -> None:
    """Raises BackendError when TensorFlow has started with another number of threads."""
    if tf.config.threading.get_intra_op_parallelism_threads() == threads:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    except RuntimeError:
        raise BackendError(
            "TensorFlow has started already, with another number of threads",
            code="LT309",
            hint="use one number of threads in a process",
        ) from None
