"""Masks that change in training: schedules and updates by hand, plans, and runs of them all."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_folders import write_images
from ltspec_numpy import adapter
from specs import plan_of
from test_runner import Diary, arrays, one_step_a_piece, run, session

from ltspec.data.dataset import Split
from ltspec.data.reader import load
from ltspec.data.readers import Readers
from ltspec.data.streamed import StreamedSplit
from ltspec.decisions.dynamic import update
from ltspec.decisions.dynamic.schedule import MaskSchedule
from ltspec.decisions.initial import initial_weights
from ltspec.decisions.masks import apply
from ltspec.decisions.operators import random_masks
from ltspec.decisions.recipe import Augment
from ltspec.decisions.state import State
from ltspec.decisions.tape import record
from ltspec.engine import mask_updates
from ltspec.engine.arrays import explored_of, masks_of, weights_of
from ltspec.engine.backend import Graph, Lowering, Settings
from ltspec.engine.runner import scores
from ltspec.engine.training import Progress, Training, play
from ltspec.errors import Interrupted, InvariantError, LtspecError, RunError
from ltspec.plan import planfile
from ltspec.plan.cost import cost
from ltspec.plan.legality import check
from ltspec.plan.stages import Outcome, Plan, Prune, Remask, Stage, Train
from ltspec.results import table

GRADUAL = "prune.schedule={name: gradual, density: 0.2, until: 30it, every: 4it}"
SET = "prune.schedule={name: set, density: 0.2, every: 5it}"
RIGL = "prune.schedule={name: rigl, density: 0.2, every: 5it}"
EVERY_METHOD = pytest.mark.parametrize(
    "written", [GRADUAL, SET, RIGL], ids=["gradual", "set", "rigl"]
)

ALONG = MaskSchedule("set", ("w",), (4,), 10, 30, 5, fraction=0.5)


def work_of(plan: Plan, outcome: Outcome) -> Train:
    work = plan.stages[outcome.trained].work
    assert isinstance(work, Train)
    return work


def schedule_of(plan: Plan) -> MaskSchedule:
    schedule = work_of(plan, plan.outcomes[1]).masks
    assert schedule is not None
    return schedule


# When and how many


def test_updates_come_at_their_steps() -> None:
    schedule = replace(ALONG, every=6)
    assert [step for step in range(50) if schedule.is_update(step)] == [10, 16, 22, 28]
    gradual = replace(schedule, method="gradual")
    assert [step for step in range(50) if gradual.is_update(step)] == [10, 16, 22, 28, 30]


@settings(max_examples=200)
@given(
    method=st.sampled_from(["gradual", "set", "rigl"]),
    begin=st.integers(0, 20),
    length=st.integers(1, 40),
    every=st.integers(1, 50),
    chunk=st.integers(1, 60),
)
def test_pieces_begin_at_every_update(
    method: Any, begin: int, length: int, every: int, chunk: int
) -> None:
    """Cut in pieces, a training meets each update at the beginning of one, and loses no step."""
    schedule = MaskSchedule(method, ("w",), (1,), begin, begin + length, every)
    due = [step for step in range(80) if schedule.is_update(step)]
    starts, step = [], 0
    while step < 80:
        starts.append(step)
        end = schedule.cut(step, min(step + chunk, 80))
        assert step < end <= min(step + chunk, 80)
        if schedule.replaces_step and schedule.is_update(step):
            assert end == step + 1
        step = end
    assert set(due) <= set(starts)
    assert [schedule.updates_before(s) for s in range(81)] == [
        sum(one < s for one in due) for s in range(81)
    ]


def test_gradual_follows_the_cubic_formula() -> None:
    """From 1000 to 200 weights in 100 steps: s_f + (s_i - s_f) (1 - t)^3 of Zhu and Gupta."""
    schedule = MaskSchedule("gradual", ("w",), (200,), 50, 150, 10, (1000,), 3)
    kept = {step: schedule.kept_at(step)[0] for step in (50, 60, 75, 100, 140, 150)}
    assert kept == {50: 1000, 60: 783, 75: 538, 100: 300, 140: 201, 150: 200}
    # 200 + 800 x 0.9^3 = 783.2; x 0.75^3 = 537.5, and half to even is 538; x 0.5^3 = 300.
    assert replace(schedule, power=1).kept_at(75) == (800 // 4 * 3 + 200,)


def test_the_drop_fraction_falls_along_half_a_cosine() -> None:
    """alpha / 2 (1 + cos(pi t / T_end)): 0.3 at 0, 0.15 half-way, 0.3 (2 + sqrt 2) / 4 at a
    quarter."""
    schedule = MaskSchedule("rigl", ("w",), (1000,), 0, 400, 100, fraction=0.3, decay="cosine")
    quarter = round(1000 * 0.3 * (2 + math.sqrt(2)) / 4)
    found = [update.dropped(schedule, step, 1000) for step in (0, 100, 200, 300)]
    assert found == [300, quarter, 150, 300 - quarter]
    # Down to 0.1: 0.1 + 0.2 / 2 (1 + cos(pi t)).
    ending = replace(schedule, end_fraction=0.1)
    quarter = round(1000 * (0.1 + 0.2 * (2 + math.sqrt(2)) / 4))
    found = [update.dropped(ending, step, 1000) for step in (0, 100, 200, 300, 400)]
    assert found == [300, quarter, 200, 400 - quarter, 100]
    constant = replace(schedule, decay="constant")
    assert [update.dropped(constant, step, 1000) for step in (0, 300)] == [300, 300]
    assert [update.dropped(constant, 0, count) for count in (5, 15, 25)] == [
        2,
        4,
        8,
    ]  # 1.5, 4.5, 7.5


# Which


def row(*values: float) -> np.ndarray:
    return np.array(values, np.float64).reshape(2, 4)


MASK = {"w": row(1, 1, 1, 1, 0, 0, 0, 0).astype(bool)}
WEIGHTS = {"w": row(0.1, -0.5, 0.2, 0.05, 0, 0, 0, 0), "b": np.ones(2)}
VELOCITY = {"w": row(1, 2, 3, 4, 0, 0, 0, 0), "b": np.full(2, 7.0)}


def test_rigl_by_hand() -> None:
    """Half of 4 weights go: 0.05 and 0.1. Of those that are not there then, the gradients 9 and
    -5 are the largest; the first is that of 0.1, which so stays with its momentum."""
    schedule = replace(ALONG, method="rigl")
    gradients = {"w": row(9, 0, 0, 1, -3, 2, -5, 0.5), "b": np.ones(2)}
    masks = update.updated(schedule, 10, MASK, WEIGHTS, gradients)
    assert masks["w"].tolist() == row(1, 1, 1, 0, 0, 0, 1, 0).astype(bool).tolist()
    state = State(WEIGHTS, 10, {"velocity": VELOCITY}, {"mean": np.ones(1)})
    after = update.carried(state, MASK, masks)
    assert after.weights["w"].tolist() == row(0.1, -0.5, 0.2, 0, 0, 0, 0, 0).tolist()
    assert after.slots["velocity"]["w"].tolist() == row(1, 2, 3, 0, 0, 0, 0, 0).tolist()
    assert after.weights["b"] is WEIGHTS["b"]
    assert after.slots["velocity"]["b"] is VELOCITY["b"]
    assert after.buffers is state.buffers


def test_ties_fall_by_index() -> None:
    """Of equal weights the first goes; of equal gradients the last grows."""
    schedule = replace(ALONG, method="rigl", fraction=0.25)
    weights = {"w": row(1, 1, 1, 1, 0, 0, 0, 0)}
    masks = update.updated(schedule, 10, MASK, weights, {"w": row(0, 0, 0, 0, 2, 2, 2, 1)})
    assert masks["w"].tolist() == row(0, 1, 1, 1, 0, 0, 1, 0).astype(bool).tolist()


def test_set_drops_the_smallest_and_grows_at_random() -> None:
    grown = np.zeros((2, 4), int)
    for step in range(10, 30, 5):
        for seed in range(200):
            schedule = replace(ALONG, seed=seed)
            mask = update.updated(schedule, step, MASK, WEIGHTS, {})["w"]
            assert mask.sum() == 4
            assert mask.reshape(-1)[[1, 2]].all()  # -0.5 and 0.2 are the largest
            grown += mask
    # Two of six places, each as likely as another: 800 / 3 on average, and 8 deviations of room.
    places = grown.reshape(-1)[[0, 3, 4, 5, 6, 7]]
    assert np.abs(places - 800 / 3).max() < 8 * math.sqrt(800 * 2 / 9)


@pytest.mark.parametrize("change", [{"seed": 1}, {"draw": 1}, {"level": 1}, {}])
def test_growth_has_a_stream_for_each_step(change: dict[str, int]) -> None:
    size = {"w": np.zeros((30, 30), bool)}
    size["w"][:3] = True
    weights = {"w": np.where(size["w"], 1.0, 0.0)}
    first = update.updated(ALONG, 10, size, weights, {})["w"]
    again = update.updated(ALONG, 10, size, weights, {})["w"]
    other = update.updated(replace(ALONG, **change), 10 if change else 15, size, weights, {})["w"]  # type: ignore[arg-type]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@settings(max_examples=60)
@given(seed=st.integers(0, 1000), density=st.floats(0.05, 1), fraction=st.floats(0.05, 0.95))
def test_counts_stay_and_survivors_are_the_largest(
    seed: int, density: float, fraction: float
) -> None:
    random = np.random.default_rng(seed)
    mask = random.random((6, 7)) < density
    weights = random.standard_normal((6, 7)) * mask
    gradients = random.standard_normal((6, 7))
    count = int(mask.sum())
    schedule = MaskSchedule("rigl", ("w",), (count,), 0, 10, 1, fraction=round(fraction, 3))
    after = update.updated(schedule, 0, {"w": mask}, {"w": weights}, {"w": gradients})["w"]
    goes = update.dropped(schedule, 0, count)
    # The oracle sorts: survivors first, then candidates by gradient.
    alive = sorted(np.flatnonzero(mask), key=lambda place: abs(weights.reshape(-1)[place]))
    stays = set(alive[goes:])
    rest = sorted(set(range(42)) - stays, key=lambda place: -abs(gradients.reshape(-1)[place]))
    assert set(np.flatnonzero(after)) == stays | set(rest[:goes])


def test_gradients_are_of_the_images_of_the_step() -> None:
    """Cut and mirrored as its own step would have seen them, pixel by pixel."""
    plan = plan_of(RIGL)
    work, schedule = work_of(plan, plan.outcomes[1]), schedule_of(plan)
    graph = plan.graphs[work.graph]
    data = load("digits", None).train
    recipe = replace(work.recipe, augment=Augment(flip=True, crop=2))
    seen: list[tuple[Split, Any]] = []

    class Looking:
        def gradients(self, graph: Graph, data: Split, *given: Any) -> Any:
            seen.append((data, given))
            return 1.0, {p.name: np.ones(p.shape) for p in graph.parameters}

    masks = random_masks({p.name: p.shape for p in graph.prunable}, schedule.keep, 1, 1, 1)
    weights = apply(initial_weights(graph, "glorot-normal", 1), masks)
    lowering = Lowering("canonical", "eager", 1, 1)
    training = Training(
        graph,
        recipe,
        0,
        40,
        schedule,
        data,
        Readers,
        Looking(),
        lowering,
        "a test",  # type: ignore[arg-type]
    )
    tape = record(recipe, 25, 26, 0)
    begun = Progress(State(weights, 25), np.zeros(0, np.float32), masks, masks)
    mask_updates.with_update(training, schedule, tape, data, begun)
    ((batch, (_, _, indices, mode)),) = seen
    assert mode == "train"
    assert indices.tolist() == list(range(64))
    assert tape.flips is not None
    assert tape.shifts is not None
    assert set(tape.flips.tolist()) == {True, False}
    for number, example in enumerate(tape.examples):
        assert batch.labels[number] == data.labels[example]
        down, right = (int(shift) for shift in tape.shifts[number])
        for i, j in product(range(8), range(8)):
            k, m = i + down, (7 - j if tape.flips[number] else j) + right
            inside = 0 <= k < 8 and 0 <= m < 8
            pixel = data.images[example, 0, k, m] if inside else 0
            assert batch.images[number, 0, i, j] == pixel


# Plans


@EVERY_METHOD
def test_a_plan_survives_its_file(written: str) -> None:
    plan = plan_of(written, "branches.other={kind: dynamic, schedule: {name: set, every: 7it}}")
    again, _ = planfile.read(planfile.write(plan))
    assert again == plan


def test_points_count_from_where_the_training_begins() -> None:
    plan = plan_of(RIGL, "prune.rewind={to: 8it}")
    schedule = schedule_of(plan)
    assert (schedule.begin, schedule.until, schedule.every) == (8, 8 + 24, 5)  # 75% of 32
    evolving = schedule_of(plan_of(SET, "prune.rewind={to: 8it}"))
    assert (evolving.begin, evolving.until) == (13, 40)


def test_a_trained_network_can_be_pruned_little_by_little() -> None:
    plan = plan_of(GRADUAL, "prune.rewind={weights: end, schedule: end, retrain: 50it}")
    work, schedule = work_of(plan, plan.outcomes[1]), schedule_of(plan)
    assert (work.start, work.stop, schedule.begin, schedule.until) == (40, 90, 40, 70)
    assert plan.stages[plan.outcomes[1].trained].inputs["state"] == plan.outcomes[0].trained


def test_layers_and_scope_say_how_many() -> None:
    """178 of 888 weights, of a (12, 64) and a (10, 12) tensor. ERK: eps 178 / 98 times 76 and 22
    is 138.04 and 39.96; uniform: 768 and 120 of 888ths."""
    assert schedule_of(plan_of(RIGL)).keep == (138, 40)
    uniform = RIGL.replace("density", "layers: uniform, density")
    assert schedule_of(plan_of(uniform)).keep == (154, 24)
    assert schedule_of(plan_of(GRADUAL)).keep == (178,)
    assert schedule_of(plan_of(GRADUAL)).initial == (888,)
    layered = schedule_of(plan_of(GRADUAL, "prune.scope=layer"))
    assert (layered.keep, layered.initial) == ((154, 24), (768, 120))
    begun = schedule_of(
        plan_of(GRADUAL.replace("density", "initial: 0.25, density"), "prune.scope=erk")
    )
    assert (begun.keep, begun.initial) == ((138, 40), (192, 40))  # 30 of the second would be less


def test_the_first_layer_stays_dense_where_it_is_exempt() -> None:
    """As the uniform networks of the RigL paper have it."""
    plan = plan_of(RIGL.replace("density", "layers: uniform, density"), "prune.exempt=[fc1.weight]")
    assert (schedule_of(plan).tensors, schedule_of(plan).keep) == (("fc2.weight",), (24,))


def test_a_branch_is_as_sparse_as_the_ticket() -> None:
    plan = plan_of(
        "branches.rigl={kind: dynamic, schedule: {name: rigl, every: 5it}}",
        "branches.slow={kind: dynamic, schedule: {name: gradual, until: 50%}, levels: [2], train: "
        "{duration: 200it, batch_size: 32, optimizer: {name: sgd, lr: 0.1}}}",
        "prune.rewind={to: 7it}",
    )
    kept = {(o.branch, o.level): o.kept for o in plan.outcomes}
    assert kept["rigl", 1] == kept["ticket", 1] == 710
    assert kept["slow", 2] == kept["ticket", 2] == 568
    trained = {(o.branch, o.level): work_of(plan, o) for o in plan.outcomes if o.level}
    for level in (1, 2):
        work = trained["rigl", level]
        assert (work.start, work.stop) == (0, 40)  # from the initial weights, not the rewind point
        assert sum(work.masks.keep) == kept["rigl", level]  # type: ignore[union-attr]
    slow = trained["slow", 2]
    assert (slow.stop, slow.recipe.batch_size, slow.masks.until) == (200, 32, 100)  # type: ignore[union-attr]


def test_what_changes_nothing_is_no_part_of_a_key() -> None:
    """Growth by gradients draws nothing, so another draw is another beginning and no more."""
    plan = plan_of(RIGL)
    assert (schedule_of(plan).seed, schedule_of(plan).draw, schedule_of(plan).level) == (0, 0, 0)
    zero = RIGL.replace("density", "end_fraction: 0, density")
    assert [stage.key for stage in plan_of(zero).stages] == [stage.key for stage in plan.stages]
    evolving = schedule_of(plan_of(SET, "seeds=[5]"))
    assert (evolving.seed, evolving.draw, evolving.level) == (5, 1, 1)


def test_every_part_of_a_schedule_is_part_of_the_key() -> None:
    keys = {
        plan.stages[plan.outcomes[1].trained].key
        for plan in (
            plan_of(RIGL),
            plan_of(RIGL.replace("5it", "6it")),
            plan_of(RIGL.replace("density", "until: 50%, density")),
            plan_of(RIGL.replace("density", "begin: 1it, density")),
            plan_of(RIGL.replace("density", "fraction: 0.4, density")),
            plan_of(RIGL.replace("density", "decay: constant, density")),
            plan_of(RIGL.replace("density", "end_fraction: 0.005, density")),
            plan_of(RIGL.replace("density", "layers: uniform, density")),
            plan_of(RIGL.replace("0.2", "0.3")),
            plan_of(SET),
            plan_of(GRADUAL),
            plan_of(GRADUAL.replace("density", "power: 2, density")),
            plan_of(GRADUAL.replace("density", "initial: 0.9, density")),
            plan_of("prune.schedule={name: one-shot, density: 0.2}"),
        )
    }
    assert len(keys) == 14


def test_masks_are_counted_on_the_disk(tmp_path: Path) -> None:
    plan = plan_of(RIGL)
    opened, _ = run(plan, tmp_path / "s")
    for place in (plan.outcomes[1].trained, plan.outcomes[1].ticket):
        assert place is not None
        there = sum(array.nbytes for array in arrays(opened, place).values())
        assert cost(plan, plan.stages[place]).disk == there


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"every": 0}, "updates from"),
        ({"begin": 40, "until": 40}, "updates from"),
        ({"keep": (178,)}, "counts for"),
        ({"keep": (0, 178)}, "leave nothing"),
        ({"keep": (137, 41)}, "does not begin under a mask"),
        ({"method": "gradual", "until": 40, "initial": (138, 40)}, "after the last step"),
        ({"method": "gradual", "initial": (1, 2)}, "first and"),
    ],
)
def test_a_plan_that_breaks_a_promise_is_found(change: dict[str, Any], said: str) -> None:
    plan = plan_of(RIGL)
    place = plan.outcomes[1].trained
    stages = list(plan.stages)
    work = replace(work_of(plan, plan.outcomes[1]), masks=replace(schedule_of(plan), **change))
    stages[place] = replace(stages[place], work=work)
    with pytest.raises(LtspecError, match=said):
        check(replace(plan, stages=tuple(stages)), after="a test")


# Runs


def slow_rigl(
    plan: Plan,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, set[int]]]:
    """RigL of the tiny spec, written anew: step by step, by lists and sorting. Only gradients are
    the reference's."""
    work = work_of(plan, plan.outcomes[1])
    graph = plan.graphs[work.graph]
    backend = adapter.open(Settings("cpu", "float32"))
    data = load("digits", None).train
    (remask,) = (s.work for s in plan.stages if isinstance(s.work, Remask))
    shapes = {p.name: p.shape for p in graph.prunable}
    masks = random_masks(shapes, remask.keep, 1, 1, 1)
    weights = dict(initial_weights(graph, "glorot-normal", 1))
    weights |= {name: weights[name] * mask for name, mask in masks.items()}
    velocity = {name: np.zeros_like(w) for name, w in weights.items()}
    seen = {name: set(np.flatnonzero(mask)) for name, mask in masks.items()}
    for step in range(40):
        batch = record(work.recipe, step, step + 1, 0).batch(0).astype(np.int64)
        _, gradients = backend.gradients(graph, data, weights, {}, batch, "train")
        if step % 5 == 0 and step < 30:
            share = 0.3 / 2 * (1 + math.cos(math.pi * step / 30))
            for name, mask in masks.items():
                w, g, m = (each.reshape(-1) for each in (weights[name], gradients[name], mask))
                alive = [place for place in range(m.size) if m[place]]
                goes = round(share * len(alive))
                stays = sorted(alive, key=lambda place: abs(w[place]))[goes:]
                rest = [place for place in range(m.size) if place not in set(stays)]
                comes = sorted(rest, key=lambda place: abs(g[place]))[len(rest) - goes :]
                for place in range(m.size):
                    now = place in set(stays) or place in set(comes)
                    if now != m[place]:
                        w[place] = velocity[name].reshape(-1)[place] = 0
                    m[place] = now
                seen[name] |= set(stays) | set(comes)
            continue
        for name in weights:
            g = gradients[name] * masks[name] if name in masks else gradients[name]
            velocity[name] = (0.9 * velocity[name] + g).astype(np.float32)
            weights[name] = weights[name] - np.float32(0.1) * velocity[name]
    return weights, masks, seen


