"""Takes a plan and how to open it; gives every result, made by several processes at once.

Each process walks over the whole plan and takes what is ready and not being done by another: the
store's locks are all that they share. So a stage means the same, and is done once, however many
there are. Frameworks keep their state in a process, so processes are what works for all of them.
"""

from __future__ import annotations

import multiprocessing
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from ltspec.data.interrupts import interrupts_waiting, stop_when_asked
from ltspec.engine.execution import ExecutionPlan
from ltspec.engine.runner import spared, standing, stopped, verify_outcomes
from ltspec.engine.session import Session
from ltspec.engine.store import Realm
from ltspec.engine.watch import Watch
from ltspec.errors import LtspecError, RunError
from ltspec.plan.stages import Plan, Stage


@dataclass(frozen=True)
class Order:
    """What a worker needs to open a session of its own; goes to another process."""

    plan: Plan
    execution: ExecutionPlan
    store: Path
    data: Path
    checkpoint_seconds: float


def run(order: Order, realm: Realm, count: int, watch: Watch) -> None:
    """Do everything that is still to be done, in ``count`` processes.

    Raises what the first of them raised that could not go on, after all have stopped; what they
    did is kept.
    """
    verify_outcomes(order.plan, realm)
    now = standing(order.plan, realm.has)
    watch.began(len(now.wanted), now.held, now.steps, spared(order.plan, realm, now.wanted))
    if not now.wanted:
        return
    context = multiprocessing.get_context("spawn")  # frameworks do not survive a fork
    crew: list[_Worker] = []
    try:
        for _ in range(min(count, len(now.wanted))):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(order, theirs))
            with interrupts_waiting():  # it is asked to end by _stop
                process.start()
                crew.append(_Worker(process, ours))
            theirs.close()
        problem: LtspecError | None = _listen(crew, watch)
    except KeyboardInterrupt:
        problem = stopped()
    finally:
        _stop(crew)
    if problem is not None:
        raise problem


@dataclass
class _Worker:
    process: multiprocessing.process.BaseProcess
    pipe: Connection
    ended: bool = False


def _listen(crew: list[_Worker], watch: Watch) -> LtspecError | None:
    """Pass on what workers tell, until all have ended or one could not go on."""
    by_pipe = {worker.pipe: worker for worker in crew}
    noted: set[str] = set()  # each of them reads the same data, and has the same to say of it
    while by_pipe:
        for pipe in wait(list(by_pipe)):
            assert isinstance(pipe, Connection)
            worker = by_pipe[pipe]
            try:
                said, arguments = pipe.recv()
            except (EOFError, OSError):
                del by_pipe[pipe]
                if not worker.ended:
                    worker.process.join()
                    return RunError(
                        f"a worker process ended without a word (exit code "
                        f"{worker.process.exitcode})",
                        code="LT407",
                        hint="memory may have run out: use fewer processes side by side, and run "
                        "the same command again to go on",
                    )
                continue
            match said:
                case "ended":
                    worker.ended = True
                    problem: LtspecError | None = arguments
                    if problem is not None:
                        return problem
                case "note" if arguments in noted:
                    pass
                case _:
                    noted.update([arguments] if said == "note" else [])
                    getattr(watch, said)(*arguments)
    return None


def _stop(crew: list[_Worker]) -> None:
    """Ask those that are still at work to keep what they did and end; wait for it."""
    for worker in crew:
        if worker.process.is_alive() and not worker.ended:
            worker.process.terminate()
    for worker in crew:
        # They may still have much to tell, and would wait for a reader for ever.
        drain = threading.Thread(target=_drain, args=(worker.pipe,), daemon=True)
        drain.start()
        worker.process.join()


def _drain(pipe: Connection) -> None:
    try:
        while True:
            pipe.recv_bytes()
    except (EOFError, OSError):
        pass


class _Teller:
    """A Watch that tells another process."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def began(self, stages: int, held: int, steps: int, spared: int) -> None:
        """Told by the first process for all."""

    def stage_began(self, stage: Stage, from_step: int, skipped: int) -> None:
        self._pipe.send(("stage_began", (stage, from_step, skipped)))

    def trained(self, stage: Stage, step: int, steps: int, loss: float) -> None:
        self._pipe.send(("trained", (stage, step, steps, loss)))

    def stage_ended(self, stage: Stage, facts: Mapping[str, Any], seconds: float) -> None:
        self._pipe.send(("stage_ended", (stage, dict(facts), seconds)))

    def note(self, text: str) -> None:
        # That one waits for another of us is no news.
        if not text.startswith("waiting for another process"):
            self._pipe.send(("note", (text,)))


def _work(order: Order, pipe: Connection) -> None:
    """The life of one worker."""
    stop_when_asked()
    teller = _Teller(pipe)
    try:
        try:
            _do(order, teller)
        except LtspecError as error:
            pipe.send(("ended", error))
        else:
            pipe.send(("ended", None))
        pipe.close()
    except (BrokenPipeError, KeyboardInterrupt):
        sys.exit(1)  # nobody listens any more


def _do(order: Order, teller: _Teller) -> None:
    settings = order.execution.settings
    session = Session.open(
        order.plan,
        backend=order.execution.backend,
        device=settings.device,
        precision=settings.precision,
        threads=settings.threads,
        deterministic=settings.deterministic,
        store=order.store,
        data=order.data,
        note=teller.note,
        execution=order.execution,
    )
    session.run(teller, order.checkpoint_seconds)
