"""One plan in several processes at once: same results, every stage once, and clean ends."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from specs import open_session, plan_of

from ltspec.engine.session import Session
from ltspec.engine.watch import Silence
from ltspec.errors import Interrupted, RunError
from ltspec.plan.stages import Plan, Stage

CHANGES = ("replicates=3", "branches.fresh={kind: reinitialize}")


class Diary(Silence):
    """A Watch that remembers what was done, and may act when a training begins."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.steps = self.planned = self.spared = 0
        self.began_at = threading.Event()

    def began(self, stages: int, held: int, steps: int, spared: int) -> None:
        self.planned, self.spared = steps, spared

    def stage_began(self, stage: Stage, from_step: int, skipped: int) -> None:
        if stage.kind == "train":
            self.began_at.set()

    def trained(self, stage: Stage, step: int, steps: int, loss: float) -> None:
        self.steps += steps

    def stage_ended(self, stage: Stage, facts: Mapping[str, Any], seconds: float) -> None:
        self.done.append(stage.key)


def session(plan: Plan, store: Path) -> Session:
    return open_session(plan, store)


def contents(opened: Session) -> dict[str, bytes]:
    """The arrays of every result in the store, as they lie on disk."""
    return {
        stage.key: opened.realm.array_file(stage.key).read_bytes()
        for stage in opened.plan.stages
        if opened.realm.has(stage.key) and stage.kind != "evaluate"
    }


def test_several_processes_make_the_same_results_each_once(tmp_path: Path) -> None:
    plan = plan_of(*CHANGES)
    alone = session(plan, tmp_path / "alone")
    alone.run(Silence(), 1e9)
    together, diary = session(plan, tmp_path / "together"), Diary()
    together.run(diary, 1e9, processes=3)
    assert contents(together) == contents(alone)
    assert len(contents(alone)) > 20
    assert sorted(diary.done) == sorted(stage.key for stage in plan.stages)
    assert diary.steps == diary.planned == 3 * 5 * 40
    again = Diary()
    session(plan, tmp_path / "together").run(again, 1e9, processes=3)
    assert (again.done, again.planned) == ([], 0)


def test_a_damaged_result_is_made_again_though_all_are_there(tmp_path: Path) -> None:
    plan = plan_of(*CHANGES)
    first = session(plan, tmp_path)
    first.run(Silence(), 1e9)
    key = plan.stages[plan.outcomes[-1].scores["test"]].key
    (first.realm.array_file(key).parent / "facts.json").write_text("{}")
    diary = Diary()
    session(plan, tmp_path).run(diary, 1e9, processes=2)
    assert diary.done == [key]


def test_what_one_process_cannot_go_on_from_ends_all(tmp_path: Path) -> None:
    plan = plan_of("replicates=2", "train.optimizer={name: sgd, lr: 1e30}")
    with pytest.raises(RunError, match="diverged") as error:
        session(plan, tmp_path).run(Silence(), 1e9, processes=2)
    assert error.value.code == "LT401"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="signals of POSIX")
def test_a_killed_worker_is_told_and_the_run_goes_on(tmp_path: Path) -> None:
    plan = plan_of("replicates=2", "train.duration=30000it")
    diary = Diary()

    def kill_one() -> None:
        diary.began_at.wait(60)
        os.kill(_children()[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    with pytest.raises(RunError, match="without a word") as error:
        session(plan, tmp_path).run(diary, 1e9, processes=2)
    killer.join()
    assert error.value.code == "LT407"
    assert not _children()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="signals of POSIX")
def test_an_interrupt_keeps_what_was_trained(tmp_path: Path) -> None:
    plan = plan_of("replicates=2", "train.duration=30000it")
    diary = Diary()

    def interrupt() -> None:
        diary.began_at.wait(60)
        time.sleep(2)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    opened = session(plan, tmp_path)
    with pytest.raises(Interrupted):
        opened.run(diary, 1e9, processes=2)
    assert not _children()
    kept = [opened.realm.checkpoint_read(stage.key) for stage in plan.stages]
    assert any(point is not None and point.facts["step"] > 0 for point in kept)


def _children() -> list[int]:
    """Worker processes that are still there, without the one that tracks resources."""
    import multiprocessing

    return [child.pid for child in multiprocessing.active_children() if child.pid]
