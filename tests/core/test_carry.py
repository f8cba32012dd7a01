"""Carried tickets: masks from elsewhere, controls that are measured, shared stages, the square."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from specs import plan_of, tiny
from test_runner import arrays, run

from ltspec.cli.tables import print_transfers
from ltspec.decisions.layerwise import erk, uniform
from ltspec.engine import matching
from ltspec.engine.arrays import masks_of, pack_masks, weights_of
from ltspec.engine.runner import scores
from ltspec.engine.store import Result
from ltspec.errors import InvariantError, LtspecError, SpecError
from ltspec.plan import asked, beside, planfile, transferring
from ltspec.plan.legality import check
from ltspec.plan.stages import (
    Init,
    Line,
    Mapmask,
    Outcome,
    Plan,
    Prune,
    Remask,
    Train,
    Transfer,
)
from ltspec.results import table, transfers
from ltspec.results.run_folder import write_results

SOURCE = "model.widths=[12, 12, 8]"
TO = "to: {widths: [12, 12, 12, 8]}"
KEPT = "prune.rewind={to: 5it}"
SIZES = {"fc1.weight": 768, "fc2.weight": 144, "fc3.weight": 144, "fc4.weight": 96,
         "fc5.weight": 80}  # fmt: skip


def carried(branch: str, *more: str) -> Plan:
    return plan_of(SOURCE, KEPT, f"branches.there={{kind: transfer, levels: [2], {branch}}}", *more)


def outcome_of(plan: Plan, branch: str = "there", level: int = 2) -> Outcome:
    return next(one for one in plan.outcomes if (one.branch, one.level) == (branch, level))


def mask_of(plan: Plan, branch: str = "there") -> int:
    place = outcome_of(plan, branch).ticket
    assert place is not None
    return plan.stages[place].inputs["mask"]


def masks_at(opened: Any, place: int) -> dict[str, Any]:
    return dict(masks_of(arrays(opened, place)))


def kept_in(masks: dict[str, Any]) -> int:
    return sum(int(mask.sum()) for mask in masks.values())


def mapped_too(branch: str, *more: str) -> Plan:
    """The branch, and beside it the mask that it has to keep as many weights as."""
    same = f"branches.mapped={{kind: transfer, levels: [2], {TO}}}"
    return carried(branch, same, *more)


# Masks by a criterion


def test_magnitude_keeps_the_largest_carried_weights(tmp_path: Path) -> None:
    plan = mapped_too(f"{TO}, mask: {{criterion: {{name: magnitude, at: rewind}}}}")
    stage = plan.stages[mask_of(plan)]
    assert isinstance(stage.work, Prune)
    # The ticket was cut across layers, and one of them is copied: the run counts.
    assert (stage.work.keep, stage.work.spread) == ((), "global")
    assert outcome_of(plan).kept is None
    state = plan.stages[stage.inputs["state"]]
    assert isinstance(state.work, Transfer)
    begun = plan.stages[state.inputs["state"]].work
    assert isinstance(begun, Train)
    assert (begun.start, begun.stop) == (0, 5)
    opened, _ = run(plan, tmp_path)
    count = kept_in(masks_at(opened, mask_of(plan, "mapped")))
    masks = masks_at(opened, mask_of(plan))
    weights = weights_of(arrays(opened, stage.inputs["state"]))
    every = np.sort(np.concatenate([np.abs(weights[name]).ravel() for name in SIZES]))
    least = every[-count]
    for name in SIZES:
        assert np.array_equal(masks[name], np.abs(weights[name]) >= least)
    rows = {row.branch: row for row in table.rows(plan, scores(plan, opened.realm))}
    assert rows["there"].kept == rows["mapped"].kept == count
    assert rows["there"].prunable == sum(SIZES.values())


def test_counts_are_planned_where_they_are_known() -> None:
    plan = carried(f"{TO}, mask: {{criterion: magnitude}}", "prune.scope=layer")
    work = plan.stages[mask_of(plan)].work
    assert isinstance(work, Prune)
    # As in tests of the mapped mask: 491, 92, 62 and 51 weights are left, 92 of them twice.
    assert (work.keep, work.spread) == ((491, 92, 92, 62, 51), "")
    assert "like" not in plan.stages[mask_of(plan)].inputs
    assert outcome_of(plan).kept == 788
    whole = carried(f"{TO}, mask: {{criterion: magnitude, scope: global}}", "prune.scope=layer")
    work = whole.stages[mask_of(whole)].work
    assert isinstance(work, Prune)
    assert work.keep == (788,)
    # No stage carries a mask that nobody reads.
    assert not any(isinstance(stage.work, Mapmask) for stage in plan.stages)


@pytest.mark.parametrize(("scope", "shared"), [("layer", uniform), ("erk", erk)])
def test_layers_keep_their_share(tmp_path: Path, scope: str, shared: Any) -> None:
    plan = mapped_too(f"{TO}, mask: {{criterion: {{name: magnitude, at: init}}, scope: {scope}}}")
    opened, _ = run(plan, tmp_path)
    count = kept_in(masks_at(opened, mask_of(plan, "mapped")))
    masks = masks_at(opened, mask_of(plan))
    shapes = [masks[name].shape for name in SIZES]
    assert tuple(int(masks[name].sum()) for name in SIZES) == shared(shapes, count)


def start_of(plan: Plan, place: int) -> Any:
    """What a scored state was made from, where it was carried from the ticket's network."""
    stage = plan.stages[place]
    return plan.stages[stage.inputs["state"]] if isinstance(stage.work, Transfer) else stage


