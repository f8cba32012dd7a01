"""Stability, distances, overlap, weights and thresholds: shared work, runs, tables, promises."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from specs import plan_of, tiny
from test_runner import arrays, run, session
from test_tickets import tickets_of

from ltspec.cli.screen import print_measured
from ltspec.decisions import difference, distribution
from ltspec.decisions.line import sibling_seed
from ltspec.engine import comparing
from ltspec.engine.arrays import masks_of, weights_of
from ltspec.engine.runner import scores, standing
from ltspec.errors import InvariantError, LtspecError
from ltspec.language.source import read
from ltspec.plan import planfile, validate
from ltspec.plan.compared import KINDS, is_rewound
from ltspec.plan.cost import steps_from_scratch, total
from ltspec.plan.legality import check
from ltspec.plan.passes import compile_spec
from ltspec.plan.stages import Compare, Plan, Train
from ltspec.results import compared, measures
from ltspec.results.plots import plot_distances
from ltspec.results.rows import summary
from ltspec.results.run_folder import write_results

REWIND = "prune.rewind={to: 10it}"
SHUFFLED = "branches.shuffled={kind: shuffle-mask}"
FRESH = "branches.fresh={kind: reinitialize, levels: [2]}"
EVERY = """measure=[
    {kind: stability, of: [ticket, shuffled], siblings: 2},
    {kind: distance, of: [ticket, fresh], metrics: [angular, l2, cosine, angle]},
    {kind: travelled, of: [dense, ticket], siblings: 2},
    {kind: overlap, of: [ticket, shuffled], between: [lines, levels, replicates]},
    {kind: weights, bins: 8, percentiles: [10, 50]},
    {kind: threshold}]"""
ALL = (REWIND, SHUFFLED, FRESH, EVERY, "replicates=2")


def asked(plan: Plan, kind: str) -> list[Any]:
    return [one for one in plan.measurements if one.measure == kind]


def row(plan: Plan, branch: str, level: int) -> Any:
    return next(o for o in plan.outcomes if (o.branch, o.level) == (branch, level))


def test_the_whole_network_of_a_subnetwork_is_trained_as_it_is() -> None:
    """The same steps in the same order from the same state, and no mask."""
    plan = plan_of(REWIND, SHUFFLED, "measure=[{kind: stability, of: [ticket, shuffled]}]")
    pruning = [one for one in asked(plan, "stability") if one.about == "pruning"]
    assert [one.sides[0].branch for one in pruning] == ["ticket", "ticket", "shuffled", "shuffled"]
    wholes = set()
    for one in pruning:
        inputs = plan.stages[one.stage].inputs
        assert set(inputs) == {"first", "second", "second_mask"}
        whole, alone = plan.stages[inputs["first"]], plan.stages[inputs["second"]]
        assert whole.work == alone.work
        ticket = plan.stages[alone.inputs["state"]]
        assert ticket.kind == "rewind"
        assert whole.inputs["state"] == ticket.inputs["state"]
        assert ticket.inputs["mask"] == inputs["second_mask"]
        assert isinstance(whole.work, Train)
        assert (whole.work.start, whole.work.stop, one.step) == (10, 40, 10)
        wholes.add(inputs["first"])
    assert len(wholes) == 1  # one training serves every level and line


def test_rewound_to_the_start_the_whole_network_is_the_dense_one() -> None:
    plan = plan_of("measure=[{kind: stability, to: [pruning]}]")
    dense = row(plan, "dense", 0).trained
    assert {plan.stages[o.stage].inputs["first"] for o in asked(plan, "stability")} == {dense}
    assert total(plan).steps == total(plan_of()).steps


def test_copies_are_those_of_the_instability() -> None:
    lines = "{kind: instability, siblings: 3, alphas: 3}"
    stable = "{kind: stability, to: [data-order], siblings: 3}"
    way = "{kind: travelled, siblings: 3}"
    alone = plan_of(REWIND, f"measure=[{lines}]")
    together = plan_of(REWIND, f"measure=[{lines}, {stable}, {way}]")
    assert total(alone).steps == total(together).steps
    pairs = {stage.inputs["first"] for stage in together.stages if stage.kind == "line"}
    for one in asked(together, "stability"):
        stage = together.stages[one.stage]
        assert stage.inputs["first"] in pairs
        work = together.stages[stage.inputs["second"]].work
        assert isinstance(work, Train)
        assert work.recipe.order_seed == sibling_seed(1, one.copies[1])
    apart = {one.stage for one in asked(together, "travelled") if one.about == "apart"}
    assert apart == {one.stage for one in asked(together, "stability")}


def test_travelled_without_copies_trains_nothing_more() -> None:
    plan = plan_of(
        REWIND, FRESH, "measure=[{kind: travelled, of: [dense, ticket, fresh], levels: [2]}]"
    )
    assert total(plan).steps == total(plan_of(REWIND, FRESH)).steps
    found = {}
    for one in asked(plan, "travelled"):
        inputs = plan.stages[one.stage].inputs
        found[one.sides[0].branch, one.about] = plan.stages[inputs["first"]]
        assert plan.stages[inputs["second"]].work.stop == 40  # type: ignore[union-attr]
    work = found["dense", "start"].work
    assert isinstance(work, Train)
    assert (work.start, work.stop) == (0, 10)
    assert found["ticket", "start"].kind == "rewind"
    for line, draw in (("dense", 0), ("ticket", 0), ("fresh", 1_000_003)):
        assert found[line, "init"].kind == "init"
        assert found[line, "init"].work.draw == draw  # type: ignore[union-attr]


def test_every_two_solutions_are_compared_once() -> None:
    plan = plan_of(REWIND, FRESH, "measure=[{kind: distance, of: [ticket, fresh]}]")
    pairs = [(o.sides[0].branch, *(side.level for side in o.sides)) for o in plan.measurements]
    assert pairs == [
        ("ticket", 0, 1),
        ("ticket", 0, 2),
        ("ticket", 0, None),
        ("ticket", 1, 2),
        ("ticket", 1, None),
        ("ticket", 2, None),
        ("fresh", 0, 2),
        ("fresh", 0, None),
        ("fresh", 2, None),
    ]
    short = plan_of(REWIND, "measure=[{kind: distance, levels: [0, 2], init: false}]")
    assert [[s.level for s in o.sides] for o in short.measurements] == [[0, 2]]


def test_masks_are_paired_as_asked() -> None:
    def pairs(between: str) -> list[tuple[Any, ...]]:
        plan = plan_of(
            SHUFFLED,
            "replicates=3",
            f"measure=[{{kind: overlap, of: [ticket, shuffled], between: [{between}]}}]",
        )
        return [
            tuple((side.replicate, side.branch, side.level) for side in one.sides)
            for one in plan.measurements
        ]

    assert pairs("lines")[:2] == [
        ((1, "ticket", 1), (1, "shuffled", 1)),
        ((1, "ticket", 2), (1, "shuffled", 2)),
    ]
    assert pairs("levels")[1] == ((1, "shuffled", 1), (1, "shuffled", 2))
    found = pairs("replicates")
    assert len(found) == 3 * 2 * 2
    assert found[:3] == [
        ((1, "ticket", 1), (2, "ticket", 1)),
        ((1, "ticket", 1), (3, "ticket", 1)),
        ((2, "ticket", 1), (3, "ticket", 1)),
    ]
    assert len(pairs("lines")) == 3 * 2


def test_a_threshold_reads_what_the_level_was_made_from() -> None:
    plan = plan_of("prune.scope=layer", "measure=[{kind: threshold}]")
    for one in plan.measurements:
        stage = plan.stages[one.stage]
        pruned = plan.stages[stage.inputs["second_mask"]]
        assert stage.inputs["first"] == pruned.inputs["state"]
        assert stage.inputs.get("first_mask") == pruned.inputs.get("mask")
        assert isinstance(stage.work, Compare)
        assert stage.work.apart


def test_what_is_measured_moves_no_other_key() -> None:
    with_it, without = plan_of(*ALL), plan_of(REWIND, SHUFFLED, FRESH, "replicates=2")
    assert {stage.key for stage in without.stages} < {stage.key for stage in with_it.stages}
    assert without.measurements == ()


def test_a_plan_file_keeps_measurements() -> None:
    plan = plan_of(*ALL)
    assert planfile.read(planfile.write(plan))[0] == plan


@pytest.mark.parametrize("wrong", ["question", "stage", "mask"])
def test_a_comparison_reads_what_its_question_is_about(wrong: str) -> None:
    plan = plan_of("measure=[{kind: distance}]")
    one = plan.measurements[0]
    stage = plan.stages[one.stage]
    assert isinstance(stage.work, Compare)
    if wrong == "stage":
        changed = replace(plan, measurements=(replace(one, stage=0),))
    else:
        other = (
            replace(stage, work=replace(stage.work, question="overlap"))
            if wrong == "question"
            else replace(stage, inputs={**stage.inputs, "second_mask": stage.inputs["first"]})
        )
        stages = tuple(other if place == one.stage else s for place, s in enumerate(plan.stages))
        changed = replace(plan, stages=stages)
    with pytest.raises(LtspecError, match=r"reads|answers something else|takes its second_mask"):
        check(changed, after="a pass")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Any]:
    plan = plan_of(*ALL)
    opened, _ = run(plan, tmp_path_factory.mktemp("store"))
    return plan, opened


def test_figures_are_those_of_the_stored_weights(done: tuple[Plan, Any]) -> None:
    """Worked out a second time, from the arrays in the store by other means."""
    plan, opened = done
    facts = scores(plan, opened.realm)
    whole, alone = row(plan, "dense", 0), row(plan, "ticket", 2)
    weights = [weights_of(arrays(opened, place.trained)) for place in (whole, alone)]
    masks = masks_of(arrays(opened, alone.ticket))
    vectors = [
        np.concatenate([w[name][masks[name]].astype(np.float64) for name in sorted(masks)])
        for w in weights
    ]
    (found,) = (
        one
        for one in asked(plan, "distance")
        if [s.level for s in one.sides] == [0, 2]
        and one.sides[0].replicate == 1
        and one.sides[0].branch == "ticket"
    )
    figures = facts[found.stage]["all"]
    assert figures["coordinates"] == alone.kept
    assert figures["l2"] == pytest.approx(float(np.linalg.norm(vectors[0] - vectors[1])))
    cosine = vectors[0] @ vectors[1] / np.linalg.norm(vectors[0]) / np.linalg.norm(vectors[1])
    assert figures["cosine"] == pytest.approx(cosine)
    (weighed,) = (
        one
        for one in asked(plan, "weights")
        if one.sides[0].level == 2 and one.sides[0].replicate == 1
    )
    histogram = facts[weighed.stage]["all"]
    assert sum(histogram["counts"]) == alone.kept
    assert histogram["percentiles"][1] == pytest.approx(float(np.median(vectors[1])))


def test_a_stored_threshold_parts_what_was_removed_from_what_was_kept(
    done: tuple[Plan, Any],
) -> None:
    plan, opened = done
    facts = scores(plan, opened.realm)
    for one in asked(plan, "threshold"):
        figures = facts[one.stage]["all"]
        assert 0 < figures["largest_removed"] <= figures["smallest_kept"]
        assert figures["kept"] == one.sides[0].kept


def test_files_and_tables(done: tuple[Plan, Any], tmp_path: Path) -> None:
    plan, opened = done
    facts = scores(plan, opened.realm)
    folder, _, _ = write_results(plan, opened)
    for kind in KINDS:
        with (folder / f"{kind}.csv").open(encoding="utf-8", newline="") as text:
            rows = list(csv.DictReader(text))
        document = json.loads((folder / f"{kind}.json").read_text(encoding="utf-8"))
        assert len(rows) == len(document["rows"]) == 3 * len(asked(plan, kind))  # all, 2 tensors
        assert {row["tensor"] for row in rows} == {"all", "fc1.weight", "fc2.weight"}
    console = Console(width=120, record=True, file=io.StringIO())
    print_measured(console, plan, facts)
    shown = console.export_text()
    tables = {table.kind: table for table in measures.tables(plan, facts)}
    stable = summary(tables["stability"])
    first = next(line for line in stable if line.of["tensor"] == "all")
    assert (first.of["to"], first.of["branch"], first.count) == ("pruning", "ticket", 2)
    l2 = first.figures["l2"]
    assert l2 is not None
    assert f"{l2.mean:#.3g} ({l2.low:#.3g}-{l2.high:#.3g})" in shown
    with (folder / "histograms.csv").open(encoding="utf-8", newline="") as text:
        bins = list(csv.DictReader(text))
    assert len(bins) == 10 * 3 * len(asked(plan, "weights"))
    some = [b for b in bins if (b["replicate"], b["level"], b["tensor"]) == ("2", "2", "all")]
    assert sum(int(each["count"]) for each in some) == row(plan, "ticket", 2).kept
    assert [each["high"] for each in some[:-1]] == [each["low"] for each in some[1:]]
    assert standing(plan, opened.realm.has).wanted == ()
    write_results(replace(plan, measurements=()), opened)
    assert not (folder / "stability.csv").exists()
    assert not (folder / "histograms.csv").exists()


def test_a_matrix_is_symmetric_and_the_mean_of_its_replicates(
    done: tuple[Plan, Any], tmp_path: Path
) -> None:
    plan, opened = done
    facts = scores(plan, opened.realm)
    (table,) = (t for t in measures.tables(plan, facts) if t.kind == "distance")
    found = compared.matrices(table)
    assert len(found) == 2 * 4 * 3  # lines, metrics, the mean and two replicates
    for mean, one, other in zip(found[::3], found[1::3], found[2::3], strict=True):
        assert (mean.replicate, one.replicate, other.replicate) == (None, 1, 2)
        values = np.array(mean.values)
        assert np.array_equal(values, values.T)
        assert np.all(np.diag(values) == (mean.metric == "cosine"))
        assert np.allclose(values, (np.array(one.values) + np.array(other.values)) / 2)
    ticket = next(m for m in found if (m.branch, m.metric) == ("ticket", "angular"))
    fresh = next(m for m in found if (m.branch, m.metric) == ("fresh", "angular"))
    assert ticket.networks == [0, 1, 2, "init"]
    assert fresh.networks == [0, 2, "init"]
    # Independent weights are nearly orthogonal, those of one start are not.
    assert ticket.values[0][2] is not None
    assert fresh.values[0][1] is not None
    assert ticket.values[0][2] < 0.5 < fresh.values[0][1]
    plot_distances([m for m in found if m.replicate is None], plan, tmp_path / "d.png")
    assert (tmp_path / "d.png").read_bytes().startswith(b"\x89PNG")


def test_the_share_of_the_way_that_copies_are_apart(done: tuple[Plan, Any]) -> None:
    plan, opened = done
    (table,) = (
        t for t in measures.tables(plan, scores(plan, opened.realm)) if t.kind == "travelled"
    )
    of = {"replicate": 2, "branch": "ticket", "level": 1, "tensor": "all"}
    rows = [r for r in table.rows if all(r[name] == value for name, value in of.items())]
    way = {r["copies"]: r["l2"] for r in rows if r["what"] == "start"}
    (apart,) = (r for r in rows if r["what"] == "apart")
    assert apart["copies"] == "1-2"
    assert apart["l2"] > 0
    assert min(way.values()) > 0
    assert apart["share"] == pytest.approx(2 * apart["l2"] / (way["1"] + way["2"]))
    assert {r["step"] for r in rows} == {10}


def test_masks_of_levels_are_within_one_another(done: tuple[Plan, Any]) -> None:
    plan, opened = done
    (table,) = (t for t in measures.tables(plan, scores(plan, opened.realm)) if t.kind == "overlap")
    for r in table.rows:
        if (r["between"], r["branch"]) == ("levels", "ticket"):
            assert r["share"] == 1
            assert r["iou"] == r["other_kept"] / r["kept"]
        if (r["between"], r["tensor"]) == ("lines", "all"):
            assert abs(r["share"] - r["share_expected"]) < 0.1  # a shuffled mask is a random one


BROKEN = {
    "unmasked": ("measure=[{kind: distance, levels: [1, 2]}]", "pruned weights"),
    "length": ("measure=[{kind: distance, levels: [1, 2]}]", "cannot be"),
    "angle": ("measure=[{kind: distance, levels: [1, 2]}]", "not the cosine"),
    "count": ("measure=[{kind: distance, levels: [1, 2]}]", "were compared"),
    "type": ("measure=[{kind: overlap, between: [levels]}]", r"is uint8 \(12, 64\), and not bool"),
    "shape": ("measure=[{kind: overlap, between: [levels]}]", r"is bool \(64, 12\), and not bool"),
    "overlap": ("measure=[{kind: overlap, between: [levels]}]", "cannot have the counts"),
    "bins": ("measure=[{kind: weights}]", "the histogram holds"),
    "threshold": ("measure=[{kind: threshold}]", "was removed, and one of"),
    "grown": ("measure=[{kind: threshold}]", "has grown"),
}


@pytest.mark.parametrize("wrong", BROKEN)
def test_an_answer_that_breaks_a_promise_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    measure, message = BROKEN[wrong]
    plan = plan_of(REWIND, measure)

    def change(module: Any, name: str, how: Any) -> None:
        honest = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given: how(honest(*given)))

    match wrong:
        case "unmasked":
            change(comparing, "weights_of", lambda w: {n: a + 1 for n, a in w.items()})
        case "length":
            change(difference, "between", lambda found: {**found, "l2": 1e6})
        case "angle":
            change(difference, "between", lambda found: {**found, "angle": found["angle"] + 1})
        case "count":
            change(difference, "chosen", lambda w: {n: a[1:] for n, a in w.items()})
        case "type":
            change(comparing, "masks_of", lambda m: {n: a.view(np.uint8) for n, a in m.items()})
        case "shape":
            change(comparing, "masks_of", lambda m: {n: a.T for n, a in m.items()})
        case "overlap":
            change(difference, "overlap", lambda f: {n: {**c, "both": 10**6} for n, c in f.items()})
        case "bins":
            change(distribution, "histogram", lambda found: {**found, "counts": [0]})
        case "threshold":
            change(distribution, "_cut", lambda found: {**found, "smallest_kept": 0.0})
        case "grown":
            swap = {"first_mask": "second_mask", "second_mask": "first_mask"}
            last = plan.measurements[-1]
            stage = plan.stages[last.stage]
            turned = {swap.get(role, role): place for role, place in stage.inputs.items()}
            stages = list(plan.stages)
            stages[last.stage] = replace(stage, inputs=turned)
            plan = replace(plan, stages=tuple(stages), measurements=(last,))
    with pytest.raises(InvariantError, match=message):
        run(plan, tmp_path / "s")
    monkeypatch.undo()
    here = session(plan, tmp_path / "s").realm
    assert not all(here.has(plan.stages[one.stage].key) for one in plan.measurements)


def test_what_is_not_done_yet_is_said() -> None:
    plan = plan_of(*ALL)
    console = Console(width=120, record=True, file=io.StringIO())
    print_measured(console, plan, {})
    shown = console.export_text()
    count = len(asked(plan, "overlap"))
    assert f"not done yet: {count} of {count} for overlap" in shown


def test_the_row_of_a_table_is_right() -> None:
    """The others are numbered, and in test_papers."""
    folder = Path(__file__).parents[2] / "examples" / "papers"
    (path,) = folder.glob("[!0-9]*.yaml")
    plan = compile_spec(validate(read(path)))
    assert {each.measure for each in plan.measurements} == {"stability"}
    assert plan.outcomes


def test_masks_of_every_origin(tmp_path: Path) -> None:
    """Combined masks, another criterion's, one that changed in training, one out of a file."""
    file = tickets_of(plan_of(), tmp_path / "one")["replicate-1/level-2.safetensors"]
    names = ["ticket", "both", "random", "grown", "file"]
    plan = plan_of(
        "replicates=2",
        "branches.both={kind: combine-masks, operator: intersect, other: {replicate: next}, "
        "levels: [2]}",
        "branches.random={kind: prune, criterion: random, levels: [2]}",
        "branches.grown={kind: dynamic, schedule: {name: set, every: 5it}, levels: [2]}",
        f"branches.file={{kind: retrain, levels: [2], ticket: {file}}}",
        f"""measure=[{{kind: distance, of: [{", ".join(names)}]}},
            {{kind: overlap, of: [{", ".join(names)}], levels: [2], between: [lines]}},
            {{kind: weights, of: [{", ".join(names)}]}},
            {{kind: stability, of: [ticket, both, random, file], to: [data-order], levels: [2],
              siblings: 2}},
            {{kind: travelled, of: [both, random, file]}}]""",
    )
    opened, _ = run(plan, tmp_path / "two")
    write_results(plan, opened)
    tables = {t.kind: t for t in measures.tables(plan, scores(plan, opened.realm))}
    assert all(not table.missing for table in tables.values())
    for row in tables["overlap"].rows:
        if row["replicate"] == 1 and row["tensor"] == "all":
            pair = row["branch"], row["other_branch"]
            assert pair != ("ticket", "file") or row["iou"] == 1  # the ticket itself
            assert pair != ("ticket", "both") or row["share"] == 1
    froms = {(r["branch"], r["what"]) for r in tables["travelled"].rows}
    assert ("file", "start") in froms
    assert ("file", "init") not in froms
    assert ("both", "init") in froms
    both = [r["density"] for r in tables["weights"].rows if r["branch"] == "both" and r["level"]]
    assert 0.4 < min(both) < 0.6396


