"""Takes a graph and an update rule; gives the compiled programs that the loop calls."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from ltspec.engine.backend import Graph, Mode, Optimizer, Precision
from ltspec_tensorflow.arrays import DeviceSplit, Repelling
from ltspec_tensorflow.lower import Forward, Tensors, lower
from ltspec_tensorflow.update import Slots, updated

Program = Callable[..., tuple[tf.Tensor, Tensors, Slots, Tensors]]
Gradients = Callable[..., tuple[tf.Tensor, Tensors]]
Evaluate = Callable[..., tuple[tf.Tensor, ...]]


def training(graph: Graph, rule: Optimizer, precision: Precision, xla: bool) -> Program:
    """Plays the first ``count`` of K steps in one call: losses (K,), weights, slots and buffers
    after.

    Compiled once for each shape of ``batches``, (K, batch), and of what repels; K is a constant and
    ``count`` is not, so a tape may be cut anywhere and every piece runs the same machine code.
    Weights, slots, masks and data are arguments: all levels and branches share the program, but for
    a few sizes of ``repelling``; without it nothing is added to a step. Everything is a value
    that flows, nothing a variable: without XLA, gradients that were computed beside assignments
    to variables did not repeat themselves to the bit.
    """
    forward = lower(graph, precision, xla)

    def play(
        split: DeviceSplit,
        batches: tf.Tensor,
        moves: tf.Tensor | None,
        numbers: tf.Tensor,
        count: tf.Tensor,
        masks: dict[str, tf.Tensor],
        weights: Tensors,
        slots: Slots,
        buffers: Tensors,
        repelling: Repelling | None,
    ) -> tuple[tf.Tensor, Tensors, Slots, Tensors]:
        def step(
            i: tf.Tensor, losses: tf.TensorArray, weights: Tensors, slots: Slots, buffers: Tensors
        ) -> tuple[tf.Tensor, tf.TensorArray, Tensors, Slots, Tensors]:
            moved = None if moves is None else moves[i]
            images, labels = split.batch(batches[i], moved)
            loss, gradients, buffers = loss_and_gradients(
                forward, images, labels, weights, buffers, "train"
            )
            if repelling is not None:
                gradients = with_repulsion(graph, repelling, weights, gradients)
            weights, slots = updated(graph, rule, numbers[i], masks, weights, slots, gradients)
            return i + 1, losses.write(i, loss), weights, slots, buffers

        losses = tf.TensorArray(numbers.dtype, size=batches.shape[0], element_shape=())
        state = tf.constant(0), losses, weights, slots, buffers
        _, losses, weights, slots, buffers = tf.while_loop(
            lambda i, *_: i < count, step, state, parallel_iterations=1
        )
        return losses.stack(), weights, slots, buffers

    return tf.function(play, jit_compile=xla or None, autograph=False)  # type: ignore[no-any-return]


def loss_and_gradients(
    forward: Forward,
    images: tf.Tensor,
    labels: tf.Tensor,
    weights: Tensors,
    buffers: Tensors,
    mode: Mode,
) -> tuple[tf.Tensor, Tensors, Tensors]:
    """Mean loss over a batch, its gradient by every parameter, and the buffers after."""
    with tf.GradientTape(watch_accessed_variables=False) as record:
        record.watch(weights)
        logits, buffers = forward(weights, buffers, images, mode)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
    gradients = record.gradient(loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return loss, gradients, buffers


def with_repulsion(
    graph: Graph, repelling: Repelling, weights: Tensors, gradients: Tensors
) -> Tensors:
    """``gradients`` with that of the repellent term, :mod:`ltspec.decisions.repulsion`.

    Products and sums are written out: a matrix product would be rounded to TF32 with all others.
    """
    units, factor = repelling
    places = [i for i, parameter in enumerate(graph.parameters) if parameter.prunable]
    vector = tf.concat([tf.reshape(weights[i], (-1,)) for i in places], axis=0)
    norm = tf.sqrt(tf.reduce_sum(vector * vector))
    # Of weights that are zero every product below is zero, too: by anything but zero.
    norm = tf.where(norm > 0, norm, tf.ones_like(norm))
    cosines = tf.reduce_sum(units * vector, axis=1) / norm
    along = tf.reduce_sum(cosines * cosines) / norm
    term = tf.reduce_sum(units * cosines[:, None], axis=0) - along * vector
    pieces = tf.split(factor / norm * term, [graph.parameters[i].size for i in places])
    added = list(gradients)
    for i, piece in zip(places, pieces, strict=True):
        added[i] = gradients[i] + tf.reshape(piece, weights[i].shape)
    return added


def gradients(graph: Graph, precision: Precision, mode: Mode) -> Gradients:
    """(split, batch, weights, buffers) to mean loss and gradients, for a batch of any size."""
    forward = lower(graph, precision)

    def play(
        split: DeviceSplit, batch: tf.Tensor, weights: Tensors, buffers: Tensors
    ) -> tuple[tf.Tensor, Tensors]:
        images, labels = split.batch(batch)
        return loss_and_gradients(forward, images, labels, weights, buffers, mode)[:2]

    return tf.function(play, autograph=False, reduce_retracing=True)  # type: ignore[no-any-return]


def products(graph: Graph, precision: Precision, mode: Mode) -> Gradients:
    """(split, batch, weights, buffers, direction) to mean loss and the gradient's derivative along
    the direction: the gradient of its product with it."""
    forward = lower(graph, precision)

    def play(
        split: DeviceSplit,
        batch: tf.Tensor,
        weights: Tensors,
        buffers: Tensors,
        direction: Tensors,
    ) -> tuple[tf.Tensor, Tensors]:
        images, labels = split.batch(batch)
        with tf.GradientTape(watch_accessed_variables=False) as record:
            record.watch(weights)
            loss, by_weight, _ = loss_and_gradients(forward, images, labels, weights, buffers, mode)
            pairs = zip(by_weight, direction, strict=True)
            product = tf.add_n([tf.reduce_sum(g * v) for g, v in pairs])
        zero = tf.UnconnectedGradients.ZERO
        return loss, record.gradient(product, weights, unconnected_gradients=zero)

    return tf.function(play, autograph=False, reduce_retracing=True)  # type: ignore[no-any-return]


def evaluation(graph: Graph, precision: Precision, at_once: int, xla: bool, each: bool) -> Evaluate:
    """(split, start, stop, weights, buffers) to correct answers and the sum of losses in float64,
    of the examples start .. stop - 1, at most ``at_once``; with ``each`` also answer and loss of
    every example.

    The batch is filled up to ``at_once``: one program for every size of a split.
    """
    forward = lower(graph, precision, xla)

    def play(
        split: DeviceSplit, start: tf.Tensor, stop: tf.Tensor, weights: Tensors, buffers: Tensors
    ) -> tuple[tf.Tensor, ...]:
        numbers = start + tf.range(at_once)
        counts = numbers < stop
        images, labels = split.batch(tf.minimum(numbers, stop - 1))
        logits, _ = forward(weights, buffers, images, "eval")
        # Which of several equal logits tf.argmax gives is not documented: take the lowest here. As
        # on the other backends, what is no number is larger than every number.
        odd = tf.math.is_nan(logits)
        largest = logits == tf.reduce_max(logits, axis=1, keepdims=True)
        largest = tf.where(tf.reduce_any(odd, axis=1, keepdims=True), odd, largest)
        answers = tf.reduce_min(tf.where(largest, tf.range(graph.classes), graph.classes), axis=1)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, tf.cast(logits, tf.float64))
        correct = tf.math.count_nonzero((answers == labels) & counts)
        sums = correct, tf.reduce_sum(tf.where(counts, losses, 0))
        return (*sums, answers, losses) if each else sums

    return tf.function(play, jit_compile=xla or None, autograph=False)  # type: ignore[no-any-return]