def test_a_run_is_rigl_written_anew(tmp_path: Path) -> None:
    plan = plan_of(RIGL)
    opened, _ = run(plan, tmp_path / "s")
    trained = arrays(opened, plan.outcomes[1].trained)
    weights, masks, seen = slow_rigl(plan)
    for name, mask in masks.items():
        assert np.array_equal(masks_of(trained)[name], mask)
        assert set(np.flatnonzero(explored_of(trained)[name])) == seen[name]
    for name, array in weights.items():
        np.testing.assert_allclose(weights_of(trained)[name], array, atol=2e-6)
    found = scores(plan, opened.realm)[plan.outcomes[1].trained]
    assert found["mask_updates"] == 6
    assert found["explored"] == sum(map(len, seen.values())) / 888
    assert found["kept"] == {"fc1.weight": 138, "fc2.weight": 40}


@EVERY_METHOD
def test_tickets_have_the_final_mask(tmp_path: Path, written: str) -> None:
    plan = plan_of(written, "branches.still={kind: rewind, rewind: {to: 0it}}")
    opened, _ = run(plan, tmp_path / "s")
    line, still = plan.outcomes[1], plan.outcomes[2]
    assert line.ticket is not None
    trained, ticket = arrays(opened, line.trained), arrays(opened, line.ticket)
    initial = weights_of(arrays(opened, 0))
    assert sum(int(mask.sum()) for mask in masks_of(ticket).values()) == line.kept == 178
    for name, mask in masks_of(trained).items():
        assert np.array_equal(masks_of(ticket)[name], mask)
        assert np.array_equal(weights_of(ticket)[name], np.where(mask, initial[name], 0))
        assert not weights_of(trained)[name][~mask].any()
        # The branch trains the same ticket with its mask held still.
        assert not weights_of(arrays(opened, still.trained))[name][~mask].any()
    assert plan.stages[still.trained].inputs["state"] == line.ticket


