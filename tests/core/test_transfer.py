"""Branches of kind transfer: their stages, what is kept, runs of them, and promises broken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from specs import plan_of, table_of, tiny
from test_runner import arrays, run

from ltspec.decisions import masks as masking
from ltspec.decisions import operators, transfer
from ltspec.engine import controls
from ltspec.engine.arrays import masks_of, weights_of
from ltspec.engine.runner import scores
from ltspec.errors import InvariantError, LtspecError, SpecError
from ltspec.plan import planfile, transferring
from ltspec.plan.cost import cost
from ltspec.plan.legality import check
from ltspec.plan.stages import Init, Mapmask, Outcome, Plan, Prune, Remask, Rewind, Train, Transfer
from ltspec.results import table

SOURCE = "model.widths=[12, 12, 8]"
TO = "to: {widths: [12, 12, 12, 8]}"
KEPT = "prune.rewind={to: 5it}"


def carried(branch: str = TO, *more: str) -> Plan:
    return plan_of(SOURCE, KEPT, f"branches.there={{kind: transfer, levels: [2], {branch}}}", *more)


def outcome_of(plan: Plan, branch: str = "there") -> Outcome:
    return next(one for one in plan.outcomes if one.branch == branch)


def ticket_inputs(plan: Plan, branch: str = "there") -> dict[str, int]:
    place = outcome_of(plan, branch).ticket
    assert place is not None
    assert isinstance(plan.stages[place].work, Rewind)
    return dict(plan.stages[place].inputs)


@pytest.mark.parametrize("own", ["data: {name: digits, blur: 2}", "train: TRAIN"])
def test_a_training_of_its_own_can_be_measured_where_tickets_are_not_trained(own: str) -> None:
    own = own.replace("TRAIN", "{duration: 9it, batch_size: 64, optimizer: {name: sgd, lr: 0.1}}")
    branch = f"branches.there={{kind: transfer, levels: [2], {TO}, {own}}}"
    entry = "measure=[{kind: instability, of: [there], siblings: 2}]"
    (one,) = plan_of(SOURCE, "prune.rewind=none", branch, entry).measurements
    assert (one.sides[0].branch, one.sides[0].level, one.step) == ("there", 2, 0)


def test_stages_of_a_transfer() -> None:
    plan = carried()
    inputs = ticket_inputs(plan)
    state, mask = (plan.stages[inputs[role]] for role in ("state", "mask"))
    assert isinstance(state.work, Transfer)
    assert isinstance(mask.work, Mapmask)
    assert dict(state.work.tensors) == {
        f"fc{to}.{end}": f"fc{origin}.{end}"
        for to, origin in ((1, 1), (2, 2), (3, 2), (4, 3), (5, 4))
        for end in ("weight", "bias")
    }
    assert [target for target, _ in mask.work.tensors] == [f"fc{n}.weight" for n in range(1, 6)]
    source = plan.stages[outcome_of(plan, "ticket").trained].work.graph
    assert state.work.source == mask.work.source == source != state.work.graph
    # The unmasked rewound weights, and the mask of the ticket of this level.
    point = plan.stages[state.inputs["state"]]
    assert isinstance(point.work, Train)
    assert (point.work.start, point.work.stop) == (0, 5)
    assert plan.stages[mask.inputs["mask"]].label == "replicate 1, level 2"
    trained = plan.stages[outcome_of(plan).trained].work
    assert isinstance(trained, Train)
    assert (trained.graph, trained.start, trained.stop) == (state.work.graph, 5, 40)
    ticket = plan.stages[plan.outcomes[-2].trained].work
    assert isinstance(ticket, Train)
    assert trained.recipe == ticket.recipe


def test_what_is_kept_is_known_where_layers_are_cut_apart() -> None:
    plan = carried(TO, "prune.scope=layer")
    # 64 * 12, 12 * 12, 12 * 8 and 8 * 10 weights, a fifth of each gone twice.
    levels = {768: 614, 144: 115, 96: 77, 80: 64}
    kept = {size: left - round(left / 5) for size, left in levels.items()}
    assert kept == {768: 491, 144: 92, 96: 62, 80: 51}
    mask = plan.stages[ticket_inputs(plan)["mask"]].work
    assert isinstance(mask, Mapmask)
    assert mask.keep == (491, 92, 92, 62, 51)
    assert outcome_of(plan).kept == 491 + 92 + 92 + 62 + 51
    assert outcome_of(plan).prunable == 768 + 144 + 144 + 96 + 80
    assert plan.prunable == 768 + 144 + 96 + 80


def test_what_is_kept_of_a_global_mask_is_known_only_without_copies() -> None:
    assert outcome_of(carried()).kept is None
    same = carried("map: {stages: {stage1: {blocks: {block1: [1]}}}}")
    assert outcome_of(same).kept == outcome_of(same, "ticket").kept or outcome_of(same).kept == (
        next(one.kept for one in same.outcomes if one.branch == "ticket" and one.level == 2)
    )
    dense = outcome_of(carried(f"{TO}, mask: dense"))
    assert dense.kept == dense.prunable


def test_an_exempt_tensor_stays_exempt_under_its_new_name() -> None:
    plan = carried(TO, "prune.exempt=[fc4.weight]")
    mask = plan.stages[ticket_inputs(plan)["mask"]].work
    assert isinstance(mask, Mapmask)
    assert [target for target, _ in mask.tensors] == [f"fc{n}.weight" for n in range(1, 5)]


RATES = "prune={scope: layer, schedule: {name: iterative, levels: 2, rates: RATES}}"


@pytest.mark.parametrize(
    ("rates", "theirs", "branch", "data"),
    [
        ("{fc4.weight: 0.5}", "{fc5.weight: 0.5}", TO, ""),
        ("{'fc[12].*': 0.5, fc1.weight: 0.2}", "{'fc[123].*': 0.5}", TO, ""),
        (
            "{fc4.weight: 0.5}",
            "{fc5.weight: 0.5}",
            f"{TO}, classifier: fresh, data: {{name: digits, rotation: true}}",
            "data={name: digits, rotation: true}",
        ),
    ],
)
def test_rates_of_layers_go_with_them(rates: str, theirs: str, branch: str, data: str) -> None:
    """The other network's own tickets are pruned as the ticket's layers are."""
    controls = f"{branch}, controls: [imp, magnitude, snip, grasp]"
    change = RATES.replace("RATES", rates), "prune.rewind={to: 5it}"
    plan = carried(controls, *change)
    own = plan_of(
        "model.widths=[12, 12, 12, 8]",
        RATES.replace("RATES", theirs),
        "prune.rewind={to: 5it}",
        *([data] if data else []),
    )
    found = [plan.stages[one.trained].key for one in plan.outcomes if one.branch == "there-imp"]
    assert found == [own.stages[one.trained].key for one in own.outcomes]
    for word in ("magnitude", "snip", "grasp"):
        work = plan.stages[ticket_inputs(plan, f"there-{word}")["mask"]].work
        ticket = own.outcomes[-1].ticket
        assert ticket is not None
        mask = own.stages[own.stages[ticket].inputs["mask"]].work
        assert isinstance(work, Prune)
        assert isinstance(mask, Prune)
        assert work.keep == mask.keep


def test_what_controls_keep_by_hand() -> None:
    """LeNet-300-300-100 and a layer more, the classifier at half the rate: 810 of 1,000 stay."""
    plan = plan_of(
        "model.widths=[300, 300, 100]",
        "data.name=mnist",
        RATES.replace("RATES", "{fc4.weight: 0.5}"),
        "branches.there={kind: transfer, to: {widths: [300, 300, 300, 100]}, levels: [2], "
        "controls: [imp, magnitude]}",
    )
    for line in ("there-imp", "there-magnitude"):
        place = next(one.ticket for one in plan.outcomes if (one.branch, one.level) == (line, 2))
        assert place is not None
        work = plan.stages[plan.stages[place].inputs["mask"]].work
        assert isinstance(work, Prune)
        assert work.keep == (150_528, 57_600, 57_600, 19_200, 810)


def test_rates_of_layers_that_are_left_out_go_with_them() -> None:
    """A shallower network has no fc5, which the spec's rates name."""
    change = RATES.replace("RATES", "{fc5.weight: 0.5}"), "prune.rewind={to: 5it}"
    training = "{duration: 9it, batch_size: 64, optimizer: {name: sgd, lr: 0.1}}"
    branch = f"to: {{widths: [12, 12, 8]}}, train: {training}, controls: [imp]"
    line = f"branches.there={{kind: transfer, levels: [2], {branch}}}"
    plan = plan_of("model.widths=[12, 12, 12, 8]", *change, line)
    own = plan_of(
        SOURCE, RATES.replace("RATES", "{fc4.weight: 0.5}"), change[1], f"train={training}"
    )
    found = [plan.stages[one.trained].key for one in plan.outcomes if one.branch == "there-imp"]
    assert found == [own.stages[one.trained].key for one in own.outcomes]


