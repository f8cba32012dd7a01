"""A network description is legal or refused, and says its size and cost exactly."""

from __future__ import annotations

import json

import pytest

from ltspec.errors import GraphError
from ltspec.networks.graph import (
    INPUT,
    OPS,
    Add,
    AvgPool,
    BatchNorm,
    Block,
    Conv,
    Flatten,
    GlobalAvgPool,
    Graph,
    Linear,
    MaxPool,
    Node,
    Op,
    Relu,
)
from ltspec.networks.lenet import lenet

LENET = lenet((1, 28, 28), 10, (300, 100))


def node(name: str, op: Op, *inputs: str) -> Node:
    return Node(name, op, inputs)


EVERY_OP = Graph(
    (3, 9, 8),
    (
        node("conv", Conv(4, (3, 2), (2, 3), (1, 0, 2, 0), bias=True), INPUT),
        node("norm", BatchNorm(), "conv"),
        node("relu", Relu(), "norm"),
        node("depthwise", Conv(8, (3, 3), padding=(1, 1, 1, 1), groups=4), "relu"),
        node("pointwise", Conv(8, (1, 1)), "relu"),
        node("add", Add(), "depthwise", "pointwise"),
        node("max", MaxPool((2, 2), (1, 1)), "add"),
        node("avg", AvgPool((2, 1), (2, 1), (1, 0, 0, 0)), "max"),
        node("mean", GlobalAvgPool(), "avg"),
        node("flatten", Flatten(), "mean"),
        node("fc", Linear(10), "flatten"),
    ),
    (
        Block("stem", "stem", ("conv", "norm", "relu")),
        Block("stage1.block0", "block", ("depthwise", "pointwise", "add", "max", "avg"), 1),
        Block("classifier", "classifier", ("mean", "flatten", "fc")),
    ),
)


def test_lenet_has_the_papers_size() -> None:
    """Frankle et al., "Linear Mode Connectivity", Table 1."""
    assert sum(parameter.size for parameter in LENET.parameters) == 266_610
    assert sum(parameter.size for parameter in LENET.prunable) == 266_200
    assert LENET.classes == 10
    assert LENET.output == "fc3"


def test_parameters_come_in_graph_order_and_canonical_layout() -> None:
    assert [(p.name, p.shape, p.role, p.fan_in, p.fan_out) for p in LENET.parameters] == [
        ("fc1.weight", (300, 784), "weight", 784, 300),
        ("fc1.bias", (300,), "bias", 784, 300),
        ("fc2.weight", (100, 300), "weight", 300, 100),
        ("fc2.bias", (100,), "bias", 300, 100),
        ("fc3.weight", (10, 100), "weight", 100, 10),
        ("fc3.bias", (10,), "bias", 100, 10),
    ]
    assert [p.name for p in LENET.prunable] == ["fc1.weight", "fc2.weight", "fc3.weight"]


def test_cost_of_one_example() -> None:
    """Two for each multiply-add, one for each bias and each ReLU."""
    assert LENET.forward_flops == 2 * 266_200 + 410 + 400
    assert Graph((2, 2, 2), (Node("f", Flatten(), (INPUT,)),)).forward_flops == 0
    without = Graph((6,), (Node("fc", Linear(5, bias=False), (INPUT,)),))
    assert without.forward_flops == 60
    assert [p.name for p in without.parameters] == ["fc.weight"]


def test_shapes() -> None:
    assert LENET.shapes == {
        "input": (1, 28, 28),
        "flatten": (784,),
        "fc1": (300,),
        "relu1": (300,),
        "fc2": (100,),
        "relu2": (100,),
        "fc3": (10,),
    }


def test_a_lenet_without_hidden_layers_is_a_linear_classifier() -> None:
    graph = lenet((1, 8, 8), 10, ())
    assert [node.name for node in graph.nodes] == ["flatten", "fc1"]
    assert sum(p.size for p in graph.parameters) == 650


