"""One spec on every backend, through the command line, against numpy in float64.

Initial weights are the same bits. Losses agree within a tolerance at first. Later two backends
drift apart, as one backend does from itself when one weight is moved by one unit in the last place
(the control): masks must agree about as well as they do there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from e2e import Arrays, keys, load, losses, ltspec, run_folder, stages
from numpy.typing import NDArray

SPEC = """\
ltspec: 1
name: agree
model: {family: lenet, widths: [100, 60]}
data: {name: digits}
train:
  duration: 400it
  batch_size: 60
  optimizer: {name: adam, lr: 1.2e-3}
prune:
  schedule: {name: iterative, fraction: 0.2, levels: 1}
"""
RUNS = (("numpy", "float64"), ("numpy", "float32"), ("torch", "float32"), ("tensorflow", "float32"))
TOLERANCE = {0: 1e-6, 1: 1e-6, 10: 2e-6, 100: 1e-4}
"""By step: how far the loss may be from the reference, relative to it. Measured: at most 2.3e-7
at each of the four, which is rounding to float32; the tolerance grows since training amplifies
rounding, and other machines round otherwise."""
MARGIN = 0.005
"""By how much less than the control's a mask may agree, as a share of the entries. The control is
itself a draw: it varies by a few tenths of a percent from weight to weight."""

Mask = Mapping[str, NDArray[np.bool_]]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A store of its own for each backend and precision."""
    folder = tmp_path_factory.mktemp("agree")
    spec = folder / "agree.yaml"
    spec.write_text(SPEC)
    found = {}
    for backend, precision in RUNS:
        realm = f"{backend}-{precision}"
        found[realm] = folder / realm
        ltspec(
            "run",
            spec,
            "--backend",
            backend,
            "--device",
            "cpu",
            "--precision",
            precision,
            "--store",
            found[realm],
        )
    return found


def _plan_keys(store: Path, realm: str) -> list[str]:
    return keys((run_folder(store, "agree", realm) / "plan.json").read_text(encoding="utf-8"))


def _dense_losses(store: Path, realm: str) -> NDArray[np.float32]:
    return losses(store)[_plan_keys(store, realm)[1]]


def _mask(store: Path, realm: str) -> Mask:
    ticket = load(run_folder(store, "agree", realm) / "tickets/replicate-1/level-1.safetensors")
    return {name: array for name, array in ticket.items() if name.startswith("mask/")}


def _agreement(one: Mask, other: Mask) -> float:
    """Share of the entries of two masks that are equal."""
    assert list(one) == list(other)
    equal = sum(int((one[name] == other[name]).sum()) for name in one)
    return equal / sum(mask.size for mask in one.values())


def test_plans_and_initial_weights_are_the_same_bits(stores: dict[str, Path]) -> None:
    reference: Arrays | None = None
    plans = {realm: _plan_keys(store, realm) for realm, store in stores.items()}
    assert len({tuple(plan) for plan in plans.values()}) == 1
    for realm, store in stores.items():
        ((key, (_, file)),) = stages(store, "init").items()
        assert key == plans[realm][0]
        weights = load(file)
        reference = reference or weights
        assert {n: a.tobytes() for n, a in weights.items()} == {
            n: a.tobytes() for n, a in reference.items()
        }
    assert reference is not None
    assert sum(array.size for array in reference.values()) == 64 * 100 + 100 * 60 + 600 + 170


@pytest.mark.parametrize("step", TOLERANCE)
def test_losses_follow_the_reference(step: int, stores: dict[str, Path]) -> None:
    expected = float(_dense_losses(stores["numpy-float64"], "numpy-float64")[step])
    for realm, store in stores.items():
        found = _dense_losses(store, realm)
        assert len(found) == 400
        away = abs(float(found[step]) - expected) / expected
        print(f"step {step}, {realm}: loss {found[step]:.7f}, {away:.1e} away")
        assert away <= TOLERANCE[step], realm


def test_the_first_mask_agrees_as_well_as_after_one_unit_in_the_last_place(
    stores: dict[str, Path],
) -> None:
    masks = {realm: _mask(store, realm) for realm, store in stores.items()}
    base = masks.pop("numpy-float32")
    controls = [
        _agreement(base, _control(stores["numpy-float32"], entry)) for entry in (0, 3000, 6000)
    ]
    print(
        "numpy-float32 and itself after one ulp of one weight:",
        ", ".join(f"{agreement:.4%}" for agreement in controls),
    )
    for realm, mask in masks.items():
        agreement = _agreement(base, mask)
        print(f"numpy-float32 and {realm}: {agreement:.4%}")
        assert agreement >= min(controls) - MARGIN, realm
    # What unrelated masks of this density would give: the measure can fail.
    shuffled = {
        name: np.random.default_rng(1).permutation(mask.reshape(-1)).reshape(mask.shape)
        for name, mask in base.items()
    }
    assert _agreement(base, shuffled) < 0.75


def _control(store: Path, entry: int) -> Mask:
    """The mask of numpy in float32 when one initial weight is moved by one ulp."""
    import ltspec
    from ltspec.data.reader import load as load_data
    from ltspec.data.readers import Readers
    from ltspec.decisions.criteria import Subject
    from ltspec.decisions.criteria.magnitude import score
    from ltspec.decisions.masks import prune
    from ltspec.decisions.state import State
    from ltspec.engine import adapters
    from ltspec.engine.backend import Settings
    from ltspec.engine.execution import lower
    from ltspec.engine.training import Progress, Training, play
    from ltspec.plan.stages import Prune, Train

    source = ltspec.read(store.parent / "agree.yaml")
    plan = ltspec.compile_spec(ltspec.validate(source))
    training, pruning = plan.stages[1], next(s.work for s in plan.stages if s.kind == "prune")
    assert isinstance(training.work, Train)
    assert isinstance(pruning, Prune)
    adapter, settings = adapters.find("numpy"), Settings("cpu", "float32")
    ((_, (_, file)),) = stages(store, "init").items()
    weights = {
        name.removeprefix("weights/"): array.astype(np.float32)
        for name, array in load(file).items()
    }
    first = weights["fc1.weight"].reshape(-1)
    first[entry] = np.nextafter(first[entry], np.float32(np.inf))
    after = play(
        Training(
            plan.graphs[training.work.graph],
            training.work.recipe,
            0,
            training.work.stop,
            None,
            load_data("digits", None).train,
            Readers,
            adapter.open(settings),
            lower(plan, adapter, settings).lowerings[training.key],
            training.label,
        ),
        Progress(State(weights, 0), np.zeros(0, np.float32)),
        lambda progress, steps: None,
    )
    shapes = {name: weights[name].shape for name in pruning.tensors}
    scores = score(Subject(shapes, after.state.weights))
    return {f"mask/{name}": mask for name, mask in prune(scores, {}, pruning.keep).items()}
