"""What is decided beforehand is the same on every machine, for ever.

The literal hashes here may never change: every stored result and every published number was made
from these bytes. Should one have to change, that is a new meaning: a new stream name in rng.py
and a new version of the semantics in every key.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from decimal import Decimal, localcontext
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ltspec.decisions import exact, rng
from ltspec.decisions.initial import initial_weights
from ltspec.decisions.rates import rates
from ltspec.decisions.recipe import Augment, Recipe, Schedule, Sgd
from ltspec.decisions.tape import Tape, record
from ltspec.networks.lenet import lenet

LENET = lenet((1, 28, 28), 10, (300, 100))
RULES = ("kaiming-normal", "kaiming-uniform", "glorot-normal", "glorot-uniform")


def sha256(*arrays: NDArray[np.generic]) -> str:
    """Over the little-endian bytes, one array after the other."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def recipe(examples: int, batch_size: int, order_seed: int = 0) -> Recipe:
    return Recipe(
        "made-up",
        1,
        examples,
        batch_size,
        Sgd(0.9, False, 0.0, "all"),
        Schedule("step", 0.1, 3, drops=(7, 20), factor=0.1),
        order_seed,
    )


# Streams ------------------------------------------------------------------------------------------


def test_golden_bits() -> None:
    words = rng.bits(1000, 0, "test")
    assert words.dtype == np.uint64
    assert words[:2].tolist() == [5022801994366655646, 9494333564722620716]
    assert sha256(words) == "2946bbd8fe6786a7554cd4645d7672c2b0416b8134f4f50d2b669c1a7ba509f6"


def test_golden_permutation() -> None:
    order = rng.permutation(60_000, 0, "order", 0)
    assert order.dtype == np.int32
    assert rng.permutation(5, 0, "order", 0).tolist() == [4, 2, 1, 0, 3]
    assert sha256(order) == "6ba81550661cd8aaf1ef8a1801de54ddb7dfb6d0ae6c354087c687fea436f283"


def test_golden_uniform() -> None:
    numbers = rng.uniform(100_000, 7, "init", 0, "fc1.weight")
    assert sha256(numbers) == "b2b109e3898f1ed6be3751cf30d2f9481ff9aaff7a9bb7b7a678984ae786fea8"


def test_golden_normal() -> None:
    numbers = rng.normal(100_000, 7, "init", 0, "fc1.weight")
    assert sha256(numbers) == "d1110f909e208dfc2f91e3a7417d4d065a629e8c808cb2b856e62ace44df6c23"


@pytest.mark.parametrize(
    ("rule", "draw", "golden"),
    [
        ("kaiming-normal", 0, "46d1b914b69e6ead9f9ab17539c4c2dae08ec7edb5be88d05b787dbf5532c8ca"),
        ("kaiming-uniform", 0, "99474f57b4f176f28c02cc5ec15b062254e4b5f05a48fa982a4c9b8849913c4c"),
        ("glorot-normal", 0, "0367226d8a2c40ef81ee0f69e64e35b3e13560c3b0c86c967877c69d8041034e"),
        ("glorot-uniform", 0, "75ca1bfaa35511c966a1f4fd02a725d23b15a6fbe5cbadb0ce5089da3ef278c0"),
        ("glorot-normal", 3, "cc26276e04e02447ad117b442602382f049164188ca5ccc6d489381244ffb8a1"),
    ],
)
def test_golden_initial_weights(rule: str, draw: int, golden: str) -> None:
    """LeNet-300-100 on MNIST, seed 0; every parameter in graph order, biases included."""
    assert sha256(*initial_weights(LENET, rule, 0, draw).values()) == golden


def test_golden_order_of_a_tape() -> None:
    """Epochs 0 to 2 of MNIST, and a tape that begins and ends within an epoch."""
    whole = record(recipe(60_000, 60), 0, 3000, 0)
    assert sha256(whole.examples.reshape(3, 60_000)) == (
        "961f591a888753f0303e96aa0c427372374cf6c75235c78d0ec0749f266106f4"
    )
    part = record(recipe(60_000, 60), 990, 2010, 0)
    assert np.array_equal(part.examples, whole.examples[990 * 60 : 2010 * 60])


