"""Runs of tiny plans on the reference backend: results, sharing, resume, damage, promises."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ltspec_numpy.play import NumpyBackend
from specs import open_session, plan_of

from ltspec.decisions import masks as masking
from ltspec.decisions.initial import initial_weights
from ltspec.engine import perform as performing
from ltspec.engine.arrays import masks_of, state_of, weights_of
from ltspec.engine.backend import Backend
from ltspec.engine.runner import scores, standing
from ltspec.engine.session import Session
from ltspec.errors import BackendError, DataError, Interrupted, InvariantError, RunError
from ltspec.plan.stages import Plan, Stage, Train
from ltspec.results import table
from ltspec.results.run_folder import write_results
from ltspec.tickets.certificate import read_certificate

BRANCH = "branches.fresh={kind: reinitialize}"


class Diary:
    """A Watch that remembers."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.began_from: list[int] = []
        self.steps = self.planned = self.spared = 0
        self.notes: list[str] = []

    def began(self, stages: int, held: int, steps: int, spared: int) -> None:
        self.planned, self.spared = steps, spared

    def stage_began(self, stage: Stage, from_step: int, skipped: int) -> None:
        self.planned -= skipped
        if stage.kind == "train":
            self.began_from.append(from_step)

    def trained(self, stage: Stage, step: int, steps: int, loss: float) -> None:
        self.steps += steps

    def stage_ended(self, stage: Stage, facts: Mapping[str, Any], seconds: float) -> None:
        self.done.append(stage.kind)

    def note(self, text: str) -> None:
        self.notes.append(text)


def session(plan: Plan, store: Path, diary: Diary | None = None) -> Session:
    return open_session(plan, store, (diary or Diary()).note)


def run(plan: Plan, store: Path, every: float = 1e9) -> tuple[Session, Diary]:
    diary = Diary()
    opened = session(plan, store, diary)
    opened.run(diary, every)
    return opened, diary


def arrays(opened: Session, place: int) -> dict[str, np.ndarray]:
    found = opened.realm.read(opened.plan.stages[place].key)
    assert found is not None
    return found.arrays


def test_a_run_does_every_stage_once_and_then_nothing(tmp_path: Path) -> None:
    plan = plan_of(BRANCH)
    _, first = run(plan, tmp_path / "s")
    assert len(first.done) == len(plan.stages)
    assert first.steps == first.planned == 5 * 40
    _, second = run(plan, tmp_path / "s")
    assert (second.done, second.steps, second.planned) == ([], 0, 0)


def test_tickets_are_what_the_plan_says(tmp_path: Path) -> None:
    plan = plan_of("prune.rewind={to: 10it}", BRANCH)
    opened, _ = run(plan, tmp_path / "s")
    rewound = weights_of(arrays(opened, 1))
    for outcome in plan.outcomes:
        if outcome.ticket is None:
            continue
        ticket = arrays(opened, outcome.ticket)
        masks = masks_of(ticket)
        assert set(masks) == {"fc1.weight", "fc2.weight"}
        assert sum(int(mask.sum()) for mask in masks.values()) == outcome.kept
        trained = weights_of(arrays(opened, outcome.trained))
        for name, mask in masks.items():
            assert not trained[name][~mask].any()
            if outcome.branch == "ticket":
                assert np.array_equal(weights_of(ticket)[name], np.where(mask, rewound[name], 0))
            else:
                assert not np.array_equal(weights_of(ticket)[name][mask], rewound[name][mask])
    first, second = (masks_of(arrays(opened, o.ticket)) for o in plan.outcomes[1:4:2])  # type: ignore[arg-type]
    assert all(not np.any(second[name] & ~first[name]) for name in first)


def test_the_mask_keeps_the_largest_trained_weights(tmp_path: Path) -> None:
    plan = plan_of("prune.schedule.levels=1")
    opened, _ = run(plan, tmp_path / "s")
    trained, masks = weights_of(arrays(opened, 1)), masks_of(arrays(opened, 3))
    kept = np.concatenate([np.abs(trained[n][m]) for n, m in masks.items()])
    gone = np.concatenate([np.abs(trained[n][~m]) for n, m in masks.items()])
    assert kept.min() >= gone.max()
    assert len(gone) == round(0.2 * (len(kept) + len(gone)))


def test_a_trunk_in_pieces_gives_the_same_bits_as_in_one(tmp_path: Path) -> None:
    whole, _ = run(plan_of(), tmp_path / "one")
    pieces, _ = run(plan_of("prune.rewind={to: 17it}"), tmp_path / "two")
    one, two = arrays(whole, 1), arrays(pieces, 2)
    assert set(one) == set(two)
    for name, array in one.items():
        assert array.tobytes() == two[name].tobytes(), name


