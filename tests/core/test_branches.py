"""Branches: operators on masks and weights, their streams, their stages, and runs of them all."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from specs import plan_of
from test_runner import arrays, run

from ltspec.decisions import layerwise, operators
from ltspec.engine.arrays import masks_of, weights_of
from ltspec.errors import InvariantError, LtspecError
from ltspec.plan import planfile
from ltspec.plan.cost import cost
from ltspec.plan.legality import check
from ltspec.plan.stages import Init, Outcome, Perturb, Plan, Prune, Remask, Stage, Train

SHAPES = {"a.weight": (6, 5), "b.weight": (4, 3, 2, 2), "c.weight": (3, 4)}


def some_masks(seed: int = 0, density: float = 0.5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.random(shape) < density for name, shape in SHAPES.items()}


def some_weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()}


def digest(named: Mapping[str, np.ndarray]) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in named.values())).hexdigest()[:16]


def test_streams_are_literal() -> None:
    """A change of one of these changes every run that used it."""
    masks, weights = some_masks(), some_weights()
    made = {
        "shuffle": operators.shuffled(masks, 7, 1, 3),
        "shuffle-all": operators.shuffled_together(masks, 7, 1, 3),
        "random": operators.random_masks(SHAPES, (10, 20, 3), 7, 1, 3),
        "noise": operators.noisy(weights, masks, 0.5, 7, 1, 3),
        "permute": operators.permuted(weights, masks, False, 7, 1, 3),
        "filters": operators.permuted(weights, masks, True, 7, 1, 3),
    }
    assert {name: digest(result) for name, result in made.items()} == GOLDEN


GOLDEN = {
    "shuffle": "f6d9d3dde20bc933",
    "shuffle-all": "254e0845f8d36a7e",
    "random": "3191c7ab34703bff",
    "noise": "badc3f70873b09aa",
    "permute": "ac7ea80b83df7be4",
    "filters": "d52c88e8ffdc0f09",
}


@pytest.mark.parametrize("change", [(8, 1, 3), (7, 2, 3), (7, 1, 4)])
def test_seed_draw_and_level_name_a_stream(change: tuple[int, int, int]) -> None:
    masks, weights = some_masks(), some_weights()
    for make in (
        lambda stream: operators.shuffled(masks, *stream),
        lambda stream: operators.shuffled_together(masks, *stream),
        lambda stream: operators.random_masks(SHAPES, (10, 20, 3), *stream),
        lambda stream: operators.noisy(weights, masks, 0.5, *stream),
        lambda stream: operators.permuted(weights, masks, False, *stream),
    ):
        assert digest(make(change)) != digest(make((7, 1, 3)))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.integers(1, 99))
def test_a_shuffle_keeps_counts(seed: int, density: float, level: int) -> None:
    masks = some_masks(seed, density)
    within = operators.shuffled(masks, seed, 1, level)
    together = operators.shuffled_together(masks, seed, 1, level)
    assert [m.sum() for m in within.values()] == [m.sum() for m in masks.values()]
    assert sum(m.sum() for m in together.values()) == sum(m.sum() for m in masks.values())
    for made in (within, together):
        assert {name: (m.shape, m.dtype) for name, m in made.items()} == {
            name: (m.shape, m.dtype) for name, m in masks.items()
        }


def test_a_shuffle_puts_every_weight_anywhere() -> None:
    """Of 2,000 permutations of 6 of 30 entries, each entry is kept in about a fifth."""
    mask = {"a.weight": np.arange(30).reshape(6, 5) < 6}
    found = sum(
        operators.shuffled(mask, 1, draw, 1)["a.weight"].astype(int) for draw in range(2000)
    )
    assert np.abs(found / 2000 - 0.2).max() < 4 * math.sqrt(0.2 * 0.8 / 2000)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.integers(1, 40), min_size=2, max_size=4).map(tuple), min_size=1),
    st.floats(0.01, 1),
)
def test_shares_are_exact(shapes: list[tuple[int, ...]], density: float) -> None:
    sizes = [math.prod(shape) for shape in shapes]
    total = max(1, round(density * sum(sizes)))
    for spread in (layerwise.uniform, layerwise.erk):
        counts = spread(shapes, total)
        assert sum(counts) == total
        assert all(0 <= count <= size for count, size in zip(counts, sizes, strict=True))
    for count, size in zip(layerwise.uniform(shapes, total), sizes, strict=True):
        assert abs(count - Fraction(total * size, sum(sizes))) < 1


def test_erk_follows_its_formula() -> None:
    """LeNet-300-100: densities as (in + out) / (in out), the last layer being full."""
    shapes = [(300, 784), (100, 300), (10, 100)]
    counts = layerwise.erk(shapes, 53_240)  # a fifth
    assert counts[2] == 1000
    eps = (53_240 - 1000) / (1084 + 400)
    assert counts[:2] == (round(eps * 1084), round(eps * 400))
    low = layerwise.erk(shapes, 2662)  # none is full
    eps = 2662 / (1084 + 400 + 110)
    assert [abs(count - eps * sum(shape)) < 1 for count, shape in zip(low, shapes, strict=True)]
    # Kernel sizes count among the dimensions.
    convolutions = [(64, 64, 3, 3), (128, 64, 3, 3)]
    assert layerwise.erk(convolutions, 3320) == (1340, 1980)


def test_noise_has_the_deviation_that_is_asked_for() -> None:
    rng = np.random.default_rng(3)
    weights = {"a.weight": rng.normal(2, 0.1, (200, 300)).astype(np.float32)}
    masks = {"a.weight": rng.random((200, 300)) < 0.4}
    alive = masks["a.weight"]
    added = operators.noisy(weights, masks, 0.5, 1, 1, 1)["a.weight"] - weights["a.weight"]
    assert not added[~alive].any()
    assert added[alive].std() == pytest.approx(0.05, rel=0.02)
    assert abs(added[alive].mean()) < 0.002


def test_permutations_stay_where_they_are_asked_to() -> None:
    weights, masks = some_weights(), some_masks()
    layers = operators.permuted(weights, masks, False, 1, 1, 1)
    filters = operators.permuted(weights, masks, True, 1, 1, 1)
    for name, before in weights.items():
        mask = masks[name]
        for after in (layers[name], filters[name]):
            assert np.array_equal(after[~mask], before[~mask])
            assert sorted(after[mask]) == sorted(before[mask])
        for one, other, alive in zip(filters[name], before, mask, strict=True):
            assert sorted(one[alive]) == sorted(other[alive])
    assert any(
        sorted(row) != sorted(other)
        for row, other in zip(layers["a.weight"], weights["a.weight"], strict=True)
    )


LEVEL = "levels: [2]"
KINDS = {
    "fresh": f"{{kind: reinitialize, {LEVEL}}}",
    "signs": f"{{kind: reinitialize, same_sign: true, {LEVEL}}}",
    "layers": f"{{kind: shuffle-mask, {LEVEL}}}",
    "all": f"{{kind: shuffle-mask, within: all, {LEVEL}}}",
    "erk": f"{{kind: random-mask, {LEVEL}}}",
    "uniform": f"{{kind: random-mask, layers: uniform, {LEVEL}}}",
    "noise": f"{{kind: perturb, noise: 0.5, {LEVEL}}}",
    "moved": f"{{kind: perturb, permute: layer, {LEVEL}}}",
    "rows": f"{{kind: perturb, permute: filters, {LEVEL}}}",
    "adam": f"{{kind: retrain, {LEVEL}, train: {{duration: 12it, batch_size: 32, "
    "optimizer: {name: adam, lr: 1e-3}, lr_schedule: {name: cosine}}}",
    "labels": f"{{kind: retrain, {LEVEL}, data: {{name: digits, random_labels: 1.0}}}}",
    "tuned": f"{{kind: rewind, {LEVEL}, rewind: {{weights: end, schedule: end, retrain: 9it}}}}",
    "early": f"{{kind: rewind, {LEVEL}, rewind: {{to: 5it}}}}",
    "pruned": f"{{kind: rewind, {LEVEL}, rewind: none}}",
    "other": f"{{kind: other-seed, {LEVEL}}}",
}
BRANCHES = [f"branches.{name}={branch}" for name, branch in KINDS.items()]
ALL = ("replicates=2", "prune.rewind={to: 10it}", *BRANCHES)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A session in which every kind of branch was run."""
    return run(plan_of(*ALL), tmp_path_factory.mktemp("branches"))[0]


