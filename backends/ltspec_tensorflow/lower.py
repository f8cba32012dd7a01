"""Takes a graph; gives a function from weights, running statistics and a batch to logits.

Images are (example, row, column, channel) here, and a convolution's weight is (row, column,
in / groups, out): TensorFlow's own layouts, the only ones that its CPU kernels know.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import assert_never

import tensorflow as tf

from ltspec.engine.backend import (
    INPUT,
    Add,
    AvgPool,
    BatchNorm,
    Conv,
    Flatten,
    GlobalAvgPool,
    Graph,
    Linear,
    MaxPool,
    Mode,
    Precision,
    Relu,
)

Tensors = list[tf.Tensor]
Forward = Callable[
    [Sequence[tf.Tensor], Sequence[tf.Tensor], tf.Tensor, Mode], tuple[tf.Tensor, Tensors]
]
"""(parameters in graph order, buffers in graph order, images, mode) to logits, (example, class),
and the buffers as training moves them; in mode ``eval`` they stay."""
Product = Callable[[Callable[..., tf.Tensor], tf.Tensor, tf.Tensor], tf.Tensor]
"""(operation, x, weight) to operation(x, weight): how factors are rounded."""
Padding = tuple[int, int, int, int]


def lower(graph: Graph, precision: Precision, xla: bool = False) -> Forward:
    """What the graph computes; with ``xla``, in operations that suit a program compiled by XLA."""
    product = _in_bfloat16 if precision == "bf16" else _as_they_are

    def forward(
        parameters: Sequence[tf.Tensor],
        buffers: Sequence[tf.Tensor],
        images: tf.Tensor,
        mode: Mode,
    ) -> tuple[tf.Tensor, Tensors]:
        weights = {p.name: tensor for p, tensor in zip(graph.parameters, parameters, strict=True)}
        running = {b.name: tensor for b, tensor in zip(graph.buffers, buffers, strict=True)}
        values = {INPUT: images}
        for node in graph.nodes:
            x = values[node.inputs[0]]
            match node.op:
                case Flatten():
                    y = _flatten(x)
                case Linear(bias=bias):
                    y = product(_matmul, x, weights[f"{node.name}.weight"])
                    if bias:
                        y += weights[f"{node.name}.bias"]
                case Relu():
                    y = tf.nn.relu(x)
                case Conv(bias=bias) as op:
                    y = product(_convolution(op), x, weights[f"{node.name}.weight"])
                    if bias:
                        y += weights[f"{node.name}.bias"]
                case BatchNorm() as op:
                    names = [f"{node.name}.running_mean", f"{node.name}.running_var"]
                    scale, shift = weights[f"{node.name}.scale"], weights[f"{node.name}.shift"]
                    if mode == "train":
                        y, *batch = _normalised(x, scale, shift, op.epsilon)
                        for name, b in zip(names, batch, strict=True):
                            running[name] = (1 - op.momentum) * running[name] + op.momentum * b
                    else:
                        mean, variance = (running[name] for name in names)
                        slope = scale * tf.math.rsqrt(variance + op.epsilon)
                        y = x * slope + (shift - mean * slope)
                case MaxPool() as op:
                    y = (_largest if xla else _max_pool)(op, _padded(x, op.padding, -math.inf))
                case AvgPool(kernel=kernel, stride=stride, padding=padding):
                    y = tf.nn.avg_pool2d(_padded(x, padding, 0), kernel, stride, "VALID")
                case GlobalAvgPool():
                    y = tf.reduce_mean(x, axis=(1, 2))
                case Add():
                    y = x + values[node.inputs[1]]
                case op:
                    assert_never(op)
            values[node.name] = y
        return values[graph.output], list(running.values())

    return forward


def _as_they_are(operation: Callable[..., tf.Tensor], x: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    return operation(x, weight)


def _in_bfloat16(operation: Callable[..., tf.Tensor], x: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Factors and result in bfloat16; the gradients come back as float32 through the casts."""
    y = operation(tf.cast(x, tf.bfloat16), tf.cast(weight, tf.bfloat16))
    return tf.cast(y, tf.float32)


