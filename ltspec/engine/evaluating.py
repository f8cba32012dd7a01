"""Takes an evaluate or line stage and what it reads; gives loss and error, of one network or many.

The points of a line are worked out in numpy, so that they are the same on every backend, which
only evaluates them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ltspec.data.dataset import Split
from ltspec.data.streamed import StreamedSplit
from ltspec.decisions import line as lines
from ltspec.decisions.state import Array, Arrays
from ltspec.engine.arrays import buffers_of, in_precision, weights_of
from ltspec.engine.backend import Evaluation, storage
from ltspec.engine.execution import STREAMED_BYTES
from ltspec.errors import InvariantError, RunError
from ltspec.plan.stages import Evaluate, Line, Stage

if TYPE_CHECKING:
    from ltspec.data.readers import Readers
    from ltspec.engine.perform import Bench

Made = tuple[dict[str, Any], dict[str, Array]]
"""As in :mod:`ltspec.engine.perform`."""
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
        raise RunError(
            f"{stage.label}: the network's answers are not finite numbers",
            code="LT401",
            hint="the training diverged: lower train.optimizer.lr or add warm-up",
        )
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
    (share). Raises InvariantError where an end is not the network itself to the bit, where a
    weight that is zero in both is not zero between, and where not every example was measured.
    """
    dtype = storage(bench.execution.settings.precision)
    ends = in_precision(first, dtype), in_precision(second, dtype)
    alphas = lines.alphas(work.alphas)
    found = [Evaluation(0, 0, 0.0)] * len(alphas)
    for piece in _pieces(work, bench):
        for place, alpha in enumerate(alphas):
            between = lines.point(*ends, alpha)
            _check_point(stage, between, ends, alpha)
            network = weights_of(between), buffers_of(between)
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
        "instability": lines.instability(errors),
    }, {}


def _check_point(stage: Stage, between: Arrays, ends: tuple[Arrays, Arrays], alpha: float) -> None:
    for name, array in between.items():
        one, other = ends[0][name], ends[1][name]
        if alpha in (0.0, 1.0) and array.tobytes() != (other if alpha else one).tobytes():
            raise InvariantError(f"{stage.label}: {name} at the end {alpha} is not the network's")
        if np.any(array[(one == 0) & (other == 0)]):
            raise InvariantError(f"{stage.label}: pruned weights of {name} are not zero at {alpha}")


def _measured(piece: Split, network: Network, work: Evaluate | Line, bench: Bench) -> Evaluation:
    return bench.backend.evaluate(bench.plan.graphs[work.graph], piece, *network)


def _check(stage: Stage, found: Evaluation, work: Evaluate | Line, bench: Bench) -> None:
    examples = len(bench.split(work.data, work.split, work.alteration))
    if found.examples != examples or not 0 <= found.correct <= found.examples:
        raise InvariantError(f"{stage.label}: measured {found}, of {examples} examples")


def _pieces(work: Evaluate | Line, bench: Bench) -> Iterator[Split]:
    """The whole split; one that is streamed is decoded a few images at a time."""
    examples = bench.split(work.data, work.split, work.alteration)
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
