"""Initial weights and statistics of networks with convolutions and norms, and the newer rules.

The literal hashes may never change, for the reason that test_streams.py gives.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from ltspec.decisions import rng
from ltspec.decisions.initial import initial_buffers, initial_weights
from ltspec.decisions.orthogonal import LANES, orthonormal
from ltspec.networks.cifar_resnet import cifar_resnet
from ltspec.networks.lenet import lenet
from ltspec.networks.mobilenet_v1 import mobilenet_v1

RESNET = cifar_resnet((3, 32, 32), 10, 8, 16)
LENET = lenet((1, 28, 28), 10, (300, 100))
RULES = (
    "kaiming-normal",
    "kaiming-uniform",
    "glorot-normal",
    "glorot-uniform",
    "orthogonal",
    "binary",
)


def sha256(*arrays: NDArray[np.generic]) -> str:
    """Over the little-endian bytes, one array after the other."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize(
    ("rule", "norm_scale", "draw", "golden"),
    [
        (
            "kaiming-normal",
            "uniform",
            0,
            "764f53b34e4ac4f6c1c1bef6d62229f88f9a25680d1dbabf6c68107910337d31",
        ),
        (
            "kaiming-normal",
            "one",
            0,
            "5fae6110f7d98d1b05c086311e497eb82dffe70bb3b906964240397a289ea126",
        ),
        (
            "kaiming-uniform",
            "one",
            0,
            "09278707a4068c68f4e09a10a878c82541ec202057692c3dd046092d0cb0bda6",
        ),
        (
            "glorot-normal",
            "one",
            0,
            "fa93fd9b4b2679a009eb27a048abeb604772f01844a0c9d5b46ce59fdf80abec",
        ),
        (
            "glorot-uniform",
            "one",
            0,
            "7e67ef530e589252f13b8b5f76d6ded2ae1124d697e3f861c9ebc351bb47b588",
        ),
        (
            "orthogonal",
            "uniform",
            0,
            "38ded8d32cada8201b514ff123b99304fffe21ac29167070d486afec113da733",
        ),
        (
            "orthogonal",
            "uniform",
            3,
            "c4e31cb53f2dea1f1d66dd1fce1d04a1332f65aa07409fda2fb2329e59221c6c",
        ),
        (
            "binary",
            "uniform",
            0,
            "0d7e43e7638113db8d1bfa2dcafc75db89c5df0dd1871a861a1a312a42a8ea81",
        ),
    ],
)
def test_golden_weights_of_a_resnet(rule: str, norm_scale: str, draw: int, golden: str) -> None:
    """ResNet-8 on CIFAR-10, seed 0; every parameter in graph order."""
    weights = initial_weights(RESNET, rule, 0, draw, norm_scale)
    assert list(weights) == [parameter.name for parameter in RESNET.parameters]
    assert all(weights[p.name].shape == p.shape for p in RESNET.parameters)
    assert {array.dtype for array in weights.values()} == {np.dtype(np.float32)}
    assert sha256(*weights.values()) == golden


def test_golden_orthogonal_weights_of_lenet() -> None:
    """Among them one with more columns than are summed at once, and more rows than columns."""
    weights = initial_weights(LENET, "orthogonal", 0)
    assert sha256(*weights.values()) == (
        "5a10e2751a6231b46e042ec8f296caaa8ccf24b322ccb1e33c3af706283f5f3d"
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (6, 6), (40, 600), (600, 40), (64, 576)])
def test_orthonormal_rows_or_columns(shape: tuple[int, int]) -> None:
    matrix = rng.normal(math.prod(shape), 0, "test").reshape(shape)
    found = orthonormal(matrix)
    assert found.shape == shape
    short = found if shape[0] <= shape[1] else found.T
    assert np.abs(short @ short.T - np.eye(len(short))).max() < 1e-12
    # The first direction is kept, and each next one has a positive share of its own: no sign is
    # chosen, so every orthonormal matrix is as likely as every other.
    drawn = matrix if shape[0] <= shape[1] else matrix.T
    assert np.all(np.diag(short @ drawn.T) > 0)
    assert np.allclose(short[0], drawn[0] / np.linalg.norm(drawn[0]))


def test_orthonormal_is_the_r_free_part_of_qr() -> None:
    """What LAPACK gives, but for rounding and signs."""
    matrix = rng.normal(300 * 20, 1, "test").reshape(300, 20)
    q, r = np.linalg.qr(matrix)
    assert np.allclose(orthonormal(matrix), q * np.sign(np.diag(r)), atol=1e-12)


