"""Instability analysis: points of a line, seeds of copies, shared work, tables, a control."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from specs import plan_of, table_of
from test_runner import run, session

from ltspec.cli.screen import print_measured
from ltspec.decisions import line as lines
from ltspec.engine.arrays import buffers_of, weights_of
from ltspec.engine.runner import scores, standing
from ltspec.errors import InvariantError, LtspecError
from ltspec.plan import planfile
from ltspec.plan.cost import total
from ltspec.plan.keys import stage_key
from ltspec.plan.legality import check
from ltspec.plan.stages import Line, Plan, Stage, Train
from ltspec.results.paired import curves
from ltspec.results.plots import plot_lines
from ltspec.results.rows import summary
from ltspec.results.run_folder import write_results

REWIND = "prune.rewind={to: 10it}"
FRESH = "branches.fresh={kind: reinitialize, levels: [2]}"
EVERY = """measure=[{kind: instability, of: [dense, ticket, fresh], levels: [2],
    at: [0it, 10it, 20it], error: [test, train]}]"""
ALL = (REWIND, FRESH, EVERY)
SHORT = "measure=[{kind: instability, of: [ticket], levels: [0, 2], alphas: 5, siblings: 2}]"


def test_the_ends_of_a_line_are_the_networks_to_the_bit() -> None:
    one = {"w": np.array([0.1, -0.0, 3e-45], np.float32)}
    other = {"w": np.array([0.7, 0.0, -1.0], np.float32)}
    assert lines.point(one, other, 0.0)["w"].tobytes() == one["w"].tobytes()
    assert lines.point(one, other, 1.0)["w"].tobytes() == other["w"].tobytes()


def test_a_point_is_rounded_once_and_keeps_what_both_have_pruned() -> None:
    one = {"w": np.array([0.1, 0.0, 0.3], np.float32)}
    other = {"w": np.array([0.7, 0.0, 0.0], np.float32)}
    wanted = [0.75 * float(a) + 0.25 * float(b) for a, b in zip(one["w"], other["w"], strict=True)]
    found = lines.point(one, other, 0.25)["w"]
    assert found.dtype == np.float32
    assert found.tolist() == np.array(wanted).astype(np.float32).tolist()
    assert found[1] == 0


@pytest.mark.parametrize("other", [{"v": np.zeros(3)}, {"w": np.zeros(2)}, {}])
def test_a_line_needs_the_same_tensors(other: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="same tensors"):
        lines.point({"w": np.zeros(3)}, other, 0.5)


def test_the_order_of_tensors_does_not_matter() -> None:
    """A result that is read back has its arrays in another order than a new one."""
    one, other = {"a": np.zeros(2), "b": np.ones(3)}, {"b": np.zeros(3), "a": np.ones(2)}
    found = lines.point(one, other, 0.25)
    assert {name: array.tolist() for name, array in found.items()} == {
        "a": [0.25] * 2,
        "b": [0.75] * 3,
    }


def test_a_run_that_was_stopped_before_a_line_goes_on(tmp_path: Path) -> None:
    plan = plan_of(REWIND, SHORT)
    opened, _ = run(plan, tmp_path / "s")
    line = plan.stages[plan.measurements[0].stage]
    lost = plan.stages[line.inputs["second"]].key
    for key in (lost, line.key):
        shutil.rmtree(opened.realm.array_file(key).parent)
    assert standing(plan, opened.realm.has).steps == 30
    again, _ = run(plan, tmp_path / "s")
    tables = [table_of(plan, scores(plan, own.realm), "instability") for own in (again, opened)]
    assert tables[0] == tables[1]
    assert standing(plan, again.realm.has).wanted == ()


def test_alphas_are_even_and_have_both_ends() -> None:
    assert lines.alphas(5) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert len(lines.alphas(30)) == 30
    assert lines.alphas(30)[-1] == 1.0


def test_instability_is_the_maximum_less_the_mean_of_the_ends() -> None:
    assert lines.instability([0.1, 0.2, 0.9, 0.3]) == pytest.approx(0.7)
    assert lines.instability([0.4, 0.2, 0.4]) == 0


def test_copies_have_orders_of_their_own() -> None:
    orders = [0, 1, 2, 2**31, 2**32 - 1]
    seeds = [lines.sibling_seed(order, copy) for order in orders for copy in range(1, 21)]
    assert len({*seeds, *orders}) == len(seeds) + len(orders)
    assert max(seeds) < 2**53  # exact in canonical JSON


def test_copies_share_the_trunk_with_the_dense_training() -> None:
    plan = plan_of(*ALL)
    # The dense training with its points at 10 and 20: 40. Two tickets and a branch: 3 * 30.
    # Copies: dense from 0, 10 and 20: 3 * (40 + 30 + 20); of the ticket and the branch: 6 * 30.
    assert total(plan).steps == 40 + 90 + 270 + 180
    points = [s for s in plan.stages if isinstance(s.work, Train) and s.follows is not None]
    assert [(s.work.start, s.work.stop) for s in points] == [(0, 20), (0, 40)]


def test_copies_differ_in_their_order_alone() -> None:
    plan = plan_of(*ALL)
    for one in plan.measurements:
        line = plan.stages[one.stage]
        first, second = (plan.stages[line.inputs[role]] for role in ("first", "second"))
        assert isinstance(first.work, Train)
        assert isinstance(second.work, Train)
        assert first.inputs == second.inputs
        assert first.work.recipe.order_seed != second.work.recipe.order_seed
        same = replace(second.work.recipe, order_seed=first.work.recipe.order_seed)
        assert first.work == replace(second.work, recipe=same)
        assert one.step == first.work.start


def test_every_pair_of_every_network_is_compared_on_every_split() -> None:
    plan = plan_of(*ALL, "replicates=2")
    networks = [("dense", 0, 0), ("dense", 0, 10), ("dense", 0, 20), ("ticket", 2, 10)]
    networks.append(("fresh", 2, 10))
    found = []
    for one in plan.measurements:
        (side,), work = one.sides, plan.stages[one.stage].work
        assert isinstance(work, Line)
        assert (one.measure, one.entry, one.about) == ("instability", 1, "siblings")
        network = side.branch, side.level, one.step
        found.append((side.replicate, *network, work.split, one.copies))
    assert found == [
        (replicate, *network, split, pair)
        for replicate in (1, 2)
        for network in networks
        for split in ("test", "train")
        for pair in ((1, 2), (1, 3), (2, 3))
    ]


def test_level_0_is_the_dense_network_from_the_rewind_point() -> None:
    plan = plan_of(REWIND, SHORT)
    assert [(m.sides[0].branch, m.sides[0].level, m.step) for m in plan.measurements] == [
        ("dense", 0, 10),
        ("ticket", 2, 10),
    ]


def test_what_is_measured_moves_no_other_key() -> None:
    with_it, without = plan_of(*ALL), plan_of(REWIND, FRESH)
    assert {stage.key for stage in without.stages} < {stage.key for stage in with_it.stages}
    again = plan_of(
        REWIND,
        FRESH,
        "measure=[{kind: instability, of: [ticket], levels: [2]}, "
        "{kind: instability, of: [ticket], levels: [2], error: [train]}]",
    )
    assert total(again).steps == total(without).steps + 3 * 30  # two entries, the same copies


def test_a_plan_file_keeps_what_is_measured() -> None:
    plan = plan_of(*ALL)
    assert planfile.read(planfile.write(plan))[0] == plan


def test_a_run_gives_every_point_and_a_table(tmp_path: Path) -> None:
    plan = plan_of(REWIND, SHORT)
    opened, _ = run(plan, tmp_path / "s")
    facts = scores(plan, opened.realm)
    split = opened.bench.split(plan.points[0].graph, "digits", "test", None)
    for one in plan.measurements:
        found, stage = facts[one.stage], plan.stages[one.stage]
        assert found["alphas"] == [0.0, 0.25, 0.5, 0.75, 1.0]
        for role, end in (("first", 0), ("second", -1)):
            read = opened.realm.read(plan.stages[stage.inputs[role]].key)
            assert read is not None
            graph = plan.graphs[stage.work.graph]
            own = opened.bench.backend.evaluate(
                graph, split, weights_of(read.arrays), buffers_of(read.arrays)
            )
            assert found["correct"][end] == own.correct
        assert found["instability"] == lines.instability(found["error"])
    folder, _, _ = write_results(plan, opened)
    with (folder / "instability.csv").open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    assert len(rows) == 5 * len(plan.measurements)
    written = json.loads((folder / "instability.json").read_text(encoding="utf-8"))
    assert [line["count"] for line in written["summary"]] == [1, 1]
    assert [curve["alpha"] for curve in written["curves"]] == [[0.0, 0.25, 0.5, 0.75, 1.0]] * 2
    for row, one, curve in zip(written["rows"], plan.measurements, written["curves"], strict=True):
        found = facts[one.stage]
        # Shares, as in the other files, and the same in both.
        assert (row["instability"], row["error"]) == (found["instability"], found["error"])
        assert [each["mean"] for each in curve["error"]] == found["error"]
        own = [line for line in rows if line["branch"] == row["branch"]]
        assert {line["instability"] for line in own} == {str(found["instability"])}
        assert [float(line["error"]) for line in own] == found["error"]
    assert standing(plan, opened.realm.has).wanted == ()
    write_results(replace(plan, measurements=()), opened)
    assert not (folder / "instability.csv").exists()


def unrelated(plan: Plan) -> Plan:
    """The plan with one line more: between the dense networks of its first two replicates."""
    ends = [o.trained for o in plan.outcomes if o.level == 0]
    measured = plan.measurements[0]
    work = plan.stages[measured.stage].work
    assert isinstance(work, Line)
    stage = Stage(work, {"first": ends[0], "second": ends[1]}, "two initialisations")
    inputs = {role: plan.stages[place].key for role, place in stage.inputs.items()}
    stage = replace(stage, key=stage_key(stage, inputs)[0])
    side = replace(measured.sides[0], branch="unrelated")
    row = replace(measured, sides=(side,), stage=len(plan.stages))
    return replace(plan, stages=(*plan.stages, stage), measurements=(*plan.measurements, row))


def test_a_pair_of_copies_that_two_entries_ask_for_counts_once_in_each() -> None:
    two, three = (
        f"{{kind: instability, levels: [1], siblings: {count}, alphas: 3}}" for count in (2, 3)
    )
    plan = plan_of(f"measure=[{two}, {three}]")
    found = [(one.entry, one.copies) for one in plan.measurements]
    assert found == [(1, (1, 2)), (2, (1, 2)), (2, (1, 3)), (2, (2, 3))]
    assert plan.measurements[0].stage == plan.measurements[1].stage
    facts = {
        one.stage: {
            "alphas": [0.0, 0.5, 1.0],
            "error": [0.0, 0.1 * number, 0.0],
            "loss": [None] * 3,
            "instability": 0.1 * number,
        }
        for number, one in enumerate(plan.measurements[1:], start=1)
    }
    # Of the entries 0.1 alone, and 0.1, 0.2 and 0.3.
    lines = summary(table_of(plan, facts, "instability"))
    spreads = [line.figures["instability"] for line in lines]
    assert [spread and spread.mean for spread in spreads] == [0.1, pytest.approx(0.2)]
    assert [(line.of["entry"], line.count) for line in lines] == [(1, 1), (2, 3)]


def test_two_unrelated_initialisations_have_a_barrier(tmp_path: Path) -> None:
    """The positive control: without it a flat line may mean that nothing was interpolated."""
    plan = unrelated(
        plan_of(
            "replicates=2",
            "model.widths=[32, 32]",
            "train.duration=200it",
            "prune.schedule.levels=1",
            "measure=[{kind: instability, of: [dense], siblings: 2, alphas: 11}]",
        )
    )
    check(plan, after="adding a line")
    opened, _ = run(plan, tmp_path / "s")
    found = summary(table_of(plan, scores(plan, opened.realm), "instability"))
    shares = {line.of["branch"]: line.figures["instability"] for line in found}
    dense, far = shares["dense"], shares["unrelated"]
    assert dense is not None
    assert far is not None
    assert dense.high < 0.03, shares
    assert far.mean > 0.2


@pytest.mark.parametrize("wrong", ["end", "pruned"])
def test_a_line_that_breaks_a_promise_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    honest = lines.point

    def dishonest(first, second, alpha):  # type: ignore[no-untyped-def]
        found = honest(first, second, alpha)
        if wrong == "end":
            return {name: array * np.float32(1.0001) for name, array in found.items()}
        return {name: array + np.float32(0 < alpha < 1) for name, array in found.items()}

    monkeypatch.setattr(lines, "point", dishonest)
    plan = plan_of(REWIND, "measure=[{kind: instability, levels: [2], siblings: 2, alphas: 3}]")
    with pytest.raises(InvariantError, match="end 0.0" if wrong == "end" else "pruned weights"):
        run(plan, tmp_path / "s")
    (line,) = plan.measurements
    assert not session(plan, tmp_path / "s").realm.has(plan.stages[line.stage].key)


@pytest.mark.parametrize("wrong", ["train", "contrast", "none"])
def test_an_instability_names_a_line(wrong: str) -> None:
    plan = plan_of(REWIND, SHORT.replace("2}]", "2}, {kind: function, of: [dense]}]"))
    kinds = [stage.kind for stage in plan.stages]
    place = len(kinds) if wrong == "none" else kinds.index(wrong)
    changed = replace(plan.measurements[0], stage=place)
    with pytest.raises(LtspecError, match="instability names a stage that answers something else"):
        check(replace(plan, measurements=(changed,)), after="a pass")


def test_running_statistics_are_interpolated_too(tmp_path: Path) -> None:
    plan = plan_of(
        "model={family: cifar-resnet, depth: 8, width: 4}",
        "train.duration=3it",
        "prune.schedule.levels=1",
        "measure=[{kind: instability, of: [dense], siblings: 2, alphas: 3}]",
    )
    opened, _ = run(plan, tmp_path / "s")
    (one,) = plan.measurements
    stage = plan.stages[one.stage]
    halves: dict[str, np.ndarray] = {}
    for place in stage.inputs.values():
        read = opened.realm.read(plan.stages[place].key)
        assert read is not None
        for name, array in read.arrays.items():
            halves[name] = halves.get(name, 0) + array.astype(np.float64) / 2
    between = {name: array.astype(np.float32) for name, array in halves.items()}
    assert buffers_of(between)
    found = opened.bench.backend.evaluate(
        plan.graphs[stage.work.graph],
        opened.bench.split(plan.points[0].graph, "digits", "test", None),
        weights_of(between),
        buffers_of(between),
    )
    facts = scores(plan, opened.realm)[one.stage]
    assert facts["correct"][1] == found.correct
    assert facts["loss"][1] == found.loss_sum / found.examples


def test_what_a_person_sees(tmp_path: Path) -> None:
    plan = plan_of(REWIND, SHORT)
    opened, _ = run(plan, tmp_path / "s")
    facts = scores(plan, opened.realm)
    console = Console(width=100, record=True, file=io.StringIO())
    print_measured(console, plan, {})
    assert "not done yet: 2 of 2 for instability" in console.export_text()
    print_measured(console, plan, facts)
    shown = console.export_text()
    table = table_of(plan, facts, "instability")
    lines = summary(table)
    for line in lines:
        found = line.figures["instability"]
        assert found is not None
        mean, low, high = (100 * share for share in (found.mean, found.low, found.high))
        both = f" ({low:.2f}-{high:.2f})" if low != high else ""
        assert f"{mean:.2f}{both} " in shown
    kept = plan.measurements[1].sides[0].kept
    assert kept is not None
    assert [line.of["density"] for line in lines] == [1.0, kept / plan.prunable]
    drawn = curves(table)
    assert [one.label for one in drawn] == [
        "copies of dense from step 10",
        "copies of ticket 2 from step 10",
    ]
    plot_lines(drawn, "tiny", tmp_path / "lines.png")
    assert (tmp_path / "lines.png").read_bytes().startswith(b"\x89PNG")
