"""Barriers and functions between two networks, and recalibrated statistics along a line."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ltspec_numpy import images
from ltspec_numpy.lower import forward
from ltspec_numpy.play import NumpyBackend
from rich.console import Console
from specs import plan_of, table_of, tiny
from test_runner import run, session

from ltspec.cli.screen import print_measured
from ltspec.decisions import line as lines
from ltspec.decisions.moving import moved_images
from ltspec.decisions.recalibration import Recalibration, averaged
from ltspec.decisions.tape import record
from ltspec.engine import evaluating
from ltspec.engine.adapters import find
from ltspec.engine.arrays import buffers_of, in_precision, weights_of
from ltspec.engine.backend import Each, Evaluation, Settings
from ltspec.engine.execution import ExecutionPlan, lower
from ltspec.engine.runner import scores, standing
from ltspec.engine.session import Session
from ltspec.errors import InvariantError, LtspecError, RunError, UsageError
from ltspec.plan import pairs, planfile
from ltspec.plan.cost import cost, total
from ltspec.plan.legality import check
from ltspec.plan.stages import Line
from ltspec.results import paired
from ltspec.results.plots import plot_lines
from ltspec.results.rows import Line as Summed
from ltspec.results.rows import summary
from ltspec.results.run_folder import write_results
from ltspec.results.table import Spread

REWIND = "prune.rewind={to: 10it}"
FRESH = "branches.fresh={kind: reinitialize}"
LATE = "branches.late={kind: reinitialize, levels: [2]}"
NORMS = "model={family: cifar-resnet, depth: 8, width: 4}"
SHORT = (NORMS, "train.duration=3it", "prune.schedule.levels=1")


def measure(*entries: str) -> str:
    return f"measure=[{', '.join(entries)}]"


# The line.


def test_points_beyond_the_ends_have_the_same_spacing() -> None:
    assert lines.alphas(5, 1) == [-0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25]
    evci = lines.alphas(21, lines.points_beyond(21, 0.2))  # -0.2 to 1.2 in 29 points
    assert (len(evci), evci[0], evci[-1], evci[4]) == (29, -0.2, 1.2, 0.0)
    assert [lines.points_beyond(20, reach) for reach in (0, 0.05, 0.1, 1)] == [0, 0, 1, 19]


def test_beyond_an_end_weights_go_on_and_no_variance_is_below_zero() -> None:
    one = {"weights/w": np.array([1.0, 0.0]), "buffers/n.running_var": np.array([1.0, 4.0])}
    other = {"weights/w": np.array([2.0, 0.0]), "buffers/n.running_var": np.array([3.0, 1.0])}
    found = lines.point(one, other, 1.5)
    assert found["weights/w"].tolist() == [2.5, 0.0]
    assert found["buffers/n.running_var"].tolist() == [4.0, 0.0]  # 1 - 0.5 * 3 would be -0.5
    assert lines.point(one, other, -0.5)["buffers/n.running_var"].tolist() == [0.0, 5.5]


# Which pairs.


def pairs_of(entry: str, *changes: str) -> list[tuple[pairs.Place, pairs.Place]]:
    spec = tiny(*changes, measure(entry))
    return pairs.pairs(spec, spec.measure[0])


def test_successive_levels_begin_with_the_dense_network() -> None:
    found = pairs_of("{kind: barrier, of: [ticket, fresh]}", FRESH)
    dense = ("dense", 0)
    assert found == [
        (dense, ("ticket", 1)),
        (("ticket", 1), ("ticket", 2)),
        (dense, ("fresh", 1)),
        (("fresh", 1), ("fresh", 2)),
    ]
    assert pairs_of("{kind: barrier, levels: [1]}") == [(("ticket", 1), ("ticket", 2))]


def test_every_level_of_a_carried_ticket_is_compared_between_replicates() -> None:
    """A line of another network has no level 0, which is left out elsewhere."""
    network = "model={family: lenet, widths: [12, 12]}", "replicates=2"
    deeper = "kind: transfer, to: {widths: [12, 12, 12]}"
    entry = "{kind: barrier, between: replicates, of: [deeper]}"
    every = pairs_of(entry, *network, f"branches.deeper={{{deeper}}}")
    assert every == [(("deeper", level), ("deeper", level)) for level in (1, 2)]
    one = pairs_of(entry, *network, f"branches.deeper={{{deeper}, levels: [2]}}")
    assert one == [(("deeper", 2), ("deeper", 2))]


def test_two_lines_are_compared_where_both_are() -> None:
    assert pairs_of("{kind: barrier, between: [ticket, late]}", LATE) == [
        (("ticket", 2), ("late", 2))
    ]
    assert pairs_of("{kind: function, between: [dense, ticket]}") == [
        (("dense", 0), ("ticket", 1)),
        (("dense", 0), ("ticket", 2)),
    ]


def test_replicates_are_compared_with_themselves() -> None:
    entry = "{kind: barrier, between: replicates, of: [dense, ticket, late], levels: [2]}"
    found = pairs_of(entry, LATE, "replicates=2")
    assert found == [(place, place) for place in (("dense", 0), ("ticket", 2), ("late", 2))]
    plan = plan_of(LATE, "replicates=3", measure(entry))
    sides = [[side.replicate for side in one.sides] for one in plan.measurements]
    assert sides == [[1, 2], [1, 3], [2, 3]] * 3
    for one in plan.measurements:
        first, second = (plan.stages[place] for place in plan.stages[one.stage].inputs.values())
        assert first.key != second.key
        assert one.sides[0].kept == one.sides[1].kept


# The plan.

EVERY = (
    REWIND,
    FRESH,
    "replicates=2",
    measure(
        "{kind: barrier, reach: 0.3, alphas: 5, error: [test, train]}",
        "{kind: barrier, between: replicates, of: [dense]}",
        "{kind: barrier, between: [ticket, fresh], levels: [2]}",
        "{kind: function, at: [0it, 10it], of: [dense, ticket], on: [test, train]}",
        "{kind: function, between: successive}",
    ),
)


def test_a_plan_file_keeps_pairs_and_recalibration() -> None:
    for changes in (EVERY, (*SHORT, measure("{kind: barrier, batchnorm: recalibrate}"))):
        plan = plan_of(*changes)
        assert planfile.read(planfile.write(plan))[0] == plan


def test_pairs_of_the_table_train_nothing() -> None:
    plain = plan_of(*EVERY[:3])
    with_pairs = plan_of(
        *EVERY[:3], measure("{kind: barrier}", "{kind: function, between: [fresh, ticket]}")
    )
    assert total(with_pairs).steps == total(plain).steps
    assert {stage.key for stage in plain.stages} < {stage.key for stage in with_pairs.stages}


def test_copies_are_those_of_instability() -> None:
    unstable = "{kind: instability, of: [dense, ticket], at: [0it, 10it]}"
    contrast = "{kind: function, of: [dense, ticket], at: [0it, 10it]}"
    one, both = plan_of(REWIND, measure(unstable)), plan_of(REWIND, measure(unstable, contrast))
    assert total(both).steps == total(one).steps
    assert total(plan_of(REWIND, measure(contrast))).steps == total(one).steps
    copies = {
        kind: {
            plan.stages[place].key
            for each in plan.measurements
            if each.measure == kind
            for place in plan.stages[each.stage].inputs.values()
        }
        for plan, kind in ((one, "instability"), (both, "function"))
    }
    assert copies["instability"] == copies["function"]


def test_what_a_line_was_before_it_still_is() -> None:
    """The key of a line from before points beyond its ends and recalibration were there."""
    plan = plan_of(
        REWIND, "measure=[{kind: instability, of: [ticket], levels: [2], alphas: 5, siblings: 2}]"
    )
    (line,) = [stage for stage in plan.stages if stage.kind == "line"]
    assert line.key == "40b6fb2266c1d9a1898045fb8201e30e5c263a7f"


def test_a_measurement_names_what_compares() -> None:
    plan = plan_of(REWIND, measure("{kind: barrier}"))
    wrong = replace(plan.measurements[0], stage=0)
    with pytest.raises(LtspecError, match="answers something else"):
        check(replace(plan, measurements=(wrong,)), after="a pass")


def test_recalibration_costs_what_training_its_batches_would() -> None:
    entry = "{kind: barrier, batchnorm: recalibrate, batches: 4, alphas: 7}"
    plan = plan_of(*SHORT, measure(entry))
    (stage,) = [stage for stage in plan.stages if stage.kind == "line"]
    assert isinstance(stage.work, Line)
    graph = plan.graphs[stage.work.graph]
    assert cost(plan, stage).flops == 3 * graph.forward_flops * 4 * 64 * 7
    assert stage.work.recalibration == Recalibration("digits", 1, 1438, 64, 4, 1)


def test_by_default_50_batches_are_seen_or_an_epoch() -> None:
    def batches(*changes: str) -> int:
        plan = plan_of(
            *SHORT, *changes, measure("{kind: instability, of: [dense], batchnorm: recalibrate}")
        )
        (found,) = {s.work.recalibration for s in plan.stages if isinstance(s.work, Line)}
        assert found is not None
        return found.batches

    assert batches("train.batch_size=8") == 50
    assert batches() == 1438 // 64


# A run.


def states(opened: Session, place: int) -> list[dict[str, np.ndarray]]:
    """What a stage that compares reads."""
    found = []
    for read in opened.plan.stages[place].inputs.values():
        result = opened.realm.read(opened.plan.stages[read].key)
        assert result is not None
        found.append(in_precision(result.arrays, np.dtype(np.float32)))
    return found


def test_a_barrier_counts_points_between_its_ends_alone(tmp_path: Path) -> None:
    plan = plan_of(REWIND, measure("{kind: barrier, reach: 1, alphas: 3, error: [test]}"))
    opened, _ = run(plan, tmp_path / "s")
    facts = scores(plan, opened.realm)
    split = opened.bench.split(plan.points[0].graph, "digits", "test", None)
    for one in plan.measurements:
        found = facts[one.stage]
        assert found["alphas"] == [-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0]
        first, second = states(opened, one.stage)
        graph = plan.graphs[plan.stages[one.stage].work.graph]
        errors = []
        for alpha in found["alphas"]:
            weights = {  # by the definition, in the type of the run
                name: ((1 - alpha) * array.astype(np.float64) + alpha * second[name]).astype(
                    np.float32
                )
                for name, array in first.items()
            }
            own = opened.bench.backend.evaluate(graph, split, weights_of(weights), {})
            errors.append(1 - own.correct / own.examples)
        assert found["error"] == errors
        assert found["instability"] == max(errors[2:5]) - (errors[2] + errors[4]) / 2
    assert any(max(facts[one.stage]["error"]) > max(facts[one.stage]["error"][2:5])
               for one in plan.measurements)  # fmt: skip


def test_the_masks_of_two_levels_differ_and_what_both_prune_is_zero(tmp_path: Path) -> None:
    plan = plan_of(measure("{kind: barrier, levels: [1], alphas: 3}"))
    opened, _ = run(plan, tmp_path / "s")
    (one,) = plan.measurements
    first, second = (weights_of(arrays)["fc1.weight"] for arrays in states(opened, one.stage))
    assert np.count_nonzero(first == 0) < np.count_nonzero(second == 0)
    assert np.all(second[first == 0] == 0)


def test_unrelated_networks_have_a_barrier_and_answer_differently(tmp_path: Path) -> None:
    """The positive control, as a person writes it."""
    plan = plan_of(
        "replicates=2",
        "model.widths=[32, 32]",
        "train.duration=200it",
        "prune.schedule.levels=1",
        measure(
            "{kind: barrier, between: replicates, of: [dense], alphas: 11, error: [test]}",
            "{kind: barrier, between: successive, alphas: 11, error: [test]}",
            "{kind: function, between: replicates, of: [dense]}",
            "{kind: function, between: [dense, ticket]}",
        ),
    )
    opened, _ = run(plan, tmp_path / "s")
    facts = scores(plan, opened.realm)
    unrelated, successive = summary(table_of(plan, facts, "barrier"))
    assert (unrelated.of["between"], unrelated.count) == ("replicates", 1)
    assert (successive.of["between"], successive.count) == ("successive", 2)
    assert spread_of(unrelated, "barrier").mean > 0.2
    assert spread_of(successive, "barrier").high < 0.05
    far, near = summary(table_of(plan, facts, "function"))
    assert spread_of(far, "loss_distance").mean > spread_of(near, "loss_distance").mean


def spread_of(line: Summed, figure: str) -> Spread:
    found = line.figures[figure]
    assert found is not None
    return found


def answers(opened: Session, arrays: dict[str, np.ndarray], graph: Any) -> tuple[Any, Any]:
    """By the formulas: logits, their first largest, log sum exp less the label's."""
    split = opened.bench.split(opened.plan.points[0].graph, "digits", "test", None)
    seen = split.images.astype(np.float64) * split.scale[:, None, None] + split.shift[:, None, None]
    weights = {name: array.astype(np.float64) for name, array in weights_of(arrays).items()}
    hidden = np.maximum(
        seen.reshape(len(split), -1) @ weights["fc1.weight"].T + weights["fc1.bias"], 0
    )
    logits = hidden @ weights["fc2.weight"].T + weights["fc2.bias"]
    rows = np.arange(len(split))
    losses = np.log(np.exp(logits).sum(axis=1)) - logits[rows, split.labels]
    return logits.argmax(axis=1), losses


