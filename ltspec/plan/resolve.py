"""Takes a spec; gives its numbers: steps instead of durations, counts instead of fractions.

Plain functions of a spec, so that rules can ask them about a spec that is only partly right (see
``ltspec.language.partial``), and the compiler about one that is whole.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Literal

from ltspec.data.facts import FACTS, Facts
from ltspec.decisions import amounts
from ltspec.decisions.amounts import Level
from ltspec.decisions.recipe import Adam, Optimizer, Recipe, Schedule, Sgd
from ltspec.networks.families import build
from ltspec.networks.graph import Graph, Parameter
from ltspec.plan.replicates import Replicate


@dataclass(frozen=True, slots=True)
class Rewinding:
    """Where a ticket's weights come from and which steps it is trained for."""

    weights: int | None
    """Step of the dense training; None: the weights as they are after training."""
    start: int
    """The first step: learning rate and data order go on from here."""
    stop: int
    """Equal to ``start`` when nothing is retrained."""


def facts(spec: Any) -> Facts:
    """What is known of the spec's data set."""
    return FACTS[spec.data.name]


def graph(spec: Any) -> Graph:
    """The spec's network."""
    known = facts(spec)
    return build(spec.model, known.shape, known.classes)


def steps_per_epoch(spec: Any) -> int:
    """The last partial batch is kept."""
    return -(-facts(spec).train // int(spec.train.batch_size))


def total_steps(spec: Any) -> int:
    """Steps of the dense training."""
    return int(spec.train.duration.steps(steps_per_epoch(spec), 0))


def steps(spec: Any, duration: Any) -> int:
    """A duration in steps of this training."""
    return int(duration.steps(steps_per_epoch(spec), total_steps(spec)))


def optimizer(spec: Any) -> Optimizer:
    """The spec's optimiser without its rate."""
    written = spec.train.optimizer
    # Without decay it does not matter what decays: one meaning, one key.
    decay: Literal["all", "weights"] = written.decay if written.weight_decay else "all"
    if written.name == "sgd":
        return Sgd(written.momentum, written.nesterov, written.weight_decay, decay)
    return Adam(written.beta1, written.beta2, written.epsilon, written.weight_decay, decay)


def schedule(spec: Any) -> Schedule:
    """The learning rate over steps."""
    written, lr = spec.train.lr_schedule, spec.train.optimizer.lr
    warmup = steps(spec, written.warmup)
    match written.name:
        case "step":
            drops = tuple(steps(spec, drop) for drop in written.drops)
            return Schedule("step", lr, warmup, drops=drops, factor=written.factor)
        case "linear" | "cosine":
            end = total_steps(spec)
            return Schedule(written.name, lr, warmup, end=end, end_lr=written.end_lr)
        case _:
            return Schedule("constant", lr, warmup)


def recipe(spec: Any, order_seed: int) -> Recipe:
    """The dense training of one replicate."""
    known = facts(spec)
    return Recipe(
        data=known.name,
        data_version=known.version,
        examples=known.train,
        batch_size=spec.train.batch_size,
        optimizer=optimizer(spec),
        schedule=schedule(spec),
        order_seed=order_seed,
    )


def held(recipe: Recipe, total: int, stop: int) -> Recipe:
    """The same training, its rate held at that of its last step when it goes on past the end."""
    if stop <= total or (recipe.schedule.kind == "constant" and not recipe.schedule.warmup):
        return recipe
    return replace(recipe, schedule=replace(recipe.schedule, hold=total))


def rewinding(spec: Any) -> Rewinding:
    """Weight rewinding, learning-rate rewinding, fine-tuning or none, as steps."""
    total, written = total_steps(spec), spec.prune.rewind
    if written == "none":
        return Rewinding(None, total, total)
    weights = None if written.weights_at == "end" else steps(spec, written.weights_at)
    if written.schedule_at == "end":
        return Rewinding(weights, total, total + steps(spec, written.retrain))
    return Rewinding(weights, steps(spec, written.schedule_at), total)


def is_exempt(name: str, patterns: Any) -> bool:
    """Whether a tensor is named by one of the spec's exemptions."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def prunable(spec: Any) -> tuple[Parameter, ...]:
    """The tensors that may be pruned, in graph order."""
    exempt = spec.prune.exempt
    return tuple(
        parameter for parameter in graph(spec).prunable if not is_exempt(parameter.name, exempt)
    )


def levels(spec: Any) -> list[Level]:
    """How many weights each level keeps."""
    sizes = [parameter.size for parameter in prunable(spec)]
    scope, written = spec.prune.scope, spec.prune.schedule
    match written.name:
        case "iterative":
            return amounts.iterative(sizes, scope, written.fraction, written.levels)
        case "to-density":
            return amounts.to_density(sizes, scope, written.density, written.fraction)
        case _:
            return amounts.one_shot(sizes, scope, written.density)


def replicates(spec: Any) -> tuple[Replicate, ...]:
    """Seeds of every replicate, numbered from 1."""
    return tuple(
        Replicate(number, seed.init, seed.order, seed.mask)
        for number, seed in enumerate(spec.replicate_seeds, start=1)
    )