def outcome(plan: Plan, branch: str, level: int = 2, replicate: int = 1) -> Outcome:
    (found,) = (
        o for o in plan.outcomes if (o.branch, o.level, o.replicate) == (branch, level, replicate)
    )
    return found


def ticket(opened: Any, branch: str, replicate: int = 1) -> tuple[dict[str, Any], dict[str, Any]]:
    """Weights and masks that a branch starts from."""
    place = outcome(opened.plan, branch, 2, replicate).ticket
    assert place is not None
    found = arrays(opened, place)
    return weights_of(found), masks_of(found)


def counts(masks: Mapping[str, np.ndarray]) -> list[int]:
    return [int(mask.sum()) for mask in masks.values()]


def test_every_branch_keeps_as_many_weights_as_its_ticket(whole: Any) -> None:
    _, ours = ticket(whole, "ticket")
    for name in KINDS:
        weights, masks = ticket(whole, name)
        assert sum(counts(masks)) == sum(counts(ours)) == outcome(whole.plan, name).kept
        assert all(not weights[tensor][~mask].any() for tensor, mask in masks.items())
        same = all(np.array_equal(mask, ours[tensor]) for tensor, mask in masks.items())
        assert same == (name not in ("layers", "all", "erk", "uniform"))
    assert counts(ticket(whole, "layers")[1]) == counts(ours)
    shapes = [mask.shape for mask in ours.values()]
    assert counts(ticket(whole, "erk")[1]) == [*layerwise.erk(shapes, sum(counts(ours)))]
    assert counts(ticket(whole, "uniform")[1]) == [*layerwise.uniform(shapes, sum(counts(ours)))]


