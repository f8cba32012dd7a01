"""Takes a compare stage and what it reads; gives its answer, checked, as facts.

No backend takes part: what is compared are weights and masks, and numpy does it in float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ltspec.decisions import difference
from ltspec.decisions import distribution as distributions
from ltspec.decisions.state import Array, Arrays, Masks
from ltspec.engine.arrays import masks_of, weights_of
from ltspec.engine.store import Result
from ltspec.errors import InvariantError
from ltspec.networks.graph import Graph
from ltspec.plan.stages import Compare, Stage

Made = tuple[dict[str, Any], dict[str, Array]]
"""As in :mod:`ltspec.engine.perform`."""

_ROUNDING = 1e-9
"""Relative error that sums of float64 may have; far more than they have, and far less than a
weight that was left out makes."""


def compare(stage: Stage, work: Compare, graph: Graph, inputs: Mapping[str, Result]) -> Made:
    """The facts of one comparison.

    Raises InvariantError where a weight is not zero that its mask prunes, and where figures
    contradict each other or the counts of the masks.
    """
    shapes = {p.name: p.shape for p in graph.parameters if p.name in work.tensors}
    masks = {
        role: _whole(stage, masks_of(inputs[role].arrays), shapes)
        for role in ("first_mask", "second_mask")
        if role in inputs
    }
    states = {
        role: weights_of(inputs[role].arrays) for role in ("first", "second") if role in inputs
    }
    # The first mask stands before a threshold's weights as it stands beside any others.
    own = {"first": masks.get("first_mask", {}), "second": masks.get("second_mask", {})}
    if work.question != "threshold":
        for role, weights in states.items():
            _check_pruned(stage, work, weights, own[role])
    match work.question:
        case "distance":
            return _distance(stage, work, states, list(own.values())), {}
        case "overlap":
            return _overlap(stage, work, masks["first_mask"], masks["second_mask"]), {}
        case "distribution":
            return _distribution(stage, work, states["first"], own["first"]), {}
        case "threshold":
            return _threshold(stage, work, states["first"], own["first"], own["second"]), {}


def _whole(stage: Stage, masks: Masks, shapes: Mapping[str, tuple[int, ...]]) -> Masks:
    """The masks of the prunable tensors; one that a ticket's file does not have is dense."""
    found = {name: masks.get(name, np.ones(shape, np.bool_)) for name, shape in shapes.items()}
    for name, mask in found.items():
        if mask.shape != shapes[name] or mask.dtype != np.bool_:
            raise InvariantError(
                f"{stage.label}: the mask of {name} is {mask.dtype} {mask.shape}, and not bool "
                f"{shapes[name]}"
            )
    return found


def _check_pruned(stage: Stage, work: Compare, weights: Arrays, masks: Masks) -> None:
    for name in work.tensors:
        if name in masks and np.any(weights[name][~masks[name]]):
            count = np.count_nonzero(weights[name][~masks[name]])
            raise InvariantError(f"{stage.label}: {count} pruned weights of {name} are not zero")


def _distance(
    stage: Stage, work: Compare, states: Mapping[str, Arrays], masks: list[Masks]
) -> dict[str, Any]:
    sides = [difference.chosen(states[role], masks, work.tensors) for role in ("first", "second")]
    facts = difference.distance(sides[0], sides[1])
    for name, figures in _each(facts):
        one, other = figures["norms"]
        room = _ROUNDING * (one + other) + 1e-300
        if not abs(one - other) - room <= figures["l2"] <= one + other + room:
            raise InvariantError(
                f"{stage.label}: {name}: vectors of lengths {one} and {other} cannot be "
                f"{figures['l2']} apart"
            )
        if figures["angle"] is not None and not math.isclose(
            math.cos(math.radians(figures["angle"])), figures["cosine"], abs_tol=1e-6
        ):
            raise InvariantError(
                f"{stage.label}: {name}: {figures['cosine']} is not the cosine of "
                f"{figures['angle']} degrees"
            )
    counts = {name: _kept(states["first"][name], masks, name) for name in work.tensors}
    _check_counts(stage, facts, "coordinates", counts)
    return facts


def _kept(array: Array, masks: list[Masks], name: str) -> int:
    common = difference.common(masks, name)
    return int(array.size) if common is None else int(np.count_nonzero(common))


def _overlap(stage: Stage, work: Compare, first: Masks, second: Masks) -> dict[str, Any]:
    tensors = difference.overlap(first, second, work.tensors)
    for name, counts in tensors.items():
        one, other, size = counts["first"], counts["second"], counts["size"]
        if not max(0, one + other - size) <= counts["both"] <= min(one, other) <= size:
            raise InvariantError(f"{stage.label}: masks of {name} cannot have the counts {counts}")
    return {"tensors": tensors}


def _distribution(stage: Stage, work: Compare, weights: Arrays, masks: Masks) -> dict[str, Any]:
    chosen = difference.chosen(weights, [masks], work.tensors)
    facts = distributions.distribution(chosen, work.bins, work.limit, work.percentiles)
    for name, figures in _each(facts):
        placed = figures["below"] + sum(figures["counts"]) + figures["above"]
        if placed != figures["weights"] or (work.limit is None and figures["below"]):
            raise InvariantError(
                f"{stage.label}: {name}: the histogram holds {placed} of {figures['weights']} "
                "weights"
            )
    counts = {name: _kept(weights[name], [masks], name) for name in work.tensors}
    _check_counts(stage, facts, "weights", counts)
    return facts


def _threshold(
    stage: Stage, work: Compare, weights: Arrays, before: Masks, after: Masks
) -> dict[str, Any]:
    for name in work.tensors:
        if name in before and np.any(after[name] & ~before[name]):
            raise InvariantError(f"{stage.label}: the mask of {name} has grown")
    facts = distributions.threshold(weights, before, after, work.tensors)
    for name, figures in _each(facts):
        low, high = figures["largest_removed"], figures["smallest_kept"]
        if name == "all" and work.apart:
            continue  # each tensor has a threshold of its own
        if low is not None and high is not None and low > high:
            raise InvariantError(
                f"{stage.label}: {name}: a weight of {low} was removed, and one of {high} was kept"
            )
    counts = {name: int(np.count_nonzero(after[name])) for name in work.tensors}
    _check_counts(stage, facts, "kept", counts)
    return facts


def _each(facts: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "all", facts["all"]
    yield from facts["tensors"].items()


def _check_counts(
    stage: Stage, facts: Mapping[str, Any], figure: str, counts: Mapping[str, int]
) -> None:
    found = {name: facts["tensors"][name][figure] for name in counts}
    if found != dict(counts) or facts["all"][figure] != sum(counts.values()):
        raise InvariantError(f"{stage.label}: {found} weights were compared, and not {counts}")
