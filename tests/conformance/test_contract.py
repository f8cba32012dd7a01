"""Takes an adapter; asserts what it says of itself, and that calls leave their arguments alone."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import get_args

import numpy as np
import pytest

from ltspec.decisions.recipe import Adam, Sgd
from ltspec.decisions.repulsion import repulsion
from ltspec.engine.backend import (
    BackendError,
    BatchNorm,
    Conv,
    Demand,
    GlobalAvgPool,
    Linear,
    Precision,
    Relu,
    Settings,
    Split,
)
from ltspec.networks.graph import OPS
from ltspec.networks.lenet import lenet

FRAMEWORKS = ("torch", "tensorflow", "jax", "keras")


def test_a_missing_device_is_an_error_that_lists_what_is_there(adapter):
    for device in ("cuda:99", "tpu"):
        with pytest.raises(BackendError) as caught:
            adapter.open(Settings(device, "float32"))
        assert caught.value.code == "LT303"
        assert device in caught.value.message
        assert all(there in caught.value.hint for there in adapter.devices())


def test_cuda_is_refused_where_there_is_none(adapter):
    if any(device.startswith("cuda") for device in adapter.devices()):
        pytest.skip("there is one here")
    with pytest.raises(BackendError) as caught:
        adapter.open(Settings("cuda", "float32"))
    assert caught.value.code == "LT303"


def test_devices_end_with_the_cpu(adapter):
    assert adapter.devices()[-1] == "cpu"


def test_threads_that_nobody_asked_for_are_counted(adapter):
    program = f"""
from ltspec.engine.backend import Settings, Threaded
from {type(adapter).__module__} import adapter
backend = adapter.open(Settings("cpu", "float32"))
print(backend.threads() if isinstance(backend, Threaded) else "not counted")
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"},
    )
    if "setting:threads" in adapter.gaps:
        assert done.stdout.split("\n")[-2] in ("1", "not counted")
    else:
        assert done.stdout.split() == ["1"]


def test_declared_gaps_are_real(adapter, kit):
    """A gap that works is no gap: its declaration has to go. An unknown kind of gap fails."""
    for feature, reason in adapter.gaps.items():
        assert reason
        kind, _, name = feature.partition(":")
        match kind:
            case "device":
                assert name == "gpu"
                assert not any(device.startswith("cuda") for device in adapter.devices())
                with pytest.raises(BackendError):
                    adapter.open(Settings("cuda", "float32"))
            case "precision":
                assert name not in adapter.precisions
                with pytest.raises(BackendError):
                    adapter.open(Settings("cpu", name))
            case "optimizer":
                with pytest.raises(BackendError):
                    kit.case({"sgd": "sgd", "adam": "adam"}[name]).play(
                        adapter.open(Settings("cpu", "float32")), 0, 1
                    )
            case "setting":
                assert name == "threads"
                with pytest.raises(BackendError):
                    adapter.open(Settings("cpu", "float32", threads=1))
            case "loss":
                assert name == "repulsion"
                case, solution = kit.case(), kit.case().state.weights
                names = [parameter.name for parameter in case.graph.prunable]
                term = repulsion(2.0, [solution], case.masks, names, np.dtype(np.float32))
                with pytest.raises(BackendError):
                    kit.case().play(adapter.open(Settings("cpu", "float32")), 0, 1, repulsion=term)
            case "op":
                assert name in OPS
                pytest.fail(f"write the graph that shows that {feature} is refused")
            case _:
                pytest.fail(f"no such kind of gap: {feature}")


def test_what_is_not_declared_is_offered(adapter):
    for precision in get_args(Precision):
        assert (precision in adapter.precisions) != (f"precision:{precision}" in adapter.gaps)
    assert all(isinstance(version, str) and version for version in adapter.versions().values())
    assert adapter.versions()