END = "branches.tuned={kind: rewind, rewind: {weights: end, schedule: end, retrain: 9it}}"
AS_IT_IS = "branches.pruned={kind: rewind, rewind: none}"


@EVERY_METHOD
def test_weights_of_the_end_are_those_that_the_mask_was_made_from(
    tmp_path: Path, written: str
) -> None:
    """Not the dense network's, which other branches look at all the same."""
    scored = "branches.scored={kind: prune, criterion: magnitude, weights: scored}"
    plan = plan_of(written, END, AS_IT_IS, scored)
    rows = {row.branch: row for row in plan.outcomes}
    made = rows["ticket"].trained
    for name in ("tuned", "pruned"):
        place = rows[name].ticket
        assert place is not None
        assert plan.stages[place].inputs == {"state": made, "mask": made}
    place = rows["scored"].ticket
    assert place is not None
    assert plan.stages[place].inputs["state"] == rows["dense"].trained
    opened, _ = run(plan, tmp_path / "s")
    trained = arrays(opened, made)
    ticket = arrays(opened, rows["pruned"].trained)
    assert all(
        np.array_equal(array, weights_of(trained)[name])
        for name, array in weights_of(ticket).items()
    )
    # Nothing was trained after pruning, and nothing is lost: the same network answers.
    found = scores(plan, opened.realm)
    (ours,), (theirs,) = (rows[name].scores.values() for name in ("ticket", "pruned"))
    assert found[ours]["correct"] == found[theirs]["correct"]


