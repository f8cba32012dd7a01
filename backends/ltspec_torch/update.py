"""Takes an update rule; gives a function that makes one step of it in place, in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

import torch
from torch import Tensor

from ltspec.engine.backend import Adam, Graph, Optimizer, Sgd

Update = Callable[[list[Tensor], Tensor, Tensor], None]
"""(gradients, learning rate, t): changes parameters and slots. t counts updates from 1. Both are
float32 tensors of one entry, so that a device reads them by itself. Tensors of one parameter have
the same strides: the fused operations walk through memory, not through indices."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Parameters that share a weight decay."""

    positions: tuple[int, ...]
    weight_decay: float

    def of(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        return [tensors[position] for position in self.positions]


def slot_names(rule: Optimizer) -> tuple[str, ...]:
    """What the rule remembers. SGD without momentum remembers nothing."""
    match rule:
        case Sgd():
            return ("velocity",) if rule.momentum else ()
        case Adam():
            return ("first", "second")
        case _:
            assert_never(rule)


def update(
    graph: Graph, rule: Optimizer, parameters: list[Tensor], slots: list[list[Tensor]]
) -> Update:
    """One step of ``rule``, made on ``parameters`` and ``slots`` in place.

    The fused operations below are what torch.optim.SGD and Adam call with ``fused=True``. Called
    directly they take the rate and t of this very step, and none of the book-keeping.
    They add the decay after the mask, not before it. That is the same: a masked weight is zero,
    and so is its decay.
    """
    groups = _groups(graph, rule)
    match rule:
        case Sgd():
            velocity = slots[0] if slots else []

            def sgd(gradients: list[Tensor], rate: Tensor, t: Tensor) -> None:
                for group in groups:
                    torch._fused_sgd_(
                        group.of(parameters),
                        group.of(gradients),
                        group.of(velocity) if velocity else [],
                        weight_decay=group.weight_decay,
                        momentum=rule.momentum,
                        lr=rate,
                        dampening=0.0,
                        nesterov=rule.nesterov and rule.momentum > 0,
                        maximize=False,
                        is_first_step=False,  # a fresh velocity is zero, not the gradient
                    )

            return sgd
        case Adam():
            first, second = slots

            def adam(gradients: list[Tensor], rate: Tensor, t: Tensor) -> None:
                for group in groups:
                    torch._fused_adam_(
                        group.of(parameters),
                        group.of(gradients),
                        group.of(first),
                        group.of(second),
                        [],
                        [t] * len(group.positions),
                        lr=rate,
                        beta1=rule.beta1,
                        beta2=rule.beta2,
                        weight_decay=group.weight_decay,
                        eps=rule.epsilon,
                        amsgrad=False,
                        maximize=False,
                    )

            return adam
        case _:
            assert_never(rule)


def _groups(graph: Graph, rule: Optimizer) -> list[_Group]:
    everything = tuple(range(len(graph.parameters)))
    if rule.decay == "all" or not rule.weight_decay:
        return [_Group(everything, rule.weight_decay)]
    weights = tuple(i for i in everything if graph.parameters[i].role == "weight")
    others = tuple(i for i in everything if i not in weights)
    groups = (_Group(weights, rule.weight_decay), _Group(others, 0.0))
    return [group for group in groups if group.positions]
