"""Takes an evaluate or line stage and what it reads; gives loss and error, of one network or many.

The points of a line are worked out in numpy, so that they are the same on every backend, which
only evaluates them.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ltspec.data.dataset import Split
from ltspec.data.streamed import StreamedSplit
from ltspec.decisions import line as lines
from ltspec.decisions.state import Array, Arrays
from ltspec.engine.arrays import buffers_of, in_precision, weights_of
from ltspec.engine.backend import Each, Evaluation, storage
from ltspec.engine.execution import STREAMED_BYTES
from ltspec.engine.recalibrating import recalibrated
from ltspec.errors import InvariantError, RunError
from ltspec.plan.stages import Contrast, Evaluate, Line, Stage

if TYPE_CHECKING:
    from ltspec.data.readers import Readers
    from ltspec.engine.perform import Bench

Made = tuple[dict[str, Any], dict[str, Array]]
"""As in :mod:`ltspec.engine.perform`."""
Measuring = Evaluate | Line | Contrast
Network = tuple[Arrays, Arrays]
"""Weights and buffers."""


def evaluate(stage: Stage, work: Evaluate, arrays: Arrays, bench: Bench) -> Made:
    """Loss and accuracy of one network. Raises RunError (LT401) where its answers are not finite.

    Raises InvariantError where not every example was measured.
    """
    arrays = in_precision(arrays, storage(bench.execution.settings.precision))
    network = weights_of(arrays), buffers_of(arrays)
    found = sum(
        (_measured(piece, network, work, bench) for piece in _pieces(work, bench)),
        Evaluation(0, 0, 0.0),
    )
    _check(stage, found, work, bench)
    if not math.isfinite(found.loss_sum):
        raise _diverged(stage)
    return {
        "examples": found.examples,
        "correct": found.correct,
        "accuracy": found.correct / found.examples,
        "loss": found.loss_sum / found.examples,
    }, {}


def line(stage: Stage, work: Line, first: Arrays, second: Arrays, bench: Bench) -> Made:
    """Error and loss at every point of the line between two networks, and how unstable they are.

    Facts: ``alphas``; ``correct`` answers, ``error`` (share of the examples) and ``loss`` (nats;
    None where it is not finite, as it may be between two networks) at each; and ``instability``
    (share), to which points beyond the ends do not count. Raises InvariantError where an end is
    not the network itself to the bit, where a weight that is zero in both is not zero between,
    where recalibrated statistics are not those of the network's norms, and where not every example
    was measured.
    """
    dtype = storage(bench.execution.settings.precision)
    ends = in_precision(first, dtype), in_precision(second, dtype)
    alphas = lines.alphas(work.alphas, work.beyond)
    found = [Evaluation(0, 0, 0.0)] * len(alphas)
    statistics = [_buffers(stage, work, ends, alpha, bench) for alpha in alphas]
    for piece in _pieces(work, bench):
        for place, alpha in enumerate(alphas):
            between = lines.point(*ends, alpha)
            _check_point(stage, between, ends, alpha)
            buffers = statistics[place]
            network = weights_of(between), buffers_of(between) if buffers is None else buffers
            found[place] += _measured(piece, network, work, bench)
    for one in found:
        _check(stage, one, work, bench)
    errors = [1 - one.correct / one.examples for one in found]
    losses = [one.loss_sum / one.examples for one in found]
    return {
        "examples": found[0].examples,
        "alphas": alphas,
        "correct": [one.correct for one in found],
        "error": errors,
        "loss": [loss if math.isfinite(loss) else None for loss in losses],
        "instability": lines.instability(errors[work.beyond : len(errors) - work.beyond]),
    }, {}


def _buffers(
    stage: Stage, work: Line, ends: tuple[Arrays, Arrays], alpha: float, bench: Bench
) -> Arrays | None:
    """Recalibrated running statistics at a point; None where they are interpolated."""
    if work.recalibration is None:
        return None
    between = lines.point(*ends, alpha)
    buffers = buffers_of(between)
    found = recalibrated(stage, work.graph, work.recalibration, weights_of(between), buffers, bench)
    if found.keys() != buffers.keys() or any(
        found[name].shape != buffers[name].shape or found[name].dtype != buffers[name].dtype
        for name in buffers
    ):
        raise InvariantError(f"{stage.label}: recalibration gave {', '.join(found) or 'nothing'}")
    for name, array in found.items():
        if name.endswith(".running_var") and np.any(array < 0):
            raise InvariantError(f"{stage.label}: {name} is below zero at {alpha}")
    return found


def contrast(stage: Stage, work: Contrast, first: Arrays, second: Arrays, bench: Bench) -> Made:
    """How differently two networks answer ("Linear Mode Connectivity", appendix G).

    Facts: ``examples``; ``different``, how many are classified differently, and ``disagreement``,
    their share; ``loss_distance``, the L2 distance between the two vectors of losses, (example,),
    in nats; and ``accuracy`` and ``loss`` of both. Raises RunError (LT401) where the answers of one
    are not finite, and InvariantError where what is said example by example is not what is said in
    sum.
    """
    found, each = zip(
        *(
            _answers(stage, work, role, arrays, bench)
            for role, arrays in (("first", first), ("second", second))
        ),
        strict=True,
    )
    different = int(np.count_nonzero(each[0].answers != each[1].answers))
    distance = float(np.linalg.norm(each[0].losses - each[1].losses))
    return {
        "examples": found[0].examples,
        "different": different,
        "disagreement": different / found[0].examples,
        "loss_distance": distance,
        "accuracy": [one.correct / one.examples for one in found],
        "loss": [one.loss_sum / one.examples for one in found],
    }, {}


ANSWERS_KEPT = 20
"""Networks whose answers are remembered: the most copies that there are of one."""


def _answers(
    stage: Stage, work: Contrast, role: str, arrays: Arrays, bench: Bench
) -> tuple[Evaluation, Each]:
    """What a network says of a split; of the latest networks it is remembered, since each of n
    copies is compared with n - 1 others."""
    state = bench.plan.stages[stage.inputs[role]].key
    key = state, work.data, work.split, work.alteration
    if key not in bench.answers:
        arrays = in_precision(arrays, storage(bench.execution.settings.precision))
        network = weights_of(arrays), buffers_of(arrays)
        parts = (
            bench.backend.evaluate(bench.plan.graphs[work.graph], piece, *network, each=True)
            for piece in _pieces(work, bench)
        )
        found = reduce(operator.add, parts)
        _check(stage, found, work, bench)
        labels = bench.split(work.graph, work.data, work.split, work.alteration).labels
        bench.answers[key] = found, _one_by_one(stage, found, labels)
        while len(bench.answers) > ANSWERS_KEPT:
            del bench.answers[next(iter(bench.answers))]
    return bench.answers[key]


def _one_by_one(stage: Stage, found: Evaluation, labels: NDArray[Any]) -> Each:
    each = found.each
    if each is None or not len(labels) == len(each.answers) == len(each.losses):
        raise InvariantError(f"{stage.label}: not every example has an answer and a loss")
    if not np.isfinite(each.losses).all():
        raise _diverged(stage)
    if int(np.count_nonzero(each.answers == labels)) != found.correct:
        raise InvariantError(f"{stage.label}: the answers are not those that were counted")
    if not math.isclose(float(each.losses.sum()), found.loss_sum, rel_tol=1e-6, abs_tol=1e-6):
        raise InvariantError(f"{stage.label}: the losses do not add up to {found.loss_sum}")
    return each


def _diverged(stage: Stage) -> RunError:
    return RunError(
        f"{stage.label}: the network's answers are not finite numbers",
        code="LT401",
        hint="the training diverged: lower train.optimizer.lr or add warm-up",
    )


def _check_point(stage: Stage, between: Arrays, ends: tuple[Arrays, Arrays], alpha: float) -> None:
    for name, array in between.items():
        one, other = ends[0][name], ends[1][name]
        if alpha in (0.0, 1.0) and array.tobytes() != (other if alpha else one).tobytes():
            raise InvariantError(f"{stage.label}: {name} at the end {alpha} is not the network's")
        if np.any(array[(one == 0) & (other == 0)]):
            raise InvariantError(f"{stage.label}: pruned weights of {name} are not zero at {alpha}")


def _measured(piece: Split, network: Network, work: Measuring, bench: Bench) -> Evaluation:
    return bench.backend.evaluate(bench.plan.graphs[work.graph], piece, *network)


def _check(stage: Stage, found: Evaluation, work: Measuring, bench: Bench) -> None:
    examples = len(bench.split(work.graph, work.data, work.split, work.alteration))
    if found.examples != examples or not 0 <= found.correct <= found.examples:
        raise InvariantError(f"{stage.label}: measured {found}, of {examples} examples")


def _pieces(work: Measuring, bench: Bench) -> Iterator[Split]:
    """The whole split; one that is streamed is decoded a few images at a time."""
    examples = bench.split(work.graph, work.data, work.split, work.alteration)
    if isinstance(examples, Split):
        yield examples
    else:
        yield from _decoded(examples, bench.readers())


def _decoded(split: StreamedSplit, readers: Readers) -> Iterator[Split]:
    count = max(1, STREAMED_BYTES // (3 * split.size**2))
    every = np.arange(len(split))
    due = [every[begin : begin + count] for begin in range(0, len(split), count)]
    pieces = readers.pieces(split, ((indices, None) for indices in due))
    for indices, images in zip(due, pieces, strict=True):
        yield split.piece(indices, images)