def test_golden_augmentation_of_a_tape() -> None:
    """Epochs 0 and 1 of CIFAR-10, in the order in which examples come."""
    tape = record(replace(recipe(50_000, 128), augment=Augment(flip=True, crop=4)), 0, 782, 0)
    assert tape.flips is not None
    assert tape.shifts is not None
    assert sha256(tape.flips) == (
        "b17694c8e5e4f0707f8f8222c6702f4828c7efabe14b2b24eb44550eea07cd40"
    )
    assert sha256(tape.shifts) == (
        "e00efcf3a0f47efa46788f9f4d1fc1dfc8c5d6c0b6beefcaaa131aa71826d89b"
    )


def philox(key: int, count: int) -> list[int]:
    """Philox-4x64-10 as in Salmon et al. 2011, in whole numbers; counters from 1."""
    mask, words, block = 2**64 - 1, [], 1
    while len(words) < count:
        c0, c1, c2, c3 = block, 0, 0, 0
        k0, k1 = key & mask, key >> 64
        for _ in range(10):
            low, high = c0 * 0xD2E7470EE14C6C93, c2 * 0xCA5A826395121157
            c0, c1, c2, c3 = (high >> 64) ^ c1 ^ k0, high & mask, (low >> 64) ^ c3 ^ k1, low & mask
            k0, k1 = (k0 + 0x9E3779B97F4A7C15) & mask, (k1 + 0xBB67AE8584CAA73B) & mask
        words += [c0, c1, c2, c3]
        block += 1
    return words[:count]


def test_the_bits_are_philox_of_the_hashed_name() -> None:
    name = b"ltspec-stream-1\x1f42\x1finit\x1f0\x1ffc1.weight"
    key = int.from_bytes(hashlib.sha256(name).digest()[:16], "little")
    assert rng.bits(11, 42, "init", 0, "fc1.weight").tolist() == philox(key, 11)


def test_a_stream_does_not_move_because_another_is_used() -> None:
    before = rng.normal(100, 1, "init", 0, "a")
    np.random.seed(3)
    rng.uniform(1000, 1, "order", 0)
    rng.permutation(17, 1, "init", 0)
    np.random.random(10)
    assert np.array_equal(rng.normal(100, 1, "init", 0, "a"), before)
    assert np.array_equal(rng.normal(1000, 1, "init", 0, "a")[:100], before)


def test_different_names_are_different_streams() -> None:
    names: list[tuple[int, str, tuple[str | int, ...]]] = [
        (0, "order", (0,)),
        (1, "order", (0,)),
        (0, "order", (1,)),
        (0, "init", (0,)),
        (0, "order", ()),
        (0, "order", (0, 0)),
        (0, "order", (1, 23)),
        (0, "order", (12, 3)),
        (-1, "order", (0,)),
        (0, "orde", ("r", 0)),
        (2**64, "order", (0,)),
    ]
    streams = {rng.bits(4, seed, purpose, *index).tobytes() for seed, purpose, index in names}
    assert len(streams) == len(names)


@pytest.mark.parametrize("count", [0, 1, 2, 10, 1438])
def test_a_permutation_has_every_number_once(count: int) -> None:
    order = rng.permutation(count, 5, "order", 2)
    assert sorted(order.tolist()) == list(range(count))


def test_permutations_are_fair() -> None:
    """Each of the 24 orders of 4 comes about as often: chi-squared with 23 degrees of freedom."""
    counts: dict[bytes, int] = {}
    for index in range(4800):
        order = rng.permutation(4, 0, "fair", index).tobytes()
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 24
    assert sum((n - 200) ** 2 / 200 for n in counts.values()) < 50  # p = 0.001


def test_uniform_numbers_are_uniform() -> None:
    numbers = rng.uniform(1_000_000, 3, "test")
    assert 0 < numbers.min() < 1e-5
    assert 1 - 1e-5 < numbers.max() < 1
    assert abs(numbers.mean() - 0.5) < 4 * math.sqrt(1 / 12 / 1e6)
    counts = np.histogram(numbers, 100, (0, 1))[0]
    assert ((counts - 10_000) ** 2 / 10_000).sum() < 149  # 99 degrees of freedom, p = 0.001
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 4e-3