def test_what_a_device_lacks_is_refused_when_it_is_opened(adapter):
    """And what no device is said to lack is there."""
    for device in adapter.devices():
        lacking = adapter.device_gaps(device)
        assert all(lacking.values())
        assert set(lacking) <= {f"precision:{precision}" for precision in adapter.precisions}
        for precision in adapter.precisions:
            settings = Settings(device, precision)
            if f"precision:{precision}" not in lacking:
                adapter.open(settings)
                continue
            with pytest.raises(BackendError) as caught:
                adapter.open(settings)
            assert caught.value.code == "LT304"
            assert precision in caught.value.message
    if "tf32" in adapter.precisions:
        assert "precision:tf32" in adapter.device_gaps("cpu")


def test_arguments_are_left_alone(kit, backend32):
    case = kit.case("adam", kit.GRAPHS["residual"])
    state, _ = case.play(backend32, 0, 7)
    arrays = [
        *case.state.weights.values(),
        *case.state.buffers.values(),
        *state.weights.values(),
        *state.buffers.values(),
        *state.slots["first"].values(),
        *state.slots["second"].values(),
        *case.masks.values(),
        case.split.images,
        case.split.labels,
        case.split.scale,
    ]
    before = [array.tobytes() for array in arrays]
    case.play(backend32, 7, 14, state)
    case.evaluate(backend32)
    case.gradients(backend32, range(5), "train")
    case.gradients(backend32, range(5), "eval")
    assert [array.tobytes() for array in arrays] == before


@pytest.mark.filterwarnings("error")
def test_read_only_data_will_do(kit, backend32):
    """Arrays that were read from a file are often read-only."""
    graph = kit.GRAPHS["residual"]
    plain, frozen = kit.case("sgd", graph), kit.case("sgd", graph)
    for array in (
        frozen.split.images,
        frozen.split.labels,
        frozen.split.scale,
        *frozen.state.weights.values(),
        *frozen.state.buffers.values(),
        *frozen.masks.values(),
    ):
        array.setflags(write=False)
    assert kit.identical(frozen.play(backend32)[0], plain.play(backend32)[0])


@pytest.mark.parametrize(
    ("rule", "slots"),
    [
        ("sgd", ["velocity"]),
        ("nesterov", ["velocity"]),
        ("plain", []),
        ("adam", ["first", "second"]),
    ],
)
def test_what_comes_back(kit, backend32, rule, slots):
    case = kit.case(rule, kit.GRAPHS["residual"])
    state, losses = case.play(backend32, 0, 7)
    assert state.step == 7
    assert list(state.slots) == slots
    expected = [(case.graph.parameters, a) for a in (state.weights, *state.slots.values())]
    for tensors, arrays in [*expected, (case.graph.buffers, state.buffers)]:
        assert list(arrays) == [tensor.name for tensor in tensors]
        for tensor in tensors:
            array = arrays[tensor.name]
            assert type(array) is np.ndarray
            assert array.shape == tensor.shape
            assert array.dtype == np.float32
            assert array.flags.owndata
            assert array.flags.writeable
            assert array.flags.c_contiguous
    assert losses.dtype == np.float32


@pytest.mark.parametrize("rule", [Sgd(0.9, False, 0.0, "all"), Adam(0.9, 0.99, 1e-8, 0.0, "all")])
def test_lowering_is_honest_about_memory(adapter, kit, rule):
    """At least the weights with their slots and the data; more for a larger batch or precision."""
    graph = kit.network(shape=(1, 28, 28), widths=(300, 100), classes=10)
    size = sum(parameter.size for parameter in graph.parameters)
    demand = Demand(graph, 60, 60_000, rule, 1000)
    lowering = adapter.lower(demand, Settings("cpu", "float32"))
    slots = 2 if isinstance(rule, Adam) else 1
    assert lowering.memory_bytes >= 4 * size * (2 + slots) + 60_000 * 784
    assert lowering.memory_bytes < 200_000_000
    assert lowering.chunk_steps >= 1
    larger = Demand(graph, 600, 60_000, rule, 1000)
    assert adapter.lower(larger, Settings("cpu", "float32")).memory_bytes > lowering.memory_bytes
    assert adapter.lower(demand, Settings("cpu", "float64")).memory_bytes > lowering.memory_bytes