def test_a_criterion_looks_at_its_own_point() -> None:
    found: dict[str, Any] = {}
    for at in ("init", "rewind", "end"):
        plan = carried(f"{TO}, mask: {{criterion: {{name: snip, at: {at}}}}}")
        found[at] = start_of(plan, plan.stages[mask_of(plan)].inputs["state"]).work
    assert isinstance(found["init"], Init)
    assert (found["rewind"].stop, found["end"].stop) == (5, 40)
    plan = carried(f"{TO}, weights: own, mask: {{criterion: {{name: magnitude}}}}")
    scored = plan.stages[plan.stages[mask_of(plan)].inputs["state"]]
    assert isinstance(scored.work, Train)
    assert (scored.work.start, scored.work.stop) == (0, 40)
    there = plan.stages[outcome_of(plan).trained].work
    assert scored.work.graph == there.graph
    fresh = carried(f"{TO}, weights: fresh, mask: {{criterion: {{name: snip, at: init}}}}")
    ticket = fresh.stages[outcome_of(fresh).ticket or 0]
    assert ticket.inputs["state"] == fresh.stages[ticket.inputs["mask"]].inputs["state"]
    assert isinstance(fresh.stages[ticket.inputs["state"]].work, Init)


def test_scores_are_taken_on_the_data_of_the_branch(tmp_path: Path) -> None:
    plan = carried(f"{TO}, mask: {{criterion: {{name: snip, examples: all}}}}, "
                   "data: {name: digits, blur: 2}")  # fmt: skip
    work = plan.stages[mask_of(plan)].work
    assert isinstance(work, Prune)
    assert work.sample is not None
    assert work.sample.alteration is not None
    assert work.sample.alteration.blur == 2
    opened, _ = run(plan, tmp_path)
    assert kept_in(masks_at(opened, mask_of(plan))) > 0


@pytest.mark.parametrize(("word", "shared"), [("uniform", uniform), ("erk", erk)])
def test_random_masks_keep_as_many(tmp_path: Path, word: str, shared: Any) -> None:
    plan = mapped_too(f"{TO}, mask: random-{word}")
    stage = plan.stages[mask_of(plan)]
    assert isinstance(stage.work, Remask)
    assert (stage.work.operator, stage.work.keep, stage.work.spread) == ("random", (), word)
    opened, _ = run(plan, tmp_path)
    count = kept_in(masks_at(opened, mask_of(plan, "mapped")))
    masks = masks_at(opened, mask_of(plan))
    shapes = [masks[name].shape for name in SIZES]
    assert tuple(int(masks[name].sum()) for name in SIZES) == shared(shapes, count)
    known = carried(f"{TO}, mask: random-{word}, draw: 2", "prune.scope=layer")
    work = known.stages[mask_of(known)].work
    assert isinstance(work, Remask)
    assert (sum(work.keep), work.draw, work.spread) == (788, 2, "")
    assert not known.stages[mask_of(known)].inputs