def test_a_contrast_is_what_its_formulas_say(tmp_path: Path) -> None:
    plan = plan_of(measure("{kind: function, between: [dense, ticket]}"))
    opened, _ = run(plan, tmp_path / "s")
    facts = scores(plan, opened.realm)
    assert len(plan.measurements) == 2
    for one in plan.measurements:
        found = facts[one.stage]
        graph = plan.graphs[plan.stages[one.stage].work.graph]
        (first, losses), (second, others) = (
            answers(opened, arrays, graph) for arrays in states(opened, one.stage)
        )
        assert found["examples"] == 359
        assert found["different"] == np.count_nonzero(first != second) > 0
        assert found["disagreement"] == found["different"] / 359
        assert found["loss_distance"] == pytest.approx(
            np.sqrt(((losses - others) ** 2).sum()), rel=1e-4
        )
        assert found["loss"] == pytest.approx([losses.mean(), others.mean()], rel=1e-4)


def test_each_copy_answers_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest, asked = NumpyBackend.evaluate, []

    def counted(self: Any, *arguments: Any, each: bool = False) -> Evaluation:
        asked.extend([1] if each else [])
        return honest(self, *arguments, each=each)

    monkeypatch.setattr(NumpyBackend, "evaluate", counted)
    monkeypatch.setattr(evaluating, "ANSWERS_KEPT", 5)
    plan = plan_of("train.duration=2it", measure("{kind: function, of: [dense], siblings: 5}"))
    opened, _ = run(plan, tmp_path / "s")
    assert len(plan.measurements) == 10
    assert len(asked) == len(opened.bench.answers) == 5