def test_a_run_carries_every_tensor(tmp_path: Path) -> None:
    plan = carried()
    opened, _ = run(plan, tmp_path)
    inputs = ticket_inputs(plan)
    state, mask = plan.stages[inputs["state"]], plan.stages[inputs["mask"]]
    before = weights_of(arrays(opened, state.inputs["state"]))
    masks = masks_of(arrays(opened, mask.inputs["mask"]))
    place = outcome_of(plan).ticket
    assert place is not None
    ticket = arrays(opened, place)
    for to, origin in ((1, 1), (2, 2), (3, 2), (4, 3), (5, 4)):
        found = weights_of(ticket)[f"fc{to}.weight"]
        same = masks[f"fc{origin}.weight"]
        assert np.array_equal(masks_of(ticket)[f"fc{to}.weight"], same)
        assert np.array_equal(found, np.where(same, before[f"fc{origin}.weight"], 0))
        bias = weights_of(ticket)[f"fc{to}.bias"]
        assert np.array_equal(bias, before[f"fc{origin}.bias"])
    rows = table.rows(plan, scores(plan, opened.realm))
    row = next(row for row in rows if row.branch == "there")
    kept = {name: int(each.sum()) for name, each in masks.items()}
    assert row.kept == sum(kept.values()) + kept["fc2.weight"]
    assert row.prunable == 768 + 144 + 144 + 96 + 80
    assert row.density == row.kept / row.prunable
    line = next(line for line in table.summary(rows) if line.branch == "there")
    assert (line.kept, line.density) == (row.kept, row.density)


