"""Takes a training stage and where it stands; gives the trained state, piece by piece.

A tape is played in pieces that begin and end on multiples of the lowering's chunk, so that a run
that was killed makes the same calls again. Between pieces: progress, a checkpoint when one is due,
and a look at the losses. Where pieces end has no effect on the result.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltspec.data.dataset import Split
from ltspec.decisions.recipe import Recipe
from ltspec.decisions.state import Masks, State
from ltspec.decisions.tape import record
from ltspec.engine.backend import Backend, Lowering
from ltspec.errors import RunError
from ltspec.networks.graph import Graph

PIECE_SECONDS = 0.5
"""About how long a piece should take: short for lively progress, long enough to cost nothing."""


@dataclass(frozen=True, eq=False)
class Progress:
    """Where a training stands."""

    state: State
    losses: NDArray[np.float32]
    """Of every step since ``start``."""


@dataclass(frozen=True, eq=False)
class Training:
    """What is to be played, and the hands that play it."""

    graph: Graph
    recipe: Recipe
    start: int
    stop: int
    masks: Masks
    data: Split
    backend: Backend
    lowering: Lowering
    label: str
    """For people."""


def play(
    training: Training, progress: Progress, after_piece: Callable[[Progress, int], None]
) -> Progress:
    """Go on from ``progress`` to the last step.

    ``after_piece(progress, steps)`` is called after each piece with the steps that it took.
    Raises RunError (LT401) at the first loss that is not a finite number.
    """
    chunk = max(training.lowering.chunk_steps, 1)
    piece = chunk
    while progress.state.step < training.stop:
        begin = progress.state.step
        end = min((begin // chunk) * chunk + piece, training.stop)
        began = time.perf_counter()
        tape = record(training.recipe, begin, end, fresh_at=training.start)
        state, losses = training.backend.train(
            training.graph,
            training.data,
            tape,
            progress.state,
            training.masks,
            training.recipe.optimizer,
            training.lowering,
        )
        _refuse_divergence(training.label, losses, begin, tape.rates)
        progress = Progress(state, np.concatenate([progress.losses, losses]))
        after_piece(progress, end - begin)
        pace = (end - begin) / max(time.perf_counter() - began, 1e-6)
        # Grows at most eightfold: the first piece also pays for compilation.
        piece = chunk * int(np.clip(pace * PIECE_SECONDS / chunk, 1, 8 * piece / chunk))
    return progress


def _refuse_divergence(
    label: str, losses: NDArray[np.float32], begin: int, rates: NDArray[np.float32]
) -> None:
    wrong = np.flatnonzero(~np.isfinite(losses))
    if len(wrong):
        first = int(wrong[0])
        raise RunError(
            f"{label}: the training diverged: the loss at step {begin + first:,} is "
            f"{losses[first]} (learning rate {rates[first]:g})",
            code="LT401",
            hint="lower train.optimizer.lr or add warm-up; what was done before is kept",
        )
