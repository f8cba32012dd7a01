"""Takes a spec; gives how far backends drift apart on it, beside the one-ulp control.

Every backend plays the beginning of the spec's dense training: the same tape from the same weights.
With --float64 the yardstick of the first steps is float64, that of the reference where numpy is
among the backends. The yardstick of a long training is a backend against itself after one initial
weight was moved by one unit in the last place: what that changes, nobody can promise.

    python benchmarks/parity.py examples/lenet_mnist.yaml --steps 2000 --float64
    python benchmarks/parity.py benchmarks/resnet20_cifar10.yaml --backends torch tensorflow

LTSPEC_DATA names the folder of the data sets.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from itertools import combinations, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ltspec.plan.stages import Plan

Run = tuple[str, str, int]
"""Backend, precision, and by how many units in the last place one weight is moved."""
Found = dict[str, Any]

POINTS = (0, 1, 10, 100)
"""Steps after which backends are compared; the last one of the training besides."""
KEPT = (80, 20)
"""Masks that are compared: those that keep so many per cent of the prunable weights."""


def points(steps: int) -> list[int]:
    """Where backends are compared."""
    return sorted({point for point in POINTS if point < steps} | {steps})


def dense_training(spec: str) -> Plan:
    """The plan of a spec file; its first stages draw weights, train them and prune."""
    from ltspec import compile_spec, read, validate

    return compile_spec(validate(read(spec)))


def play(spec: str, run: Run, steps: int, out: Path) -> None:
    """Train on one backend, and keep the state and the loss of the next batch at each point."""
    from ltspec.data.reader import load
    from ltspec.decisions.initial import initial_buffers, initial_weights
    from ltspec.decisions.tape import record
    from ltspec.engine import adapters
    from ltspec.engine.backend import Demand, Settings, State
    from ltspec.plan.stages import Init, Prune, Train

    backend, precision, nudge = run
    plan = dense_training(spec)
    works = [stage.work for stage in plan.stages]
    init = next(work for work in works if isinstance(work, Init))
    recipe = next(work.recipe for work in works if isinstance(work, Train))
    tensors = next(work.tensors for work in works if isinstance(work, Prune))
    graph = plan.graphs[init.graph]
    if recipe.alteration is not None:
        raise SystemExit("parity.py plays data sets as they are published")
    folder = os.environ.get("LTSPEC_DATA")
    data = load(recipe.data, Path(folder) if folder else None).train

    weights = dict(
        initial_weights(graph, init.rule, init.seed, init.draw, init.norm_scale or "one")
    )
    drawn = _digest(weights.values())
    if nudge:
        weights[tensors[0]] = _nudged(weights[tensors[0]])
    start, buffers = (
        {name: array.astype(precision) for name, array in arrays.items()}
        for arrays in (weights, initial_buffers(graph))
    )
    adapter = adapters.find(backend)
    settings = Settings("cpu", precision)  # type: ignore[arg-type]
    demand = Demand(
        graph, recipe.batch_size, recipe.examples, recipe.optimizer, steps + 1, recipe.augment
    )
    lowering, player = adapter.lower(demand, settings), adapter.open(settings)
    state, losses, tapes = State(start, 0, buffers=buffers), [], []
    kept: dict[str, np.ndarray] = {}
    stops = points(steps)
    for begin, end in pairwise([*stops, steps + 1]):  # one step more, for the loss after the last
        kept |= _seen(begin, state.weights, tensors)
        tape = record(recipe, begin, end, fresh_at=0)
        decided = (tape.examples, tape.bounds, tape.rates, tape.flips, tape.shifts)
        tapes.append(_digest(array for array in decided if array is not None))
        state, loss = player.train(graph, data, tape, state, {}, recipe.optimizer, lowering)
        losses.append(loss[0])
    np.savez(out, loss=np.array(losses), drawn=drawn, tapes=np.array(tapes), **kept)


def _nudged(array: np.ndarray) -> np.ndarray:
    """With its middle entry moved up by one unit in the last place."""
    moved = array.copy()
    flat = moved.reshape(-1)
    flat[flat.size // 2] = np.nextafter(flat[flat.size // 2], np.float32(np.inf))
    return moved


def _digest(arrays: Any) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def _seen(point: int, weights: Any, tensors: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Weights after ``point`` steps, and the global masks by their magnitude."""
    from ltspec.decisions.masks import prune

    scores = {name: np.abs(weights[name]) for name in tensors}
    total = sum(array.size for array in scores.values())
    seen = {f"weights {point}/{name}": array for name, array in weights.items()}
    for percent in KEPT:
        masks = prune(scores, {}, [round(percent / 100 * total)])
        seen[f"mask {percent}% {point}"] = np.concatenate([m.ravel() for m in masks.values()])
    return seen