def test_running_statistics_are_carried(tmp_path: Path) -> None:
    """A state with norms, through the stage alone."""
    source = {"n1.running_mean": np.arange(3.0), "n1.running_var": np.ones(3)}
    pairs = [("n2.running_mean", "n1.running_mean"), ("n2.running_var", "n1.running_var")]
    made = transfer.carried(source, pairs, {}, ["n2.running_mean", "n2.running_var"])
    assert np.array_equal(made["n2.running_mean"], source["n1.running_mean"])
    made["n2.running_mean"][0] = 9
    assert source["n1.running_mean"][0] == 0  # a copy is its own


def test_only_copies_are_shuffled(tmp_path: Path) -> None:
    plan = carried(f"{TO}, mask: shuffled-copies")
    opened, _ = run(plan, tmp_path)
    remask = plan.stages[ticket_inputs(plan)["mask"]]
    assert isinstance(remask.work, Remask)
    assert remask.work.only == ("fc3.weight",)
    before = masks_of(arrays(opened, remask.inputs["mask"]))
    after = masks_of(arrays(opened, ticket_inputs(plan)["mask"]))
    assert [n for n in before if not np.array_equal(before[n], after[n])] == ["fc3.weight"]
    assert before["fc3.weight"].sum() == after["fc3.weight"].sum()


@pytest.mark.parametrize("scope", ["global", "layer"])
def test_copies_alone_are_chosen_by_a_criterion(tmp_path: Path, scope: str) -> None:
    to = "to: {depth: 20}"
    by = f"mask: {{criterion: {{name: magnitude, at: init}}, scope: {scope}, only: copies}}"
    plan = plan_of(
        "model={family: cifar-resnet, depth: 14, width: 2}",
        "train.duration=4it",
        "prune.rewind={to: 1it}",
        f"branches.there={{kind: transfer, levels: [2], {to}, {by}}}",
    )
    opened, _ = run(plan, tmp_path)
    stage = plan.stages[ticket_inputs(plan)["mask"]]
    assert isinstance(stage.work, Prune)
    blocks = [tuple(f"stage{n}.block2.conv{c}.weight" for c in (1, 2)) for n in (1, 2, 3)]
    groups = blocks if scope == "global" else [(name,) for block in blocks for name in block]
    assert stage.work.only == tuple(groups)
    like = masks_of(arrays(opened, stage.inputs["like"]))
    made = masks_of(arrays(opened, ticket_inputs(plan)["mask"]))
    sizes = weights_of(arrays(opened, stage.inputs["state"]))
    for group in groups:
        score = np.concatenate([np.abs(sizes[name]).ravel() for name in group])
        count = sum(int(like[name].sum()) for name in group)
        assert 0 < count < score.size
        highest = np.zeros(score.size, np.bool_)
        highest[np.argsort(score, kind="stable")[score.size - count :]] = True
        found = np.concatenate([made[name].ravel() for name in group])
        np.testing.assert_array_equal(found, highest)
    inside = {name for group in groups for name in group}
    assert set(made) == set(like) > inside
    assert all(np.array_equal(made[name], like[name]) for name in set(like) - inside)
    assert any(not np.array_equal(made[name], like[name]) for name in inside)