def test_a_later_rewind_point_extends_the_trunk_of_another_spec(tmp_path: Path) -> None:
    run(plan_of("prune.rewind={to: 10it}"), tmp_path / "s")
    _, diary = run(plan_of("prune.rewind={to: 25it}", "prune.schedule.levels=1"), tmp_path / "s")
    assert diary.began_from[0] == 10
    assert diary.spared == 10
    assert diary.steps == diary.planned == 15 + 15  # trunk 10-25, ticket 25-40; dense is held


def test_specs_share_a_store(tmp_path: Path) -> None:
    run(plan_of(), tmp_path / "s")
    _, diary = run(plan_of("name=more", "prune.schedule.levels=3"), tmp_path / "s")
    assert diary.done == ["prune", "rewind", "train", "evaluate"]


def test_a_damaged_result_is_named_and_made_again(tmp_path: Path) -> None:
    plan = plan_of()
    opened, _ = run(plan, tmp_path / "s")
    before = {place: arrays(opened, place) for place in (4, 8)}
    for place in (4, 8):  # two tickets, which are read by what comes after
        file = opened.realm.array_file(plan.stages[place].key)
        file.chmod(0o644)
        content = bytearray(file.read_bytes())
        content[-3] ^= 4
        file.write_bytes(bytes(content))
    shutil.rmtree(opened.realm.array_file(plan.stages[10].key).parent)  # the last score
    shutil.rmtree(opened.realm.array_file(plan.stages[9].key).parent)  # and its training
    _, diary = run(plan, tmp_path / "s")
    assert [
        plan.stages[place].key[:8] in note for place, note in zip((4, 8), diary.notes, strict=True)
    ] == [True, True]
    assert diary.done == ["rewind", "rewind", "train", "evaluate"]
    again = session(plan, tmp_path / "s")
    for place, kept in before.items():
        for name, array in kept.items():
            assert array.tobytes() == arrays(again, place)[name].tobytes()


def interrupt_after(monkeypatch: pytest.MonkeyPatch, pieces: int) -> None:
    """Ctrl-C arrives while piece number ``pieces`` is being played."""
    import ltspec_numpy.play

    original, count = ltspec_numpy.play.NumpyBackend.train, 0

    def train(self: Backend, *arguments: Any) -> Any:
        nonlocal count
        count += 1
        if count == pieces:
            raise KeyboardInterrupt
        return original(self, *arguments)

    monkeypatch.setattr(ltspec_numpy.play.NumpyBackend, "train", train)
    monkeypatch.setattr("ltspec_numpy.NumpyAdapter.lower", one_step_a_piece)
    monkeypatch.setattr("ltspec.engine.training.PIECE_SECONDS", 1e-9)


def one_step_a_piece(self: Any, demand: Any, settings: Any) -> Any:
    from ltspec.engine.backend import Lowering

    return Lowering("canonical", "eager", 1, 1)


