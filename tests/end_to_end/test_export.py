"""`ltspec ticket export`: what it writes runs without ltspec, and computes the same."""

from __future__ import annotations

import ast
import io
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import safetensors.numpy
from e2e import environment, finished, ltspec, run_folder, write_tiny
from ltspec_numpy.lower import forward as reference_forward
from pydantic import TypeAdapter

from ltspec.decisions.initial import initial_weights
from ltspec.engine.adopting import adopt
from ltspec.engine.arrays import buffers_of, weights_of
from ltspec.errors import LtspecError
from ltspec.language.model import Model
from ltspec.networks.code.naming import RESERVED, Names, identifier
from ltspec.networks.code.outline import outline
from ltspec.networks.draft import Draft
from ltspec.networks.families import build
from ltspec.networks.graph import (
    INPUT,
    Add,
    AvgPool,
    BatchNorm,
    Conv,
    Flatten,
    GlobalAvgPool,
    Graph,
    Linear,
    MaxPool,
    Node,
    Relu,
)
from ltspec.networks.soundness import unsound
from ltspec.plan.stages import Adopt
from ltspec.results.export.folder import Target, export_ticket, files_of, title_of
from ltspec.tickets.container import Tensor
from ltspec.tickets.ticket import Ticket, pack, ticket_of
from ltspec.weights.header import read_whole
from ltspec.weights.naming import fit

HERE = Path(__file__).parent
FAMILIES: Mapping[str, tuple[dict[str, Any], tuple[int, int, int]]] = {
    "lenet": ({"family": "lenet", "widths": (9, 9)}, (2, 5, 5)),
    "lenet5": ({"family": "lenet5"}, (1, 12, 12)),
    "conv-4": ({"family": "conv", "layers": 4}, (3, 8, 8)),
    "vgg-11-2": ({"family": "cifar-vgg", "depth": 11, "classifier": 2}, (3, 16, 16)),
    "resnet-20": ({"family": "cifar-resnet", "depth": 20, "width": 3}, (3, 9, 8)),
    "resnet-26": ({"family": "imagenet-resnet", "depth": 26, "width": 4}, (3, 40, 38)),
    "resnet-50": (
        {"family": "imagenet-resnet", "depth": 50, "width": 2, "stem": "cifar"},
        (3, 16, 16),
    ),
    "mobilenet": ({"family": "mobilenet-v1", "blocks": 1}, (3, 16, 16)),
}
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
    "spec": {},
    "measured": {"test": {"examples": 4, "correct": 3, "accuracy": 0.75, "loss": 0.5}},
}


def ticket_bytes(
    graph: Graph, spec: Mapping[str, Any], dtype: Any = np.float32, line: str = "ticket"
) -> bytes:
    """A ticket with random masks, biases and statistics: none is zero or one all over."""
    random = np.random.default_rng(0)
    masks = {each.name: random.random(each.shape) < 0.6 for each in graph.prunable}
    weights = {}
    for name, array in initial_weights(graph, "kaiming-normal", 1, norm_scale="uniform").items():
        drawn = array if name in masks else array + random.normal(0, 0.3, array.shape)
        kept = np.where(masks[name], drawn, 0) if name in masks else drawn
        weights[name] = (kept + 0.0).astype(dtype)
    buffers = {
        each.name: (random.uniform(0.5, 1.5, each.shape) - (1 - each.initial)).astype(dtype)
        for each in graph.buffers
    }
    return pack({**FACTS, "spec": spec, "branch": line}, graph, weights, buffers, masks)


def of_family(name: str, classes: int = 5) -> tuple[Graph, dict[str, Any]]:
    section, shape = FAMILIES[name]
    model = TypeAdapter(Model).validate_python(section)
    section = {key: value for key, value in section.items() if key != "widths"}
    return build(model, shape, classes), {"model": section}


