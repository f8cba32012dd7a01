"""Takes a training stage and where it stands; gives the trained state, piece by piece.

A tape is played in pieces that begin and end on multiples of the lowering's chunk, so that a run
that was killed makes the same calls again; where masks change, they end at each update as well.
Between pieces: progress, a checkpoint when one is due, and a look at the losses. Where pieces end
has no effect on the result.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ltspec.data.dataset import Split
from ltspec.data.streamed import StreamedSplit
from ltspec.decisions.dynamic.schedule import MaskSchedule
from ltspec.decisions.recipe import Recipe
from ltspec.decisions.repulsion import Repulsion
from ltspec.decisions.state import Masks, State
from ltspec.decisions.tape import Tape, record
from ltspec.engine.backend import Backend, Lowering
from ltspec.engine.mask_updates import with_update
from ltspec.errors import RunError
from ltspec.networks.graph import Graph

if TYPE_CHECKING:
    from ltspec.data.readers import Due, Readers

PIECE_SECONDS = 0.5
"""About how long a piece should take: short for lively progress, long enough to cost nothing."""


@dataclass(frozen=True, eq=False)
class Progress:
    """Where a training stands."""

    state: State
    losses: NDArray[np.float32]
    """Of every step since ``start``."""
    masks: Masks = field(default_factory=dict)
    """What has no mask is dense."""
    explored: Masks = field(default_factory=dict)
    """Weights that were in a mask at some time; kept where masks change."""


@dataclass(frozen=True, eq=False)
class Training:
    """What is to be played, and the hands that play it."""

    graph: Graph
    recipe: Recipe
    start: int
    stop: int
    schedule: MaskSchedule | None
    """How the mask changes; None where it does not."""
    data: Split | StreamedSplit
    readers: Callable[[], Readers]
    """Who decodes the images of a streamed split; asked for only then."""
    backend: Backend
    lowering: Lowering
    label: str
    """For people."""
    repulsion: Repulsion | None = None

    def cut(self, begin: int, end: int) -> int:
        """Where a piece that begins at ``begin`` ends: before the next update of the mask."""
        return end if self.schedule is None else self.schedule.cut(begin, end)


def play(
    training: Training, progress: Progress, after_piece: Callable[[Progress, int], None]
) -> Progress:
    """Go on from ``progress`` to the last step.

    ``after_piece(progress, steps)`` is called after each piece with the steps that it took.
    Raises RunError (LT401) at the first loss that is not a finite number.
    """
    pace = Pace(training.lowering.chunk_steps)
    for tape, data in pieces(training, progress.state.step, pace):
        began = time.perf_counter()
        schedule = training.schedule
        if schedule is not None and schedule.is_update(tape.start):
            progress = with_update(training, schedule, tape, data, progress)
            if schedule.replaces_step:
                after_piece(progress, 1)
                continue
        progress = _trained(training, tape, data, progress)
        after_piece(progress, tape.steps)
        pace.saw(tape.steps, time.perf_counter() - began)
    return progress


def _trained(training: Training, tape: Tape, data: Split, progress: Progress) -> Progress:
    schedule = training.schedule
    if schedule is not None and schedule.replaces_step:
        # Updates of the mask were no updates of the weights: the optimiser has made fewer.
        skipped = schedule.updates_before(tape.start) - schedule.updates_before(training.start)
        tape = replace(tape, first_update=tape.first_update - skipped)
    state, losses = training.backend.train(
        training.graph,
        data,
        tape,
        progress.state,
        progress.masks,
        training.recipe.optimizer,
        training.lowering,
        training.repulsion,
    )
    _refuse_divergence(training.label, losses, tape)
    return replace(progress, state=state, losses=np.concatenate([progress.losses, losses]))


class Pace:
    """How many steps a piece has: a multiple of the lowering's chunk that takes a moment."""

    def __init__(self, chunk: int) -> None:
        self.chunk = self.steps = max(chunk, 1)

    def saw(self, steps: int, seconds: float) -> None:
        """Learn from a piece. Grows at most eightfold: the first one also pays for compilation."""
        wanted = PIECE_SECONDS * steps / max(seconds, 1e-6) / self.chunk
        self.steps = self.chunk * int(np.clip(wanted, 1, 8 * self.steps / self.chunk))


def pieces(training: Training, begin: int, pace: Pace) -> Iterator[tuple[Tape, Split]]:
    """The tape from ``begin`` on, in pieces, each with the images that it plays on."""
    if isinstance(training.data, Split):
        while begin < training.stop:
            end = min(begin // pace.chunk * pace.chunk + pace.steps, training.stop)
            end = training.cut(begin, end)
            yield record(training.recipe, begin, end, training.start), training.data
            begin = end
    else:
        yield from _streamed(training, training.data, begin, pace.chunk)


def _streamed(
    training: Training, data: StreamedSplit, begin: int, chunk: int
) -> Iterator[tuple[Tape, Split]]:
    """The same where images are decoded when they are due: a chunk at a time, so that as few as
    possible are in memory, and the next one while this one is trained on."""
    tapes: deque[Tape] = deque()

    def due() -> Iterator[Due]:
        start = begin
        while start < training.stop:
            end = min(start // chunk * chunk + chunk, training.stop)
            end = training.cut(start, end)
            tapes.append(record(training.recipe, start, end, training.start))
            yield tapes[-1].examples, tapes[-1].boxes
            start = end

    for images in training.readers().pieces(data, due()):
        tape = tapes.popleft()
        here = np.arange(len(tape.examples), dtype=np.int32)
        yield replace(tape, examples=here, boxes=None), data.piece(tape.examples, images)


def _refuse_divergence(label: str, losses: NDArray[np.float32], tape: Tape) -> None:
    wrong = np.flatnonzero(~np.isfinite(losses))
    if len(wrong):
        first = int(wrong[0])
        raise RunError(
            f"{label}: the training diverged: the loss at step {tape.start + first:,} is "
            f"{losses[first]} (learning rate {tape.rates[first]:g})",
            code="LT401",
            hint="lower train.optimizer.lr or add warm-up; what was done before is kept",
        )
