"""Weights out of a file as what a network begins with: files, names, layouts, plans, runs."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from specs import plan_of
from test_families import torchvision_name
from test_runner import arrays, run

from ltspec.decisions.initial import initial_weights
from ltspec.engine.adopting import adopt, check_begun
from ltspec.engine.arrays import buffers_of, masks_of, weights_of
from ltspec.errors import InvariantError, LtspecError, SpecError, WeightsError
from ltspec.networks.cifar_resnet import cifar_resnet
from ltspec.networks.code.names import keras_names, keras_shapes, torch_names
from ltspec.networks.code.outline import outline
from ltspec.networks.graph import Graph, Shape
from ltspec.networks.imagenet_resnet import imagenet_resnet
from ltspec.networks.lenet import lenet
from ltspec.networks.mobilenet_v1 import mobilenet_v1
from ltspec.plan import legality, planfile
from ltspec.plan.stages import Adopt, Init, Plan, Train
from ltspec.tickets.container import Tensor
from ltspec.weights import header as headers
from ltspec.weights import naming
from ltspec.weights.header import header_of, read_header, read_whole
from ltspec.weights.layout import from_keras, to_keras
from ltspec.weights.naming import Naming, fit
from ltspec.weights.reading import read_arrays

Named = dict[str, np.ndarray]


def everything(graph: Graph, seed: int = 3) -> Named:
    """Weights and statistics of a network by our names, none of them zero or one all over."""
    random = np.random.default_rng(seed)
    return {
        each.name: random.uniform(0.5, 1.5, each.shape).astype(np.float32)
        for each in [*graph.parameters, *graph.buffers]
    }


def resnet(stem: Any = "cifar", classes: int = 10) -> Graph:
    return imagenet_resnet((3, 8, 8), classes, 18, 2, stem)


def in_torchvision(tensors: Named) -> Named:
    """By a rule of this test's own, with counters of batches."""
    found = {}
    for name, array in tensors.items():
        name = torchvision_name(name)
        found[name] = array
        if name.endswith("running_var"):
            found[name.replace("running_var", "num_batches_tracked")] = np.array(7, np.int64)
    return found


def begun(file: Path, graph: Graph, family: str = "lenet") -> Named:
    """What a network begins with, by our names."""
    whole = read_whole(file)
    found = fit(graph, family, whole.header.tensors, fresh=False)
    work = Adopt("g", whole.content, found.layout, found.tensors)
    _, made = adopt(work, graph, str(file), {})
    return {**weights_of(made), **buffers_of(made)}


def saved(file: Path, tensors: Mapping[str, np.ndarray]) -> Path:
    safetensors.numpy.save_file({n: np.ascontiguousarray(a) for n, a in tensors.items()}, file)
    return file


def assert_equal(found: Named, expected: Named) -> None:
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == np.float32
        assert found[name].tobytes() == array.tobytes(), name


# Names and layouts.


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_torchvisions_names(stem: str, tmp_path: Path) -> None:
    graph = resnet(stem)
    theirs = in_torchvision(everything(graph))
    assert {"conv1.weight", "bn1.bias", "layer2.0.downsample.1.running_var", "fc.bias"} < set(
        theirs
    )
    file = saved(tmp_path / "w.safetensors", theirs)
    assert_equal(begun(file, graph, "imagenet-resnet"), everything(graph))
    with pytest.raises(WeightsError) as found:  # the names are those of a family
        begun(file, graph, "cifar-resnet")
    assert found.value.code == "LT287"


def graphs() -> Iterator[Graph]:
    yield lenet((1, 4, 4), 3, (5, 5))
    yield cifar_resnet((3, 8, 8), 10, 8, 3)
    yield mobilenet_v1((3, 16, 16), 10, 1)
    yield resnet()


@pytest.mark.parametrize("graph", list(graphs()), ids=lambda graph: str(len(graph.nodes)))
def test_ltspecs_own_names(graph: Graph, tmp_path: Path) -> None:
    tensors = everything(graph)
    assert_equal(begun(saved(tmp_path / "w.safetensors", tensors), graph), tensors)
    buffers = {each.name for each in graph.buffers}
    ticket = {
        f"{'buffers' if name in buffers else 'weights'}/{name}": array
        for name, array in tensors.items()
    }
    ticket |= {f"mask/{each.name}": np.zeros(3, np.uint8) for each in graph.prunable}
    assert_equal(begun(saved(tmp_path / "t.safetensors", ticket), graph), tensors)