def test_branches_begin_with_the_weights_that_they_say(whole: Any) -> None:
    plan = whole.plan
    rewound = {
        replicate: weights_of(arrays(whole, place))
        for replicate, place in (
            (int(stage.label.split()[1].rstrip(",")), place)
            for place, stage in enumerate(plan.stages)
            if stage.label.endswith(("1, rewind point", "2, rewind point"))
        )
    }
    for name in ("layers", "all", "erk", "uniform", "adam", "labels"):
        weights, masks = ticket(whole, name)
        for tensor, mask in masks.items():
            assert np.array_equal(weights[tensor][mask], rewound[1][tensor][mask])
    weights, masks = ticket(whole, "other")
    assert all(np.array_equal(weights[t][m], rewound[2][t][m]) for t, m in masks.items())
    _, theirs = ticket(whole, "ticket", 2)
    weights, masks = ticket(whole, "other", 2)  # the last one's mask on the first one's weights
    assert all(np.array_equal(weights[t][m], rewound[1][t][m]) for t, m in masks.items())
    assert all(np.array_equal(mask, theirs[tensor]) for tensor, mask in masks.items())
    signs, fresh = ticket(whole, "signs")[0], ticket(whole, "fresh")[0]
    for tensor, mask in ticket(whole, "signs")[1].items():
        assert np.array_equal(np.sign(signs[tensor][mask]), np.sign(rewound[1][tensor][mask]))
        assert np.array_equal(np.abs(signs[tensor]), np.abs(fresh[tensor]))
    assert all(np.array_equal(signs[t], rewound[1][t]) for t in ("fc1.bias", "fc2.bias"))
    assert all(signs[t].any() and not fresh[t].any() for t in ("fc1.bias", "fc2.bias"))
    before = weights_of(arrays(whole, outcome(plan, "ticket", 1).trained))
    for name in ("tuned", "pruned"):
        weights, masks = ticket(whole, name)
        assert all(np.array_equal(weights[t][m], before[t][m]) for t, m in masks.items())
    for name in ("noise", "moved", "rows"):
        weights, masks = ticket(whole, name)
        for tensor, array in weights.items():
            kept = array[masks[tensor]] if tensor in masks else array
            start = rewound[1][tensor][masks[tensor]] if tensor in masks else rewound[1][tensor]
            if name == "noise" and tensor in masks:
                assert (kept != start).all()
            else:
                assert np.array_equal(np.sort(kept, axis=None), np.sort(start, axis=None))