def ragged() -> Graph:
    """Every operation in a form that no family has, under names that are no names of Python."""
    x = Draft((3, 11, 10))
    x.add("a-b.c", Conv(6, (3, 2), (2, 1), (0, 1, 2, 0), 1, True))
    x.add("class", BatchNorm(1e-3, 0.25))
    x.add("forward", Relu())
    x.add("a_b_c_pad", Relu())
    x.add("a_b.c", Conv(12, (3, 3), (1, 1), (1, 1, 1, 1), 6, True))  # two filters a channel
    x.add("pad", MaxPool((3, 3), (1, 2), (2, 1, 0, 2)))
    x.add("0/self", Conv(8, (2, 2), (1, 1), (0, 1, 1, 0), 2))  # in groups
    x.add("__init__", Relu())
    x.add("import", AvgPool((2, 3), (1, 1), (1, 0, 1, 1)))
    x.add("a_b_c", Conv(8, (3, 3), (1, 2), (1, 1, 1, 1), 8))  # a filter a channel, two strides
    x.add("x", Add(), "a_b_c", "a_b_c")
    x.add("images", MaxPool((3, 3), (2, 2), (1, 1, 1, 1)))
    x.add("nn", Relu())
    x.add("flatten", Flatten())
    x.add("training", Linear(7, bias=False))
    x.add("F", Relu(), "training")
    x.add("sum", Add(), "F", "training")
    x.add("layers.Dense", Linear(5))
    return x.graph()


def blocked() -> Graph:
    """Stages of one's own: an identity and a projection on either side of a sum, a chain that is no
    shortcut, a stage whose input is read elsewhere, a pool within a block."""
    x = Draft((2, 9, 9))
    x.conv("stage2", 4, 3)  # as the attribute of a stage would be called
    x.end_block("stem")
    for index, out in enumerate((4, 6, 6)):
        name, entry = f"stage1.block{index}", x.last
        x.conv(f"{name}.class", out, 3, bias=True)
        x.add(f"{name}.class_pad", Relu())
        x.add(f"{name}.shortcut.0", BatchNorm())
        trunk = x.add(f"{name}.norm", BatchNorm(1e-4, 0.0))
        if index == 1:
            entry = x.add(f"{name}.way", Conv(out, (1, 1)), entry)
        x.add(f"{name}.sum", Add(), entry, trunk)
        x.end_block("block", 1, index)
    for index in range(2):
        name, entry = f"stage2.block{index}", x.last
        if index == 0:
            x.add(f"{name}.pool", MaxPool((2, 2), (1, 1)))
            entry = x.last
        x.conv(f"{name}.a", 6, 3)
        x.add(f"{name}.b", Relu())
        x.add(f"{name}.c", Add(), f"{name}.a", f"{name}.b")
        x.add(f"{name}.d", Add(), f"{name}.c", entry)
        x.end_block("block", 2, index)
    far = x.last
    for index in range(2):  # its first block's output is read by the second and by a later node
        x.conv(f"stage3.block{index}.conv", 6, 3)
        x.end_block("block", 3, index)
    for index in range(2):
        x.add(f"stage4.block{index}.pad", Conv(6, (3, 3), (1, 1), (2, 0, 0, 2), 6))
        x.add(f"stage4.block{index}.relu", Relu())
        x.end_block("block", 4, index)
    x.add("late", Add(), x.last, "stage3.block0.conv")
    x.add("later", Add(), "late", far)
    x.add("pool", GlobalAvgPool())
    x.add("fc", Linear(5))
    x.end_block("classifier")
    return x.graph()


def drawn(seed: int) -> Graph:
    """A random legal graph, with branches and sums, in random stages of blocks or without any."""
    random = np.random.default_rng(seed)
    x = Draft((int(random.integers(1, 4)), 8, 7))
    stages = int(random.integers(0, 4))
    x.conv("conv1", int(random.integers(2, 5)), 3)
    x.end_block("stem")
    for stage in range(1, stages + 1):
        width = int(random.integers(2, 6))
        shape = random.integers(0, 4)
        for index in range(int(random.integers(1, 4))):
            name, entry = f"stage{stage}.block{index}", x.last
            stride = int(random.integers(1, 3)) if index == 0 else 1
            channels = x.graph().shapes[entry][0]
            x.conv(f"{name}.conv1", width, 3, stride, bias=bool(shape == 1))
            x.norm_relu(f"{name}.norm1", f"{name}.relu1")
            if shape >= 1:
                x.conv(f"{name}.conv2", width, 1 if shape == 2 else 3)
                trunk = x.add(f"{name}.norm2", BatchNorm())
                if stride > 1 or channels != width or random.random() < 0.2:
                    entry = x.conv(f"{name}.way", width, 1, stride, reads=entry)
                inputs = (entry, trunk) if shape == 3 else (trunk, entry)
                x.add(f"{name}.add", Add(), *inputs)
                x.add(f"{name}.relu2", Relu())
            x.end_block("block", stage, index)
    x.add("pool", GlobalAvgPool())
    x.add("fc", Linear(5))
    x.end_block("classifier")
    return x.graph()


