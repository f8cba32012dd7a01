"""Small versions of two experiments of the papers as whole runs with torch: each row is numpy's."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
from e2e import ROOT, ltspec, run_folder

TRAIN = (
    "train={duration: 6it, batch_size: 32, lr_schedule: {name: constant}, "
    "optimizer: {name: sgd, lr: 0.05, momentum: 0.9}}"
)
SMALL = (
    "sweep={}",
    "model={family: cifar-resnet, depth: 8, width: 2}",
    "data={name: digits}",
    TRAIN,
    "replicates=1",
)
ROWS = {
    # The dense network, and two levels of tickets and of fresh weights, at each of two points; the
    # networks without masks are the same.
    "03_repellent": (
        "prune.schedule.levels=2",
        "sweep.setting={plain: {}, repelled: {prune.repel: {strength: 2.0}}}",
    ),
    "34_masks_that_change": (
        (
            "sweep.method={gradual: {prune.schedule.name: gradual, prune.schedule.until: 75%, "
            "prune.schedule.every: 2it}, "
            "set: {prune.schedule.name: set, prune.schedule.every: 2it}, "
            "rigl: {prune.schedule.every: 2it}}"
        ),
    ),
}


@pytest.mark.parametrize(
    ("name", "lines"), [("03_repellent", 2 * (1 + 2 + 2)), ("34_masks_that_change", 3 * (1 + 1))]
)
def test_a_row_of_the_papers_is_the_same_on_torch(tmp_path: Path, name: str, lines: int) -> None:
    changes = [word for change in (*SMALL, *ROWS[name]) for word in ("--set", change)]
    tables = {}
    for backend in ("numpy", "torch"):
        store = tmp_path / backend
        spec = ROOT / "examples" / "papers" / f"{name}.yaml"
        options = ("--backend", backend, "--precision", "float64", "--store", store)
        ltspec("run", spec, *options, *changes, seconds=240)
        folder = run_folder(store, name.replace("_", "-"), f"{backend}-float64")
        with (folder / "table.csv").open(encoding="utf-8", newline="") as file:
            tables[backend] = list(csv.DictReader(file))
    ours, theirs = tables.values()
    assert len(ours) == len(theirs) == lines
    for one, other in zip(ours, theirs, strict=True):
        losses = [float(row.pop("loss")) for row in (one, other)]
        assert one == other  # weights kept, accuracy, what was explored, updates
        assert math.isclose(*losses, rel_tol=1e-9)
