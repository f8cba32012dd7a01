"""Takes a spec; gives its numbers: steps instead of durations, counts instead of fractions.

Plain functions of a spec, so that rules can ask them about a spec that is only partly right (see
``ltspec.language.partial``), and the compiler about one that is whole.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from ltspec.data.facts import FACTS, Facts
from ltspec.decisions import amounts
from ltspec.decisions.amounts import Level
from ltspec.networks.families import build
from ltspec.networks.graph import Graph, Parameter
from ltspec.plan.replicates import Replicate


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


def replicate_count(spec: Any) -> int:
    """How many replicates there are, written or not."""
    if spec.replicates is not None:
        return int(spec.replicates)
    return 1 if spec.seeds is None else len(spec.seeds)


def replicates(spec: Any) -> tuple[Replicate, ...]:
    """Seeds of every replicate, written or not, numbered from 1."""
    seeds = range(1, replicate_count(spec) + 1) if spec.seeds is None else spec.seeds
    return tuple(
        Replicate(number, seed, seed, seed)
        if isinstance(seed, int)
        else Replicate(number, seed.init, seed.order, seed.mask)
        for number, seed in enumerate(seeds, start=1)
    )
