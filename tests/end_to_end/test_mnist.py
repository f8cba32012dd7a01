"""The main job, short: tickets of LeNet-300-100 on MNIST, from the shipped example, everywhere."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from e2e import ROOT, load, ltspec

SHORT = (
    "train.duration=300it",
    "prune.schedule={name: iterative, fraction: 0.5, levels: 4}",
    "replicates=1",
    "branches.reinit.levels=[4]",
)


@pytest.mark.needs_mnist
@pytest.mark.parametrize("backend", ["numpy", "torch", "tensorflow"])
def test_lenet_tickets_on_mnist(tmp_path: Path, backend: str) -> None:
    changes = [part for change in SHORT for part in ("--set", change)]
    said = ltspec(
        "run",
        ROOT / "examples" / "lenet_mnist.yaml",
        "--backend",
        backend,
        "--store",
        tmp_path,
        *changes,
        LTSPEC_DATA=os.environ["LTSPEC_DATA"],
        seconds=300,
    )
    folder = tmp_path / "runs" / "lenet-mnist" / f"{backend}-float32"
    with (folder / "table.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["branch"], row["level"], row["kept"]) for row in rows] == [
        ("dense", "0", "266200"),
        ("ticket", "1", "133100"),
        ("ticket", "2", "66550"),
        ("ticket", "3", "33275"),
        ("ticket", "4", "16637"),
        ("reinit", "4", "16637"),
    ]
    accuracy = [float(row["accuracy"]) for row in rows]
    assert min(accuracy[:5]) > 0.90
    assert accuracy[4] > accuracy[5]  # the ticket beats the same mask with fresh weights
    assert f"{accuracy[4]:.2%}" in said.out
    ticket = load(folder / "tickets" / "replicate-1" / "level-4.safetensors")
    kept = sum(int(np.count_nonzero(ticket[name])) for name in ticket if name.startswith("mask/"))
    assert kept == 16_637
