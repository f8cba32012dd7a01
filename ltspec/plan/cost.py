"""Takes a Plan; gives what it costs: training steps, FLOPs, and bytes on disk."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ltspec.decisions.criteria import CRITERIA
from ltspec.decisions.dynamic.schedule import MaskSchedule
from ltspec.decisions.recipe import Optimizer, Sgd
from ltspec.networks.graph import Graph
from ltspec.plan.stages import (
    Combine,
    Contrast,
    Evaluate,
    Init,
    Line,
    Load,
    Mapmask,
    Perturb,
    Plan,
    Prune,
    Remask,
    Rewind,
    Stage,
    Train,
    Transfer,
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one stage, or of several together."""

    steps: int = 0
    """Training steps."""
    flops: int = 0
    """Floating-point operations of training and of scores by gradients: three forward passes an
    example (forward, and twice that backward), nine where a criterion asks for a derivative of
    the gradient, a multiply-add counting as two. Masks do not make it less."""
    disk: int = 0
    """Bytes in the store, to within a few hundred."""

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.steps + other.steps, self.flops + other.flops, self.disk + other.disk)


def examples_seen(steps_from: int, steps_to: int, batch_size: int, examples: int) -> int:
    """Examples in the batches steps_from .. steps_to - 1, the last of an epoch being smaller."""
    per_epoch = -(-examples // batch_size)

    def seen(step: int) -> int:
        epochs, rest = divmod(step, per_epoch)
        return epochs * examples + min(rest * batch_size, examples)

    return seen(steps_to) - seen(steps_from)


def slots(optimizer: Optimizer) -> int:
    """Tensors that the optimiser remembers for each parameter."""
    if isinstance(optimizer, Sgd):
        return 1 if optimizer.momentum else 0
    return 2


def cost(plan: Plan, stage: Stage, float_bytes: int = 4) -> Cost:
    """What one stage costs, from the point that it follows on."""
    graph = plan.graphs[stage.work.graph]
    weights = sum(parameter.size for parameter in graph.parameters)
    buffers = sum(math.prod(buffer.shape) for buffer in graph.buffers)
    match stage.work:
        case Init():
            return Cost(disk=(weights + buffers) * float_bytes)
        case Train(recipe=recipe, start=start, stop=stop, masks=changing):
            own = plan.own_steps(stage)
            seen = examples_seen(stop - own, stop, recipe.batch_size, recipe.examples)
            # Each solution is in a dot product and in a sum: two operations a weight, twice.
            repelled = 4 * own * len(stage.anchors) * sum(p.size for p in graph.prunable)
            kept = 1 + (slots(recipe.optimizer) if stage.resumable else 0)
            # The mask at the end, and the weights that were ever in one.
            masks = 0 if changing is None else 2 * _entries(graph, changing.tensors)
            return Cost(
                own,
                3 * graph.forward_flops * seen + repelled,
                (weights * kept + buffers) * float_bytes + 4 * (stop - start) + masks,
            )
        case Prune(tensors=tensors) as work:
            flops = CRITERIA[work.criterion].passes * graph.forward_flops * _scored_on(work)
            return Cost(flops=flops, disk=_entries(graph, tensors))
        case Remask(tensors=tensors) | Combine(tensors=tensors):
            return Cost(disk=_entries(graph, tensors))
        case Mapmask() as work:
            return Cost(disk=_entries(graph, masked_by(work)))
        case Perturb() | Transfer():
            return Cost(disk=(weights + buffers) * float_bytes)
        case Rewind():
            return Cost(disk=(weights + buffers) * float_bytes + _mask_bytes(plan, stage))
        case Load():  # as if all that can be pruned were
            masks = sum(parameter.size for parameter in graph.prunable)
            return Cost(disk=(weights + buffers) * float_bytes + masks)
        case Evaluate():
            return Cost(disk=0)
        case Line(alphas=alphas, beyond=beyond, recalibration=recalibration):
            points = alphas + 2 * beyond
            # Training steps are what statistics come from, so they cost as much.
            seen = 0 if recalibration is None else recalibration.seen
            return Cost(flops=3 * graph.forward_flops * seen * points, disk=60 * points)
        case Contrast():
            return Cost(disk=300)


def _scored_on(work: Prune) -> int:
    """Examples whose gradient a criterion asks for; SynFlow has one of its own."""
    if CRITERIA[work.criterion].gradients == "none":
        return 0
    return work.rounds * (1 if work.sample is None else work.sample.examples)


def _entries(graph: Graph, tensors: tuple[str, ...]) -> int:
    return sum(parameter.size for parameter in graph.parameters if parameter.name in tensors)


def _mask_bytes(plan: Plan, stage: Stage) -> int:
    mask = plan.stages[stage.inputs["mask"]].work
    made = mask.masks if isinstance(mask, Train) else mask
    if not isinstance(made, Prune | Remask | Combine | MaskSchedule | Mapmask):
        return 0
    return _entries(plan.graphs[stage.work.graph], masked_by(made))


def masked_by(work: Prune | Remask | Combine | MaskSchedule | Mapmask) -> tuple[str, ...]:
    """The tensors that a mask covers."""
    if isinstance(work, Mapmask):
        return (*(target for target, _ in work.tensors), *work.dense)
    return work.tensors


def total(plan: Plan, float_bytes: int = 4) -> Cost:
    """What the whole plan costs in an empty store."""
    return sum((cost(plan, stage, float_bytes) for stage in plan.stages), Cost())