def _matmul(x: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    return tf.matmul(x, weight, transpose_b=True)


def _flatten(x: tf.Tensor) -> tf.Tensor:
    """One axis in canonical order, (channel, row, column), though channels come last here."""
    if x.shape.rank == 4 and x.shape[3] > 1:
        x = tf.transpose(x, (0, 3, 1, 2))
    return tf.reshape(x, (-1, math.prod(x.shape[1:])))


def _convolution(op: Conv) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    def convolution(x: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        channels, stride = x.shape[3], op.stride
        if op.kernel == (1, 1) and stride != (1, 1):
            # Given the pixels that it looks at. On a CPU without AVX-512, with few channels, oneDNN
            # gives wrong gradients of such a convolution when it has the stride to do.
            x = _padded(x, op.padding, 0)[:, :: stride[0], :: stride[1]]
            stride, padding = (1, 1), "VALID"
        elif op.padding == _same(op, x.shape[1], x.shape[2]):
            padding = "SAME"
        else:
            # The third way, four numbers as an argument, misses the fast kernels of a CPU.
            x, padding = _padded(x, op.padding, 0), "VALID"
        if op.groups == channels > 1 and stride[0] == stride[1]:
            rows, columns, _, out = weight.shape
            weight = tf.reshape(weight, (rows, columns, channels, out // channels))
            return tf.nn.depthwise_conv2d(x, weight, (1, *stride, 1), padding)
        # TensorFlow's CPU knows no gradient of a convolution in groups: one after another.
        groups = zip(tf.split(x, op.groups, 3), tf.split(weight, op.groups, 3), strict=True)
        parts = [tf.nn.conv2d(part, w, stride, padding) for part, w in groups]
        return tf.concat(parts, 3) if op.groups > 1 else parts[0]

    return convolution


def _same(op: Conv, height: int, width: int) -> Padding:
    """What TensorFlow means by "SAME" for an image: with a stride it is often uneven."""
    total = [
        max((-(-size // stride) - 1) * stride + kernel - size, 0)
        for size, stride, kernel in zip((height, width), op.stride, op.kernel, strict=True)
    ]
    return total[0] // 2, total[0] - total[0] // 2, total[1] // 2, total[1] - total[1] // 2


def _normalised(
    x: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor, epsilon: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """x by the statistics of the batch, its mean, and its variance divided by n - 1.

    The raw operation: tf.nn's own puts a larger epsilon in the place of 1e-5. It gives the
    variance divided by n - 1 where it normalises by the one divided by n, as we want it; and it
    has no float64.
    """
    if x.dtype == tf.float32:
        y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x, scale=scale, offset=shift, mean=[], variance=[], epsilon=epsilon, is_training=True
        )
        return y, mean, variance
    mean = tf.reduce_mean(x, axis=(0, 1, 2))
    variance = tf.reduce_mean((x - mean) ** 2, axis=(0, 1, 2))
    y = (x - mean) * (scale * tf.math.rsqrt(variance + epsilon)) + shift
    count = tf.size(x) // x.shape[3]
    unbiased = tf.cast(count, x.dtype) / tf.cast(tf.maximum(count - 1, 1), x.dtype)
    return y, mean, variance * unbiased


def _max_pool(op: MaxPool, x: tf.Tensor) -> tf.Tensor:
    return tf.nn.max_pool2d(x, op.kernel, op.stride, "VALID")


def _largest(op: MaxPool, x: tf.Tensor) -> tf.Tensor:
    """The same without the kernel, whose gradient XLA refuses when it has to be deterministic.

    Slices come in row order, and of two equal factors of a maximum the first gets the gradient.
    """
    (rows, columns), (down, across) = op.kernel, op.stride
    height, width = x.shape[1] - rows + 1, x.shape[2] - columns + 1
    return reduce(
        tf.maximum,
        (
            x[:, u : u + height : down, v : v + width : across]
            for u in range(rows)
            for v in range(columns)
        ),
    )


def _padded(x: tf.Tensor, padding: Padding, value: float) -> tf.Tensor:
    top, bottom, left, right = padding
    if not any(padding):
        return x
    return tf.pad(x, [[0, 0], [top, bottom], [left, right], [0, 0]], constant_values=value)