def test_a_plan_file_of_such_masks_is_read_back() -> None:
    for mask in ("random-erk", "{criterion: grasp, scope: erk}"):
        plan = carried(f"{TO}, mask: {mask}")
        again, _ = planfile.read(planfile.write(plan))
        assert again.stages == plan.stages


def test_what_only_the_run_counts_is_counted_once() -> None:
    plan = carried(f"{TO}, mask: random-erk")
    place = mask_of(plan)
    stage = plan.stages[place]
    assert isinstance(stage.work, Remask)
    for change, inputs in (
        ({"spread": ""}, stage.inputs),
        ({}, {}),
        ({"keep": (1, 1, 1, 1, 1)}, stage.inputs),
    ):
        stages = list(plan.stages)
        stages[place] = replace(stage, work=replace(stage.work, **change), inputs=inputs)
        with pytest.raises(LtspecError, match="of a mask that it reads"):
            check(replace(plan, stages=tuple(stages)), after="a test")


def test_counts_of_other_tensors_stop_the_run() -> None:
    plan = carried(f"{TO}, mask: random-erk")
    work = plan.stages[mask_of(plan)].work
    assert isinstance(work, Remask)
    graph = plan.graphs[work.graph]

    def like(masks: dict[str, Any]) -> dict[str, Result]:
        return {"like": Result({}, pack_masks(masks))}

    full = {name: np.ones(size, np.bool_) for name, size in SIZES.items()}
    assert matching.counted(work, graph, like(full)).keep == tuple(SIZES.values())
    with pytest.raises(InvariantError, match=r"in masks of fc1\.weight"):
        matching.counted(work, graph, like({"fc1.weight": np.ones(3, np.bool_)}))
    few = {name: np.arange(size) == 0 for name, size in SIZES.items()}
    few["fc5.weight"] &= False
    with pytest.raises(InvariantError, match="leave none of"):
        matching.counted(work, graph, like(few))


@pytest.mark.parametrize(
    ("branch", "says"),
    [
        ("weights: fresh, mask: {criterion: magnitude}", "looks at weights that were trained"),
        ("mask: {criterion: {name: snip, examples: 2000}}", "looks at 2,000 examples"),
        ("mask: {criterion: snip}, draw: 2", "`draw` would change nothing"),
        ("mask: {criterion: {name: snip, batch_size: 3}}", "`batch_size` is for `mode: train`"),
        ("mask: {scope: global}", "`criterion` is missing"),
        ("mask: random", "must be one of"),
    ],
)
def test_masks_that_cannot_be(branch: str, says: str) -> None:
    with pytest.raises(SpecError) as caught:
        carried(f"{TO}, {branch}")
    assert says in str([each.message for each in caught.value.diagnostics])


def test_a_mask_elsewhere_needs_weights_that_were_not_pruned() -> None:
    there = f"branches.there={{kind: transfer, {TO}, mask: {{criterion: magnitude}}}}"
    with pytest.raises(SpecError, match="may have pruned"):
        plan_of(SOURCE, "prune.rewind=none", there)


# A ticket carried to its own network


def steps(plan: Plan) -> int:
    return sum(plan.own_steps(stage) for stage in plan.stages)


def test_a_ticket_on_its_own_network_is_trained_once() -> None:
    alone = plan_of(SOURCE, KEPT)
    plan = carried("to: {widths: [12, 12, 8]}")
    assert outcome_of(plan).trained == outcome_of(plan, "ticket").trained
    assert outcome_of(plan).ticket == outcome_of(plan, "ticket").ticket
    assert {stage.key for stage in plan.stages} == {stage.key for stage in alone.stages}
    assert steps(plan) == steps(alone)
    # Blocks that change places are other weights.
    swapped = carried("map: {stages: {stage1: {blocks: {block0: [0], block1: [1]}}}}")
    assert steps(swapped) == steps(alone)


