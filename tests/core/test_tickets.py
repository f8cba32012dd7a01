"""Ticket files: what is in them, that equal tickets are equal bytes, and what is refused."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from image_folders import write_images
from specs import plan_of
from test_runner import arrays, run

from ltspec.decisions.initial import initial_buffers, initial_weights
from ltspec.engine.arrays import buffers_of, masks_of, weights_of
from ltspec.errors import LtspecError, SpecError, TicketError
from ltspec.networks.graph import INPUT, BatchNorm, Conv, Flatten, Graph, Linear, Node
from ltspec.plan.stages import Outcome, Plan, Train
from ltspec.plan.transferring import CONTROLS
from ltspec.results.run_folder import write_results
from ltspec.tickets.certificate import branch_name, content_of, read_certificate
from ltspec.tickets.container import arranged, header, sealed
from ltspec.tickets.ticket import Ticket, pack, read_ticket, ticket_of

NET = Graph(
    (1, 4, 4),
    (
        Node("conv", Conv(3, (3, 3), padding=(1, 1, 1, 1)), (INPUT,)),
        Node("norm", BatchNorm(), ("conv",)),
        Node("flatten", Flatten(), ("norm",)),
        Node("out", Linear(5), ("flatten",)),
    ),
)
FACTS: dict[str, Any] = {
    "name": "made",
    "replicate": 1,
    "seeds": {"init": 1, "order": 2, "mask": 3},
    "branch": "ticket",
    "level": 1,
    "keys": {"ticket": "a" * 40, "trained": "b" * 40},
    "semantics": 1,
    "backend": "numpy",
    "precision": "float32",
    "made_with": {"device": "cpu", "numpy": "2.0"},
    "data": [{"name": "digits", "version": 1, "fingerprint": "c" * 64}],
    "rewind": {"weights": 0, "schedule": 0, "stop": 40},
    "spec": {"name": "made", "about": "nested", "list": [1, 2.5, None, True]},
    "measured": {"test": {"examples": 4, "correct": 3, "accuracy": 0.75, "loss": 0.5}},
}


def parts(dtype: Any = np.float32) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Weights, buffers and masks of :data:`NET`."""
    rng = np.random.default_rng(0)
    masks = {
        "conv.weight": rng.random((3, 1, 3, 3)) < 0.5,
        "out.weight": rng.random((5, 48)) < 0.2,
    }
    weights = {
        name: array.astype(dtype)
        for name, array in initial_weights(NET, "kaiming-normal", 1, 0, "one").items()
    }
    for name, mask in masks.items():
        weights[name] = np.where(mask, weights[name], np.zeros((), dtype))
    buffers = {name: array.astype(dtype) for name, array in initial_buffers(NET).items()}
    return weights, buffers, masks


def made(dtype: Any = np.float32, **facts: Any) -> bytes:
    return pack({**FACTS, **facts}, NET, *parts(dtype))


def reading(data: bytes) -> Ticket:
    return ticket_of(io.BytesIO(data))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_written_is_read(dtype: Any) -> None:
    ticket = reading(made(dtype))
    weights, buffers, masks = parts(dtype)
    for ours, theirs in (
        (weights, ticket.weights),
        (buffers, ticket.buffers),
        (masks, ticket.masks),
    ):
        assert list(ours) == list(theirs)
        for name, array in ours.items():
            assert array.dtype == theirs[name].dtype
            assert np.array_equal(array, theirs[name])
    assert ticket.graph == NET
    assert ticket.certificate.manifest["spec"] == FACTS["spec"]
    kept = {name: int(mask.sum()) for name, mask in masks.items()}
    assert ticket.certificate.masked == kept
    assert ticket.certificate.kept == sum(kept.values())
    assert ticket.certificate.manifest["sparsity"] == (267 - sum(kept.values())) / 267


def test_equal_tickets_are_equal_bytes() -> None:
    """Whatever the order in which arrays and facts are given, and wherever they lie in memory."""
    weights, buffers, masks = parts()
    turned = {name: np.asfortranarray(array) for name, array in reversed(weights.items())}
    facts = dict(reversed(FACTS.items()))
    assert pack(facts, NET, turned, buffers, dict(reversed(masks.items()))) == made()


