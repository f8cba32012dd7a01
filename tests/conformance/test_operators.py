"""Takes a backend; asserts that loss and gradients are the reference's, and that those are right.

Tolerances: float64 differs by the order of sums alone (1e-16 of values of the order of 1, over
sums of up to 500 terms: 1e-12; a batch norm multiplies it by up to 1 / sqrt(epsilon), 316: 1e-11).
float32 has a relative rounding of 6e-8, and the same sums stay below 2e-5, 1e-4 behind norms.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltspec.engine.backend import (
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
    Split,
)

SHAPES = {
    "linear": {"widths": ()},
    "one": {"widths": (7,)},
    "deep": {"widths": (9, 8, 7, 6, 5)},
    "unbiased": {"widths": (7, 5), "bias": False},
    "wide-image": {"shape": (3, 4, 7), "widths": (6,)},
}

# One operation each, behind a convolution where it has no parameters of its own, so that its
# gradient by its input is seen in those of the convolution.
PIXELS = Conv(4, (1, 1), bias=True)
OPERATIONS = {
    "conv": (Conv(4, (3, 3), (1, 1), (1, 1, 1, 1)),),
    "conv-bias": (Conv(4, (2, 3), bias=True),),
    "conv-strided": (Conv(5, (3, 3), (2, 2), (1, 1, 1, 1)),),
    "conv-uneven": (Conv(3, (3, 2), (2, 3), (2, 0, 0, 1)),),
    "conv-pointwise": (Conv(5, (1, 1), (2, 2)),),
    "conv-groups": (Conv(4, (3, 3), (1, 2), (1, 1, 0, 2), groups=2, bias=True),),
    "conv-depthwise": (PIXELS, Conv(8, (3, 3), (2, 2), (1, 0, 1, 0), groups=4)),
    "conv-as-large-as-the-image": (Conv(6, (6, 7)),),
    "batch-norm": (BatchNorm(),),
    "batch-norm-between": (PIXELS, BatchNorm(epsilon=1e-3), Conv(3, (2, 2))),
    "max-pool": (PIXELS, MaxPool((2, 2), (2, 2))),
    "max-pool-overlapping": (PIXELS, MaxPool((3, 3), (2, 2), (1, 1, 1, 1))),
    "max-pool-uneven": (PIXELS, MaxPool((3, 2), (2, 3), (0, 2, 1, 0))),
    "avg-pool": (PIXELS, AvgPool((2, 2), (2, 2))),
    "avg-pool-uneven": (PIXELS, AvgPool((3, 2), (1, 2), (2, 0, 0, 1))),
    "global-avg-pool": (PIXELS, GlobalAvgPool()),
}
INDICES = (5, 0, 17, 5, 30)
"""Unsorted, one of them twice."""


def operation(kit, name):
    """A graph of images of 2 x 6 x 7 with that operation and a classifier."""
    return kit.chain((2, 6, 7), *OPERATIONS[name], Flatten(), Linear(4))


def shared():
    """Sums of a node with itself, of the input with another, of one that is read three times; one
    node that nothing reads."""
    nodes = (
        Node("one", PIXELS, (INPUT,)),
        Node("twice", Add(), ("one", "one")),
        Node("relu", Relu(), ("twice",)),
        Node("two", Conv(2, (3, 3), (1, 1), (1, 1, 1, 1)), ("relu",)),
        Node("with_input", Add(), ("two", INPUT)),
        Node("three", Conv(4, (1, 1)), ("with_input",)),
        Node("unread", BatchNorm(), ("three",)),
        Node("sum", Add(), ("three", "relu")),
        Node("again", Add(), ("sum", "relu")),
        Node("pool", GlobalAvgPool(), ("again",)),
        Node("head", Linear(4), ("pool",)),
    )
    return Graph((2, 6, 7), nodes)


def compare(case, backend, reference, mode, tolerance, dtype):
    loss, gradients = case.gradients(backend, INDICES, mode)
    expected, by_hand = case.gradients(reference, INDICES, mode)
    assert loss == pytest.approx(expected, abs=tolerance)
    assert list(gradients) == [parameter.name for parameter in case.graph.parameters]
    for name, array in by_hand.items():
        np.testing.assert_allclose(gradients[name], array, rtol=0, atol=tolerance, err_msg=name)
        assert gradients[name].dtype == dtype
    assert max(np.abs(array).max() for array in by_hand.values()) > 0.01, "nothing was compared"


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-12), ("float32", 2e-5)])
def test_loss_and_gradients_are_the_references(
    kit, request, reference, shape, precision, tolerance
):
    backend = request.getfixturevalue("backend64" if precision == "float64" else "backend32")
    case = kit.case(graph=kit.network(**SHAPES[shape]), kept=0.7)
    compare(case, backend, reference, "train", tolerance, precision)


@pytest.mark.parametrize("name", [*OPERATIONS, "shared"])
def test_every_operation(kit, reference, backend64, backend32, name):
    """At a batch of 5 in training; a norm in evaluation as well."""
    case = kit.case(graph=shared() if name == "shared" else operation(kit, name), kept=0.8)
    compare(case, backend64, reference, "train", 1e-11, "float64")
    compare(case, backend32, reference, "train", 1e-4, "float32")
    if name == "batch-norm":
        compare(case, backend64, reference, "eval", 1e-11, "float64")
        compare(case, backend32, reference, "eval", 1e-4, "float32")


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("name", ["residual", "vgg", "mobile", "uneven"])
def test_every_network(kit, reference, backend64, backend32, name, mode):
    case = kit.case(graph=kit.GRAPHS[name], kept=0.7)
    compare(case, backend64, reference, mode, 1e-11, "float64")
    compare(case, backend32, reference, mode, 1e-4, "float32")


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("name", [*SHAPES, *OPERATIONS, "shared", "residual", "mobile", "uneven"])
def test_reference_gradients_are_finite_differences(kit, reference, name, mode):
    """Central differences at 1e-6 err by about 1e-10 in float64 (rounding 1e-16 / 1e-6), and by
    less than 1e-10 for the curvature of a norm. No value of these cases lies within 1e-6 of a kink
    of ReLU or max pooling."""
    if name in SHAPES:
        graph = kit.network(**SHAPES[name])
    elif name in kit.GRAPHS:
        graph = kit.GRAPHS[name]
    else:
        graph = shared() if name == "shared" else operation(kit, name)
    case = kit.case(graph=graph, kept=1)
    weights = {name: array.astype(np.float64) for name, array in case.state.weights.items()}
    _, gradients = case.gradients(reference, range(4), mode, weights)
    random = np.random.default_rng(0)
    for name, array in weights.items():
        for flat in random.choice(array.size, min(4, array.size), replace=False):
            at = np.unravel_index(flat, array.shape)
            losses = []
            for move in (1e-6, -1e-6):
                moved = array.copy()
                moved[at] += move
                there = {**weights, name: moved}
                losses.append(case.gradients(reference, range(4), mode, there)[0])
            assert gradients[name][at] == pytest.approx((losses[0] - losses[1]) / 2e-6, abs=1e-8)


def of_name(kit, name):
    if name in SHAPES:
        return kit.network(**SHAPES[name])
    if name in kit.GRAPHS:
        return kit.GRAPHS[name]
    return shared() if name == "shared" else operation(kit, name)


EVERYTHING = [*SHAPES, *OPERATIONS, "shared", "residual", "vgg", "mobile", "uneven"]


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("name", EVERYTHING)
def test_reference_derivatives_along_a_direction_are_differences_of_gradients(
    kit, reference, name, mode
):
    """Central differences of gradients at 1e-6, as above; the direction has entries around 1."""
    case = kit.case(graph=of_name(kit, name), kept=1)
    weights = {name: array.astype(np.float64) for name, array in case.state.weights.items()}
    along = case.direction()
    loss, found = case.gradients(reference, range(4), mode, weights, along)
    assert loss == pytest.approx(case.gradients(reference, range(4), mode, weights)[0], rel=1e-14)
    h = 1e-7
    ends = [
        case.gradients(
            reference, range(4), mode, {n: w + move * along[n] for n, w in weights.items()}
        )[1]
        for move in (h, -h)
    ]
    largest = max(np.abs(array).max() for array in found.values())
    assert largest > 0.01
    for name, array in found.items():
        slope = (ends[0][name] - ends[1][name]) / (2 * h)
        np.testing.assert_allclose(array, slope, rtol=0, atol=1e-7 * max(largest, 1))


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("name", EVERYTHING)
def test_derivatives_along_a_direction_are_the_references(kit, reference, backend64, name, mode):
    """A direction of all parameters, then one of a few: those that it leaves out stand still."""
    case = kit.case(graph=of_name(kit, name), kept=0.7)
    along = case.direction()
    few = dict(list(along.items())[::3])
    still = {name: np.zeros_like(array) for name, array in along.items()}
    for direction in (along, few):
        loss, found = case.gradients(backend64, INDICES, mode, None, direction)
        expected, by_hand = case.gradients(reference, INDICES, mode, None, {**still, **direction})
        assert loss == pytest.approx(expected, abs=1e-11)
        assert list(found) == [parameter.name for parameter in case.graph.parameters]
        largest = max(np.abs(array).max() for array in by_hand.values())
        assert largest > 0.01
        for name, array in by_hand.items():
            np.testing.assert_allclose(found[name], array, rtol=0, atol=1e-11 * max(largest, 1))
            assert found[name].dtype == np.float64


@pytest.mark.parametrize("name", ["residual", "vgg", "mobile"])
def test_derivatives_along_a_direction_in_float32(kit, reference, backend32, name):
    """Relative to the largest entry; a norm of few numbers multiplies rounding, as above."""
    case = kit.case(graph=kit.GRAPHS[name], kept=0.7)
    along = case.direction()
    _, found = case.gradients(backend32, range(8), "eval", None, along)
    _, expected = case.gradients(reference, range(8), "eval", None, along)
    largest = max(np.abs(array).max() for array in expected.values())
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=0, atol=1e-4 * largest, err_msg=name)
        assert found[name].dtype == np.float32


sides = st.integers(0, 1)
paddings = st.tuples(sides, sides, sides, sides)
strides = st.sampled_from([(1, 1), (2, 1), (2, 2), (1, 3)])
image_operations = st.one_of(
    st.builds(
        lambda groups, times, *rest: Conv(groups * times, *rest[:3], groups, rest[3]),
        st.integers(1, 3),
        st.integers(1, 3),
        st.sampled_from([(1, 1), (2, 2), (3, 3), (1, 3)]),
        strides,
        paddings,
        st.booleans(),
    ),
    st.just(BatchNorm()),
    st.just(Relu()),
    st.just(Add()),
    st.builds(MaxPool, st.just((2, 2)), strides, paddings),
    st.builds(AvgPool, st.just((2, 2)), strides, paddings),
)


def assembled(shape, ops, widths, classes):
    """A graph of those of ``ops`` that fit; an Add takes the last node of the same shape."""
    nodes, shapes = [], {INPUT: shape}
    for number, op in enumerate(ops):
        last = list(shapes)[-1]
        inputs = (last,)
        if isinstance(op, Add):
            same = [name for name in shapes if shapes[name] == shapes[last]]
            inputs = (last, same[-2] if len(same) > 1 else last)
        channels, *size = shapes[last]
        if isinstance(op, Conv) and channels % op.groups:
            op = replace(op, groups=1)
        if not isinstance(op, BatchNorm | Relu | Add) and min(size) < 3:
            continue
        nodes.append(Node(f"n{number}", op, inputs))
        shapes[nodes[-1].name] = Graph(shape, tuple(nodes)).shapes[nodes[-1].name]
    nodes.append(Node("flat", Flatten(), (list(shapes)[-1],)))
    for number, width in enumerate(widths):
        nodes.append(Node(f"fc{number}", Linear(width, number % 2 == 0), (nodes[-1].name,)))
        nodes.append(Node(f"r{number}", Relu(), (nodes[-1].name,)))
    nodes.append(Node("out", Linear(classes), (nodes[-1].name,)))
    return Graph(shape, tuple(nodes))


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    ops=st.lists(image_operations, max_size=6),
    widths=st.lists(st.integers(1, 9), max_size=2),
    shape=st.tuples(st.integers(1, 3), st.integers(3, 7), st.integers(3, 7)),
    classes=st.integers(1, 5),
    batch=st.integers(2, 6),
)
def test_any_graph(kit, reference, backend64, ops, widths, shape, classes, batch):
    """Relative to the largest gradient: several norms of nearly constant channels multiply it."""
    case = kit.case(graph=assembled(shape, ops, widths, classes), kept=1)
    loss, gradients = case.gradients(backend64, range(batch))
    expected, by_hand = case.gradients(reference, range(batch))
    largest = max(1.0, *(float(np.abs(array).max()) for array in by_hand.values()))
    assert loss == pytest.approx(expected, rel=1e-11, abs=1e-11)
    assert kit.worst(gradients, by_hand) < 1e-11 * largest


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
        loss, _ = backend64.gradients(graph, split, weights, {}, np.array([example]), "train")
        assert loss == pytest.approx(math.log(math.exp(z) + 1) - label_logit, abs=1e-12)


def test_the_derivative_of_relu_at_zero_is_zero(kit, backend64):
    """Zero weights give zero before the ReLU; nothing may pass through it to the first layer."""
    case = kit.case(graph=kit.network(widths=(7,)), kept=1)
    weights = dict(case.state.weights)
    weights["fc1.weight"] = np.zeros_like(weights["fc1.weight"])
    weights["fc1.bias"] = np.zeros_like(weights["fc1.bias"])
    _, gradients = case.gradients(backend64, range(8), weights=weights)
    assert not gradients["fc1.weight"].any()
    assert not gradients["fc1.bias"].any()
    assert gradients["head.bias"].any()


def test_the_first_of_several_largest_gets_the_gradient(kit, backend64):
    """A sum of two channels is 3 at three pixels of a window, by other addends at each. The
    gradient by the weights tells which pixel was chosen: the first in row order."""
    ops = Conv(1, (1, 1)), MaxPool((2, 2), (2, 2)), Flatten(), Linear(2, bias=False)
    graph = kit.chain((2, 2, 2), *ops)
    images = np.array([[[[0, 1], [3, 2]], [[0, 2], [0, 1]]]], np.uint8)
    split = Split(images, np.zeros(1, np.uint8), np.ones(2, np.float32), np.zeros(2, np.float32))
    weights = {"n0.weight": np.ones((1, 2, 1, 1)), "n3.weight": np.array([[0.0], [1.0]])}
    _, gradients = backend64.gradients(graph, split, weights, {}, np.array([0]), "train")
    by_sum = 1 / (1 + math.exp(-3.0))  # softmax of class 1, whose weight is 1
    np.testing.assert_allclose(gradients["n0.weight"].ravel(), [1 * by_sum, 2 * by_sum])


def test_padding_is_below_every_value_of_max_pooling_and_zero_in_a_mean(kit, backend64):
    """All pixels are negative. The logit of class 0 against one of 0 is seen in the loss."""
    images = np.array([[[[4, 3], [2, 1]]]], np.uint8)
    split = Split(
        images, np.zeros(1, np.uint8), np.ones(1, np.float32), -9 * np.ones(1, np.float32)
    )
    for op, pooled in (
        (MaxPool((2, 2), (2, 2), (1, 1, 1, 1)), [-5, -6, -7, -8]),
        (AvgPool((2, 2), (2, 2), (1, 1, 1, 1)), [-5 / 4, -6 / 4, -7 / 4, -8 / 4]),
    ):
        graph = kit.chain((1, 2, 2), op, Flatten(), Linear(2, bias=False))
        for place in range(4):
            weights = {"n2.weight": np.zeros((2, 4))}
            weights["n2.weight"][0, place] = 1
            loss, _ = backend64.gradients(graph, split, weights, {}, np.array([0]), "train")
            assert loss == pytest.approx(math.log1p(math.exp(-pooled[place])), abs=1e-12)


def test_large_logits_do_not_overflow(kit, reference, backend32):
    """Logits of the order of 1e4: exp of them is infinite in both precisions."""
    case = kit.case(graph=kit.network(widths=()), kept=1)
    weights = {name: array * 1e4 for name, array in case.state.weights.items()}
    loss, gradients = case.gradients(backend32, range(8), weights=weights)
    expected, by_hand = case.gradients(reference, range(8), weights=weights)
    assert expected > 1e3
    assert loss == pytest.approx(expected, rel=1e-5)
    assert kit.worst(gradients, by_hand) < 1e-4


def test_one_class_has_nothing_to_learn(kit, backend64):
    """softmax of one logit is 1: loss and gradients are exactly zero."""
    case = kit.case(graph=kit.network(classes=1))
    loss, gradients = case.gradients(backend64, range(8))
    assert loss == 0
    assert not any(array.any() for array in gradients.values())


def test_labels_of_one_class_alone(kit, reference, backend64):
    case = kit.case()
    case.split.labels[:] = 4
    loss, gradients = case.gradients(backend64, range(8))
    expected, by_hand = case.gradients(reference, range(8))
    assert loss == pytest.approx(expected, abs=1e-12)
    assert kit.worst(gradients, by_hand) < 1e-12


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64])
def test_labels_of_any_integer_type(kit, reference, backend32, dtype):
    """As many classes as bytes cannot name, where the type can."""
    classes = 100 if dtype is np.uint8 else 300
    case = kit.case(graph=kit.network(widths=(), classes=classes), kept=1)
    labels = np.linspace(0, classes - 1, 43).astype(dtype)
    case = replace(case, split=replace(case.split, labels=labels))
    loss, gradients = case.gradients(backend32, range(43))
    expected, by_hand = case.gradients(reference, range(43))
    assert loss == pytest.approx(expected, rel=1e-5)
    assert kit.worst(gradients, by_hand) < 1e-5
    assert case.evaluate(backend32).correct == case.evaluate(reference).correct
    np.testing.assert_allclose(case.play(backend32)[1], case.play(reference)[1], atol=1e-4)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (1, 0, 0, 1)])
def test_narrow_strided_projections(kit, reference, backend32, channels, padding):
    """Few channels, windows of one pixel and a stride, on images of even size: oneDNN gives wrong
    gradients of these on a CPU without AVX-512 (TensorFlow 2.21), or ruins memory (torch 2.13)."""
    ops = (
        Conv(channels, (3, 3), padding=(1, 1, 1, 1)),
        Conv(8, (1, 1), (2, 2), padding),
        GlobalAvgPool(),
        Linear(3),
    )
    case = kit.case(graph=kit.chain((3, 32, 32), *ops), kept=1)
    by_hand = case.gradients(reference, np.arange(16))[1]
    for _ in range(3):
        gradients = case.gradients(backend32, np.arange(16))[1]
        assert kit.worst(gradients, by_hand) < 1e-4
    after, _ = case.play(backend32, 0, 20)
    assert kit.worst(after.weights, case.play(reference, 0, 20)[0].weights) < 1e-3