def test_parts_of_such_a_ticket_are_shared_with_branches() -> None:
    plan = plan_of(
        SOURCE,
        KEPT,
        "branches.there={kind: transfer, to: {widths: [12, 12, 8]}, mask: shuffled}",
        "branches.here={kind: shuffle-mask}",
        "branches.fresh={kind: transfer, to: {widths: [12, 12, 8]}, weights: fresh}",
        "branches.drawn={kind: reinitialize}",
        "branches.blurred={kind: transfer, data: {name: digits, blur: 2}}",
        "branches.other={kind: retrain, data: {name: digits, blur: 2}}",
    )
    for one, other in (("there", "here"), ("fresh", "drawn"), ("blurred", "other")):
        assert outcome_of(plan, one).trained == outcome_of(plan, other).trained
    assert not any(isinstance(stage.work, Transfer | Mapmask) for stage in plan.stages)


# Controls as lines

ALL = f"{TO}, controls: all"


def test_every_control_is_a_line() -> None:
    short = "branches.short={kind: transfer, to: {widths: [12, 8]}, controls: all}"
    spec = tiny(SOURCE, KEPT, f"branches.there={{kind: transfer, levels: [2], {ALL}}}", short)
    found = beside.names(spec)
    words = ["imp", "random", "shuffled", "reinit", "magnitude", "snip", "grasp"]
    assert found[:8] == ["there", *(f"there-{word}" for word in words)]
    assert "short-imp" in found
    assert "short-shuffled" not in found  # nothing is copied
    assert beside.branch(spec, "short-shuffled") is None
    assert beside.branch(spec, "there-") is None
    # Every row of the table beside the ticket's has a line, at its level.
    plan = plan_of(SOURCE, KEPT, f"branches.there={{kind: transfer, levels: [2], {ALL}}}")
    for row in plan.outcomes:
        if row.branch != "ticket" and row.level:
            line = beside.branch(spec, row.branch)
            assert line is not None
            assert row.level in line.levels
    imp = beside.branch(spec, "there-imp")
    assert imp is not None
    assert imp.levels == (1, 2)


def test_instability_of_every_control(tmp_path: Path) -> None:
    lines = ["there", *(f"there-{word}" for word in transferring.CONTROLS)]
    entry = f"measure=[{{kind: instability, of: [{', '.join(lines)}], siblings: 2, alphas: 3}}]"
    plan = carried(ALL, entry)
    asked_for = [(one.sides[0].branch, one.sides[0].level) for one in plan.measurements]
    assert asked_for == [
        ("there", 2),
        ("there-imp", 1),
        ("there-imp", 2),
        *((f"there-{word}", 2) for word in transferring.CONTROLS[1:]),
    ]
    graph = plan.stages[outcome_of(plan).trained].work.graph
    for one in plan.measurements:
        work = plan.stages[one.stage].work
        assert isinstance(work, Line)
        assert work.graph == graph
        assert one.step == 5
        assert one.sides[0].prunable == sum(SIZES.values())
    opened, _ = run(plan, tmp_path)
    found = scores(plan, opened.realm)
    assert all(one.stage in found for one in plan.measurements)


