"""`ltspec ticket`, and tickets that travel: between specs, stores and frameworks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from e2e import load, losses, ltspec, run_folder, write_tiny
from numpy.typing import NDArray

SPEC = """\
ltspec: 1
name: travel
model: {family: lenet, widths: [60]}
data: {name: digits}
train:
  duration: 60it
  batch_size: 60
  optimizer: {name: sgd, lr: 0.1, momentum: 0.9}
prune:
  schedule: {name: iterative, fraction: 0.5, levels: 1}
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tickets of a short run on the reference backend."""
    folder = tmp_path_factory.mktemp("tiny")
    ltspec("run", write_tiny(folder), "--backend", "numpy", "--store", folder / "store")
    return run_folder(folder / "store") / "tickets" / "replicate-1"


def test_inspect(tiny: Path) -> None:
    file = tiny / "level-2.safetensors"
    said = ltspec("ticket", "inspect", file).out
    assert "568 of 888 prunable weights, sparsity 36.04%" in said
    assert "tiny, ticket, level 2, replicate 1 (seeds: init 1, mask 1, order 1)" in said
    assert "of step 0; trained from step 0 to 40" in said
    assert "1 x 8 x 8 images to 10 classes, 4 operations, 910 parameters" in said
    rows = [line.split() for line in said.splitlines()]
    kept = {row[0]: int(row[4]) for row in rows if row and row[0].endswith(".weight")}
    assert sum(kept.values()) == 568
    manifest = json.loads(ltspec("ticket", "inspect", file, "--json").out)
    assert manifest["kept"] == 568
    assert {name: mask["kept"] for name, mask in manifest["masks"].items()} == kept


def test_diff(tiny: Path) -> None:
    files = tiny / "level-1.safetensors", tiny / "level-2.safetensors"
    found: dict[str, Any] = json.loads(ltspec("ticket", "diff", *files, "--json").out)
    # Masks only shrink, so all of the second's weights are the first's.
    assert found["all"]["kept"] == [710, 568]
    assert found["all"]["shared"] == 568
    assert found["all"]["iou"] == 568 / 710
    assert found["all"]["of_each"] == [568 / 710, 1.0]
    assert found["distance"]["shared"] == 0  # both are rewound to the same weights
    assert found["distance"]["l2"] > 0
    paths = {fact["path"] for fact in found["facts"]}
    assert {"level", "keys.ticket", "measured.test.accuracy"} <= paths
    assert not [path for path in paths if path.startswith("spec")]
    text = ltspec("ticket", "diff", *files).out
    assert text.splitlines()[0].split()[:3] == ["tensor", "of", "first"]
    assert "level: 1 | 2" in text
    same = ltspec("ticket", "diff", files[0], files[0]).out
    assert "to the bit" in same
    assert "facts: all the same" in same


def test_tickets_of_two_networks_are_not_compared(tiny: Path, tmp_path: Path) -> None:
    spec = write_tiny(tmp_path, ("[12]", "[20]"))
    ltspec("run", spec, "--backend", "numpy", "--store", tmp_path / "store")
    other = run_folder(tmp_path / "store") / "tickets/replicate-1/level-1.safetensors"
    said = ltspec("ticket", "diff", tiny / "level-1.safetensors", other, code=3)
    assert "error[LT419]" in said.err
    assert "fc1.weight is (12, 64) in the first, and (20, 64) in the second" in said.err


def test_verify(tiny: Path, tmp_path: Path) -> None:
    file = tiny / "level-2.safetensors"
    said = ltspec("ticket", "verify", file).out
    assert said.count("right:") == 4
    assert "its spec makes this ticket" in said
    again = ltspec("ticket", "verify", file, "--run", "--within", "0", "--json")
    (trial,) = json.loads(again.out)["trained_again"]
    assert trial["found"] == trial["written"]  # the same backend: to the example
    damaged = tmp_path / "t.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)
    for command in (["verify", damaged], ["diff", damaged, file]):
        assert "error[LT412]" in ltspec("ticket", *command, code=3).err
    assert "error[LT410]" in ltspec("ticket", "inspect", tmp_path / "none", code=3).err
    assert "error[LT411]" in ltspec("ticket", "inspect", __file__, code=3).err
    assert "error[LT309]" in ltspec("ticket", "verify", file, "--backend", "numpy", code=2).err


def test_a_ticket_that_claims_too_much_is_found_out(tiny: Path, tmp_path: Path) -> None:
    """Somebody wrote another accuracy into it, and all hashes anew."""
    file = resealed(tiny / "level-2.safetensors", tmp_path / "t.safetensors", correct=359)
    ltspec("ticket", "verify", file)
    said = ltspec("ticket", "verify", file, "--run", code=3)
    assert "error[LT418]" in said.err
    assert "wrong:       trained again" in said.out


def test_a_ticket_of_another_spec_is_found_out(tiny: Path, tmp_path: Path) -> None:
    file = resealed(tiny / "level-2.safetensors", tmp_path / "t.safetensors", lr=0.05)
    assert "error[LT415]" in ltspec("ticket", "verify", file, code=3).err


def test_no_file_decides_what_is_called(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text("raise SystemExit('it was imported')\n")
    model = {"family": "custom", "function": "evil:net", "options": {}, "init": "glorot-normal"}
    file = resealed(tiny / "level-2.safetensors", tmp_path / "t.safetensors", model=model)
    said = ltspec("ticket", "verify", file, cwd=tmp_path)
    assert "not checked: the ticket cannot be trained again: its network is made by" in said.out
    assert "error[LT417]" in ltspec("ticket", "verify", file, "--run", code=3, cwd=tmp_path).err


def resealed(
    file: Path,
    target: Path,
    correct: int | None = None,
    lr: float | None = None,
    model: dict[str, Any] | None = None,
) -> Path:
    """A ticket with another claim in it, and right hashes."""
    from ltspec.tickets.container import header, sealed
    from ltspec.tickets.ticket import read_ticket

    certificate = read_ticket(file).certificate
    manifest = json.loads(json.dumps(certificate.manifest))
    if correct is not None:
        score = manifest["measured"]["test"]
        score["correct"], score["accuracy"] = correct, correct / score["examples"]
    if lr is not None:
        manifest["spec"]["train"]["optimizer"]["lr"] = lr
    if model is not None:
        manifest["spec"]["model"] = model
    body = file.read_bytes()[certificate.data_begins :]
    target.write_bytes(header(sealed(manifest), certificate.tensors) + body)
    return target


@dataclass(frozen=True, slots=True)
class Run:
    """A run in a store of its own."""

    store: Path
    folder: Path
    """Where its table and its tickets are."""

    def ticket(self, name: str) -> Path:
        return self.folder / "tickets" / "replicate-1" / f"{name}.safetensors"

    def losses(self, label: str) -> NDArray[np.float32]:
        """Loss of each step of the training with this label."""
        return losses(self.store)[trained(self.folder / "plan.json", label)]


def run_on(backend: str, spec: Path, store: Path, *options: str) -> Run:
    on = ("--backend", backend, "--device", "cpu", "--quiet")
    ltspec("run", spec, "--store", store, *on, *options)
    return Run(store, run_folder(store, spec.stem, f"{backend}-float32"))


def exchanged(spec: Path, finder: str, trainer: str, change: str) -> tuple[Run, Run]:
    """Run a spec with one framework; then, changed, with another one. ``FILE`` in ``change`` is the
    ticket that the first one found."""
    found = run_on(finder, spec, spec.with_name("found"))
    change = change.replace("FILE", str(found.ticket("level-1")))
    return found, run_on(trainer, spec, spec.with_name("other"), "--set", change)


def trained(plan_json: Path, label: str) -> str:
    """The key of the training with this label."""
    plan = json.loads(plan_json.read_text(encoding="utf-8"))
    (key,) = [
        stage["key"]
        for stage in plan["stages"]
        if stage["label"] == label and stage["work"]["kind"] == "train"
    ]
    return str(key)


@pytest.mark.parametrize(
    ("finder", "trainer", "rewind"),
    [("torch", "tensorflow", 0), ("tensorflow", "torch", 0), ("torch", "tensorflow", 10)],
)
def test_a_ticket_is_trained_by_another_framework(
    finder: str, trainer: str, rewind: int, tmp_path: Path
) -> None:
    """From the same tape: the first losses are equal but for rounding, and the accuracy is near."""
    spec = tmp_path / "travel.yaml"
    spec.write_text(f"{SPEC}  rewind: {{to: {rewind}it}}\n")
    found, other = exchanged(spec, finder, trainer, "branches.other={kind: retrain, ticket: FILE}")
    first = found.losses("replicate 1, level 1")
    second = other.losses("replicate 1, level 1, other")
    assert len(first) == len(second) == 60 - rewind
    np.testing.assert_allclose(first[:2], second[:2], rtol=1e-5)
    np.testing.assert_allclose(first[:20], second[:20], rtol=1e-3)
    said = ltspec(
        *("ticket", "verify", found.ticket("level-1"), "--run"),
        *("--backend", trainer, "--device", "cpu"),
        *("--within", "0.01", "--store", tmp_path / "again", "--json"),
    )
    assert json.loads(said.out)["trained_again"][0]["passed"]


CARRIED = """\
ltspec: 1
name: carried
model: {family: cifar-resnet, depth: 14, width: 4}
data: {name: digits}
train:
  duration: 16it
  batch_size: 60
  optimizer: {name: sgd, lr: 0.02, momentum: 0.9}