def test_only_weights_without_a_mask_belong_to_a_whole_network() -> None:
    """Scored weights of another criterion are whole; those of a file are not."""
    spec = tiny(
        "prune.rewind={weights: end, schedule: 0it}",
        "branches.fresh={kind: reinitialize}",
        "branches.scored={kind: prune, criterion: magnitude, weights: scored}",
        "branches.rewound={kind: rewind, rewind: {to: 0it}}",
    )
    lines = ("ticket", "fresh", "scored", "rewound")
    assert [is_rewound(spec, line) for line in lines] == [False, True, True, True]


def test_tickets_of_another_network(tmp_path: Path) -> None:
    """They are compared with each other, and with nothing of the spec's own network."""
    plan = plan_of(
        "model={family: cifar-resnet, depth: 14, width: 2}",
        "train.duration=3it",
        "prune.rewind={to: 1it}",
        "branches.deeper={kind: transfer, to: {depth: 20}, map: append}",
        "branches.random={kind: transfer, to: {depth: 20}, map: append, mask: shuffled}",
        """measure=[{kind: distance, of: [ticket, deeper]},
            {kind: overlap, of: [deeper, random], between: [lines, levels]},
            {kind: weights, of: [deeper], levels: [2]},
            {kind: stability, of: [deeper], siblings: 2, levels: [1]},
            {kind: travelled, of: [deeper]}]""",
    )
    opened, _ = run(plan, tmp_path / "s")
    write_results(plan, opened)
    tables = {t.kind: t for t in measures.tables(plan, scores(plan, opened.realm))}
    assert all(not table.missing for table in tables.values())
    found = {m.branch: m.networks for m in compared.matrices(tables["distance"])}
    assert found == {"ticket": [0, 1, 2, "init"], "deeper": [1, 2]}
    tensors = {r["tensor"] for r in tables["weights"].rows}
    assert len(tensors) > len({r["tensor"] for r in tables["distance"].rows if r["first"] == 0})
    (density,) = {r["density"] for r in tables["weights"].rows}
    (row,) = (o for o in plan.outcomes if (o.branch, o.level) == ("deeper", 2))
    assert row.ticket is not None
    kept = scores(plan, opened.realm)[row.ticket]["kept"]
    assert density == sum(kept.values()) / row.prunable  # type: ignore[attr-defined]
    assert {r["what"] for r in tables["travelled"].rows} == {"start"}
    whole = next(o for o in plan.measurements if o.about == "pruning")
    state = plan.stages[plan.stages[whole.stage].inputs["first"]].inputs["state"]
    assert plan.stages[state].kind == "transfer"


