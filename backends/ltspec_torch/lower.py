"""Takes a graph; gives a function from parameters, running statistics and a batch to logits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol, assert_never

import torch
from torch import Tensor
from torch.nn import functional

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
    Node,
    Relu,
)

Pair = tuple[int, int]


class Forward(Protocol):
    """What a graph computes."""

    def __call__(
        self,
        parameters: Sequence[Tensor],
        buffers: Sequence[Tensor] | None,
        images: Tensor,
        training: bool,
    ) -> Tensor:
        """Logits, (example, class); parameters and buffers come in graph order.

        In training norms use the statistics of the batch and move ``buffers`` in place; None
        moves nothing. Otherwise they read ``buffers``.
        """


def lower(graph: Graph) -> Forward:
    """The graph as calls of torch, in any memory format: what comes in decides."""
    parameter_at = {parameter.name: i for i, parameter in enumerate(graph.parameters)}
    buffer_at = {buffer.name: i for i, buffer in enumerate(graph.buffers)}
    last_reader = {name: i for i, node in enumerate(graph.nodes) for name in node.inputs}
    readers = Counter(name for node in graph.nodes for name in node.inputs)
    # What these give nobody else needs, neither forward nor backward: it can be overwritten.
    spent = {
        node.name
        for node in graph.nodes
        if isinstance(node.op, Conv | Linear | BatchNorm | Add) and readers[node.name] == 1
    }

    def forward(
        parameters: Sequence[Tensor],
        buffers: Sequence[Tensor] | None,
        images: Tensor,
        training: bool,
    ) -> Tensor:
        def parameter(node: Node, name: str) -> Tensor:
            return parameters[parameter_at[f"{node.name}.{name}"]]

        values = {INPUT: images}
        for i, node in enumerate(graph.nodes):
            x = values[node.inputs[0]]
            match node.op:
                case Flatten():
                    y = x.flatten(1)
                case Linear(bias=bias):
                    shift = parameter(node, "bias") if bias else None
                    y = functional.linear(x, parameter(node, "weight"), shift)
                case Relu():
                    y = functional.relu(x, inplace=node.inputs[0] in spent)
                case Conv(bias=bias) as op:
                    shift = parameter(node, "bias") if bias else None
                    x, stride, padding = _windows(x, op)
                    weight = parameter(node, "weight")
                    y = functional.conv2d(x, weight, shift, stride, padding, 1, op.groups)
                case BatchNorm() as op:
                    first = buffer_at[f"{node.name}.running_mean"]
                    running = None if buffers is None else (buffers[first], buffers[first + 1])
                    scale, shift = parameter(node, "scale"), parameter(node, "shift")
                    y = _batch_norm(x, scale, shift, op, running, training)
                case MaxPool() as op:
                    x, padding = _padded(x, op, -torch.inf)
                    y = functional.max_pool2d(x, op.kernel, op.stride, padding)
                case AvgPool() as op:
                    x, padding = _padded(x, op, 0.0)
                    y = functional.avg_pool2d(x, op.kernel, op.stride, padding)
                case GlobalAvgPool():
                    y = x.mean((2, 3))
                case Add():
                    other = values[node.inputs[1]]
                    y = x.add_(other) if node.inputs[0] in spent else x + other
                case unknown:
                    assert_never(unknown)
            values[node.name] = y
            # Without a backward pass to come, this frees the memory.
            for name in set(node.inputs):
                if last_reader[name] == i:
                    del values[name]
        return values[graph.output]

    return forward


def in_bfloat16(forward: Forward, device: str) -> Forward:
    """``forward`` with convolutions and matrix products in bfloat16; logits in float32."""

    def mixed(
        parameters: Sequence[Tensor],
        buffers: Sequence[Tensor] | None,
        images: Tensor,
        training: bool,
    ) -> Tensor:
        # Every weight is read once, so there is nothing to keep a converted copy for.
        with torch.autocast(device, torch.bfloat16, cache_enabled=False):
            logits = forward(parameters, buffers, images, training)
        return logits.float()

    return mixed


def _windows(x: Tensor, op: Conv) -> tuple[Tensor, Pair, Pair]:
    """``x``, and the stride and padding that the convolution has yet to do itself.

    One that looks at single pixels with a stride is given those that it looks at. On a CPU without
    AVX-512, with fewer than 8 channels that lie last, torch 2.13 writes past the end of memory in
    the backward pass of such a convolution.
    """
    if op.kernel == (1, 1) and op.stride != (1, 1):
        top, bottom, left, right = op.padding
        x = functional.pad(x, (left, right, top, bottom)) if any(op.padding) else x
        return x[:, :, :: op.stride[0], :: op.stride[1]], (1, 1), (0, 0)
    x, padding = _padded(x, op, 0.0)
    return x, op.stride, padding


def _padded(x: Tensor, op: Conv | MaxPool | AvgPool, value: float) -> tuple[Tensor, Pair]:
    """``x``, and the padding by rows and columns that the operation has yet to do itself.

    It can do what is even; a pool no more than half of its window. All else is put around ``x``.
    """
    top, bottom, left, right = op.padding
    even = (top, left) == (bottom, right)
    if even and (isinstance(op, Conv) or (2 * top <= op.kernel[0] and 2 * left <= op.kernel[1])):
        return x, (top, left)
    return functional.pad(x, (left, right, top, bottom), value=value), (0, 0)


def _batch_norm(
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    op: BatchNorm,
    running: tuple[Tensor, Tensor] | None,
    training: bool,
) -> Tensor:
    """torch's own rule for the running statistics is ours, but for a batch of one value: its
    variance, divided by n - 1, would be no number."""
    cudnn = torch.backends.cudnn.enabled
    alone = x.numel() == x.shape[1]
    mean, variance = running if running is not None and not (training and alone) else (None, None)
    y = torch.batch_norm(x, scale, shift, mean, variance, training, op.momentum, op.epsilon, cudnn)
    if training and alone and running is not None:
        mean, variance = running
        newest = x.detach().flatten().to(mean.dtype)
        mean.mul_(1 - op.momentum).add_(newest, alpha=op.momentum)
        variance.mul_(1 - op.momentum)
    return y
