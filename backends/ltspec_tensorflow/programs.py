"""Takes a graph and an update rule; gives the compiled programs that the loop calls."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from ltspec.engine.backend import Graph, Optimizer
from ltspec_tensorflow.arrays import DeviceSplit
from ltspec_tensorflow.lower import Forward, lower
from ltspec_tensorflow.update import Slots, Tensors, updated, with_decay

Program = Callable[..., tuple[tf.Tensor, Tensors, Slots]]
Gradients = Callable[..., tuple[tf.Tensor, Tensors]]
Evaluate = Callable[..., tuple[tf.Tensor, tf.Tensor]]


def training(graph: Graph, rule: Optimizer) -> Program:
    """Plays the first ``count`` of K steps in one call: losses (K,), weights and slots after.

    Compiled once for each shape of ``batches``, (K, batch); K is a constant and ``count`` is not,
    so a tape may be cut anywhere and every piece runs the same machine code. Weights, slots,
    masks and data are arguments: all levels and branches share the program. Gradients and updates
    in one program repeat to the bit under XLA; without it they did not (benchmarks/README.md).
    """
    forward = lower(graph)

    def play(
        split: DeviceSplit,
        batches: tf.Tensor,
        numbers: tf.Tensor,
        count: tf.Tensor,
        masks: dict[str, tf.Tensor],
        weights: Tensors,
        slots: Slots,
    ) -> tuple[tf.Tensor, Tensors, Slots]:
        def step(
            i: tf.Tensor, losses: tf.TensorArray, weights: Tensors, slots: Slots
        ) -> tuple[tf.Tensor, tf.TensorArray, Tensors, Slots]:
            loss, gradients = loss_and_gradients(forward, split, batches[i], weights)
            gradients = with_decay(graph, rule, weights, gradients)
            gradients = [
                g * masks[parameter.name] if parameter.name in masks else g
                for parameter, g in zip(graph.parameters, gradients, strict=True)
            ]
            weights, slots = updated(rule, numbers[i], weights, slots, gradients)
            return i + 1, losses.write(i, loss), weights, slots

        losses = tf.TensorArray(numbers.dtype, size=batches.shape[0], element_shape=())
        _, losses, weights, slots = tf.while_loop(
            lambda i, *_: i < count, step, (tf.constant(0), losses, weights, slots)
        )
        return losses.stack(), weights, slots

    return tf.function(play, jit_compile=True, autograph=False)  # type: ignore[no-any-return]


def loss_and_gradients(
    forward: Forward, split: DeviceSplit, batch: tf.Tensor, weights: Tensors
) -> tuple[tf.Tensor, Tensors]:
    """Mean loss over a batch of examples, and its gradient by every parameter."""
    images, labels = split.batch(batch)
    with tf.GradientTape(watch_accessed_variables=False) as record:
        record.watch(weights)
        logits = forward(weights, images)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
    return loss, record.gradient(loss, weights)


def gradients(graph: Graph) -> Gradients:
    """(split, batch, weights) to mean loss and gradients, for a batch of any size."""
    forward = lower(graph)

    def play(split: DeviceSplit, batch: tf.Tensor, weights: Tensors) -> tuple[tf.Tensor, Tensors]:
        return loss_and_gradients(forward, split, batch, weights)

    return tf.function(play, autograph=False, reduce_retracing=True)  # type: ignore[no-any-return]


def evaluation(graph: Graph) -> Evaluate:
    """(split, batch, weights) to correct answers and the sum of losses in float64."""
    forward = lower(graph)

    def play(split: DeviceSplit, batch: tf.Tensor, weights: Tensors) -> tuple[tf.Tensor, tf.Tensor]:
        images, labels = split.batch(batch)
        logits = forward(weights, images)
        # Which of several equal logits tf.argmax gives is not documented: take the lowest here.
        largest = logits == tf.reduce_max(logits, axis=1, keepdims=True)
        answers = tf.reduce_min(tf.where(largest, tf.range(graph.classes), graph.classes), axis=1)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, tf.cast(logits, tf.float64))
        return tf.math.count_nonzero(answers == labels), tf.reduce_sum(losses)

    return tf.function(play, autograph=False, reduce_retracing=True)  # type: ignore[no-any-return]
