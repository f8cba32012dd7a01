"""Takes a spec; gives its numbers: steps instead of durations, counts instead of fractions.

Plain functions of a spec, so that rules can ask them about a spec that is only partly right (see
``ltspec.language.partial``), and the compiler about one that is whole.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ltspec.data.alteration import Alteration, altered_facts, classes
from ltspec.data.facts import FACTS, STREAMED, USUAL_SIZE, Facts
from ltspec.decisions import amounts
from ltspec.decisions.amounts import Level
from ltspec.decisions.layerwise import SPREADS, Spread
from ltspec.errors import DataError, GraphError
from ltspec.language.unknown import Unknown
from ltspec.networks.families import build
from ltspec.networks.graph import Graph, Parameter
from ltspec.plan.replicates import Replicate


def published(spec: Any) -> Facts:
    """What is known of the spec's data set before anything in it is altered.

    Raises Unknown where a folder of images cannot be listed: a rule of its own says so
    (``plan.rules.folder_can_be_listed``).
    """
    data = spec.data
    if data.name not in STREAMED:
        return FACTS[data.name]
    from ltspec.data.folder import folder_facts, imagenet_facts  # few specs need it

    size = data.size or USUAL_SIZE
    if data.name == "imagenet":
        return imagenet_facts(size, data.shorter_side)
    if data.path is None:
        raise Unknown("path")
    try:
        return folder_facts(Path(data.path), size, data.shorter_side)
    except DataError as error:
        raise Unknown(error.message) from error


def alteration(spec: Any) -> Alteration | None:
    """What is changed in the data set; None where nothing is."""
    data = spec.data
    random = data.random_labels > 0 or data.subsample < 1 or data.rotation
    # Where nothing is random the seed does not matter: one meaning, one key.
    seed = data.seed if random else 0
    found = Alteration(data.random_labels, data.blur, data.subsample, data.rotation, seed)
    return None if found == Alteration() else found


def facts(spec: Any) -> Facts:
    """What is known of the spec's data set as it is trained on. Labels and blur change no fact."""
    changed = Alteration(subsample=spec.data.subsample, rotation=bool(spec.data.rotation))
    return altered_facts(published(spec), changed)


def images(spec: Any) -> tuple[tuple[int, int, int], int]:
    """The shape of the spec's images, and how many classes they have."""
    known = published(spec)
    return known.shape, classes(known, rotation=bool(spec.data.rotation))


def graph(spec: Any) -> Graph:
    """The spec's network.

    Raises Unknown where a key of its model is to blame that there is none: a rule of its own says
    so (``plan.rules.network_can_be_built``).
    """
    shape, count = images(spec)
    try:
        return build(spec.model, shape, count)
    except GraphError as error:
        if not error.key:
            raise
        raise Unknown(error.message) from error


def why_no_graph(spec: Any) -> GraphError | None:
    """What keeps the spec's network from being there, where a key of its model is to blame; that a
    family has no network of this depth is known whatever the images are."""
    try:
        shape, count = images(spec)
        known = True
    except Unknown:
        if spec.model.family == "custom":  # a person's function is not called for images of ours
            raise
        shape, count, known = (3, 32, 32), 10, False
    try:
        build(spec.model, shape, count)
    except GraphError as error:
        if not error.key:
            raise
        return error if known or error.code == "LT218" else None
    return None


MOST_STEPS = 10**12
"""Steps of one training. Far more than anyone waits for, and exact in every number of a plan."""


