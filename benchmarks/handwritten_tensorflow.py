"""Takes a workload; gives the loop that a skilled person would write for it in TensorFlow.

Images as bytes on the device. LeNet: plain operations under XLA, a hundred steps in one call (one
step a call is half as fast). Convolutions: one program a step, under XLA on a GPU alone,
channels-last, variables that one fused operation updates in place. It uses nothing of ltspec but
the workload's arrays.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # off by default where there is no AVX-512

import tensorflow as tf
from tensorflow.python.framework.config import disable_op_determinism  # there is no public way
from workload import Workload

from ltspec.engine.backend import Adam, Sgd

STEPS = 100
"""Of a LeNet in one call. It divides the number of steps, and no epoch ends on the way: the loop
has no other case."""


def prepare(
    work: Workload, device: str, precision: str = "float32"
) -> Callable[[], Callable[[], object]]:
    """Data goes to the device now; each call then gives a fresh training that is ready to run, in a
    process that is as free as it can be, whatever was asked of it in between."""
    place = "CPU:0" if device == "cpu" else f"GPU:{device.removeprefix('cuda').strip(':') or 0}"
    factors = tf.bfloat16 if precision == "bf16" else tf.float32
    with tf.device(place):
        if work.network == "lenet":
            fresh = lenet(work, factors)
        else:
            fresh = convolutional(work, factors, xla=device != "cpu")

    def turn() -> Callable[[], object]:
        disable_op_determinism()
        tf.config.experimental.enable_tensor_float_32_execution(precision == "tf32")
        with tf.device(place):
            train = fresh()

        def on_device() -> object:
            with tf.device(place):
                return train()

        return on_device

    return turn


def lenet(work: Workload, factors: tf.DType) -> Callable[[], Callable[[], object]]:
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
            h = tf.nn.relu(product(h, weights[0], factors) + weights[1])
            h = tf.nn.relu(product(h, weights[2], factors) + weights[3])
            logits = product(h, weights[4], factors) + weights[5]
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
        gradients = tape.gradient(loss, weights)
        if rule.weight_decay:
            gradients = [g + rule.weight_decay * w for g, w in zip(gradients, weights, strict=True)]
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


def product(x: tf.Tensor, weight: tf.Tensor, factors: tf.DType) -> tf.Tensor:
    y = tf.matmul(tf.cast(x, factors), tf.cast(weight, factors), transpose_b=True)
    return tf.cast(y, tf.float32)


def convolutional(
    work: Workload, factors: tf.DType, xla: bool
) -> Callable[[], Callable[[], object]]:
    network = {"resnet20": resnet20, "vgg16": vgg16}[work.network]
    rule, tape, batch = work.rule, work.tape, augmented(work)
    assert isinstance(rule, Sgd)
    start = [inner(array) for array in work.state.weights.values()]
    weights = [tf.Variable(array) for array in start]
    velocity = [tf.Variable(tf.zeros_like(w)) for w in weights]
    running = [tf.Variable(array) for array in work.state.buffers.values()]
    masks = {
        position: tf.constant(inner(work.masks[name]), tf.float32)
        for position, name in enumerate(work.state.weights)
        if name in work.masks
    }

    @tf.function(autograph=False, jit_compile=xla or None)
    def step(index, flip, move, rate):  # type: ignore[no-untyped-def]
        x, y = batch(index, flip, move)
        with tf.GradientTape(watch_accessed_variables=False) as record:
            record.watch(weights)
            logits = network(iter(weights), iter(running), x, factors)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
        gradients = record.gradient(loss, weights)
        for position, (w, v, g) in enumerate(zip(weights, velocity, gradients, strict=True)):
            decayed = g + rule.weight_decay * w
            tf.raw_ops.ResourceApplyMomentum(
                var=w.handle,
                accum=v.handle,
                lr=rate,
                grad=decayed * masks[position] if position in masks else decayed,
                momentum=tf.constant(rule.momentum),
            )
        return loss

    def fresh() -> Callable[[], object]:
        for variable, array in zip(weights, start, strict=True):
            variable.assign(array)
        for v in velocity:
            v.assign(tf.zeros_like(v))

        def train() -> object:
            losses = []
            for i, rate in enumerate(tape.rates):
                some = slice(tape.bounds[i], tape.bounds[i + 1])
                arrays = tape.examples[some], tape.flips[some], tape.shifts[some].astype(np.int32)
                losses.append(step(*(tf.constant(array) for array in arrays), tf.constant(rate)))
            return tf.stack(losses).numpy()

        return train

    return fresh


def augmented(work: Workload) -> Callable[..., tuple[tf.Tensor, tf.Tensor]]:
    """The normalised batch of a step, cut out of padded images and mirrored."""
    assert work.augment is not None
    margin = work.augment.crop
    around = ((0, 0), (margin, margin), (margin, margin), (0, 0))
    padded = np.pad(work.split.images.transpose(0, 2, 3, 1), around)
    height, width, channels = padded.shape[1:]
    pixels = tf.constant(padded.reshape(-1, channels))
    labels = tf.constant(work.split.labels, tf.int32)
    scale, shift = tf.constant(work.split.scale), tf.constant(work.split.shift)
    down, across = tf.range(height - 2 * margin), tf.range(width - 2 * margin)

    def batch(index: tf.Tensor, flip: tf.Tensor, move: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        rows = margin + move[:, :1] + down
        columns = margin + move[:, 1:] + tf.where(flip[:, None], across[::-1], across)
        places = (index[:, None, None] * height + rows[:, :, None]) * width + columns[:, None, :]
        x = tf.cast(tf.gather(pixels, places), tf.float32)
        return x * scale + shift, tf.gather(labels, index)

    return batch


def inner(array: np.ndarray) -> np.ndarray:
    """A convolution's weight as TensorFlow has it, (row, column, in, out)."""
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array