def everything() -> Iterator[tuple[str, Graph, dict[str, Any]]]:
    for name in FAMILIES:
        yield (name, *of_family(name))
    yield "ragged", ragged(), {}
    yield "blocked", blocked(), {}
    for seed in range(12):
        yield f"drawn-{seed}", drawn(seed), {}


def images_of(graph: Graph) -> np.ndarray:
    shape = (3, *graph.input_shape)
    return np.random.default_rng(1).normal(0, 1, shape).astype(np.float32)


def written(folder: Path, graph: Graph, spec: Mapping[str, Any], to: Target) -> Ticket:
    """A folder with an export, the ticket that it was made of, and images."""
    data = ticket_bytes(graph, spec)
    ticket = ticket_of(io.BytesIO(data))
    export_ticket(ticket, to, folder)
    (folder / "ticket.safetensors").write_bytes(data)
    np.save(folder / "images.npy", images_of(graph))
    return ticket


def played(way: str, folders: list[Path]) -> None:
    """Logits of every folder's network, as ``WAY.npy`` in the folder."""
    strict = ["-W", "error"] if "torch" in way or way == "independent" else []
    script = [sys.executable, *strict, HERE / "exported_logits.py", way, *folders]
    quiet = environment(TF_CPP_MIN_LOG_LEVEL="3")
    finished(subprocess.run(script, capture_output=True, text=True, check=False, env=quiet))


def reference_logits(ticket: Ticket, images: np.ndarray) -> np.ndarray:
    weights = {name: array.astype(float) for name, array in ticket.weights.items()}
    buffers = {name: array.astype(float) for name, array in ticket.buffers.items()}
    graph = ticket.graph
    return reference_forward(graph, weights, buffers, images.astype(float), "eval")[graph.output]


