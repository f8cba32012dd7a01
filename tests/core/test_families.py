"""Every family has the papers' size, legal shapes and blocks, and plain errors where it has none.

Sizes: "Linear Mode Connectivity", Table 1; Frankle and Carbin 2019, Fig. 2; torchvision for
ImageNet; elsewhere the papers' published code.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import ltspec.networks as public
from ltspec.errors import GraphError
from ltspec.language.model import (
    CifarResnet,
    CifarVgg,
    Conv,
    Custom,
    ImagenetResnet,
    Lenet,
    Lenet5,
    MobilenetV1,
)
from ltspec.networks.families import build
from ltspec.networks.graph import OPS, Graph, Shape

MNIST: Shape = (1, 28, 28)
CIFAR: Shape = (3, 32, 32)
IMAGENET: Shape = (3, 224, 224)


def vgg(depth: int, classifier: int = 1) -> CifarVgg:
    return CifarVgg.model_validate(
        {"family": "cifar-vgg", "depth": depth, "classifier": classifier}
    )


def resnet(depth: int, width: int = 16) -> CifarResnet:
    return CifarResnet(family="cifar-resnet", depth=depth, width=width)


def large_resnet(depth: int, **more: Any) -> ImagenetResnet:
    return ImagenetResnet.model_validate({"family": "imagenet-resnet", "depth": depth, **more})


def conv(layers: int) -> Conv:
    return Conv.model_validate({"family": "conv", "layers": layers})


def mobilenet(blocks: int) -> MobilenetV1:
    return MobilenetV1(family="mobilenet-v1", blocks=blocks)


SIZES = [
    # model, images, classes, parameters, prunable weights, sizes of the stages
    (Lenet(family="lenet"), MNIST, 10, 266_610, 266_200, [1, 1]),
    (Lenet(family="lenet", widths=(300, 300, 300, 100)), MNIST, 10, 447_210, 446_200, [3, 1]),
    (Lenet5(family="lenet5"), MNIST, 10, 61_706, 61_470, [1, 1, 1, 1]),
    (conv(2), CIFAR, 10, 4_301_642, 4_300_992, [2, 2]),
    (conv(4), CIFAR, 10, 2_425_930, 2_425_024, [2, 2, 2]),
    (conv(6), CIFAR, 10, 2_262_602, 2_261_184, [2, 2, 2, 2]),
    (vgg(11), CIFAR, 10, 9_231_114, 9_222_848, [1, 1, 2, 2, 2]),
    (vgg(13), CIFAR, 10, 9_416_010, 9_407_168, [2, 2, 2, 2, 2]),
    (vgg(16), CIFAR, 10, 14_728_266, 14_715_584, [2, 2, 3, 3, 3]),
    (vgg(19), CIFAR, 10, 20_040_522, 20_024_000, [2, 2, 4, 4, 4]),
    (vgg(13, 2), CIFAR, 10, 9_678_666, 9_669_312, [2, 2, 2, 2, 2, 1]),
    (vgg(13, 3), CIFAR, 10, 9_941_322, 9_931_456, [2, 2, 2, 2, 2, 2]),
    (vgg(13, 5), CIFAR, 10, 10_466_634, 10_455_744, [2, 2, 2, 2, 2, 4]),
    (resnet(14), CIFAR, 10, 175_258, 174_128, [2, 2, 2]),
    (resnet(20), CIFAR, 10, 272_474, 270_896, [3, 3, 3]),
    (resnet(32), CIFAR, 10, 466_906, 464_432, [5, 5, 5]),
    (resnet(56), CIFAR, 100, 861_620, 857_264, [9, 9, 9]),
    (resnet(20, 32), CIFAR, 10, 1_084_586, 1_081_440, [3, 3, 3]),
    (large_resnet(18), IMAGENET, 1000, 11_689_512, 11_678_912, [2, 2, 2, 2]),
    (large_resnet(26), IMAGENET, 1000, 19_066_920, 19_051_712, [2, 3, 4, 3]),
    (large_resnet(34), IMAGENET, 1000, 21_797_672, 21_779_648, [3, 4, 6, 3]),
    (large_resnet(50), IMAGENET, 1000, 25_557_032, 25_502_912, [3, 4, 6, 3]),
    (large_resnet(101), IMAGENET, 1000, 44_549_160, 44_442_816, [3, 4, 23, 3]),
    (large_resnet(152), IMAGENET, 1000, 60_192_808, 60_040_384, [3, 8, 36, 3]),
    (large_resnet(50, width=128), IMAGENET, 1000, 98_004_072, 97_896_832, [3, 4, 6, 3]),
    (large_resnet(18, stem="cifar"), CIFAR, 10, 11_173_962, 11_164_352, [2, 2, 2, 2]),
    (mobilenet(3), CIFAR, 10, 2_679_626, 2_661_824, [1, 2, 2, 4, 2]),
    (mobilenet(5), CIFAR, 10, 3_217_226, 3_195_328, [1, 2, 2, 6, 2]),
    (mobilenet(10), CIFAR, 10, 4_561_226, 4_529_088, [1, 2, 2, 11, 2]),
]


def name(case: Any) -> str:
    return "-".join(str(value) for key, value in case if key not in ("init", "norm_scale"))


each_family = pytest.mark.parametrize(
    ("model", "images", "classes", "parameters", "prunable", "stages"),
    SIZES,
    ids=[name(case[0]) for case in SIZES],
)


@each_family
def test_a_family_has_the_papers_size(
    model: Any, images: Shape, classes: int, parameters: int, prunable: int, stages: list[int]
) -> None:
    graph = build(model, images, classes)
    assert sum(parameter.size for parameter in graph.parameters) == parameters
    assert sum(parameter.size for parameter in graph.prunable) == prunable
    assert graph.shapes[graph.output] == (classes,)


@each_family
def test_every_node_is_in_one_block(
    model: Any, images: Shape, classes: int, parameters: int, prunable: int, stages: list[int]
) -> None:
    graph = build(model, images, classes)
    in_blocks = [node for block in graph.blocks for node in block.nodes]
    assert in_blocks == [node.name for node in graph.nodes]
    assert all(block.nodes for block in graph.blocks)
    roles = [block.role for block in graph.blocks]
    assert roles == ["stem"] * roles.count("stem") + ["block"] * sum(stages) + ["classifier"]
    places = [(block.stage, block.index) for block in graph.blocks if block.role == "block"]
    assert places == [(s, i) for s, size in enumerate(stages, start=1) for i in range(size)]
    assert len({block.name for block in graph.blocks}) == len(graph.blocks)


@each_family
def test_only_the_first_block_of_a_stage_changes_the_shape(
    model: Any, images: Shape, classes: int, parameters: int, prunable: int, stages: list[int]
) -> None:
    """The others can take each other's place: their tensors have the same names and shapes."""
    graph = build(model, images, classes)
    shape = {parameter.name: parameter.shape for parameter in graph.parameters}

    def tensors(nodes: tuple[str, ...]) -> list[Shape]:
        return [s for key, s in shape.items() if key.rpartition(".")[0] in nodes]

    later: dict[int, list[list[Shape]]] = {}
    for block in graph.blocks:
        if block.role == "block" and block.index > 0:
            later.setdefault(block.stage, []).append(tensors(block.nodes))
    for stage in later.values():
        assert all(block == stage[0] for block in stage)