def compare(one: dict[str, np.ndarray], two: dict[str, np.ndarray], stops: list[int]) -> Found:
    """Differences of the next loss and of weights, and agreement of masks, at each point."""
    found: Found = {
        "same initial weights": bool(one["drawn"] == two["drawn"]),
        "same tape": bool((one["tapes"] == two["tapes"]).all()),
    }
    for place, point in enumerate(stops):
        found[f"loss {point}"] = float(abs(float(one["loss"][place]) - float(two["loss"][place])))
        names = [name for name in one if name.startswith(f"weights {point}/")]
        found[f"weights {point}"] = float(
            max(np.abs(one[name].astype(np.float64) - two[name]).max() for name in names)
        )
        for percent in KEPT:
            name = f"mask {percent}% {point}"
            found[name] = float((one[name] == two[name]).mean())
    return found


def pairs(runs: list[Run]) -> dict[str, tuple[Run, Run]]:
    """Each run against the reference, backends against each other and against themselves."""
    reference = ("numpy", "float64", 0)
    unmoved = [run for run in runs if not run[2]]
    found = {}
    if reference in runs:
        against = [run for run in unmoved if run != reference]
        found = {f"{run[0]} {run[1]} / reference": (run, reference) for run in against}
    for one, two in combinations(unmoved, 2):
        if one[1] == two[1] and reference not in (one, two):
            found[f"{one[0]} / {two[0]} {one[1]}"] = (one, two)
    moved = [run for run in runs if run[2]]
    return found | {f"{run[0]} / itself + 1 ulp": ((*run[:2], 0), run) for run in moved}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("spec")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--backends", nargs="+", default=["numpy", "torch", "tensorflow"])
    parser.add_argument("--float64", action="store_true", help="play in float64 besides")
    parser.add_argument("--json", type=Path, help="where the figures are written, all of them")
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        backend, precision, nudge, out = options.worker
        play(options.spec, (backend, precision, int(nudge)), options.steps, Path(out))
        return
    kinds = [("float32", 0), ("float32", 1)]
    if options.float64:
        kinds.append(("float64", 0))
    runs: list[Run] = [(backend, *kind) for backend in options.backends for kind in kinds]
    played = _play_all(options.spec, runs, options.steps)
    stops = points(options.steps)
    table = {
        title: compare(played[one], played[two], stops) for title, (one, two) in pairs(runs).items()
    }
    _show(options.spec, played, table, stops)
    if options.json:
        losses = {" ".join(map(str, run)): kept["loss"].tolist() for run, kept in played.items()}
        document = {"spec": options.spec, "points": stops, "losses": losses, "pairs": table}
        options.json.write_text(json.dumps(document, indent=1) + "\n")


def _play_all(spec: str, runs: list[Run], steps: int) -> dict[Run, dict[str, np.ndarray]]:
    """Every run in a process of its own: frameworks do not share one well."""
    played = {}
    with tempfile.TemporaryDirectory() as folder:
        for run in runs:
            out = Path(folder) / "run.npz"
            call = [sys.executable, __file__, spec, "--steps", str(steps)]
            subprocess.run([*call, "--worker", *map(str, run), str(out)], check=True)
            with np.load(out) as kept:
                played[run] = dict(kept)
    return played


def _show(
    spec: str,
    played: dict[Run, dict[str, np.ndarray]],
    table: dict[str, Found],
    stops: list[int],
) -> None:
    print(f"{spec}: loss of the next batch after so many steps")
    print(" | ".join(["run", *map(str, stops)]))
    for (backend, precision, nudge), kept in played.items():
        title = f"{backend} {precision}{' + 1 ulp' if nudge else ''}"
        print(" | ".join([title, *(f"{loss:.7f}" for loss in kept["loss"])]))
    print("\nlargest difference of losses and weights; share of equal entries of masks")
    differences = [f"loss {point}" for point in stops]
    differences += [f"weights {point}" for point in stops[1:]]
    masks = [f"mask {percent}% {point}" for percent in KEPT for point in stops[2:]]
    print(" | ".join(["pair", *differences, *masks]))
    for title, row in table.items():
        figures = [f"{row[column]:.1e}" for column in differences]
        figures += [f"{row[column]:.4f}" for column in masks]
        same = row["same tape"] and row["same initial weights"]
        print(" | ".join([title, *figures]) + ("" if same else "  (NOT THE SAME WORK)"))


if __name__ == "__main__":
    main()
