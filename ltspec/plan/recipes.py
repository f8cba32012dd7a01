"""Takes a spec; gives how its networks are trained: their recipes, and where a ticket begins anew.

Apart from :mod:`ltspec.plan.resolve`, because no rule asks for it and ``validate`` starts faster
without it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from ltspec.decisions.pretraining import order_seed_before
from ltspec.decisions.recipe import Adam, Augment, Optimizer, Recipe, Schedule, Sgd
from ltspec.decisions.sample import EXAMPLES, Sample
from ltspec.language.variants import as_pretrained
from ltspec.plan import resolve

CROP = 4
"""Pixels of black around an image before a window is cut out of it (He et al. 2016, 4.2)."""


@dataclass(frozen=True, slots=True)
class Rewinding:
    """Where a ticket's weights come from and which steps it is trained for."""

    weights: int | None
    """Step of the dense training; None: the weights as they are after training."""
    start: int
    """The first step: learning rate and data order go on from here."""
    stop: int
    """Equal to ``start`` when nothing is retrained."""


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
    warmup = resolve.steps(spec, written.warmup)
    match written.name:
        case "step":
            drops = tuple(resolve.steps(spec, drop) for drop in written.drops)
            return Schedule("step", lr, warmup, drops=drops, factor=written.factor)
        case "linear" | "cosine":
            end = resolve.total_steps(spec)
            return Schedule(written.name, lr, warmup, end=end, end_lr=written.end_lr)
        case _:
            return Schedule("constant", lr, warmup)


def recipe(spec: Any, order_seed: int) -> Recipe:
    """The dense training of one replicate."""
    known = resolve.facts(spec)
    return Recipe(
        data=known.name,
        data_version=known.version,
        examples=known.train,
        batch_size=spec.train.batch_size,
        optimizer=optimizer(spec),
        schedule=schedule(spec),
        order_seed=order_seed,
        augment=augment(spec),
        alteration=resolve.alteration(spec),
    )


def pretraining(spec: Any, order_seed: int) -> tuple[Recipe, int]:
    """How one replicate is trained before it begins, and for how many steps."""
    seen = as_pretrained(spec)
    return recipe(seen, order_seed_before(order_seed)), resolve.total_steps(seen)


def augment(spec: Any) -> Augment | None:
    """How training images are moved; None where they stay."""
    match spec.data.augment:
        case "none":
            return None
        case "resized-crop-flip":
            return Augment(flip=True, resized_crop=True)
        case written:
            return Augment(flip="flip" in written, crop=CROP if "crop" in written else 0)


def norm_scale(spec: Any) -> str | None:
    """What scales of norms start as; None for a network without them."""
    return str(spec.model.norm_scale) if resolve.graph(spec).buffers else None


def repulsion(spec: Any) -> float | None:
    """Strength of the term that repels from earlier solutions; None where there is none."""
    repel = spec.prune.repel
    return None if repel is None or repel.strength == 0 else float(repel.strength)


def held(recipe: Recipe, total: int, stop: int) -> Recipe:
    """The same training, its rate held at that of its last step when it goes on past the end."""
    if stop <= total or (recipe.schedule.kind == "constant" and not recipe.schedule.warmup):
        return recipe
    return replace(recipe, schedule=replace(recipe.schedule, hold=total))


def rewinding(spec: Any) -> Rewinding:
    """Weight rewinding, learning-rate rewinding, fine-tuning or none, as steps."""
    total, written = resolve.total_steps(spec), spec.prune.rewind
    if written == "none":
        return Rewinding(None, total, total)
    weights_at, schedule_at = written.weights, written.schedule
    if written.to is not None:
        weights_at = schedule_at = written.to
    weights = None if weights_at == "end" else resolve.steps(spec, weights_at)
    if schedule_at == "end":
        return Rewinding(weights, total, total + resolve.steps(spec, written.retrain))
    return Rewinding(weights, resolve.steps(spec, schedule_at), total)


@dataclass(frozen=True, slots=True)
class Scoring:
    """By what weights are scored, and on what."""

    criterion: str
    """A key of :data:`ltspec.decisions.criteria.CRITERIA`."""
    at: Literal["init", "rewind", "end"] = "end"
    """Which weights are scored."""
    rounds: int = 1
    sample: Sample | None = None
    """The examples that are looked at; None where none are."""
    invert: bool = False
    by_size: bool = False
    temperature: float = 1.0
    per_class: int | None = None


def scoring(spec: Any) -> Scoring:
    """The spec's criterion."""
    written = spec.prune.criterion
    match written.name:
        case "random":
            return Scoring("random")
        case "snip":
            return Scoring("snip", written.at, written.rounds, sample(spec), written.invert)
        case "grasp":
            return Scoring(
                "grasp",
                written.at,
                written.rounds,
                sample(spec),
                written.invert,
                by_size=written.rank == "size",
                temperature=float(written.temperature),
                per_class=examples_per_class(written),
            )
        case "synflow":
            return Scoring("synflow", written.at, written.rounds, invert=written.invert)
        case _:
            return Scoring(written.name, written.at, invert=written.invert)


def examples_per_class(criterion: Any) -> int | None:
    """How many examples of each class are looked at; None where classes do not matter."""
    if criterion.name != "grasp" or criterion.examples_per_class == "all":
        return None
    return int(criterion.examples_per_class)


def sample(spec: Any) -> Sample:
    """The examples that the spec's criterion looks at."""
    known, written = resolve.facts(spec), spec.prune.criterion
    per_class = examples_per_class(written)
    count, at_once = known.train, EXAMPLES
    if per_class is not None:
        count = per_class * known.classes
        at_once = -(-count // 2)
    elif written.name == "snip" and written.examples != "all":
        count = int(written.examples)
    # Running statistics are those of a network: only norms make train another mode than eval.
    mode: Literal["train", "eval"] = written.mode if resolve.graph(spec).buffers else "eval"
    return Sample(
        data=known.name,
        data_version=known.version,
        examples=count,
        of=known.train,
        batch_size=EXAMPLES if mode == "eval" else int(written.batch_size or at_once),
        mode=mode,
        alteration=resolve.alteration(spec),
    )
