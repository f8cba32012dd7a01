"""Takes weights and a recalibration; gives the running statistics that go with the weights.

No backend has a verb for it: a step of training whose rate is 0, of a network whose norms keep
nothing of what was before (:func:`ltspec.decisions.recalibration.forgetful`), leaves the
statistics of its batch in the buffers, by the rule that the conformance suite holds every backend
to. What is done with them is decided here, in numpy.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ltspec.decisions.recalibration import Recalibration, averaged, forgetful
from ltspec.decisions.state import Array, Arrays, State
from ltspec.engine.training import Pace, Training, pieces
from ltspec.plan.stages import Stage

if TYPE_CHECKING:
    from ltspec.engine.perform import Bench


def recalibrated(
    stage: Stage,
    graph: str,
    recalibration: Recalibration,
    weights: Arrays,
    buffers: Arrays,
    bench: Bench,
) -> dict[str, Array]:
    """The mean over batches of what norms see of each, as ``recalibration`` says; by the names and
    types of ``buffers``."""
    training = Training(
        forgetful(bench.plan.graphs[graph]),
        recalibration.recipe,
        0,
        recalibration.batches,
        None,
        bench.split(graph, recalibration.data, "train", recalibration.alteration),
        bench.readers,
        bench.backend,
        replace(bench.execution.lowerings[stage.key], chunk_steps=1),
        stage.label,
    )
    seen = []
    for tape, data in pieces(training, 0, Pace(1)):  # a batch at a time
        state, _ = bench.backend.train(
            training.graph,
            data,
            tape,
            State(weights, tape.start, {}, buffers),
            {},
            training.recipe.optimizer,
            training.lowering,
        )
        seen.append(state.buffers)
    return averaged(seen)
