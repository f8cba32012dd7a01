"""Tickets of other specs and of files, carried to a spec's network: stages, runs, what is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from specs import TINY
from test_runner import arrays, run

from ltspec.diagnostics import render
from ltspec.engine import carrying
from ltspec.engine.arrays import masks_of, weights_of
from ltspec.engine.runner import scores
from ltspec.engine.session import Session
from ltspec.errors import InvariantError, LtspecError, SpecError, TicketError
from ltspec.language.source import Source, override, read
from ltspec.language.spec import Spec
from ltspec.plan import beside, is_fine, pairs, planfile, validate
from ltspec.plan.legality import check
from ltspec.plan.passes import compile_spec
from ltspec.plan.stages import (
    Evaluate,
    Load,
    Mapmask,
    Outcome,
    Plan,
    Prune,
    Rewind,
    Stage,
    Train,
    Transfer,
)
from ltspec.results import maps, table
from ltspec.results.run_folder import write_results
from ltspec.results.ticket_trial import origin
from ltspec.tickets.ticket import read_ticket

SOURCE = ("name=source", "model.widths=[12, 12, 8]", "prune.rewind={to: 5it}")
TARGET = ("name=target", "model.widths=[12, 12, 12, 8]", "prune.rewind={to: 5it}")
COPIES = ((1, 1), (2, 2), (3, 2), (4, 3), (5, 4))
"""Layers of the target, and those of the source that they are copies of."""


def written(folder: Path, name: str, *changes: str) -> Path:
    """A file with the tiny spec and ``--set`` changes."""
    lines = [TINY.lstrip()]
    path = folder / f"{name}.yaml"
    path.write_text(lines[0], encoding="utf-8")
    source = read(path)
    for change in changes:
        source = override(source, change)
    from ltspec.language.source import write

    path.write_text(write(source.tree), encoding="utf-8")
    return path


def spec_of(path: Path, *changes: str) -> Spec:
    return validate(source_of(path, *changes))


def source_of(path: Path, *changes: str) -> Source:
    source = read(path)
    for change in changes:
        source = override(source, change)
    return source


def plan_at(path: Path, *changes: str) -> Plan:
    return compile_spec(spec_of(path, *changes))


def there(origin: str, *more: str) -> str:
    return f"branches.there={{kind: transfer, from: {{{origin}}}{''.join(f', {m}' for m in more)}}}"


OTHER = "spec: source.yaml"


@pytest.fixture
def both(tmp_path: Path) -> tuple[Path, Path]:
    """The source's file, and the target's."""
    source = written(tmp_path, "source", *SOURCE)
    return source, written(tmp_path, "target", *TARGET, there(OTHER, "levels: [2]"))


def row_of(plan: Plan, branch: str = "there", level: int = 2) -> Outcome:
    (found,) = (row for row in plan.outcomes if (row.branch, row.level) == (branch, level))
    return found


def stage_of(plan: Plan, place: int | None) -> Stage:
    assert place is not None
    return plan.stages[place]


def ticket_file(session: Session, plan: Plan, level: int = 2) -> Path:
    folder, _, _ = write_results(plan, session, lambda text: None)
    return folder / "tickets" / "replicate-1" / f"level-{level}.safetensors"


def one_spec(source: Path, *changes: str) -> Plan:
    """The source's own spec, which carries the ticket to the target's network itself."""
    carried = "branches.there={kind: transfer, levels: [2], to: {widths: [12, 12, 12, 8]}}"
    return plan_at(source, carried, *changes)


# -- another spec ----------------------------------------------------------------------------------


def test_tickets_of_another_spec_are_the_same_stages_as_there(both: tuple[Path, Path]) -> None:
    source, target = both
    one, two = one_spec(source), plan_at(target)
    ours, theirs = row_of(two), row_of(one)
    keys = [
        [
            stage_of(plan, row.ticket).key,
            stage_of(plan, row.trained).key,
            *(stage_of(plan, place).key for place in row.scores.values()),
        ]
        for plan, row in ((one, theirs), (two, ours))
    ]
    assert keys[0] == keys[1]
    alone = {stage.key for stage in plan_at(source).stages}
    shared = [stage for stage in two.stages if stage.key in alone]
    # Initial weights, the dense training, two masks, the ticket and training of level 1, the
    # rewind point; level 2 is only masked, and nothing of the source is evaluated.
    kinds = sorted(stage.kind for stage in shared)
    assert kinds == ["init", "prune", "prune", "rewind", "train", "train", "train"]
    assert all("tickets of source" in stage.label for stage in shared)


def test_what_the_other_spec_has_done_is_not_done_again(both: tuple[Path, Path]) -> None:
    source, target = both
    store = source.parent / "store"
    _, first = run(plan_at(source), store)
    assert first.steps == 40 + 2 * 35
    plan = plan_at(target)
    _, second = run(plan, store)
    # The target's own dense training and two tickets, and the one that is carried.
    assert second.steps == second.planned == 40 + 2 * 35 + 35
    _, fresh = run(plan, source.parent / "other-store")
    # Without the source's store: its dense training and level 1 besides.
    assert fresh.steps == second.steps + 40 + 35


def test_a_run_is_the_same_as_within_one_spec(both: tuple[Path, Path]) -> None:
    source, target = both
    one, two = one_spec(source), plan_at(target)
    here, _ = run(one, source.parent / "one")
    away, _ = run(two, source.parent / "two")
    for place in ("ticket", "trained"):
        ours, theirs = (
            arrays(opened, getattr(row_of(plan), place))
            for opened, plan in ((away, two), (here, one))
        )
        assert set(ours) == set(theirs)
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    rows = [
        next(row for row in table.rows(plan, scores(plan, opened.realm)) if row.branch == "there")
        for opened, plan in ((away, two), (here, one))
    ]
    assert rows[0].scores == rows[1].scores
    assert (rows[0].kept, rows[0].prunable) == (rows[1].kept, rows[1].prunable)


def test_every_tensor_is_carried_by_the_map(both: tuple[Path, Path]) -> None:
    _, target = both
    plan = plan_at(target)
    opened, _ = run(plan, target.parent / "store")
    inputs = stage_of(plan, row_of(plan).ticket).inputs
    state, mask = plan.stages[inputs["state"]], plan.stages[inputs["mask"]]
    assert isinstance(state.work, Transfer)
    assert isinstance(mask.work, Mapmask)
    before = weights_of(arrays(opened, state.inputs["state"]))
    kept = masks_of(arrays(opened, mask.inputs["mask"]))
    ticket = arrays(opened, row_of(plan).ticket or 0)
    for to, before_it in COPIES:
        same = kept[f"fc{before_it}.weight"]
        assert np.array_equal(masks_of(ticket)[f"fc{to}.weight"], same)
        found = weights_of(ticket)[f"fc{to}.weight"]
        assert np.array_equal(found, np.where(same, before[f"fc{before_it}.weight"], 0))


def test_levels_are_those_of_the_other_schedule(tmp_path: Path) -> None:
    written(tmp_path, "source", *SOURCE, "prune.schedule={name: iterative, levels: 4}")
    target = written(tmp_path, "target", *TARGET, there(OTHER))
    plan = plan_at(target)
    assert [row.level for row in plan.outcomes if row.branch == "there"] == [1, 2, 3, 4]
    assert [row.level for row in plan.outcomes if row.branch == "ticket"] == [1, 2]
    spec = spec_of(target)
    assert beside.leaves_at(spec, spec.branches["there"]) == (1, 2, 3, 4)
    assert pairs.own_levels(spec, "there") == (0, 1, 2, 3, 4)  # of the spec's own network
    with pytest.raises(SpecError, match="has 4 levels, not 5"):
        plan_at(written(tmp_path, "five", *TARGET, there(OTHER, "levels: [5]")))


def test_replicates_take_over_from_each_other(tmp_path: Path) -> None:
    source = written(tmp_path, "source", *SOURCE, "seeds=[11, 12, 13]")
    target = written(tmp_path, "target", *TARGET, "replicates=2", there(OTHER, "levels: [1]"))
    plan, theirs = plan_at(target), plan_at(source)
    for number in (1, 2):
        ticket = next(r for r in theirs.outcomes if (r.replicate, r.level) == (number, 1))
        row = next(r for r in plan.outcomes if (r.replicate, r.branch) == (number, "there"))
        mask = plan.stages[stage_of(plan, row.ticket).inputs["mask"]]
        carried = plan.stages[mask.inputs["mask"]]
        assert carried.key == theirs.stages[stage_of(theirs, ticket.ticket).inputs["mask"]].key
        # Its own training has this spec's data order.
        trained = stage_of(plan, row.trained).work
        assert isinstance(trained, Train)
        assert trained.recipe.order_seed == number
    with pytest.raises(SpecError, match="has 3 replicates and this spec 4"):
        plan_at(target, "replicates=4")


def test_training_goes_on_from_the_same_step(tmp_path: Path) -> None:
    """From step k where steps are the same, from the first one where k is 0, else as written."""

    def begins(*changes: str, more: tuple[str, ...] = ()) -> tuple[int, int]:
        written(tmp_path, "source", *SOURCE, *changes)
        plan = plan_at(written(tmp_path, "target", *TARGET, there(OTHER, "levels: [2]", *more)))
        work = stage_of(plan, row_of(plan).trained).work
        assert isinstance(work, Train)
        return work.start, work.stop

    assert begins() == (5, 40)
    assert begins("prune.rewind={to: 9it}") == (9, 40)
    assert begins("prune.rewind={weights: end, schedule: end, retrain: 7it}") == (40, 47)
    assert begins("train.duration=60it", "prune.rewind={to: 0it}") == (0, 40)
    assert begins("train.optimizer.lr=0.3") == (5, 40)
    # The data set is the same; what is altered in it makes it another.
    altered = [f"data.{key}" for key in ("subsample=0.5", "random_labels=0.5", "blur=2")]
    for other in ("train.duration=60it", "train.batch_size=32", *altered):
        with pytest.raises(SpecError, match="begins in the middle of another training"):
            begins(other)
        assert begins(other, more=("schedule: 3it",)) == (3, 40)
    assert begins("data.subsample=0.5", "prune.rewind={to: 0it}") == (0, 40)
    assert begins("train.duration=60it", more=("data: {name: digits, blur: 2}",)) == (0, 40)


def test_a_training_that_is_altered_alike_goes_on_from_the_same_step(tmp_path: Path) -> None:
    def plan(*theirs: str, ours: tuple[str, ...]) -> Plan:
        written(tmp_path, "source", *SOURCE, *theirs)
        return plan_at(written(tmp_path, "target", *TARGET, *ours, there(OTHER, "levels: [2]")))

    half = "data.subsample=0.5"
    found = plan(half, ours=(half,))
    work = stage_of(found, row_of(found).trained).work
    assert isinstance(work, Train)
    assert (work.start, work.stop) == (5, 40)
    with pytest.raises(SpecError, match="begins in the middle of another training"):
        plan(half, ours=(half, "data.seed=3"))  # other examples
    with pytest.raises(SpecError, match="begins in the middle of another training"):
        plan(ours=(half,))


def test_own_weights_are_trained_from_their_own_rewind_point(tmp_path: Path) -> None:
    def begins(theirs: str, ours: str, *more: str) -> tuple[int, int]:
        written(tmp_path, "source", SOURCE[1], f"prune.rewind={theirs}")
        branch = there(OTHER, "levels: [2]", "weights: own", *more)
        changes = TARGET[1], f"prune.rewind={ours}", branch
        plan = plan_at(written(tmp_path, "target", *changes))
        work = stage_of(plan, row_of(plan).trained).work
        assert isinstance(work, Train)
        return work.start, work.stop

    assert begins("{to: 5it}", "{to: 5it}") == (5, 40)
    assert begins("{to: 5it}", "{weights: 0it, schedule: 5it}") == (5, 40)
    for theirs, ours, says in (
        ("{to: 20it}", "{to: 0it}", "starts at step 0, and .* starts at step 20"),
        ("{to: 0it}", "{to: 20it}", "starts at step 20, and .* starts at step 0"),
        ("none", "{to: 5it}", "starts at step 5, and .* starts at step 40"),
    ):
        with pytest.raises(SpecError, match=says) as caught:
            begins(theirs, ours)
        (found,) = caught.value.diagnostics
        assert (found.code, found.path) == ("LT213", ("branches", "there", "from"))
        assert begins(theirs, ours, "schedule: 3it") == (3, 40)
    with pytest.raises(SpecError) as caught:
        begins("{to: 5it}", "{weights: 5it, schedule: end, retrain: 4it}")
    assert "`schedule: 0it`" in caught.value.diagnostics[0].hint


def test_nothing_is_trained_where_the_other_spec_trains_nothing(tmp_path: Path) -> None:
    written(tmp_path, "source", *SOURCE, "prune.rewind=none")
    target = written(tmp_path, "target", *TARGET, there(OTHER, "levels: [2]"))
    plan = plan_at(target)
    assert row_of(plan).trained == row_of(plan).ticket
    with pytest.raises(SpecError, match="there is not trained after pruning"):
        plan_at(target, "measure=[{kind: instability, of: [there]}]")
    with pytest.raises(SpecError, match="starts at the end of training"):
        plan_at(written(tmp_path, "fresh", *TARGET, there(OTHER, "weights: fresh")))
    with pytest.raises(SpecError, match="where weights are not rewound these are zero"):
        plan_at(written(tmp_path, "mixed", *TARGET, there(OTHER, "mask: shuffled")))


def test_masks_that_changed_in_training_are_carried(tmp_path: Path) -> None:
    dynamic = "prune.schedule={name: rigl, density: 0.5, every: 10it}"
    written(tmp_path, "source", *SOURCE[:2], "prune.rewind={to: 0it}", dynamic)
    plan = plan_at(written(tmp_path, "target", *TARGET, there(OTHER)))
    opened, _ = run(plan, tmp_path / "store")
    mask = plan.stages[stage_of(plan, row_of(plan, level=1).ticket).inputs["mask"]]
    last = masks_of(arrays(opened, mask.inputs["mask"]))
    assert plan.stages[mask.inputs["mask"]].changes_mask
    carried = masks_of(arrays(opened, row_of(plan, level=1).ticket or 0))
    assert np.array_equal(carried["fc3.weight"], last["fc2.weight"])


def test_what_the_other_spec_trains_before_is_trained(tmp_path: Path) -> None:
    before = (
        "pretrain={data: {name: digits, rotation: true}, "
        "train: {duration: 8it, batch_size: 64, optimizer: {name: sgd, lr: 0.1}}}"
    )
    source = written(tmp_path, "source", *SOURCE, before)
    travelled = "measure=[{kind: travelled, of: [there]}]"
    target = written(tmp_path, "target", *TARGET, there(OTHER, "levels: [2]"), travelled)
    plan = plan_at(target)
    theirs = {stage.key for stage in plan_at(source).stages}
    shared = [stage for stage in plan.stages if stage.key in theirs]
    assert sum(stage.kind == "transfer" for stage in shared) == 1  # to the spec's own classes
    assert {each.about for each in plan.measurements} == {"start"}  # nothing is its beginning
    run(plan, tmp_path / "store")


def test_a_sweep_names_other_specs(tmp_path: Path) -> None:
    for widths, name in (("[12, 12, 8]", "two"), ("[12, 12, 12, 8]", "three")):
        written(tmp_path, name, *SOURCE, f"model.widths={widths}")
    target = written(tmp_path, "target", *TARGET, there("spec: two.yaml", "levels: [2]"))
    plan = plan_at(target, "sweep={branches.there.from.spec: [two.yaml, three.yaml]}")
    works = [
        plan.stages[stage_of(plan, row.ticket).inputs["mask"]].work
        for row in plan.outcomes
        if row.branch == "there"
    ]
    # Tickets of the same network are what they are.
    assert [work.source if isinstance(work, Mapmask) else work.graph for work in works] == [
        plan_at(tmp_path / f"{name}.yaml").points[0].graph for name in ("two", "three")
    ]


def test_a_spec_that_is_named_may_name_others(tmp_path: Path) -> None:
    written(tmp_path, "source", *SOURCE)
    middle = there(OTHER, "levels: [2]")
    written(tmp_path, "middle", *TARGET, middle)
    last = written(tmp_path, "last", *SOURCE, there("spec: middle.yaml", "levels: [1]"))
    plan = plan_at(last)
    # Its own line is carried, whatever branches it has.
    assert not any("tickets of source" in stage.label for stage in plan.stages)
    assert any("tickets of target" in stage.label for stage in plan.stages)


# -- a ticket file ---------------------------------------------------------------------------------


@pytest.fixture
def filed(tmp_path: Path) -> tuple[Session, Plan, Path]:
    """A run of the source with its branch, and the file of its ticket."""
    plan = one_spec(written(tmp_path, "source", *SOURCE))
    session, _ = run(plan, tmp_path / "store")
    return session, plan, ticket_file(session, plan)


def of_file(file: Path, *more: str) -> str:
    return there(f"ticket: {file}", *more)


def test_a_ticket_file_is_carried_as_within_its_spec(
    tmp_path: Path, filed: tuple[Session, Plan, Path]
) -> None:
    session, one, file = filed
    plan = plan_at(written(tmp_path, "target", *TARGET, of_file(file)))
    row = row_of(plan)
    state = plan.stages[stage_of(plan, row.ticket).inputs["state"]]
    (place,) = state.inputs.values()
    assert isinstance(plan.stages[place].work, Load)
    assert plan.stages[stage_of(plan, row.ticket).inputs["mask"]].inputs == {"mask": place}
    # A store of its own: nothing but the file is taken over.
    opened, diary = run(plan, tmp_path / "other")
    assert diary.steps == 40 + 2 * 35 + 35
    for which in ("ticket", "trained"):
        ours = arrays(opened, getattr(row, which))
        theirs = arrays(session, getattr(row_of(one), which))
        assert all(np.array_equal(ours[name], theirs[name]) for name in {*ours, *theirs})
    found, expected = (
        next(row for row in table.rows(p, scores(p, o.realm)) if row.branch == "there")
        for p, o in ((plan, opened), (one, session))
    )
    assert (found.kept, found.scores) == (expected.kept, expected.scores)


def test_what_a_carried_file_keeps_is_known(
    tmp_path: Path, filed: tuple[Session, Plan, Path]
) -> None:
    _, _, file = filed
    kept = read_ticket(file).certificate.masked
    plan = plan_at(written(tmp_path, "target", *TARGET, of_file(file)))
    mask = plan.stages[stage_of(plan, row_of(plan).ticket).inputs["mask"]].work
    assert isinstance(mask, Mapmask)
    assert mask.keep == tuple(kept[f"fc{origin}.weight"] for _, origin in COPIES)
    assert row_of(plan).kept == sum(mask.keep)
    assert row_of(plan).prunable == 768 + 144 + 144 + 96 + 80


def test_a_carried_file_is_one_row_a_replicate(
    tmp_path: Path, filed: tuple[Session, Plan, Path]
) -> None:
    _, _, file = filed
    plan = plan_at(written(tmp_path, "target", *TARGET, of_file(file), "replicates=2"))
    rows = [(row.replicate, row.level) for row in plan.outcomes if row.branch == "there"]
    assert rows == [(1, 2), (2, 2)]  # the file is of level 2
    assert sum(isinstance(stage.work, Load) for stage in plan.stages) == 1
    with pytest.raises(SpecError, match="a ticket file is one ticket"):
        spec_of(written(tmp_path, "levels", *TARGET, of_file(file, "levels: [2]")))


def test_where_the_training_of_a_file_begins(
    tmp_path: Path, filed: tuple[Session, Plan, Path]
) -> None:
    _, _, file = filed

    def begins(*changes: str, more: tuple[str, ...] = ()) -> tuple[int, int]:
        plan = plan_at(written(tmp_path, "target", *TARGET, of_file(file, *more), *changes))
        work = stage_of(plan, row_of(plan).trained).work
        assert isinstance(work, Train)
        return work.start, work.stop

    assert begins() == (5, 40)
    for other in ("train.duration=60it", "train.batch_size=32"):
        with pytest.raises(SpecError, match="begins in the middle of another training"):
            begins(other)
    assert begins("train.duration=60it", more=("schedule: 7it",)) == (7, 60)
    assert begins(more=("data: {name: digits, blur: 2}",)) == (0, 40)


def test_a_file_is_found_by_its_content(tmp_path: Path, filed: tuple[Session, Plan, Path]) -> None:
    _, _, file = filed
    moved = tmp_path / "elsewhere.safetensors"
    moved.write_bytes(file.read_bytes())
    plans = [
        plan_at(written(tmp_path, "target", *TARGET, of_file(each)))
        for each in (file, Path("elsewhere.safetensors"))
    ]
    assert plans[0].stages == plans[1].stages
    assert list(plans[1].tickets.values()) == [str(moved)]  # beside the spec


def test_another_file_in_its_place_stops_the_run(
    tmp_path: Path, filed: tuple[Session, Plan, Path]
) -> None:
    _, _, file = filed
    plan = plan_at(written(tmp_path, "target", *TARGET, of_file(file)))
    file.write_bytes(file.with_name("level-1.safetensors").read_bytes())
    with pytest.raises(TicketError, match="another ticket than the one that the plan"):
        run(plan, tmp_path / "other")


def test_a_file_goes_with_its_own_mask_or_other_weights(
    tmp_path: Path, filed: tuple[Session, Plan, Path]
) -> None:
    _, _, file = filed
    for mask in ("shuffled", "shuffled-all", "shuffled-copies", "dense"):
        with pytest.raises(SpecError, match="a ticket file does not hold these"):
            spec_of(written(tmp_path, "target", *TARGET, of_file(file, f"mask: {mask}")))
        for weights in ("fresh", "own"):
            more = f"mask: {mask}", f"weights: {weights}"
            plan = plan_at(written(tmp_path, "target", *TARGET, of_file(file, *more)))
            assert isinstance(stage_of(plan, row_of(plan).ticket).work, Rewind)


def test_a_mask_of_a_file_that_is_not_carried_stops_the_run(
    tmp_path: Path, filed: tuple[Session, Plan, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, file = filed
    plan = plan_at(written(tmp_path, "target", *TARGET, of_file(file)))

    def full(source: Any, pairs: Any, shapes: Any) -> Any:
        return {name: np.ones(shape, np.bool_) for name, shape in shapes.items()}

    monkeypatch.setattr(carrying.transfer, "carried_masks", full)
    with pytest.raises(InvariantError, match=r"the mask of fc1\.weight is not that of fc1\.weight"):
        run(plan, tmp_path / "other")


# -- controls --------------------------------------------------------------------------------------


def test_controls_are_those_of_one_spec(both: tuple[Path, Path]) -> None:
    source, _ = both
    inside = "branches.there.controls=all"
    target = written(source.parent, "all", *TARGET, there(OTHER, "levels: [2]", "controls: all"))
    one, two = one_spec(source, inside), plan_at(target)
    lines = [(row.branch, row.level) for row in one.outcomes if row.branch.startswith("there")]
    assert lines == [(r.branch, r.level) for r in two.outcomes if r.branch.startswith("there")]
    assert len(lines) == 1 + 3 + 6
    for line, level in lines:
        ours, theirs = row_of(two, line, level), row_of(one, line, level)
        assert stage_of(two, ours.trained).key == stage_of(one, theirs.trained).key
    # The other network's own tickets are this spec's.
    assert row_of(two, "there-imp", 2).trained == row_of(two, "ticket", 2).trained


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("prune.schedule.fraction=0.3", "has another schedule or scope"),
        ("prune.scope=layer", "has another schedule or scope"),
        ("prune.rewind={to: 6it}", "is another step"),
    ],
)
def test_controls_of_the_target_have_a_level_to_match(
    tmp_path: Path, change: str, says: str
) -> None:
    written(tmp_path, "source", *SOURCE, change)
    for word in ("imp", "magnitude", "snip", "grasp"):
        target = written(tmp_path, "target", *TARGET, there(OTHER, f"controls: [{word}]"))
        with pytest.raises(SpecError, match=says):
            spec_of(target)
    fine = there(OTHER, "levels: [2]", "controls: [random, shuffled, reinit]")
    plan = plan_at(written(tmp_path, "target", *TARGET, fine))
    assert {row.branch for row in plan.outcomes} >= {"there-random", "there-shuffled"}


def test_controls_of_the_target_have_rates_of_the_same_layers(tmp_path: Path) -> None:
    """The classifier is fc4 there, and fc5 here."""
    rates = "prune.schedule.rates={%s.weight: 0.5}"
    written(tmp_path, "source", *SOURCE, "prune.scope=layer", rates % "fc4")
    branch = there(OTHER, "levels: [2]", "controls: [imp, magnitude]")
    ours = (*TARGET, "prune.scope=layer", branch)
    for name in ("fc4", "fc2"):
        with pytest.raises(SpecError, match="are others for the layers that are carried"):
            spec_of(written(tmp_path, "target", *ours, rates % name))
    with pytest.raises(SpecError, match="are others for the layers that are carried"):
        spec_of(written(tmp_path, "target", *ours))
    plan = plan_at(written(tmp_path, "target", *ours, rates % "fc5"))
    own, row = row_of(plan, "ticket"), row_of(plan, "there-magnitude")
    assert row_of(plan, "there-imp").trained == own.trained
    works = [plan.stages[stage_of(plan, one.ticket).inputs["mask"]].work for one in (own, row)]
    assert isinstance(works[0], Prune)
    assert isinstance(works[1], Prune)
    assert works[0].keep == works[1].keep


def test_controls_of_the_target_have_as_many_levels(tmp_path: Path) -> None:
    written(tmp_path, "source", *SOURCE, "prune.schedule.levels=3")
    target = written(tmp_path, "target", *TARGET, there(OTHER, "controls: [imp]"))
    with pytest.raises(SpecError, match="fewer levels than are carried"):
        spec_of(target)
    plan_at(target, "branches.there.levels=[2]")


def test_a_file_is_compared_with_fresh_weights_alone(
    tmp_path: Path, filed: tuple[Session, Plan, Path]
) -> None:
    _, _, file = filed
    for word in ("imp", "random", "shuffled", "magnitude", "snip", "grasp"):
        branch = of_file(file, f"controls: [{word}]")
        with pytest.raises(SpecError, match="a ticket file has no"):
            spec_of(written(tmp_path, "target", *TARGET, branch))
    plan = plan_at(written(tmp_path, "target", *TARGET, of_file(file, "controls: all")))
    assert {row.branch for row in plan.outcomes} == {"dense", "ticket", "there", "there-reinit"}
    one = row_of(plan, "there"), row_of(plan, "there-reinit")
    masks = [stage_of(plan, row.ticket).inputs["mask"] for row in one]
    assert masks[0] == masks[1]


# -- checks ----------------------------------------------------------------------------------------


def test_mistakes_of_another_spec_are_shown_in_its_own_file(tmp_path: Path) -> None:
    written(tmp_path, "source", *SOURCE, "train.batch_size=2000")
    target = written(tmp_path, "target", *TARGET, there(OTHER), "branches.too={kind: transfer, "
                     "from: {spec: source.yaml}, levels: [1]}")  # fmt: skip
    with pytest.raises(SpecError) as caught:
        spec_of(target)
    error = caught.value
    codes = [each.code for each in error.diagnostics]
    assert codes == ["LT275", "LT275", "LT201"]  # once, though two branches name it
    other = error.diagnostics[-1].position
    assert other is not None
    assert other.origin is not None
    name = str(tmp_path / "source.yaml")
    assert (other.origin.name, other.origin.is_file) == (name, True)
    shown = render(error.diagnostics, error.file, error.text)
    assert f"--> {name}:{other.line}:{other.column}" in shown
    assert "batch_size: 2000" in shown
    assert f'"file": "{name}"' in render(error.diagnostics, error.file, error.text, "json")
    assert f"file={name},line={other.line}," in render(
        error.diagnostics, error.file, error.text, "github"
    )
    assert f'"uri": "{(tmp_path / "source.yaml").as_uri()}"' in render(
        error.diagnostics, error.file, error.text, "sarif"
    )


def test_mistakes_of_another_spec_are_told_once_in_a_sweep(tmp_path: Path) -> None:
    written(tmp_path, "source", *SOURCE, "train.batch_size=2000")
    target = written(tmp_path, "target", *TARGET, there(OTHER))
    with pytest.raises(SpecError) as caught:
        spec_of(target, "sweep={train.optimizer.lr: [0.1, 0.2]}")
    assert sorted(each.code for each in caught.value.diagnostics) == ["LT201", "LT275"]


def test_a_ring_is_refused_wherever_it_is_entered(tmp_path: Path) -> None:
    for name, other in (("one", "two"), ("two", "three"), ("three", "one")):
        written(tmp_path, name, *SOURCE, there(f"spec: ./{other}.yaml"))
    for name in ("one", "two", "three"):
        with pytest.raises(SpecError) as caught:
            spec_of(tmp_path / f"{name}.yaml")
        assert "LT276" in [each.code for each in caught.value.diagnostics]


def test_right_specs_are_found_right_by_the_short_way(
    both: tuple[Path, Path], filed: tuple[Session, Plan, Path]
) -> None:
    _, target = both
    assert is_fine(read(target))
    assert is_fine(read(written(target.parent, "file", *TARGET, of_file(filed[2]))))
    written(target.parent, "source", *SOURCE, "train.batch_size=2000")
    assert not is_fine(read(target))


def test_a_plan_file_is_read_back(
    both: tuple[Path, Path], filed: tuple[Session, Plan, Path]
) -> None:
    _, target = both
    for path in (target, written(target.parent, "file", *TARGET, of_file(filed[2]))):
        plan = plan_at(path)
        again, _ = planfile.read(planfile.write(plan))
        assert again.stages == plan.stages
        assert again.outcomes == plan.outcomes
        assert again.tickets == plan.tickets
        assert again.points == plan.points


def test_where_streamed_data_of_another_spec_lies_is_part_of_the_plan(tmp_path: Path) -> None:
    plan = replace(plan_at(written(tmp_path, "source", *SOURCE)), data={"x": {"name": "folder"}})
    again, _ = planfile.read(planfile.write(plan))
    assert again.data == plan.data


def test_a_resolved_spec_names_the_same_source(both: tuple[Path, Path]) -> None:
    spec = spec_of(both[1])
    assert spec.resolved()["branches"]["there"]["from"] == {"spec": "source.yaml"}


def test_a_ticket_that_a_training_reads_as_a_mask_is_not_legal(
    tmp_path: Path, filed: tuple[Session, Plan, Path]
) -> None:
    plan = plan_at(written(tmp_path, "target", *TARGET, of_file(filed[2])))
    place = next(n for n, stage in enumerate(plan.stages) if isinstance(stage.work, Prune))
    load = next(n for n, stage in enumerate(plan.stages) if isinstance(stage.work, Load))
    stages = list(plan.stages)
    late = next(n for n, stage in enumerate(stages) if n > load and "mask" in stage.inputs)
    stages[late] = replace(stages[late], inputs={**stages[late].inputs, "mask": place})
    with pytest.raises(LtspecError, match="is another network's"):
        check(replace(plan, stages=tuple(stages)), after="a test")


def test_maps_are_drawn(both: tuple[Path, Path], filed: tuple[Session, Plan, Path]) -> None:
    source, target = both
    lines = maps.maps(spec_of(target))
    assert lines[0].endswith("source.yaml to lenet, as this spec has it")
    assert any(line.split() == ["target", "0", "1", "2*"] for line in lines)
    assert lines[-1] == "*: a second or later copy of its block"
    own = maps.maps(spec_of(source, "branches.itself={kind: transfer, to: {widths: [12, 12, 8]}}"))
    assert not [line for line in own if "*" in line]
    drawn = maps.maps(spec_of(written(target.parent, "file", *TARGET, of_file(filed[2]))))
    kept = read_ticket(filed[2]).certificate.masked
    assert any(line.split()[:2] == ["fc3.weight", f"{kept['fc2.weight']:,}"] for line in drawn)


def test_measures_of_carried_tickets(both: tuple[Path, Path]) -> None:
    source, _ = both
    asked = (
        "measure=[{kind: barrier, between: [ticket, there], alphas: 3}, "
        "{kind: overlap, of: [ticket, there], between: [lines]}, "
        "{kind: instability, of: [there], levels: [2], siblings: 2, alphas: 3}]"
    )
    target = written(source.parent, "asked", *TARGET, there(OTHER, "levels: [2]"), asked)
    plan = plan_at(target)
    opened, _ = run(plan, source.parent / "store")
    facts = scores(plan, opened.realm)
    assert all(one.stage in facts for one in plan.measurements)
    assert len(plan.measurements) == 3


def test_a_level_that_only_the_other_spec_has_can_be_measured(tmp_path: Path) -> None:
    written(tmp_path, "source", *SOURCE, "prune.schedule.levels=4")
    branch = there(OTHER)
    asked = "measure=[{kind: instability, of: [%s], levels: [%d], siblings: 2}]"
    plan = plan_at(written(tmp_path, "one", *TARGET, branch, asked % ("there", 4)))
    (one,) = plan.measurements
    assert (one.sides[0].branch, one.sides[0].level) == ("there", 4)
    for line, level, says in (
        ("there", 5, "not 5"),
        ("ticket, there", 4, "the schedule has 2 levels, not 4"),
    ):
        with pytest.raises(SpecError, match=says):
            spec_of(written(tmp_path, "two", *TARGET, branch, asked % (line, level)))


def test_the_number_of_networks_counts_those_of_others(tmp_path: Path) -> None:
    deep = "prune.schedule={name: iterative, fraction: 0.001, levels: 400}"
    written(tmp_path, "source", *SOURCE, deep, "replicates=300")
    target = written(tmp_path, "target", *TARGET, there(OTHER), "replicates=300")
    with pytest.raises(SpecError, match="networks would be trained"):
        spec_of(target)


def test_tickets_that_others_were_carried_to_are_verified_by_their_file(
    both: tuple[Path, Path],
) -> None:
    _, target = both
    plan = plan_at(target)
    session, _ = run(plan, target.parent / "store")
    file = ticket_file(session, plan)
    assert origin(read_ticket(file).certificate).outcome.level == 2
    carried = file.with_name("there-level-2.safetensors")
    with pytest.raises(TicketError, match="carried from a ticket of another file"):
        origin(read_ticket(carried).certificate)


def test_nothing_of_the_source_is_evaluated(both: tuple[Path, Path]) -> None:
    plan = plan_at(both[1])
    source = {stage.work.graph for stage in plan.stages if "tickets of" in stage.label}
    assert len(source) == 1
    assert not any(
        isinstance(stage.work, Evaluate) and stage.work.graph in source for stage in plan.stages
    )


@pytest.mark.parametrize("at", ["init", "rewind", "end"])
def test_masks_by_a_criterion_look_at_the_other_training(both: tuple[Path, Path], at: str) -> None:
    """As within one spec, at each point of the source's dense training."""
    source, _ = both
    mask = f"mask: {{criterion: {{name: magnitude, at: {at}}}}}"
    target = written(source.parent, at, *TARGET, there(OTHER, "levels: [2]", mask))
    one = one_spec(source, f"branches.there.{mask.replace(': ', '=', 1)}")
    two = plan_at(target)
    assert stage_of(two, row_of(two).trained).key == stage_of(one, row_of(one).trained).key


def test_controls_are_lines_that_can_be_measured(both: tuple[Path, Path]) -> None:
    source, _ = both
    asked = (
        "measure=[{kind: overlap, of: [there, there-random, ticket], between: [lines]}, "
        "{kind: instability, of: [there-imp], levels: [1, 2], siblings: 2}]"
    )
    branch = there(OTHER, "levels: [2]", "controls: [imp, random]")
    plan = plan_at(written(source.parent, "asked", *TARGET, branch, asked))
    copies = [one.sides[0] for one in plan.measurements if one.measure == "instability"]
    assert [(side.branch, side.level) for side in copies] == [("there-imp", 1), ("there-imp", 2)]
    assert len(plan.measurements) == 2 + 3