def test_memory_counts_activations_and_data(adapter, kit):
    """Of a convolutional network they are most of it: 128 examples at 16 channels of 32 x 32."""
    same = Conv(16, (3, 3), (1, 1), (1, 1, 1, 1))
    ops = [op for _ in range(8) for op in (same, BatchNorm(), Relu())]
    graph = kit.chain((3, 32, 32), *ops, GlobalAvgPool(), Linear(10))
    rule, settings = Sgd(0.9, False, 0.0, "all"), Settings("cpu", "float32")
    sizes = [
        adapter.lower(Demand(graph, batch, examples, rule, 1000), settings).memory_bytes
        for batch, examples in ((128, 50_000), (256, 50_000), (128, 51_000))
    ]
    activations = 8 * 16 * 32 * 32 * 4  # bytes that one example's convolutions give
    assert sizes[0] >= 128 * activations + 50_000 * 3072
    assert sizes[0] < 10 * 128 * activations + 2 * 50_000 * 3072
    assert sizes[1] - sizes[0] >= 128 * activations
    assert sizes[2] - sizes[0] >= 1000 * 3072


def test_lowering_imports_no_framework(backend_name):
    program = f"""
import importlib, sys
from ltspec.decisions.recipe import Sgd
from ltspec.engine.backend import Demand, Settings
from ltspec.networks.lenet import lenet
adapter = importlib.import_module("ltspec_{backend_name}").adapter
rule = Sgd(0.9, False, 0.0, "all")
adapter.lower(Demand(lenet((1, 8, 8), 10, (5,)), 8, 99, rule, 10), Settings("cpu", "float32"))
adapter.device_gaps("cpu")
print([name for name in {FRAMEWORKS!r} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_starting_says_nothing(backend_name):
    """No greeting on either stream: the only place of ltspec that prints is its command line."""
    program = f"""
import importlib
from ltspec.engine.backend import Settings
adapter = importlib.import_module("ltspec_{backend_name}").adapter
adapter.versions(), adapter.devices(), adapter.open(Settings("cpu", "float32"))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert (done.stdout, done.stderr) == ("", "")


SMALL = """
ltspec: 1
name: small
model: {family: cifar-resnet, depth: 8, width: 2}
data: {name: digits, augment: crop-flip}
train: {duration: 3it, batch_size: 8, optimizer: {name: sgd, lr: 0.1, momentum: 0.9}}
prune: {criterion: snip, schedule: {name: iterative, levels: 1}}
measure: [{kind: function, siblings: 2}]
"""


def test_a_small_run_says_nothing_but_its_results(backend_name, tmp_path):
    """What a framework has to say of convolutions, norms, masks and gradients comes with the first
    of them; of all three verbs, one example at a time among them."""
    spec = tmp_path / "small.yaml"
    spec.write_text(SMALL, encoding="utf-8")
    command = ["run", spec, "--backend", backend_name, "--device", "cpu", "--data", tmp_path]
    done = subprocess.run(
        [sys.executable, "-m", "ltspec", *map(str, command), "--quiet"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "table: " in done.stdout


def test_memory_that_runs_out_is_a_memory_error(backend32):
    """A layer of 25 petabytes, whose weights are one number seen many times."""
    wide = 10**14
    graph = lenet((1, 8, 8), 10, [wide])
    weights = {p.name: np.broadcast_to(np.float32(0), p.shape) for p in graph.parameters}
    images = np.zeros((1, 1, 8, 8), np.uint8)
    one = np.ones(1, np.float32)
    split = Split(images, np.zeros(1, np.uint8), one, one)
    with pytest.raises(MemoryError):
        backend32.evaluate(graph, split, weights, {})