@pytest.mark.parametrize("graph", list(graphs()), ids=lambda graph: str(len(graph.nodes)))
def test_names_of_pytorch_and_keras(graph: Graph, tmp_path: Path) -> None:
    tensors, shape = everything(graph), outline(graph)
    names = torch_names(graph, shape)
    file = saved(tmp_path / "t.safetensors", {names[n]: a for n, a in tensors.items()})
    assert_equal(begun(file, graph), tensors)
    names, shapes = keras_names(graph, shape), keras_shapes(graph)
    turned = {names[n]: to_keras(a, shapes[n]) for n, a in tensors.items()}
    assert_equal(begun(saved(tmp_path / "k.safetensors", turned), graph), tensors)


def test_layouts_by_hand() -> None:
    """Entry (out, in, row, column) is entry (row, column, in, out), or, of a filter for each
    channel, (row, column, channel, which of its filters)."""
    linear = np.arange(6).reshape(2, 3)
    assert to_keras(linear, (3, 2))[2, 1] == linear[1, 2]
    conv = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    assert to_keras(conv, (4, 5, 3, 2))[3, 1, 2, 0] == conv[0, 2, 3, 1]
    depthwise = np.arange(6 * 2 * 2).reshape(6, 1, 2, 2)  # 3 channels, 2 filters each
    assert to_keras(depthwise, (2, 2, 3, 2))[1, 0, 2, 1] == depthwise[5, 0, 1, 0]
    for array, shape in ((linear, (3, 2)), (conv, (4, 5, 3, 2)), (depthwise, (2, 2, 3, 2))):
        assert np.array_equal(from_keras(to_keras(array, shape), array.shape), array)
    vector = np.arange(4)
    assert to_keras(vector, (4,)) is from_keras(vector, (4,))


def table(shapes: Mapping[str, Shape], dtype: str = "F32") -> dict[str, Tensor]:
    return {name: Tensor(name, dtype, shape, 0, 0) for name, shape in shapes.items()}


LENET = lenet((1, 8, 8), 10, (12,))
SHAPES: dict[str, Shape] = {each.name: each.shape for each in LENET.parameters}


def refused(tensors: Mapping[str, Tensor], *, fresh: bool = False, graph: Graph = LENET) -> str:
    with pytest.raises(WeightsError) as found:
        fit(graph, "lenet", tensors, fresh=fresh)
    return f"{found.value.code}: {found.value.message} [{found.value.hint}]"


def test_all_that_does_not_fit_is_said_at_once() -> None:
    tensors = table({**SHAPES, "fc1.weight": (12, 63), "fc3.weight": (3,)})
    tensors["fc2.bias"] = replace(tensors["fc2.bias"], dtype="I64")
    del tensors["fc1.bias"]
    message = refused(tensors)
    assert message.startswith(
        "LT287: its tensors, named as by ltspec, are not those of the network"
    )
    for part in (
        "fc1.bias is missing",
        "fc3.weight is left over",
        "fc1.weight is 12 x 63 and not 12 x 64",
        "fc2.bias is of type I64",
    ):
        assert part in message
    many = table({**SHAPES, **{f"extra{number}": (1,) for number in range(9)}})
    assert "extra0, extra1, extra2, extra3 and 5 more are left over" in refused(many)
    assert "none of its names is known" in refused(table({"module.fc1.weight": (12, 64)}))
    assert "fc1/kernel (Keras)" in refused(table({"module.fc1.weight": (12, 64)}))
    assert refused({}).startswith("LT287: it holds no tensor")


@pytest.mark.parametrize("dtype", ["F16", "BF16", "F32", "F64"])
def test_types_of_weights(dtype: str) -> None:
    found = fit(LENET, "lenet", table(SHAPES, dtype), fresh=False)
    assert found.tensors == tuple((name, name) for name in SHAPES)


