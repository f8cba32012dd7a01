"""Pre-training: its stage, who begins with it, its data order, and runs."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from specs import plan_of
from test_runner import arrays, run

from ltspec.decisions.line import sibling_seed
from ltspec.decisions.pretraining import order_seed_before
from ltspec.engine.arrays import buffers_of, masks_of, weights_of
from ltspec.errors import SpecError
from ltspec.plan import planfile
from ltspec.plan.stages import Evaluate, Init, Plan, Prune, Stage, Train, Transfer
from ltspec.results.run_folder import write_results
from ltspec.tickets.certificate import read_certificate

PRETRAIN = (
    "pretrain={data: {name: digits, random_labels: 1}, train: {duration: 15it, batch_size: 32, "
    "optimizer: {name: sgd, lr: 0.2}}}"
)
NORMS = "model={family: custom, function: 'networks:normed'}"


def of(plan: Plan, label: str, kind: type) -> tuple[int, Stage]:
    (found,) = [
        (place, stage)
        for place, stage in enumerate(plan.stages)
        if stage.label == label and isinstance(stage.work, kind)
    ]
    return found


def test_everything_begins_with_it() -> None:
    plan = plan_of(PRETRAIN, "prune.rewind={to: 10it}", "prune.criterion={name: snip}")
    init, _ = of(plan, "replicate 1, initial weights", Init)
    place, before = of(plan, "replicate 1, pre-training", Train)
    assert isinstance(before.work, Train)
    assert (before.work.start, before.work.stop) == (0, 15)
    recipe = before.work.recipe
    assert (recipe.batch_size, recipe.schedule.lr, recipe.data) == (32, 0.2, "digits")
    assert recipe.alteration is not None
    assert recipe.alteration.random_labels == 1
    assert before.inputs == {"state": init}
    for label in ("rewind point", "level 0"):
        _, stage = of(plan, f"replicate 1, {label}", Train)
        assert stage.inputs == {"state": place}
        assert isinstance(stage.work, Train)
        assert (stage.work.start, stage.work.recipe.alteration) == (0, None)
    # SNIP looks at the weights that are there at the beginning.
    _, prune = of(plan, "replicate 1, level 1", Prune)
    assert prune.inputs == {"state": place}
    assert [stage.work.alteration for stage in plan.stages if isinstance(stage.work, Evaluate)] == (
        [None] * 3
    )


def test_without_it_nothing_moves_and_with_it_everything() -> None:
    without, with_it = plan_of(), plan_of(PRETRAIN)
    keys = [{stage.key for stage in plan.stages} for plan in (without, with_it)]
    assert keys[0] & keys[1] == {without.stages[0].key}, "the initial weights are the same"
    other = plan_of(PRETRAIN.replace("15it", "16it"))
    assert {stage.key for stage in other.stages} & keys[1] == {without.stages[0].key}


def test_its_training_is_the_specs_where_none_is_written() -> None:
    plan = plan_of("pretrain={data: {name: digits, blur: 2}}")
    _, before = of(plan, "replicate 1, pre-training", Train)
    _, after = of(plan, "replicate 1, level 0", Train)
    assert isinstance(before.work, Train)
    assert isinstance(after.work, Train)
    assert before.work.stop == after.work.stop == 40
    assert before.work.recipe.optimizer == after.work.recipe.optimizer
    assert before.work.recipe.alteration is not None


def test_its_data_order_is_its_own() -> None:
    """On the same data as the training itself, it does not come in the same order."""
    plan = plan_of("pretrain={data: {name: digits}}", "seeds=[7, {init: 7, order: 0, mask: 7}]")
    orders = []
    for replicate in (1, 2):
        for what in ("pre-training", "level 0"):
            _, stage = of(plan, f"replicate {replicate}, {what}", Train)
            assert isinstance(stage.work, Train)
            orders.append(stage.work.recipe.order_seed)
    assert orders == [-8, 7, -1, 0]
    seeds = [0, 1, 2**32 - 1]
    others = {sibling_seed(seed, number) for seed in seeds for number in range(21)}
    before = {order_seed_before(seed) for seed in seeds}
    assert len(before) == 3
    assert not before & others


def test_branches() -> None:
    """Another replicate's weights are pre-trained; fresh ones have the signs of such at most."""
    plan = plan_of(
        PRETRAIN,
        "replicates=2",
        "branches.other={kind: other-seed}",
        "branches.fresh={kind: reinitialize, same_sign: true}",
        "prune.schedule.levels=1",
    )
    rows = {(o.replicate, o.branch): o for o in plan.outcomes if o.level}
    for replicate, other in ((1, 2), (2, 1)):
        ticket = rows[replicate, "other"].ticket
        assert ticket is not None
        place, _ = of(plan, f"replicate {other}, pre-training", Train)
        assert plan.stages[ticket].inputs["state"] == place
        ticket = rows[replicate, "fresh"].ticket
        assert ticket is not None
        work = plan.stages[plan.stages[ticket].inputs["state"]].work
        assert isinstance(work, Init)
        place, _ = of(plan, f"replicate {replicate}, pre-training", Train)
        assert plan.stages[plan.stages[ticket].inputs["state"]].inputs == {"state": place}


def test_copies_for_a_measure_begin_with_it() -> None:
    measure = "measure=[{kind: instability, of: [dense], at: [0it, 10it], siblings: 2}]"
    plan = plan_of(PRETRAIN, measure)
    place, _ = of(plan, "replicate 1, pre-training", Train)
    for one in plan.measurements:
        copy = plan.stages[plan.stages[one.stage].inputs["first"]]
        begun = copy.inputs["state"]
        assert (begun if one.step == 0 else plan.stages[begun].inputs["state"]) == place