def test_where_nothing_is_retrained_the_ticket_is_compared(tmp_path: Path) -> None:
    plan = plan_of(
        *SHORT,
        "prune.rewind=none",
        measure("{kind: barrier, batchnorm: recalibrate, batches: 2, alphas: 3}"),
    )
    opened, _ = run(plan, tmp_path / "s")
    assert standing(plan, opened.realm.has).wanted == ()


# Running statistics.


def test_recalibrated_statistics_are_the_mean_over_batches(tmp_path: Path) -> None:
    entry = "{kind: barrier, batchnorm: recalibrate, batches: 3, alphas: 3, error: [test]}"
    plan = plan_of(*SHORT, "data.augment=crop-flip", measure(entry))
    opened, _ = run(plan, tmp_path / "s")
    (one,) = plan.measurements
    stage = plan.stages[one.stage]
    assert isinstance(stage.work, Line)
    recalibration, graph = stage.work.recalibration, plan.graphs[stage.work.graph]
    assert recalibration is not None
    first, second = states(opened, one.stage)
    train = opened.bench.split(plan.points[0].graph, "digits", "train", None)
    test = opened.bench.split(plan.points[0].graph, "digits", "test", None)
    tape = record(recalibration.recipe, 0, 3, 0)
    errors = []
    for alpha in (0.0, 0.5, 1.0):
        between = lines.point(first, {name: second[name] for name in first}, alpha)
        weights = weights_of(between)
        seen: dict[str, list[np.ndarray]] = {}
        for step in range(3):
            batch = images.normalise(train, moved_images(train, tape, step), np.dtype(np.float32))
            values = forward(graph, weights, {}, batch, "train")
            for node in graph.nodes:
                if f"{node.name}.running_mean" in buffers_of(between):
                    x = values[node.inputs[0]].astype(np.float64)
                    mean, variance = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3), ddof=1)
                    seen.setdefault(f"{node.name}.running_mean", []).append(mean)
                    seen.setdefault(f"{node.name}.running_var", []).append(variance)
        statistics = {name: np.mean(found, axis=0) for name, found in seen.items()}
        assert statistics.keys() == buffers_of(between).keys()
        found = evaluating._buffers(stage, stage.work, (first, second), alpha, opened.bench)
        assert found is not None
        for name, array in statistics.items():
            np.testing.assert_allclose(found[name], array, rtol=2e-4, atol=1e-5)
        own = opened.bench.backend.evaluate(graph, test, weights, found)
        errors.append(1 - own.correct / own.examples)
    facts = scores(plan, opened.realm)[one.stage]
    assert facts["error"] == errors