@pytest.mark.parametrize("mask", ["shuffled", "shuffled-all"])
def test_a_shuffled_mask_keeps_as_many(tmp_path: Path, mask: str) -> None:
    plan = carried(f"{TO}, mask: {mask}")
    opened, _ = run(plan, tmp_path)
    remask = plan.stages[ticket_inputs(plan)["mask"]]
    before = masks_of(arrays(opened, remask.inputs["mask"]))
    after = masks_of(arrays(opened, ticket_inputs(plan)["mask"]))
    counts = [{n: int(m.sum()) for n, m in masks.items()} for masks in (before, after)]
    assert sum(counts[0].values()) == sum(counts[1].values())
    assert (counts[0] == counts[1]) == (mask == "shuffled")


def test_weights_of_its_own_are_those_of_the_rewind_point(tmp_path: Path) -> None:
    plan = carried(f"{TO}, weights: own")
    point = plan.stages[ticket_inputs(plan)["state"]]
    assert isinstance(point.work, Train)
    assert (point.work.start, point.work.stop) == (0, 5)
    start = plan.stages[point.inputs["state"]].work
    assert isinstance(start, Init)
    assert (start.draw, start.graph) == (0, point.work.graph)


def test_fresh_weights_are_another_draw() -> None:
    plan = carried(f"{TO}, weights: fresh")
    start = plan.stages[ticket_inputs(plan)["state"]].work
    assert isinstance(start, Init)
    assert start.draw == 1_000_001 + 2


def test_other_data_with_other_classes(tmp_path: Path) -> None:
    """Rotations of the same images: four classes, a fresh and dense classifier."""
    plan = carried("data: {name: digits, rotation: true}, classifier: fresh")
    opened, _ = run(plan, tmp_path)
    inputs = ticket_inputs(plan)
    state = plan.stages[inputs["state"]]
    assert isinstance(state.work, Transfer)
    assert set(state.inputs) == {"state", "fresh"}
    place = outcome_of(plan).ticket
    assert place is not None
    ticket = arrays(opened, place)
    fresh = weights_of(arrays(opened, state.inputs["fresh"]))
    assert weights_of(ticket)["fc4.weight"].shape == (4, 8)
    assert np.array_equal(weights_of(ticket)["fc4.weight"], fresh["fc4.weight"])
    assert masks_of(ticket)["fc4.weight"].all()
    trained = plan.stages[outcome_of(plan).trained].work
    assert isinstance(trained, Train)
    assert (trained.start, trained.stop) == (0, 40)  # data of its own: from the first step
    assert trained.recipe.alteration is not None
    with pytest.raises(SpecError, match="the classifiers differ"):
        tiny(SOURCE, "branches.there={kind: transfer, data: {name: digits, rotation: true}}")


def test_levels_share_what_does_not_depend_on_them() -> None:
    plan = plan_of(SOURCE, KEPT, f"branches.there={{kind: transfer, {TO}}}")
    assert sum(isinstance(stage.work, Transfer) for stage in plan.stages) == 1
    assert sum(isinstance(stage.work, Mapmask) for stage in plan.stages) == 2


def test_equal_maps_are_one_stage_however_they_are_written() -> None:
    plan = plan_of(
        SOURCE,
        KEPT,
        f"branches.one={{kind: transfer, levels: [2], {TO}}}",
        f"branches.two={{kind: transfer, levels: [2], {TO}, map: interpolate}}",
        f"branches.three={{kind: transfer, levels: [2], {TO}, "
        "map: {stages: {stage1: {blocks: {block1: [1, 2]}}}}}",
    )
    assert len({outcome_of(plan, name).trained for name in ("one", "two", "three")}) == 1