@each_family
def test_a_description_gives_the_network_back(
    model: Any, images: Shape, classes: int, parameters: int, prunable: int, stages: list[int]
) -> None:
    graph = build(model, images, classes)
    again = Graph.from_description(json.loads(json.dumps(graph.describe())))
    assert again == graph
    assert again.blocks == graph.blocks


def test_the_shapes_within() -> None:
    shapes = build(resnet(20), CIFAR, 10).shapes
    assert shapes["relu1"] == (16, 32, 32)
    assert shapes["stage1.block2.relu2"] == (16, 32, 32)
    assert shapes["stage2.block0.shortcut.norm"] == (32, 16, 16)
    assert shapes["stage3.block2.relu2"] == (64, 8, 8)
    assert "stage1.block0.shortcut.conv" not in shapes
    shapes = build(large_resnet(50), IMAGENET, 1000).shapes
    assert shapes["maxpool"] == (64, 56, 56)
    assert shapes["stage1.block0.shortcut.conv"] == (256, 56, 56)
    assert shapes["stage2.block0.conv1"] == (128, 56, 56)
    assert shapes["stage2.block0.conv2"] == (128, 28, 28)
    assert shapes["stage4.block2.relu3"] == (2048, 7, 7)
    assert build(large_resnet(18, stem="cifar"), CIFAR, 10).shapes["stage1.block0.conv1"] == (
        64,
        32,
        32,
    )
    assert build(vgg(16), CIFAR, 10).shapes["stage5.block2.relu"] == (512, 2, 2)
    assert build(mobilenet(5), CIFAR, 10).shapes["stage5.block1.relu2"] == (1024, 2, 2)
    assert build(conv(6), CIFAR, 10).shapes["flatten"] == (4096,)
    assert build(Lenet5(family="lenet5"), MNIST, 10).shapes["flatten"] == (400,)