def test_the_classifier() -> None:
    other = table({**SHAPES, "fc2.weight": (4, 12), "fc2.bias": (4,)})
    message = refused(other)
    assert message.startswith("LT288: all but the classifier")
    assert "fc2.weight is 4 x 12 and not 10 x 12" in message
    assert "classifier: fresh" in message
    hidden = {name: shape for name, shape in SHAPES.items() if name.startswith("fc1")}
    assert "fc2.weight, fc2.bias are missing" in refused(table(hidden))
    for tensors in (table(SHAPES), other, table(hidden)):
        found = fit(LENET, "lenet", tensors, fresh=True)
        assert found.tensors == tuple((name, name) for name in hidden)
    # What is wrong beside it is wrong all the same.
    assert refused(table({**hidden, "fc3.bias": (3,)}), fresh=True).startswith("LT287")
    without = Graph(LENET.input_shape, LENET.nodes)
    assert refused(table(SHAPES), fresh=True, graph=without).startswith("LT288: the network does")
    assert refused(other, graph=without).startswith("LT287")


def test_two_ways_to_read_the_names_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """No two namings of a network have the same names for other tensors; were there such, nothing
    would be guessed."""
    biases: dict[str, Shape] = {"fc1.bias": (5,), "fc2.bias": (5,)}
    two = [
        Naming("one", {"fc1.bias": "a", "fc2.bias": "b"}, biases),
        Naming("another", {"fc1.bias": "b", "fc2.bias": "a"}, biases),
    ]
    monkeypatch.setattr(naming, "namings", lambda graph, family: two)
    message = refused(table({"a": (5,), "b": (5,)}))
    assert message.startswith("LT287: its names are those of one and another")


# Files that somebody else made.


def raw(entries: Any, data: bytes = b"", length: int | None = None) -> bytes:
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def entry(dtype: Any = "F32", shape: Any = (2,), offsets: Any = (0, 8)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "text": b"# a page of text, and nothing else",
    "a pickle": b"\x80\x02}q\x00.",
    "a zip": b"PK\x03\x04" + bytes(40),
    "a zip of Keras": b"PK\x03\x04" + bytes(26) + b"metadata.json" + bytes(40),
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(40),
    "a header without an end": raw({"a": entry()}, bytes(8), 2**63),
    "a header that is longer than the file": raw({"a": entry()}, bytes(8), 500),
    "a huge header": raw(b"{" + b" " * headers.MOST_HEADER + b"}"),
    "no JSON": raw(b"{nothing}"),
    "no text": raw(b"{\xff\xfe}"),
    "a key twice": raw(b'{"a": 1, "a": 2}'),
    "nested without end": raw(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "a list for a tensor": raw({"a": [1, 2]}),
    "a key too many": raw({"a": {**entry(), "more": 1}}, bytes(8)),
    "no type": raw({"a": entry(dtype="F31")}, bytes(8)),
    "a number as type": raw({"a": entry(dtype=32)}, bytes(8)),
    "a negative size": raw({"a": entry(shape=[-2])}, bytes(8)),
    "a size that is none": raw({"a": entry(shape=[True, 2])}, bytes(8)),
    "a broken size": raw({"a": entry(shape=[2.0])}, bytes(8)),
    "sizes beyond all": raw({"a": entry(shape=[2**60, 2**60])}, bytes(8)),
    "axes without end": raw({"a": entry(shape=[1] * 1000, offsets=[0, 4])}, bytes(4)),
    "another number of bytes": raw({"a": entry(shape=[3])}, bytes(8)),
    "three places": raw({"a": entry(offsets=[0, 4, 8])}, bytes(8)),
    "a gap": raw({"a": entry(), "b": entry(offsets=[12, 20])}, bytes(20)),
    "an overlap": raw({"a": entry(), "b": entry(offsets=[4, 12])}, bytes(12)),
    "the same bytes twice": raw({"a": entry(), "b": entry()}, bytes(8)),
    "cut off": raw({"a": entry()}, bytes(7)),
    "more behind it": raw({"a": entry()}, bytes(9)),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_files_are_refused(what: str, tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    file.write_bytes(HOSTILE[what])
    for read in (read_header, read_whole, lambda file: read_arrays(file, ())):
        with pytest.raises(WeightsError) as found:
            read(file)
        assert found.value.code == "LT286"
        assert found.value.message.startswith(f"{file}: ")
        assert len(found.value.message) < len(str(file)) + 250


def test_hints_for_other_kinds_of_files(tmp_path: Path) -> None:
    for what, word in (
        ("a zip", "torch.load"),
        ("a pickle", "torch.load"),
        ("HDF5", "model.variables"),
        ("a zip of Keras", "model.variables"),
    ):
        file = tmp_path / "w"
        file.write_bytes(HOSTILE[what])
        with pytest.raises(WeightsError) as found:
            read_header(file)
        assert word in found.value.hint
        assert "save_file" in found.value.hint


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", tmp_path, Path("a\0b")):
        with pytest.raises(WeightsError) as found:
            read_header(path)
        assert found.value.code == "LT285"


GOOD = raw(
    {"__metadata__": {"by": "x"}, "b": entry(offsets=(8, 16)), "a": entry()}, bytes(range(16))
)


def test_what_is_no_harm(tmp_path: Path) -> None:
    """Tensors in any order, metadata, a number without axes, a tensor without entries."""
    file = tmp_path / "w.safetensors"
    file.write_bytes(GOOD)
    found = read_header(file)
    assert list(found.tensors) == ["a", "b"]
    assert found.tensors["b"] == Tensor("b", "F32", (2,), 8, 16)
    single = {"a": entry("I64", [], [0, 8]), "b": entry("F16", [0, 4], [8, 8])}
    file.write_bytes(raw(single, bytes(8)))
    assert list(read_header(file).tensors) == ["a", "b"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=4))
def test_a_changed_byte_is_a_file_or_refused(changes: list[tuple[int, int]]) -> None:
    changed = bytearray(GOOD)
    for place, byte in changes:
        changed[place] = byte
    try:
        found = header_of(io.BytesIO(changed))
    except WeightsError:
        return
    last = max((tensor.end for tensor in found.tensors.values()), default=0)
    assert len(found.head) + last == len(changed)


# Numbers.


def test_every_precision_by_hand(tmp_path: Path) -> None:
    """1.5 and -2 in each, bit by bit; what half precisions hold, float32 holds."""
    written = {
        "F16": np.array([0x3E00, 0xC000], "<u2"),
        "BF16": np.array([0x3FC0, 0xC000], "<u2"),
        "F32": np.array([0x3FC00000, 0xC0000000], "<u4"),
        "F64": np.array([0x3FF8000000000000, 0xC000000000000000], "<u8"),
    }
    for dtype, bits in written.items():
        file = tmp_path / dtype
        data = bits.tobytes()
        file.write_bytes(raw({"a": entry(dtype, [2, 1], [0, len(data)])}, data))
        found, content = read_arrays(file, ["a"])
        assert found["a"].dtype == np.float32
        assert found["a"].tolist() == [[1.5], [-2.0]]
        assert content == read_whole(file).content
    # To the nearest of float32: 0.1 in float64 lies between two of them.
    file.write_bytes(raw({"a": entry("F64", [1], [0, 8])}, np.array([0.1]).tobytes()))
    assert read_arrays(file, ["a"])[0]["a"][0] == np.float32(0.1)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 1e39])
