"""The repellent term: its directions, its stages, what is checked, and what it does to a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from specs import plan_of, table_of
from test_runner import run

from ltspec.decisions.repulsion import Repulsion, cosines, repulsion
from ltspec.engine import repelling
from ltspec.engine.adapters import features
from ltspec.engine.arrays import masks_of, pack_masks, pack_weights, weights_of
from ltspec.engine.backend import Settings
from ltspec.engine.runner import scores
from ltspec.engine.store import Result
from ltspec.errors import InvariantError, LtspecError
from ltspec.plan import planfile
from ltspec.plan.cost import cost
from ltspec.plan.legality import check
from ltspec.plan.stages import Outcome, Plan, Stage, Train

FLOAT64 = np.dtype(np.float64)
LEVELS = "prune.schedule.levels=3"
REPEL = "prune.repel={strength: 2.0}"


def test_a_term_by_hand() -> None:
    """w = (3, 4, 0) and a = (0, 2, 5), whose last weight is pruned: the cosine is 0.8."""
    masks = {"b.weight": np.array([True, False])}
    solution = {"a.weight": np.array([0.0]), "b.weight": np.array([2.0, 5.0])}
    names = ["a.weight", "b.weight"]
    term = repulsion(2.0, [solution], masks, names, FLOAT64)
    assert term.directions["a.weight"].tolist() == [[0.0]]
    assert term.directions["b.weight"].tolist() == [[1.0, 0.0]]
    weights = {"a.weight": np.array([3.0]), "b.weight": np.array([4.0, 0.0])}
    assert cosines(term, weights).tolist() == [0.8]
    # What has no mask takes part whole.
    whole = repulsion(2.0, [solution], {}, names, FLOAT64)
    assert cosines(whole, weights) == pytest.approx([8 / (5 * np.sqrt(29))])


def test_the_reference_by_hand() -> None:
    """The same w and a, and a second solution (1, 0, 0) with cosine 0.6. With u = (0, 1, 0):
    2 * 2 / 2 * (0.8 (u - 0.8 w / 5) + 0.6 (u' - 0.6 w / 5)) / 5 = (-0.0, 0.0, 0)."""
    from ltspec_numpy.play import repelling as slope

    masks = {"b.weight": np.array([True, False])}
    first = {"a.weight": np.array([0.0]), "b.weight": np.array([2.0, 5.0])}
    second = {"a.weight": np.array([1.0]), "b.weight": np.array([0.0, 7.0])}
    weights = {"a.weight": np.array([3.0]), "b.weight": np.array([4.0, 0.0])}
    names = ["a.weight", "b.weight"]
    both = slope(repulsion(2.0, [first, second], masks, names, FLOAT64), weights)
    # In the plane of both solutions the sum of the squares is 1 wherever w points.
    np.testing.assert_allclose(both["a.weight"], [0.0], atol=1e-15)
    np.testing.assert_allclose(both["b.weight"], [0.0, 0.0], atol=1e-15)
    alone = slope(repulsion(2.0, [first], masks, names, FLOAT64), weights)
    # 2 * 2 * 0.8 / 5 * ((0, 1) - 0.8 * (0.6, 0.8)) = 0.64 * (-0.48, 0.36)
    np.testing.assert_allclose(alone["a.weight"], [0.64 * -0.48])
    np.testing.assert_allclose(alone["b.weight"], [0.64 * 0.36, 0.0])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.integers(1, 4), st.booleans())
def test_directions_are_of_length_one_and_under_the_mask(
    seed: int, density: float, count: int, single: bool
) -> None:
    rng = np.random.default_rng(seed)
    shapes = {"a.weight": (4, 3), "b.weight": (2, 2, 3, 3)}
    masks = {name: rng.random(shape) < density for name, shape in shapes.items()}
    found = [
        {name: rng.normal(0, 10.0 ** rng.integers(-6, 6), s) for name, s in shapes.items()}
        for _ in range(count)
    ]
    dtype = np.dtype(np.float32 if single else np.float64)
    term = repulsion(1.0, found, masks, list(shapes), dtype)
    assert term.count == count
    assert [units.dtype for units in term.directions.values()] == [dtype] * 2
    length = sum((u.astype(float) ** 2).reshape(count, -1).sum(1) for u in term.directions.values())
    kept = any(mask.any() for mask in masks.values())
    np.testing.assert_allclose(length, float(kept), atol=1e-6)
    for name, mask in masks.items():
        assert not term.directions[name][:, ~mask].any()
    own = {name: found[0][name] * masks[name] for name in shapes}
    assert cosines(term, own)[0] == pytest.approx(float(kept), abs=1e-6)


def trained(plan: Plan) -> dict[tuple[str, int], tuple[Outcome, Stage]]:
    return {(o.branch, o.level): (o, plan.stages[o.trained]) for o in plan.outcomes}


def test_each_level_reads_the_solutions_before_it() -> None:
    rows = trained(plan_of(LEVELS, REPEL, "prune.rewind={to: 10it}"))
    places = {level: outcome.trained for (_, level), (outcome, _) in rows.items()}
    for (_, level), (_, stage) in rows.items():
        assert isinstance(stage.work, Train)
        assert [stage.inputs[role] for role in stage.anchors] == [places[n] for n in range(level)]
        assert stage.work.repulsion == (2.0 if level else None)


def test_the_last_solution_alone() -> None:
    rows = trained(plan_of(LEVELS, "prune.repel={strength: -1, memory: last}"))
    for level in (1, 2, 3):
        _, stage = rows["ticket", level]
        before, _ = rows["ticket" if level > 1 else "dense", level - 1]
        assert [stage.inputs[role] for role in stage.anchors] == [before.trained]


def test_a_strength_of_zero_is_no_term() -> None:
    without, zero = plan_of(LEVELS), plan_of(LEVELS, "prune.repel={strength: 0}")
    assert [stage.key for stage in zero.stages] == [stage.key for stage in without.stages]


def test_strength_and_memory_are_part_of_a_key() -> None:
    keys = [
        [plan.stages[outcome.trained].key for outcome in plan.outcomes]
        for plan in (
            plan_of(LEVELS),
            plan_of(LEVELS, REPEL),
            plan_of(LEVELS, "prune.repel={strength: -2}"),
            plan_of(LEVELS, "prune.repel={strength: 2.0, memory: last}"),
        )
    ]
    assert len({tuple(some[:1]) for some in keys}) == 1, "the dense network has no term"
    assert len({some[3] for some in keys}) == 4
    # At the first level all solutions are the last one.
    assert keys[1][1] == keys[3][1]
    assert len({some[1] for some in keys}) == 3


def test_branches_have_the_term_of_their_ticket() -> None:
    branches = (
        "branches.fresh={kind: reinitialize}",
        "branches.plain={kind: reinitialize, repel: false}",
        "branches.shuffled={kind: shuffle-mask}",
        "branches.again={kind: rewind, rewind: {weights: end, schedule: 0it}}",
    )
    rows = trained(plan_of(LEVELS, REPEL, *branches))
    for (name, level), (_, stage) in rows.items():
        _, ticket = rows["ticket" if level else "dense", level]
        anchors = {role: stage.inputs[role] for role in stage.anchors}
        assert isinstance(stage.work, Train)
        if name == "plain":
            assert (anchors, stage.work.repulsion) == ({}, None)
        else:
            assert anchors == {role: ticket.inputs[role] for role in ticket.anchors}
    # Without the term it is the branch that there is without `prune.repel`, but for its mask.
    assert rows["plain", 1][1].key == trained(plan_of(LEVELS, *branches[:1]))["fresh", 1][1].key


def test_copies_for_a_measure_are_repelled_too() -> None:
    measure = "measure=[{kind: instability, of: [ticket], levels: [0, 2], siblings: 2}]"
    plan = plan_of(LEVELS, REPEL, measure)
    _, ticket = trained(plan)["ticket", 2]
    for one in plan.measurements:
        line = plan.stages[one.stage]
        for role in ("first", "second"):
            copy = plan.stages[line.inputs[role]]
            assert isinstance(copy.work, Train)
            if one.sides[0].level:
                assert copy.inputs == ticket.inputs
            else:
                assert (copy.anchors, copy.work.repulsion) == ((), None)


def test_a_plan_file_keeps_it_and_its_cost_is_counted() -> None:
    plan = plan_of(LEVELS, REPEL)
    again, _ = planfile.read(planfile.write(plan))
    assert again.stages == plan.stages
    without = plan_of(LEVELS)
    settings_ = Settings("cpu", "float32")
    assert features(plan, settings_) - features(without, settings_) == {"loss:repulsion"}
    for level, anchors in ((0, 0), (1, 1), (3, 3)):
        row = "ticket" if level else "dense", level
        (_, ours), (_, theirs) = trained(plan)[row], trained(without)[row]
        # 40 steps, 64 x 12 + 12 x 10 weights, two operations each in a product and in a sum
        assert cost(plan, ours).flops - cost(without, theirs).flops == 40 * anchors * 888 * 4


@pytest.mark.parametrize("wrong", ["no anchors", "no strength", "zero", "a gap", "a mask", "late"])
def test_a_plan_that_repels_wrongly_is_not_legal(wrong: str) -> None:
    plan = plan_of(LEVELS, REPEL)
    outcome, stage = trained(plan)["ticket", 2]
    assert isinstance(stage.work, Train)
    inputs = dict(stage.inputs)
    match wrong:
        case "no anchors":
            inputs = {"state": inputs["state"]}
        case "a gap":
            inputs["anchor3"] = inputs.pop("anchor2")
        case "a mask":
            ticket = plan.stages[inputs["state"]]
            inputs["anchor2"] = ticket.inputs["mask"]
        case "late":
            inputs["anchor2"] = outcome.trained
    strength = {"no strength": None, "zero": 0.0}.get(wrong, stage.work.repulsion)
    bad = replace(stage, inputs=inputs, work=replace(stage.work, repulsion=strength))
    stages = [*plan.stages]
    stages[outcome.trained] = bad
    with pytest.raises(LtspecError, match=r"repels|reads|takes"):
        check(replace(plan, stages=tuple(stages)), after="a test")


DISTANCE = "measure=[{kind: distance, init: false, metrics: [cosine]}]"


def test_solutions_are_repelled_and_attracted(tmp_path: Path) -> None:
    """Of the cosine with the solution before, at every level: lower, and higher, than without."""
    options = (LEVELS, "train.optimizer.lr=0.3", "train.duration=400it")
    found = {}
    for strength in (2.0, 0, -1.0):
        plan = plan_of(*options, DISTANCE, f"prune.repel={{strength: {strength}}}")
        opened, _ = run(plan, tmp_path / "store")
        measured: dict[int, list[float]] = {}
        for row in table_of(plan, scores(plan, opened.realm), "distance").rows:
            if row["tensor"] == "all":
                measured.setdefault(row["second"], []).append(row["cosine"])
        rows = trained(plan)
        solutions = []
        for level in range(4):
            outcome, stage = rows["ticket" if level else "dense", level]
            result = opened.realm.read(stage.key)
            assert result is not None
            solutions.append(weights_of(result.arrays))
            if not level:
                continue
            ticket = opened.realm.read(plan.stages[outcome.ticket].key)  # type: ignore[index]
            assert ticket is not None
            masks = masks_of(ticket.arrays)
            vectors = [
                np.concatenate([(s[n].astype(float) * masks[n]).ravel() for n in masks])
                for s in solutions
            ]
            exact = [
                vectors[-1] @ v / np.linalg.norm(vectors[-1]) / np.linalg.norm(v)
                for v in vectors[:-1]
            ]
            # `measure: distance` has the same: an earlier mask keeps all that this one keeps.
            assert measured[level] == pytest.approx(exact, abs=1e-9)
            if strength:
                assert result.facts["cosines"] == pytest.approx(exact, abs=1e-5)
            else:
                assert "cosines" not in result.facts
            found[strength, level] = exact[-1]
    for level in (1, 2, 3):
        assert found[2.0, level] < found[0, level] - 0.1, found
        assert found[-1.0, level] > found[0, level] + 0.01, found


def results(plan: Plan, stage: Stage) -> dict[str, Result]:
    """What a level's training reads: random states, and masks of a half."""
    graph = plan.graphs[stage.work.graph]
    rng = np.random.default_rng(5)

    def state(sparse: bool) -> Result:
        weights = {p.name: rng.normal(0, 1, p.shape) for p in graph.parameters}
        masks = {p.name: rng.random(p.shape) < 0.5 for p in graph.prunable}
        return Result({}, {**pack_weights(weights), **(pack_masks(masks) if sparse else {})})

    return {role: state(role == "state") for role in stage.inputs}


def test_promises_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(LEVELS, REPEL)
    _, stage = trained(plan)["ticket", 2]
    assert isinstance(stage.work, Train)
    graph, work, inputs = plan.graphs[stage.work.graph], stage.work, results(plan, stage)

    def made() -> Repulsion:
        term = repelling.of_stage(stage, work, inputs, graph, FLOAT64)
        assert term is not None
        return term

    term = made()
    weights = weights_of(inputs["state"].arrays)
    with pytest.raises(InvariantError, match="cosines with earlier solutions"):
        repelling.reached(stage, term, {n: np.full_like(w, np.nan) for n, w in weights.items()})
    right = {name: units.copy() for name, units in term.directions.items()}
    for name, message in (
        ("longer", "the direction of anchor2 has the length 2"),
        ("beyond", "repelled by pruned weights of fc1.weight"),
    ):
        wrong = {n: units.copy() for n, units in right.items()}
        if name == "longer":
            for units in wrong.values():
                units[1] *= 2
        else:
            wrong["fc1.weight"][0][~masks_of(inputs["state"].arrays)["fc1.weight"]] = 1e-3
        monkeypatch.setattr(repelling, "repulsion", lambda *_, w=wrong: Repulsion(2.0, w))
        with pytest.raises(InvariantError, match=message):
            made()
    monkeypatch.undo()
    del inputs["anchor1"].arrays["weights/fc2.weight"]  # type: ignore[attr-defined]
    with pytest.raises(InvariantError, match=r"anchor1 has no fc2\.weight"):
        made()