def resnet20(
    weights: Iterator[tf.Variable], running: Iterator[tf.Variable], x: tf.Tensor, factors: tf.DType
) -> tf.Tensor:
    def convolved(x: tf.Tensor, stride: int = 1, kernel: int = 3) -> tf.Tensor:
        if stride == 2 and kernel == 3:  # "SAME" would begin elsewhere
            x = tf.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        x = convolution(x, next(weights), factors, stride, "SAME" if stride == 1 else "VALID")
        return normalised(weights, running, x)

    x = tf.nn.relu(convolved(x))
    for stage in range(3):
        for block in range(3):
            narrows = stage > 0 and block == 0
            y = tf.nn.relu(convolved(x, 2 if narrows else 1))
            y = convolved(y)
            x = tf.nn.relu(y + (convolved(x, 2, 1) if narrows else x))
    return product(tf.reduce_mean(x, (1, 2)), next(weights), factors) + next(weights)


def vgg16(
    weights: Iterator[tf.Variable], running: Iterator[tf.Variable], x: tf.Tensor, factors: tf.DType
) -> tf.Tensor:
    for stage, convolutions in enumerate((2, 2, 3, 3, 3)):
        if stage:
            x = tf.nn.max_pool2d(x, 2, 2, "VALID")
        for _ in range(convolutions):
            x = convolution(x, next(weights), factors, 1, "SAME") + next(weights)
            x = tf.nn.relu(normalised(weights, running, x))
    return product(tf.reduce_mean(x, (1, 2)), next(weights), factors) + next(weights)


def convolution(
    x: tf.Tensor, weight: tf.Variable, factors: tf.DType, stride: int, padding: str
) -> tf.Tensor:
    y = tf.nn.conv2d(tf.cast(x, factors), tf.cast(weight, factors), stride, padding)
    return tf.cast(y, tf.float32)


def normalised(
    weights: Iterator[tf.Variable], running: Iterator[tf.Variable], x: tf.Tensor
) -> tf.Tensor:
    y, *batch = tf.compat.v1.nn.fused_batch_norm(x, next(weights), next(weights), epsilon=1e-5)
    for statistic in batch:
        r = next(running)
        r.assign_sub(0.1 * (r - statistic))
    return y
