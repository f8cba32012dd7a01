"""Convolutional networks on images, as a user runs them: in memory, from a folder, and damaged."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from e2e import ROOT, assert_same_results, command, environment, load, ltspec
from PIL import Image

BACKENDS = ["numpy", "torch", "tensorflow"]
FOLDER = """\
ltspec: 1
name: folder
model: {family: cifar-resnet, depth: 8, width: 8}
data: {name: folder, path: images, size: 16, augment: resized-crop-flip}
train:
  duration: 20ep
  batch_size: 24
  optimizer: {name: sgd, lr: 0.05, momentum: 0.9, weight_decay: 1e-4}
prune:
  schedule: {name: iterative, fraction: 0.4, levels: 1}
  rewind: {to: 3it}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a spec, and images that are mostly red or mostly blue, of several sizes."""
    random = np.random.default_rng(0)
    for split, count in (("train", 30), ("test", 10)):
        for channel, name in ((0, "red"), (2, "blue")):
            folder = tmp_path / "images" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 120, (20 + number, 24, 3), dtype=np.uint8)
                pixels[:, :, channel] += 100
                Image.fromarray(pixels).save(folder / f"{number}.{'png' if number % 2 else 'jpg'}")
    (tmp_path / "folder.yaml").write_text(FOLDER)
    return tmp_path


def accuracies(store: Path, name: str, backend: str) -> list[float]:
    table = store / "runs" / name / f"{backend}-float32" / "table.csv"
    with table.open(encoding="utf-8", newline="") as lines:
        return [float(row["accuracy"]) for row in csv.DictReader(lines)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_folder_of_images_is_learned(backend: str, place: Path) -> None:
    ltspec("run", "folder.yaml", "--backend", backend, "--device", "cpu", cwd=place, seconds=300)
    found = accuracies(place / ".ltspec", "folder", backend)
    assert len(found) == 2
    assert min(found) > 0.9, "red and blue are told apart"
    ticket = next((place / ".ltspec" / "runs").rglob("level-1.safetensors"))
    arrays = load(ticket)
    assert "buffers/norm1.running_mean" in arrays, "a ticket has its running statistics"


def test_examples_of_a_folder_are_decoded_to_be_scored(place: Path) -> None:
    masks = {}
    for store, count in (("whole", "all"), ("same", "60"), ("drawn", "20")):
        criterion = f"prune.criterion={{name: snip, examples: {count}}}"
        changes = ["--set", criterion, "--set", "train.duration=2ep"]
        call = ["run", "folder.yaml", "--backend", "numpy", "--store", store]
        ltspec(*call, *changes, cwd=place)
        arrays = load(next((place / store).rglob("level-1.safetensors")))
        masks[store] = np.concatenate([arrays[n].ravel() for n in arrays if n.startswith("mask")])
    assert np.array_equal(masks["whole"], masks["same"])
    assert masks["drawn"].sum() == masks["whole"].sum()
    assert not np.array_equal(masks["whole"], masks["drawn"])


def test_lines_and_contrasts_of_a_folder_see_the_same_on_two_backends(place: Path) -> None:
    """Batches are decoded for each recalibration, examples for each evaluation."""
    entries = (
        "measure=[{kind: barrier, alphas: 3, batchnorm: recalibrate, batches: 2}, "
        "{kind: function, between: successive}]"
    )
    found = {}
    for backend in ("numpy", "torch"):
        changes = ["--set", entries, "--set", "train.duration=2ep", "--set", "prune.rewind.to=1it"]
        ltspec("run", "folder.yaml", "--backend", backend, "--device", "cpu", *changes, cwd=place)
        runs = place / ".ltspec" / "runs" / "folder" / f"{backend}-float32"
        (line,) = json.loads((runs / "barrier.json").read_text(encoding="utf-8"))["rows"]
        (contrast,) = json.loads((runs / "function.json").read_text(encoding="utf-8"))["rows"]
        assert line["batchnorm"] == "recalibrate"
        assert contrast["examples"] == 20
        found[backend] = line["loss"]
    assert found["torch"] == pytest.approx(found["numpy"], rel=1e-3)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_run_on_a_folder_ends_with_the_same_bytes(place: Path) -> None:
    long = ["--set", "train.duration=150ep"]
    call = ["run", "folder.yaml", "--backend", "torch", "--device", "cpu", "--quiet", *long]
    ltspec(*call, "--store", "whole", cwd=place)
    kills = 0
    for delay in (0.0, 0.3, 1.0):
        run = subprocess.Popen(
            command(*call, "--store", "killed", "--checkpoint-every", "0"),
            cwd=place,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while run.poll() is None and not any((place / "killed").glob("checkpoints/**/*.json")):
            time.sleep(0.02)
        time.sleep(delay)
        if run.poll() is None:
            run.send_signal(signal.SIGKILL)
            kills += 1
        run.wait()
    assert kills
    ltspec(*call, "--store", "killed", cwd=place)
    assert_same_results(place / "whole", place / "killed")


def test_damaged_images_are_named(place: Path) -> None:
    broken = place / "images" / "train" / "red" / "4.jpg"
    broken.write_bytes(broken.read_bytes()[:200])
    said = ltspec("run", "folder.yaml", "--backend", "numpy", cwd=place, code=3)
    assert "error[LT306]" in said.err
    assert "4.jpg" in said.err
    assert "red" in said.err
    broken.unlink()
    ltspec("run", "folder.yaml", "--backend", "numpy", cwd=place)


def test_a_folder_that_is_not_as_it_was_planned_is_refused(place: Path) -> None:
    ltspec("plan", "folder.yaml", "--json", "plan.json", cwd=place)
    (place / "images" / "train" / "red" / "4.jpg").unlink()
    said = ltspec("run", "plan.json", "--backend", "numpy", cwd=place, code=3)
    assert "error[LT307]" in said.err


def test_a_missing_class_is_found_at_planning(place: Path) -> None:
    (place / "images" / "test" / "red").rename(place / "red")
    said = ltspec("validate", "folder.yaml", cwd=place, code=1)
    assert "error[LT220]" in said.out
    assert "has no class folder red" in said.out
    assert "folder.yaml:4:28" in said.out


@pytest.mark.needs_cifar10
@pytest.mark.parametrize("backend", ["torch", "tensorflow"])
def test_a_small_resnet_on_cifar10(backend: str, tmp_path: Path) -> None:
    changes = {
        "model": "{family: cifar-resnet, depth: 8, width: 8}",
        "data.subsample": "0.02",
        "train.duration": "24it",
        "train.lr_schedule": "{name: constant}",
        "prune.schedule.levels": "1",
        "prune.rewind.to": "2it",
        "replicates": "1",
        "branches.reinit.levels": "[1]",
    }
    options = [part for key, value in changes.items() for part in ("--set", f"{key}={value}")]
    said = ltspec(
        "run",
        ROOT / "examples" / "resnet20_cifar10.yaml",
        "--backend",
        backend,
        "--device",
        "cpu",
        "--store",
        tmp_path,
        *options,
        LTSPEC_DATA=os.environ["LTSPEC_DATA"],
        seconds=600,
    )
    assert "is not the published" in said.err or "are not the published" in said.err
    found = accuracies(tmp_path, "resnet20-cifar10", backend)
    assert len(found) == 3
    assert found[0] > 0.12, "24 steps are better than a guess"


@pytest.mark.needs_cifar10
def test_a_truncated_cifar10_is_refused(tmp_path: Path) -> None:
    source = Path(os.environ["LTSPEC_DATA"]) / "cifar10" / "cifar-10-batches-bin"
    target = tmp_path / "cifar10" / "cifar-10-batches-bin"
    target.mkdir(parents=True)
    for file in source.iterdir():
        if file.name != "data_batch_3.bin":
            (target / file.name).symlink_to(file)
    whole = (source / "data_batch_3.bin").read_bytes()
    (target / "data_batch_3.bin").write_bytes(whole[:-1])
    said = ltspec(
        "run",
        ROOT / "examples" / "resnet20_cifar10.yaml",
        "--backend",
        "numpy",
        "--store",
        tmp_path / "store",
        code=3,
        LTSPEC_DATA=str(tmp_path),
    )
    assert "error[LT306]" in said.err
    assert "data_batch_3.bin" in said.err
