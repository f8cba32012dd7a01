"""Takes a backend; asserts that loss and gradients are the reference's, and that those are right.

Tolerances: float64 differs by the order of sums alone (1e-12 with values of the order of 1);
float32 has a relative rounding of 6e-8, and sums of up to 200 terms stay below 2e-5.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltspec.decisions.initial import initial_weights
from ltspec.engine.backend import INPUT, Flatten, Graph, Linear, Node, Relu

SHAPES = {
    "linear": {"widths": ()},
    "one": {"widths": (7,)},
    "deep": {"widths": (9, 8, 7, 6, 5)},
    "unbiased": {"widths": (7, 5), "bias": False},
    "wide-image": {"shape": (3, 4, 7), "widths": (6,)},
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-12), ("float32", 2e-5)])
def test_loss_and_gradients_are_the_references(
    kit, request, reference, shape, precision, tolerance
):
    backend = request.getfixturevalue("backend64" if precision == "float64" else "backend32")
    case = kit.case(graph=kit.network(**SHAPES[shape]), kept=0.7)
    indices = np.array([5, 0, 17, 5, 30])  # unsorted, one of them twice
    loss, gradients = backend.gradients(case.graph, case.split, case.state.weights, indices)
    expected, by_hand = reference.gradients(case.graph, case.split, case.state.weights, indices)
    assert loss == pytest.approx(expected, abs=tolerance)
    assert kit.worst(gradients, by_hand) < tolerance
    assert {array.dtype for array in gradients.values()} == {np.dtype(precision)}
    assert max(np.abs(array).max() for array in by_hand.values()) > 0.01, "nothing was compared"


@pytest.mark.parametrize("shape", SHAPES)
def test_reference_gradients_are_finite_differences(kit, reference, shape):
    """Central differences at 1e-6 err by about 1e-10 in float64 (rounding 1e-16 / 1e-6)."""
    case = kit.case(graph=kit.network(**SHAPES[shape]), kept=1)
    weights = {name: array.astype(np.float64) for name, array in case.state.weights.items()}
    indices = np.arange(4)
    _, gradients = reference.gradients(case.graph, case.split, weights, indices)
    random = np.random.default_rng(0)
    for name, array in weights.items():
        for flat in random.choice(array.size, min(6, array.size), replace=False):
            at = np.unravel_index(flat, array.shape)
            losses = []
            for move in (1e-6, -1e-6):
                moved = array.copy()
                moved[at] += move
                there = {**weights, name: moved}
                losses.append(reference.gradients(case.graph, case.split, there, indices)[0])
            assert gradients[name][at] == pytest.approx((losses[0] - losses[1]) / 2e-6, abs=1e-8)


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    layers=st.lists(st.tuples(st.integers(1, 9), st.booleans(), st.booleans()), max_size=4),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4)),
    classes=st.integers(1, 5),
    batch=st.integers(1, 6),
    seed=st.integers(0, 2**31),
)
def test_any_graph(kit, reference, backend64, layers, shape, classes, batch, seed):
    nodes = [Node("flat", Flatten(), (INPUT,))]
    for number, (width, bias, relu) in enumerate(layers):
        nodes.append(Node(f"a{number}", Linear(width, bias), (nodes[-1].name,)))
        if relu:
            nodes.append(Node(f"r{number}", Relu(), (nodes[-1].name,)))
    nodes.append(Node("out", Linear(classes), (nodes[-1].name,)))
    graph = Graph(shape, tuple(nodes))
    split, weights = kit.examples(graph, 8, seed), initial_weights(graph, "glorot-uniform", seed)
    loss, gradients = backend64.gradients(graph, split, weights, np.arange(batch))
    expected, by_hand = reference.gradients(graph, split, weights, np.arange(batch))
    assert loss == pytest.approx(expected, abs=1e-11)
    assert kit.worst(gradients, by_hand) < 1e-11


def test_an_image_is_flattened_by_channel_then_row_then_column(kit, backend64):
    """A weight of 1 at (channel 1, row 0, column 2) reads that pixel and no other."""
    graph = kit.network(shape=(2, 3, 4), widths=(), classes=2)
    split = kit.examples(graph, 3)
    weights = {"head.weight": np.zeros((2, 24)), "head.bias": np.zeros(2)}
    weights["head.weight"][0, 1 * 12 + 0 * 4 + 2] = 1
    for example in range(3):
        pixel = float(split.images[example, 1, 0, 2])
        z = pixel * float(split.scale[1]) + float(split.shift[1])
        label_logit = z if split.labels[example] == 0 else 0.0
        loss, _ = backend64.gradients(graph, split, weights, np.array([example]))
        assert loss == pytest.approx(math.log(math.exp(z) + 1) - label_logit, abs=1e-12)


def test_the_derivative_of_relu_at_zero_is_zero(kit, backend64):
    """Zero weights give zero before the ReLU; nothing may pass through it to the first layer."""
    case = kit.case(graph=kit.network(widths=(7,)), kept=1)
    weights = dict(case.state.weights)
    weights["fc1.weight"] = np.zeros_like(weights["fc1.weight"])
    weights["fc1.bias"] = np.zeros_like(weights["fc1.bias"])
    _, gradients = backend64.gradients(case.graph, case.split, weights, np.arange(8))
    assert not gradients["fc1.weight"].any()
    assert not gradients["fc1.bias"].any()
    assert gradients["head.bias"].any()


def test_large_logits_do_not_overflow(kit, reference, backend32):
    """Logits of the order of 1e4: exp of them is infinite in both precisions."""
    case = kit.case(graph=kit.network(widths=()), kept=1)
    weights = {name: array * 1e4 for name, array in case.state.weights.items()}
    loss, gradients = backend32.gradients(case.graph, case.split, weights, np.arange(8))
    expected, by_hand = reference.gradients(case.graph, case.split, weights, np.arange(8))
    assert expected > 1e3
    assert loss == pytest.approx(expected, rel=1e-5)
    assert kit.worst(gradients, by_hand) < 1e-4


def test_one_class_has_nothing_to_learn(kit, backend64):
    """softmax of one logit is 1: loss and gradients are exactly zero."""
    case = kit.case(graph=kit.network(classes=1))
    loss, gradients = backend64.gradients(case.graph, case.split, case.state.weights, np.arange(8))
    assert loss == 0
    assert not any(array.any() for array in gradients.values())


def test_labels_of_one_class_alone(kit, reference, backend64):
    case = kit.case()
    case.split.labels[:] = 4
    loss, gradients = backend64.gradients(case.graph, case.split, case.state.weights, np.arange(8))
    expected, by_hand = reference.gradients(
        case.graph, case.split, case.state.weights, np.arange(8)
    )
    assert loss == pytest.approx(expected, abs=1e-12)
    assert kit.worst(gradients, by_hand) < 1e-12
