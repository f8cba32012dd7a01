"""Criteria that read data or gradients: what a plan says of them, and what a run does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from specs import open_session, plan_of

from ltspec.decisions import masks
from ltspec.decisions.amounts import Level, by_tensor, iterative, rounds
from ltspec.decisions.criteria import Subject, random
from ltspec.decisions.sample import Sample, batches
from ltspec.decisions.state import Arrays, Masks
from ltspec.engine import adapters
from ltspec.engine.backend import Settings
from ltspec.engine.session import Session
from ltspec.engine.watch import Silence
from ltspec.errors import BackendError, InvariantError, SpecError
from ltspec.plan import planfile
from ltspec.plan.cost import cost
from ltspec.plan.stages import Plan, Prune, Train

NO_LABELS = np.empty(0, np.uint8)
ONE_SHOT = "prune.schedule={name: one-shot, density: 0.1}"


def masks_of(plan: Plan) -> list[tuple[dict[str, int], Prune]]:
    return [(dict(s.inputs), s.work) for s in plan.stages if isinstance(s.work, Prune)]


def run(plan: Plan, store: Path) -> Session:
    opened = open_session(plan, store)
    opened.run(Silence(), checkpoint_seconds=60)
    return opened


def kept(opened: Session) -> list[dict[str, int]]:
    found = []
    for stage in opened.plan.stages:
        if isinstance(stage.work, Prune):
            result = opened.realm.read(stage.key)
            assert result is not None
            found.append(result.facts["kept"])
    return found


def test_a_mask_at_init_waits_for_no_training() -> None:
    for criterion in ("snip", "synflow", "{name: magnitude, at: init}"):
        plan = plan_of(f"prune.criterion={criterion}", ONE_SHOT)
        ((inputs, _),) = masks_of(plan)
        assert inputs == {"state": 0}


def test_where_weights_are_looked_at() -> None:
    """The levels read the same state, or what the level before them trained."""
    reads = {}
    for at in ("init", "rewind", "end"):
        plan = plan_of(f"prune.criterion={{name: snip, at: {at}}}", "prune.rewind={to: 10it}")
        states = [plan.stages[inputs["state"]].work for inputs, _ in masks_of(plan)]
        reads[at] = [(w.start, w.stop) if isinstance(w, Train) else "init" for w in states]
    assert reads == {
        "init": ["init", "init"],
        "rewind": [(0, 10), (0, 10)],
        "end": [(0, 40), (10, 40)],
    }


def test_a_word_means_the_section_with_its_defaults() -> None:
    for word, section in (
        ("magnitude", "{name: magnitude, at: end}"),
        ("random", "{name: random}"),
        ("snip", "{name: snip, at: init, examples: 128, mode: eval, rounds: 1}"),
        ("synflow", "{name: synflow, rounds: 100}"),
        ("synflow", "{name: synflow, invert: false}"),
        (
            "grasp",
            "{name: grasp, rank: signed, examples_per_class: 10, temperature: 200, mode: train}",
        ),
    ):
        short, long = (plan_of(f"prune.criterion={each}") for each in (word, section))
        assert [s.key for s in short.stages] == [s.key for s in long.stages]


def test_a_seed_counts_only_where_something_is_drawn() -> None:
    """SynFlow, all examples in one go: one mask for all seeds. A mini-batch is drawn."""
    for criterion, distinct in (
        ("synflow", 1),
        ("{name: snip, examples: all}", 1),
        ("snip", 2),
        ("random", 2),
    ):
        plan = plan_of(
            f"prune.criterion={criterion}",
            ONE_SHOT,
            "seeds=[{init: 1, order: 1, mask: 1}, {init: 1, order: 1, mask: 2}]",
        )
        assert len(masks_of(plan)) == distinct, criterion


def test_a_plan_file_keeps_the_sample() -> None:
    for changes in (
        ["prune.criterion={name: snip, rounds: 2}"],
        ["prune.criterion=snip", "data.random_labels=0.5"],
    ):
        plan = plan_of(*changes)
        again, _ = planfile.read(planfile.write(plan))
        assert again.stages == plan.stages


def test_what_scores_cost() -> None:
    plan = plan_of("prune.criterion={name: snip, examples: 100, rounds: 3}", ONE_SHOT)
    (place,) = (i for i, s in enumerate(plan.stages) if isinstance(s.work, Prune))
    (graph,) = plan.graphs.values()
    assert cost(plan, plan.stages[place]).flops == 3 * 3 * 100 * graph.forward_flops


def test_examples_are_drawn_once_and_cut_into_batches() -> None:
    sample = Sample("digits", 1, 250, 1438, 100, "train")
    found = batches(sample, 7, NO_LABELS)
    assert [len(batch) for batch in found] == [100, 100, 50]
    together = np.concatenate(found)
    assert together.dtype == np.int64
    assert len(set(together.tolist())) == 250
    assert together.max() < 1438
    assert not np.array_equal(together, np.concatenate(batches(sample, 8, NO_LABELS)))
    everything = Sample("digits", 1, 1438, 1438, 128, "eval")
    assert np.array_equal(np.concatenate(batches(everything, 7, NO_LABELS)), np.arange(1438))


def test_rounds_go_down_by_equal_factors_and_end_exactly() -> None:
    assert rounds((1000,), (10,), 1) == [(10,)]
    assert rounds((1000, 64), (10, 4), 2) == [(100, 16), (10, 4)]
    many = rounds((266_200,), (266,), 100)
    assert len(many) == 100
    assert many[-1] == (266,)
    assert many[49] == (round(266_200 * (266 / 266_200) ** 0.5),)
    assert all(after < before for (before,), (after,) in pairwise(many))


@pytest.mark.parametrize("criterion", ["snip", "synflow", "{name: snip, examples: all, rounds: 4}"])
def test_masks_of_gradients_keep_what_the_plan_says(tmp_path: Path, criterion: str) -> None:
    """Two levels, the second within the first; a run of the same plan gives the same masks."""
    changes = (f"prune.criterion={criterion}", "prune.schedule.fraction=0.6")
    one, other = (run(plan_of(*changes), tmp_path / name) for name in ("a", "b"))
    assert [sum(each.values()) for each in kept(one)] == [355, 142]
    for mine, theirs in zip(one.plan.stages, other.plan.stages, strict=True):
        found, again = one.realm.read(mine.key), other.realm.read(theirs.key)
        assert found is not None
        assert again is not None
        if isinstance(mine.work, Prune):
            assert all(np.array_equal(found.arrays[n], again.arrays[n]) for n in found.arrays)


def test_norms_are_scored_by_running_statistics_or_by_the_batch(tmp_path: Path) -> None:
    model = "model={family: cifar-resnet, depth: 8, width: 4}"
    found = [
        run(
            plan_of(
                model, "train.duration=1it", f"prune.criterion={{name: snip, mode: {mode}}}",
                ONE_SHOT,
            ),
            tmp_path,
        )
        for mode in ("eval", "train")
    ]  # fmt: skip
    masks = [kept(each)[0] for each in found]
    assert [sum(each.values()) for each in masks] == [496, 496]
    assert masks[0] != masks[1]
    # Without norms there is one mode.
    with pytest.raises(SpecError) as caught:
        plan_of("prune.criterion={name: snip, mode: train}")
    assert [each.code for each in caught.value.diagnostics] == ["LT107"]


def test_a_backend_without_float64_cannot_score_by_flow() -> None:
    class Narrow:
        name, extra = "narrow", "narrow"
        precisions = ("float32",)
        gaps = {"precision:float64": "it has none"}  # noqa: RUF012

    settings = Settings("cpu", "float32")
    adapters.refuse_gaps(Narrow(), plan_of("prune.criterion=snip"), settings)  # type: ignore[arg-type]
    with pytest.raises(BackendError) as caught:
        adapters.refuse_gaps(Narrow(), plan_of("prune.criterion=synflow"), settings)  # type: ignore[arg-type]
    assert "precision:float64: it has none" in caught.value.message


def test_scores_that_are_not_finite_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def infinite(subject: Subject) -> dict[str, np.ndarray]:
        return {name: np.full(shape, np.inf) for name, shape in subject.shapes.items()}

    monkeypatch.setattr(random, "score", infinite)
    with pytest.raises(InvariantError, match="a score of infinity"):
        run(plan_of("prune.criterion=random"), tmp_path)


def test_a_mask_that_grows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the count that is planned: one weight is back, and another gone."""
    honest = masks.prune

    def exchanged(scores: Arrays, before: Masks, keep: Sequence[int]) -> Masks:
        made = honest(scores, before, keep)
        if before:
            flat = made["fc1.weight"].reshape(-1)
            gone = np.flatnonzero(~before["fc1.weight"])[0]
            flat[np.flatnonzero(flat)[0]], flat[gone] = False, True
        return made

    monkeypatch.setattr(masks, "prune", exchanged)
    with pytest.raises(InvariantError, match=r"the mask of fc1\.weight has grown"):
        run(plan_of(), tmp_path)