def test_averages_are_rounded_once() -> None:
    batches = [{"m": np.array([value], np.float32)} for value in (0.1, 0.2, 0.4)]
    wanted = np.float32(
        (float(np.float32(0.1)) + float(np.float32(0.2)) + float(np.float32(0.4))) / 3
    )
    found = averaged(batches)["m"]
    assert (found.dtype, found[0]) == (np.float32, wanted)


def test_how_a_recalibration_is_played_is_part_of_a_plan_file() -> None:
    plan = plan_of(*SHORT, measure("{kind: barrier, batchnorm: recalibrate}"))
    lowered = lower(plan, find("numpy"), Settings("cpu", "float32"))
    (line,) = [stage.key for stage in plan.stages if stage.kind == "line"]
    assert line in lowered.lowerings
    document = lowered.describe()
    assert ExecutionPlan.from_description(document, plan) == lowered
    del document["stages"][line]
    with pytest.raises(UsageError, match="leaves out 1"):
        ExecutionPlan.from_description(document, plan)


# Promises.


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("silent", "not every example"),
        ("short", "not every example"),
        ("answers", "not those that were counted"),
        ("losses", "do not add up"),
    ],
)
def test_what_is_said_of_examples_is_what_is_said_in_sum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str, said: str
) -> None:
    honest = NumpyBackend.evaluate

    def dishonest(self: Any, *arguments: Any, each: bool = False) -> Evaluation:
        found = honest(self, *arguments, each=each)
        if found.each is None or wrong == "silent":
            return replace(found, each=None)
        answers, losses = found.each.answers, found.each.losses
        changed = {
            "short": Each(answers[:-1], losses[:-1]),
            "answers": Each((answers + 1) % 10, losses),
            "losses": Each(answers, losses * 1.01),
        }
        return replace(found, each=changed[wrong])

    monkeypatch.setattr(NumpyBackend, "evaluate", dishonest)
    plan = plan_of(measure("{kind: function, between: [dense, ticket], levels: [1]}"))
    with pytest.raises(InvariantError, match=said):
        run(plan, tmp_path / "s")
    assert not session(plan, tmp_path / "s").realm.has(plan.stages[plan.measurements[0].stage].key)


