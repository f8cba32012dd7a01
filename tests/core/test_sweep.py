"""Sweeps: their points, what these share, what they cost, and what comes of a run."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from specs import TINY, plan_of, table_of, tiny
from test_runner import run, session

from ltspec.cli.main import cli
from ltspec.cli.plan import describe
from ltspec.cli.run import only
from ltspec.cli.screen import print_measured
from ltspec.cli.tables import print_summary
from ltspec.engine.runner import scores, standing
from ltspec.errors import LtspecError, SpecError, UsageError
from ltspec.language.points import TAKEN
from ltspec.language.source import override, parse_text, write
from ltspec.plan import is_fine, planfile, sweeping, validate
from ltspec.plan.cost import steps_from_scratch, total
from ltspec.plan.legality import check
from ltspec.plan.passes import compile_spec
from ltspec.plan.stages import Plan, Point, Train
from ltspec.results import measures, paired, table
from ltspec.results.plots import plot_accuracy, plot_lines
from ltspec.results.rows import Row
from ltspec.results.run_folder import write_results

REWINDS = "sweep={prune.rewind.to: [0it, 10it, 20it]}"
FRESH = "branches.fresh={kind: reinitialize, levels: [2]}"
GRID = (
    "sweep={prune.rewind.to: [0it, 10it], "
    "size: {model.widths: [[12], [8]], train.duration: [40it, 30it]}, "
    "recipe: {standard: {}, low: {train.optimizer.lr: 0.01}}}"
)
INSTABILITY = "measure=[{kind: instability, of: [dense, ticket], siblings: 2, alphas: 3}]"


def keys(plan: Plan) -> set[str]:
    return {stage.key for stage in plan.stages}


def row_keys(plan: Plan, point: int) -> list[tuple[object, ...]]:
    """Every row of one point with the keys of its stages."""
    return [
        (o.replicate, o.branch, o.level, o.kept, plan.stages[o.trained].key)
        for o in plan.outcomes
        if o.point == point
    ] + [
        (m.entry, m.about, *m.sides, m.step, m.copies, plan.stages[m.stage].key)
        for m in plan.measurements
        if m.point == point
    ]


def alone(point: Point, *changes: str) -> Plan:
    """The plan of a spec that says what one point says, without a sweep."""
    written = [f"{key}={json.dumps(value)}" for key, value in point.values.items()]
    return plan_of(*changes, *written)


def test_points_are_the_product_in_written_order_the_last_fastest() -> None:
    points = plan_of(GRID).points
    sizes = [([12], "40it"), ([8], "30it")]
    expected = [
        {"prune.rewind.to": k, "model.widths": w, "train.duration": d, "recipe": r}
        for k, (w, d), r in product(["0it", "10it"], sizes, ["standard", "low"])
    ]
    assert [dict(point.columns) for point in points] == expected
    assert [point.number for point in points] == list(range(1, 9))
    assert points[1].values == {
        "prune.rewind.to": "0it",
        "model.widths": [12],
        "train.duration": "40it",
        "train.optimizer.lr": 0.01,
    }
    assert points[0].values.keys() == points[1].values.keys() - {"train.optimizer.lr"}
    assert points[3].label == (
        "prune.rewind.to=0it, model.widths=[8], train.duration=30it, recipe=low"
    )
    assert {point.prunable for point in points} == {12 * 64 + 120, 8 * 64 + 80}


def test_a_spec_without_a_sweep_is_one_point_with_the_number_0() -> None:
    plan = plan_of()
    assert [(p.number, p.values, p.columns, p.label) for p in plan.points] == [(0, {}, {}, "")]
    assert {outcome.point for outcome in plan.outcomes} == {0}
    assert not plan.is_sweep
    document = json.loads(planfile.write(plan))
    assert "points" not in document
    assert "point" not in document["outcomes"][0]


@pytest.mark.parametrize("changes", [(REWINDS, FRESH), (GRID, INSTABILITY), (GRID, FRESH)])
def test_every_point_is_what_its_own_spec_is(changes: tuple[str, str]) -> None:
    plan = plan_of(*changes)
    together: set[str] = set()
    for point in plan.points:
        one = alone(point, changes[1])
        assert row_keys(plan, point.number) == row_keys(one, 0)
        assert point.prunable == one.prunable
        together |= keys(one)
    assert keys(plan) == together


def test_rewind_points_share_their_trunk_by_hand() -> None:
    """Dense 40 once; of each k two levels and a control of 40 - k."""
    plan = plan_of(REWINDS, FRESH)
    assert total(plan).steps == 40 + 3 * 40 + 3 * 30 + 3 * 20
    trunk = [stage for stage, work in plan.trainings() if plan.stages[0].key and work.start == 0]
    dense = next(stage for stage in trunk if stage.label.endswith("level 0"))
    assert plan.own_steps(dense) == 20
    assert dense.follows is not None
    assert plan.stages[dense.follows].steps == 20
    masks = [o for o in plan.outcomes if o.branch == "ticket" and o.level == 1]
    assert len({plan.stages[o.ticket].inputs["mask"] for o in masks if o.ticket is not None}) == 1
    # From scratch, at each k: 40; 40 + (40 - k); and 40 + 2 (40 - k) for ticket and control.
    assert steps_from_scratch(plan) == sum(4 * 40 + 5 * (40 - k) for k in (0, 10, 20))


def test_the_cost_from_scratch_of_one_experiment_by_hand() -> None:
    # Dense 40, level 1 after it, level 2 after both; twice.
    assert steps_from_scratch(plan_of("replicates=2")) == 2 * (40 + 80 + 120)
    # Equal seeds share everything, and would each be trained.
    equal = "seeds=[{init: 1, order: 1, mask: 1}, {init: 1, order: 1, mask: 2}]"
    assert steps_from_scratch(plan_of(equal)) == 2 * (40 + 80 + 120)
    # Fine-tuning for 8 steps goes on from what is trained already.
    fine = "prune.rewind={weights: end, schedule: end, retrain: 8it}"
    assert steps_from_scratch(plan_of(fine)) == 40 + 48 + 56
    # Nothing trained, nothing to score: a random mask needs no dense network.
    assert steps_from_scratch(plan_of("prune.criterion=random")) == 40 + 40 + 40
    # Pruned and not trained again: the dense network, whose weights it has, is all that is trained.
    assert steps_from_scratch(plan_of("prune.rewind=none", "replicates=2")) == 2 * 40
    carried = "branches={there: {kind: transfer, to: {widths: [8, 8, 8]}}}"
    assert steps_from_scratch(plan_of("model.widths=[8, 8]", "prune.rewind=none", carried)) == 40
    # Two copies from step 10 are two networks: 10 + 30 each. One pair, two splits.
    measured = "measure=[{kind: instability, of: [dense], at: [10it], siblings: 2, alphas: 3, "
    measured += "error: [test, train]}]"
    assert steps_from_scratch(plan_of(measured)) == 40 + 80 + 120 + 2 * 40


def by_walking(plan: Plan) -> int:
    """The same number, collecting all that each network needs anew."""

    def needed(place: int) -> int:
        behind, waiting = set(), [place]
        while waiting:
            each = waiting.pop()
            if each not in behind:
                behind.add(each)
                waiting.extend(plan.stages[each].inputs.values())
        furthest: dict[str, int] = {}
        for each in behind:
            stage = plan.stages[each]
            if isinstance(stage.work, Train):
                furthest[stage.run] = max(furthest.get(stage.run, 0), stage.steps)
        return sum(furthest.values())

    copies = {
        (m.point, m.sides[0].replicate, place)
        for m in plan.measurements
        if m.about == "siblings"
        for place in plan.stages[m.stage].inputs.values()
    }
    rows = [o for o in plan.outcomes if isinstance(plan.stages[o.trained].work, Train)]
    places = [o.trained for o in rows] + [place for *_, place in copies]
    return sum(map(needed, places))


CHANGES = {
    "prune.criterion": ["magnitude", "random", "{name: snip, examples: 64}"],
    "prune.rewind": [
        "{to: 0it}",
        "{to: 10it}",
        "{weights: 0it, schedule: 10it}",
        "{weights: 5it, schedule: end, retrain: 8it}",
        "{weights: 20it, schedule: 0it}",
        "none",
    ],
    "branches": [
        "{}",
        "{a: {kind: shuffle-mask}, b: {kind: perturb, noise: 0.5}}",
        "{a: {kind: other-seed, levels: [1]}, b: {kind: reinitialize, schedule: 0it}}",
        "{a: {kind: rewind, rewind: {weights: end, schedule: 20it}}}",
        "{a: {kind: random-mask}, b: {kind: retrain, data: {name: digits, random_labels: 0.5}}}",
    ],
    "measure": [
        "[]",
        "[{kind: instability, of: [dense, ticket], at: [0it, 7it, 15it], siblings: 3}]",
        "[{kind: instability, siblings: 2}, {kind: instability, siblings: 3}]",
        "[{kind: barrier}, {kind: function, between: siblings}, {kind: function}]",
    ],
    "sweep": [
        "{}",
        "{prune.schedule.levels: [1, 2, 3]}",
        "{train.optimizer.lr: [0.1, 0.2], data.seed: [0, 1]}",
        "{train.duration: [40it, 50it], prune.scope: [global, layer]}",
    ],
    "seeds": ["[1, 2]", "[{init: 1, order: 1, mask: 1}, {init: 2, order: 1, mask: 1}]"],
}


@settings(max_examples=60, deadline=None)
@given(st.tuples(*(st.sampled_from(values) for values in CHANGES.values())))
def test_the_cost_from_scratch_is_that_of_walking(values: Sequence[str]) -> None:
    changes = [f"{key}={value}" for key, value in zip(CHANGES, values, strict=True)]
    try:
        plan = plan_of(*changes)
    except SpecError:  # some do not go together
        return
    assert steps_from_scratch(plan) == by_walking(plan) >= total(plan).steps


def test_a_key_may_be_set_that_some_points_overrule() -> None:
    named = "sweep={size: {small: {model: {family: lenet, widths: [8]}}, given: {}}}"
    plan = plan_of(named, "model.widths=[5]")
    assert [point.prunable for point in plan.points] == [64 * 8 + 80, 64 * 5 + 50]
    every = "sweep={size: {small: {model: {family: lenet, widths: [8]}}, b: {model.widths: [6]}}}"
    with pytest.raises(UsageError, match="at each of its points"):
        plan_of(every, "model.widths=[5]")


def test_both_numbers_are_shown_and_written() -> None:
    plan = plan_of(REWINDS, FRESH)
    shown = describe(plan, everything=False)
    assert shown[0] == (
        "tiny: 3 points, 1 replicate, 2 levels, 910 parameters of which 888 may be pruned"
    )
    assert shown[2:6] == [
        "points:",
        "    1  prune.rewind.to=0it",
        "    2  prune.rewind.to=10it",
        "    3  prune.rewind.to=20it",
    ]
    assert "in all: 37 stages, 310 training steps" in shown[-4]
    assert shown[-1] == (
        "shared: each network from scratch, there would be 930 training steps, 3 times as many"
    )
    document = json.loads(planfile.write(plan))
    assert (document["steps"], document["steps_from_scratch"]) == (310, 930)


def test_a_plan_file_keeps_points() -> None:
    plan = plan_of(GRID, INSTABILITY)
    text = planfile.write(plan)
    assert planfile.read(text) == (plan, None)
    document = json.loads(text)
    document["points"][0]["number"] = 2
    with pytest.raises(UsageError, match="its points have the numbers"):
        planfile.read(json.dumps(document))
    document = json.loads(text)
    document["outcomes"][0]["point"] = 9
    with pytest.raises(UsageError, match="a row is of point 9"):
        planfile.read(json.dumps(document))
    document = json.loads(planfile.write(plan_of()))
    assert planfile.read(json.dumps(document))[0] == plan_of()


def test_a_row_of_a_point_that_is_not_there_is_found() -> None:
    plan = plan_of(REWINDS)
    wrong = replace(plan, outcomes=(replace(plan.outcomes[0], point=4),))
    with pytest.raises(LtspecError, match="a row is of point 4"):
        check(wrong, after="a pass")


def test_what_differs_between_points_has_no_one_number() -> None:
    plan = plan_of(GRID)
    with pytest.raises(ValueError):
        _ = plan.prunable
    for outcome in plan.outcomes:
        if outcome.branch == "dense":
            assert plan.density(outcome, outcome.point) == 1.0
    assert "610 to 910 parameters of which 592 to 888" in describe(plan, everything=False)[0]
    levels = plan_of("sweep={prune.schedule.levels: [1, 3]}")
    assert "1 to 3 levels" in describe(levels, everything=False)[0]


def test_a_thousand_points_are_written_once_each() -> None:
    """Stages go up with the points, and the short way of validating takes them all."""
    rates = ", ".join(str(round(0.001 * n, 3)) for n in range(1, 101))

    def source(points: int) -> Any:
        seeds = ", ".join(map(str, range(points // 100)))
        changes = (
            "prune.schedule.levels=1",
            f"sweep={{train.optimizer.lr: [{rates}], data.seed: [{seeds}]}}",
            "data.random_labels=0.5",
        )
        read = parse_text(TINY, "tiny.yaml")
        for change in changes:
            read = override(read, change)
        return read

    assert is_fine(source(1000))
    for points in (100, 1000):
        plan = compile_spec(validate(source(points)))
        assert len(plan.points) == points
        assert plan.written == points * 7
        assert len(plan.stages) == 1 + points * 6  # initial weights are the same everywhere
        assert steps_from_scratch(plan) == points * 120


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def unlabelled(rows: list[table.Row]) -> list[table.Row]:
    """Rows without what stages are called for people, and what it took to make them."""
    figures = ("accuracy", "loss", "correct", "examples")
    return [
        replace(row, scores={s: {f: score[f] for f in figures} for s, score in row.scores.items()})
        for row in rows
    ]


def test_a_run_of_a_sweep_is_the_runs_of_its_points(tmp_path: Path) -> None:
    plan = plan_of(GRID, INSTABILITY)
    opened, diary = run(plan, tmp_path / "s")
    assert diary.steps == total(plan).steps
    folder, tickets, rows = write_results(plan, opened)
    assert len(tickets) == 8 * 2
    pairs = table_of(plan, scores(plan, opened.realm), "instability").rows
    for point in plan.points:
        one = alone(point, INSTABILITY)
        apart, _ = run(one, tmp_path / f"s{point.number}")
        own, _, own_rows = write_results(one, apart)
        tickets_here = files(folder / "tickets" / f"point-{point.number}")
        assert tickets_here == files(own / "tickets")
        assert len(tickets_here) == 2
        here = [replace(row, point=0) for row in rows if row.point == point.number]
        assert unlabelled(here) == unlabelled(own_rows)
        measured = at(point, pairs)
        assert measured == table_of(one, scores(one, apart.realm), "instability").rows
        assert len(measured) == 3


def at(point: Point, rows: Sequence[Row]) -> list[Row]:
    """The rows of one point, which say nothing of points."""
    named = [dict(row) for row in rows]
    return [row for row in named if row.pop("point") == point.number]


def test_one_point_at_a_time_is_the_whole_sweep(tmp_path: Path) -> None:
    plan = plan_of(REWINDS, FRESH)
    second = only(plan, [2])
    opened, diary = run(second, tmp_path / "s")
    assert diary.steps == 40 + 3 * 30
    folder, tickets, rows = write_results(plan, opened)
    # The dense network is the same at every point, so its rows are there already.
    assert [(row.point, row.branch, row.level) for row in rows] == [
        (1, "dense", 0),
        (2, "dense", 0),
        (2, "ticket", 1),
        (2, "ticket", 2),
        (2, "fresh", 2),
        (3, "dense", 0),
    ]
    assert [ticket.parent.parent.name for ticket in tickets] == ["point-2", "point-2"]
    again, diary = run(plan, tmp_path / "s")
    assert diary.steps == 3 * 40 + 3 * 20
    assert standing(plan, again.realm.has).wanted == ()
    write_results(plan, again)
    whole, _ = run(plan, tmp_path / "whole")
    other, _, _ = write_results(plan, whole)
    assert files(folder / "tickets") == files(other / "tickets")
    assert (folder / "table.csv").read_bytes() == (other / "table.csv").read_bytes()


def test_a_point_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="no point 4"):
        only(plan_of(REWINDS), [1, 4])
    with pytest.raises(UsageError, match="no point 1"):
        only(plan_of(), [1])


def test_tables_say_which_point(tmp_path: Path) -> None:
    sweep = "sweep={prune.rewind.to: [0it, 10it], recipe: {a: {}, b: {train.optimizer.lr: 0.01}}}"
    plan = plan_of(sweep, INSTABILITY, "prune.schedule.levels=1")
    opened, _ = run(plan, tmp_path / "s")
    folder, _, rows = write_results(plan, opened)
    lines = list(csv.DictReader(io.StringIO((folder / "table.csv").read_text())))
    assert list(lines[0])[:4] == ["point", "prune.rewind.to", "recipe", "replicate"]
    assert [(x["point"], x["prune.rewind.to"], x["recipe"]) for x in lines[::2]] == [
        ("1", "0it", "a"),
        ("2", "0it", "b"),
        ("3", "10it", "a"),
        ("4", "10it", "b"),
    ]
    document = json.loads((folder / "table.json").read_text())
    assert [row["point"] for row in document["rows"]] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert [line["point"] for line in document["summary"]] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert document["points"][3] == {
        "number": 4,
        "values": {"prune.rewind.to": "10it", "train.optimizer.lr": 0.01},
        "columns": {"prune.rewind.to": "10it", "recipe": "b"},
        "graph": plan.points[3].graph,
        "prunable": 888,
        "label": "prune.rewind.to=10it, recipe=b",
    }
    pairs = list(csv.DictReader(io.StringIO((folder / "instability.csv").read_text())))
    assert list(pairs[0])[:3] == ["point", "prune.rewind.to", "recipe"]
    measured = json.loads((folder / "instability.json").read_text())
    assert [line["point"] for line in measured["summary"]] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert measured["points"] == document["points"]
    facts = scores(plan, opened.realm)
    said = io.StringIO()
    print_summary(Console(file=said, width=200), plan, rows)
    print_measured(Console(file=said, width=200), plan, facts)
    shown = " ".join(said.getvalue().split())
    assert "prune. rewind. point to recipe branch level" in shown
    assert "4 10it b ticket 1" in shown
    plot_accuracy(table.summary(rows), "test", "tiny", tmp_path / "a.svg", plan.points)
    drawn = paired.curves(table_of(plan, facts, "instability"))
    plot_lines(drawn, "tiny", tmp_path / "b.svg", plan.points)
    for name in ("a.svg", "b.svg"):
        assert "prune.rewind.to=10it, recipe=b" in (tmp_path / name).read_text()


def test_pairs_of_networks_say_which_point(tmp_path: Path) -> None:
    measure = (
        "measure=[{kind: barrier, between: successive, alphas: 3}, "
        "{kind: function, between: siblings, siblings: 2}]"
    )
    sweep = "sweep={model.widths: [[12], [8]]}"
    plan = plan_of(sweep, measure, "prune.schedule.levels=1")
    opened, _ = run(plan, tmp_path / "s")
    facts = scores(plan, opened.realm)
    for point in plan.points:
        one = alone(point, measure, "prune.schedule.levels=1")
        apart, _ = run(one, tmp_path / f"s{point.number}")
        own = scores(one, apart.realm)
        for kind in ("barrier", "function"):
            here = at(point, table_of(plan, facts, kind).rows)
            assert here == table_of(one, own, kind).rows
            assert here
    lines = paired.curves(table_of(plan, facts, "barrier"))
    assert [line.point for line in lines] == [1, 2]
    written = measures.files(plan, facts)
    for name in ("barrier", "function"):
        table_ = list(csv.DictReader(io.StringIO(written[f"{name}.csv"])))
        assert list(table_[0])[:3] == ["point", "model.widths", "entry"]
        assert {(row["point"], row["model.widths"]) for row in table_} == {
            ("1", "[12]"),
            ("2", "[8]"),
        }
        document = json.loads(written[f"{name}.json"])
        assert {row["point"] for row in document["rows"]} == {1, 2}
        assert [point["number"] for point in document["points"]] == [1, 2]
    said = io.StringIO()
    print_measured(Console(file=said, width=200), plan, facts)
    assert "2 [8]" in " ".join(said.getvalue().split())
    plot_lines(lines, "tiny", tmp_path / "b.svg", plan.points)
    assert "model.widths=[8]" in (tmp_path / "b.svg").read_text()


def test_no_axis_can_have_the_name_of_a_column(tmp_path: Path) -> None:
    measure = (
        "measure=[{kind: instability, siblings: 2, alphas: 3}, {kind: barrier, alphas: 3}, "
        "{kind: function, between: siblings, siblings: 2}, "
        "{kind: stability, siblings: 2, metrics: [l2, angle, cosine]}, "
        "{kind: distance, metrics: [angular, angle, l2, cosine]}, {kind: travelled}, "
        "{kind: overlap, between: [levels]}, {kind: weights, bins: 2, percentiles: [50]}, "
        "{kind: threshold}]"
    )
    plan = plan_of(measure, "prune.schedule.levels=2", "train.duration=2it")
    opened, _ = run(plan, tmp_path / "s")
    folder, _, _ = write_results(plan, opened)
    tables = sorted(folder.glob("*.csv"))
    assert len(tables) >= 11
    for file in tables:
        headings = file.read_text().splitlines()[0].split(",")
        assert set(headings) - {"p50"} <= TAKEN, file.name
    assert found("sweep={barrier: {a: {}}}") == [("LT250", "sweep.barrier")]
    assert found("sweep={tensor: {a: {}}}") == [("LT250", "sweep.tensor")]
    assert found("sweep={p50: {a: {}}}") == [("LT250", "sweep.p50")]


def test_tables_of_one_experiment_have_no_point(tmp_path: Path) -> None:
    plan = plan_of(INSTABILITY, "prune.schedule.levels=1")
    opened, _ = run(plan, tmp_path / "s")
    folder, _, _ = write_results(plan, opened)
    for name in ("table.csv", "table.json", "instability.csv", "instability.json"):
        assert "point" not in (folder / name).read_text()
    assert (folder / "tickets" / "replicate-1" / "level-1.safetensors").is_file()


def test_points_may_be_measured_on_other_splits(tmp_path: Path) -> None:
    plan = plan_of("sweep={evaluate: [[test], [test, train]]}", "prune.schedule.levels=1")
    opened, _ = run(plan, tmp_path / "s")
    rows = table.rows(plan, scores(plan, opened.realm))
    said = io.StringIO()
    print_summary(Console(file=said, width=200), plan, rows)
    assert "train accuracy" in said.getvalue()
    plot_accuracy(table.summary(rows), "train", "tiny", tmp_path / "a.png", plan.points)
    assert [row.point for row in rows if "train" in row.scores] == [2, 2]


def test_the_commands_know_points(tmp_path: Path) -> None:
    spec = tmp_path / "tiny.yaml"
    spec.write_text(TINY + "sweep:\n  prune.rewind.to: [0it, 10it]\n", encoding="utf-8")

    def call(*arguments: str) -> str:
        result = CliRunner().invoke(cli, [*arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    said = call("run", str(spec), "--backend", "numpy", "--quiet", "--point", "2")
    assert "not done yet: 2 of 6 networks" in said
    assert call("show", str(spec), "--format", "csv").startswith("point,prune.rewind.to,replicate")
    call("run", str(spec), "--backend", "numpy", "--quiet")
    plot = tmp_path / "p.svg"
    assert len(call("show", str(spec), "--format", "csv", "--plot", str(plot)).splitlines()) > 6
    assert plot.is_file()
    said = call("run", str(spec), "--backend", "numpy", "--set", "prune.rewind.to=10it")
    assert "0 steps" in said or "tiny" in said
    refused = CliRunner().invoke(cli, ["run", str(spec), "--backend", "numpy", "--point", "3"])
    assert isinstance(refused.exception, UsageError)


def swept(*changes: str) -> Any:
    source = parse_text(TINY, "tiny.yaml")
    for change in changes:
        source = override(source, change)
    return source


def test_a_swept_key_that_is_set_is_swept_no_more() -> None:
    grid = "sweep={prune.rewind.to: [0it, 10it], train.batch_size: [32, 64]}"
    one = compile_spec(validate(swept(grid, "prune.rewind.to=20it")))
    assert [point.label for point in one.points] == ["train.batch_size=32", "train.batch_size=64"]
    assert compile_spec(validate(swept(REWINDS, "prune.rewind.to=10it"))).is_sweep is False
    both = validate(swept(grid, "prune.rewind.to=20it", "train.batch_size=64"))
    assert keys(compile_spec(both)) == keys(plan_of("prune.rewind.to=20it"))


def test_values_of_a_sweep_are_set_like_keys() -> None:
    def labels(*changes: str) -> list[str]:
        return [point.label for point in compile_spec(validate(swept(*changes))).points]

    assert labels("sweep.train.batch_size=[8]") == ["train.batch_size=8"]
    assert labels(REWINDS, "sweep.prune.rewind.to=[5it]") == ["prune.rewind.to=5it"]
    assert labels(REWINDS, "sweep.prune.rewind.to.1=5it")[1] == "prune.rewind.to=5it"
    inner = ("sweep.size.train.duration=[20it, 50it]", "sweep.recipe.low={train.batch_size: 8}")
    assert labels(GRID, *inner)[3] == (
        "prune.rewind.to=0it, model.widths=[8], train.duration=50it, recipe=low"
    )


def test_what_a_sweep_would_overrule_cannot_be_set() -> None:
    for change in ("model.widths=[9]", "model.widths.0=9"):
        with pytest.raises(UsageError, match=r"`sweep.size` sets `model.widths` at each") as caught:
            swept(GRID, change)
        assert caught.value.code == "LT309"
    with pytest.raises(UsageError, match=r"`sweep.train.optimizer` sets"):
        swept("sweep={train.optimizer: [{name: adam, lr: 0.1}]}", "train.optimizer.lr=1")
    # What is above a swept key can be: the sweep goes on within it.
    adam = compile_spec(
        validate(
            swept("sweep={train.optimizer.lr: [0.1, 0.2]}", "train.optimizer={name: adam, lr: 1}")
        )
    )
    rates = [work.recipe.schedule.lr for _, work in adam.trainings()]
    assert set(rates) == {0.1, 0.2}


SWEEPS = [
    GRID,
    REWINDS,
    "sweep={prune.criterion: [magnitude, {name: snip, examples: 8}, random]}",
    "sweep={a: {x: {prune.criterion.name: snip}, y: {prune.criterion.name: synflow}}}",
    "sweep={a: {x: {prune.rewind: none}, y: {prune.rewind.to: 5it}}}",
    "sweep={a: {x: {prune.rewind.weights: 0it, prune.rewind.schedule: 5it}, y: {}}}",
    "sweep={model: [{family: lenet, widths: [5]}, {family: lenet}]}",
    "sweep={data: [{name: digits}, {name: digits, blur: 2}]}",
    "sweep={train.optimizer.nesterov: [false, true]}",
    "sweep={branches: [{}, {a: {kind: reinitialize}}]}",
    "sweep={train.duration: [20it, 1ep], evaluate: [[test], [train, test]]}",
]


@pytest.mark.parametrize("sweep", SWEEPS)
def test_a_resolved_sweep_is_the_same_experiment(sweep: str) -> None:
    spec = tiny(sweep)
    again = validate(parse_text(write(spec.resolved()), "resolved.yaml"))
    assert [(p.number, p.values) for p, _ in again.points] == [
        (p.number, p.values) for p, _ in spec.points
    ]
    assert [own.resolved() for _, own in again.points] == [own.resolved() for _, own in spec.points]
    assert keys(compile_spec(again)) == keys(compile_spec(spec))


def test_a_sweep_goes_over_a_spec_with_its_preset() -> None:
    """Single keys change the preset's sections; a section as a value takes their place."""
    text = """
ltspec: 1
name: from-preset
preset: frankle2020/lenet
train: {duration: 100it}
sweep:
  prune.rewind.to: [0it, 10it]
  optimizer:
    preset: {}
    slow: {train.optimizer.lr: 1e-4}
    sgd: {train.optimizer: {name: sgd, lr: 0.1}}
"""
    source = parse_text(text, "x.yaml")
    assert is_fine(source)
    spec = validate(source)
    plain = validate(parse_text(text[: text.index("sweep")], "x.yaml"))
    assert [own.train.optimizer.name for _, own in spec.points] == ["adam", "adam", "sgd"] * 2
    assert spec.points[0][1].train == plain.train
    assert spec.points[1][1].train.optimizer.lr == 1e-4
    assert {own.train.batch_size for _, own in spec.points} == {plain.train.batch_size}
    again = validate(parse_text(write(spec.resolved()), "resolved.yaml"))
    assert keys(compile_spec(again)) == keys(compile_spec(spec))


