"""Takes a workload; gives the loop that a skilled person would write for it in TensorFlow.

Plain operations under XLA, a hundred steps in one call (one step a call is half as fast), images
as bytes on the device. It uses nothing of ltspec but the workload's arrays. ``STEPS`` divides the
number of steps, and no epoch ends on the way: the loop has no other case.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from workload import Workload

from ltspec.engine.backend import Adam

STEPS = 100


def prepare(work: Workload, device: str) -> Callable[[], Callable[[], object]]:
    """Data goes to the device now; each call then gives a fresh training that is ready to run."""
    assert work.tape.steps % STEPS == 0
    images, labels = tf.constant(work.split.images), tf.constant(work.split.labels, tf.int32)
    scale, shift = tf.constant(work.split.scale[0]), tf.constant(work.split.shift[0])
    masks = [tf.constant(mask, tf.float32) for mask in work.masks.values()]
    rule, adam = work.rule, isinstance(work.rule, Adam)

    def step(index, rate, t, weights, first, second, masks):  # type: ignore[no-untyped-def]
        x = tf.cast(tf.gather(images, index), tf.float32) * scale + shift
        y = tf.gather(labels, index)
        with tf.GradientTape() as tape:
            tape.watch(weights)
            h = tf.reshape(x, (-1, 784))
            h = tf.nn.relu(tf.matmul(h, weights[0], transpose_b=True) + weights[1])
            h = tf.nn.relu(tf.matmul(h, weights[2], transpose_b=True) + weights[3])
            logits = tf.matmul(h, weights[4], transpose_b=True) + weights[5]
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
        gradients = tape.gradient(loss, weights)
        gradients[0::2] = [g * m for g, m in zip(gradients[0::2], masks, strict=True)]
        if adam:
            b1, b2 = rule.beta1, rule.beta2
            first = [b1 * m + (1 - b1) * g for m, g in zip(first, gradients, strict=True)]
            second = [b2 * s + (1 - b2) * g * g for s, g in zip(second, gradients, strict=True)]
            c1, c2 = 1 - tf.pow(b1, t), 1 - tf.pow(b2, t)
            weights = [
                w - rate * (m / c1) / (tf.sqrt(s / c2) + rule.epsilon)
                for w, m, s in zip(weights, first, second, strict=True)
            ]
        else:
            first = [rule.momentum * v + g for v, g in zip(first, gradients, strict=True)]
            weights = [w - rate * v for w, v in zip(weights, first, strict=True)]
        return loss, weights, first, second

    @tf.function(jit_compile=True)
    def play(batches, rates, done, weights, first, second, masks):  # type: ignore[no-untyped-def]
        def body(i, losses, weights, first, second):  # type: ignore[no-untyped-def]
            t = tf.cast(done + i + 1, tf.float32)
            loss, weights, first, second = step(
                batches[i], rates[i], t, weights, first, second, masks
            )
            return i + 1, losses.write(i, loss), weights, first, second

        losses = tf.TensorArray(tf.float32, size=STEPS, element_shape=())
        _, losses, weights, first, second = tf.while_loop(
            lambda i, *_: i < STEPS, body, (tf.constant(0), losses, weights, first, second)
        )
        return losses.stack(), weights, first, second

    def fresh() -> Callable[[], object]:
        weights = [tf.constant(array) for array in work.state.weights.values()]
        first = [tf.zeros_like(w) for w in weights]
        second = [tf.zeros_like(w) for w in weights] if adam else []

        def train() -> object:
            state, losses = (weights, first, second), []
            batches = np.stack(list(work.tape.batches()))
            for start in range(0, work.tape.steps, STEPS):
                some = slice(start, start + STEPS)
                loss, *state = play(
                    tf.constant(batches[some]),
                    tf.constant(work.tape.rates[some]),
                    tf.constant(start),
                    *state,
                    masks,
                )
                losses.append(loss)
            return tf.concat(losses, 0).numpy()

        return train

    return fresh