def test_weights_and_masks_of_controls_are_compared(tmp_path: Path) -> None:
    measures = (
        "measure=[{kind: barrier, between: [there, there-random], alphas: 3}, "
        "{kind: barrier, between: successive, of: [there-imp], alphas: 3}, "
        "{kind: function, between: [there, there-imp]}, "
        "{kind: overlap, of: [there, there-random, there-imp], between: [lines]}, "
        "{kind: travelled, of: [there-snip]}, "
        "{kind: stability, of: [there-magnitude], siblings: 2}, "
        "{kind: distance, of: [there-imp]}, "
        "{kind: weights, of: [there-reinit]}]"
    )
    plan = carried(ALL, measures)
    sides = {(m.measure, *(f"{s.branch} {s.level}" for s in m.sides)) for m in plan.measurements}
    assert ("barrier", "there 2", "there-random 2") in sides
    assert ("barrier", "there-imp 1", "there-imp 2") in sides
    assert ("function", "there 2", "there-imp 2") in sides
    assert ("overlap", "there-random 2", "there-imp 2") in sides
    assert ("travelled", "there-snip 2") in sides
    assert ("distance", "there-imp 1", "there-imp 2") in sides
    assert ("weights", "there-reinit 2") in sides
    opened, _ = run(plan, tmp_path)
    found = scores(plan, opened.realm)
    assert all(one.stage in found for one in plan.measurements)


def test_controls_are_asked_about() -> None:
    branch = f"branches.there={{kind: transfer, {TO}, controls: [imp, random]}}"
    question = "ask=[{kind: area, between: [there, there-imp]}]"
    plan = plan_of(SOURCE, KEPT, branch, question)
    assert plan.spec["ask"]
    spec = tiny(SOURCE, KEPT, branch, question)
    assert list(asked.common_stretch(spec, ("there", "there-imp"))) == [1, 2]
    assert asked.rewind_step(spec, "there-imp") == 5
    sweep = "sweep={prune.rewind.to: [0it, 5it]}"
    stable = "ask=[{kind: first-stable, of: [there-random]}]"
    entry = "measure=[{kind: instability, of: [there-random], siblings: 2, alphas: 3}]"
    assert plan_of(SOURCE, KEPT, branch, sweep, stable, entry).measurements
    with pytest.raises(SpecError, match="is another network than the dense one"):
        tiny(SOURCE, KEPT, branch, "ask=[{kind: sparsest-matching, of: [there-imp]}]")


@pytest.mark.parametrize(
    ("entry", "hint"),
    [
        ("measure=[{kind: instability, of: [there-randm]}]", "did you mean there-random?"),
        ("measure=[{kind: barrier, between: [there, there-imq]}]", "did you mean there-imp?"),
        ("ask=[{kind: area, between: [ticket, ther-imp]}]", "did you mean there-imp?"),
        ("measure=[{kind: instability, of: [xyz]}]",
         "there are dense, ticket, there, there-imp, there-random"),
    ],
)  # fmt: skip
def test_unknown_lines_are_told_with_those_that_exist(entry: str, hint: str) -> None:
    branch = f"branches.there={{kind: transfer, {TO}, controls: [imp, random]}}"
    with pytest.raises(SpecError) as caught:
        tiny(SOURCE, KEPT, branch, entry)
    (found,) = caught.value.diagnostics
    assert (found.code, found.hint) == ("LT230", hint)


def test_levels_of_a_control_are_those_of_its_branch() -> None:
    branch = f"branches.there={{kind: transfer, levels: [2], {TO}, controls: [imp, random]}}"
    of_imp = "measure=[{kind: instability, of: [there-imp], levels: [1], siblings: 2}]"
    assert len(plan_of(SOURCE, KEPT, branch, of_imp).measurements) == 1
    with pytest.raises(SpecError, match="there-random does not leave at level 1"):
        tiny(SOURCE, KEPT, branch, of_imp.replace("imp", "random"))
    with pytest.raises(SpecError, match="are different networks"):
        tiny(SOURCE, KEPT, branch, "measure=[{kind: barrier, between: [ticket, there-imp]}]")


# Controls in a training of the branch's own

OWN = "{duration: 30it, batch_size: 32, optimizer: {name: sgd, lr: 0.05}}"


