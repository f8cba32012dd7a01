"""Takes a step of a Program; gives it as a CUDA graph, which repeats it in one call."""

from __future__ import annotations

from collections.abc import Callable

import torch

EAGER_STEPS = 3
"""Steps that are played one operation at a time before one is recorded: libraries set themselves up
at the first ones, and some of that may not happen while a graph is recorded."""


class Replay:
    """A step that is played as it is a few times, then recorded and from there on repeated.

    The eager steps are steps like any other, so recording costs no state that has to be put back.
    Everything, recorded or not, is to run on one stream other than the default one.
    """

    def __init__(self, step: Callable[[], None], pool: torch.cuda._POOL_HANDLE) -> None:
        """``pool`` is memory that several recordings use in turn: none leaves results there."""
        self._step, self._pool = step, pool
        self._played = 0
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> None:
        if self._graph is None and self._played < EAGER_STEPS:
            self._step()
            self._played += 1
            return
        if self._graph is None:
            graph = torch.cuda.CUDAGraph()
            # Recording does nothing yet. Other threads may go on using the device meanwhile.
            with torch.cuda.graph(
                graph,
                pool=self._pool,
                stream=torch.cuda.current_stream(),
                capture_error_mode="thread_local",
            ):
                self._step()
            self._graph = graph
        self._graph.replay()