def test_losses_that_are_not_finite_are_no_distance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = NumpyBackend.evaluate

    def infinite(self: Any, *arguments: Any, each: bool = False) -> Evaluation:
        found = honest(self, *arguments, each=each)
        if found.each is None:
            return found
        return replace(found, each=Each(found.each.answers, found.each.losses + np.inf))

    monkeypatch.setattr(NumpyBackend, "evaluate", infinite)
    plan = plan_of(measure("{kind: function, between: [dense, ticket], levels: [1]}"))
    with pytest.raises(RunError, match="not finite") as caught:
        run(plan, tmp_path / "s")
    assert caught.value.code == "LT401"


@pytest.mark.parametrize("wrong", ["name", "type", "variance"])
def test_recalibrated_statistics_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    honest = evaluating.recalibrated

    def dishonest(*arguments: Any) -> dict[str, np.ndarray]:
        found = honest(*arguments)
        name = next(name for name in found if name.endswith(".running_var"))
        if wrong == "name":
            del found[name]
        elif wrong == "type":
            found[name] = found[name].astype(np.float64)
        else:
            found[name] = found[name] - 1e6
        return found

    monkeypatch.setattr(evaluating, "recalibrated", dishonest)
    plan = plan_of(
        *SHORT, measure("{kind: barrier, batchnorm: recalibrate, batches: 1, alphas: 3}")
    )
    with pytest.raises(InvariantError, match="below zero" if wrong == "variance" else "gave"):
        run(plan, tmp_path / "s")


