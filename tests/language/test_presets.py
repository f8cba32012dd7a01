"""The recipes that ship with ltspec: each is right, and what a spec writes wins over it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from ltspec.errors import SpecError
from ltspec.language import presets
from ltspec.language.source import override, parse_text, write
from ltspec.language.spec import Spec
from ltspec.plan import is_fine, resolve, validate
from ltspec.plan.passes import compile_spec
from ltspec.plan.stages import Remask


def spec(text: str) -> Spec:
    source = parse_text("ltspec: 1\nname: x\n" + text, "x.yaml")
    found = validate(source)
    assert is_fine(source)
    return found


@pytest.mark.parametrize("name", presets.names())
def test_every_preset_is_a_right_spec_with_its_source(name: str) -> None:
    preset = presets.load(name)
    assert set(preset.spec) == {"model", "data", "train", "prune"}
    assert all(len(text) > 20 for text in (preset.about, preset.source, preset.expect))
    assert preset.about.endswith(".")
    assert resolve.levels(spec(f"preset: {name}\n"))


FIGURES = {
    # training steps, batches an epoch, prunable weights, levels, weights kept by the last
    "frankle2020/lenet": (24_000, 1000, 266_200, 15, 9366),
    "frankle2020/resnet20-standard": (63_000, 391, 270_896, 8, 45_449),
    "frankle2020/vgg16-warmup": (63_000, 391, 14_710_464, 19, 212_000),
    "frankle2019/lenet": (50_000, 1000, 266_200, 10, 28_583),
    "frankle2019/vgg19-standard": (112_000, 782, 20_018_880, 17, 450_785),
    "frankle-carbin2019/lenet": (50_000, 1000, 266_200, 15, 9537),
    "maene2021/resnet20": (33_235, 391, 270_896, 25, 1022),
    "chen2021/resnet56": (62_560, 391, 851_504, 16, 23_968),
    "chen2021/imagenet-resnet26": (112_680, 1252, 19_051_712, 6, 4_994_293),
    "chen2021/mlp3": (18_760, 469, 445_200, 10, 47_803),
    "renda2020/resnet110": (71_162, 391, 1_722_416, 10, 184_943),
    "renda2020/resnet56": (71_162, 391, 851_504, 15, 29_960),
    "tanaka2020/vgg11": (62_560, 391, 9_222_848, 1, 922_285),
    "lee2019/vgg16": (150_000, 391, 15_239_872, 1, 1_523_987),
    "wang2020/resnet32": (62_560, 391, 1_855_584, 1, 185_558),
    "wang2020/vgg19": (62_560, 391, 20_070_080, 1, 2_007_008),
    "mocanu2018/mlp": (500_000, 500, 20_288_000, 1, 341_440),
    "evci2020/resnet50-erk": (32_000, 313, 25_502_912, 1, 5_100_582),
    "evci2020/resnet50-uniform": (32_000, 313, 25_493_504, 1, 5_098_701),
    "liu2021/vgg16-set": (97_750, 391, 15_239_872, 1, 761_994),
    "liu2021/resnet50-rigl": (1_001_000, 10_010, 25_502_912, 1, 5_100_582),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_of_the_papers(name: str) -> None:
    found = spec(f"preset: {name}\n")
    levels = resolve.levels(found)
    prunable = sum(each.size for each in resolve.prunable(found))
    assert FIGURES[name] == (
        resolve.total_steps(found),
        resolve.steps_per_epoch(found),
        prunable,
        len(levels),
        levels[-1].kept,
    )


def test_what_is_written_wins_key_by_key() -> None:
    plain = spec("preset: frankle2020/resnet20-standard\n")
    own = spec(
        "preset: frankle2020/resnet20-standard\n"
        "model: {width: 8}\n"
        "train: {optimizer: {lr: 0.2}, lr_schedule: {drops: [100it]}}\n"
    )
    assert own.model == plain.model.model_copy(update={"width": 8})
    assert own.train.optimizer == plain.train.optimizer.model_copy(update={"lr": 0.2})
    assert [str(drop) for drop in own.train.lr_schedule.drops] == ["100it"]  # type: ignore[union-attr]
    assert (own.train.duration, own.prune) == (plain.train.duration, plain.prune)


def test_a_section_of_another_kind_and_rewind_are_written_whole() -> None:
    own = spec(
        "preset: frankle2020/resnet20-standard\n"
        "model: {family: lenet}\n"
        "train: {optimizer: {name: adam, lr: 1e-3}, lr_schedule: {name: cosine}}\n"
        "prune: {rewind: {weights: end, schedule: 0it}}\n"
    )
    assert own.model.model_dump()["widths"] == (300, 100)
    assert own.train.optimizer.weight_decay == 0
    assert own.train.lr_schedule.name == "cosine"
    assert own.prune.rewind.to is None  # type: ignore[union-attr]
    with pytest.raises(SpecError) as caught:
        validate(
            parse_text(
                "ltspec: 1\nname: x\npreset: frankle2020/lenet\nmodel: {family: cifar-resnet}\n",
                "x",
            )
        )
    assert [each.code for each in caught.value.diagnostics] == ["LT102"]


def test_the_command_line_wins_over_both() -> None:
    source = parse_text("ltspec: 1\nname: x\npreset: frankle2020/lenet\n", "x")
    found = validate(override(source, "train.optimizer.lr=0.5"))
    assert (found.train.optimizer.name, found.train.optimizer.lr) == ("adam", 0.5)
    found = validate(override(source, "preset=maene2021/lenet"))
    assert found.train.duration.epochs == 25


def test_a_spec_written_out_means_the_same() -> None:
    """Results do not depend on where a key was written."""
    plan = compile_spec(spec("preset: maene2021/lenet\nprune: {schedule: {levels: 3}}\n"))
    tree: dict[str, Any] = dict(plan.spec)
    again = compile_spec(validate(parse_text(write(tree), "x")))
    assert [stage.key for stage in again.stages] == [stage.key for stage in plan.stages]
    del tree["preset"]
    again = compile_spec(validate(parse_text(write(tree), "x")))
    assert [stage.key for stage in again.stages] == [stage.key for stage in plan.stages]


def test_an_error_of_the_preset_points_to_where_it_is_named() -> None:
    text = "ltspec: 1\nname: x\npreset: frankle2020/resnet20-standard\ntrain: {duration: 40000it}\n"
    with pytest.raises(SpecError) as caught:
        validate(parse_text(text, "x"))
    (found,) = caught.value.diagnostics
    assert found.position is not None
    assert (found.code, found.position.line) == ("LT204", 3)
    assert found.label


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("frankle2020/resnet20-standart", "frankle2020/resnet20-standard"),
        ("renda2020/resnet", "renda2020/resnet110 or renda2020/resnet20 or renda2020/resnet56"),
        ("frankle2020/vgg19-low", "frankle2020/vgg16-low"),  # and not another paper's VGG-19
        ("renda2020/resnet32", "renda2020/resnet"),
        ("maene2021/le-net", "maene2021/lenet"),
        ("frankle-carbin2019/vgg16-low", "frankle-carbin2019/vgg19-low"),
        ("chen2020/vgg19", "chen2021/vgg19"),
        ("frankle2021/vgg19-low", "frankle2019/vgg19-low"),  # frankle2020 has no VGG-19
        ("tanaka2020/mobilenet", "tanaka2020 has vgg11, vgg16"),
        ("resnet32", "chen2021/resnet32 or wang2020/resnet32"),
        ("mobilenet10", "chen2021/mobilenet10"),
        ("nothing/like-it-at-all", "`ltspec presets` lists them"),
    ],
)
def test_a_wrong_name_is_looked_for_in_its_own_paper_first(name: str, meant: str) -> None:
    assert meant in presets.suggestion(name)


def test_sparse_from_the_start_as_the_papers_have_it() -> None:
    """SET's epsilon of 20: 20 (in + out) weights in each hidden layer, the output layer dense."""
    found = compile_spec(spec("preset: mocanu2018/mlp\n"))
    (masks,) = (stage.work for stage in found.stages if stage.kind == "remask")
    assert isinstance(masks, Remask)
    widths = (3072, 4000, 1000, 4000)
    wanted = [20 * sum(pair) for pair in pairwise(widths)]
    assert list(masks.keep) == wanted == [141_440, 100_000, 100_000]
    (work,) = (w for _, w in found.trainings() if w.masks is not None)
    assert work.masks is not None
    assert (work.masks.fraction, work.masks.decay, work.masks.every) == (0.3, "constant", 500)