def found(*changes: str) -> list[tuple[str, str]]:
    """Code and path of all that is wrong, both ways agreeing that something is."""
    source = swept(*changes)
    assert not is_fine(source)
    with pytest.raises(SpecError) as caught:
        validate(source)
    return [(each.code, ".".join(map(str, each.path))) for each in caught.value.diagnostics]


def test_a_mistake_of_the_spec_is_the_specs() -> None:
    assert found("train.batch_size=big", REWINDS) == [("LT103", "train.batch_size")]
    assert found("train.batch_size=9999", REWINDS) == [("LT201", "train.batch_size")]
    assert found("train.optimizer.nesterov=true", "train.optimizer.momentum=0", REWINDS) == [
        ("LT107", "train.optimizer.nesterov")
    ]


def test_a_mistake_of_a_value_is_the_values() -> None:
    assert found("sweep={train.batch_size: [64, 9999, 9998], prune.rewind.to: [0it, 1it]}") == [
        ("LT201", "sweep.train.batch_size.1"),
        ("LT201", "sweep.train.batch_size.2"),
    ]
    # Where the value is alone, every point is wrong, and it is still the value.
    assert found("sweep={train.batch_size: [9999]}") == [("LT201", "sweep.train.batch_size.0")]


def test_a_mistake_of_two_values_is_shown_at_the_one_with_the_other() -> None:
    sweep = "sweep={train.duration: [10it, 40it], prune.rewind.to: [0it, 20it], data.seed: [1, 2]}"
    with pytest.raises(SpecError) as caught:
        validate(swept(sweep, "data.random_labels=0.1"))
    (one,) = caught.value.diagnostics
    assert one.path == ("sweep", "prune.rewind.to", 1)
    assert one.message.startswith("with `train.duration: 10it`, the rewind point is step 20")