@pytest.mark.parametrize(
    ("own", "spec"),
    [
        ("data: {name: digits, blur: 2}", ["data.blur=2"]),
        (f"train: {OWN}", [f"train={OWN}"]),
        (f"train: {OWN}, data: {{name: digits, blur: 2}}", [f"train={OWN}", "data.blur=2"]),
        ("schedule: 7it", []),
    ],
)
def test_imp_is_what_the_other_network_gives_in_that_training(own: str, spec: list[str]) -> None:
    plan = carried(f"{TO}, {own}, controls: [imp, snip, reinit]")
    alone = plan_of("model.widths=[12, 12, 12, 8]", KEPT, *spec)
    found = [plan.stages[one.trained].key for one in plan.outcomes if one.branch == "there-imp"]
    assert found == [alone.stages[one.trained].key for one in alone.outcomes]
    total = 30 if "train" in own else 40
    trained = {
        word: plan.stages[outcome_of(plan, f"there-{word}").trained].work
        for word in ("imp", "snip", "reinit")
    }
    span = {word: (work.start, work.stop) for word, work in trained.items()}  # type: ignore[union-attr]
    if own.startswith("schedule"):
        assert span == {"imp": (5, 40), "snip": (7, 40), "reinit": (7, 40)}
    else:
        assert span == {"imp": (5, total), "snip": (5, total), "reinit": (0, total)}


def test_a_training_too_short_for_its_controls_is_refused() -> None:
    short = OWN.replace("30it", "5it")
    carried(f"{TO}, train: {short}, controls: [random]")
    for word in ("imp", "magnitude"):
        with pytest.raises(SpecError, match="in the training of this branch, the rewind point"):
            carried(f"{TO}, train: {short}, controls: [{word}]")


# Diagnostics


def problems(*changes: str) -> list[tuple[str, tuple[Any, ...]]]:
    with pytest.raises(SpecError) as caught:
        tiny(*changes)
    return [(each.code, each.path) for each in caught.value.diagnostics]


def test_what_is_wrong_with_a_map_is_told_at_a_key() -> None:
    deeper = "branches.there={kind: transfer, to: {widths: [12, 12, 12]}}"
    assert problems(deeper.replace("12, 12, 12", "12, 8")) == [
        ("LT274", ("branches", "there", "to"))
    ]
    mlp = "branches.there={kind: transfer, to: {widths: [12, 12, 8]}}"
    assert problems("model.widths=[12, 8]", mlp) == [("LT272", ("branches", "there", "to"))]
    turned = "branches.there={kind: transfer, data: {name: digits, rotation: true}}"
    assert problems(turned) == [("LT273", ("branches", "there", "data"))]


def test_seeds_that_do_not_agree_are_told_once() -> None:
    other = "branches.theirs={kind: other-seed}"
    assert problems("replicates=2", "seeds=[1]", other) == [("LT211", ("replicates",))]
    both = "branches.both={kind: combine-masks, operator: union, other: {replicate: next}}"
    assert problems("replicates=1", "seeds=[1, 2]", both) == [("LT211", ("replicates",))]


def test_a_control_without_its_list() -> None:
    with pytest.raises(SpecError) as caught:
        tiny(SOURCE, f"branches.there={{kind: transfer, {TO}, controls: imp}}")
    (found,) = caught.value.diagnostics
    assert found.hint == "write `controls: [imp]`"


# The square

TARGETS = (
    "branches={to-2: {kind: transfer, levels: [1, 2], to: {widths: [8, 8, 6]}}, "
    "to-3: {kind: transfer, levels: [2], to: {widths: [8, 8, 8, 6]}}, "
    "beside: {kind: reinitialize}}"
)
SOURCES = "sweep={source: {two: {model.widths: [8, 8, 6]}, three: {model.widths: [8, 8, 8, 6]}}}"
ALL_PAIRS = (TARGETS, SOURCES)