def test_the_bytes_are_literal() -> None:
    """A change of one of these is a change of the format, and needs another version."""
    data = made()
    length = struct.unpack("<Q", data[:8])[0]
    assert length % 8 == 0
    assert data[8:].startswith(b'{"__metadata__":{"ltspec.ticket":"{\\"backend\\":\\"numpy\\"')
    found = json.loads(data[8 : 8 + length])
    offsets = {name: entry["data_offsets"] for name, entry in found.items() if name[0] != "_"}
    assert offsets == {  # floats by name, then bytes by name
        "buffers/norm.running_mean": [0, 12],
        "buffers/norm.running_var": [12, 24],
        "weights/conv.weight": [24, 132],
        "weights/norm.scale": [132, 144],
        "weights/norm.shift": [144, 156],
        "weights/out.bias": [156, 176],
        "weights/out.weight": [176, 1136],
        "mask/conv.weight": [1136, 1140],
        "mask/out.weight": [1140, 1170],
    }
    packed = np.frombuffer(data, np.uint8, 4, 8 + length + 1136)
    bits = "".join(f"{byte:08b}" for byte in packed)
    assert bits == "".join("01"[int(bit)] for bit in parts()[2]["conv.weight"].flat).ljust(32, "0")


def test_the_library_reads_it_too() -> None:
    found = safetensors.numpy.load(made())
    weights, _, masks = parts()
    assert np.array_equal(found["weights/out.weight"], weights["out.weight"])
    mask = np.unpackbits(found["mask/out.weight"], count=240).reshape(5, 48).astype(bool)
    assert np.array_equal(mask, masks["out.weight"])


def test_content_is_what_is_trained_and_not_where_it_comes_from() -> None:
    content = reading(made()).certificate.content
    assert reading(made(name="another", branch="b")).certificate.content == content
    assert reading(made(np.float64)).certificate.content != content


Change = Callable[[dict[str, Any]], object]


def resealed(change: Change, **swapped: np.ndarray) -> bytes:
    """A ticket whose manifest was changed, or some of its arrays, with all hashes made anew."""
    data = made()
    ticket = reading(data)
    manifest = json.loads(json.dumps(ticket.certificate.manifest))
    begin = ticket.certificate.data_begins
    held = {
        tensor.name: data[begin + tensor.begin : begin + tensor.end]
        for tensor in ticket.certificate.tensors
    }
    for key, array in swapped.items():
        name = key.replace("__", "/").replace("_of_", ".")
        held[name] = array.tobytes()
    import hashlib

    for name, raw in held.items():
        manifest["tensors"][name]["sha256"] = hashlib.sha256(raw).hexdigest()
    manifest["content"] = content_of(NET, manifest["tensors"])
    change(manifest)
    placed = arranged(manifest["tensors"])
    return header(sealed(manifest), placed) + b"".join(held[tensor.name] for tensor in placed)


def test_resealing_alone_changes_nothing() -> None:
    assert resealed(lambda manifest: None) == made()


def array(name: str) -> np.ndarray:
    weights, buffers, masks = parts()
    kind, _, key = name.partition("/")
    if kind == "mask":
        return np.packbits(masks[key])
    return {"weights": weights, "buffers": buffers}[kind][key].copy()


def revived() -> np.ndarray:
    found = array("weights/out.weight")
    found[~parts()[2]["out.weight"]] = 1e-30
    return found


def minus_zero() -> np.ndarray:
    found = array("weights/out.weight")
    found[~parts()[2]["out.weight"]] = -0.0
    return found


def spoilt(name: str, value: float) -> np.ndarray:
    found = array(name)
    found.reshape(-1)[0] = value
    return found


def flipped() -> np.ndarray:
    """One weight more is kept: its place was zero, so that only the count tells."""
    mask = parts()[2]["out.weight"].copy()
    mask.reshape(-1)[np.flatnonzero(~mask.reshape(-1))[0]] = True
    return np.packbits(mask)


