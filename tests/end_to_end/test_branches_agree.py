"""Every kind of branch on every backend: what is decided in the core has the same bits."""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e import load, ltspec, run_folder

SPEC = """\
ltspec: 1
name: controls
model: {family: lenet, widths: [20, 20]}
data: {name: digits}
train:
  duration: 6it
  batch_size: 60
  optimizer: {name: adam, lr: 1.2e-3}
prune:
  criterion: random                 # a mask that no training decides
  schedule: {name: iterative, levels: 2}
replicates: 2
branches:
  fresh: {kind: reinitialize, same_sign: true}
  layers: {kind: shuffle-mask}
  all: {kind: shuffle-mask, within: all}
  erk: {kind: random-mask}
  uniform: {kind: random-mask, layers: uniform}
  noise: {kind: perturb, noise: 0.5}
  moved: {kind: perturb, permute: filters}
  other: {kind: other-seed}
  deeper: {kind: transfer, to: {widths: [20, 20, 20, 20]}, mask: shuffled-copies}
  shallower: {kind: transfer, to: {widths: [20]}}
"""
BRANCHES = ("fresh", "layers", "all", "erk", "uniform", "noise", "moved", "other", "deeper")
BRANCHES += ("shallower",)


@pytest.mark.parametrize("backend", ["torch", "tensorflow"])
def test_masks_and_starting_weights_are_those_of_the_reference(
    tmp_path: Path, backend: str
) -> None:
    spec = tmp_path / "controls.yaml"
    spec.write_text(SPEC)
    folders = {}
    for name in ("numpy", backend):
        store = tmp_path / name
        ltspec("run", spec, "--backend", name, "--precision", "float32", "--store", store)
        folders[name] = run_folder(store, "controls", f"{name}-float32") / "tickets"
    for branch in BRANCHES:
        for place in (f"replicate-{r}/{branch}-level-{n}" for r in (1, 2) for n in (1, 2)):
            ours, theirs = (load(f / f"{place}.safetensors") for f in folders.values())
            assert set(ours) == set(theirs)
            for name, array in ours.items():
                assert array.tobytes() == theirs[name].tobytes(), (place, name)