@pytest.mark.parametrize(
    "graph",
    [
        LENET,
        lenet((1, 8, 8), 10, (5,)),
        Graph((6,), (Node("fc", Linear(5, bias=False), (INPUT,)),)),
        EVERY_OP,
    ],
)
def test_a_description_is_plain_json_and_gives_the_graph_back(graph: Graph) -> None:
    description = json.loads(json.dumps(graph.describe()))
    again = Graph.from_description(description)
    assert again == graph
    assert again.blocks == graph.blocks
    assert again.parameters == graph.parameters
    assert again.describe() == description


def test_the_description_of_a_node_never_changes() -> None:
    """It is part of every key: results in stores are found by it."""
    assert lenet((1, 2, 2), 3, (4,)).meaning() == {
        "input_shape": [1, 2, 2],
        "nodes": [
            {"name": "flatten", "op": "flatten", "inputs": ["input"]},
            {"name": "fc1", "op": "linear", "out": 4, "bias": True, "inputs": ["flatten"]},
            {"name": "relu1", "op": "relu", "inputs": ["fc1"]},
            {"name": "fc2", "op": "linear", "out": 3, "bias": True, "inputs": ["relu1"]},
        ],
    }


def test_the_description_of_an_operation_never_changes() -> None:
    """As above, for every operation with all of its fields."""
    nodes = EVERY_OP.describe()["nodes"]
    assert nodes[0] == {
        "name": "conv",
        "op": "conv",
        "out": 4,
        "kernel": [3, 2],
        "stride": [2, 3],
        "padding": [1, 0, 2, 0],
        "groups": 1,
        "bias": True,
        "inputs": ["input"],
    }
    assert nodes[1] == {
        "name": "norm",
        "op": "batch-norm",
        "epsilon": 1e-5,
        "momentum": 0.1,
        "inputs": ["conv"],
    }
    pool = {"kernel": [2, 2], "stride": [1, 1], "padding": [0, 0, 0, 0]}
    assert nodes[6] == {"name": "max", "op": "max-pool", **pool, "inputs": ["add"]}
    assert {each["op"] for each in nodes} == set(OPS)


def test_what_a_network_means_does_not_depend_on_its_blocks() -> None:
    without = Graph(EVERY_OP.input_shape, EVERY_OP.nodes)
    assert without == EVERY_OP
    assert without.meaning() == without.describe() == EVERY_OP.meaning()
    assert [block["name"] for block in EVERY_OP.describe()["blocks"]] == [
        "stem",
        "stage1.block0",
        "classifier",
    ]


def test_shapes_of_every_operation() -> None:
    """Windows that do not reach the edge are left out, padding is where it is written."""
    assert EVERY_OP.shapes == {
        "input": (3, 9, 8),
        "conv": (4, 4, 3),
        "norm": (4, 4, 3),
        "relu": (4, 4, 3),
        "depthwise": (8, 4, 3),
        "pointwise": (8, 4, 3),
        "add": (8, 4, 3),
        "max": (8, 3, 2),
        "avg": (8, 2, 2),
        "mean": (8,),
        "flatten": (8,),
        "fc": (10,),
    }


def test_parameters_and_statistics_of_every_operation() -> None:
    found = [(p.name, p.shape, p.role, p.fan_in, p.fan_out) for p in EVERY_OP.parameters]
    assert found == [
        ("conv.weight", (4, 3, 3, 2), "weight", 18, 24),
        ("conv.bias", (4,), "bias", 18, 24),
        ("norm.scale", (4,), "scale", 1, 1),
        ("norm.shift", (4,), "shift", 1, 1),
        ("depthwise.weight", (8, 1, 3, 3), "weight", 9, 72),
        ("pointwise.weight", (8, 4, 1, 1), "weight", 4, 8),
        ("fc.weight", (10, 8), "weight", 8, 10),
        ("fc.bias", (10,), "bias", 8, 10),
    ]
    prunable = ["conv.weight", "depthwise.weight", "pointwise.weight", "fc.weight"]
    assert [p.name for p in EVERY_OP.prunable] == prunable
    assert [(b.name, b.shape, b.initial) for b in EVERY_OP.buffers] == [
        ("norm.running_mean", (4,), 0.0),
        ("norm.running_var", (4,), 1.0),
    ]