def padded() -> np.ndarray:
    found = array("mask/conv.weight")
    found[-1] |= 1
    return found


@pytest.mark.parametrize(
    ("swapped", "message"),
    [
        ({"weights__out_of_weight": revived()}, "pruned weights of out.weight are not zero"),
        ({"weights__out_of_weight": minus_zero()}, "pruned weights of out.weight are not zero"),
        ({"weights__out_of_bias": spoilt("weights/out.bias", np.nan)}, "not finite"),
        ({"weights__out_of_bias": spoilt("weights/out.bias", np.inf)}, "not finite"),
        (
            {"buffers__norm_of_running_var": spoilt("buffers/norm.running_var", -1)},
            "below zero",
        ),
        ({"mask__out_of_weight": flipped()}, "keeps"),
        ({"mask__conv_of_weight": padded()}, "more entries than the tensor"),
    ],
)
def test_a_broken_promise_is_found_behind_right_hashes(
    swapped: Mapping[str, np.ndarray], message: str
) -> None:
    with pytest.raises(TicketError, match=message) as found:
        reading(resealed(lambda manifest: None, **swapped))
    assert found.value.code == "LT415"


def put(*path: Any, value: Any) -> Change:
    def change(manifest: dict[str, Any]) -> None:
        *way, last = path
        place: Any = manifest
        for key in way:
            place = place[key]
        place[last] = value

    return change


def drop(*path: Any) -> Change:
    def change(manifest: dict[str, Any]) -> None:
        *way, last = path
        place: Any = manifest
        for key in way:
            place = place[key]
        del place[last]

    return change


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (put("format", value="other"), "LT411", "version"),
        (put("version", value=2), "LT411", "reads version 1"),
        (put("version", value=True), "LT411", "reads version 1"),
        (drop("name"), "LT413", "has no `name`"),
        (put("more", value=1), "LT413", "not known"),
        (put("replicate", value=1.0), "LT413", "replicate"),
        (put("level", value=-1), "LT413", "level"),
        (put("name", value="../../etc"), "LT413", "name"),
        (put("branch", value="a/b"), "LT413", "branch"),
        (put("made_with", "device", value="\x1b[31m"), "LT413", "made_with"),
        (put("keys", "ticket", value="short"), "LT413", "keys.ticket"),
        (put("measured", "test", "accuracy", value=0.8), "LT413", "measured.test.accuracy"),
        (put("measured", "test", "correct", value=5), "LT413", "measured.test.accuracy"),
        (put("measured", "test", "examples", value=0), "LT413", "examples"),
        (put("measured", value={}), "LT413", "measured"),
        (put("measured", value={"dev": {}}), "LT413", "measured"),
        (put("rewind", "stop", value=-1), "LT413", "rewind.stop"),
        (put("rewind", "schedule", value=41), "LT413", "rewind begins at step 41"),
        (put("kept", value=1), "LT413", "counts of all masks"),
        (put("masks", "out.weight", "kept", value=999), "LT413", "counts of out.weight"),
        (put("masks", "out.weight", "of", value=241), "LT414", "counts 241 weights"),
        (put("masks", "out.weight", "sparsity", value=0.5), "LT413", "counts of out.weight"),
        (drop("masks", "out.weight"), "LT413", "sum over the masks"),
        (put("spec", value=[]), "LT413", "spec"),
        (put("data", value={}), "LT413", "data"),
        (put("network", "nodes", 0, "op", value="exec"), "LT414", "unknown operation"),
        (put("network", "nodes", 0, "out", value=4), "LT414", "counts 27 weights in conv.weight"),
        (put("network", "nodes", 3, "bias", value=False), "LT414", "array weights/out.bias"),
        (put("network", "nodes", 0, "out", value="3"), "LT414", "not legal"),
        (put("network", "nodes", 0, "out", value=10**15), "LT414", "the most is"),
        (put("network", "nodes", 0, "kernel", value=[3]), "LT414", "not legal"),
        (put("network", "nodes", 0, "kernel", value=[5, 5]), "LT414", "which has 75"),
        (put("network", "nodes", 0, "inputs", value=["out"]), "LT414", "comes later"),
        (put("network", "nodes", 0, "name", value="../conv"), "LT414", "no name of a node"),
        (put("network", "nodes", 0, "name", value="a/../conv"), "LT414", "no name of a node"),
        (put("network", "nodes", 0, "extra", value=1), "LT414", "no network has"),
        (put("network", "nodes", value=[]), "LT414", "not legal"),
        (put("network", "input_shape", value=[1, 4]), "LT414", "not legal"),
        (put("network", "input_shape", value=[1, 4, 1e9]), "LT414", "not legal"),
        (put("network", value={}), "LT414", "not legal"),
        (put("tensors", "weights/out.bias", "shape", value=[6]), "LT414", "array weights/out.bias"),
        (put("tensors", "weights/out.bias", "dtype", value="F64"), "LT414", "array"),
        (put("tensors", "weights/out.bias", "dtype", value="I64"), "LT413", "dtype"),
        (put("content", value="0" * 64), "LT412", "content"),
    ],
)
def test_a_wrong_manifest_is_refused_behind_right_hashes(
    change: Change, code: str, message: str
) -> None:
    try:
        data = resealed(change)
    except KeyError:  # a type that no file can have: then only the manifest says it
        certificate = reading(made()).certificate
        manifest = json.loads(json.dumps(certificate.manifest))
        change(manifest)
        data = header(sealed(manifest), certificate.tensors)
    with pytest.raises(TicketError, match=message) as found:
        reading(data)
    assert found.value.code == code