def test_branches_are_trained_as_they_say() -> None:
    plan = plan_of(*ALL)

    def work(branch: str) -> Train:
        found = plan.stages[outcome(plan, branch).trained].work
        assert isinstance(found, Train)
        return found

    ours = work("ticket")
    assert (ours.start, ours.stop) == (10, 40)
    for name in ("signs", "layers", "all", "erk", "uniform", "noise", "moved", "rows"):
        assert work(name) == ours
    assert (work("adam").start, work("adam").stop) == (0, 12)
    assert type(work("adam").recipe.optimizer).__name__ == "Adam"
    assert work("adam").recipe.schedule.end == 12  # of its own training
    labels = work("labels").recipe
    assert labels.alteration is not None
    assert labels.alteration.random_labels == 1
    assert replace(labels, alteration=None) == ours.recipe
    assert (work("tuned").start, work("tuned").stop) == (40, 49)
    assert (work("early").start, work("early").stop) == (5, 40)
    assert work("other").recipe.order_seed == 2
    assert outcome(plan, "pruned").trained == outcome(plan, "pruned").ticket
    assert outcome(plan, "adam").ticket == outcome(plan, "ticket").ticket  # shared
    assert len([stage for stage in plan.stages if isinstance(stage.work, Prune)]) == 4


def test_a_branch_moves_no_key_of_another_line() -> None:
    alone = plan_of(*ALL[:2])
    together = plan_of(*ALL)
    assert {stage.key for stage in alone.stages} <= {stage.key for stage in together.stages}
    for name, branch in KINDS.items():
        one = plan_of(*ALL[:2], f"branches.{name}={branch}")
        for replicate in (1, 2):
            places = [(p, outcome(p, name, 2, replicate).trained) for p in (one, together)]
            assert len({plan.stages[place].key for plan, place in places}) == 1


def test_plans_with_branches_survive_their_file_and_cost_something() -> None:
    plan = plan_of(*ALL)
    assert planfile.read(planfile.write(plan)) == (plan, None)
    for stage in plan.stages:
        if isinstance(stage.work, Remask):
            assert cost(plan, stage).disk == plan.prunable
        if isinstance(stage.work, Perturb):
            assert cost(plan, stage).disk == cost(plan, plan.stages[0]).disk


def test_keys_of_branches_are_literal() -> None:
    """A change of one of these is a change of meaning: raise SEMANTICS and say why in CHANGELOG."""
    plan = plan_of(*ALL)
    found = {name: plan.stages[outcome(plan, name).trained].key[:12] for name in KINDS}
    assert found == LITERAL


LITERAL = {
    "fresh": "a819157f7759",
    "signs": "4aafe31df01b",
    "layers": "446b0141a32f",
    "all": "f8d7faa7ceb9",
    "erk": "c20dc6798eb7",
    "uniform": "e784a67f9ad8",
    "noise": "bc387752ba25",
    "moved": "4c222949dbe5",
    "rows": "aa96b4dfd4f6",
    "adam": "e6988d9a1532",
    "labels": "095f9c1d9310",
    "tuned": "4ad126f28ace",
    "early": "ef8974bd653a",
    "pruned": "7cc292f78802",
    "other": "d85a1dff5fad",
}


def stage_of(plan: Plan, kind: type, operator: str = "") -> int:
    return next(
        place
        for place, stage in enumerate(plan.stages)
        if isinstance(stage.work, kind) and operator == getattr(stage.work, "operator", "")
    )


@pytest.mark.parametrize(
    ("kind", "operator", "change"),
    [
        (Remask, "shuffle-layer", {"keep": (3,)}),
        (Remask, "shuffle-layer", {"operator": "random"}),
        (Remask, "random", {"operator": "shuffle-all"}),
        (Remask, "random", {"keep": (0, 5)}),
        (Remask, "random", {"keep": (1, 1, 1)}),
        (Perturb, "", {"noise": None, "permute": None}),
        (Perturb, "", {"noise": 1.0, "permute": "layer"}),
    ],
)
def test_a_plan_that_is_not_legal_is_found(
    kind: type, operator: str, change: dict[str, Any]
) -> None:
    plan = plan_of(*ALL)
    place = stage_of(plan, kind, operator)
    broken: Any = replace(plan.stages[place].work, **change)
    stages = list(plan.stages)
    stages[place] = replace(stages[place], work=broken)
    with pytest.raises(LtspecError, match="after the pass a test"):
        check(replace(plan, stages=tuple(stages)), after="a test")


