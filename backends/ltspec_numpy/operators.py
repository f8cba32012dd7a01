"""Takes the arrays of one operation; gives its output, or its gradients from that of the output.

Images are (example, channel, height, width). The formulas are those of the operations' docstrings
in ltspec.networks.graph. Windows of an image are (example, channel, down, across, height, width):
how many there are down and across the image, then the pixels of each.
"""

from __future__ import annotations

import math

import numpy as np

from ltspec.engine.backend import Array, AvgPool, BatchNorm, Conv, MaxPool, Mode

Windowed = Conv | MaxPool | AvgPool


def windows(op: Windowed, x: Array, fill: float = 0.0) -> Array:
    """Every window of a batch of images whose padding holds ``fill``; a view of the padded copy."""
    top, bottom, left, right = op.padding
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=fill)
    all_of_them = np.lib.stride_tricks.sliding_window_view(padded, op.kernel, axis=(2, 3))
    return all_of_them[:, :, :: op.stride[0], :: op.stride[1]]


def fold(op: Windowed, by_windows: Array, shape: tuple[int, ...]) -> Array:
    """The gradient by images of ``shape``: each pixel sums over the windows that it lies in."""
    top, bottom, left, right = op.padding
    examples, channels, height, width = shape
    padded = np.zeros(
        (examples, channels, top + height + bottom, left + width + right), by_windows.dtype
    )
    down, across = by_windows.shape[2:4]
    for u in range(op.kernel[0]):
        rows = slice(u, u + op.stride[0] * down, op.stride[0])
        for v in range(op.kernel[1]):
            columns = slice(v, v + op.stride[1] * across, op.stride[1])
            padded[:, :, rows, columns] += by_windows[:, :, :, :, u, v]
    return padded[:, :, top : top + height, left : left + width]


def conv(op: Conv, x: Array, weight: Array, bias: Array | None) -> Array:
    """One matrix product a group: its weights with what every window sees of its channels."""
    seen = windows(op, x)
    examples, _, down, across = seen.shape[:4]
    product = _by_group(op, weight) @ _columns(op, seen)
    y = product.reshape(op.out, examples, down, across).swapaxes(0, 1)
    return y if bias is None else y + bias[:, None, None]


def conv_backward(op: Conv, x: Array, weight: Array, by_y: Array) -> tuple[Array, Array]:
    """The gradients by x and by the weight; that by the bias is the sum of ``by_y``."""
    seen = windows(op, x)
    by_product = by_y.swapaxes(0, 1).reshape(op.groups, op.out // op.groups, -1)
    by_weight = by_product @ _columns(op, seen).swapaxes(1, 2)
    by_columns = _by_group(op, weight).swapaxes(1, 2) @ by_product
    examples, channels, down, across = seen.shape[:4]
    by_windows = by_columns.reshape(channels, *op.kernel, examples, down, across)
    by_x = fold(op, by_windows.transpose(3, 0, 4, 5, 1, 2), x.shape)
    return by_x, by_weight.reshape(weight.shape)


def _by_group(op: Conv, weight: Array) -> Array:
    """(group, out / groups, in / groups * height * width)."""
    return weight.reshape(op.groups, op.out // op.groups, -1)


def _columns(op: Conv, seen: Array) -> Array:
    """(group, in / groups * height * width, example * down * across)."""
    in_a_group = seen.shape[1] // op.groups * math.prod(op.kernel)
    return seen.transpose(1, 4, 5, 0, 2, 3).reshape(op.groups, in_a_group, -1)


def max_pool(op: MaxPool, x: Array) -> Array:
    """The largest value of each window."""
    seen = windows(op, x, -np.inf)
    if np.iscomplexobj(x):
        seen = seen.reshape(*seen.shape[:4], -1)
        first = seen.real.argmax(axis=4)[..., None]
        return np.take_along_axis(seen, first, axis=4)[..., 0]
    y: Array = seen.max(axis=(4, 5))
    return y


def max_pool_backward(op: MaxPool, x: Array, by_y: Array) -> Array:
    """The gradient of each window goes to its first largest value, in row order."""
    seen = windows(op, x, -np.inf)
    first = seen.real.reshape(*seen.shape[:4], -1).argmax(axis=4)
    chosen = first[..., None] == np.arange(math.prod(op.kernel))
    return fold(op, (by_y[..., None] * chosen).reshape(seen.shape), x.shape)


def avg_pool(op: AvgPool, x: Array) -> Array:
    """The mean of each window, padding included."""
    y: Array = windows(op, x).mean(axis=(4, 5))
    return y


def avg_pool_backward(op: AvgPool, by_y: Array, shape: tuple[int, ...]) -> Array:
    """The same share of a window's gradient for each of its pixels, in images of ``shape``."""
    share = by_y / math.prod(op.kernel)
    return fold(op, np.broadcast_to(share[..., None, None], (*by_y.shape, *op.kernel)), shape)


def batch_statistics(x: Array) -> tuple[Array, Array]:
    """Mean and variance of each channel over examples and pixels; the variance divided by n."""
    if np.iscomplexobj(x):  # numpy's own takes absolute values, which have no derivative there
        away = x - x.mean(axis=(0, 2, 3), keepdims=True)
        return x.mean(axis=(0, 2, 3)), (away * away).mean(axis=(0, 2, 3))
    return x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))


def moved_statistics(op: BatchNorm, x: Array, mean: Array, variance: Array) -> tuple[Array, Array]:
    """The running mean and variance after a batch; theirs divides by n - 1, or by 1 when n is 1."""
    n = x.size // x.shape[1]
    batch_mean, batch_variance = batch_statistics(x)
    unbiased = batch_variance * (n / max(n - 1, 1))
    keep, move = 1 - op.momentum, op.momentum
    return keep * mean + move * batch_mean, keep * variance + move * unbiased


def batch_norm(
    op: BatchNorm, x: Array, scale: Array, shift: Array, statistics: tuple[Array, Array]
) -> Array:
    """scale (x - mean) / sqrt(variance + epsilon) + shift, per channel."""
    standard, _ = _standardise(op, x, statistics)
    return _channel(scale) * standard + _channel(shift)


def batch_norm_backward(
    op: BatchNorm, x: Array, scale: Array, by_y: Array, statistics: tuple[Array, Array], mode: Mode
) -> tuple[Array, Array, Array]:
    """The gradients by x, scale and shift.

    In training the statistics are functions of x, so that two terms come off: what moves the mean,
    and what moves the variance (Ioffe and Szegedy 2015, section 3).
    """
    standard, inverse = _standardise(op, x, statistics)
    by_scale, by_shift = (by_y * standard).sum(axis=(0, 2, 3)), by_y.sum(axis=(0, 2, 3))
    if mode == "train":
        n = x.size // x.shape[1]
        by_y = by_y - (_channel(by_shift) + standard * _channel(by_scale)) / n
    return _channel(scale * inverse) * by_y, by_scale, by_shift


def _standardise(op: BatchNorm, x: Array, statistics: tuple[Array, Array]) -> tuple[Array, Array]:
    """(x - mean) / sqrt(variance + epsilon), and one over that root, (channel,)."""
    mean, variance = statistics
    inverse = 1 / np.sqrt(variance + op.epsilon)
    return (x - _channel(mean)) * _channel(inverse), inverse


def _channel(values: Array) -> Array:
    """(channel,) to what stretches over the rows and columns of images."""
    return values[:, None, None]
