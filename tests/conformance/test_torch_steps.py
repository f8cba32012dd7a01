"""Takes the torch backend; asserts that its steps can be recorded once and repeated for ever.

A CUDA graph repeats what a step asked of the device, at the same places of its memory and without
the Python around it. So does the recording below, on a CPU: whatever a step would read anew from
Python, or write to a place of its own, would come out wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from ltspec.decisions.recipe import Augment
from ltspec.decisions.repulsion import repulsion
from ltspec.engine.backend import BackendError, Settings

AUGMENT = Augment(flip=True, crop=2)
MOVES = {"still": None, "moved": AUGMENT}


@pytest.fixture(autouse=True)
def _torch_alone(backend_name: str) -> None:
    if backend_name != "torch":
        pytest.skip("about the torch backend alone")


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], object]:
    """What a GPU gets, with a graph that lists the operations and does them again on a CPU."""
    import torch
    from ltspec_torch import replay
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class Graph:
        def __init__(self) -> None:
            self.calls = []
            self.played = True  # on a CPU, recording a step plays it

        @torch.no_grad()
        def replay(self) -> None:
            if self.played:
                self.played = False
                return
            for operation, args, kwargs, result in self.calls:
                again = operation(*args, **kwargs)
                for old, new in zip(tree_leaves(result), tree_leaves(again), strict=True):
                    if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
                        old.copy_(new)

    class Recording(TorchDispatchMode):
        def __init__(self, graph, pool, stream, capture_error_mode) -> None:
            super().__init__()
            self.graph = graph

        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            waits = ("_local_scalar_dense", "nonzero", "equal")
            assert operation.overloadpacket.__name__ not in waits, "the step waits for the device"
            result = operation(*args, **(kwargs or {}))
            self.graph.calls.append((operation, args, kwargs or {}, result))
            return result

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", Recording)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: None)
    monkeypatch.setattr(replay, "EAGER_STEPS", 1)  # so that small batches are recorded, too
    return partial(replay.Replay, pool=(0, 0))


def program(case, precision, record, masked=None, split=None, repelled_from=0):
    """A Program for the case, that plays ``split`` or the case's own."""
    import torch
    from ltspec_torch.arrays import Shelf, moves, reach
    from ltspec_torch.choice import layout_of
    from ltspec_torch.lower import in_bfloat16, lower
    from ltspec_torch.program import Places, Program, Shape

    dtype = torch.float64 if precision == "float64" else torch.float32
    shelf = Shelf(torch.device("cpu"), dtype)
    tape = case.tape(0, 20)
    split = split or shelf.split(case.split)
    split.widen(reach(tape))
    shape = Shape(
        graph=case.graph,
        rule=case.rule,
        masked=tuple(case.masks if masked is None else masked),
        layout=layout_of(case.graph),
        batch_size=tape.batch_size,
        steps=7,
        moved=moves(tape),
        margin=split.margin,
        repelled_from=repelled_from,
    )
    forward = lower(case.graph)
    forward = in_bfloat16(forward, "cpu") if precision == "bf16" else forward
    return Program(Places(shape, split, shelf, forward), record)


@pytest.mark.parametrize("rule", ["sgd", "adam", "nesterov"])
@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("name", ["residual", "vgg", "uneven", "mobile"])
def test_a_recorded_step_is_the_plain_one(kit, backend32, recorded, name, move, rule):
    """To the bit, through batches of 3 and across stretches of the tape."""
    case = kit.case(rule, kit.GRAPHS[name], augment=MOVES[move])
    one = program(case, "float32", recorded)
    ours, losses = one.play(case.tape(0, 20), case.state, case.masks)
    expected, expected_losses = case.play(backend32, 0, 20)
    assert kit.identical(ours, expected)
    assert losses.tobytes() == expected_losses.tobytes()