def same(masks: Any, *_: Any) -> Any:
    return dict(masks)


def fewer(masks: Any, *_: Any) -> Any:
    return {name: np.zeros_like(mask) for name, mask in masks.items()}


def moved_between(masks: Any, *_: Any) -> Any:
    """As many weights in all, not in each layer."""
    made = {name: mask.copy() for name, mask in masks.items()}
    first, last = made.values()
    first.reshape(-1)[np.flatnonzero(~first)[0]] = True
    last.reshape(-1)[np.flatnonzero(last)[0]] = False
    return made


def unnamed(masks: Any, *_: Any) -> Any:
    return dict(list(masks.items())[1:])


def grown(weights: Any, *_: Any) -> Any:
    return {name: array + 1 for name, array in weights.items()}


def doubled(weights: Any, masks: Any, *_: Any) -> Any:
    return {
        name: np.where(masks[name], 2 * array, array).astype(array.dtype)
        for name, array in weights.items()
    }


@pytest.mark.parametrize(
    ("branch", "operator", "instead", "message"),
    [
        ("layers", "shuffled", same, "layers: the shuffled mask is the same as before"),
        ("layers", "shuffled", fewer, "the plan says"),
        ("layers", "shuffled", moved_between, "other counts"),
        ("layers", "shuffled", unnamed, "gave masks of"),
        ("all", "shuffled_together", same, "all: the shuffled mask is the same as before"),
        ("erk", "random_masks", lambda shapes, *_: fewer_of(shapes), "the plan says"),
        ("signs", "with_signs", lambda weights, original: dict(weights), "the signs"),
        ("signs", "with_signs", lambda weights, original: dict(original), "the sizes"),
        ("noise", "noisy", same, "the same as the ticket's"),
        ("noise", "noisy", grown, "changed pruned weights"),
        ("moved", "permuted", doubled, "changed the values"),
        ("rows", "permuted", same, "the same as the ticket's"),
    ],
)
def test_a_broken_promise_of_an_operator_stops_the_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    branch: str,
    operator: str,
    instead: Any,
    message: str,
) -> None:
    monkeypatch.setattr(operators, operator, instead)
    plan = plan_of("prune.schedule.levels=2", f"branches.{branch}={KINDS[branch]}")
    with pytest.raises(InvariantError, match=message):
        run(plan, tmp_path / "s")


def fewer_of(shapes: Any) -> Any:
    return {name: np.zeros(shape, np.bool_) for name, shape in shapes.items()}


def test_permuting_across_filters_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = operators.permuted
    monkeypatch.setattr(
        operators,
        "permuted",
        lambda weights, masks, _, *stream: honest(weights, masks, False, *stream),
    )
    with pytest.raises(InvariantError, match="changed the values"):
        run(plan_of(f"branches.rows={KINDS['rows']}"), tmp_path / "s")


def test_signs_are_those_of_the_weights_that_the_ticket_starts_from() -> None:
    """Of the initial ones without another stage; of the rewind point, of trained ones, and of
    pre-trained ones by a look at them."""

    def signs(*changes: str) -> tuple[Plan, Stage]:
        """The stage that makes the weights, under its key."""
        plan = plan_of(*changes, f"branches.signs={KINDS['signs']}")
        place = outcome(plan, "signs").ticket
        assert place is not None
        return plan, plan.stages[plan.stages[place].inputs["state"]]

    plan, made = signs()
    assert isinstance(made.work, Init)
    assert (made.work.signs_of, made.work.norm_scale, made.inputs) == (0, None, {})
    assert plan.stages[outcome(plan, "signs").trained].key[:12] == "62ce300cc5b7"
    sizes = replace(made.work, signs_of=None)
    for changes in (
        ("prune.rewind={to: 10it}",),
        ("prune.rewind={weights: 10it, schedule: 0it}",),
        ("prune.rewind={weights: end, schedule: 0it}",),
        ("pretrain={data: {name: digits, blur: 1}}",),
        ("pretrain={weights: tests/language/weights/lenet.safetensors}",),
    ):
        plan, made = signs(*changes)
        started = plan.stages[outcome(plan, "ticket").ticket or 0].inputs["state"]
        assert made.inputs == {"state": started}
        assert made.work == sizes