def test_normal_numbers_are_normal() -> None:
    numbers = rng.normal(1_000_000, 3, "test")
    assert abs(numbers.mean()) < 4e-3
    assert abs(numbers.var() - 1) < 4 * math.sqrt(2 / 1e6)
    assert abs((numbers**3).mean()) < 4 * math.sqrt(15 / 1e6)
    assert abs((numbers**4).mean() - 3) < 4 * math.sqrt(96 / 1e6)
    edges = [NormalDist().inv_cdf(k / 100) for k in range(1, 100)]
    counts = np.bincount(np.searchsorted(edges, numbers), minlength=100)
    assert ((counts - 10_000) ** 2 / 10_000).sum() < 149


# Functions that are the same on every machine -----------------------------------------------------


def decimal_cos(x: Decimal) -> Decimal:
    """By its series, to the precision of the context."""
    term = total = Decimal(1)
    for k in range(1, 60):
        term *= -x * x / ((2 * k - 1) * (2 * k))
        total += term
    return total


def test_logarithm() -> None:
    numbers = np.concatenate(
        [
            rng.uniform(300, 0, "log"),
            2.0 ** np.linspace(-1000, 1000, 300),
            [5e-324, 1.0, 2.0**-53],
            1 + np.linspace(-1e-3, 1e-3, 101),
            [0.7071067811865475, 0.7071067811865476, 1.5, 2.0],
        ]
    )
    with localcontext() as context:
        context.prec = 50
        for x, y in zip(numbers.tolist(), exact.log(numbers).tolist(), strict=True):
            true = Decimal(x).ln()
            assert abs(Decimal(y) - true) <= Decimal("1e-15") * max(1, abs(true))


def test_cosine() -> None:
    numbers = np.concatenate(
        [
            rng.uniform(300, 0, "cos") * math.pi,
            [0.0, math.pi, math.pi / 2, 1e-9, math.pi / 3],
        ]
    )
    with localcontext() as context:
        context.prec = 60
        for x, y in zip(numbers.tolist(), exact.cos(numbers).tolist(), strict=True):
            assert abs(Decimal(y) - decimal_cos(Decimal(x))) < Decimal("1e-15")
    assert exact.cos(np.array([0.0, math.pi])).tolist() == [1.0, -1.0]


def test_normal_quantile() -> None:
    p = np.concatenate(
        [
            rng.uniform(2000, 0, "quantile"),
            [2.0**-53, 1e-12, 0.02425, 0.5, 0.97575, 1 - 2.0**-53],
            [math.nextafter(0.02425, 0), math.nextafter(0.97575, 1)],
        ]
    )
    true = np.array([NormalDist().inv_cdf(x) for x in p.tolist()])
    relative = np.abs(exact.normal_quantile(p) - true)[true != 0] / np.abs(true[true != 0])
    assert relative.max() < 1.2e-9
    assert exact.normal_quantile(np.array([0.5])).tolist() == [0.0]
    symmetric = exact.normal_quantile(np.array([0.01, 0.25, 0.75, 0.99]))
    assert np.allclose(symmetric, -symmetric[::-1], rtol=1e-12)


# Initial weights ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "deviation"),
    [
        ("kaiming-normal", math.sqrt(2 / 784)),
        ("kaiming-uniform", math.sqrt(6 / 784 / 3)),
        ("glorot-normal", math.sqrt(2 / 1084)),
        ("glorot-uniform", math.sqrt(6 / 1084 / 3)),
    ],
)
def test_initial_weights_have_the_rules_spread(rule: str, deviation: float) -> None:
    weights = initial_weights(LENET, rule, 1)
    assert list(weights) == [parameter.name for parameter in LENET.parameters]
    first = weights["fc1.weight"]
    assert first.shape == (300, 784)
    assert first.dtype == np.float32
    assert abs(first.std() / deviation - 1) < 0.01
    assert abs(first.mean()) < 4 * deviation / math.sqrt(first.size)
    if rule.endswith("uniform"):
        assert deviation * math.sqrt(3) * 0.999 < np.abs(first).max() <= deviation * math.sqrt(3)
    assert not any(weights[f"fc{k}.bias"].any() for k in (1, 2, 3))