def test_a_trained_network_that_is_pruned_starts_from_the_dense_one_all_the_same() -> None:
    """What the mask was made from is what a branch of kind `rewind` asks for, and no other."""
    rewind = "prune.rewind={weights: end, schedule: end, retrain: 50it}"
    longer = "branches.longer={kind: retrain, train: {duration: 60it, batch_size: 32, "
    plan = plan_of(GRADUAL, rewind, AS_IT_IS, f"{longer}optimizer: {{name: sgd, lr: 0.1}}}}}}")
    rows = {row.branch: row for row in plan.outcomes}
    started = {
        name: plan.stages[row.ticket].inputs["state"]
        for name, row in rows.items()
        if row.ticket is not None
    }
    assert started["ticket"] == started["longer"] == rows["dense"].trained
    assert started["pruned"] == rows["ticket"].trained


class Killed(BaseException):
    """What no handler sees to: nothing is saved any more."""


class Stopping(Diary):
    """Ends a run after so many pieces of one stage."""

    def __init__(self, pieces: int, key: str, how: type[BaseException]) -> None:
        super().__init__()
        self.left, self.key, self.how = pieces, key, how

    def trained(self, stage: Stage, step: int, steps: int, loss: float) -> None:
        super().trained(stage, step, steps, loss)
        if stage.key == self.key:
            self.left -= 1
            if not self.left:
                raise self.how