def test_instability_of_a_carried_ticket(tmp_path: Path) -> None:
    measure = "measure=[{kind: instability, of: [there], levels: [2], siblings: 2, alphas: 3}]"
    plan = carried(TO, measure)
    opened, _ = run(plan, tmp_path)
    (one,) = plan.measurements
    assert one.sides[0].kept is None
    assert one.stage in scores(plan, opened.realm)


def test_a_plan_file_is_read_back() -> None:
    by = "{criterion: magnitude, only: copies}"
    for mask in ("mapped", "shuffled-copies", "dense", by):
        plan = carried(f"{TO}, mask: {mask}")
        again, _ = planfile.read(planfile.write(plan))
        assert again.stages == plan.stages
        assert again.outcomes == plan.outcomes
        assert again.graphs == plan.graphs


def test_the_spec_as_the_other_network_sees_it() -> None:
    spec = tiny(SOURCE, KEPT, f"branches.there={{kind: transfer, {TO}}}")
    to = transferring.carried(spec, spec.branches["there"])
    assert to.tensors == tuple(f"fc{n}.weight" for n in range(1, 6))
    assert to.dense == ()
    assert transferring.keep((100, 30, 20, 10), to) == (100, 30, 30, 20, 10)
    assert transferring.keep((160,), to) == ()


def test_costs_are_those_of_the_other_network() -> None:
    plan = carried()
    inputs = ticket_inputs(plan)
    floats = 768 + 144 + 144 + 96 + 80 + 12 + 12 + 12 + 8 + 10
    assert cost(plan, plan.stages[inputs["state"]]).disk == 4 * floats
    assert cost(plan, plan.stages[inputs["mask"]]).disk == 768 + 144 + 144 + 96 + 80


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"tensors": (("fc1.weight", "fc1.weight"),)}, "nothing says what becomes"),
        ({"tensors": (("fc1.weight", "fc2.weight"),)}, "fc2.weight cannot become fc1.weight"),
        ({"tensors": (("fc1.bias", "fc1.bias"), ("fc1.bias", "fc2.bias"))}, "written twice"),
        ({"source": "0" * 40}, "its state is another network's"),
    ],
)
def test_a_plan_that_writes_too_little_or_too_much_is_not_legal(
    change: dict[str, Any], says: str
) -> None:
    plan = carried()
    place = ticket_inputs(plan)["state"]
    stage = plan.stages[place]
    assert isinstance(stage.work, Transfer)
    stages = list(plan.stages)
    stages[place] = replace(stage, work=replace(stage.work, **change))
    with pytest.raises(LtspecError, match=says):
        check(replace(plan, stages=tuple(stages)), after="a test")


def test_a_mask_of_another_network_is_not_legal() -> None:
    plan = carried()
    place = outcome_of(plan).ticket
    assert place is not None
    stages = list(plan.stages)
    theirs = stages[ticket_inputs(plan)["mask"]].inputs["mask"]
    inputs = {**stages[place].inputs, "mask": theirs}
    stages[place] = replace(stages[place], inputs=inputs)
    with pytest.raises(LtspecError, match="its mask is another network's"):
        check(replace(plan, stages=tuple(stages)), after="a test")


def forget(name: str) -> Any:
    honest = transfer.carried

    def changed(source: Any, pairs: Any, fresh: Any, names: Any) -> Any:
        return {key: array for key, array in honest(source, pairs, fresh, names).items()
                if key != name}  # fmt: skip

    return changed


def swap(source: Any, pairs: Any, fresh: Any, names: Any) -> Any:
    made = {name: source[dict(pairs)[name]] for name in names}
    return {name: array + (name == "fc2.bias") for name, array in made.items()}


def full(source: Any, pairs: Any, shapes: Any) -> Any:
    return {name: np.ones(shape, np.bool_) for name, shape in shapes.items()}


def empty(source: Any, pairs: Any, shapes: Any) -> Any:
    return {name: np.zeros(shape, np.bool_) for name, shape in shapes.items()}


def emptied(masks: Any, *_: Any) -> Any:
    return {name: np.zeros_like(mask) for name, mask in masks.items()}