def rewritten(change: Callable[[dict[str, Any]], object], body: bytes | None = None) -> bytes:
    """The file with another header, not written as it has to be."""
    data = made()
    length = struct.unpack("<Q", data[:8])[0]
    content = json.loads(data[8 : 8 + length])
    change(content)
    text = json.dumps(content).encode()
    return len(text).to_bytes(8, "little") + text + (data[8 + length :] if body is None else body)


BOMB = b'{"__metadata__":{"ltspec.ticket":' + b"[" * 900_000


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "LT411"),
        (b"\0" * 7, "LT411"),
        (b"\0" * 8, "LT411"),
        (b"\xff" * 64, "LT411"),
        (b"\xff" * 8 + b"{}", "LT412"),
        ((2**62).to_bytes(8, "little") + b"{}", "LT412"),
        ((5 * 2**20).to_bytes(8, "little") + b"{" * (5 * 2**20), "LT412"),
        (len(BOMB).to_bytes(8, "little") + BOMB, "LT411"),
        ((2).to_bytes(8, "little") + b"{}", "LT411"),
        ((4).to_bytes(8, "little") + b"{\xff\xfe\xfd", "LT411"),
        (safetensors.numpy.save({"a": np.zeros(3)}), "LT411"),
        (safetensors.numpy.save({"a": np.zeros(3)}, {"ltspec.ticket": "{"}), "LT412"),
        (safetensors.numpy.save({"a": np.zeros(3)}, {"ltspec.ticket": "[" * 5000}), "LT412"),
        (safetensors.numpy.save({"a": np.zeros(3)}, {"ltspec.ticket": '{"a":1,"a":1}'}), "LT412"),
        (safetensors.numpy.save({"a": np.zeros(3)}, {"ltspec.ticket": '{"a":NaN}'}), "LT412"),
        (safetensors.numpy.save({"a": np.zeros(3)}, {"ltspec.ticket": '{"a":"\\ud800"}'}), "LT412"),
        (rewritten(lambda header: None), "LT412"),  # the same header with spaces in it
        (made() + b"\0", "LT412"),
        (made()[:-1], "LT412"),
        (made()[:-1] + b"\1", "LT412"),
    ],
)
def test_other_files_are_refused(data: bytes, code: str) -> None:
    with pytest.raises(TicketError) as found:
        reading(data)
    assert found.value.code == code