@EVERY_METHOD
@pytest.mark.parametrize("how", [KeyboardInterrupt, Killed])
@pytest.mark.parametrize("pieces", [2, 11, 27])
def test_a_training_that_was_stopped_ends_with_the_same_bits(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    written: str,
    how: type[BaseException],
    pieces: int,
) -> None:
    """Whether the last checkpoint lies before an update or after it."""
    plan = plan_of(written)
    whole, _ = run(plan, tmp_path / "whole")
    place = plan.outcomes[1].trained
    with monkeypatch.context() as patch:
        patch.setattr("ltspec_numpy.NumpyAdapter.lower", one_step_a_piece)
        patch.setattr("ltspec.engine.training.PIECE_SECONDS", 1e-9)
        stopping = Stopping(pieces, plan.stages[place].key, how)
        with pytest.raises((Interrupted, Killed)):
            session(plan, tmp_path / "s").run(stopping, 0 if how is Killed else 1e9)
    parts, after = run(plan, tmp_path / "s")
    assert after.began_from == [pieces if how is KeyboardInterrupt else pieces - 1]
    for place in range(len(plan.stages)):
        one, two = arrays(whole, place), arrays(parts, place)
        assert {n: a.tobytes() for n, a in one.items()} == {n: a.tobytes() for n, a in two.items()}