def test_names_of_imagenet_resnets_map_to_those_of_torchvision() -> None:
    """The pretrained weights that there are carry torchvision's names, in this order."""
    graph = build(large_resnet(50), IMAGENET, 1000)
    theirs = [torchvision_name(parameter.name) for parameter in graph.parameters]
    assert theirs[:6] == [
        "conv1.weight",
        "bn1.weight",
        "bn1.bias",
        "layer1.0.conv1.weight",
        "layer1.0.bn1.weight",
        "layer1.0.bn1.bias",
    ]
    assert theirs[12:15] == [
        "layer1.0.downsample.0.weight",
        "layer1.0.downsample.1.weight",
        "layer1.0.downsample.1.bias",
    ]
    assert theirs[-2:] == ["fc.weight", "fc.bias"]
    assert len(set(theirs)) == len(theirs) == 161


def torchvision_name(name: str) -> str:
    for ours, there in (
        ("shortcut.conv.", "downsample.0."),
        ("shortcut.norm.", "downsample.1."),
        ("stage", "layer"),
        (".block", "."),
        ("norm", "bn"),
        (".scale", ".weight"),
        (".shift", ".bias"),
    ):
        name = name.replace(ours, there)
    return name


@pytest.mark.parametrize(
    ("model", "smallest"),
    [(vgg(11), 16), (vgg(19), 16), (conv(2), 2), (conv(6), 8), (Lenet5(family="lenet5"), 12)],
)
def test_images_that_are_too_small(model: Any, smallest: int) -> None:
    """The hint says from which size on they are not, and it is right."""
    side = smallest - 1
    with pytest.raises(GraphError, match=f"images of {side} x {side} are too small") as caught:
        build(model, (3, side, side), 10)
    assert (caught.value.code, caught.value.key) == ("LT217", "family")
    assert caught.value.hint == f"it takes images from {smallest} x {smallest} on"
    build(model, (3, smallest, smallest), 10)


@pytest.mark.parametrize(
    "model", [resnet(8), large_resnet(18), large_resnet(50, stem="cifar"), mobilenet(1)]
)
def test_padded_networks_take_images_of_any_size(model: Any) -> None:
    for shape in ((1, 1, 1), (1, 8, 8), (3, 7, 5)):
        assert build(model, shape, 3).classes == 3


@pytest.mark.parametrize(("depth", "hint"), [(9, "8 or 14"), (18, "14 or 20"), (110 + 5, "110 or")])
def test_a_depth_that_there_is_not(depth: int, hint: str) -> None:
    with pytest.raises(GraphError, match=f"which {depth} is not") as caught:
        build(resnet(depth), CIFAR, 10)
    assert (caught.value.code, caught.value.key) == ("LT218", "depth")
    assert hint in caught.value.hint


# A function of the user's own ---------------------------------------------------------------------