def test_overlapping_arrays_are_refused() -> None:
    def overlap(content: dict[str, Any]) -> None:
        content["weights/out.bias"]["data_offsets"] = [0, 20]

    with pytest.raises(TicketError, match="header is not the one"):
        reading(rewritten(overlap))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda weights, buffers, masks: weights.pop("out.bias"),
        lambda weights, buffers, masks: weights.update(more=np.zeros(3, np.float32)),
        lambda weights, buffers, masks: buffers.clear(),
        lambda weights, buffers, masks: masks.update({"out.bias": np.ones(5, np.bool_)}),
        lambda weights, buffers, masks: weights.update({"out.bias": np.zeros(5)}),
        lambda weights, buffers, masks: weights.update(
            {"out.weight": np.ones((5, 48), np.float32)}
        ),
        lambda weights, buffers, masks: masks.update({"out.weight": np.ones((48, 5), np.bool_)}),
    ],
)
def test_what_is_no_ticket_is_not_written(spoil: Callable[..., object]) -> None:
    weights, buffers, masks = parts()
    spoil(weights, buffers, masks)
    with pytest.raises(TicketError):
        pack(FACTS, NET, weights, buffers, masks)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for file in (tmp_path, tmp_path / "none", tmp_path / "a\0b"):
        with pytest.raises(LtspecError) as found:
            read_ticket(file)
        assert found.value.code == "LT410"


FIXTURE = Path(__file__).parents[1] / "language" / "tickets" / "tiny.safetensors"


def test_the_ticket_in_the_language_tests_is_current(tmp_path: Path) -> None:
    """``LTSPEC_REWRITE=1`` writes it anew; its content may differ between machines in rounding."""
    if os.environ.get("LTSPEC_REWRITE"):
        made_now = tickets_of(plan_of(), tmp_path)["replicate-1/level-2.safetensors"]
        FIXTURE.write_bytes(made_now.read_bytes())
    ticket = read_ticket(FIXTURE)
    assert ticket.graph == next(iter(plan_of().graphs.values()))
    assert ticket.certificate.kept == 568


# -- of a run --------------------------------------------------------------------------------------


def tickets_of(plan: Plan, store: Path) -> dict[str, Path]:
    """Run a plan on the reference backend; its ticket files by their place in the folder."""
    opened, _ = run(plan, store)
    folder, _, _ = write_results(plan, opened)
    files = sorted((folder / "tickets").rglob("*.safetensors"))
    return {file.relative_to(folder / "tickets").as_posix(): file for file in files}


def test_a_run_leaves_tickets_that_say_what_they_are(tmp_path: Path) -> None:
    plan = plan_of(
        "prune.rewind={to: 10it}",
        "branches.fresh={kind: reinitialize, levels: [2]}",
        "branches.again={kind: retrain, levels: [2], data: {name: digits, blur: 2}}",
        "evaluate=[test, train]",
        "seeds=[{init: 4, order: 5, mask: 6}]",
    )
    opened, _ = run(plan, tmp_path / "s")
    files = tickets_of(plan, tmp_path / "s")
    assert list(files) == [
        f"replicate-1/{name}.safetensors"
        for name in ("again-level-2", "fresh-level-2", "level-1", "level-2")
    ]
    for outcome in plan.outcomes[1:]:
        prefix = "" if outcome.branch == "ticket" else f"{outcome.branch}-"
        ticket = read_ticket(files[f"replicate-1/{prefix}level-{outcome.level}.safetensors"])
        assert outcome.ticket is not None
        stored = arrays(opened, outcome.ticket)
        for ours, theirs in (
            (weights_of(stored), ticket.weights),
            (masks_of(stored), ticket.masks),
            (buffers_of(stored), ticket.buffers),
        ):
            assert set(ours) == set(theirs)
            assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
        said = ticket.certificate.manifest
        assert said["keys"]["ticket"] == plan.stages[outcome.ticket].key
        assert said["keys"]["trained"] == plan.stages[outcome.trained].key
        assert (said["branch"], said["level"]) == (outcome.branch, outcome.level)
        assert said["seeds"] == {"init": 4, "order": 5, "mask": 6}
        assert said["kept"] == outcome.kept
        first = 0 if outcome.branch == "again" else 10
        step = 0 if outcome.branch == "fresh" else 10
        assert said["rewind"] == {"weights": step, "schedule": first, "stop": 40}
        assert [each["name"] for each in said["data"]] == ["digits"]
        assert said["spec"] == plan.spec
        for split, place in outcome.scores.items():
            facts = opened.realm.read_facts(plan.stages[place].key)
            assert facts is not None
            assert said["measured"][split]["accuracy"] == facts["accuracy"]
        assert {"device", "threads", "numpy", "ltspec"} <= set(said["made_with"])