def test_a_longer_training_goes_on_from_a_shorter_one(tmp_path: Path) -> None:
    """Masks travel with the state: with fixed points and no momentum the first 40 steps of 60 are
    those of 40."""
    written = RIGL.replace("density", "until: 38it, density")
    plain = "train.optimizer={name: sgd, lr: 0.1}"
    whole, _ = run(plan_of(written, plain, "train.duration=60it"), tmp_path / "one")
    run(plan_of(written, plain), tmp_path / "two")
    parts, diary = run(plan_of(written, plain, "train.duration=60it"), tmp_path / "two")
    assert diary.began_from == [40, 40]
    place = parts.plan.outcomes[1].trained
    one, two = arrays(whole, place), arrays(parts, place)
    assert {n: a.tobytes() for n, a in one.items()} == {n: a.tobytes() for n, a in two.items()}


def test_adam_counts_its_own_updates(tmp_path: Path) -> None:
    """A step that the mask takes is none of the optimiser's: after an update at step 0 the first
    one of Adam moves every weight by the rate, as a first one does."""
    plan = plan_of(
        "train.optimizer={name: adam, lr: 0.001, epsilon: 1e-20}",
        "train.duration=2it",
        "prune.schedule={name: rigl, density: 0.5, every: 1ep, until: 1it}",
    )
    opened, _ = run(plan, tmp_path / "s")
    trained = arrays(opened, plan.outcomes[1].trained)
    mask = masks_of(trained)["fc2.weight"]
    start = np.where(mask, weights_of(arrays(opened, 0))["fc2.weight"], 0)
    (remask,) = (place for place, s in enumerate(plan.stages) if isinstance(s.work, Remask))
    before = masks_of(arrays(opened, remask))["fc2.weight"]
    moved = np.abs(weights_of(trained)["fc2.weight"] - np.where(before, start, 0))[mask]
    np.testing.assert_allclose(moved[moved > 0], 0.001, rtol=1e-3)
    assert np.count_nonzero(moved) > 40