def apart(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference of a logit, relative to the largest logit."""
    return float(np.abs(ours - theirs).max() / np.abs(ours).max())


@pytest.mark.parametrize(("to", "own"), [("torch", "our-torch"), ("keras", "our-tensorflow")])
def test_exported_code_has_the_logits_of_ltspec(to: Target, own: str, tmp_path: Path) -> None:
    """Of every family, and of graphs that no family makes: those of our own network on the same
    framework, and those of the reference in float64."""
    tickets = {
        tmp_path / name: written(tmp_path / name, graph, spec, to)
        for name, graph, spec in everything()
    }
    played(to, list(tickets))
    played(own, list(tickets))
    for folder, ticket in tickets.items():
        theirs, ours = np.load(folder / f"{to}.npy"), np.load(folder / f"{own}.npy")
        assert theirs.shape == ours.shape == (3, 5)
        assert np.abs(ours).max() > 1e-3, folder.name  # or nothing would be compared
        print(f"{folder.name} to {to}: {apart(ours, theirs):.1e}")  # for docs/results.md
        assert apart(ours, theirs) < 1e-5, folder.name
        assert apart(reference_logits(ticket, np.load(folder / "images.npy")), theirs) < 1e-5


def test_none_is_forgotten() -> None:
    """But for ``custom``, which has no networks of its own."""
    sections = get_args(get_args(Model)[0])
    known = {get_args(section.model_fields["family"].annotation)[0] for section in sections}
    assert {section["family"] for section, _ in FAMILIES.values()} == known - {"custom"}


def resnet50_names() -> dict[str, tuple[int, ...]]:
    """torchvision's ``resnet50().state_dict()``, by its own rule: names and shapes, in order."""

    def norm(name: str, channels: int) -> dict[str, tuple[int, ...]]:
        tensors = ("weight", "bias", "running_mean", "running_var")
        return {f"{name}.{each}": (channels,) for each in tensors} | {
            f"{name}.num_batches_tracked": ()
        }

    names: dict[str, tuple[int, ...]] = {"conv1.weight": (64, 3, 7, 7), **norm("bn1", 64)}
    inputs = 64
    for layer, (blocks, width) in enumerate([(3, 64), (4, 128), (6, 256), (3, 512)], start=1):
        for block in range(blocks):
            home = f"layer{layer}.{block}"
            names[f"{home}.conv1.weight"] = (width, inputs, 1, 1)
            names |= norm(f"{home}.bn1", width)
            names[f"{home}.conv2.weight"] = (width, width, 3, 3)
            names |= norm(f"{home}.bn2", width)
            names[f"{home}.conv3.weight"] = (4 * width, width, 1, 1)
            names |= norm(f"{home}.bn3", 4 * width)
            if block == 0:
                names[f"{home}.downsample.0.weight"] = (4 * width, inputs, 1, 1)
                names |= norm(f"{home}.downsample.1", 4 * width)
            inputs = 4 * width
    return names | {"fc.weight": (1000, 2048), "fc.bias": (1000,)}


def begun(file: Path, graph: Graph, family: str) -> dict[str, np.ndarray]:
    """What a network begins with out of a file of weights, by our names."""
    whole = read_whole(file)
    found = fit(graph, family, whole.header.tensors, fresh=False)
    work = Adopt("graph", whole.content, found.layout, found.tensors)
    _, made = adopt(work, graph, str(file), {})
    return {**weights_of(made), **buffers_of(made)}


@pytest.mark.parametrize("to", ["torch", "keras", "ticket"])
def test_what_is_exported_can_be_begun_with(to: Any, tmp_path: Path) -> None:
    """Of every family, and of graphs that no family makes, to the bit. All weights are different
    from each other, so none is in another's place."""
    for name, graph, spec in everything():
        data = ticket_bytes(graph, spec)
        ticket = ticket_of(io.BytesIO(data))
        if to != "ticket":
            data = files_of(ticket, to)[
                "model.safetensors" if to == "torch" else "weights.safetensors"
            ]
        file = tmp_path / f"{name}.safetensors"
        file.write_bytes(data)
        found = begun(file, graph, spec.get("model", {}).get("family", "custom"))
        expected = {**ticket.weights, **ticket.buffers}
        assert list(found) == list(expected), name
        for tensor, array in expected.items():
            assert found[tensor].tobytes() == array.tobytes(), (name, tensor)


def test_torchvisions_files_can_be_begun_with(tmp_path: Path) -> None:
    """ResNet-18's as written, and the names and shapes of ResNet-50's by an independent rule."""
    section = {"family": "imagenet-resnet", "depth": 18}
    graph = build(TypeAdapter(Model).validate_python(section), (3, 64, 64), 7)
    ticket = ticket_of(io.BytesIO(ticket_bytes(graph, {})))
    file = tmp_path / "model.safetensors"
    file.write_bytes(files_of(ticket, "torchvision")["model.safetensors"])
    found = begun(file, graph, "imagenet-resnet")
    for name, array in {**ticket.weights, **ticket.buffers}.items():
        assert found[name].tobytes() == array.tobytes(), name
    section = {"family": "imagenet-resnet", "depth": 50}
    graph = build(TypeAdapter(Model).validate_python(section), (3, 64, 64), 1000)
    tensors = {
        name: Tensor(name, "F32" if shape else "I64", shape, 0, 0)
        for name, shape in resnet50_names().items()
    }
    pairs = fit(graph, "imagenet-resnet", tensors, fresh=False).tensors
    assert len(pairs) == 320 - 53
    theirs = dict(pairs)
    assert theirs["stage2.block0.shortcut.norm.scale"] == "layer2.0.downsample.1.weight"
    assert theirs["stage4.block2.norm3.running_var"] == "layer4.2.bn3.running_var"
    shapes = {each.name: each.shape for each in [*graph.parameters, *graph.buffers]}
    assert all(tensors[name].shape == shapes[ours] for ours, name in pairs)


@pytest.mark.parametrize("depth", [18, 50])
def test_torchvisions_names_and_logits(depth: int, tmp_path: Path) -> None:
    """The weights load strictly into independent code with torchvision's names, and give ours."""
    section = {"family": "imagenet-resnet", "depth": depth}
    graph = build(TypeAdapter(Model).validate_python(section), (3, 64, 64), 1000)
    ticket = written(tmp_path / "out", graph, {"model": section}, "torchvision")
    state = safetensors.numpy.load_file(tmp_path / "out" / "model.safetensors")
    if depth == 50:
        assert {name: array.shape for name, array in state.items()} == resnet50_names()
        assert len(state) == 320
        assert sum(array.size for name, array in state.items() if "running" not in name) == (
            25_557_032 + 53  # of which each norm counts its batches in one
        )
    for name, array in state.items():
        tracked = name.endswith("num_batches_tracked")
        assert array.dtype == (np.int64 if tracked else np.float32)
    masks = safetensors.numpy.load_file(tmp_path / "out" / "masks.safetensors")
    assert len(masks) == {18: 21, 50: 54}[depth]
    for name, mask in masks.items():
        assert not state[name][~mask].any()
    played("independent", [tmp_path / "out"])
    played("our-torch", [tmp_path / "out"])
    theirs = np.load(tmp_path / "out" / "independent.npy")
    assert apart(np.load(tmp_path / "out" / "our-torch.npy"), theirs) < 1e-5
    assert apart(reference_logits(ticket, images_of(graph)), theirs) < 1e-4


@pytest.mark.parametrize(
    ("section", "channels"),
    [
        ({"family": "imagenet-resnet", "depth": 26}, 3),
        ({"family": "imagenet-resnet", "depth": 18, "stem": "cifar"}, 3),
        ({"family": "imagenet-resnet", "depth": 18, "width": 32}, 3),
        ({"family": "imagenet-resnet", "depth": 18}, 1),
        ({"family": "cifar-resnet", "depth": 20}, 3),
    ],
)
def test_what_torchvision_does_not_have(section: dict[str, Any], channels: int) -> None:
    graph = build(TypeAdapter(Model).validate_python(section), (channels, 64, 64), 10)
    with pytest.raises(LtspecError) as found:
        files_of(ticket_of(io.BytesIO(ticket_bytes(graph, {}))), "torchvision")
    assert found.value.code == "LT421"


def test_names_become_attributes() -> None:
    assert identifier("conv1") == "conv1"
    assert identifier("a-b.c") == "a_b_c"
    assert identifier("class") == "layer_class"
    assert identifier("0/1") == "layer_0_1"
    assert identifier("__init__") == "layer___init__"
    assert identifier("forward") == "layer_forward"
    assert identifier('x"); import os; ("') == "x____import_os____"
    names = Names("a")
    assert [names.take(each) for each in ("a", "a", "a_2", "b")] == ["a_2", "a_3", "a_2_2", "b"]
    assert names.take("b_pad") == "b_pad_2"  # of the layer that pads for b


def test_reserved_names_are_those_of_a_module() -> None:
    code = "import torch; print(*[n for n in dir(torch.nn.Module()) if n[0] != '_'])"
    done = finished(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    )
    assert set(done.out.split()) <= RESERVED


def test_written_code_is_nothing_but_layers() -> None:
    """No name of a description is code: what is called and what is text are known beforehand."""
    for to in ("torch", "keras"):
        for name, graph, spec in everything():
            assert unsound(graph) == ""
            text = files_of(ticket_of(io.BytesIO(ticket_bytes(graph, spec))), to)["model.py"]
            tree = ast.parse(text)
            calls = {
                ast.unparse(n.func).split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Call)
            }
            own = {each.name for each in outline(graph).classes}
            functions = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
            plain = {
                "nn",
                "F",
                "torch",
                "self",
                "super()",
                "super",
                "range",
                "x",
                "y",
                "z",
                "float",
            }
            allowed = own | functions | plain | {"layers", "keras", "ops"}
            strange = {each for each in calls if each.partition("(")[0] not in allowed}
            assert not strange, name
            assert max(map(len, text.decode().splitlines())) <= 100, name