def test_a_plan_file_keeps_it() -> None:
    plan = plan_of(PRETRAIN)
    assert planfile.read(planfile.write(plan))[0].stages == plan.stages


def test_a_run(tmp_path: Path) -> None:
    """Tickets hold pre-trained weights; the training from them is the one that a person gets who
    trains in two steps; a second run does nothing."""
    plan = plan_of(PRETRAIN, "train.optimizer.momentum=0.9")
    opened, diary = run(plan, tmp_path / "s")
    assert diary.steps == 15 + 3 * 40
    place, _ = of(plan, "replicate 1, pre-training", Train)
    before = weights_of(arrays(opened, place))
    initial = weights_of(arrays(opened, 0))
    assert all(not np.array_equal(before[name], initial[name]) for name in before)
    for outcome in plan.outcomes[1:]:
        assert outcome.ticket is not None
        ticket = arrays(opened, outcome.ticket)
        masks = masks_of(ticket)
        for name, array in weights_of(ticket).items():
            assert np.array_equal(array, np.where(masks.get(name, True), before[name], 0))
    folder, _, _ = write_results(plan, opened, lambda text: None)
    file = folder / "tickets" / "replicate-1" / "level-2.safetensors"
    assert read_certificate(file).manifest["rewind"] == {"weights": 0, "schedule": 0, "stop": 40}
    _, again = run(plan, tmp_path / "s")
    assert again.steps == 0


ROTATION = PRETRAIN.replace("random_labels: 1", "rotation: true")


def test_other_classes_have_an_output_layer_of_their_own(tmp_path: Path) -> None:
    """Four quarter turns before, ten digits after: what is hidden is carried to the bit, and the
    output begins as it would without pre-training."""
    plan = plan_of(ROTATION, "prune.schedule.levels=1")
    place, before = of(plan, "replicate 1, pre-training", Train)
    carried, stage = of(plan, "replicate 1, pre-trained", Transfer)
    assert isinstance(stage.work, Transfer)
    assert [plan.graphs[key].classes for key in (before.work.graph, stage.work.graph)] == [4, 10]
    hidden = ["fc1.weight", "fc1.bias"]
    assert stage.work.tensors == tuple((name, name) for name in hidden)
    _, dense = of(plan, "replicate 1, level 0", Train)
    assert dense.inputs == {"state": carried}
    assert planfile.read(planfile.write(plan))[0].stages == plan.stages

    opened, diary = run(plan, tmp_path / "s")
    assert diary.steps == 15 + 2 * 40
    learnt, begun = (weights_of(arrays(opened, at)) for at in (place, carried))
    fresh = weights_of(arrays(opened, plan.stages[carried].inputs["fresh"]))
    alone = plan_of()
    assert plan.stages[plan.stages[carried].inputs["fresh"]].key == alone.stages[0].key
    for name, array in begun.items():
        assert np.array_equal(array, (learnt if name in hidden else fresh)[name]), name
    assert learnt["fc2.weight"].shape == (4, 12)
    # Before it, the hidden layer has the weights that it has without.
    untrained = weights_of(arrays(opened, before.inputs["state"]))
    assert all(np.array_equal(untrained[name], fresh[name]) for name in hidden)
    assert not np.array_equal(learnt["fc1.weight"], fresh["fc1.weight"])


@pytest.mark.parametrize("before", [PRETRAIN, ROTATION], ids=["same classes", "other classes"])
@pytest.mark.parametrize("rewind", [0, 10])
def test_a_ticket_counts_the_steps_after_it(before: str, rewind: int, tmp_path: Path) -> None:
    """A manifest speaks of the dense training, which begins when the pre-training has ended."""
    plan = plan_of(before, f"prune.rewind={{to: {rewind}it}}", "prune.schedule.levels=1")
    session, _ = run(plan, tmp_path / "s")
    folder, _, _ = write_results(plan, session)
    (file,) = folder.rglob("*.safetensors")
    said = read_certificate(file).manifest["rewind"]
    assert said == {"weights": rewind, "schedule": rewind, "stop": 40}


@pytest.mark.parametrize("before", [PRETRAIN, ROTATION], ids=["same classes", "other classes"])
def test_running_statistics_are_carried(
    before: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "networks.py").write_text(NORMED, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    plan = plan_of(before, NORMS, "prune.schedule.levels=1")
    opened, _ = run(plan, tmp_path / "s")
    place, _ = of(plan, "replicate 1, pre-training", Train)
    learnt = buffers_of(arrays(opened, place))
    assert all(not np.array_equal(array, np.round(array)) for array in learnt.values())
    ticket = plan.outcomes[1].ticket
    assert ticket is not None
    after = buffers_of(arrays(opened, ticket))
    assert list(after) == list(learnt)
    assert all(np.array_equal(after[name], learnt[name]) for name in learnt)


def test_layers_that_depend_on_the_classes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "networks.py").write_text(
        NORMED.replace("def normed", "def moody").replace('"conv"', 'f"conv{classes}"'),
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "networks", raising=False)
    moody = NORMS.replace("normed", "moody")
    with pytest.raises(SpecError, match="other layers for 4 classes than for 10"):
        plan_of(ROTATION, moody)
    plan_of(PRETRAIN, moody)


NORMED = """
from ltspec.networks import INPUT, BatchNorm, Conv, Flatten, Graph, Linear, Node, Relu


def normed(shape, classes):
    return Graph(
        shape,
        (
            Node("conv", Conv(3, (3, 3), (2, 2), (1, 1, 1, 1)), (INPUT,)),
            Node("norm", BatchNorm(), ("conv",)),
            Node("relu", Relu(), ("norm",)),
            Node("flat", Flatten(), ("relu",)),
            Node("fc", Linear(classes), ("flat",)),
        ),
    )
"""