def test_the_order_of_a_sum_is_written_down() -> None:
    """The first row's length by hand: lanes side by side, then a tree."""
    row = rng.normal(3 * LANES + 5, 2, "test")
    padded = np.append(row * row, np.zeros(LANES - 5)).reshape(4, LANES).tolist()
    lanes = [((a + b) + c) + d for a, b, c, d in zip(*padded, strict=True)]
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = [a + b for a, b in zip(lanes[:half], lanes[half:], strict=True)]
    expected = row / math.sqrt(lanes[0])
    assert np.array_equal(orthonormal(row.reshape(1, -1))[0], expected)


def test_orthogonal_weights_have_the_gain_of_relu() -> None:
    weight = initial_weights(RESNET, "orthogonal", 1)["stage2.block0.conv2.weight"].astype(float)
    rows = weight.reshape(32, 288)
    assert np.allclose(rows @ rows.T, 2 * np.eye(32), atol=1e-6)


def test_binary_weights_are_the_signs_of_kaiming_normal() -> None:
    drawn = initial_weights(RESNET, "kaiming-normal", 1)
    for parameter in RESNET.prunable:
        found = initial_weights(RESNET, "binary", 1)[parameter.name]
        deviation = np.float32(math.sqrt(2 / parameter.fan_in))
        assert np.array_equal(found, np.copysign(deviation, drawn[parameter.name]))


@pytest.mark.parametrize(
    ("rule", "variance"),
    [
        ("kaiming-normal", 2 / 288),
        ("kaiming-uniform", 2 / 288),
        ("glorot-normal", 2 / 576),
        ("glorot-uniform", 2 / 576),
        ("orthogonal", 2 / 288),
        ("binary", 2 / 288),
    ],
)
def test_the_spread_of_a_convolution(rule: str, variance: float) -> None:
    """A 3 x 3 convolution of 32 channels to 32: each output sums over 288 inputs."""
    weight = initial_weights(RESNET, rule, 2)["stage2.block0.conv2.weight"]
    assert weight.shape == (32, 32, 3, 3)
    assert abs(weight.std() / math.sqrt(variance) - 1) < 0.03
    assert abs(weight.mean()) < 4 * math.sqrt(variance / weight.size)


def test_the_spread_of_a_depthwise_convolution() -> None:
    """Each output sums over the nine pixels of one channel."""
    graph = mobilenet_v1((3, 32, 32), 10, 1)
    weight = initial_weights(graph, "kaiming-normal", 2)["stage5.block1.depthwise.weight"]
    assert weight.shape == (1024, 1, 3, 3)
    assert abs(weight.std() / math.sqrt(2 / 9) - 1) < 0.03


def test_scales_and_shifts_of_norms() -> None:
    ones = initial_weights(RESNET, "kaiming-normal", 3)
    drawn = initial_weights(RESNET, "kaiming-normal", 3, norm_scale="uniform")
    for parameter in RESNET.parameters:
        if parameter.role == "scale":
            assert np.array_equal(ones[parameter.name], np.ones(parameter.shape))
            expected = rng.uniform(parameter.size, 3, "init", 0, parameter.name)
            assert np.array_equal(drawn[parameter.name], expected.astype(np.float32))
        else:
            assert np.array_equal(drawn[parameter.name], ones[parameter.name])
        if parameter.role in ("bias", "shift"):
            assert not drawn[parameter.name].any()


@pytest.mark.parametrize("rule", RULES)
def test_a_layers_weights_depend_on_its_own_name_and_shape(rule: str) -> None:
    deeper = cifar_resnet((3, 32, 32), 100, 14, 16)
    weights, others = (initial_weights(graph, rule, 1) for graph in (RESNET, deeper))
    name = "stage2.block0.conv1.weight"
    assert np.array_equal(weights[name], others[name])


def test_statistics_start_at_zero_and_one() -> None:
    buffers = initial_buffers(RESNET)
    assert list(buffers) == [buffer.name for buffer in RESNET.buffers]
    assert np.array_equal(buffers["norm1.running_mean"], np.zeros(16))
    assert np.array_equal(buffers["stage3.block0.norm2.running_var"], np.ones(64))
    assert {array.dtype for array in buffers.values()} == {np.dtype(np.float32)}
    assert initial_buffers(LENET) == {}


def test_an_unknown_rule_for_scales() -> None:
    with pytest.raises(ValueError, match="'zero'"):
        initial_weights(RESNET, "kaiming-normal", 0, norm_scale="zero")