MODULE = """\
import random

from ltspec.networks import *


def make(input_shape, classes, width=4, kernel=3):
    draft = Draft(input_shape)
    draft.conv("conv1", width, kernel)
    draft.norm_relu("norm1", "relu1")
    draft.end_block("stem")
    draft.add("pool", GlobalAvgPool())
    draft.add("fc", Linear(classes))
    draft.end_block("classifier")
    return draft.graph()


def features(input_shape, classes):
    return Graph(input_shape, make(input_shape, classes).nodes[:-1])


def half_in_blocks(input_shape, classes):
    graph = make(input_shape, classes)
    return Graph(input_shape, graph.nodes, graph.blocks[:1])


def unread(input_shape, classes):
    nodes = make(input_shape, classes).nodes
    return Graph(input_shape, (nodes[0], Node("aside", Relu(), ("conv1",)), *nodes[1:]))


def other_each_time(input_shape, classes):
    return make(input_shape, classes, random.randrange(1, 10**6))


def other_input(input_shape, classes):
    return make((7, *input_shape[1:]), classes)


def no_operation(input_shape, classes):
    return Graph(input_shape, (Node("a", "relu", ("input",)),))


def no_nodes(input_shape, classes):
    return Graph(input_shape, None)


def nothing_to_prune(input_shape, classes):
    pooled = Node("pool", AvgPool((8, 2), (8, 2), (0, 0, 6, 6)), ("input",))
    return Graph(input_shape, (pooled, Node("flatten", Flatten(), ("pool",))))


def raises(input_shape, classes):
    return {}["width"]


def leaves(input_shape, classes):
    raise SystemExit(3)


def prints(input_shape, classes):
    print("hello")
    return make(input_shape, classes)


def lists(input_shape, classes):
    graph = make(input_shape, classes)
    return Graph(input_shape, (*graph.nodes[:-1], Node("fc", Linear(classes), ["pool"])))


def of_its_own(input_shape, classes):
    return type("Mine", (Graph,), {})(input_shape, make(input_shape, classes).nodes)


def strange_name(input_shape, classes):
    nodes = Node("a", Flatten(), (INPUT,)), Node("b c", Linear(classes), ("a",))
    return Graph(input_shape, nodes)


def too_wide(input_shape, classes):
    nodes = Node("a", Flatten(), (INPUT,)), Node("b", Linear(10**18), ("a",))
    return Graph(input_shape, (*nodes, Node("c", Linear(classes), ("b",))))


def too_many(input_shape, classes):
    conv = Conv(10**6, (10**5, 10**5), padding=(10**5,) * 4)
    return Graph(
        input_shape,
        (
            Node("a", conv, (INPUT,)),
            Node("b", conv, ("a",)),
            Node("c", GlobalAvgPool(), ("b",)),
            Node("d", Linear(classes), ("c",)),
        ),
    )


def in_blocks(*places):
    def function(input_shape, classes):
        nodes = make(input_shape, classes).nodes
        parts = nodes[:1], nodes[1:2], nodes[2:]
        return Graph(
            input_shape,
            nodes,
            tuple(
                Block(name, role, tuple(node.name for node in part), stage, index)
                for (name, role, stage, index), part in zip(places, parts)
            ),
        )

    return function


END = ("end", "classifier", 0, 0)
right_blocks = in_blocks(("a", "block", 1, 0), ("b", "block", 2, 0), END)
unknown_role = in_blocks(("a", "block", 1, 0), ("b", "body", 2, 0), END)
skipped_index = in_blocks(("a", "block", 1, 0), ("b", "block", 1, 2), END)
no_stage = in_blocks(("a", "block", 0, 0), ("b", "block", 1, 0), END)
same_names = in_blocks(("a", "block", 1, 0), ("a", "block", 2, 0), END)


NUMBER = 3
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module in the working directory, of a name that no other test has imported."""
    name = f"mine_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return name


def custom(function: str, **options: Any) -> Graph:
    model = Custom(family="custom", function=function, options=options)
    return build(model, (1, 8, 8), 10)


def test_a_function_of_ones_own(module: str) -> None:
    graph = custom(f"{module}:make", width=6)
    assert [parameter.name for parameter in graph.prunable] == ["conv1.weight", "fc.weight"]
    assert graph.shapes["relu1"] == (6, 8, 8)
    assert [block.name for block in graph.blocks] == ["stem", "classifier"]


def test_the_function_that_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Path(__file__).parents[2] / "docs" / "extending.md"
    (code,) = (
        block[7:]
        for block in page.read_text(encoding="utf-8").split("```")
        if block.startswith("python\nfrom ltspec")
    )
    (tmp_path / "networks_of_the_page.py").write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    graph = custom("networks_of_the_page:small", width=32)
    assert graph.shapes["conv1"] == (32, 4, 4)
    assert [parameter.name for parameter in graph.prunable] == ["conv1.weight", "fc.weight"]


