"""Pruning by other rules: GraSP's examples, inverted scores, and masks of matched density."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from specs import plan_of, table_of
from test_scoring import run

from ltspec.decisions import operators
from ltspec.decisions.sample import Sample, batches
from ltspec.engine import runner
from ltspec.engine.arrays import masks_of, weights_of
from ltspec.engine.session import Session
from ltspec.errors import DataError, InvariantError, LtspecError
from ltspec.plan import planfile
from ltspec.plan.cost import cost
from ltspec.plan.legality import check
from ltspec.plan.stages import Combine, Init, Outcome, Plan, Prune, Rewind, Train
from ltspec.results import table
from ltspec.results.rows import summary

ONE_SHOT = "prune.schedule={name: one-shot, density: 0.1}"


def prunings(plan: Plan) -> list[Prune]:
    return [stage.work for stage in plan.stages if isinstance(stage.work, Prune)]


def rows(plan: Plan, branch: str) -> list[Outcome]:
    """Those of a line; those of the ticket with the dense network before them."""
    lines = (branch, "dense") if branch == "ticket" else (branch,)
    return [outcome for outcome in plan.outcomes if outcome.branch in lines]


def read(opened: Session, place: int | None) -> dict[str, np.ndarray]:
    assert place is not None
    result = opened.realm.read(opened.plan.stages[place].key)
    assert result is not None
    return dict(result.arrays)


def test_examples_of_each_class() -> None:
    """The first of each class in the order that all criteria share."""
    labels = np.random.default_rng(0).integers(0, 10, 1438)
    sample = Sample("digits", 1, 50, 1438, 20, "train")
    found = batches(sample, 7, labels, 5)
    assert [len(batch) for batch in found] == [20, 20, 10]
    chosen = np.concatenate(found)
    assert np.bincount(labels[chosen]).tolist() == [5] * 10
    every = Sample("digits", 1, 1438, 1438, 128, "train")
    order = np.concatenate(batches(every, 7, labels))
    place = {int(example): i for i, example in enumerate(order)}
    places = [place[int(example)] for example in chosen]
    assert places == sorted(places)
    for each in range(10):
        assert np.array_equal(chosen[labels[chosen] == each], order[labels[order] == each][:5])
    with pytest.raises(ValueError, match="class 3 has 4 examples, and not 5"):
        batches(sample, 7, np.where((labels == 3) & (np.cumsum(labels == 3) > 4), 0, labels), 5)


def test_a_plan_says_what_grasp_looks_at(tmp_path: Path) -> None:
    """Without norms no batch is told from another: one key, whatever the mode."""
    (work,) = prunings(plan_of("prune.criterion=grasp", ONE_SHOT))
    sample = Sample("digits", 1, 100, 1438, 128, "eval")
    assert (work.sample, work.per_class, work.temperature) == (sample, 10, 200.0)
    assert not work.by_size
    norms = "model={family: cifar-resnet, depth: 8, width: 4}"
    (work,) = prunings(plan_of(norms, "prune.criterion=grasp", ONE_SHOT))
    assert work.sample == replace(sample, batch_size=50, mode="train")
    every = "prune.criterion={name: grasp, examples_per_class: all, rank: size, mode: eval}"
    plan = plan_of(norms, every, ONE_SHOT)
    (work,) = prunings(plan)
    assert work.sample == replace(sample, examples=1438)
    assert (work.per_class, work.by_size, work.seed) == (None, True, None)
    again, _ = planfile.read(planfile.write(plan))
    assert again.stages == plan.stages
    (place,) = (i for i, s in enumerate(plan.stages) if isinstance(s.work, Prune))
    (graph,) = plan.graphs.values()
    assert cost(plan, plan.stages[place]).flops == 9 * 1438 * graph.forward_flops


def test_grasp_is_run_by_sign_or_by_size(tmp_path: Path) -> None:
    """Both keep as many, and not the same; the second level lies within the first."""
    found = []
    for rank in ("signed", "size"):
        changes = f"prune.criterion={{name: grasp, rank: {rank}, temperature: 1}}"
        opened = run(plan_of(changes, "prune.schedule.fraction=0.5"), tmp_path)
        first, second = (masks_of(read(opened, o.ticket)) for o in rows(opened.plan, "ticket")[1:])
        assert [sum(m.sum() for m in each.values()) for each in (first, second)] == [444, 222]
        assert not any((second[name] & ~first[name]).any() for name in first)
        found.append(first)
    assert any((found[0][name] != found[1][name]).any() for name in found[0])


def test_a_class_that_is_too_small_is_told_when_the_data_is_read(tmp_path: Path) -> None:
    plan = plan_of("prune.criterion={name: grasp, examples_per_class: 143}", ONE_SHOT)
    with pytest.raises(DataError) as caught:
        run(plan, tmp_path)
    assert caught.value.code == "LT243"
    assert "143 examples of each class, but of digits class" in caught.value.message


WITH_SCORES = [
    "{name: magnitude}",
    "{name: snip}",
    "{name: grasp}",
    "{name: grasp, rank: size}",
    "{name: synflow, rounds: 1}",
]


@pytest.mark.parametrize("criterion", WITH_SCORES)
def test_inverted_scores_keep_the_lowest(tmp_path: Path, criterion: str) -> None:
    """At a half of an even number, without ties, the two masks are each other's complement."""
    turned = f"{criterion.rstrip('}')}, invert: true}}"
    half = "prune.schedule={name: one-shot, density: 0.5}"
    masks = []
    for each in (criterion, turned):
        # From digits' pixels that are never lit come gradients of zero, and ties: leave them out.
        opened = run(plan_of(f"prune.criterion={each}", half, "prune.exempt=['fc1*']"), tmp_path)
        masks.append(masks_of(read(opened, rows(opened.plan, "ticket")[1].ticket)))
    (first,), (second,) = (mask.values() for mask in masks)
    assert first.sum() == second.sum() == 60
    assert np.array_equal(first, ~second)


