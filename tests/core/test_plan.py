"""What a spec means: stages, sharing, trunks, cost, and plan files."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from specs import plan_of, tiny

from ltspec.data.facts import FACTS
from ltspec.errors import LtspecError, UsageError
from ltspec.plan import planfile
from ltspec.plan.cost import cost, examples_seen, total
from ltspec.plan.keys import stage_key
from ltspec.plan.legality import check
from ltspec.plan.passes import PASSES, compile_spec, expand_stages
from ltspec.plan.stages import Init, Plan, Prune, Rewind, Stage, Train


def story(plan: Plan) -> list[str]:
    """The plan as short lines: kind, inputs, steps."""
    lines = []
    for place, stage in enumerate(plan.stages):
        reads = " ".join(f"{role}={read}" for role, read in stage.inputs.items())
        steps = f" {stage.work.start}-{stage.work.stop}" if isinstance(stage.work, Train) else ""
        after = "" if stage.follows is None else f" after {stage.follows}"
        lines.append(f"{place} {stage.kind} {reads}{steps}{after}".replace("  ", " ").rstrip())
    return lines


def test_weight_rewinding_to_the_start() -> None:
    assert story(plan_of()) == [
        "0 init",
        "1 train state=0 0-40",
        "2 evaluate state=1",
        "3 prune state=1",
        "4 rewind state=0 mask=3",
        "5 train state=4 0-40",
        "6 evaluate state=5",
        "7 prune state=5 mask=3",
        "8 rewind state=0 mask=7",
        "9 train state=8 0-40",
        "10 evaluate state=9",
    ]


def test_late_rewinding_makes_the_rewind_point_a_part_of_the_dense_training() -> None:
    assert story(plan_of("prune.rewind={to: 10it}", "prune.schedule.levels=1")) == [
        "0 init",
        "1 train state=0 0-10",
        "2 train state=0 0-40 after 1",
        "3 evaluate state=2",
        "4 prune state=2",
        "5 rewind state=1 mask=4",
        "6 train state=5 10-40",
        "7 evaluate state=6",
    ]


def test_learning_rate_rewinding_keeps_the_trained_weights() -> None:
    plan = plan_of("prune.rewind={weights: end, schedule: 10it}")
    assert story(plan)[3:] == [
        "3 prune state=1",
        "4 rewind state=1 mask=3",
        "5 train state=4 10-40",
        "6 evaluate state=5",
        "7 prune state=5 mask=3",
        "8 rewind state=5 mask=7",
        "9 train state=8 10-40",
        "10 evaluate state=9",
    ]


def test_fine_tuning_goes_on_past_the_end_at_the_last_rate() -> None:
    plan = plan_of(
        "prune.rewind={weights: end, schedule: end, retrain: 8it}",
        "train.lr_schedule={name: cosine}",
        "prune.schedule.levels=1",
    )
    assert story(plan)[5] == "5 train state=4 40-48"
    work = plan.stages[5].work
    assert isinstance(work, Train)
    assert work.recipe.schedule.hold == 40


def test_no_retraining_measures_the_pruned_network_itself() -> None:
    assert story(plan_of("prune.rewind=none"))[3:] == [
        "3 prune state=1",
        "4 rewind state=1 mask=3",
        "5 evaluate state=4",
        "6 prune state=4 mask=3",
        "7 rewind state=4 mask=6",
        "8 evaluate state=7",
    ]


def test_random_masks_do_not_wait_for_training() -> None:
    plan = plan_of("prune.criterion=random")
    masks = [stage for stage in plan.stages if isinstance(stage.work, Prune)]
    assert [dict(stage.inputs) for stage in masks] == [{}, {"mask": 3}]
    assert masks[0].work.seed == 1  # type: ignore[union-attr]


def test_reinitialised_branches_share_the_mask_and_draw_weights_of_their_own() -> None:
    plan = plan_of("branches.fresh={kind: reinitialize, levels: [2]}")
    lines = story(plan)
    assert lines[11:] == [
        "11 init",
        "12 rewind state=11 mask=7",
        "13 train state=12 0-40",
        "14 evaluate state=13",
    ]
    draws = [stage.work.draw for stage in plan.stages if isinstance(stage.work, Init)]
    assert draws[0] == 0
    assert draws[1] > 0
    assert [(o.branch, o.level) for o in plan.outcomes] == [
        ("dense", 0),
        ("ticket", 1),
        ("ticket", 2),
        ("fresh", 2),
    ]


def test_two_draws_are_two_experiments_and_equal_draws_are_one() -> None:
    two = plan_of(
        "branches.a={kind: reinitialize, draw: 1}", "branches.b={kind: reinitialize, draw: 2}"
    )
    one = plan_of("branches.a={kind: reinitialize}", "branches.b={kind: reinitialize}")
    assert len(two.stages) == 11 + 2 * 2 * 4
    assert len(one.stages) == 11 + 2 * 4
    assert one.written == len(two.stages)
    assert [o.trained for o in one.outcomes if o.branch == "a"] == [
        o.trained for o in one.outcomes if o.branch == "b"
    ]


def test_replicates_share_what_their_seeds_share() -> None:
    plan = plan_of("seeds=[{init: 1, order: 1, mask: 1}, {init: 1, order: 2, mask: 1}]")
    assert sum(stage.kind == "init" for stage in plan.stages) == 1
    assert sum(stage.kind == "train" for stage in plan.stages) == 6


def keys(plan: Plan) -> set[str]:
    return {stage.key for stage in plan.stages}


@pytest.mark.parametrize(
    "change",
    [
        "name=other",
        "about=something",
        "replicates=1",
        "seeds=[1]",
        "model.init=glorot-normal",
        "prune.rewind={weights: 0it, schedule: 0it}",
        "train.optimizer.nesterov=false",
        "prune.criterion=magnitude",
        "prune.rewind={to: 0ep}",
        "train.optimizer.weight_decay=0",
    ],
)
def test_what_changes_no_meaning_changes_no_key(change: str) -> None:
    assert keys(plan_of(change)) == keys(plan_of())


@pytest.mark.parametrize(
    "change",
    [
        "train.batch_size=32",
        "train.optimizer.lr=0.2",
        "train.optimizer.momentum=0.8",
        "train.optimizer.nesterov=true",
        "train.optimizer.weight_decay=1e-4",
        "train.lr_schedule={name: step, drops: [20it]}",
        "train.lr_schedule={name: constant, warmup: 2it}",
        "train.lr_schedule={name: linear}",
        "train.lr_schedule={name: cosine}",
        "train.duration=41it",
        "train.optimizer={name: adam, lr: 0.1}",
        "seeds=[2]",
        "model.widths=[13]",
    ],
)
def test_what_changes_the_training_changes_every_trained_key(change: str) -> None:
    before, after = plan_of(), plan_of(change)
    trained = {stage.key for stage in before.stages if stage.kind != "init"}
    assert not trained & keys(after)


@pytest.mark.parametrize(
    "change",
    [
        "prune.schedule.fraction=0.3",
        "prune.scope=layer",
        "prune.exempt=[fc2.weight]",
        "prune.criterion=random",
        "prune.schedule={name: one-shot, density: 0.5}",
    ],
)
def test_what_changes_the_pruning_keeps_the_dense_training(change: str) -> None:
    before, after = plan_of(), plan_of(change)
    assert [s.key for s in before.stages[:3]] == [s.key for s in after.stages[:3]]
    assert not {s.key for s in before.stages[3:]} & keys(after)


def test_a_point_of_a_training_has_the_same_key_however_it_is_reached() -> None:
    """The state at step 40 is the same one, whichever rewind point lies on the way."""
    plain, late, later = (
        plan_of(),
        plan_of("prune.rewind={to: 10it}"),
        plan_of("prune.rewind={to: 20it}"),
    )
    dense = [
        next(s for s in p.stages if isinstance(s.work, Train) and s.work.stop == 40)
        for p in (plain, late, later)
    ]
    assert len({stage.key for stage in dense}) == 1
    runs = {
        s.run
        for p in (plain, late, later)
        for s in p.stages
        if isinstance(s.work, Train) and dict(s.inputs) == {"state": 0}
    }
    assert len(runs) == 1


def test_a_longer_training_at_a_constant_rate_is_the_same_run() -> None:
    short, long = plan_of(), plan_of("train.duration=80it")
    assert short.stages[1].run == long.stages[1].run
    assert short.stages[1].key != long.stages[1].key


def test_cost_counts_own_steps_and_partial_batches() -> None:
    plan = plan_of("prune.rewind={to: 10it}")
    assert total(plan).steps == 40 + 2 * 30 == sum(plan.own_steps(stage) for stage in plan.stages)
    graph = next(iter(plan.graphs.values()))
    # 23 steps an epoch: 22 batches of 64 and one of 30; the dense 40 steps see 1,438 + 17 * 64.
    dense = sum(cost(plan, stage).flops for stage in plan.stages[1:3])
    assert dense == 3 * graph.forward_flops * (1438 + 17 * 64)
    assert graph.forward_flops == 2 * 64 * 12 + 12 + 12 + 2 * 12 * 10 + 10


def test_examples_seen() -> None:
    assert examples_seen(0, 391, 128, 50_000) == 50_000
    assert examples_seen(390, 391, 128, 50_000) == 80
    assert examples_seen(390, 392, 128, 50_000) == 208


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_plan_survives_its_file(data: st.DataObject) -> None:
    changes = data.draw(
        st.lists(
            st.sampled_from(
                [
                    "replicates=3",
                    "prune.rewind={to: 7it}",
                    "prune.rewind=none",
                    "evaluate=[test, train]",
                    "prune.criterion=random",
                    "prune.scope=layer",
                    "branches.b={kind: reinitialize, schedule: 0it}",
                    "train.optimizer={name: adam, lr: 1e-3}",
                    "train.lr_schedule={name: step, drops: [9it]}",
                ]
            ),
            unique=True,
        )
    )
    plan = plan_of(*changes)
    assert planfile.read(planfile.write(plan)) == (plan, None)


def changed(text: str, change: str) -> str:
    document = json.loads(text)
    stage = document["stages"][5]
    match change:
        case "recipe":
            stage["work"]["recipe"]["schedule"]["lr"] = 0.3
        case "stop":
            stage["work"]["stop"] = 39
        case "key":
            stage["key"] = "0" * 40
        case "input":
            stage["inputs"]["state"] = 9
        case "version":
            document["ltspec_plan"] = 1
        case "network":
            next(iter(document["graphs"].values()))["nodes"][1]["out"] = 13
        case "missing":
            del document["outcomes"]
        case "kind":
            stage["work"]["kind"] = "delete"
        case "data":  # of an earlier reader
            for each in document["stages"]:
                if each["work"]["kind"] == "evaluate":
                    each["work"]["data_version"] = 0
        case "name":
            document["name"] = "../../elsewhere"
        case "branch":
            document["outcomes"][0]["branch"] = "../x"
        case "level":
            document["outcomes"][0]["level"] = "../x"
    return json.dumps(document)


@pytest.mark.parametrize(
    "change",
    [
        "recipe",
        "stop",
        "key",
        "input",
        "version",
        "network",
        "missing",
        "kind",
        "data",
        "name",
        "branch",
        "level",
    ],
)
def test_a_plan_file_that_was_changed_is_refused(change: str) -> None:
    with pytest.raises(UsageError) as caught:
        planfile.read(changed(planfile.write(plan_of()), change))
    assert caught.value.code == "LT308"


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '{"ltspec_plan": 1}', "[" * 100_000])
def test_what_is_no_plan_file_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        planfile.read(text)
    assert caught.value.code == "LT308"


def test_a_plan_for_an_earlier_reader_of_the_data_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = planfile.write(plan_of())
    newer = replace(FACTS["digits"], version=2)
    monkeypatch.setattr(planfile, "FACTS", {"digits": newer})
    with pytest.raises(UsageError, match="made for digits version 1"):
        planfile.read(text)


def test_a_plan_file_may_say_nothing_of_its_execution() -> None:
    document = json.loads(planfile.write(plan_of()))
    del document["execution"]
    assert planfile.read(json.dumps(document)) == (plan_of(), None)


def test_every_pass_leaves_a_legal_plan_and_a_broken_one_is_named() -> None:
    def forget_inputs(plan: Plan, _: object) -> Plan:
        stages = tuple(
            replace(s, inputs={}) if isinstance(s.work, Rewind) else s for s in plan.stages
        )
        return replace(plan, stages=stages)

    before = PASSES[: PASSES.index(expand_stages) + 1]
    with pytest.raises(LtspecError, match=r"after the pass forget_inputs: .*reads \[\]"):
        compile_spec(tiny(), (*before, forget_inputs))


@pytest.mark.parametrize("damage", ["grow", "self", "kind", "follow", "empty"])
def test_legality_finds(damage: str) -> None:
    plan = plan_of("prune.rewind={to: 10it}")
    stages = list(plan.stages)

    def put(place: int, stage: Stage) -> None:
        stages[place] = stage

    masks = [place for place, stage in enumerate(stages) if isinstance(stage.work, Prune)]
    second = stages[masks[1]]
    match damage:
        case "grow":
            put(masks[1], replace(second, work=replace(second.work, keep=(10_000,))))  # type: ignore[arg-type]
        case "empty":
            put(masks[1], replace(second, work=replace(second.work, keep=(0,))))  # type: ignore[arg-type]
        case "self":
            put(masks[1], replace(second, inputs={"state": masks[1]}))
        case "kind":
            put(masks[1], replace(second, inputs={"state": masks[0]}))
        case "follow":
            put(2, replace(stages[2], run="0" * 40))
    with pytest.raises(LtspecError, match="after the pass a test"):
        check(replace(plan, stages=tuple(stages)), after="a test")


def test_keys_are_literal() -> None:
    """A change of one of these is a change of meaning: raise SEMANTICS and say why in CHANGELOG."""
    plan = plan_of("prune.rewind={to: 10it}", "branches.fresh={kind: reinitialize, levels: [1]}")
    assert [stage.key[:12] for stage in plan.stages] == LITERAL
    for stage in plan.stages:
        inputs = {role: plan.stages[read].key for role, read in stage.inputs.items()}
        assert stage_key(stage, inputs) == (stage.key, stage.run)


LITERAL = [
    "325ff50c729e",
    "cbaaef898220",
    "9355636c0f90",
    "13753e7b3957",
    "1cf9a0d86317",
    "d15df3fb04a7",
    "f9359fcdf827",
    "2c22c7ff61c2",
    "ecca9f16f378",
    "51775dc3409c",
    "01b6522c2480",
    "a3bedd7d4a07",
    "1fd90505ecf7",
    "d4d8c875cbe2",
    "5f5d64101bcb",
    "65683388153f",
]


def test_a_plan_file_from_before_augmentation_is_read() -> None:
    """What was added to stages since then is not in it, and means nothing where it is left out."""
    plan = plan_of("branches.fresh={kind: reinitialize}")
    document = json.loads(planfile.write(plan))
    for stage in document["stages"]:
        for name in ("norm_scale", "alteration"):
            stage["work"].pop(name, None)
        for name in ("augment", "alteration"):
            stage["work"].get("recipe", {}).pop(name, None)
    read, _ = planfile.read(json.dumps(document))
    assert read == plan