def test_points_of_a_sweep_are_told_apart(tmp_path: Path) -> None:
    entries = (
        "measure=[{kind: distance}, {kind: travelled, siblings: 2}, {kind: weights, levels: [2]}, "
        "{kind: overlap, between: [levels]}, {kind: threshold}]"
    )
    plan = plan_of("sweep={prune.rewind.to: [0it, 10it]}", entries)
    opened, _ = run(plan, tmp_path / "s")
    folder, _, _ = write_results(plan, opened)
    tables = {t.kind: t for t in measures.tables(plan, scores(plan, opened.realm))}
    for number, rewind in ((1, "0it"), (2, "10it")):
        alone = plan_of(f"prune.rewind={{to: {rewind}}}", entries)
        own = {t.kind: t for t in measures.tables(alone, scores(alone, opened.realm))}
        for kind, table in own.items():
            rows = [dict(row) for row in tables[kind].rows if row["point"] == number]
            for row in rows:
                del row["point"]
            assert rows == table.rows
        with (folder / "distance.csv").open(encoding="utf-8", newline="") as text:
            written = [r for r in csv.DictReader(text) if r["point"] == str(number)]
        assert {r["prune.rewind.to"] for r in written} == {rewind}
        assert len(written) == len(own["distance"].rows)
    matrices = compared.matrices(tables["distance"])
    assert [m.point for m in matrices] == [1, 1, 2, 2]
    plot_distances(matrices, plan, tmp_path / "d.svg")
    console = Console(width=120, record=True, file=io.StringIO())
    print_measured(console, plan, scores(plan, opened.realm))
    assert "10it" in console.export_text()


