"""Takes a backend; asserts that the same work gives the same bits: again, in pieces, elsewhere."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from ltspec.engine.backend import State

STEPS = 20

PROGRAM = """
import importlib, hashlib, sys
import numpy as np
from ltspec.decisions.initial import initial_weights
from ltspec.decisions.recipe import Recipe, Schedule, Sgd
from ltspec.decisions.tape import record
from ltspec.engine.backend import Demand, Settings, Split, State
from ltspec.networks.cifar_resnet import cifar_resnet
from ltspec.networks.lenet import lenet

def digest(adapter, graph, steps):
    random = np.random.default_rng(0)
    split = Split(
        random.integers(0, 256, (500, *graph.input_shape), dtype=np.uint8),
        random.integers(0, 10, 500).astype(np.uint8),
        np.full(graph.input_shape[0], 1 / 78, np.float32),
        np.full(graph.input_shape[0], -0.4, np.float32),
    )
    rule = Sgd(0.9, False, 0.0, "all")
    recipe = Recipe("random", 1, 500, 60, rule, Schedule("constant", 0.05, 0), 1)
    lowering = adapter.lower(Demand(graph, 60, 500, rule, steps), Settings("cpu", "float32"))
    buffers = {b.name: np.full(b.shape, b.initial, np.float32) for b in graph.buffers}
    start = State(initial_weights(graph, "glorot-normal", 1), 0, buffers=buffers)
    state, losses = adapter.open(Settings("cpu", "float32")).train(
        graph, split, record(recipe, 0, steps, 0), start, {}, rule, lowering
    )
    arrays = [*state.weights.values(), *state.slots["velocity"].values()]
    arrays += [*state.buffers.values(), losses]
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()

def digests(adapter):
    '''Of sizes at which matrix products and convolutions are split over threads.'''
    return [
        digest(adapter, lenet((1, 28, 28), 10, (300, 100)), 30),
        digest(adapter, cifar_resnet((3, 32, 32), 10, 8, 8), 10),
    ]
"""


@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_a_tape_in_two_pieces_ends_with_the_same_bits(kit, backend32, rule):
    """Cut at every step: within epochs, at their ends, before and after the small batch. State
    and slots pass through numpy, as they do through a store."""
    case = kit.case(rule)
    whole, losses = case.play(backend32, 0, STEPS)
    for cut in range(1, STEPS):
        half, first = case.play(backend32, 0, cut)
        assert half.step == cut
        rest, second = case.play(backend32, cut, STEPS, through_numpy(half))
        assert kit.identical(rest, whole), f"cut at {cut}"
        np.testing.assert_array_equal(np.concatenate([first, second]), losses)


def through_numpy(state: State) -> State:
    """Copies of all arrays: nothing is left of what a backend may hold."""

    def copies(arrays):
        return {name: np.array(array) for name, array in arrays.items()}

    slots = {slot: copies(arrays) for slot, arrays in state.slots.items()}
    return State(copies(state.weights), state.step, slots, copies(state.buffers))


@pytest.mark.parametrize("name", [None, "residual"])
@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_a_state_that_nobody_looked_at_goes_on(kit, backend32, name, rule):
    """A backend may keep it on its device, as long as nobody can tell."""
    case = kit.case(rule, kit.GRAPHS[name]) if name else kit.case(rule)
    whole, _ = case.play(backend32, 0, STEPS)
    seen = through_numpy(case.play(backend32, 0, 7)[0])
    unseen, _ = case.play(backend32, 0, 7)
    first, _ = case.play(backend32, 7, STEPS, unseen)
    assert kit.identical(first, whole)
    again, _ = case.play(backend32, 7, STEPS, unseen)
    assert kit.identical(again, whole)
    assert kit.identical(unseen, seen)
    after_a_look, _ = case.play(backend32, 7, STEPS, unseen)
    assert kit.identical(after_a_look, whole)


@pytest.mark.parametrize("name", ["residual", "vgg"])
def test_convolutional_networks_in_pieces(kit, backend32, name):
    """Running statistics are part of what goes on."""
    case = kit.case("sgd", kit.GRAPHS[name])
    whole, losses = case.play(backend32)
    for cut in (5, 6, 10):
        half, first = case.play(backend32, 0, cut)
        rest, second = case.play(backend32, cut, 20, half)
        assert kit.identical(rest, whole), f"cut at {cut}"
        np.testing.assert_array_equal(np.concatenate([first, second]), losses)


def test_float64_in_pieces(kit, backend64):
    case = kit.case("nesterov")
    whole, _ = case.play(backend64)
    half, _ = case.play(backend64, 0, 7)
    assert kit.identical(case.play(backend64, 7, 20, half)[0], whole)


@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_again_in_this_process(kit, backend32, rule):
    case = kit.case(rule)
    first, losses = case.play(backend32)
    for _ in range(3):
        again, again_losses = case.play(backend32)
        assert kit.identical(again, first)
        assert again_losses.tobytes() == losses.tobytes()


def test_again_in_another_process(adapter, backend_name):
    """At the size of real networks."""
    here: dict[str, object] = {}
    exec(PROGRAM, here)
    mine = here["digests"](adapter)  # type: ignore[operator]
    assert [len(digest) for digest in mine] == [hashlib.sha256().digest_size * 2] * 2
    call = f"print(*digests(importlib.import_module('ltspec_{backend_name}').adapter))"
    other = subprocess.run(
        [sys.executable, "-c", PROGRAM + call],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert other.returncode == 0, other.stderr
    assert other.stdout.split() == mine
    assert "Traceback" not in other.stderr
