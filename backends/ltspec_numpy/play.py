"""Takes a tape and a state; gives the state after it: what training means, step by step."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ltspec.engine.backend import (
    Adam,
    Array,
    Arrays,
    Each,
    Evaluation,
    Graph,
    Lowering,
    Masks,
    Mode,
    Optimizer,
    Precision,
    Repulsion,
    Sgd,
    Split,
    State,
    Tape,
    moved_images,
    storage,
)
from ltspec_numpy import images
from ltspec_numpy.lower import (
    EVALUATED_AT_ONCE,
    backward,
    cross_entropy,
    forward,
    moved_buffers,
)

STEP = 2.0**-66
"""How far the complex step goes; a power of two, so that dividing by it rounds nothing."""


class NumpyBackend:
    """The reference. See :class:`ltspec.engine.backend.Backend` for the meaning of each verb."""

    def __init__(self, precision: Precision) -> None:
        self._dtype = storage(precision)

    @np.errstate(all="ignore")  # a training that diverges is told by its losses
    def train(
        self,
        graph: Graph,
        data: Split,
        tape: Tape,
        state: State,
        masks: Masks,
        optimizer: Optimizer,
        lowering: Lowering,
        repulsion: Repulsion | None = None,
    ) -> tuple[State, NDArray[np.float32]]:
        """Play every step of ``tape``."""
        weights, buffers = self._arrays(state.weights), self._arrays(state.buffers)
        slots = {slot: self._arrays(arrays) for slot, arrays in state.slots.items()}
        decay = decaying(graph, optimizer)
        losses = np.empty(tape.steps, np.float32)
        for i, batch in enumerate(tape.batches()):
            seen = images.normalise(data, moved_images(data, tape, i), self._dtype)
            values = forward(graph, weights, buffers, seen, "train")
            losses[i], gradients = backward(
                graph, weights, buffers, values, data.labels[batch], "train"
            )
            buffers = moved_buffers(graph, buffers, values)
            if repulsion is not None:
                for name, term in repelling(repulsion, weights).items():
                    gradients[name] = gradients[name] + term
            for name in weights:
                g = gradients[name] + decay[name] * weights[name]
                gradients[name] = masks[name] * g if name in masks else g
            rate = self._dtype.type(tape.rates[i])
            match optimizer:
                case Sgd():
                    weights, slots = sgd(optimizer, weights, slots, gradients, rate)
                case Adam():
                    t = tape.first_update + i + 1
                    weights, slots = adam(optimizer, weights, slots, gradients, rate, t)
        return State(weights, tape.stop, slots, buffers), losses

    @np.errstate(all="ignore")
    def evaluate(
        self, graph: Graph, data: Split, weights: Arrays, buffers: Arrays, each: bool = False
    ) -> Evaluation:
        """Loss and correct answers over the whole split."""
        weights, buffers = self._arrays(weights), self._arrays(buffers)
        found = Evaluation(0, 0, 0.0, Each(np.zeros(0, np.int64), np.zeros(0)) if each else None)
        for start in range(0, len(data), EVALUATED_AT_ONCE):
            span = slice(start, start + EVALUATED_AT_ONCE)
            seen = images.normalise(data, data.images[span], self._dtype)
            logits = forward(graph, weights, buffers, seen, "eval")[graph.output]
            losses, _ = cross_entropy(logits.astype(np.float64), data.labels[span])
            # argmax gives the first of equal logits: ties go to the lowest class.
            answers = logits.argmax(axis=1)
            correct = int((answers == data.labels[span]).sum())
            one_by_one = Each(answers, losses) if each else None
            found += Evaluation(len(losses), correct, float(losses.sum()), one_by_one)
        return found

    @np.errstate(all="ignore")
    def gradients(
        self,
        graph: Graph,
        data: Split,
        weights: Arrays,
        buffers: Arrays,
        indices: NDArray[np.int64],
        mode: Mode,
        along: Arrays | None = None,
    ) -> tuple[float, dict[str, Array]]:
        """Mean loss over the examples ``indices``, and its gradient by every parameter, or that
        gradient's derivative ``along`` a direction.

        The derivative is the imaginary part of the gradient at w + i h v, over h ("The
        complex-step derivative approximation", Martins, Sturdza and Alonso 2003). Nothing is
        subtracted, so h may be so small that the error of order h^2 is far below rounding.
        """
        weights, buffers = self._arrays(weights), self._arrays(buffers)
        seen = images.normalise(data, data.images[indices], self._dtype)
        if along is None:
            values = forward(graph, weights, buffers, seen, mode)
            return backward(graph, weights, buffers, values, data.labels[indices], mode)
        moved = {
            name: w + 1j * STEP * np.asarray(along[name], np.float64) if name in along else w
            for name, w in weights.items()
        }
        values = forward(graph, moved, buffers, seen, mode)
        loss, gradients = backward(graph, moved, buffers, values, data.labels[indices], mode)
        return loss, {
            name: (array.imag / STEP).astype(self._dtype) for name, array in gradients.items()
        }

    def _arrays(self, arrays: Arrays) -> dict[str, Array]:
        return {name: np.asarray(array, self._dtype) for name, array in arrays.items()}


def repelling(repulsion: Repulsion, weights: Arrays) -> dict[str, Array]:
    """The gradient of the repellent term by each tensor that takes part, in the weights' type; 0
    where the weights are zero as a whole (:mod:`ltspec.decisions.repulsion`)."""
    units = {
        name: directions.astype(weights[name].dtype)
        for name, directions in repulsion.directions.items()
    }
    norm = np.sqrt(sum(np.vdot(weights[name], weights[name]) for name in units))
    if norm == 0:
        return {name: np.zeros_like(weights[name]) for name in units}
    dots = sum(u.reshape(len(u), -1) @ weights[name].ravel() for name, u in units.items())
    cosines = dots / norm
    factor = 2 * repulsion.strength / repulsion.count / norm
    along = np.sum(cosines**2) / norm
    return {
        name: factor * (np.tensordot(cosines, u, 1) - along * weights[name])
        for name, u in units.items()
    }


def decaying(graph: Graph, optimizer: Optimizer) -> dict[str, float]:
    """The weight decay of every parameter, 0 for those that do not decay."""
    return {
        parameter.name: optimizer.weight_decay
        if optimizer.decay == "all" or parameter.role == "weight"
        else 0.0
        for parameter in graph.parameters
    }


Slots = Mapping[str, Arrays]


def sgd(
    rule: Sgd, weights: Arrays, slots: Slots, gradients: Arrays, rate: np.floating
) -> tuple[dict[str, Array], dict[str, dict[str, Array]]]:
    """Weights and slots after one step; ``gradients`` are decayed and masked already."""
    if not rule.momentum:  # there is no velocity to remember
        return {name: w - rate * gradients[name] for name, w in weights.items()}, {}
    fresh = {name: np.zeros_like(w) for name, w in weights.items()}
    velocity = slots.get("velocity", fresh)
    after, velocity_after = {}, {}
    for name, w in weights.items():
        g = gradients[name]
        v = rule.momentum * velocity[name] + g
        after[name] = w - rate * (g + rule.momentum * v if rule.nesterov else v)
        velocity_after[name] = v
    return after, {"velocity": velocity_after}


def adam(
    rule: Adam, weights: Arrays, slots: Slots, gradients: Arrays, rate: np.floating, t: int
) -> tuple[dict[str, Array], dict[str, dict[str, Array]]]:
    """Weights and slots after update number ``t``, counted from 1; ``gradients`` as in sgd."""
    fresh = {name: np.zeros_like(w) for name, w in weights.items()}
    first, second = slots.get("first", fresh), slots.get("second", fresh)
    after, first_after, second_after = {}, {}, {}
    for name, w in weights.items():
        g = gradients[name]
        m = rule.beta1 * first[name] + (1 - rule.beta1) * g
        s = rule.beta2 * second[name] + (1 - rule.beta2) * g * g
        mean, square = m / (1 - rule.beta1**t), s / (1 - rule.beta2**t)
        after[name] = w - rate * mean / (np.sqrt(square) + rule.epsilon)
        first_after[name], second_after[name] = m, s
    return after, {"first": first_after, "second": second_after}
