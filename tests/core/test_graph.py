"""A network description is legal or refused, and says its size and cost exactly."""

from __future__ import annotations

import json

import pytest

from ltspec.errors import GraphError
from ltspec.networks.graph import INPUT, OPS, Flatten, Graph, Linear, Node, Relu
from ltspec.networks.lenet import lenet

LENET = lenet((1, 28, 28), 10, (300, 100))


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
    ],
)
def test_a_description_is_plain_json_and_gives_the_graph_back(graph: Graph) -> None:
    description = json.loads(json.dumps(graph.describe()))
    again = Graph.from_description(description)
    assert again == graph
    assert again.parameters == graph.parameters
    assert again.describe() == description


def test_the_description_of_a_node_never_changes() -> None:
    """It is part of every key: results in stores are found by it."""
    assert lenet((1, 2, 2), 3, (4,)).describe() == {
        "input_shape": [1, 2, 2],
        "nodes": [
            {"name": "flatten", "op": "flatten", "inputs": ["input"]},
            {"name": "fc1", "op": "linear", "out": 4, "bias": True, "inputs": ["flatten"]},
            {"name": "relu1", "op": "relu", "inputs": ["fc1"]},
            {"name": "fc2", "op": "linear", "out": 3, "bias": True, "inputs": ["relu1"]},
        ],
    }


def test_every_operation_is_named() -> None:
    nodes = {"flatten": Flatten(), "linear": Linear(1), "relu": Relu()}
    assert {name: type(op) for name, op in nodes.items()} == dict(OPS)


def node(name: str, op: Flatten | Linear | Relu, *inputs: str) -> Node:
    return Node(name, op, inputs)


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        ((), "at least one node"),
        ((node("a", Relu(), INPUT), node("a", Relu(), INPUT)), "two nodes are named 'a'"),
        ((node(INPUT, Relu(), INPUT),), "two nodes are named 'input'"),
        ((node("a", Relu(), "b"), node("b", Relu(), INPUT)), "'a' reads 'b', which comes later"),
        ((node("a", Relu(), "a"),), "'a' reads 'a', which comes later or never"),
        ((node("a", Relu(), INPUT, INPUT),), "'a' takes one input, not 2"),
        ((node("a", Relu()),), "'a' takes one input, not 0"),
        ((node("a", Linear(3), INPUT),), r"'a' needs a flat input, not \(1, 8, 8\)"),
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