def test_blocks_share_classes() -> None:
    """One class with a choice of shortcut for a ResNet, none for networks of single layers."""
    resnet, _ = of_family("resnet-20")
    (block,) = outline(resnet).classes
    assert block.name == "BasicBlock"
    assert [each.name for each in block.arguments] == ["in_channels", "out_channels", "stride"]
    assert block.shortcut is not None
    assert block.shortcut.optional
    (deep,) = outline(of_family("resnet-50")[0]).classes
    assert deep.name == "Bottleneck"
    assert [each.name for each in deep.arguments] == [
        *("in_channels", "channels", "out_channels", "stride")
    ]
    assert [each.name for each in outline(of_family("mobilenet")[0]).classes] == ["SeparableConv"]
    assert [each.name for each in outline(of_family("vgg-11-2")[0]).classes] == ["ConvNormRelu"]
    assert outline(of_family("lenet")[0]).classes == ()
    names = [each.name for each in outline(blocked()).classes]
    assert names == ["ResidualBlock", "ResidualBlock_2", "ResidualBlock_3", "Block"]


RESNET8 = """\
class ResNet8(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, kernel_size=3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(4, eps=1e-05, momentum=0.1)
        self.stage1 = nn.Sequential(
            BasicBlock(4, 4),
        )
        self.stage2 = nn.Sequential(
            BasicBlock(4, 8, stride=2, project=True),
        )
        self.stage3 = nn.Sequential(
            BasicBlock(8, 16, stride=2, project=True),
        )
        self.fc = nn.Linear(16, 5)

    def forward(self, x):  # 3 x 8 x 8
        x = self.conv1(x)  # 4 x 8 x 8
        x = F.relu(self.norm1(x))
        x = self.stage1(x)
        x = self.stage2(x)  # 8 x 4 x 4
        x = self.stage3(x)  # 16 x 2 x 2
        x = x.mean((2, 3))  # 16
        x = self.fc(x)  # 5
        return x
"""


