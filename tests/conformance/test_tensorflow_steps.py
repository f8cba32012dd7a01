"""Takes the TensorFlow backend; asserts that a GPU's form of a step computes what is meant.

On a GPU every step is compiled by XLA, and what XLA cannot do there is written in other operations
(max-pooling, norms, grouped convolutions: see ``ltspec_tensorflow.lower``). XLA compiles them for a
CPU too, where no run would ask for it; that takes half a minute a network, so these are small.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from ltspec.engine.backend import (
    INPUT,
    Add,
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

AROUND = (1, 1, 1, 1)


@pytest.fixture(autouse=True)
def _only_with_tensorflow(backend_name):
    if backend_name != "tensorflow":
        pytest.skip("about the TensorFlow backend alone")


def residual() -> Graph:
    """A block with a norm and a shortcut, whose next convolution has a stride."""
    nodes = [
        Node("stem", Conv(4, (3, 3), (1, 1), AROUND), (INPUT,)),
        Node("stem_norm", BatchNorm(), ("stem",)),
        Node("stem_relu", Relu(), ("stem_norm",)),
        Node("across", Conv(4, (1, 1), (1, 1)), ("stem_relu",)),
        Node("add", Add(), ("across", "stem_relu")),
        Node("down", Conv(3, (3, 3), (2, 2), AROUND, bias=True), ("add",)),
        Node("pool", GlobalAvgPool(), ("down",)),
        Node("head", Linear(5), ("pool",)),
    ]
    return Graph((2, 5, 6), tuple(nodes))


def pooled(kit) -> Graph:
    """A depthwise convolution and a max-pooling whose windows overlap, over whole pixels: bytes of
    few values make many ties."""
    return kit.chain(
        (2, 6, 5),
        MaxPool((3, 2), (2, 1), (1, 0, 0, 1)),
        Conv(2, (3, 3), (1, 1), AROUND, groups=2),
        BatchNorm(),
        Relu(),
        MaxPool((2, 2), (2, 2)),
        Flatten(),
        Linear(5),
    )


def in_xla(case):
    """The case as a GPU plays it; twelve steps in one call."""
    return replace(case, lowering=replace(case.lowering, compilation="xla", chunk_steps=12))


def test_a_residual_network_compiled_by_xla(kit, reference, backend32):
    """In float32, which has norms of its own. Twelve steps, with a tenfold drop at step 9."""
    case = kit.case("sgd", residual(), count=40)
    ours, losses = in_xla(case).play(backend32, 0, 12)
    expected, expected_losses = case.play(reference, 0, 12)
    assert kit.worst(ours.weights, expected.weights) < 2e-5
    assert kit.worst(ours.slots["velocity"], expected.slots["velocity"]) < 1e-4
    assert kit.worst(ours.buffers, expected.buffers) < 2e-5
    np.testing.assert_allclose(losses, expected_losses, atol=1e-4)


def test_pooling_compiled_by_xla(kit, reference, backend64):
    """In float64, and to its accuracy: which of equal pixels gets the gradient is no rounding."""
    case = kit.case("sgd", pooled(kit), count=40)
    case.split.images[:] = case.split.images // 64 * 64
    ours, losses = in_xla(case).play(backend64, 0, 12)
    expected, expected_losses = case.play(reference, 0, 12)
    assert kit.worst(ours.weights, expected.weights) < 1e-10
    assert kit.worst(ours.slots["velocity"], expected.slots["velocity"]) < 1e-10
    assert kit.worst(ours.buffers, expected.buffers) < 1e-11
    np.testing.assert_allclose(losses, expected_losses, atol=1e-6)


def test_an_evaluation_compiled_by_xla(kit, reference, backend64):
    """What a GPU runs, with examples one by one."""
    import tensorflow as tf
    from ltspec_tensorflow import programs
    from ltspec_tensorflow.arrays import Shelf

    case, shelf = kit.case("sgd", pooled(kit), count=9), Shelf(tf.float64)
    play = programs.evaluation(case.graph, "float64", at_once=8, xla=True, each=True)
    parameters = shelf.tensors(case.graph.parameters, case.state.weights)
    buffers = shelf.tensors(case.graph.buffers, case.state.buffers)
    parts = [
        play(shelf.split(case.split), tf.constant(at), tf.constant(9), parameters, buffers)
        for at in (0, 8)
    ]
    expected = reference.evaluate(
        case.graph, case.split, case.state.weights, case.state.buffers, each=True
    )
    answers, losses = (np.concatenate([part[i].numpy() for part in parts])[:9] for i in (2, 3))
    assert sum(int(part[0]) for part in parts) == expected.correct
    assert sum(float(part[1]) for part in parts) == pytest.approx(expected.loss_sum, rel=1e-12)
    np.testing.assert_array_equal(answers, expected.each.answers)
    np.testing.assert_allclose(losses, expected.each.losses, rtol=1e-11)


def test_threads_are_those_of_the_whole_process():
    """Between operations too: else each of several processes would have one a core."""
    program = """
import tensorflow as tf
from ltspec.engine.backend import Settings
from ltspec_tensorflow import adapter
adapter.open(Settings("cpu", "float32", threads=3))
threading = tf.config.threading
print(threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == ["3", "3"]