def test_a_ticket_file_is_trained_as_a_branch(tmp_path: Path) -> None:
    """The spec's own ticket, by file: the same training, with another key."""
    file = tickets_of(plan_of(), tmp_path / "one")["replicate-1/level-2.safetensors"]
    branch = f"branches.other={{kind: retrain, levels: [1], ticket: {file}}}"
    plan = plan_of("name=two", branch)
    (row,) = (outcome for outcome in plan.outcomes if outcome.branch == "other")
    assert row.kept == 568  # that of the file, not of the level
    opened, diary = run(plan, tmp_path / "two")
    assert diary.steps == 4 * 40
    assert row.ticket is not None
    assert plan.stages[row.ticket].kind == "load"
    ours = arrays(opened, row.ticket)
    (level,) = (o for o in plan.outcomes if (o.branch, o.level) == ("ticket", 2))
    assert level.ticket is not None
    theirs = arrays(opened, level.ticket)
    assert set(ours) == set(theirs)
    assert all(ours[name].tobytes() == theirs[name].tobytes() for name in ours)
    trained, same = (arrays(opened, outcome.trained) for outcome in (row, level))
    assert all(trained[name].tobytes() == same[name].tobytes() for name in trained)
    written = tickets_of(plan, tmp_path / "two")["replicate-1/other-level-1.safetensors"]
    assert read_certificate(written).content == read_certificate(file).content


def test_a_ticket_file_of_a_late_rewind_is_trained_for_what_is_left(tmp_path: Path) -> None:
    """From step 10 to 40 as where it was found; another training must say where it begins."""
    late = "prune.rewind={to: 10it}"
    file = tickets_of(plan_of(late), tmp_path / "one")["replicate-1/level-2.safetensors"]

    def other(*changes: str, more: str = "") -> tuple[Plan, Outcome, Train]:
        branch = f"branches.other={{kind: retrain, levels: [1], ticket: {file}{more}}}"
        plan = plan_of(*changes, branch)
        (row,) = (outcome for outcome in plan.outcomes if outcome.branch == "other")
        work = plan.stages[row.trained].work
        assert isinstance(work, Train)
        return plan, row, work

    plan, row, work = other(late)
    assert (work.start, work.stop) == (10, 40)
    opened, _ = run(plan, tmp_path / "two")
    (level,) = (o for o in plan.outcomes if (o.branch, o.level) == ("ticket", 2))
    trained, same = (arrays(opened, outcome.trained) for outcome in (row, level))
    assert all(trained[name].tobytes() == same[name].tobytes() for name in trained)
    # Its own rewind point counts, and not that of the spec.
    for changes, more, steps in (
        (("prune.rewind={to: 0it}",), "", (10, 40)),
        (("prune.rewind={to: 20it}",), "", (10, 40)),
        (("prune.rewind=none",), "", (10, 40)),
        (("train.optimizer.lr=0.3",), "", (10, 40)),
        ((late,), ", schedule: 0it", (0, 40)),
        ((late,), ", data: {name: digits, blur: 2}", (0, 40)),
        (("train.duration=60it",), ", schedule: 3it", (3, 60)),
    ):
        _, _, work = other(*changes, more=more)
        assert (work.start, work.stop) == steps, changes
    for change in ("train.duration=60it", "train.batch_size=32"):
        with pytest.raises(SpecError, match="begins in the middle of another training") as found:
            other(change)
        assert [each.code for each in found.value.diagnostics] == ["LT213"]
    # The file of such a branch begins there too.
    again = tickets_of(plan, tmp_path / "two")["replicate-1/other-level-1.safetensors"]
    assert read_certificate(again).manifest["rewind"] == {"weights": 10, "schedule": 10, "stop": 40}
    file = again
    assert other(late)[2].start == 10