@pytest.mark.parametrize("pieces", [1, 2, 17, 40, 41, 60])
def test_an_interrupted_run_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pieces: int
) -> None:
    plan = plan_of()
    whole, _ = run(plan, tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupt_after(patch, pieces)
        diary = Diary()
        with pytest.raises(Interrupted) as caught:
            session(plan, tmp_path / "s").run(diary, 1e9)
        assert caught.value.exit_code == 130
        assert diary.steps == pieces - 1
    parts, after = run(plan, tmp_path / "s")
    assert diary.steps + after.steps == 120  # nothing was done twice
    for place in range(len(plan.stages)):
        one, two = arrays(whole, place), arrays(parts, place)
        assert {n: a.tobytes() for n, a in one.items()} == {n: a.tobytes() for n, a in two.items()}


def test_what_a_kill_left_behind_a_stored_result_is_dropped(tmp_path: Path) -> None:
    opened, _ = run(plan_of(), tmp_path / "s")
    opened.realm.checkpoint_write(opened.plan.stages[1].key, {"step": 3}, arrays(opened, 1))
    run(plan_of(), tmp_path / "s")
    assert opened.realm.checkpoint_read(opened.plan.stages[1].key) is None


def test_checkpoints_are_dropped_when_a_training_is_done(tmp_path: Path) -> None:
    run(plan_of(), tmp_path / "s", every=0)
    assert [path for path in (tmp_path / "s" / "checkpoints").rglob("*") if path.is_file()] == []


def test_a_training_that_diverges_says_where(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        run(plan_of("train.optimizer.lr=1e30"), tmp_path / "s")
    assert caught.value.code == "LT401"
    assert "at step" in caught.value.message
    assert "1e+30" in caught.value.message


def test_finite_weights_whose_answers_are_not_finite_diverged_too(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        run(plan_of("train.optimizer.lr=1e20", "train.duration=1it"), tmp_path / "s")
    assert caught.value.code == "LT401"


def test_a_shorter_training_leaves_the_checkpoint_of_a_longer_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupt_after(patch, 31)
        with pytest.raises(Interrupted):
            session(plan_of(), tmp_path / "s").run(Diary(), 1e9)
    run(plan_of("train.duration=10it"), tmp_path / "s")
    _, diary = run(plan_of(), tmp_path / "s")
    assert diary.began_from[0] == 30
    assert diary.spared == 30
    _, diary = run(plan_of(), tmp_path / "s")
    assert (diary.planned, diary.spared) == (0, 0)


@pytest.mark.parametrize("kind", ["train", "prune", "rewind", "evaluate"])
def test_a_result_that_breaks_a_promise_is_never_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    plan = plan_of()

    def regrow(self: Any, *a: Any) -> Any:
        state, losses = trainer(self, *a)
        weights = {n: w + np.float32(1e-9) * (w == 0) for n, w in state.weights.items()}
        return type(state)(weights, state.step, state.slots), losses

    import ltspec_numpy.play

    trainer = ltspec_numpy.play.NumpyBackend.train
    match kind:
        case "train":
            monkeypatch.setattr(ltspec_numpy.play.NumpyBackend, "train", regrow)
        case "prune":  # the rule that removes one weight too many
            honest = masking.prune
            monkeypatch.setattr(
                performing.masking, "prune", lambda s, b, keep: honest(s, b, [k - 1 for k in keep])
            )
        case "rewind":
            monkeypatch.setattr(
                performing.masking,
                "apply",
                lambda w, m: {
                    n: np.where(m.get(n, True), a, 0).astype(a.dtype) * np.float32(1.0001)
                    for n, a in w.items()
                },
            )
        case "evaluate":
            monkeypatch.setattr(
                ltspec_numpy.play.NumpyBackend,
                "evaluate",
                lambda *a: type("E", (), {"examples": 358, "correct": 1, "loss_sum": 0.0})(),
            )
    with pytest.raises(InvariantError) as caught:
        run(plan, tmp_path / "s")
    assert caught.value.code == "LT402"
    realm = session(plan, tmp_path / "s").realm
    first = next(
        s
        for s in plan.stages
        if s.kind == kind
        and (kind != "train" or (s.steps and plan.stages[s.inputs["state"]].kind == "rewind"))
    )
    assert not realm.has(first.key)


def test_other_bytes_under_the_same_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(plan_of(), tmp_path / "s")

    import ltspec.engine.session as sessions

    read = sessions.read
    monkeypatch.setattr(
        sessions, "read", lambda name, *rest: replace(read(name, *rest), fingerprint="0" * 64)
    )
    with pytest.raises(DataError) as caught:
        run(plan_of("train.optimizer.lr=0.2"), tmp_path / "s")
    assert caught.value.code == "LT307"


def test_initial_weights_are_those_of_the_core(tmp_path: Path) -> None:
    opened, _ = run(plan_of(), tmp_path / "s")
    graph = next(iter(opened.plan.graphs.values()))
    expected = initial_weights(graph, "glorot-normal", 1)
    found = weights_of(arrays(opened, 0))
    assert {n: a.tobytes() for n, a in found.items()} == {
        n: a.tobytes() for n, a in expected.items()
    }


def test_threads_are_noted_as_the_backend_counts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody asks for a number, and where the backend has one to tell."""
    plan = plan_of("train.duration=4it")

    def noted(folder: Path) -> set[str]:
        opened, _ = run(plan, folder)
        _, tickets, _ = write_results(plan, opened)
        facts = [opened.realm.read_facts(stage.key) for stage, _ in plan.trainings()]
        made_with = [read_certificate(ticket).manifest["made_with"] for ticket in tickets]
        notes = [*(fact["played_on"] for fact in facts if fact is not None), *made_with]
        assert len(notes) == 3 + 2
        return {note["threads"] for note in notes}

    assert noted(tmp_path / "not counted") == {"all"}
    monkeypatch.setattr(NumpyBackend, "threads", lambda self: 5, raising=False)
    assert noted(tmp_path / "counted") == {"5"}
    bench = session(plan, tmp_path / "asked").bench
    settings = replace(bench.execution.settings, threads=2)
    bench.execution = replace(bench.execution, settings=settings)
    assert bench.noted() == bench.played_on


def test_standing_asks_only_for_what_is_missing() -> None:
    plan = plan_of()
    everything = {stage.key for stage in plan.stages}
    assert standing(plan, everything.__contains__).wanted == ()
    last = plan.stages[10].key
    assert standing(plan, (everything - {last}).__contains__).wanted == (10,)
    # The scores are there: it does not matter that the trainings they were made from are not.
    trained = {stage.key for stage in plan.stages if isinstance(stage.work, Train)}
    assert standing(plan, (everything - trained).__contains__).wanted == ()


def test_the_folder_that_a_person_opens(tmp_path: Path) -> None:
    plan = plan_of(BRANCH, "replicates=2", "evaluate=[test, train]")
    opened, _ = run(plan, tmp_path / "s")
    folder, tickets, _ = write_results(plan, opened)
    assert folder == tmp_path / "s" / "runs" / "tiny" / "numpy-float32"
    names = [ticket.relative_to(folder).as_posix() for ticket in tickets]
    assert names == [f"tickets/replicate-{r}/level-{n}.safetensors" for r in (1, 2) for n in (1, 2)]
    assert (folder / "tickets" / "replicate-2" / "fresh-level-1.safetensors").is_file()
    import safetensors.numpy

    ticket = safetensors.numpy.load_file(tickets[0])
    assert state_of(ticket, 0).weights.keys() == {
        "fc1.weight",
        "fc1.bias",
        "fc2.weight",
        "fc2.bias",
    }
    rows = table.rows(plan, scores(plan, opened.realm))
    assert len(rows) == 2 * 5
    lines = (folder / "table.csv").read_text().splitlines()
    assert lines[0] == (
        "replicate,branch,level,density,kept,split,examples,correct,accuracy,loss,"
        "effective_density,explored,mask_updates"
    )
    assert len(lines) == 1 + 2 * len(rows)
    summary = table.summary(rows)
    assert [(line.branch, line.level) for line in summary] == [
        ("dense", 0),
        ("ticket", 1),
        ("ticket", 2),
        ("fresh", 1),
        ("fresh", 2),
    ]
    dense = [row.scores["test"]["accuracy"] for row in rows if row.level == 0]
    assert summary[0].accuracy["test"].mean == pytest.approx(sum(dense) / 2)
    assert (summary[0].accuracy["test"].low, summary[0].accuracy["test"].high) == (
        min(dense),
        max(dense),
    )


@pytest.mark.parametrize(
    ("backend", "device", "code"),
    [("numpi", "auto", "LT301"), ("numpy", "cuda", "LT303"), ("numpy", "tpu", "LT303")],
)
def test_a_missing_backend_or_device_is_said_before_anything_is_made(
    tmp_path: Path, backend: str, device: str, code: str
) -> None:
    with pytest.raises(BackendError) as caught:
        Session.open(
            plan_of(),
            backend=backend,
            device=device,
            precision="float32",
            threads=None,
            store=tmp_path / "s",
            data=tmp_path,
            note=print,
        )
    assert caught.value.code == code
    assert caught.value.hint
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("give", "said"),
    [
        (lambda shapes: {}, "scored nothing"),
        (lambda shapes: dict.fromkeys(reversed(shapes), np.zeros(1)), "in this order"),
        (lambda shapes: {n: np.zeros(3) for n in shapes}, "scores of shape (3,)"),
        (lambda shapes: {n: np.full(s, np.nan) for n, s in shapes.items()}, "a score of NaN"),
    ],
)
def test_a_criterion_that_is_wrong_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, give: Any, said: str
) -> None:
    from ltspec.decisions.criteria import magnitude

    monkeypatch.setattr(magnitude, "score", lambda subject: give(subject.shapes))
    with pytest.raises(InvariantError) as caught:
        run(plan_of(), tmp_path / "s")
    assert "the criterion magnitude" in caught.value.message
    assert said in caught.value.message


def test_another_experiment_of_the_same_name_is_said_to_be_replaced(tmp_path: Path) -> None:
    diary = Diary()
    for changes, notes in (
        ((), 0),
        (("prune.schedule.levels=3",), 0),  # more of the same
        (("train.optimizer.lr=0.2",), 1),
    ):
        opened, _ = run(plan_of(*changes), tmp_path / "s")
        write_results(opened.plan, opened, diary.note)
        assert len(diary.notes) == notes


def test_a_new_version_of_a_criterion_makes_new_masks(monkeypatch: pytest.MonkeyPatch) -> None:

    from ltspec.decisions import criteria
    from ltspec.plan import writer

    before = plan_of()
    newer = {**criteria.CRITERIA, "magnitude": replace(criteria.CRITERIA["magnitude"], version=2)}
    monkeypatch.setattr(writer, "CRITERIA", newer)
    after = plan_of()
    assert [a.key == b.key for a, b in zip(before.stages, after.stages, strict=True)] == [
        stage.kind in ("init", "train", "evaluate") and place < 3
        for place, stage in enumerate(before.stages)
    ]