def test_the_table_says_how_much_was_explored(tmp_path: Path) -> None:
    plan = plan_of(GRADUAL, "branches.set={kind: dynamic, schedule: {name: set, every: 10it}}")
    opened, _ = run(plan, tmp_path / "s")
    found = table.rows(plan, scores(plan, opened.realm))
    assert [one.mask_updates for one in found] == [None, 9, 3]
    assert found[0].explored is None
    assert found[1].explored == 1.0
    # 138 and 40 weights, of which 30% (41 and 12) are exchanged three times, some of them back.
    evolved = found[2].explored
    assert evolved is not None
    assert 178 / 888 < evolved <= (178 + 3 * 53) / 888
    lines = list(csv.DictReader(io.StringIO(table.as_csv(plan, found))))
    assert [line["explored"] for line in lines] == ["", "1.0", str(evolved)]
    assert [line["mask_updates"] for line in lines] == ["", "9", "3"]
    assert table.summary(found)[2].explored == table.spread([evolved])


def test_a_network_whose_mask_changes_can_be_compared_with_itself(tmp_path: Path) -> None:
    plan = plan_of(RIGL, "measure=[{kind: instability, of: [ticket], siblings: 2, alphas: 3}]")
    opened, _ = run(plan, tmp_path / "s")
    assert all(one.stage in scores(plan, opened.realm) for one in plan.measurements)


