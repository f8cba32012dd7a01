"""Takes a prune stage and what it reads; gives its mask: scores by a criterion, then the cut.

Scores are made in numpy, of what a backend's verb ``gradients`` gives where a criterion asks for
it; so a criterion is the same on every backend.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ltspec.data.dataset import Split
from ltspec.decisions import masks as masking
from ltspec.decisions.amounts import rounds
from ltspec.decisions.criteria import CRITERIA, Batch, Criterion, Score, Subject
from ltspec.decisions.paths import paths
from ltspec.decisions.sample import Sample, batches
from ltspec.decisions.state import Array, Arrays, Masks
from ltspec.engine import matching
from ltspec.engine.arrays import buffers_of, masks_of, pack_masks, weights_of
from ltspec.engine.backend import storage
from ltspec.engine.store import Result
from ltspec.errors import DataError, InvariantError
from ltspec.networks.graph import Graph
from ltspec.plan.stages import Prune

if TYPE_CHECKING:
    from ltspec.engine.perform import Bench

Made = tuple[dict[str, Any], dict[str, Array]]
"""As in :mod:`ltspec.engine.perform`."""


def prune(work: Prune, inputs: Mapping[str, Result], bench: Bench) -> Made:
    """A mask that keeps exactly as many weights as the plan says.

    Raises InvariantError where it does not, where it has grown, and where scores are not one
    finite number a weight.
    """
    graph = bench.plan.graphs[work.graph]
    work = matching.counted(work, graph, inputs)
    every = {parameter.name: parameter.shape for parameter in graph.parameters}
    shapes = {name: every[name] for name in work.tensors}
    before = masks_of(inputs["mask"].arrays) if "mask" in inputs else {}
    criterion = CRITERIA[work.criterion]
    module = importlib.import_module(f"ltspec.decisions.criteria.{criterion.module}")
    score: Score = module.score
    subject = Subject(shapes, seed=work.seed or 0)
    if "state" in inputs:
        subject = _with_network(subject, work, criterion, inputs["state"].arrays, bench)
    if work.only:
        like = matching.read(work, inputs)
        return _made(work, graph, _in_groups(work, score, subject, shapes, like))
    alive = [
        int(np.count_nonzero(before[name])) if name in before else math.prod(shape)
        for name, shape in shapes.items()
    ]
    alive = [sum(alive)] if len(work.keep) == 1 else alive
    masks: Masks = before
    for keep in rounds(alive, work.keep, work.rounds):
        left = replace(subject, weights=masking.apply(subject.weights, masks), masks=masks)
        scores = score(left)
        _check_scores(work, scores, shapes)
        masks = masking.prune(_ranked(work, scores), masks, keep)
    for name, mask in masks.items():
        if name in before and np.any(mask & ~before[name]):
            raise InvariantError(f"the mask of {name} has grown")
    return _made(work, graph, masks)


def _made(work: Prune, graph: Graph, masks: Masks) -> Made:
    """The result, once it keeps as many weights as the plan says where it does."""
    kept = masking.count_kept(masks)
    counts = (sum(kept.values()),) if len(work.keep) == 1 else tuple(kept.values())
    if counts != work.keep and (work.keep or not work.only):
        raise InvariantError(f"a mask keeps {counts} weights, and the plan says {work.keep}")
    facts = {"kept": kept, "of": {name: int(mask.size) for name, mask in masks.items()}}
    return {**facts, **paths(graph, masks).facts()}, pack_masks(masks)


def _in_groups(
    work: Prune, score: Score, subject: Subject, shapes: Mapping[str, tuple[int, ...]], like: Masks
) -> Masks:
    """The masks ``like``, chosen anew in each group of tensors of the stage, where as many weights
    are kept as they keep there. Tensors of no group are dense while scores are taken.

    Raises InvariantError where a group keeps another number of weights or another tensor's mask has
    changed.
    """
    there = masking.count_kept(like)
    keep = tuple(sum(there[name] for name in group) for group in work.only)
    full = [sum(math.prod(shapes[name]) for name in group) for group in work.only]
    masks: Masks = {}
    for counts in rounds(full, keep, work.rounds):
        left = replace(subject, weights=masking.apply(subject.weights, masks), masks=masks)
        scores = score(left)
        _check_scores(work, scores, shapes)
        ranked = _ranked(work, scores)
        masks = {
            name: mask
            for group, count in zip(work.only, counts, strict=True)
            for name, mask in masking.prune(
                {name: ranked[name] for name in group}, masks, (count,)
            ).items()
        }
    found = {name: masks.get(name, like[name]) for name in work.tensors}
    _check_groups(work, found, like)
    return found


def _check_groups(work: Prune, made: Masks, like: Masks) -> None:
    kept, there = masking.count_kept(made), masking.count_kept(like)
    for group in work.only:
        if sum(kept[name] for name in group) != sum(there[name] for name in group):
            raise InvariantError(f"{', '.join(group)} do not keep as many weights as before")
    inside = {name for group in work.only for name in group}
    for name, mask in made.items():
        if name not in inside and not np.array_equal(mask, like[name]):
            raise InvariantError(f"the mask of {name} was to stay as it is")


def _ranked(work: Prune, scores: Arrays) -> Arrays:
    """What the lowest of goes first."""
    if work.by_size:
        scores = {name: np.abs(score) for name, score in scores.items()}
    return {name: -score for name, score in scores.items()} if work.invert else scores


def _with_network(
    subject: Subject, work: Prune, criterion: Criterion, arrays: Arrays, bench: Bench
) -> Subject:
    """The subject with weights, and with what the criterion asks of a backend and of data."""
    if criterion.gradients == "none":
        return replace(subject, weights=weights_of(arrays))
    precision = bench.execution.settings.precision
    if criterion.gradients == "float64":
        precision = "float64"
    dtype = storage(precision)
    subject = replace(
        subject,
        graph=bench.plan.graphs[work.graph],
        weights={name: array.astype(dtype) for name, array in weights_of(arrays).items()},
        buffers={name: array.astype(dtype) for name, array in buffers_of(arrays).items()},
        gradients=bench.backend_in(precision).gradients,
    )
    sample = work.sample
    if sample is None:
        return subject
    seed = work.seed or 0
    return replace(
        subject,
        mode=sample.mode,
        temperature=work.temperature,
        batches=lambda: _sampled(work.graph, sample, work.per_class, seed, bench),
    )


def _sampled(
    graph: str, sample: Sample, per_class: int | None, seed: int, bench: Bench
) -> Iterator[Batch]:
    """The examples of a sample, batch by batch; of a streamed split, decoded as they are due."""
    split = bench.split(graph, sample.data, "train", sample.alteration)
    if len(split) != sample.of:
        raise InvariantError(f"{sample.data} has {len(split)} examples, and not {sample.of}")
    try:
        due = batches(sample, seed, split.labels, per_class)
    except ValueError as error:
        raise DataError(
            f"the criterion looks at {per_class} examples of each class, but of "
            f"{sample.data} {error}",
            code="LT243",
            hint="write fewer `examples_per_class`, or `all`",
        ) from None
    if isinstance(split, Split):
        yield from ((split, indices) for indices in due)
        return
    pieces = bench.readers().pieces(split, ((indices, None) for indices in due))
    for indices, images in zip(due, pieces, strict=True):
        yield split.piece(indices, images), np.arange(len(indices))


def _check_scores(work: Prune, scores: Arrays, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """A criterion is easily added, and as easily wrong."""
    if list(scores) != list(work.tensors):
        raise InvariantError(
            f"the criterion {work.criterion} scored {', '.join(scores) or 'nothing'}, "
            f"and not {', '.join(work.tensors)} in this order"
        )
    for name, score in scores.items():
        if score.shape != shapes[name]:
            raise InvariantError(
                f"the criterion {work.criterion} gave {name} scores of shape {score.shape}, "
                f"and not {shapes[name]}"
            )
        if not np.isfinite(score).all():
            found = "NaN" if np.isnan(score).any() else "infinity"
            raise InvariantError(
                f"the criterion {work.criterion} gave {name} a score of {found}",
                hint="its network computes numbers that are not finite",
            )
