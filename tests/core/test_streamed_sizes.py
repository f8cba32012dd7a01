"""One folder of images at several sizes in one plan: each network gets images of its own size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from image_folders import write_images
from specs import plan_of as tiny_plan
from test_from import plan_at
from test_runner import run

from ltspec.data.facts import Facts
from ltspec.data.folder import folder_facts, imagenet_facts, shorter_side_of
from ltspec.engine.runner import scores
from ltspec.errors import InvariantError, SpecError
from ltspec.plan.stages import Plan, Transfer
from ltspec.results import table

SPEC = """\
ltspec: 1
name: {name}
model: {{family: cifar-resnet, depth: 8, width: 4}}
data: {{name: folder, path: {path}{size}}}
train:
  duration: 4it
  batch_size: 8
  optimizer: {{name: sgd, lr: 0.05, momentum: 0.9}}
prune:
  schedule: {{name: iterative, fraction: 0.4, levels: 1}}
  rewind: {{to: 0it}}
"""
TRANSFER = """\
branches:
  there: {kind: transfer, levels: [1], from: {spec: source.yaml}}
"""


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small PNGs of two classes, of odd sizes."""
    return write_images(tmp_path_factory.mktemp("images"), 12, 8)


def plan_of(folder: Path, name: str, images: Path, size: str, more: str = "") -> Plan:
    path = folder / f"{name}.yaml"
    path.write_text(SPEC.format(name=name, path=images, size=size) + more)
    return plan_at(path)


Figure = tuple[str, int, float, float]


def figures(plan: Plan, store: Path) -> dict[int, list[Figure]]:
    """Branch, level, accuracy and loss of every network, by point."""
    opened, _ = run(plan, store)
    found: dict[int, list[Figure]] = {}
    for row in table.rows(plan, scores(plan, opened.realm)):
        test = row.scores["test"]
        figure = row.branch, row.level, test["accuracy"], test["loss"]
        found.setdefault(row.point, []).append(figure)
    return found


@pytest.mark.parametrize("side", ["", ", shorter_side: 18"])
def test_each_point_of_a_sweep_is_a_spec_of_its_own(
    side: str, images: Path, tmp_path: Path
) -> None:
    swept = plan_of(tmp_path, "swept", images, side, "sweep: {data.size: [8, 16]}\n")
    found = figures(swept, tmp_path / "swept")
    for point, size in ((1, 8), (2, 16)):
        alone = plan_of(tmp_path, f"alone{size}", images, f", size: {size}{side}")
        assert figures(alone, tmp_path / f"alone{size}")[0] == found[point]
    assert found[1] != found[2]


def test_a_ticket_of_another_size_changes_nothing_else(images: Path, tmp_path: Path) -> None:
    source = plan_of(tmp_path, "source", images, ", size: 8")
    target = plan_of(tmp_path, "target", images, ", size: 16", TRANSFER)
    own = plan_of(tmp_path, "own", images, ", size: 16")
    found = figures(target, tmp_path / "s")[0]
    assert [row for row in found if row[0] != "there"] == figures(own, tmp_path / "own")[0]
    assert {row[0] for row in found} == {"dense", "ticket", "there"}
    # The dense network of the small images is in the store already, and is the right one.
    _, diary = run(source, tmp_path / "s")
    assert diary.steps == 4
    assert figures(source, tmp_path / "s") == figures(source, tmp_path / "source")


DIGITS = "model={family: cifar-resnet, depth: 8, width: 4}"
LARGER = "branches.larger={kind: transfer, levels: [1], data: {name: mnist}}"


def test_a_ticket_goes_to_a_data_set_of_other_images() -> None:
    plan = tiny_plan(DIGITS, LARGER)
    (carried,) = (stage for stage in plan.stages if isinstance(stage.work, Transfer))
    assert isinstance(carried.work, Transfer)
    assert plan.graphs[carried.work.source].input_shape == (1, 8, 8)
    assert plan.graphs[carried.work.graph].input_shape == (1, 28, 28)
    assert all(target == source for target, source in carried.work.tensors)


@pytest.mark.parametrize(
    "measure",
    [
        "{kind: barrier, between: [ticket, larger], levels: [1]}",
        "{kind: overlap, of: [ticket, larger], between: [lines]}",
    ],
)
def test_networks_for_other_images_are_not_compared(measure: str) -> None:
    with pytest.raises(SpecError, match="ticket and larger are different networks"):
        tiny_plan(DIGITS, LARGER, f"measure=[{measure}]")


SIDES = {8: (None, 9, 18, 256, 300), 16: (None, 18, 256, 300), 224: (None, 256, 300)}
"""By size: a shorter side is as long, or longer."""


@pytest.mark.parametrize(
    ("size", "side"), [(size, side) for size, sides in SIDES.items() for side in sides]
)
def test_the_name_of_a_data_set_says_how_it_is_cut(
    size: int, side: int | None, images: Path
) -> None:
    def cut(facts: Facts) -> int | None:
        return shorter_side_of(facts.name)

    usual: Any = (None, {8: 9, 16: 18, 224: 256}[size])
    expected = None if side in usual else side
    assert cut(folder_facts(images, size, side)) == expected
    assert cut(imagenet_facts(size, side)) == expected


def test_images_of_another_shape_are_not_trained_on(images: Path, tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "alone", images, ", size: 8")
    opened, _ = run(plan, tmp_path / "s")
    name = next(stage.work.recipe.data for stage in plan.stages if stage.kind == "train")  # type: ignore[union-attr]
    key = next(iter(plan.graphs))
    wrong = replace(opened.bench.data(key, name, None).facts, shape=(3, 9, 9))
    opened.bench._data[name, 8, None] = replace(opened.bench.data(key, name, None), facts=wrong)
    with pytest.raises(InvariantError, match=r"\(3, 9, 9\), and not \(3, 8, 8\)"):
        opened.bench.split(key, name, "train", None)
