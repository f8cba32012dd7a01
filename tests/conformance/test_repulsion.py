"""Takes a backend; asserts that its repellent term is the reference's, and the formula's.

The term is strength / n * sum of cos^2(w, a) over n solutions a, w and a being all weights of conv
and linear layers under the mask as one vector (Maene, Li and Moens 2021, section 3).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ltspec.decisions.repulsion import repulsion
from ltspec.engine.backend import Settings

RULES = ("sgd", "nesterov", "plain", "adam")


def solutions(case, count, seed=3):
    """Earlier networks that were dense, so that the mask has something to take away."""
    random = np.random.default_rng(seed)
    return [
        {
            name: (array + random.normal(0, 0.3, array.shape)).astype(np.float32)
            for name, array in case.state.weights.items()
        }
        for _ in range(count)
    ]


def term_of(case, count, strength, dtype=np.float64):
    names = [parameter.name for parameter in case.graph.prunable]
    return repulsion(strength, solutions(case, count), case.masks, names, np.dtype(dtype))


def play(case, backend, term, start=0, stop=20, state=None):
    return case.play(backend, start, stop, state, repulsion=term)


def value(case, weights, strength, count):
    """The term itself, written down once more without the reference."""
    names = [parameter.name for parameter in case.graph.prunable]

    def vector(arrays):
        masked = [arrays[n].astype(np.float64) * case.masks.get(n, True) for n in names]
        return np.concatenate([array.ravel() for array in masked])

    w = vector(weights)
    squares = []
    for solution in solutions(case, count):
        a = vector(solution)
        squares.append((w @ a) ** 2 / ((w @ w) * (a @ a)))
    return strength * np.mean(squares)


@pytest.mark.parametrize("strength", [2.0, -1.0])
@pytest.mark.parametrize("name", ["lenet", "residual", "uneven"])
def test_one_step_is_the_slope_of_the_term(kit, backend64, name, strength):
    """By finite differences: w' - w without the term, less that with it, is rate * slope; for
    every weight of a small layer and one of each other, zero where the mask is."""
    case = kit.case("plain", None if name == "lenet" else kit.GRAPHS[name])
    term = term_of(case, 3, strength)
    weights = {n: array.astype(np.float64) for n, array in case.state.weights.items()}
    state = replace(case.state, weights=weights)
    without, _ = play(case, backend64, None, 0, 1, state)
    with_term, _ = play(case, backend64, term, 0, 1, state)
    rate = float(case.tape(0, 1).rates[0])
    seen = 0
    for parameter in case.graph.parameters:
        moved = (without.weights[parameter.name] - with_term.weights[parameter.name]) / rate
        if not parameter.prunable:
            assert not moved.any(), parameter.name
            continue
        mask = case.masks[parameter.name]
        assert not moved[~mask].any()
        for place in list(np.argwhere(mask))[:12]:
            slopes = []
            for h in (1e-5, -1e-5):
                shifted = {n: array.copy() for n, array in weights.items()}
                shifted[parameter.name][tuple(place)] += h
                slopes.append(value(case, shifted, strength, 3))
            expected = (slopes[0] - slopes[1]) / 2e-5
            assert moved[tuple(place)] == pytest.approx(expected, abs=2e-8)
            seen += abs(expected) > 1e-4
    assert seen > 10, "the term has no slope here"


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("count", [1, 3])
def test_float64(kit, reference, backend64, rule, count):
    case = kit.case(rule)
    term = term_of(case, count, 2.0)
    ours, our_losses = play(case, backend64, term)
    theirs, their_losses = play(case, reference, term)
    without, _ = play(case, reference, None)
    assert kit.worst(ours.weights, theirs.weights) < 1e-10
    assert kit.worst(theirs.weights, without.weights) > 1e-3, "the term did nothing"
    for slot in theirs.slots:
        assert kit.worst(ours.slots[slot], theirs.slots[slot]) < 1e-10
    np.testing.assert_allclose(our_losses, their_losses, atol=1e-6)
    for name, mask in case.masks.items():
        assert not ours.weights[name][~mask].any()


@pytest.mark.parametrize("name", ["residual", "vgg", "mobile", "uneven"])
def test_convolutional_networks(kit, reference, backend64, backend32, name):
    case = kit.case("sgd", kit.GRAPHS[name])
    ours, _ = play(case, backend64, term_of(case, 5, -1.0))
    single, _ = play(case, backend32, term_of(case, 5, -1.0, np.float32))
    theirs, _ = play(case, reference, term_of(case, 5, -1.0))
    assert kit.worst(ours.weights, theirs.weights) < 1e-10
    assert kit.worst(ours.buffers, theirs.buffers) < 1e-10
    assert kit.worst(single.weights, theirs.weights) < 5e-5


def test_without_masks_every_weight_takes_part(kit, reference, backend64):
    case = kit.case("sgd", kit.GRAPHS["residual"], kept=1)
    term = term_of(case, 2, 2.0)
    ours, _ = play(case, backend64, term)
    assert kit.worst(ours.weights, play(case, reference, term)[0].weights) < 1e-10


def test_losses_are_without_the_term(kit, backend64):
    case = kit.case("sgd")
    _, losses = play(case, backend64, None, 0, 1)
    _, repelled = play(case, backend64, term_of(case, 3, 2.0), 0, 1)
    assert repelled[0] == losses[0]


def test_no_term_is_no_term_to_the_bit(kit, backend32):
    """Whether or not another training of the same network was repelled in between."""
    case = kit.case("sgd", kit.GRAPHS["residual"])
    before, losses = play(case, backend32, None)
    play(case, backend32, term_of(case, 3, 2.0, np.float32))
    after, again = case.play(backend32)
    assert kit.identical(before, after)
    assert losses.tobytes() == again.tobytes()


def test_another_term_is_another_training(kit, reference, backend64):
    """Of as many solutions: what was sent to a device for one training is not used in the next."""
    case = kit.case("plain")
    names = [parameter.name for parameter in case.graph.prunable]
    for seed in (3, 4):
        found = solutions(case, 2, seed)
        term = repulsion(2.0, found, case.masks, names, np.dtype(np.float64))
        ours, _ = play(case, backend64, term)
        assert kit.worst(ours.weights, play(case, reference, term)[0].weights) < 1e-10


def test_a_tape_in_two_pieces_ends_with_the_same_bits(kit, adapter):
    backend = adapter.open(Settings("cpu", "float32"))
    for name in ("residual", None):
        case = kit.case("sgd", kit.GRAPHS[name] if name else None)
        term = term_of(case, 3, 2.0, np.float32)
        whole, losses = play(case, backend, term)
        for cut in (1, 6, 13):
            half, first = play(case, backend, term, 0, cut)
            rest, second = play(case, backend, term, cut, 20, half)
            assert kit.identical(rest, whole), f"cut at {cut}"
            np.testing.assert_array_equal(np.concatenate([first, second]), losses)


def test_vectors_of_zeros_have_no_angle(kit, backend64):
    """A solution that has nothing under the mask counts, and does not pull; weights that are all
    zero are pulled nowhere. Neither gives a number that is none."""
    case = kit.case("plain")
    names = [parameter.name for parameter in case.graph.prunable]
    some = solutions(case, 1)[0]
    # All of it where the mask is not.
    hidden = {n: a * ~case.masks[n] if n in case.masks else a for n, a in some.items()}
    alone = repulsion(2.0, [some], case.masks, names, np.dtype(np.float64))
    both = repulsion(4.0, [some, hidden], case.masks, names, np.dtype(np.float64))
    first, second = (play(case, backend64, term, 0, 4)[0] for term in (alone, both))
    assert kit.worst(first.weights, second.weights) < 1e-14
    nothing = repulsion(2.0, [hidden], case.masks, names, np.dtype(np.float64))
    zeros = {n: a * 0 if n in names else a for n, a in case.state.weights.items()}
    for term, state in ((nothing, case.state), (alone, replace(case.state, weights=zeros))):
        ours, losses = play(case, backend64, term, 0, 1, state)
        plain, _ = play(case, backend64, None, 0, 1, state)
        assert np.isfinite(losses).all()
        assert kit.worst(ours.weights, plain.weights) < 1e-15