SMALL_RESNET = (
    "model={family: cifar-resnet, depth: 8, width: 2}",
    "train.duration=2it",
    "prune.schedule.levels=1",
    "branches={signs: {kind: reinitialize, same_sign: true}, fresh: {kind: reinitialize}}",
)


def test_same_signs_at_a_rewind_point_leave_norms_and_statistics(tmp_path: Path) -> None:
    """Fresh weights have those of the beginning; the signs of step 1 are not those of step 0."""
    opened, _ = run(plan_of(*SMALL_RESNET, "prune.rewind={to: 1it}"), tmp_path / "s")

    def started(branch: str) -> dict[str, np.ndarray]:
        place = outcome(opened.plan, branch, 1).ticket
        assert place is not None
        return dict(arrays(opened, opened.plan.stages[place].inputs["state"]))

    ours, signs, fresh = (started(name) for name in ("ticket", "signs", "fresh"))
    initial = arrays(opened, 0)
    (graph,) = opened.plan.graphs.values()
    assert {name for name in ours if name.startswith(("weights/", "buffers/"))} == set(signs)
    weights = {f"weights/{p.name}" for p in graph.parameters if p.role == "weight"}
    for name, array in signs.items():
        if name in weights:
            assert np.array_equal(np.abs(array), np.abs(fresh[name]))
            assert np.array_equal(np.signbit(array), np.signbit(ours[name]))
        else:
            assert np.array_equal(array, ours[name])
    assert any(np.any(np.sign(signs[n]) != np.sign(initial[n])) for n in weights)
    assert any(not np.array_equal(signs[n], initial[n]) for n in set(signs) - weights)


def test_what_was_to_stay_beside_the_signs_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = operators.with_signs

    def too_many(weights: Any, original: Any) -> Any:
        return {**honest(weights, original), "fc1.bias": np.ones(12, np.float32)}

    monkeypatch.setattr(operators, "with_signs", too_many)
    with pytest.raises(InvariantError, match=r"fc1\.bias was to stay as it is"):
        run(plan_of("prune.rewind={to: 10it}", f"branches.s={KINDS['signs']}"), tmp_path / "s")


@pytest.mark.parametrize("change", [{"signs_of": 0}, {"norm_scale": "one"}, {"draw": 0}])
def test_signs_of_two_states_are_found(change: dict[str, Any]) -> None:
    plan = plan_of("prune.rewind={to: 10it}", f"branches.signs={KINDS['signs']}")
    stages = list(plan.stages)
    (place,) = (n for n, s in enumerate(stages) if isinstance(s.work, Init) and s.inputs)
    stages[place] = replace(stages[place], work=replace(stages[place].work, **change))  # type: ignore[type-var]
    with pytest.raises(LtspecError, match="signs or norms of more"):
        check(replace(plan, stages=tuple(stages)), after="a test")


def test_a_control_is_the_same_when_its_mask_comes_from_the_store(tmp_path: Path) -> None:
    """A store gives arrays by the alphabet, in which a ResNet's `fc` comes before its stages."""
    resnet = (
        "model={family: cifar-resnet, depth: 8, width: 2}",
        "train.duration=2it",
        "prune.schedule.levels=1",
    )
    controls = (
        "branches={within: {kind: shuffle-mask}, across: {kind: shuffle-mask, within: all}, "
        "random: {kind: random-mask}, "
        "both: {kind: combine-masks, operator: union, other: {branch: within}}}"
    )
    plan = plan_of(*resnet, controls)
    at_once, _ = run(plan, tmp_path / "at once")
    run(plan_of(*resnet), tmp_path / "in two")
    in_two, _ = run(plan, tmp_path / "in two")
    operated = [place for place, stage in enumerate(plan.stages) if stage.kind in KINDS_OF_CONTROLS]
    assert len(operated) == 4
    for place in operated:
        one, other = (masks_of(arrays(opened, place)) for opened in (at_once, in_two))
        assert digest(dict(sorted(one.items()))) == digest(dict(sorted(other.items())))


KINDS_OF_CONTROLS = ("remask", "combine")