def test_cost_of_every_operation() -> None:
    costs = [
        48 * (2 * 18 + 1),  # conv and its bias
        2 * 48,  # norm
        48,  # relu
        96 * 2 * 9,  # depthwise
        96 * 2 * 4,  # pointwise
        96,  # add
        48 * 4,  # max
        32 * 2,  # avg
        32,  # mean
        0,  # flatten
        2 * 80 + 10,  # fc
    ]
    assert EVERY_OP.forward_flops == sum(costs)


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        ((), "at least one node"),
        ((node("a", Relu(), INPUT), node("a", Relu(), INPUT)), "two nodes are named 'a'"),
        ((node(INPUT, Relu(), INPUT),), "two nodes are named 'input'"),
        ((node("a", Relu(), "b"), node("b", Relu(), INPUT)), "'a' reads 'b', which comes later"),
        ((node("a", Relu(), "a"),), "'a' reads 'a', which comes later or never"),
        ((node("a", Relu(), INPUT, INPUT),), "'a' takes 1 inputs, not 2"),
        ((node("a", Relu()),), "'a' takes 1 inputs, not 0"),
        ((node("a", Add(), INPUT),), "'a' takes 2 inputs, not 1"),
        ((node("a", Linear(3), INPUT),), r"'a' needs a flat input, not \(1, 8, 8\)"),
        ((node("a", Linear(3), "f"), node("f", Flatten(), INPUT)), "later or never"),
        ((node("a", Flatten(), INPUT), node("b", Linear(0), "a")), r"'b' gives nothing: \(0,\)"),
        (
            (node("a", Flatten(), INPUT), node("b", Add(), INPUT, "a")),
            r"'b' cannot add \(64,\) to \(1, 8, 8\)",
        ),
        ((node("a", Flatten(), INPUT), node("b", BatchNorm(), "a")), "'b' needs .channel, height"),
        ((node("a", Flatten(), INPUT), node("b", Conv(2, (1, 1)), "a")), "'b' needs .channel"),
        ((node("a", Conv(4, (1, 1), groups=2), INPUT),), "'a' cannot split 1 channels into 4 by 2"),
        ((node("a", Conv(4, (1, 1), groups=0), INPUT),), "'a' cannot split"),
        ((node("a", Conv(0, (1, 1)), INPUT),), "'a' gives nothing"),
        ((node("a", BatchNorm(epsilon=0.0), INPUT),), "'a' has epsilon 0.0 and momentum 0.1"),
        ((node("a", BatchNorm(momentum=1.5), INPUT),), "'a' has epsilon 1e-05 and momentum 1.5"),
        ((node("a", Conv(1, (9, 1)), INPUT),), r"'a': a window of \(9, 1\) does not fit into"),
        ((node("a", Conv(1, (1, 1), (0, 1)), INPUT),), "'a' has a window of"),
        ((node("a", AvgPool((0, 1), (1, 1)), INPUT),), "'a' has a window of"),
        ((node("a", MaxPool((2, 2), (1, 1), (-1, 0, 0, 0)), INPUT),), "'a' has a window of"),
        ((node("a", MaxPool((2, 2), (1, 1), (2, 0, 0, 0)), INPUT),), "nothing but padding"),
    ],
)
def test_illegal_graphs(nodes: tuple[Node, ...], says: str) -> None:
    with pytest.raises(GraphError, match=says):
        _ = Graph((1, 8, 8), nodes).shapes
    with pytest.raises(GraphError, match=says):
        _ = Graph((1, 8, 8), nodes).shapes  # a refusal is not forgotten


def test_an_unknown_operation() -> None:
    description = LENET.describe()
    description["nodes"][1]["op"] = "attention"
    with pytest.raises(GraphError, match="unknown operation 'attention'"):
        Graph.from_description(description)