@pytest.mark.parametrize(
    ("module", "name", "instead", "mask", "says"),
    [
        (transfer, "carried", forget("fc3.bias"), "mapped", "fc3.bias .* was not written"),
        (transfer, "carried", swap, "mapped", "fc2.bias is not the copy of fc2.bias"),
        (transfer, "carried_masks", full, "mapped", "of fc1.weight is not that of fc1.weight"),
        (transfer, "carried_masks", empty, "dense", "fc1.weight is not dense"),
        (operators, "shuffled", emptied, "shuffled", "keeps another number of weights"),
    ],
)
def test_a_broken_promise_stops_the_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    name: str,
    instead: Any,
    mask: str,
    says: str,
) -> None:
    monkeypatch.setattr(module, name, instead)
    with pytest.raises(InvariantError, match=says):
        run(carried(f"{TO}, mask: {mask}"), tmp_path)


def test_counts_other_than_planned_stop_the_run(tmp_path: Path) -> None:
    plan = carried(TO, "prune.scope=layer")
    place = ticket_inputs(plan)["mask"]
    stage = plan.stages[place]
    assert isinstance(stage.work, Mapmask)
    keep = (stage.work.keep[0] - 1, *stage.work.keep[1:])
    stages = list(plan.stages)
    stages[place] = replace(stage, work=replace(stage.work, keep=keep))
    with pytest.raises(InvariantError, match="and the plan says"):
        run(replace(plan, stages=tuple(stages)), tmp_path)


@pytest.mark.parametrize(
    ("every", "says"),
    [(False, "shuffle-layer gave masks of"), (True, "that was to stay as it is was shuffled")],
)
def test_a_shuffle_that_touches_other_masks_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: bool, says: str
) -> None:
    """Of copies alone it gives one mask more, or every one, in order and with the same counts."""
    honest, in_order = operators.shuffled, controls._in_order
    read: dict[str, Any] = {}

    def noted(*given: Any) -> Any:
        read.update(in_order(*given))
        return dict(read)

    def changed(masks: Any, *stream: int) -> Any:
        first = {"fc1.weight": np.roll(read["fc1.weight"], 1)}
        made = dict(honest(masks, *stream))
        return {**read, **made, **first} if every else {**made, **first}

    monkeypatch.setattr(controls, "_in_order", noted)
    monkeypatch.setattr(operators, "shuffled", changed)
    with pytest.raises(InvariantError, match=says):
        run(carried(f"{TO}, mask: shuffled-copies"), tmp_path)


COPIES = f"{TO}, mask: {{criterion: {{name: snip, at: rewind}}, only: copies}}"


def thinned(names: list[str]) -> Any:
    honest = masking.prune

    def changed(scores: Any, before: Any, keep: Any) -> Any:
        made = honest(scores, before, keep)
        if list(scores) != ["fc3.weight"]:
            return made
        return {**made, **{name: np.zeros((12, SIZES[name]), np.bool_) for name in names}}

    return changed


SIZES = {"fc1.weight": 64, "fc3.weight": 12}


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["fc3.weight"], "fc3.weight do not keep as many weights as before"),
        (["fc1.weight"], "the mask of fc1.weight was to stay as it is"),
    ],
)
def test_copies_that_are_chosen_wrongly_stop_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], says: str
) -> None:
    monkeypatch.setattr(masking, "prune", thinned(names))
    with pytest.raises(InvariantError, match=says):
        run(carried(COPIES), tmp_path)


def test_copies_are_chosen_beside_masks_of_their_own_network(tmp_path: Path) -> None:
    plan = carried(COPIES)
    place = ticket_inputs(plan)["mask"]
    stage = plan.stages[place]
    ticket = plan.stages[stage.inputs["like"]].inputs["mask"]
    stages = list(plan.stages)
    stages[place] = replace(stage, inputs={**stage.inputs, "like": ticket})
    with pytest.raises(InvariantError, match="as many weights as in masks of fc1"):
        run(replace(plan, stages=tuple(stages)), tmp_path)


@pytest.mark.parametrize(
    ("only", "says"),
    [
        ((("fc3.weight", "fc3.weight"),), "prunes groups of tensors"),
        ((("fc9.weight",),), "prunes groups of tensors"),
        (((),), "prunes groups of tensors"),
        ((), "of a mask that it reads"),
    ],
)
def test_groups_that_are_not_there_are_not_legal(
    only: tuple[tuple[str, ...], ...], says: str
) -> None:
    plan = carried(COPIES)
    place = ticket_inputs(plan)["mask"]
    stage = plan.stages[place]
    assert isinstance(stage.work, Prune)
    stages = list(plan.stages)
    stages[place] = replace(stage, work=replace(stage.work, only=only))
    with pytest.raises(LtspecError, match=says):
        check(replace(plan, stages=tuple(stages)), after="a test")