@pytest.mark.parametrize("rule", RULES)
def test_a_layers_weights_depend_on_its_own_name_and_shape(rule: str) -> None:
    other = initial_weights(lenet((1, 28, 28), 10, (300, 50)), rule, 1)
    assert np.array_equal(initial_weights(LENET, rule, 1)["fc1.weight"], other["fc1.weight"])


def test_seeds_draws_and_layers_are_apart() -> None:
    graph = lenet((1, 4, 4), 16, (16, 16))
    seen = {
        initial_weights(graph, "glorot-normal", seed, draw)[name].tobytes()
        for seed in (0, 1)
        for draw in (0, 1)
        for name in ("fc1.weight", "fc2.weight", "fc3.weight")
    }
    assert len(seen) == 12


def test_an_unknown_rule() -> None:
    with pytest.raises(ValueError, match="'zeros'"):
        initial_weights(LENET, "zeros", 0)


# Learning rates -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Schedule("constant", 0.1, 0), [0.1] * 6),
        (Schedule("constant", 0.5, 4), [0.125, 0.25, 0.375, 0.5, 0.5, 0.5]),
        (Schedule("step", 1.0, 0, drops=(2, 4), factor=0.5), [1, 1, 0.5, 0.5, 0.25, 0.25]),
        (Schedule("step", 1.0, 3, drops=(1,), factor=0.5), [1 / 3, 1 / 3, 0.5, 0.5, 0.5, 0.5]),
        (Schedule("linear", 1.0, 0, end=4), [1, 0.75, 0.5, 0.25, 0, 0]),
        (Schedule("linear", 1.0, 2, end=6), [0.5, 1, 1, 0.75, 0.5, 0.25, 0, 0]),
        (Schedule("linear", 1.0, 0, end=2, end_lr=0.2), [1, 0.6, 0.2, 0.2]),
        (Schedule("cosine", 1.0, 0, end=4), [1, 0.8535534, 0.5, 0.14644661, 0, 0]),
        (Schedule("cosine", 2.0, 1, end=3, end_lr=1.0), [2, 2, 1.5, 1, 1]),
        (Schedule("step", 1.0, 0, drops=(2, 4), factor=0.5, hold=3), [1, 1, 0.5, 0.5, 0.5, 0.5]),
        (Schedule("constant", 1.0, 4, hold=2), [0.25, 0.5, 0.5, 0.5, 0.5]),
        (Schedule("cosine", 1.0, 0, end=4, hold=1), [1, 1, 1, 1, 1]),
        (Schedule("linear", 1.0, 0, end=4, hold=4), [1, 0.75, 0.5, 0.25, 0.25, 0.25]),
    ],
)
def test_rates(schedule: Schedule, expected: list[float]) -> None:
    found = rates(schedule, 0, len(expected))
    assert found.dtype == np.float32
    assert np.allclose(found, np.array(expected, np.float32), rtol=1e-7, atol=2e-17)
    for cut in range(len(expected)):
        assert np.array_equal(rates(schedule, cut, len(expected)), found[cut:])


def test_rates_are_rounded_once() -> None:
    """In float32 all along, the third drop would give another number."""
    schedule = Schedule("step", 0.1, 0, drops=(1, 2, 3), factor=0.1)
    assert rates(schedule, 0, 4).tolist() == [
        float(np.float32(x)) for x in (0.1, 0.1 * 0.1, 0.1 * 0.1 * 0.1, 0.1 * 0.1 * 0.1 * 0.1)
    ]


# Tapes --------------------------------------------------------------------------------------------


def test_every_epoch_sees_every_example_once_and_the_last_partial_batch_is_kept() -> None:
    tape = record(recipe(50_000, 128), 0, 2 * 391, 0)
    assert tape.steps == 782
    batches = list(tape.batches())
    assert [len(batch) for batch in batches] == ([128] * 390 + [80]) * 2
    epochs = [np.concatenate(batches[:391]), np.concatenate(batches[391:])]
    for epoch in epochs:
        assert np.array_equal(np.sort(epoch), np.arange(50_000))
    assert not np.array_equal(*epochs)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 60), st.data())