def test_what_is_written_as_false_moves_no_key() -> None:
    for criterion in ("magnitude", "snip", "synflow"):
        short = plan_of(f"prune.criterion={criterion}")
        long = plan_of(f"prune.criterion={{name: {criterion}, invert: false}}")
        other = plan_of(f"prune.criterion={{name: {criterion}, invert: true}}")
        keys = [[stage.key for stage in plan.stages] for plan in (short, long, other)]
        assert keys[0] == keys[1] != keys[2]


BRANCHES = (
    "prune.rewind={to: 10it}",
    "branches.snip={kind: prune, criterion: snip}",
    "branches.scored={kind: prune, criterion: snip, weights: scored, schedule: 0it}",
    "branches.rewound={kind: prune, criterion: {name: magnitude, at: rewind}, weights: scored}",
    "branches.at-once={kind: prune, criterion: magnitude}",
    "branches.layered={kind: prune, criterion: random, scope: layer}",
    "branches.erk={kind: prune, criterion: {name: magnitude, at: init}, scope: erk}",
)


def test_a_branch_is_pruned_by_another_criterion_at_the_tickets_density(tmp_path: Path) -> None:
    opened = run(plan_of(*BRANCHES), tmp_path)
    plan = opened.plan
    tickets = {o.level: o for o in rows(plan, "ticket")}
    states = {}
    for name in ("snip", "scored", "rewound", "at-once", "layered", "erk"):
        assert [outcome.level for outcome in rows(plan, name)] == [1, 2]
        for outcome in rows(plan, name):
            ticket = read(opened, outcome.ticket)
            kept = sum(int(mask.sum()) for mask in masks_of(ticket).values())
            assert kept == outcome.kept == tickets[outcome.level].kept
            assert outcome.ticket is not None
            stage = plan.stages[outcome.ticket]
            assert isinstance(stage.work, Rewind)
            states[name] = plan.stages[stage.inputs["state"]].work
            mask = plan.stages[stage.inputs["mask"]]
            assert isinstance(mask.work, Prune)
            assert "mask" not in mask.inputs  # made from the dense network
            trained = plan.stages[outcome.trained].work
            assert isinstance(trained, Train)
            assert (trained.start, trained.stop) == (0 if name == "scored" else 10, 40)
    dense_training = plan.stages[tickets[0].trained].work
    assert isinstance(dense_training, Train)
    start = replace(dense_training, stop=10)
    assert isinstance(states["scored"], Init)
    assert all(state == start for name, state in states.items() if name != "scored")
    scored = {
        name: plan.stages[plan.stages[plan.stages[o.ticket or 0].inputs["mask"]].inputs["state"]]
        for name in ("snip", "rewound", "at-once", "erk")
        for o in rows(plan, name)[1:]
    }
    assert isinstance(scored["snip"].work, Init)
    assert isinstance(scored["erk"].work, Init)
    assert scored["rewound"].work == start
    assert scored["at-once"].key == plan.stages[tickets[0].trained].key  # the dense network's end
    # The masks are what a spec of their own would make.
    dense = weights_of(read(opened, tickets[0].trained))
    second = masks_of(read(opened, rows(plan, "at-once")[1].ticket))
    sizes = np.concatenate([np.abs(dense[name]).reshape(-1) for name in second])
    flat = np.concatenate([mask.reshape(-1) for mask in second.values()])
    assert sizes[flat].min() >= sizes[~flat].max()
    shapes = [(12, 64), (10, 12)]
    layered = masks_of(read(opened, rows(plan, "layered")[1].ticket))
    assert [mask.shape for mask in layered.values()] == shapes
    assert [int(m.sum()) for m in layered.values()] == [491, 77]