@pytest.mark.parametrize("name", ["residual", "uneven"])
def test_a_recorded_step_repels(kit, backend32, recorded, name):
    """From solutions that change from training to training, and in number not at all."""
    case = kit.case("sgd", kit.GRAPHS[name], augment=AUGMENT)
    one = program(case, "float32", recorded, repelled_from=2)
    names = [parameter.name for parameter in case.graph.prunable]
    seen = []
    for seed, strength in ((1, 2.0), (2, -1.0)):
        random = np.random.default_rng(seed)
        found = [
            {n: random.normal(0, 1, array.shape) for n, array in case.state.weights.items()}
            for _ in range(2)
        ]
        term = repulsion(strength, found, case.masks, names, np.dtype(np.float32))
        ours, losses = one.play(case.tape(0, 20), case.state, case.masks, term)
        expected, expected_losses = case.play(backend32, 0, 20, repulsion=term)
        assert kit.identical(ours, expected)
        assert losses.tobytes() == expected_losses.tobytes()
        seen.append(ours)
    assert not kit.identical(*seen)


@pytest.mark.parametrize("move", MOVES)
def test_a_recorded_step_plays_data_that_comes_in_pieces(kit, backend32, recorded, move):
    """Each piece is a split of its own, put where the recording found the one before."""
    import torch
    from ltspec_torch.arrays import Shelf

    case = kit.case("sgd", kit.GRAPHS["residual"], augment=MOVES[move])
    shelf = Shelf(torch.device("cpu"), torch.float32)
    one, spare, state = None, None, case.state
    for start, stop in [(0, 4), (4, 8), (8, 11), (11, 12)]:
        tape = case.tape(start, stop)
        some = tape.examples
        data = replace(case.split, images=case.split.images[some], labels=case.split.labels[some])
        tape = replace(tape, examples=np.arange(len(some), dtype=np.int32))
        split = shelf.split(data, spare)
        assert spare in (None, split), "more memory was taken"
        if one is None:
            one = program(case, "float32", recorded, split=split)
        state, _ = one.play(tape, state, case.masks)
        spare = split
        del data
    assert kit.identical(state, case.play(backend32, 0, 12)[0])


def test_data_in_use_is_not_overwritten(kit):
    """Nor is the memory of a data set ever written to."""
    import torch
    from ltspec_torch.arrays import Shelf

    for channels in (1, 3):
        graph = kit.network(shape=(channels, 4, 4))
        first, second = kit.examples(graph, 9), kit.examples(graph, 8, seed=1)
        before = first.images.tobytes()
        shelf = Shelf(torch.device("cpu"), torch.float32)
        spare = shelf.split(first)
        assert shelf.split(second, spare) is not spare
        assert shelf.split(first) is spare
        images = first.images
        del first
        third = kit.examples(graph, 9, seed=2)
        assert (shelf.split(third, spare) is spare) == (channels == 3)
        assert images.tobytes() == before


@pytest.mark.parametrize("precision", ["bf16", "float64"])
def test_in_other_precisions(kit, adapter, recorded, precision):
    case = kit.case("sgd", kit.GRAPHS["residual"], augment=AUGMENT)
    backend = adapter.open(Settings("cpu", precision))
    ours, _ = program(case, precision, recorded).play(case.tape(0, 13), case.state, case.masks)
    assert kit.identical(ours, case.play(backend, 0, 13)[0])


def test_one_program_plays_every_level(kit, backend32, recorded):
    """Other weights, masks, slots, rates and orders; dense is a mask of ones."""
    graph = kit.GRAPHS["residual"]
    sparse = kit.case("sgd", graph, augment=AUGMENT, kept=0.3)
    dense = kit.case("sgd", graph, augment=AUGMENT, kept=1)
    one = program(dense, "float32", recorded, [p.name for p in graph.prunable])
    half, _ = one.play(dense.tape(0, 11), dense.state, {})
    assert kit.identical(half, dense.play(backend32, 0, 11)[0])
    assert kit.identical(
        one.play(sparse.tape(2, 19), replace(sparse.state, step=2), sparse.masks)[0],
        sparse.play(backend32, 2, 19, replace(sparse.state, step=2))[0],
    )
    whole, losses = one.play(dense.tape(11, 20), half, {})
    expected, expected_losses = dense.play(backend32, 11, 20, half)
    assert kit.identical(whole, expected)
    assert losses.tobytes() == expected_losses.tobytes()