def begins_at(spec: tuple[str, ...], file: Path) -> tuple[int, int]:
    """The steps that a ticket file is trained for as a branch of a spec."""
    plan = plan_of(*spec, f"branches.other={{kind: retrain, levels: [1], ticket: {file}}}")
    (row,) = (outcome for outcome in plan.outcomes if outcome.branch == "other")
    work = plan.stages[row.trained].work
    assert isinstance(work, Train)
    return work.start, work.stop


MIDDLE = "begins in the middle of another training"


def with_change(file: Path, folder: Path, change: Change) -> Path:
    """A ticket file whose manifest was changed, with its hash made anew."""
    data = file.read_bytes()
    certificate = reading(data).certificate
    manifest = json.loads(json.dumps(certificate.manifest))
    change(manifest)
    head = header(sealed(manifest), arranged(manifest["tensors"]))
    made_anew = folder / "changed.safetensors"
    made_anew.write_bytes(head + data[certificate.data_begins :])
    return made_anew


def test_a_file_of_a_control_is_trained_as_its_branch_was(tmp_path: Path) -> None:
    """In batches of 32, where the spec has 64; the spec's own ticket is the other way round."""
    late = "prune.rewind={to: 5it}"
    other = "train: {duration: 40it, batch_size: 32, optimizer: {name: sgd, lr: 0.1}}"
    branch = (
        "branches.in-between={kind: transfer, levels: [1], to: {widths: [12, 12, 12, 8]}, "
        f"schedule: 5it, controls: [imp, random], {other}}}"
    )
    plan = plan_of("model.widths=[12, 12, 8]", late, "prune.schedule.levels=1", branch)
    files = tickets_of(plan, tmp_path / "s")
    smaller = "train.batch_size=32"
    here = late, "model.widths=[12, 12, 12, 8]"
    for line in ("in-between", "in-between-imp", "in-between-random"):
        file = files[f"replicate-1/{line}-level-1.safetensors"]
        assert begins_at((*here, smaller), file) == (5, 40)
        with pytest.raises(SpecError, match=MIDDLE):
            begins_at(here, file)
    here = late, "model.widths=[12, 12, 8]"
    assert begins_at(here, files["replicate-1/level-1.safetensors"]) == (5, 40)
    with pytest.raises(SpecError, match=MIDDLE):
        begins_at((*here, smaller), files["replicate-1/level-1.safetensors"])


def test_a_file_of_altered_data_is_trained_where_it_is_altered_alike(tmp_path: Path) -> None:
    late = "prune.rewind={to: 5it}"
    half = (late, "data.subsample=0.5")
    file = tickets_of(plan_of(*half), tmp_path / "s")["replicate-1/level-1.safetensors"]
    assert begins_at(half, file) == (5, 40)
    for other in ((late,), (*half, "data.seed=2"), (*half, "data.random_labels=0.1")):
        with pytest.raises(SpecError, match=MIDDLE):
            begins_at(other, file)


def test_a_file_of_a_folder_of_images_is_trained_in_its_own_spec(tmp_path: Path) -> None:
    """A plan's name of a folder says what is in it, and the spec in the file where it was."""

    def spec(folder: Path, *more: str) -> tuple[str, ...]:
        data = f"data={{name: folder, path: {folder}, size: 8}}"
        return data, "train.batch_size=5", "prune.rewind={to: 5it}", *more

    one, other = (
        write_images(tmp_path / name, 10, 2, shape=(8, 8), seed=seed)
        for seed, name in enumerate("xy")
    )
    file = tickets_of(plan_of(*spec(one)), tmp_path / "s")["replicate-1/level-1.safetensors"]
    assert begins_at(spec(one), file) == (5, 40)
    assert begins_at(spec(one.rename(tmp_path / "moved")), file) == (5, 40)
    (other / "train" / "a" / "more.png").write_bytes((other / "train/a/00.png").read_bytes())
    with pytest.raises(SpecError, match=MIDDLE):
        begins_at(spec(other), file)
    # Of two folders in a file nothing says which one it is.
    entry = {"name": "folder-0123456789abcdef", "version": 1, "fingerprint": "c" * 64}
    two = with_change(file, tmp_path, lambda manifest: manifest["data"].append(entry))
    with pytest.raises(SpecError, match=MIDDLE):
        begins_at(spec(tmp_path / "moved"), two)