def test_a_branch_of_the_specs_own_criterion_and_scope_at_level_1_is_the_ticket() -> None:
    """One meaning, one key; and within layers, with rates, it keeps as many in each."""
    plan = plan_of(
        "prune.scope=layer",
        "prune.schedule.rates={'fc2*': 0.5}",
        "branches.same={kind: prune, criterion: magnitude}",
        "branches.global={kind: prune, criterion: magnitude, scope: global}",
    )
    ticket, same = rows(plan, "ticket")[1:], rows(plan, "same")
    assert (ticket[0].ticket, ticket[0].trained) == (same[0].ticket, same[0].trained)
    kept = [w.keep for w in prunings(plan)]
    assert kept == [(614, 108), (722,), (491, 97), (491, 97), (588,)]


def test_replicates_and_other_seeds_of_a_sample() -> None:
    """The branch's examples are those of its replicate's seed `mask`."""
    plan = plan_of("branches.snip={kind: prune, criterion: snip, levels: [1]}", "replicates=2")
    assert [work.seed for work in prunings(plan) if work.criterion == "snip"] == [1, 2]


def test_a_branch_can_be_measured(tmp_path: Path) -> None:
    opened = run(
        plan_of(
            "prune.schedule.levels=1",
            "branches.snip={kind: prune, criterion: snip, weights: scored}",
            "measure=[{kind: instability, of: [snip], siblings: 2, alphas: 3}]",
        ),
        tmp_path,
    )
    (side,) = opened.plan.measurements[0].sides
    assert (side.branch, side.kept) == ("snip", 710)


def test_masks_put_together_by_hand() -> None:
    first = {"a": np.array([[True, True], [False, False]])}
    second = {"a": np.array([[True, False], [True, False]])}
    assert operators.intersected(first, second)["a"].tolist() == [[True, False], [False, False]]
    assert operators.united(first, second)["a"].tolist() == [[True, True], [True, False]]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 1))
def test_what_is_put_together_adds_up(seed: int, one: float, other: float) -> None:
    """|A and B| + |A or B| = |A| + |B|, whichever comes first."""
    rng = np.random.default_rng(seed)
    masks = [{"a": rng.random((5, 4)) < d, "b": rng.random(9) < d} for d in (one, other)]
    both, either = operators.intersected(*masks), operators.united(*masks)
    for name in ("a", "b"):
        assert both[name].sum() + either[name].sum() == masks[0][name].sum() + masks[1][name].sum()
        assert not (both[name] & ~either[name]).any()
        assert np.array_equal(both[name], operators.intersected(*masks[::-1])[name])


COMBINED = (
    "replicates=2",
    "branches.both={kind: combine-masks, operator: intersect, other: {replicate: next}}",
    "branches.either={kind: combine-masks, operator: union, levels: [2]}",
    "branches.either.other={branch: snip, replicate: next}",
    "branches.snip={kind: prune, criterion: snip, levels: [2]}",
    "branches.late={kind: combine-masks, operator: union, levels: [2], schedule: 10it}",
    "branches.late.other={branch: snip}",
    "measure=[{kind: instability, of: [both], levels: [2], siblings: 2, alphas: 3}]",
)


def test_masks_are_combined(tmp_path: Path) -> None:
    """With those of another replicate, of a branch, and of another replicate's branch."""
    opened = run(plan_of(*COMBINED), tmp_path)
    plan = opened.plan

    def found(replicate: int, branch: str, level: int) -> dict[str, np.ndarray]:
        (row,) = (o for o in rows(plan, branch) if (o.replicate, o.level) == (replicate, level))
        return read(opened, row.ticket)

    for mine, other in ((1, 2), (2, 1)):
        for branch, level, operator, *second in (
            ("both", 1, np.logical_and, other, "ticket"),
            ("both", 2, np.logical_and, other, "ticket"),
            ("either", 2, np.logical_or, other, "snip"),
            ("late", 2, np.logical_or, mine, "snip"),
        ):
            made = found(mine, branch, level)
            pair = masks_of(found(mine, "ticket", level)), masks_of(found(*second, level))  # type: ignore[arg-type]
            for name, mask in masks_of(made).items():
                assert np.array_equal(mask, operator(pair[0][name], pair[1][name]))
                assert not np.array_equal(mask, pair[0][name])
                dense = read(opened, rows(plan, "ticket")[0].trained)  # for its shapes alone
                assert made[f"weights/{name}"].shape == dense[f"weights/{name}"].shape
                assert not made[f"weights/{name}"][~mask].any()
                assert made[f"weights/{name}"][mask].all()
    starts = {plan.stages[o.trained].work.start for o in rows(plan, "late")}  # type: ignore[union-attr]
    assert starts == {10}