def test_gradients_that_are_not_finite_end_the_run(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        run(
            plan_of(RIGL.replace("density", "begin: 20it, density"), "train.optimizer.lr=1e15"),
            tmp_path,
        )
    assert caught.value.code == "LT401"


@EVERY_METHOD
def test_images_that_are_decoded_when_they_are_due_give_the_same(
    tmp_path: Path, written: str
) -> None:
    """To the bit as if they had all been in memory, flips among them."""
    folder = write_images(tmp_path / "images", 20, 20, shape=(8, 8))
    plan = plan_of(
        f"data={{name: folder, path: {folder}, size: 8, augment: flip}}",
        "train.batch_size=16",
        written,
    )
    opened, _ = run(plan, tmp_path / "s")
    stage = plan.stages[plan.outcomes[1].trained]
    work = work_of(plan, plan.outcomes[1])
    split = opened.bench.split(work.graph, work.recipe.data, "train", None)
    assert isinstance(split, StreamedSplit)
    every = np.arange(len(split), dtype=np.int32)
    with closing(Readers()) as readers:
        (images,) = readers.pieces(split, [(every, None)])
        in_memory = split.piece(every, np.array(images))
    begun = arrays(opened, stage.inputs["state"])
    masks = mask_updates.begun(schedule_of(plan), masks_of(begun), weights_of(begun))
    after = play(
        Training(
            plan.graphs[work.graph],
            work.recipe,
            work.start,
            work.stop,
            work.masks,
            in_memory,
            Readers,
            opened.bench.backend,
            opened.execution.lowerings[stage.key],
            stage.label,
        ),
        Progress(State(weights_of(begun), 0), np.zeros(0, np.float32), masks, masks),
        lambda progress, steps: None,
    )
    trained = arrays(opened, plan.outcomes[1].trained)
    for name, array in weights_of(trained).items():
        assert array.tobytes() == after.state.weights[name].tobytes()
    for name, mask in masks_of(trained).items():
        assert np.array_equal(mask, after.masks[name])


# Promises that are checked in every run


def broken(monkeypatch: pytest.MonkeyPatch, which: str) -> None:
    """Make one part of an update wrong."""
    honest, carried = update.updated, update.carried

    def wrong_masks(*a: Any) -> Any:
        masks = {name: mask.copy() for name, mask in honest(*a).items()}
        first = next(iter(masks.values())).reshape(-1)
        if which == "count":
            first[np.flatnonzero(first)[0]] = False
        else:  # as many weights, some of which had gone
            first[:] = np.roll(first, 1)
        return masks

    def wrong_state(state: State, before: Any, after: Any) -> State:
        now = carried(state, before, after)
        weights = {name: array.copy() for name, array in now.weights.items()}
        slots = {s: {n: a.copy() for n, a in each.items()} for s, each in now.slots.items()}
        name = next(iter(after))
        new = np.flatnonzero(~(before[name] & after[name]))[0]
        old = np.flatnonzero(before[name] & after[name])[0]
        match which:
            case "grown weight":
                weights[name].reshape(-1)[new] = 1
            case "kept weight":
                weights[name].reshape(-1)[old] += 1
            case "grown slot":
                for each in slots.values():
                    each[name].reshape(-1)[new] = 1
        return replace(now, weights=weights, slots=slots)

    if which in ("count", "regrown"):
        monkeypatch.setattr(update, "updated", wrong_masks)
    else:
        monkeypatch.setattr(update, "carried", wrong_state)


@pytest.mark.parametrize(
    ("written", "which", "said"),
    [
        (RIGL, "count", "the mask keeps"),
        (SET, "count", "the mask keeps"),
        (GRADUAL, "count", "the mask keeps"),
        (GRADUAL, "regrown", "has grown"),
        (RIGL, "grown weight", "new or gone"),
        (SET, "grown slot", "a velocity of fc1.weight"),
        (SET, "kept weight", "that stays has changed"),
    ],
)
def test_a_broken_update_is_never_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, which: str, said: str
) -> None:
    broken(monkeypatch, which)
    plan = plan_of(written)
    opened = session(plan, tmp_path / "s")
    with pytest.raises(InvariantError, match=said):
        opened.run(Diary(), 1e9)
    assert not opened.realm.has(plan.stages[plan.outcomes[1].trained].key)


@pytest.mark.parametrize("which", ["mask", "explored"])
def test_a_wrong_end_is_found(which: str) -> None:
    masks, explored = MASK, {"w": MASK["w"].copy()}
    schedule = ALONG
    if which == "mask":
        schedule = replace(ALONG, keep=(5,))
    else:
        explored["w"][0, 0] = False
    mask_updates.check_end("a test", ALONG, MASK, MASK)
    with pytest.raises(InvariantError):
        mask_updates.check_end("a test", schedule, masks, explored)


def test_explored_by_hand() -> None:
    explored: Mapping[str, np.ndarray] = {"w": row(1, 1, 1, 1, 1, 0, 0, 0).astype(bool)}
    found = mask_updates.facts(ALONG, 0, 40, explored)
    assert found == {"mask_updates": 4, "explored": 5 / 8}


def test_another_criterion_beside_a_mask_that_changes_ranks_all_tensors_together() -> None:
    plan = plan_of(
        RIGL,
        "branches.snip={kind: prune, criterion: snip}",
        "branches.layered={kind: prune, criterion: snip, scope: layer}",
    )
    keeps = [stage.work.keep for stage in plan.stages if isinstance(stage.work, Prune)]
    assert keeps == [(178,), (154, 24)]