RESNETS = ("model={family: cifar-resnet, depth: 14, width: 2}", "train.duration=4it")


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_what_is_kept_with_chosen_copies_is_what_the_mapped_mask_keeps(scope: str) -> None:
    more = (*RESNETS, "prune.scope=layer", "prune.rewind={to: 1it}")

    def mask_of(mask: str) -> tuple[Plan, Any]:
        branch = f"{{kind: transfer, levels: [2], to: {{depth: 20}}, mask: {mask}}}"
        plan = plan_of(*more, f"branches.there={branch}")
        return plan, plan.stages[ticket_inputs(plan)["mask"]].work

    by = f"{{criterion: {{name: snip, at: rewind}}, scope: {scope}, only: copies}}"
    plan, work = mask_of(by)
    _, mapped = mask_of("mapped")
    assert len(mapped.keep) == len(work.tensors)
    assert work.keep == (mapped.keep if scope == "layer" else (sum(mapped.keep),))
    assert outcome_of(plan).kept == sum(mapped.keep)
    assert outcome_of(carried(COPIES)).kept is None


def test_rounds_with_chosen_copies(tmp_path: Path) -> None:
    by = f"{TO}, mask: {{criterion: {{name: synflow, rounds: 3}}, only: copies}}"
    plan = carried(by)
    opened, _ = run(plan, tmp_path)
    stage = plan.stages[ticket_inputs(plan)["mask"]]
    before = masks_of(arrays(opened, stage.inputs["like"]))
    after = masks_of(arrays(opened, ticket_inputs(plan)["mask"]))
    assert [n for n in before if not np.array_equal(before[n], after[n])] == ["fc3.weight"]
    assert before["fc3.weight"].sum() == after["fc3.weight"].sum()


def test_only_networks_of_one_kind_are_compared(tmp_path: Path) -> None:
    wider = "branches.wide={kind: transfer, levels: [2], to: {widths: [12, 12, 12, 12, 8]}}"
    again = f"branches.again={{kind: transfer, levels: [2], {TO}, mask: shuffled}}"
    both = "measure=[{kind: barrier, between: [there, %s], alphas: 3}]"
    for other in ("ticket", "wide"):
        with pytest.raises(SpecError, match="are different networks"):
            tiny(SOURCE, KEPT, f"branches.there={{kind: transfer, levels: [2], {TO}}}", wider,
                 both % other)  # fmt: skip
    plan = carried(TO, again, both % "again")
    opened, _ = run(plan, tmp_path)
    (one,) = plan.measurements
    assert one.stage in scores(plan, opened.realm)
    assert table_of(plan, scores(plan, opened.realm), "barrier").rows[0]["density"] < 1


CONTROLS = f"{TO}, controls: all"


def test_controls_by_one_word(tmp_path: Path) -> None:
    plan = carried(CONTROLS)
    lines = [(one.branch, one.level) for one in plan.outcomes if one.branch.startswith("there-")]
    assert lines == [
        ("there-imp", 0),
        ("there-imp", 1),
        ("there-imp", 2),
        *((f"there-{word}", 2) for word in ("random", "shuffled", "reinit")),
        *((f"there-{word}", 2) for word in ("magnitude", "snip", "grasp")),
    ]
    own = plan_of("model.widths=[12, 12, 12, 8]", KEPT)
    # The other network's own tickets are those of its own spec: the same stages.
    found = [plan.stages[one.trained].key for one in plan.outcomes if one.branch == "there-imp"]
    assert found == [own.stages[one.trained].key for one in own.outcomes]
    opened, _ = run(plan, tmp_path)
    rows = {row.branch: row for row in table.rows(plan, scores(plan, opened.realm))}
    for word in ("random", "shuffled", "reinit"):
        assert rows[f"there-{word}"].kept == rows["there"].kept
    for word in ("magnitude", "snip", "grasp"):
        assert rows[f"there-{word}"].kept == rows["there-imp"].kept == own.outcomes[-1].kept
    masks = {
        name: masks_of(arrays(opened, ticket_inputs(plan, name)["mask"]))
        for name in ("there", *(f"there-{word}" for word in ("random", "shuffled", "reinit")))
    }
    assert all(
        np.array_equal(masks["there"][name], masks["there-reinit"][name]) for name in masks["there"]
    )
    moved = {
        word: [n for n in masks["there"] if not np.array_equal(masks["there"][n], made[n])]
        for word, made in masks.items()
    }
    assert moved["there-shuffled"] == ["fc3.weight"]
    assert len(moved["there-random"]) > 1
    # What is matched begins at the other network's own rewind point.
    for word in ("magnitude", "snip", "grasp"):
        begun = plan.stages[ticket_inputs(plan, f"there-{word}")["state"]]
        assert isinstance(begun.work, Train)
        assert begun.work.stop == 5
        trained = plan.stages[outcome_of(plan, f"there-{word}").trained].work
        assert isinstance(trained, Train)
        assert (trained.start, trained.stop) == (5, 40)