def steps_per_epoch(spec: Any) -> int:
    """The last partial batch is kept.

    Raises Unknown where the data is less than one batch: a rule of its own says so
    (``plan.data_rules.batch_fits_data``).
    """
    examples, size = facts(spec).train, int(spec.train.batch_size)
    if size > examples:
        raise Unknown("batch_size")
    return -(-examples // size)


def written_steps(spec: Any) -> int:
    """Steps of the dense training as they are written, however many."""
    duration = spec.train.duration
    return int(duration.steps(steps_per_epoch(spec) if duration.epochs else 0))


def total_steps(spec: Any) -> int:
    """Steps of the dense training.

    Raises Unknown where there are none, or too many: a rule of its own says so
    (``plan.rules.training_has_steps``).
    """
    total = written_steps(spec)
    if not 0 < total <= MOST_STEPS:
        raise Unknown("duration")
    return total


def steps(spec: Any, duration: Any) -> int:
    """A duration in steps of this training. Only what it is counted in needs to be known."""
    per_epoch = steps_per_epoch(spec) if duration.epochs else 0
    total = None if duration.percent is None else total_steps(spec)
    return int(duration.steps(per_epoch, total))


class Clock(NamedTuple):
    """What points of a training are counted in, so that they can be told apart."""

    unit: Literal["step", "epoch"]
    written: Literal["it", "ep"]
    """As durations have it."""
    steps_per_epoch: int
    """1 where epochs are counted."""
    total: int
    """The training's length."""

    def at(self, duration: Any) -> int:
        """The point after a duration."""
        return int(duration.steps(self.steps_per_epoch, self.total))


def clock(spec: Any, *durations: Any) -> Clock:
    """How to tell these points of the training apart: by epochs where nothing else is written, so
    that nothing else needs to be known, and else by steps."""
    length = spec.train.duration
    if length.epochs and not any(
        one.iterations or one.percent is not None for one in (length, *durations)
    ):
        return Clock("epoch", "ep", 1, length.epochs)
    counted = any(duration.epochs for duration in durations)
    return Clock("step", "it", steps_per_epoch(spec) if counted else 0, total_steps(spec))


def is_exempt(name: str, patterns: Any) -> bool:
    """Whether a tensor is named by one of the spec's exemptions."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def prunable(spec: Any) -> tuple[Parameter, ...]:
    """The tensors that may be pruned, in graph order."""
    exempt = spec.prune.exempt
    return tuple(
        parameter for parameter in graph(spec).prunable if not is_exempt(parameter.name, exempt)
    )


def level_count(spec: Any) -> int:
    """How many levels the schedule has. Only that of ``to-density`` is a matter of the network."""
    written = spec.prune.schedule
    if written.name == "iterative":
        return int(written.levels)
    return len(levels(spec)) if written.name == "to-density" else 1


def levels(spec: Any) -> list[Level]:
    """How many weights each level keeps."""
    tensors, scope, written = prunable(spec), spec.prune.scope, spec.prune.schedule
    sizes = [parameter.size for parameter in tensors]
    together: amounts.Scope = "layer" if scope == "layer" else "global"
    match written.name:
        case "iterative":
            factors = [rate(parameter.name, written.rates) for parameter in tensors]
            found = amounts.iterative(
                sizes,
                together,
                written.fraction,
                written.levels,
                factors if written.rates else (),
            )
        case "to-density":
            found = amounts.to_density(sizes, together, written.density, written.fraction)
        case "set" | "rigl":
            shapes = [parameter.shape for parameter in tensors]
            kept = amounts.kept_at(sum(sizes), written.density)
            return [Level(1, SPREADS[written.layers](shapes, kept) if tensors else ())]
        case _:  # one-shot and gradual
            found = amounts.one_shot(sizes, together, written.density)
    shapes = [parameter.shape for parameter in tensors]
    return amounts.by_tensor(found, shapes) if scope == "erk" else found


def matched(spec: Any, level: Level, scope: str | None) -> tuple[int, ...]:
    """As many weights as a level keeps, shared out by another scope; None is the spec's own."""
    if (scope or spec.prune.scope) == spec.prune.scope != "global":
        return level.keep
    return shared(spec, level.kept, scope)


def shared(spec: Any, kept: int | None, scope: str | None) -> tuple[int, ...]:
    """So many weights, shared out by a scope, None being the spec's own; nothing where only the run
    can say how many. A level of `set` or `rigl` has a count for each tensor, whatever the scope."""
    spread = spread_of(spec, scope)
    if kept is None:
        return ()
    if spread == "global":
        return (kept,)
    return SPREADS[spread]([parameter.shape for parameter in prunable(spec)], kept)


def spread_of(spec: Any, scope: str | None) -> Spread:
    """How a scope shares out weights of which only their number is given."""
    spreads: dict[str, Spread] = {"layer": "uniform", "erk": "erk", "global": "global"}
    return spreads[scope or spec.prune.scope]


def rate(name: str, rates: Any) -> float:
    """What the fraction is multiplied by for a tensor: the first pattern that matches it."""
    return next((factor for pattern, factor in rates.items() if fnmatchcase(name, pattern)), 1.0)


def begin_alike(spec: Any) -> bool:
    """Whether all replicates begin with the same weights: out of a file, the classifier too."""
    pretrain = spec.pretrain
    if pretrain is None or pretrain.weights is None:
        return False
    return bool(pretrain.classifier != "fresh")


def replicate_count(spec: Any) -> int:
    """How many replicates there are, written or not.

    Raises Unknown where `replicates` and `seeds` say different numbers: a rule of its own says so
    (``plan.rules.seeds_agree``).
    """
    if None not in (spec.replicates, spec.seeds) and spec.replicates != len(spec.seeds):
        raise Unknown("replicates")
    if spec.replicates is not None:
        return int(spec.replicates)
    return 1 if spec.seeds is None else len(spec.seeds)


def replicates(spec: Any) -> tuple[Replicate, ...]:
    """Seeds of every replicate, written or not, numbered from 1."""
    seeds = range(1, replicate_count(spec) + 1) if spec.seeds is None else spec.seeds
    return tuple(replicate(number, seed) for number, seed in enumerate(seeds, start=1))


def replicate(number: int, seed: Any) -> Replicate:
    """The replicate of one entry of ``seeds``."""
    if isinstance(seed, int):
        return Replicate(number, seed, seed, seed)
    return Replicate(number, seed.init, seed.order, seed.mask)
