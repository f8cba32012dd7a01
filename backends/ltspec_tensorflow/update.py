"""Takes an update rule; gives one step of it as a function of tensors."""

from __future__ import annotations

from typing import assert_never

import numpy as np
import tensorflow as tf

from ltspec.engine.backend import Adam, Array, Graph, Optimizer, Sgd, Tape
from ltspec_tensorflow.lower import Tensors

Slots = list[Tensors]
"""What the rule remembers, by slot, then by parameter in graph order."""


def slot_names(rule: Optimizer) -> tuple[str, ...]:
    """What the rule remembers. SGD without momentum remembers nothing."""
    match rule:
        case Sgd():
            return ("velocity",) if rule.momentum else ()
        case Adam():
            return ("first", "second")
        case _:
            assert_never(rule)


def step_numbers(rule: Optimizer, tape: Tape) -> Array:
    """What the rule must know of each step, (step, k): for SGD the rate; for Adam the rate and
    the corrections 1 - b1^t and 1 - b2^t, computed here in float64."""
    rates = tape.rates.astype(np.float64)
    match rule:
        case Sgd():
            return rates[:, None]
        case Adam():
            t = np.arange(1, tape.steps + 1) + tape.first_update
            return np.stack([rates, 1 - rule.beta1**t, 1 - rule.beta2**t], axis=1)
        case _:
            assert_never(rule)


def updated(
    graph: Graph,
    rule: Optimizer,
    numbers: tf.Tensor,
    masks: dict[str, tf.Tensor],
    weights: Tensors,
    slots: Slots,
    gradients: Tensors,
) -> tuple[Tensors, Slots]:
    """Weights and slots after one step. ``numbers`` is a row of :func:`step_numbers`."""
    gradients = [
        g * masks[parameter.name] if parameter.name in masks else g
        for parameter, g in zip(
            graph.parameters, _with_decay(graph, rule, weights, gradients), strict=True
        )
    ]
    match rule:
        case Sgd():
            return _sgd(rule, numbers[0], weights, slots, gradients)
        case Adam():
            return _adam(rule, numbers, weights, slots, gradients)
        case _:
            assert_never(rule)


def _with_decay(graph: Graph, rule: Optimizer, weights: Tensors, gradients: Tensors) -> Tensors:
    """Gradients with the decay added, on the parameters that decay."""
    if not rule.weight_decay:
        return gradients
    return [
        g + rule.weight_decay * w if rule.decay == "all" or parameter.role == "weight" else g
        for parameter, w, g in zip(graph.parameters, weights, gradients, strict=True)
    ]


def _sgd(
    rule: Sgd, rate: tf.Tensor, weights: Tensors, slots: Slots, gradients: Tensors
) -> tuple[Tensors, Slots]:
    if not slots:
        return [w - rate * g for w, g in zip(weights, gradients, strict=True)], []
    velocity = [rule.momentum * v + g for v, g in zip(slots[0], gradients, strict=True)]
    ahead = [
        g + rule.momentum * v if rule.nesterov else v
        for g, v in zip(gradients, velocity, strict=True)
    ]
    return [w - rate * a for w, a in zip(weights, ahead, strict=True)], [velocity]


def _adam(
    rule: Adam, numbers: tf.Tensor, weights: Tensors, slots: Slots, gradients: Tensors
) -> tuple[Tensors, Slots]:
    rate, correction1, correction2 = numbers[0], numbers[1], numbers[2]
    first = [
        rule.beta1 * m + (1 - rule.beta1) * g for m, g in zip(slots[0], gradients, strict=True)
    ]
    second = [
        rule.beta2 * s + (1 - rule.beta2) * g * g for s, g in zip(slots[1], gradients, strict=True)
    ]
    weights = [
        w - rate * (m / correction1) / (tf.sqrt(s / correction2) + rule.epsilon)
        for w, m, s in zip(weights, first, second, strict=True)
    ]
    return weights, [first, second]