def test_scores_of_controls_are_those_of_the_paper() -> None:
    """Chen et al. 2021, by their code: gradients at the rewind point over all 1,438 examples of
    digits with the statistics of evaluation; GraSP by size at temperature 200, SNIP as it is."""
    plan = carried(CONTROLS)
    first = (64 * 12, 12 * 12, 12 * 12, 12 * 8, 8 * 10)
    after = [sum(first) - round(sum(first) / 5)]
    after.append(after[0] - round(after[0] / 5))
    for word in ("snip", "grasp"):
        inputs = ticket_inputs(plan, f"there-{word}")
        stage = plan.stages[inputs["mask"]]
        assert isinstance(stage.work, Prune)
        assert (stage.work.criterion, stage.work.rounds, stage.work.invert) == (word, 1, False)
        # The state that the ticket is rewound to: the other network's own, at step 5.
        assert stage.inputs == {"state": inputs["state"]}
        point = plan.stages[inputs["state"]].work
        assert isinstance(point, Train)
        assert (point.start, point.stop) == (0, 5)
        assert point.graph == stage.work.graph
        sample = stage.work.sample
        assert sample is not None
        assert (sample.examples, sample.of, sample.mode) == (1438, 1438, "eval")
        assert stage.work.per_class is None  # all of them, whatever their classes
        assert (stage.work.by_size, stage.work.temperature) == (
            (True, 200.0) if word == "grasp" else (False, 1.0)
        )
        assert stage.work.keep == (after[-1],)
    magnitude = plan.stages[ticket_inputs(plan, "there-magnitude")["mask"]]
    assert isinstance(magnitude.work, Prune)
    assert (magnitude.work.criterion, magnitude.work.sample) == ("magnitude", None)
    end = plan.stages[magnitude.inputs["state"]].work
    assert isinstance(end, Train)
    assert end.stop == 40


def test_controls_of_a_squeeze_shuffle_no_copies() -> None:
    plan = carried("to: {widths: [12, 8]}, controls: all")
    assert "there-shuffled" not in {one.branch for one in plan.outcomes}
    with pytest.raises(SpecError, match="no block of the target is a second copy"):
        carried("to: {widths: [12, 8]}, controls: [shuffled]")


def test_controls_that_cannot_be() -> None:
    with pytest.raises(SpecError, match="weights are not rewound"):
        tiny(SOURCE, "prune.rewind=none", f"branches.there={{kind: transfer, {CONTROLS}}}")
    with pytest.raises(SpecError, match="is called there-imp"):
        tiny(SOURCE, f"branches.there={{kind: transfer, {CONTROLS}}}",
             "branches.there-imp={kind: reinitialize}")  # fmt: skip


def test_what_is_fresh_has_the_type_of_what_is_carried() -> None:
    source = {"a": np.ones(2)}
    fresh = {"b": np.full(2, 0.1, np.float32)}
    made = transfer.carried(source, [("a", "a")], fresh, ["a", "b"])
    assert made["b"].dtype == np.float64
    assert np.array_equal(made["b"], fresh["b"])


def test_controls_of_the_other_network_are_pretrained_as_the_ticket_is() -> None:
    pretrain = (
        "pretrain={data: {name: digits, rotation: true}, "
        "train: {duration: 8it, batch_size: 64, optimizer: {name: sgd, lr: 0.1}}}"
    )
    plan = carried(f"{TO}, controls: [imp, snip]", pretrain)
    own = plan_of("model.widths=[12, 12, 12, 8]", KEPT, pretrain)
    found = [plan.stages[one.trained].key for one in plan.outcomes if one.branch == "there-imp"]
    assert found == [own.stages[one.trained].key for one in own.outcomes]
