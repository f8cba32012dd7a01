"""The folder that a person opens: several writers, kills at every moment, and what they leave."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from specs import open_session, plan_of
from test_runner import Diary, run, session

from ltspec.cli.run import only
from ltspec.engine import disk
from ltspec.engine import store as storing
from ltspec.engine.runner import scores
from ltspec.engine.session import Session
from ltspec.engine.store import Store
from ltspec.plan.stages import Plan
from ltspec.results import run_folder
from ltspec.results.run_folder import write_results
from ltspec.tickets.certificate import read_certificate

SHORT = "train.duration=4it"


def files(folder: Path) -> dict[str, bytes]:
    """Everything in a folder, by place."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


# Several writers


def test_one_process_at_a_time_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first stops after its first ticket; the second says that it waits, and does."""
    plan = plan_of(SHORT)
    first, _ = run(plan, tmp_path / "s")
    alone, _, _ = write_results(plan, run(plan, tmp_path / "alone")[0])
    begun, waited = threading.Event(), threading.Event()
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(text)
        waited.set()

    second = open_session(plan, tmp_path / "s", note)
    packed = run_folder.packed_tickets

    def stopping(plan: Plan, writer: Session, facts: Any) -> Any:
        for each in packed(plan, writer, facts):
            yield each
            if writer is first and not begun.is_set():
                begun.set()
                assert waited.wait(60), "the second did not wait"

    monkeypatch.setattr(run_folder, "packed_tickets", stopping)
    monkeypatch.setattr(storing, "PATIENCE", 0.0)
    errors: list[BaseException] = []

    def write(writer: Session) -> None:
        try:
            write_results(plan, writer)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(each,)) for each in (first, second)]
    threads[0].start()
    assert begun.wait(60)
    threads[1].start()
    for thread in threads:
        thread.join()
    folder = tmp_path / "s" / "runs" / "tiny" / "numpy-float32"
    assert errors == []
    assert notes == [f"waiting for another process, which is writing {folder}"]
    assert files(folder) == files(alone)
    assert list((tmp_path / "s" / "temporary").iterdir()) == []


def test_what_another_process_has_made_since_is_in_the_table(tmp_path: Path) -> None:
    plan = plan_of(SHORT, "sweep={train.optimizer.lr: [0.1, 0.2]}")
    first, _ = run(only(plan, [1]), tmp_path / "s")
    facts = scores(plan, first.realm)
    second, _ = run(only(plan, [2]), tmp_path / "s")
    write_results(plan, second)
    folder, _, rows = write_results(plan, first, scores=facts)
    assert {row.point for row in rows} == {1, 2}
    other, _, _ = write_results(plan, run(plan, tmp_path / "whole")[0])
    for name in ("table.csv", "table.json"):
        assert (folder / name).read_text().count("\n") == (other / name).read_text().count("\n")
    assert files(folder / "tickets").keys() == files(other / "tickets").keys()


# Kills


class KilledError(BaseException):
    """As the end of the process: nothing that comes after it does anything."""


class Kill:
    """Ends the process before one of its changes of the disk, or half-way through a write."""

    CHANGES = ("rename", "replace", "unlink", "rmdir", "mkdir")

    def __init__(self, patch: pytest.MonkeyPatch, moment: int) -> None:
        self.left = moment
        for name in self.CHANGES:
            patch.setattr(Path, name, self.dying(getattr(Path, name)))
        write = disk.write

        def write_half(file: Path, data: bytes) -> None:
            if self.is_dead():
                if self.left == 0:
                    file.write_bytes(data[: len(data) // 2])
                raise KilledError
            write(file, data)

        remove = disk._remove_scratch
        patch.setattr(disk, "write", write_half)
        patch.setattr(disk, "_remove_scratch", lambda lock: None if self.left < 1 else remove(lock))

    def is_dead(self) -> bool:
        self.left -= 1
        return self.left < 1

    def dying(self, change: Callable[..., Any]) -> Callable[..., Any]:
        def die_or_change(*arguments: Any, **named: Any) -> Any:
            if self.is_dead():
                raise KilledError
            return change(*arguments, **named)

        return die_or_change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("train.optimizer.lr=0.2", id="another experiment"),
        pytest.param("prune.schedule.levels=3", id="more of the same"),
        pytest.param("name=tiny", id="the same"),
    ],
)
def test_after_a_kill_at_any_moment_every_file_is_old_or_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """And no ticket lies beside one of another experiment; the next run makes it whole."""
    before, after = plan_of(SHORT), plan_of(SHORT, change)
    old_session, _ = run(before, tmp_path / "s")
    new_session, _ = run(after, tmp_path / "s")
    folder, _, _ = write_results(after, new_session)
    new = files(folder)
    write_results(before, old_session)
    old = files(folder)
    same = change == "name=tiny"
    assert (old == new) == same
    another = change.startswith("train")
    keys = [{plan.stages[o.trained].key for o in plan.outcomes} for plan in (before, after)]
    moments = 0
    while True:
        moments += 1
        with monkeypatch.context() as patch:
            Kill(patch, moments)
            try:
                write_results(after, new_session)
            except KilledError:
                killed = True
            else:
                killed = False
        left = files(folder)
        if not killed:
            break
        for place, content in left.items():
            assert content in (old.get(place), new.get(place)), place
        tickets = [place for place in left if place.startswith("tickets/")]
        found = {read_certificate(folder / place).manifest["keys"]["trained"] for place in tickets}
        assert any(found <= each for each in keys)
        if not another:
            assert all(place in left for place in old)
        Store.open(tmp_path / "s")
        assert list((tmp_path / "s" / "temporary").iterdir()) == []
        write_results(after, session(after, tmp_path / "s"))
        assert files(folder) == new
        write_results(before, old_session)
        assert files(folder) == old
    assert left == new
    assert moments > 15
    assert list((tmp_path / "s" / "temporary").iterdir()) == []


def test_what_a_kill_of_an_earlier_version_left_goes(tmp_path: Path) -> None:
    plan = plan_of(SHORT)
    opened, _ = run(plan, tmp_path / "s")
    folder, _, _ = write_results(plan, opened)
    whole = files(folder)
    (folder / "tickets" / "replicate-1" / "level-2.part").write_bytes(b"half a tick")
    (folder / "tickets" / "replicate-2" / "empty").mkdir(parents=True)
    (folder / "notes.txt").write_text("of a person")
    write_results(plan, opened)
    assert files(folder) == {**whole, "notes.txt": b"of a person"}
    assert [entry.name for entry in (folder / "tickets").iterdir()] == ["replicate-1"]


def test_a_note_of_a_wait_is_not_told_without_one(tmp_path: Path) -> None:
    diary = Diary()
    plan = plan_of(SHORT)
    opened, _ = run(plan, tmp_path / "s")
    write_results(plan, opened, diary.note)
    write_results(plan, opened, diary.note)
    assert diary.notes == []