def test_what_combined_masks_keep_is_in_the_tables(tmp_path: Path) -> None:
    """It is known when it is done, and may differ between replicates."""
    plan = plan_of(*COMBINED)
    assert {outcome.kept for outcome in rows(plan, "both")} == {None}
    again, _ = planfile.read(planfile.write(plan))
    assert (again.stages, again.outcomes) == (plan.stages, plan.outcomes)
    opened = run(plan, tmp_path)
    facts = runner.scores(plan, opened.realm)
    made = [row for row in table.rows(plan, facts) if row.branch == "both"]
    assert len(made) == 4
    for row, outcome in zip(made, rows(plan, "both"), strict=True):
        kept = sum(int(m.sum()) for m in masks_of(read(opened, outcome.ticket)).values())
        assert row.kept == kept < 888 * 0.8**row.level
        assert row.density == kept / 888
    (line,) = (each for each in table.summary(made) if each.level == 2)
    two = [row.kept for row in made if row.level == 2]
    assert (line.kept, line.density) == (round(sum(two) / 2), pytest.approx(sum(two) / 2 / 888))
    pairs = table_of(plan, facts, "instability")
    assert [row["density"] for row in pairs.rows] == [kept / 888 for kept in two]
    (summed,) = summary(pairs)
    assert summed.of["density"] == pytest.approx(sum(two) / 2 / 888)


def test_pairs_of_replicates_have_the_density_of_all(tmp_path: Path) -> None:
    """Of three pairs of three replicates the first network is one of two."""
    plan = plan_of(
        "replicates=3",
        "prune.schedule.levels=1",
        "branches.both={kind: combine-masks, operator: intersect, other: {replicate: next}}",
        "measure=[{kind: barrier, between: replicates, of: [both], levels: [1], alphas: 3}]",
    )
    opened = run(plan, tmp_path)
    facts = runner.scores(plan, opened.realm)
    kept = [row.kept for row in table.rows(plan, facts) if row.branch == "both"]
    assert len(set(kept)) > 1
    (line,) = summary(table_of(plan, facts, "barrier"))
    assert line.of["density"] == line.of["other_density"] == pytest.approx(sum(kept) / 3 / 888)


def test_a_mask_that_grew_in_training_is_combined_too(tmp_path: Path) -> None:
    opened = run(
        plan_of(
            "prune.schedule={name: one-shot, density: 0.2}",
            "branches.set={kind: dynamic, schedule: {name: set}}",
            "branches.both={kind: combine-masks, operator: intersect, other: {branch: set}}",
        ),
        tmp_path,
    )
    names = ("ticket", "set", "both")
    masks = [masks_of(read(opened, rows(opened.plan, name)[-1].ticket)) for name in names]
    for name, mask in masks[2].items():
        assert np.array_equal(mask, masks[0][name] & masks[1][name])


def test_a_mask_of_nothing_ends_the_run(tmp_path: Path) -> None:
    """Scores and inverted scores keep one weight each, and not the same."""
    plan = plan_of(
        "prune.schedule={name: one-shot, density: 0.001}",
        "branches.turned={kind: prune, criterion: {name: magnitude, invert: true}}",
        "branches.both={kind: combine-masks, operator: intersect, other: {branch: turned}}",
    )
    with pytest.raises(InvariantError, match="no weight in common"):
        run(plan, tmp_path)


def test_a_combination_of_other_tensors_is_never_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operators, "united", lambda masks, _: dict(list(masks.items())[1:]))
    with pytest.raises(InvariantError, match="are not of the tensors that are pruned"):
        run(plan_of(*COMBINED), tmp_path)


@pytest.mark.parametrize("wrong", ["united", "intersected"])
def test_a_wrong_combination_is_never_stored(
    wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operators, wrong, lambda masks, others: dict(masks))
    with pytest.raises(InvariantError, match="keeps something else"):
        run(plan_of(*COMBINED), tmp_path)


def test_a_combination_of_other_tensors_is_no_plan() -> None:
    plan = plan_of(*COMBINED)
    for place, stage in enumerate(plan.stages):
        if isinstance(stage.work, Combine):
            stages = list(plan.stages)
            stages[place] = replace(stage, work=replace(stage.work, tensors=("fc1.weight",)))
            with pytest.raises(LtspecError, match="combines masks of other tensors"):
                check(replace(plan, stages=tuple(stages)), after="a test")
            stages[place] = replace(stage, inputs={"mask": stage.inputs["mask"]})
            with pytest.raises(LtspecError, match="reads"):
                check(replace(plan, stages=tuple(stages)), after="a test")
            assert cost(plan, stage).disk == 888
            return
    raise AssertionError("nothing is combined")