def test_the_working_directory_is_importable_for_the_function_alone(
    module: str,
) -> None:
    before = list(sys.path)
    custom(f"{module}:make")
    assert sys.path == before


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("features", r"it ends in \(4,\), not in 10 logits"),
        ("half_in_blocks", "its blocks do not hold every node once"),
        ("unread", "nothing reads node 'aside'"),
        ("other_each_time", "it is another one at each call"),
        ("other_input", r"its input is \(7, 8, 8\), and the data has \(1, 8, 8\)"),
        ("no_operation", "node 'a' is no operation, but 'relu'"),
        ("no_nodes", "TypeError"),
        ("nothing_to_prune", "it has no conv or linear layer"),
        ("raises", r"raises KeyError: 'width' \(mine_.*\.py, line \d+\)"),
        ("NUMBER", "`NUMBER` of `mine_.*` is no function"),
        ("mak", "has no `mak`"),
        ("leaves", "raises SystemExit: 3"),
        ("lists", r"node 'fc' has inputs \['pool'\], which is no tuple"),
        ("of_its_own", "it returns Mine, not a Graph"),
        ("strange_name", "is no name of a node"),
        ("too_wide", "has out = 1000000000000000000, and the most is 1,000,000"),
        ("too_many", "it has more than 1,000,000,000,000,000 weights"),
        ("unknown_role", "block 'b' has the role 'body' in stage 2"),
        ("skipped_index", "block 'b' is number 2 of stage 1"),
        ("no_stage", "block 'a' is number 0 of stage 0"),
        ("same_names", "two of its blocks have one name"),
    ],
)
def test_what_a_function_does_wrong_is_said(module: str, function: str, says: str) -> None:
    with pytest.raises(GraphError, match=says) as caught:
        custom(f"{module}:{function}")
    assert (caught.value.code, caught.value.key) == ("LT219", "function")


def test_blocks_of_ones_own(module: str) -> None:
    assert [block.stage for block in custom(f"{module}:right_blocks").blocks] == [1, 2, 0]


def test_what_a_function_prints_does_not_get_into_a_plan_file(
    module: str, capsys: pytest.CaptureFixture[str]
) -> None:
    custom(f"{module}:prints")
    assert capsys.readouterr() == ("", "hello\nhello\n")


@pytest.mark.parametrize("value", [float("nan"), (1, {"a": float("inf")})])
def test_an_option_that_no_plan_file_holds(module: str, value: Any) -> None:
    with pytest.raises(GraphError, match="which no file can hold") as caught:
        custom(f"{module}:make", width=value)
    assert (caught.value.code, caught.value.key) == ("LT219", "options")


def test_an_even_window_makes_the_image_one_larger(module: str) -> None:
    assert custom(f"{module}:make", kernel=2).shapes["conv1"] == (4, 9, 9)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"width": 2.0}, r"node 'conv1' has out = 2.0, which is no int"),
        ({"width": True}, r"node 'conv1' has out = True, which is no int"),
        ({"width": 0}, "node 'conv1' gives nothing"),
        ({"width": "4"}, "node 'conv1' has out = '4', which is no int"),
        ({"kernel": -3}, "'conv1' has a window of"),
        ({"depth": 3}, r"raises TypeError: make\(\) got an unexpected keyword argument 'depth'"),
    ],
)
def test_what_options_do_wrong_is_said(module: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(GraphError, match=says) as caught:
        custom(f"{module}:make", **options)
    assert (caught.value.code, caught.value.key) == ("LT219", "function")


@pytest.mark.parametrize("text", ["", ":", "a:", ":b", "lenet", "ltspec.networks.lenet.lenet"])
def test_what_is_no_function_of_a_module(text: str) -> None:
    with pytest.raises(GraphError, match="names no function of a module") as caught:
        custom(text)
    assert caught.value.hint.startswith("write `")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("1 +", "raises SyntaxError"),
        ("import sys; sys.exit(3)", "raises SystemExit: 3"),
        ("import no_such_thing_at_all", "raises ModuleNotFoundError: No module named 'no_such"),
        ("raise ValueError('two\\nlines')", "raises ValueError: two lines .broken_"),
    ],
)
def test_a_module_that_cannot_be_imported(
    content: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"broken_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GraphError, match=says):
        custom(f"{name}:make")


def test_everything_that_a_graph_is_made_of_can_be_imported_from_one_place() -> None:
    assert {operation.__name__ for operation in OPS.values()} < set(public.__all__)
    assert {"INPUT", "Block", "Draft", "Graph", "Node"} < set(public.__all__)
    assert all(hasattr(public, name) for name in public.__all__)