def test_numbers_that_are_not_finite(number: float, tmp_path: Path) -> None:
    file = saved(tmp_path / "w", {"a": np.array([1.0, number]), "b": np.array([number])})
    with pytest.raises(WeightsError, match="an entry of a is not finite in float32") as found:
        read_arrays(file, ["a"])
    assert found.value.code == "LT286"
    saved(tmp_path / "v", {"a": np.array([1.0]), "b": np.array([number])})
    assert read_arrays(tmp_path / "v", ["a"])[0]["a"][0] == 1  # what is not read may be anything


def test_a_variance_below_zero(tmp_path: Path) -> None:
    graph = cifar_resnet((3, 8, 8), 10, 8, 3)
    tensors = everything(graph)
    tensors["norm1.running_mean"] -= 5
    file = saved(tmp_path / "w", tensors)
    begun(file, graph)
    tensors["norm1.running_var"][1] = -1e-6
    with pytest.raises(WeightsError, match="a variance in norm1") as found:
        begun(saved(file, tensors), graph)
    assert found.value.code == "LT286"


# Plans.


def start(folder: Path, seed: int = 1, name: str = "w.safetensors") -> Path:
    """The initial weights of the tiny spec's network by a seed, as PyTorch would name them."""
    weights = initial_weights(LENET, "glorot-normal", seed)
    return saved(folder / name, {name: np.asarray(array) for name, array in weights.items()})


def from_file(file: Path, *changes: str) -> Plan:
    return plan_of(f"pretrain={{weights: {file}}}", *changes)


def adoptions(plan: Plan) -> list[int]:
    return [place for place, stage in enumerate(plan.stages) if isinstance(stage.work, Adopt)]