def test_a_tape_in_pieces_is_the_whole_tape(
    examples: int, batch_size: int, stop: int, data: st.DataObject
) -> None:
    how = replace(
        recipe(examples, min(batch_size, examples)),
        augment=Augment(flip=True, crop=3, resized_crop=True),
    )
    start = data.draw(st.integers(0, stop - 1))
    fresh_at = data.draw(st.integers(0, start))
    cuts = sorted(
        data.draw(st.sets(st.integers(start + 1, stop - 1), max_size=4)) if start + 1 < stop else []
    )
    whole = record(how, 0, stop, 0)
    pieces = [
        record(how, a, b, fresh_at) for a, b in zip([start, *cuts], [*cuts, stop], strict=True)
    ]
    batches = [batch.tolist() for piece in pieces for batch in piece.batches()]
    assert batches == [whole.batch(step).tolist() for step in range(start, stop)]
    assert np.array_equal(np.concatenate([piece.rates for piece in pieces]), whole.rates[start:])
    assert [piece.first_update for piece in pieces] == [a - fresh_at for a in [start, *cuts]]
    assert all(batch for batch in batches)
    for name in ("flips", "shifts", "boxes"):
        parts = np.concatenate([getattr(piece, name) for piece in pieces])
        assert np.array_equal(parts, getattr(whole, name)[whole.bounds[start] :])


def test_the_order_depends_on_its_seed_alone() -> None:
    orders = [record(recipe(100, 10, seed), 0, 10, 0).examples for seed in (0, 1, 0)]
    assert np.array_equal(orders[0], orders[2])
    assert not np.array_equal(orders[0], orders[1])
    other_batches: Tape = record(recipe(100, 7, 0), 0, 15, 0)
    assert np.array_equal(orders[0], other_batches.examples)


def test_augmentation_belongs_to_the_example_and_moves_no_other_stream() -> None:
    """Not to its place in the epoch: a sweep over batch sizes sees the same images."""
    both = Augment(flip=True, crop=4)
    plain = record(recipe(1000, 10, 5), 0, 200, 0)
    tape = record(replace(recipe(1000, 10, 5), augment=both), 0, 200, 0)
    flipped = record(replace(recipe(1000, 10, 5), augment=Augment(flip=True)), 0, 200, 0)
    large = record(replace(recipe(1000, 500, 5), augment=both), 0, 4, 0)
    assert plain.flips is plain.shifts is flipped.shifts is None
    assert np.array_equal(tape.examples, plain.examples)
    assert tape.flips is not None
    assert tape.shifts is not None
    assert flipped.flips is not None
    assert large.shifts is not None
    assert np.array_equal(tape.flips, flipped.flips)
    assert np.array_equal(tape.shifts, large.shifts)
    first, second = (
        shifts[np.argsort(examples)]
        for shifts, examples in zip(
            tape.shifts.reshape(2, 1000, 2), tape.examples.reshape(2, 1000), strict=True
        )
    )
    assert not np.array_equal(first, second), "another epoch moves the same image elsewhere"


def test_flips_are_fair_and_shifts_cover_the_border_alike() -> None:
    """Of 100,000 draws; 5 standard deviations are 790 of 50,000, and 499 of 11,111 each."""
    augment = Augment(flip=True, crop=4)
    tape = record(replace(recipe(100_000, 100), augment=augment), 0, 1000, 0)
    assert tape.flips is not None
    assert tape.shifts is not None
    assert abs(int(tape.flips.sum()) - 50_000) < 790
    for axis in (0, 1):
        values, counts = np.unique(tape.shifts[:, axis], return_counts=True)
        assert values.tolist() == list(range(-4, 5))
        assert np.abs(counts - 100_000 / 9).max() < 499
    assert abs(np.corrcoef(tape.shifts.T)[0, 1]) < 5 / np.sqrt(100_000)


@pytest.mark.parametrize(("start", "stop", "fresh_at"), [(5, 5, 0), (5, 4, 0), (0, 5, 1)])
def test_a_tape_without_steps_is_refused(start: int, stop: int, fresh_at: int) -> None:
    with pytest.raises(ValueError, match="has no steps"):
        record(recipe(10, 2), start, stop, fresh_at)