def test_steps_from_scratch_count_each_network_once() -> None:
    """Worked by hand: rewound to 10 of 40 steps, a ticket of level 1 needs 40 + 30 steps, one of
    level 2 another 30; the rewind point lies on the way of the dense training."""
    rows = 40 + 70 + 100
    plan = plan_of(REWIND)
    assert steps_from_scratch(plan) == rows
    # The whole network from step 10: 10 + 30 steps. It is one, for both levels.
    plan = plan_of(REWIND, "measure=[{kind: stability, to: [pruning]}]")
    assert steps_from_scratch(plan) == rows + 40
    # Rewound to 0 it is the dense network of the table.
    plan = plan_of("measure=[{kind: stability, to: [pruning]}]")
    assert steps_from_scratch(plan) == steps_from_scratch(plan_of())
    # Two copies of the dense network from step 10, and of the ticket of level 1.
    plan = plan_of(
        REWIND, "measure=[{kind: travelled, of: [dense, ticket], levels: [1], siblings: 2}]"
    )
    assert steps_from_scratch(plan) == rows + 2 * 40 + 2 * 70
    # What trains nothing costs nothing.
    plan = plan_of(REWIND, "measure=[{kind: travelled}, {kind: distance}]")
    assert steps_from_scratch(plan) == rows


@pytest.mark.parametrize("change", ["blur: 1", "rotation: true"])
def test_pretrained_weights_take_the_place_of_initial_ones(change: str) -> None:
    """Also where they were trained for other classes, and carried over."""
    plan = plan_of(
        REWIND,
        f"pretrain={{data: {{name: digits, {change}}}}}",
        "measure=[{kind: distance, levels: [1]}, {kind: travelled, levels: [1]}]",
    )
    (distance,) = asked(plan, "distance")
    (way,) = (one for one in asked(plan, "travelled") if one.about == "init")
    begun = plan.stages[distance.stage].inputs["second"]
    assert plan.stages[way.stage].inputs["first"] == begun
    dense = plan.stages[row(plan, "dense", 0).trained]
    assert dense.inputs["state"] == begun
    assert plan.stages[begun].kind == ("train" if change == "blur: 1" else "transfer")