def test_a_state_is_not_overwritten_by_what_comes_after(kit, backend32, recorded):
    """The program's places are the same at every call; nobody looks at the state in between."""
    case = kit.case("adam", kit.GRAPHS["residual"])
    one = program(case, "float32", recorded)
    half, _ = one.play(case.tape(0, 9), case.state, case.masks)
    first, _ = one.play(case.tape(9, 20), half, case.masks)
    again, _ = one.play(case.tape(9, 20), half, case.masks)
    expected, _ = case.play(backend32, 0, 20)
    assert kit.identical(first, expected)
    assert kit.identical(again, expected)
    assert kit.identical(half, case.play(backend32, 0, 9)[0])


def test_both_layouts_compute_the_same(kit, adapter, backend64):
    case = kit.case("sgd", kit.GRAPHS["residual"], augment=AUGMENT)
    assert case.lowering.layout == "channels-last"
    other = replace(case, lowering=replace(case.lowering, layout="canonical"))
    assert kit.case().lowering.layout == "canonical"
    ours, theirs = case.play(backend64)[0], other.play(backend64)[0]
    assert 0 < kit.worst(ours.weights, theirs.weights) < 1e-10


@pytest.mark.parametrize(
    ("field", "value"), [("layout", "columns"), ("compilation", "cuda-graphs")]
)
def test_a_lowering_of_another_device_is_refused(kit, backend32, field, value):
    case = kit.case()
    other = replace(case, lowering=replace(case.lowering, **{field: value}))
    with pytest.raises(BackendError) as caught:
        other.play(backend32)
    assert caught.value.code == "LT304"
    assert value in caught.value.message


def test_tf32_is_refused_on_a_cpu(adapter):
    with pytest.raises(BackendError) as caught:
        adapter.open(Settings("cpu", "tf32"))
    assert caught.value.code == "LT304"


def test_black_is_put_around_images_as_far_as_shifts_reach(kit, backend64, reference):
    """A tape that shifts further than those before it, on the same split."""
    graph = kit.GRAPHS["vgg"]
    near = kit.case("sgd", graph, augment=Augment(crop=1))
    far = replace(near, recipe=replace(near.recipe, augment=Augment(flip=True, crop=5)))
    for case in (near, far, near):
        ours, expected = case.play(backend64)[0], case.play(reference)[0]
        assert kit.worst(ours.weights, expected.weights) < 1e-10
    assert near.evaluate(backend64).correct == near.evaluate(reference).correct
    _, gradients = near.gradients(backend64, np.arange(9))
    _, expected_gradients = near.gradients(reference, np.arange(9))
    assert kit.worst(gradients, expected_gradients) < 1e-12


def test_a_training_leaves_nothing_behind(kit, backend32):
    """Weights and data of one are not there any more when the next begins."""
    import gc

    from ltspec_torch.arrays import DeviceSplit
    from ltspec_torch.program import Places

    case = kit.case("sgd", kit.GRAPHS["residual"], augment=AUGMENT)
    case.play(backend32, 0, 9)
    gc.collect()
    gc.disable()
    try:
        before = sum(type(thing) is DeviceSplit for thing in gc.get_objects())
        case.play(backend32, 0, 9)
        del case
        left = gc.get_objects()
    finally:
        gc.enable()
    assert not any(type(thing) is Places for thing in left)
    assert sum(type(thing) is DeviceSplit for thing in left) == before - 1