def test_all_replicates_begin_with_the_file(tmp_path: Path) -> None:
    plan = from_file(start(tmp_path), "replicates=2", "prune.criterion={name: snip}")
    (place,) = adoptions(plan)
    assert not any(isinstance(stage.work, Init) for stage in plan.stages)
    readers = [stage.label for stage in plan.stages if place in stage.inputs.values()]
    for number in (1, 2):
        for what in ("level 0", "level 1", "level 2"):
            assert f"replicate {number}, {what}" in readers
    orders = {
        stage.work.recipe.order_seed for stage in plan.stages if isinstance(stage.work, Train)
    }
    assert orders == {1, 2}
    assert plan.stages[place].label == "replicate 1, weights of w.safetensors"


def test_a_fresh_classifier_is_each_replicates_own(tmp_path: Path) -> None:
    plan = plan_of(
        f"pretrain={{weights: {start(tmp_path)}, classifier: fresh}}",
        "replicates=2",
        "data.rotation=true",
    )
    places = adoptions(plan)
    assert len(places) == 2
    for place in places:
        stage = plan.stages[place]
        assert isinstance(stage.work, Adopt)
        assert stage.work.tensors == (("fc1.weight", "fc1.weight"), ("fc1.bias", "fc1.bias"))
        assert isinstance(plan.stages[stage.inputs["fresh"]].work, Init)


def test_keys_are_made_of_the_content(tmp_path: Path) -> None:
    here, there = start(tmp_path), start(tmp_path, name="elsewhere.safetensors")
    keys = [[stage.key for stage in from_file(file).stages] for file in (here, there)]
    assert keys[0] == keys[1]
    other = [stage.key for stage in from_file(start(tmp_path, 2, "2.safetensors")).stages]
    assert not set(other) & set(keys[0])
    assert not {stage.key for stage in plan_of().stages} & set(keys[0])


def test_a_sweep_over_files(tmp_path: Path) -> None:
    one, two = start(tmp_path), start(tmp_path, 2, "2.safetensors")
    plan = from_file(one, f"sweep={{pretrain.weights: [{one}, {two}]}}")
    assert len(adoptions(plan)) == 2
    assert sorted(plan.weights.values()) == sorted(map(str, (one, two)))


def test_branches_and_measures(tmp_path: Path) -> None:
    plan = from_file(
        start(tmp_path),
        "replicates=2",
        "branches.fresh={kind: reinitialize}",
        "branches.deeper={kind: transfer, to: {widths: [12]}, data: {name: digits, blur: 2}}",
        "measure=[{kind: travelled, of: [dense, ticket]}]",
        "prune.schedule.levels=1",
    )
    (place,) = adoptions(plan)
    rows = {(row.branch, row.level): row for row in plan.outcomes if row.replicate == 1}
    ticket = rows["fresh", 1].ticket
    assert ticket is not None
    assert isinstance(plan.stages[plan.stages[ticket].inputs["state"]].work, Init)
    travelled = [plan.stages[each.stage] for each in plan.measurements if each.about == "init"]
    assert travelled
    assert all(stage.inputs["first"] == place for stage in travelled)


def test_a_plan_file_keeps_it(tmp_path: Path) -> None:
    plan = from_file(start(tmp_path))
    again, _ = planfile.read(planfile.write(plan))
    assert (again.stages, again.weights) == (plan.stages, plan.weights)
    text = planfile.write(plan).replace('"canonical"', '"keras"')
    with pytest.raises(LtspecError) as found:
        planfile.read(text)
    assert found.value.code == "LT308"


def test_legality(tmp_path: Path) -> None:
    plan = from_file(start(tmp_path))
    (place,) = adoptions(plan)
    work = plan.stages[place].work
    assert isinstance(work, Adopt)

    def broken(**changes: Any) -> str:
        stages = list(plan.stages)
        stages[place] = replace(stages[place], work=replace(work, **changes))
        with pytest.raises(LtspecError) as found:
            legality.check(replace(plan, stages=tuple(stages)), "test")
        assert found.value.code == "LT901"
        return found.value.message

    assert "nothing says where its file is" in broken(content="0" * 64)
    assert "is no layout" in broken(layout="other")
    assert "does not have" in broken(tensors=(*work.tensors, ("fc9.bias", "fc9.bias")))
    assert "twice" in broken(tensors=(*work.tensors, work.tensors[0]))
    assert "not in the file" in broken(tensors=work.tensors[1:])