@pytest.mark.parametrize(
    "change",
    [
        put("branch", value="no-such-line"),
        put("data", 0, "name", value="digits-2"),
        put("data", 0, "version", value=2),
        put("spec", value={"data": 3}),
        put("spec", "data", value={"name": "digits"}),
        put("spec", "data", "name", value=3),
        put("spec", "data", "subsample", value="half"),
        put("spec", "train", value=[64]),
        put("spec", "train", "batch_size", value="many"),
        put("spec", "train", "batch_size", value=None),
    ],
)
def test_a_file_that_does_not_say_how_it_was_trained(tmp_path: Path, change: Change) -> None:
    file = FIXTURE.with_name("source.safetensors")
    here = ("model.widths=[12, 12, 8]", "prune.rewind={to: 5it}")
    assert begins_at(here, file) == (5, 40)
    with pytest.raises(SpecError, match=MIDDLE):
        begins_at(here, with_change(file, tmp_path, change))


def test_the_branch_of_a_line() -> None:
    names = dict.fromkeys(("deep", "deep-er", "deep-imp", ""))
    found = {line: line for line in names} | {f"deep-er-{word}": "deep-er" for word in CONTROLS}
    found |= {"deep-snip": "deep", "deep-imp-imp": "deep-imp"}
    assert {line: branch_name(line, names) for line in found} == found
    for line in ("ticket", "dense", "other", "other-imp", "deep-no-imp", "deeper-imp"):
        assert branch_name(line, names) is None
    assert not [word for word in CONTROLS if "-" in word]


def test_a_path_is_no_part_of_a_key(tmp_path: Path) -> None:
    file = tickets_of(plan_of(), tmp_path / "s")["replicate-1/level-2.safetensors"]
    other = tmp_path / "moved.safetensors"
    other.write_bytes(file.read_bytes())
    plans = [
        plan_of(f"branches.other={{kind: retrain, levels: [1], ticket: {place}}}")
        for place in (file, other)
    ]
    keys = [[stage.key for stage in plan.stages] for plan in plans]
    assert keys[0] == keys[1]
    assert [list(plan.tickets.values()) for plan in plans] == [[str(file)], [str(other)]]


def test_a_ticket_that_was_exchanged_is_refused(tmp_path: Path) -> None:
    files = tickets_of(plan_of(), tmp_path / "s")
    file = tmp_path / "t.safetensors"
    file.write_bytes(files["replicate-1/level-1.safetensors"].read_bytes())
    plan = plan_of(f"branches.other={{kind: retrain, levels: [1], ticket: {file}}}")
    file.write_bytes(files["replicate-1/level-2.safetensors"].read_bytes())
    with pytest.raises(TicketError, match="another ticket") as found:
        run(plan, tmp_path / "other")
    assert found.value.code == "LT416"


ALONE = """
import sys
assert not [name for name in sys.modules if name.startswith("ltspec")]
sys.modules["ltspec"] = None  # importing it from here on fails
{snippet}
print(int(sum(mask.sum() for mask in masks.values())), manifest["kept"])
assert all(not weights[name][~mask].any() for name, mask in masks.items())
"""


def test_the_documented_snippet_reads_a_ticket_without_ltspec(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "tickets.md"
    snippet = page.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    (tmp_path / "level-10.safetensors").write_bytes(made())
    done = subprocess.run(
        [sys.executable, "-c", ALONE.format(snippet=snippet)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={},
    )
    kept = sum(int(mask.sum()) for mask in parts()[2].values())
    assert done.stdout.split()[-2:] == [str(kept), str(kept)]