def test_a_point_of_a_barrier_keeps_what_both_have_pruned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = lines.point

    def dishonest(first: Any, second: Any, alpha: float) -> Any:
        found = honest(first, second, alpha)
        return {name: array + np.float32(alpha > 1) for name, array in found.items()}

    monkeypatch.setattr(lines, "point", dishonest)
    plan = plan_of(measure("{kind: barrier, levels: [1], alphas: 3, reach: 0.5}"))
    with pytest.raises(InvariantError, match=r"not zero at 1\.5"):
        run(plan, tmp_path / "s")


# What a person sees.


def test_tables_files_and_plots(tmp_path: Path) -> None:
    plan = plan_of(*EVERY)
    opened, _ = run(plan, tmp_path / "s")
    facts = scores(plan, opened.realm)
    barriers, functions = (table_of(plan, facts, kind) for kind in ("barrier", "function"))
    rows, contrasts = barriers.rows, functions.rows
    assert len(rows) + len(contrasts) == len(plan.measurements)
    folder, _, _ = write_results(plan, opened)
    with (folder / "barrier.csv").open(encoding="utf-8", newline="") as text:
        written = list(csv.DictReader(text))
    assert len(written) == sum(len(row["alpha"]) for row in rows)
    assert {line["between"] for line in written} == {"successive", "replicates", "lines"}
    document = json.loads((folder / "function.json").read_text(encoding="utf-8"))
    assert document["rows"] == contrasts
    assert len(document["summary"]) == len(summary(functions))
    with (folder / "function.csv").open(encoding="utf-8", newline="") as text:
        for line, row in zip(csv.DictReader(text), contrasts, strict=True):
            assert float(line["disagreement"]) == row["different"] / row["examples"] <= 1
            assert line["other_accuracy"] == str(row["other_accuracy"])
    console = Console(width=120, record=True, file=io.StringIO())
    print_measured(console, plan, facts)
    shown = console.export_text()
    for kind, figure in (("barrier", "barrier"), ("function", "disagreement")):
        for summed in summary(table_of(plan, facts, kind)):
            found = spread_of(summed, figure)
            mean, low, high = (100 * share for share in (found.mean, found.low, found.high))
            both = f" ({low:.2f}-{high:.2f})" if low != high else ""
            assert f"{mean:.2f}{both} " in shown
            assert paired.label(summed.of) in shown
    print_measured(console, plan, {})
    assert f"not done yet: {len(rows)} of {len(rows)} for barrier" in console.export_text()
    plot_lines(paired.curves(barriers), "tiny", tmp_path / "lines.png")
    assert (tmp_path / "lines.png").read_bytes().startswith(b"\x89PNG")
    write_results(replace(plan, measurements=()), opened)
    assert not (folder / "barrier.csv").exists()


def test_lines_with_other_statistics_are_kept_apart(tmp_path: Path) -> None:
    short = "kind: instability, of: [dense], siblings: 2, alphas: 3"
    again = f"{short}, batchnorm: recalibrate, batches"
    entries = f"{{{short}}}", f"{{{again}: 1}}", f"{{{again}: 2}}"
    plan = plan_of(*SHORT, measure(*entries))
    opened, _ = run(plan, tmp_path / "s")
    found = summary(table_of(plan, scores(plan, opened.realm), "instability"))
    assert [(line.of["batchnorm"], line.of["batches"], line.count) for line in found] == [
        ("interpolate", None, 1),
        ("recalibrate", 1, 1),
        ("recalibrate", 2, 1),
    ]


def test_a_plan_without_pairs_prints_none() -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    print_measured(console, plan_of(), {})
    assert console.export_text() == ""