def test_a_value_that_breaks_a_key_of_the_spec_says_which() -> None:
    with pytest.raises(SpecError) as caught:
        validate(swept("sweep={train.duration: [10it, 40it]}", "prune.rewind.to=20it"))
    (one,) = caught.value.diagnostics
    assert (one.path, one.label) == (("sweep", "train.duration", 0), "see prune.rewind.to")
    assert one.message.startswith("with `train.duration: 10it`, the rewind point is step 20")


def test_a_mistake_at_many_points_is_told_a_few_times() -> None:
    """Each of 8 durations clashes with the rewind points behind it, in the same words of a drop."""
    sweep = (
        "sweep={train.lr_schedule.factor: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], "
        "two: {train.duration: [40it, 50it], train.lr_schedule.drops: [[30it], [60it]]}}"
    )
    told = found(sweep, "train.lr_schedule={name: step, drops: [1it]}")
    assert told == [("LT204", "sweep.two.train.lr_schedule.drops.1.0")]


def test_more_than_a_few_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that breaks on every second point of a checked pattern: no axis is to blame alone."""
    from ltspec.errors import Diagnostic

    def odd(spec: Any) -> list[Diagnostic]:
        wrong = (spec.data.seed + spec.train.batch_size) % 2
        return [Diagnostic("LT216", "odd", ("name",))] * wrong

    monkeypatch.setattr(sweeping, "broken_rules", odd)
    sweep = "sweep={data.seed: [1, 2, 3, 4, 5, 6], train.batch_size: [1, 2, 3, 4, 5, 6]}"
    with pytest.raises(SpecError) as caught:
        validate(swept(sweep, "data.random_labels=0.1"))
    messages = [each.message for each in caught.value.diagnostics]
    assert len(messages) == sweeping.MOST_TOLD + 1
    assert sum("and so at 13 more points" in message for message in messages) == 1


def test_a_session_reads_each_points_data(tmp_path: Path) -> None:
    plan = plan_of("sweep={data: [{name: digits}, {name: digits, blur: 2}]}")
    assert plan.data["digits"]["name"] == "digits"
    opened, _ = run(plan, tmp_path / "s")
    rows = table.rows(plan, scores(plan, opened.realm))
    first, second = (
        [row.scores["test"]["loss"] for row in rows if row.point == number] for number in (1, 2)
    )
    assert first != second
    bench = session(plan, tmp_path / "s").bench
    assert bench.data(plan.points[0].graph, "digits", None) is not None
