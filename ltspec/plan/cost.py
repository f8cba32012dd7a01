"""Takes a Plan; gives what it costs: training steps, FLOPs, and bytes on disk."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ltspec.decisions.criteria import CRITERIA
from ltspec.decisions.dynamic.schedule import MaskSchedule
from ltspec.decisions.recipe import Optimizer, Sgd
from ltspec.networks.graph import Graph
from ltspec.plan.stages import (
    Adopt,
    Combine,
    Compare,
    Contrast,
    Evaluate,
    Init,
    Line,
    Load,
    Mapmask,
    Measurement,
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
        case Perturb() | Transfer() | Adopt():
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
        case Compare(tensors=tensors, bins=bins, percentiles=percentiles):
            return Cost(disk=(len(tensors) + 1) * (160 + 8 * bins + 24 * len(percentiles)))


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


def steps_from_scratch(plan: Plan) -> int:
    """Training steps if nothing were shared between networks: for each network that is trained,
    those of everything that it needs, from initial weights on.

    A row of the table is one network, and each copy that a comparison is about is another; a
    network that is measured at several points of a sweep counts at each. A row that is not trained
    after it was pruned is none of its own: it is the one that was trained before. Within what one
    network needs, nothing is done twice: its rewind point lies on the way of its dense training.
    """
    needed = _Needed(plan)
    rows = [(one.point, one.replicate, one.trained) for one in plan.outcomes]
    trained = [row for row in rows if isinstance(plan.stages[row[2]].work, Train)]
    before = {
        (point, replicate, place)
        for point, replicate, last in rows
        if not isinstance(plan.stages[last].work, Train)
        for place in _last_trainings(plan, last)
    }
    measured = {place for *_, place in rows}
    copies = {
        (one.point, one.sides[0].replicate, place)
        for one in plan.measurements
        for place in _trained_for(plan, one, measured)
    }
    networks = [*trained, *(before - {*trained}), *copies]
    return sum(needed.steps(place) for *_, place in networks)


def _last_trainings(plan: Plan, place: int) -> set[int]:
    """The trainings that what is not trained itself was made of."""
    found: set[int] = set()
    seen: set[int] = set()
    waiting = [place]
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        if isinstance(plan.stages[one].work, Train):
            found.add(one)
        else:
            waiting.extend(plan.stages[one].reads)
    return found


def _trained_for(plan: Plan, one: Measurement, rows: set[int]) -> list[int]:
    """The networks that were trained to be measured; ``rows`` are those of the table."""
    inputs = plan.stages[one.stage].inputs
    if one.about == "pruning":  # the whole network, which may be the dense one of the table
        return [] if inputs["first"] in rows else [inputs["first"]]
    if not one.copies:
        return []
    # Of the way that a copy has gone, only the end is a network of its own.
    roles = ("second",) if one.about in ("start", "init") else ("first", "second")
    return [inputs[role] for role in roles]


class _Needed:
    """Training steps of all that a stage needs, each stage of it once.

    Stages of long chains have nearly the same ones behind them, so they are not collected for each
    anew: a stage takes over those of one that it reads, its *main* one, and adds what is not among
    them.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        count = len(plan.stages)
        self._main: list[int] = [max(stage.reads, default=-1) for stage in plan.stages]
        """The latest stage that each reads: mostly the one with the most behind it."""
        self._enter, self._leave = self._intervals(count)
        self._steps: list[int] = []
        self._added: dict[int, list[int]] = {}
        """The stages that have taken in a stage which is not on their line of main ones."""
        for place, stage in enumerate(plan.stages):
            main = self._main[place]
            steps = plan.own_steps(stage) + (self._steps[main] if main >= 0 else 0)
            waiting = [read for read in stage.reads if read != main]
            while waiting:
                other = waiting.pop()
                if not self._has(place, other):
                    self._added.setdefault(other, []).append(place)
                    steps += plan.own_steps(plan.stages[other])
                    waiting.extend(plan.stages[other].reads)
            self._steps.append(steps)

    def steps(self, place: int) -> int:
        """Of a stage and all that it needs."""
        return self._steps[place]

    def _has(self, place: int, other: int) -> bool:
        """Whether ``other`` is among what ``place`` is known to need."""
        return self._is_main(other, place) or any(
            self._is_main(taker, place) for taker in self._added.get(other, ())
        )

    def _is_main(self, upper: int, lower: int) -> bool:
        """Whether ``upper`` is ``lower`` or on its line of main stages."""
        return self._enter[upper] <= self._enter[lower] < self._leave[upper]

    def _intervals(self, count: int) -> tuple[list[int], list[int]]:
        """Two numbers for each stage, between which are those of all below it in the tree of main
        stages."""
        sizes = [1] * count
        for place in range(count - 1, -1, -1):
            if self._main[place] >= 0:
                sizes[self._main[place]] += sizes[place]
        enter, following, roots = [0] * count, [0] * count, 0
        for place, main in enumerate(self._main):
            if main < 0:
                enter[place] = roots
                roots += sizes[place]
            else:
                enter[place] = following[main]
                following[main] += sizes[place]
            following[place] = enter[place] + 1
        return enter, [first + size for first, size in zip(enter, sizes, strict=True)]