def test_the_code_is_as_a_person_writes_it() -> None:
    section = {"family": "cifar-resnet", "depth": 8, "width": 4}
    graph = build(TypeAdapter(Model).validate_python(section), (3, 8, 8), 5)
    ticket = ticket_of(io.BytesIO(ticket_bytes(graph, {"model": section})))
    assert files_of(ticket, "torch")["model.py"].decode().endswith(RESNET8)


@pytest.mark.parametrize(
    ("model", "title"),
    [
        ({"family": "cifar-resnet", "depth": 20, "width": 3}, "ResNet20"),
        ({"family": "cifar-resnet", "depth": 20, "width": 4}, "ResNet"),
        ({"family": "cifar-resnet", "depth": 14, "width": 3}, "ResNet"),
        ({"family": "cifar-resnet", "depth": 21, "width": 3}, "ResNet"),
        ({"family": "cifar-resnet", "depth": "20(x)", "width": 3}, "ResNet"),
        ({"family": "cifar-resnet", "depth": True, "width": 3}, "ResNet"),
        ({"family": "cifar-resnet", "depth": 20, "width": "3"}, "ResNet"),
        ({"family": "cifar-resnet", "depth": 20, "width": 1e308}, "ResNet"),
        ({"family": "cifar-resnet", "width": 3}, "ResNet"),
        ({"family": "imagenet-resnet", "depth": 18, "width": [64]}, "ResNet"),
        ({"family": "imagenet-resnet", "depth": 20, "width": 3}, "ResNet"),
        ({"family": "cifar-vgg", "depth": 11, "classifier": 10**12}, "VGG"),
        ({"family": "cifar-vgg", "depth": 11, "classifier": [2]}, "VGG"),
        ({"family": "lenet5"}, "LeNet5"),
        ({"family": 'x"""'}, "Network"),
        ({"family": "custom", "function": "evil:net"}, "Network"),
        ({"family": ["lenet"]}, "Network"),
        ("lenet", "Network"),
        (None, "Network"),
    ],
)
def test_a_spec_gives_a_title_and_no_code(model: Any, title: str) -> None:
    graph, _ = of_family("resnet-20")
    assert title_of(ticket_of(io.BytesIO(ticket_bytes(graph, {"model": model})))) == title


@pytest.mark.parametrize(
    ("line", "branches", "title"),
    [
        ("deeper", {"deeper": {"kind": "transfer", "to": {"depth": 20}}}, "ResNet20"),
        ("deeper-imp", {"deeper": {"kind": "transfer", "to": {"depth": 20}}}, "ResNet20"),
        ("a-b-imp", {"a": {"to": {"depth": 26}}, "a-b": {"to": {"depth": 20}}}, "ResNet20"),
        ("deeper", {"deeper": {"kind": "transfer", "to": {"depth": 26}}}, "ResNet"),
        ("deeper", {"other": {"kind": "transfer", "to": {"depth": 20}}}, "ResNet"),
        ("deeper", {"deeper": {"to": {"family": "custom", "function": "evil:net"}}}, "ResNet"),
        ("deeper", {"deeper": {"to": {"family": "conv", "depth": 20}}}, "ResNet20"),
        ("deeper", {"deeper": {"to": [20]}}, "ResNet"),
        ("deeper", ["deeper"], "ResNet"),
    ],
)
def test_a_carried_ticket_has_the_title_of_its_own_network(
    line: str, branches: Any, title: str
) -> None:
    graph, spec = of_family("resnet-20")
    spec = {"model": {**spec["model"], "depth": 14}, "branches": branches}
    ticket = ticket_of(io.BytesIO(ticket_bytes(graph, spec, line=line)))
    assert title_of(ticket) == title