def test_what_is_wrong_is_said_before_anything_runs(tmp_path: Path) -> None:
    file = start(tmp_path)
    with pytest.raises(SpecError) as found:
        plan_of(f"pretrain={{weights: {file}}}", "model.widths=[16]")
    (diagnostic,) = found.value.diagnostics
    assert (diagnostic.code, diagnostic.path) == ("LT287", ("pretrain", "weights"))
    assert "fc1.weight is 12 x 64 and not 16 x 64" in diagnostic.message


# Runs.


def test_a_run_from_the_initial_weights_is_the_run_without_a_file(tmp_path: Path) -> None:
    """The spec's own initial weights, out of a file, train to the same bits."""
    plans = [plan_of("model.init=glorot-normal"), from_file(start(tmp_path))]
    results = []
    for number, plan in enumerate(plans):
        opened, diary = run(plan, tmp_path / f"s{number}")
        assert diary.steps == 3 * 40
        results.append([arrays(opened, outcome.trained) for outcome in plan.outcomes])
    for ours, theirs in zip(*results, strict=True):
        assert list(ours) == list(theirs)
        assert all(ours[name].tobytes() == theirs[name].tobytes() for name in ours)
    _, again = run(plans[1], tmp_path / "s1")
    assert again.done == []


def test_tickets_are_rewound_to_the_file(tmp_path: Path) -> None:
    file = start(tmp_path, 5)
    plan = from_file(file, "replicates=2")
    opened, _ = run(plan, tmp_path / "s")
    written = safetensors.numpy.load_file(file)
    for outcome in plan.outcomes:
        if outcome.ticket is None:
            continue
        ticket = arrays(opened, outcome.ticket)
        masks = masks_of(ticket)
        assert len(masks) == 2
        for name, array in weights_of(ticket).items():
            assert np.array_equal(array, np.where(masks.get(name, True), written[name], 0))
    trained = [arrays(opened, row.trained) for row in plan.outcomes if row.level == 0]
    assert not np.array_equal(trained[0]["weights/fc1.weight"], trained[1]["weights/fc1.weight"])


def test_a_fresh_classifier_has_initial_weights(tmp_path: Path) -> None:
    file = start(tmp_path, 5)
    plan = plan_of(
        f"pretrain={{weights: {file}, classifier: fresh}}",
        "data.rotation=true",
        "prune.schedule.levels=1",
    )
    opened, _ = run(plan, tmp_path / "s")
    (place,) = adoptions(plan)
    state, written = weights_of(arrays(opened, place)), safetensors.numpy.load_file(file)
    drawn = initial_weights(lenet((1, 8, 8), 4, (12,)), "glorot-normal", 1)
    for name, array in state.items():
        expected = written[name] if name.startswith("fc1") else drawn[name]
        assert array.tobytes() == expected.tobytes(), name


def test_other_bytes_than_planned_are_refused(tmp_path: Path) -> None:
    plan = from_file(start(tmp_path))
    start(tmp_path, 2)
    with pytest.raises(WeightsError, match="another file than the one") as found:
        run(plan, tmp_path / "s")
    assert found.value.code == "LT287"
    file = Path(next(iter(plan.weights.values())))
    file.unlink()
    with pytest.raises(WeightsError) as found:
        run(plan, tmp_path / "s")
    assert found.value.code == "LT285"


def test_a_result_is_checked(tmp_path: Path) -> None:
    graph = cifar_resnet((3, 8, 8), 10, 8, 3)
    names, shapes = keras_names(graph, outline(graph)), keras_shapes(graph)
    right = everything(graph)
    there = {names[n]: to_keras(a, shapes[n]) for n, a in right.items()}
    work = Adopt("g", "c", "keras", tuple(names.items()))
    check_begun(work, graph, there, right)
    for name, wrong in (
        ("fc.weight", np.zeros((10, 12), np.float32)),
        ("fc.weight", np.zeros((12, 10), np.float32)),
        ("fc.weight", right["fc.weight"].astype(np.float64)),
        ("norm1.running_var", right["norm1.running_var"][::-1]),
        ("conv1.weight", right["conv1.weight"].transpose(0, 1, 3, 2)),
    ):
        with pytest.raises(InvariantError, match=name):
            check_begun(work, graph, there, {**right, name: wrong})
    missing = {name: array for name, array in right.items() if name != "fc.bias"}
    with pytest.raises(InvariantError, match=r"fc\.bias was not written"):
        check_begun(work, graph, there, missing)