def test_the_square_of_sources_and_targets(tmp_path: Path) -> None:
    plan = plan_of(KEPT, "replicates=2", *ALL_PAIRS)
    opened, _ = run(plan, tmp_path)
    folder, _, rows = write_results(plan, opened)
    first, second = transfers.squares(plan, rows)
    assert (first.level, first.targets, first.sources) == (1, ("to-2",), (1, 2))
    assert (second.level, second.targets, second.sources) == (2, ("to-2", "to-3"), (1, 2))
    for source in (1, 2):
        for target in ("to-2", "to-3"):
            own = [
                row.scores["test"]["accuracy"]
                for row in rows
                if (row.point, row.branch, row.level) == (source, target, 2)
            ]
            assert len(own) == 2
            found = second.accuracy(source, target)
            assert found is not None
            assert (found.low, found.high) == (min(own), max(own))
            assert found.mean == pytest.approx(sum(own) / 2)
    text = (folder / "transfers.csv").read_text(encoding="utf-8")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [(line["level"], line["source"]) for line in lines] == [
        ("1", "two"),
        ("1", "three"),
        ("2", "two"),
        ("2", "three"),
    ]
    assert lines[0]["to-3 mean"] == ""
    corner = second.accuracy(2, "to-3")
    assert corner is not None
    assert float(lines[3]["to-3 mean"]) == corner.mean
    assert float(lines[3]["to-3 lowest"]) == corner.low
    # On the diagonal a ticket is itself.
    own = [row for row in rows if (row.point, row.branch, row.level) == (1, "ticket", 2)]
    found = second.accuracy(1, "to-2")
    assert found is not None
    assert found.low == min(row.scores["test"]["accuracy"] for row in own)


def test_controls_stand_beside_their_targets(tmp_path: Path) -> None:
    """A branch with a name as a control has is none."""
    targets = (
        "branches={to-2: {kind: transfer, levels: [2], to: {widths: [8, 8, 6]}, "
        "controls: [reinit, imp]}, to-3: {kind: transfer, levels: [2], "
        "to: {widths: [8, 8, 8, 6]}}, to-3-imp: {kind: reinitialize}}"
    )
    plan = plan_of(KEPT, targets, SOURCES)
    opened, _ = run(plan, tmp_path)
    folder, _, rows = write_results(plan, opened)
    (square,) = transfers.squares(plan, rows)  # of no level that is only the control's
    assert (square.level, square.targets) == (2, ("to-2", "to-3"))
    assert square.columns == ("to-2", "to-2-imp", "to-2-reinit", "to-3")
    text = (folder / "transfers.csv").read_text(encoding="utf-8")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [name.removesuffix(" mean") for name in lines[0] if name.endswith(" mean")] == [
        *square.columns
    ]
    for line, point in zip(lines, (1, 2), strict=True):
        for name in square.columns:
            (row,) = (row for row in rows if (row.point, row.branch, row.level) == (point, name, 2))
            assert float(line[f"{name} mean"]) == row.scores["test"]["accuracy"]
    # The other network's own ticket is the same one from wherever a ticket is carried to it.
    assert lines[0]["to-2-imp mean"] == lines[1]["to-2-imp mean"]


def test_what_is_not_there_yet_is_left_out() -> None:
    plan = plan_of(KEPT, *ALL_PAIRS)
    rows = [
        table.Row(1, "to-2", 2, 0.5, 1, 2, {"test": {"accuracy": 0.75, "loss": 1.0}}, point=2),
        table.Row(1, "to-3", 2, 0.5, 1, 2, {"test": {"accuracy": 0.5, "loss": 1.0}}, point=1),
    ]
    screen = Console(file=io.StringIO(), width=100)
    print_transfers(screen, plan, rows)
    shown = screen.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert shown[0].strip() == "tickets of level 2 on each target: test accuracy"
    assert [line.split() for line in shown if line.startswith((" 1", " 2", "1", "2"))] == [
        ["1", "two", "-", "50.00%"],
        ["2", "three", "75.00%", "-"],
    ]
    rows = rows[:1]
    (square,) = transfers.squares(plan, rows)
    assert (square.sources, square.targets) == ((2,), ("to-2",))
    assert square.accuracy(1, "to-2") is None
    assert transfers.as_csv(plan, [square]) == (
        "level,split,point,source,to-2 mean,to-2 lowest,to-2 highest\n"
        "2,test,2,three,0.75,0.75,0.75\n"
    )
    assert transfers.squares(plan_of(KEPT), []) == []
    alone = plan_of(KEPT, SOURCE, f"branches.there={{kind: transfer, {TO}}}")
    assert transfers.squares(alone, rows) == []
