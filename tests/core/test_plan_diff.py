"""What changes between two specs, worked out by hand.

The tiny spec has 11 stages: initial weights, a dense training of 40 steps and its measurement, and
for each of two levels a mask, a ticket, a training of 40 steps and its measurement. An epoch of the
digits is 23 steps of 64.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from specs import plan_of

from ltspec.cli.diff import describe
from ltspec.plan import planfile
from ltspec.plan.cost import total
from ltspec.plan.plan_diff import (
    Counts,
    LineChange,
    Measured,
    PlanDifference,
    PointChange,
    compare,
)
from ltspec.plan.stages import Plan

TINY = plan_of()
REWOUND = "prune.rewind.to=10it"
FASTER = "train.optimizer.lr=0.2"
REINIT = "branches.reinit={kind: reinitialize, levels: [1]}"
OVERLAP = "{kind: overlap, of: [ticket], between: [levels]}"
WEIGHTS = "{kind: weights, of: [ticket], levels: [1, 2]}"


def changed(*changes: str, of: Plan = TINY) -> PlanDifference:
    return compare(of, plan_of(*changes))


def keys(found: PlanDifference) -> list[tuple[str, object, object]]:
    return [(each.key, each.before, each.after) for each in found.keys]


def line(branch: str, **levels: tuple[int, ...]) -> LineChange:
    nothing = dict.fromkeys(("same", "partly", "changed", "first", "second"), ())
    return LineChange(branch, **{**nothing, **levels})


def lines(found: PlanDifference) -> tuple[LineChange, ...]:
    (point,) = found.points
    assert (point.columns, point.first, point.second) == ({}, 0, 0)
    return point.lines


def test_another_rewind_point_keeps_the_dense_network() -> None:
    found = changed(REWOUND)
    assert keys(found) == [("prune.rewind.to", "0it", "10it")]
    assert lines(found) == (line("dense", same=(0,)), line("ticket", changed=(1, 2)))
    # In both: initial weights, the dense training, its measurement, the first level's mask.
    assert found.networks == Counts(1, 2, 2)
    assert found.stages == Counts(4, 7, 8)
    # The rewind point is on the way of the dense training; tickets take 30 steps from there.
    assert found.steps == Counts(40, 80, 60)
    assert not found.is_same


def test_another_learning_rate_changes_all_but_the_initial_weights() -> None:
    found = changed(FASTER)
    assert keys(found) == [("train.optimizer.lr", 0.1, 0.2)]
    assert lines(found) == (line("dense", changed=(0,)), line("ticket", changed=(1, 2)))
    assert (found.networks, found.stages) == (Counts(0, 3, 3), Counts(1, 10, 10))
    assert found.steps == Counts(0, 120, 120)


def test_a_branch_that_is_added_changes_nothing_else() -> None:
    found = changed(REINIT)
    ((key, before, after),) = keys(found)
    assert (key, before) == ("branches.reinit", None)
    assert isinstance(after, dict)
    assert after["kind"] == "reinitialize"
    assert lines(found)[2:] == (line("reinit", second=(1,)),)
    # Fresh weights, the ticket of the mask that is there, its training, its measurement.
    assert (found.networks, found.stages) == (Counts(3, 0, 1), Counts(11, 0, 4))
    assert found.steps == Counts(120, 0, 40)


def test_another_name_and_text_are_the_same_experiment() -> None:
    found = changed("name=other", "about=as before")
    assert found.is_same
    assert found.stages == Counts(11, 0, 0)
    assert describe(found) == ["the same experiment"]


def test_a_preset_is_what_it_fills_in() -> None:
    ours = plan_of("preset=maene2021/lenet", "data={name: digits}", "prune.schedule.levels=1")
    theirs = replace(ours, spec={key: ours.spec[key] for key in ours.spec if key != "preset"})
    assert "preset" in ours.spec
    assert compare(ours, theirs).is_same


def test_equal_meaning_written_differently() -> None:
    found = changed("train.duration=1ep", of=plan_of("train.duration=23it"))
    assert keys(found) == [("train.duration", "23it", "1ep")]
    assert lines(found) == (line("dense", same=(0,)), line("ticket", same=(1, 2)))
    assert (found.stages, found.steps) == (Counts(11, 0, 0), Counts(69, 0, 0))
    assert not found.is_same
    assert describe(found) == [
        "keys that differ:",
        "  train.duration: 23it -> 1ep",
        "",
        "networks: all the same",
        "",
        "in all:",
        "  networks        3 in both, 0 in the first alone, 0 in the second alone",
        "  stages          11 in both, 0 in the first alone, 0 in the second alone",
        "  training steps  69 in both, 0 in the first alone, 0 in the second alone",
    ]


def test_a_longer_training_shares_the_shorter_ones_steps() -> None:
    """Its stage is another, and it is a later point of the same run. Tickets have other masks."""
    found = changed("train.duration=60it")
    assert found.stages == Counts(1, 10, 10)
    assert found.steps == Counts(40, 80, 140)
    # With a rewind point at 40 the shorter one's dense training is a stage of the longer one's.
    found = changed("train.duration=60it", "prune.rewind.to=40it")
    assert found.stages == Counts(2, 9, 10)
    assert found.steps == Counts(40, 80, 60)
    # A rate that depends on the end makes another run of it.
    cosine = "train.lr_schedule={name: cosine}"
    assert changed("train.duration=60it", cosine, of=plan_of(cosine)).steps == Counts(0, 120, 180)


def test_levels_that_are_added_and_chosen_otherwise() -> None:
    reinit = "branches.reinit={kind: reinitialize, levels: [%s]}"
    ours = plan_of("prune.schedule.levels=6", reinit % "1, 3, 5, 6")
    found = changed("prune.schedule.levels=4", reinit % "2, 3, 4", of=ours)
    assert keys(found)[1:] == [("branches.reinit.levels", [1, 3, 5, 6], [2, 3, 4])]
    assert lines(found)[1:] == (
        line("ticket", same=(1, 2, 3, 4), first=(5, 6)),
        line("reinit", same=(3,), first=(1, 5, 6), second=(2, 4)),
    )
    assert describe(found)[4:8] == [
        "networks, by level:",
        "  dense   the same",
        "  ticket  1-4 the same; 5-6 in the first alone",
        "  reinit  3 the same; 1, 5-6 in the first alone; 2, 4 in the second alone",
    ]


def test_more_replicates_are_the_same_networks_in_part() -> None:
    found = changed("replicates=2")
    assert keys(found) == [("replicates", 1, 2), ("seeds", [1], [1, 2])]
    assert lines(found) == (line("dense", partly=(0,)), line("ticket", partly=(1, 2)))
    assert (found.networks, found.steps) == (Counts(3, 0, 3), Counts(120, 0, 120))
    assert describe(found)[4:7] == [
        "networks, by level:",
        "  dense   the same in some replicates",
        "  ticket  1-2 the same in some replicates",
    ]


def test_replicates_in_another_order_are_the_same_networks() -> None:
    measure = f"measure=[{WEIGHTS}]"
    found = changed("seeds=[2, 1]", measure, of=plan_of("seeds=[1, 2]", measure))
    assert keys(found) == [("seeds", [1, 2], [2, 1])]
    assert found.points[0].is_same
    assert found.measurements == Measured(4, 0, 0, 0)


def test_a_branch_of_another_name_is_the_same_network() -> None:
    found = changed(REINIT.replace("reinit=", "fresh="), of=plan_of(REINIT))
    assert [each.key for each in found.keys] == ["branches.reinit", "branches.fresh"]
    assert lines(found)[2:] == (line("reinit", first=(1,)), line("fresh", second=(1,)))
    assert (found.networks, found.stages) == (Counts(4, 0, 0), Counts(15, 0, 0))


# -- measurements ----------------------------------------------------------------------------------


def test_measurements_are_compared_by_what_they_ask() -> None:
    ours = plan_of(f"measure=[{OVERLAP}, {WEIGHTS}]")
    # Levels 1 and 2 of `weights`, their pair of `overlap`.
    assert compare(ours, ours).measurements == Measured(3, 0, 0, 0)
    # The first level's mask is the same, and neither its ticket nor the second one's mask.
    assert changed(REWOUND, f"measure=[{OVERLAP}, {WEIGHTS}]", of=ours).measurements == Measured(
        0, 3, 0, 0
    )
    found = changed(f"measure=[{WEIGHTS.replace('[1, 2]', '[2]')}]", of=ours)
    assert [(each.key, each.after) for each in found.keys] == [
        ("measure.0", None),
        ("measure.1.levels", [2]),
    ]
    assert found.measurements == Measured(1, 0, 2, 0)
    assert found.points[0].is_same
    assert "  measurements    1 the same, 2 in the first alone" in describe(found)


def test_entries_in_another_order_are_the_same_experiment() -> None:
    ours = plan_of(f"measure=[{OVERLAP}, {WEIGHTS}]")
    assert changed(f"measure=[{WEIGHTS}, {OVERLAP}]", of=ours).is_same
    # Of one kind too; what is left over is the one that is not in both.
    both = WEIGHTS, WEIGHTS.replace("[1, 2]", "[2]")
    ours = plan_of(f"measure=[{both[0]}, {both[1]}]")
    assert changed(f"measure=[{both[1]}, {both[0]}]", of=ours).is_same
    found = changed(f"measure=[{both[1]}]", of=ours)
    assert [(each.key, each.after) for each in found.keys] == [("measure.0", None)]


def test_an_entry_that_is_added_has_its_number_there() -> None:
    ours = plan_of(f"measure=[{WEIGHTS}]")
    found = changed(f"measure=[{OVERLAP}, {WEIGHTS}]", of=ours)
    ((key, before, after),) = keys(found)
    assert (key, before) == ("measure.0", None)
    assert isinstance(after, dict)
    assert after["kind"] == "overlap"
    assert found.measurements == Measured(2, 0, 0, 1)


# -- sweeps ----------------------------------------------------------------------------------------


def sweep(*points: str) -> str:
    return f"sweep={{prune.rewind.to: [{', '.join(points)}]}}"


def test_points_of_a_sweep_are_found_by_what_is_set_there() -> None:
    found = changed(sweep("10it", "20it"), of=plan_of(sweep("0it", "10it")))
    assert keys(found) == [("sweep.prune.rewind.to", ["0it", "10it"], ["10it", "20it"])]
    one, both, other = found.points
    column = "prune.rewind.to"
    assert (one.columns, one.first, one.second) == ({column: "0it"}, 1, None)
    assert one.lines == (line("dense", first=(0,)), line("ticket", first=(1, 2)))
    same = line("dense", same=(0,)), line("ticket", same=(1, 2))
    assert both == PointChange({column: "10it"}, 2, 1, same)
    assert (other.columns, other.first, other.second) == ({column: "20it"}, None, 2)
    # The dense network is that of all points. Tickets: 2 x 40 steps, 2 x 30 and 2 x 20.
    assert found.networks == Counts(3, 2, 2)
    assert found.stages == Counts(12, 7, 8)
    assert found.steps == Counts(100, 80, 40)
    assert describe(found)[3:10] == [
        "networks, by level, at the points in both:",
        "  dense   the same",
        "  ticket  1-2 the same",
        "",
        "points in the first alone: prune.rewind.to=0it",
        "points in the second alone: prune.rewind.to=20it",
        "",
    ]


def test_points_of_which_the_same_is_said_are_taken_together() -> None:
    recipes = "sweep={recipe: {a: {train.batch_size: 32}, b: {train.batch_size: %d}}, seed: {%s}}"
    seeds = ", ".join(f"s{n}: {{data.subsample: 0.{n}}}" for n in range(2, 8))
    found = changed(recipes % (16, seeds), of=plan_of(recipes % (48, seeds)))
    assert keys(found) == [("sweep.recipe.b.train.batch_size", 48, 16)]
    headings = [each for each in describe(found) if each.startswith("networks,")]
    assert headings == [
        f"networks, by level, at recipe={name}, seed=s2; recipe={name}, seed=s3; "
        f"recipe={name}, seed=s4; recipe={name}, seed=s5; 2 more:"
        for name in "ab"
    ]


def test_a_sweep_against_none() -> None:
    found = changed("sweep={train.optimizer.lr: [0.1, 0.2]}")
    # No spec of a sweep has the defaults of the section, which are those of each point.
    swept = {each.key for each in found.keys if each.swept}
    optimizer = ("nesterov", "weight_decay", "decay")
    assert swept == {f"train.optimizer.{key}" for key in optimizer}
    assert {each.key for each in found.keys} - swept == {"sweep.train.optimizer.lr"}
    assert "  train.optimizer.nesterov: false -> left to the sweep" in describe(found)
    assert "points in the first alone: the one without a sweep" in describe(found)
    assert (found.networks, found.stages) == (Counts(3, 0, 3), Counts(11, 0, 10))
    # Another branch is not there for another reason.
    points = "sweep={branches.other.levels: [[1], [2]]}"
    found = changed("branches.other={kind: reinitialize}", points, of=plan_of(REINIT))
    one = next(each for each in found.keys if each.key == "branches.reinit")
    assert (one.after, one.swept) == (None, False)


def test_defaults_of_an_entry_are_left_to_the_sweep() -> None:
    points = "sweep={measure.0.levels: [[1], [2]]}"
    found = changed(f"measure=[{WEIGHTS}]", points, of=plan_of(f"measure=[{WEIGHTS}]"))
    swept = {each.key for each in found.keys if each.swept}
    assert "measure.0.bins" in swept
    assert {each.key for each in found.keys} - swept == {"sweep.measure.0.levels"}


def test_a_section_that_the_sweep_sets_is_left_to_it() -> None:
    points = "sweep={prune.criterion: [magnitude, random]}"
    found = changed(points, of=plan_of("prune.criterion=random"))
    (one, *_) = found.keys
    assert (one.key, one.swept) == ("prune.criterion", True)


# -- plan files ------------------------------------------------------------------------------------


def test_a_plan_file_is_the_experiment_that_it_was_made_of() -> None:
    for plan in (plan_of(REINIT, f"measure=[{OVERLAP}]"), plan_of(sweep("0it", "10it"))):
        again, _ = planfile.read(planfile.write(plan))
        assert compare(plan, again).is_same
        assert compare(again, plan).is_same
    again, _ = planfile.read(planfile.write(TINY))
    assert compare(again, plan_of(REWOUND)) == changed(REWOUND)


def test_files_that_keys_name_may_be_what_differs() -> None:
    found = compare(TINY, replace(plan_of(FASTER), spec=TINY.spec))
    assert found.keys == ()
    assert not found.is_same
    assert describe(found)[0] == "keys: all the same; what differs is in files that they name"


# -- all of it -------------------------------------------------------------------------------------

CHANGES: tuple[tuple[str, ...], ...] = (
    (),
    (FASTER,),
    (REWOUND, REINIT),
    ("train.duration=60it", "prune.rewind.to=40it", "replicates=2"),
    (sweep("0it", "10it"), f"measure=[{OVERLAP}]"),
    ("prune.schedule={name: gradual, density: 0.5, begin: 0it, until: 20it, every: 5it}",),
)


@pytest.fixture(scope="module")
def plans() -> list[Plan]:
    return [plan_of(*changes) for changes in CHANGES]


def test_counts_add_up_and_turn_around(plans: list[Plan]) -> None:
    for (one, ours), (other, theirs) in product(enumerate(plans), repeat=2):
        found, back = compare(ours, theirs), compare(theirs, ours)
        assert found.is_same == (one == other)
        for plan, counts in ((ours, found), (theirs, back)):
            assert counts.steps.both + counts.steps.first == total(plan).steps
            assert counts.stages.both + counts.stages.first == len(plan.stages)
            asked = counts.measurements
            assert asked.same + asked.changed + asked.first == len(plan.measurements)
        for counts, turned in (
            (found.steps, back.steps),
            (found.stages, back.stages),
            (found.networks, back.networks),
        ):
            assert (counts.both, counts.first, counts.second) == (
                turned.both,
                turned.second,
                turned.first,
            )
        turned_keys = {(each.key, str(each.after), str(each.before)) for each in back.keys}
        assert {(each.key, str(each.before), str(each.after)) for each in found.keys} == turned_keys