def test_a_split_of_another_size_is_not_looked_at(tmp_path: Path) -> None:
    plan = plan_of("prune.criterion=snip", ONE_SHOT)
    stages = list(plan.stages)
    (place,) = (place for place, stage in enumerate(stages) if stage.kind == "prune")
    work = stages[place].work
    assert isinstance(work, Prune)
    assert work.sample is not None
    sample = replace(work.sample, of=work.sample.of + 1)
    stages[place] = replace(stages[place], work=replace(work, sample=sample))
    with pytest.raises(InvariantError, match=f"has {sample.of - 1} examples, and not {sample.of}"):
        run(replace(plan, stages=tuple(stages)), tmp_path)


def test_tensors_lose_at_rates_of_their_own() -> None:
    """LeNet of Frankle and Carbin (2019, Fig. 2): 20% a level, the output layer 10%."""
    sizes = (235_200, 30_000, 1000)
    levels = iterative(sizes, "layer", 0.2, 2, (1, 1, 0.5))
    assert [level.keep for level in levels] == [(188_160, 24_000, 900), (150_528, 19_200, 810)]
    plan = plan_of("prune.scope=layer", "prune.schedule.rates={'fc2*': 0.5, '*': 1.0}")
    assert [work.keep for _, work in masks_of(plan)] == [(614, 108), (491, 97)]
    assert [work.keep for _, work in masks_of(plan_of("prune.scope=layer"))] == [
        (614, 96),
        (491, 77),
    ]


def test_erk_shares_the_total_out_and_never_grows(tmp_path: Path) -> None:
    """Of 768 and 120 weights, eps (12 + 64) and eps (10 + 12); the second is full first."""
    for density, expected in ((0.5, (344, 100)), (0.9, (679, 120))):
        plan = plan_of("prune.scope=erk", f"prune.schedule={{name: one-shot, density: {density}}}")
        ((_, work),) = masks_of(plan)
        assert work.keep == expected
    shapes = [(5, 3), (7, 2), (4, 4, 3), (2, 2)]
    levels = [Level(n, (total,)) for n, total in enumerate(range(80, 4, -1), start=1)]
    found = by_tensor(levels, shapes)
    assert [each.kept for each in found] == [each.kept for each in levels]
    for before, after in pairwise(found):
        assert all(b >= a for b, a in zip(before.keep, after.keep, strict=True))
    opened = run(plan_of("prune.scope=erk", "prune.criterion=random", ONE_SHOT), tmp_path)
    assert sum(kept(opened)[0].values()) == 89