def test_float64_stays_float64(tmp_path: Path) -> None:
    graph, spec = of_family("lenet")
    for to in ("torch", "keras"):
        ticket = ticket_of(io.BytesIO(ticket_bytes(graph, spec, np.float64)))
        files = files_of(ticket, to)
        name = "model.safetensors" if to == "torch" else "weights.safetensors"
        arrays = safetensors.numpy.load(files[name])
        assert {array.dtype for array in arrays.values()} == {np.dtype(np.float64)}
        assert b"double()" in files["load.py"] or b'set_floatx("float64")' in files["load.py"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ticket of a short run on the reference backend."""
    folder = tmp_path_factory.mktemp("tiny")
    ltspec("run", write_tiny(folder), "--backend", "numpy", "--store", folder / "store")
    tickets = run_folder(folder / "store") / "tickets"
    return tickets / "replicate-1" / "level-2.safetensors"


def test_the_command_and_the_script(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "er"
    said = ltspec("ticket", "export", tiny, "--to", "torch", "--out", out).out
    names = ["model.py", "load.py", "model.safetensors", "masks.safetensors"]
    names += ["README.md", "certificate.json"]
    assert said.splitlines() == [str(out / name) for name in names]
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    assert [path.name for path in out.parent.iterdir()] == ["er"]
    assert "568 of 888 prunable weights kept, 36.04% pruned" in (out / "README.md").read_text()
    assert json.loads((out / "certificate.json").read_text())["kept"] == 568
    script = [sys.executable, "-W", "error", out / "load.py"]
    shown = subprocess.run(script, capture_output=True, text=True, check=False)
    lines = finished(shown).out.splitlines()
    assert lines[-1].split() == ["all", "63.96%", "of", "888"]


def test_a_revived_weight_is_found_by_the_script(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ltspec("ticket", "export", tiny, "--to", "torch", "--out", out)
    state = safetensors.numpy.load_file(out / "model.safetensors")
    masks = safetensors.numpy.load_file(out / "masks.safetensors")
    name = next(iter(masks))
    state[name][~masks[name]] = 1e-30
    safetensors.numpy.save_file(state, out / "model.safetensors")
    script = [sys.executable, out / "load.py"]
    shown = subprocess.run(script, capture_output=True, text=True, check=False)
    assert shown.returncode == 1
    assert f"a pruned weight of {name} is not zero" in shown.stderr


def test_a_folder_with_something_in_it_is_left_alone(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    call = ("ticket", "export", tiny, "--to", "keras", "--out", out)
    ltspec(*call)  # an empty one is fine
    (out / "load.py").write_text("mine")
    (out / "other.txt").write_text("mine too")
    refused = ltspec(*call, code=2).err
    assert "LT420" in refused
    assert "is not empty" in refused
    assert (out / "load.py").read_text() == "mine"
    ltspec(*call, "--force")
    assert "def keep_pruned" in (out / "load.py").read_text()
    assert (out / "other.txt").read_text() == "mine too"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    file = tmp_path / "file"
    file.write_text("mine")
    for options in ((), ("--force",)):
        assert "LT420" in ltspec(*call[:-1], file, *options, code=2).err
    assert "LT421" in ltspec(*call[:4], "torchvision", "--out", tmp_path / "n", code=2).err
    assert not (tmp_path / "n").exists()
    assert "LT410" in ltspec("ticket", "export", "none", *call[3:-1], tmp_path / "n", code=3).err


def test_what_cannot_be_written_leaves_nothing(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = ltspec(
        "ticket", "export", tiny, "--to", "torch", "--out", tmp_path / "file" / "out", code=3
    ).err
    assert "LT422" in said
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_description_without_blocks_reads_as_one_network() -> None:
    nodes = (Node("flatten", Flatten(), (INPUT,)), Node("out", Linear(5), ("flatten",)))
    found = outline(Graph((1, 2, 2), nodes))
    assert found.classes == ()
    assert [line.target for line in found.lines] == ["x", "x"]