prune:
  schedule: {name: iterative, fraction: 0.5, levels: 1}
  rewind: {to: 8it}
branches:
  deeper: {kind: transfer, to: {depth: 20}}
"""


@pytest.mark.parametrize(("finder", "trainer"), [("torch", "tensorflow"), ("tensorflow", "torch")])
def test_a_ticket_is_carried_by_another_framework(
    finder: str, trainer: str, tmp_path: Path
) -> None:
    """Out of its file to a deeper network, as the framework that found it carries it there: the
    first losses are equal but for rounding, and what is carried is, to the bit."""
    spec = tmp_path / "carried.yaml"
    spec.write_text(CARRIED)
    runs = exchanged(spec, finder, trainer, "branches.deeper.from={ticket: FILE}")
    carried, own = (
        [load(run.ticket(name)) for run in runs] for name in ("deeper-level-1", "level-1")
    )
    assert list(carried[0]) == list(carried[1])
    assert all(np.array_equal(carried[0][name], carried[1][name]) for name in carried[0])
    assert not np.array_equal(own[0]["weights/fc.weight"], own[1]["weights/fc.weight"])
    first, second = (run.losses("replicate 1, level 1, deeper") for run in runs)
    assert len(first) == len(second) == 8
    np.testing.assert_allclose(first[:2], second[:2], rtol=1e-5)
    np.testing.assert_allclose(first[:5], second[:5], rtol=1e-3)  # batch norm lets rounding grow
