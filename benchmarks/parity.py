"""Takes an example's training; gives how far backends drift apart, beside the one-ulp control.

Every backend plays the same tape from the same weights. The yardstick is the reference in float64
for the first steps, and for a long training a backend against itself after one initial weight was
moved by one unit in the last place: what that changes, nobody can promise.

    python benchmarks/parity.py [--steps 2000] [--out parity.json]      (LTSPEC_DATA: has mnist/)
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

POINTS = (1, 10, 100)
RUNS = [
    ("numpy", "float64", 0),
    ("numpy", "float32", 0),
    ("numpy", "float32", 1),
    ("torch", "float32", 0),
    ("torch", "float32", 1),
    ("torch", "float64", 0),
    ("tensorflow", "float32", 0),
    ("tensorflow", "float32", 1),
    ("tensorflow", "float64", 0),
]


def play(backend: str, precision: str, nudge: int, steps: int, out: Path) -> None:
    """Train LeNet-300-100 on MNIST (Adam 1.2e-3, batch 60) and keep states on the way."""
    from ltspec.data.reader import load
    from ltspec.decisions.initial import initial_weights
    from ltspec.decisions.masks import prune
    from ltspec.decisions.recipe import Adam, Recipe, Schedule
    from ltspec.decisions.tape import record
    from ltspec.engine import adapters
    from ltspec.engine.backend import Demand, Settings, State
    from ltspec.networks.lenet import lenet

    adapter = adapters.find(backend)
    settings = Settings("cpu", precision)  # type: ignore[arg-type]
    graph = lenet((1, 28, 28), 10, (300, 100))
    optimizer = Adam(0.9, 0.999, 1e-8, 0.0, "all")
    recipe = Recipe("mnist", 1, 60_000, 60, optimizer, Schedule("constant", 1.2e-3, 0), 1)
    lowering = adapter.lower(Demand(graph, 60, 60_000, optimizer, steps), settings)
    data = load("mnist", Path(os.environ["LTSPEC_DATA"])).train
    weights = dict(initial_weights(graph, "glorot-normal", 1))
    digest = hashlib.sha256(b"".join(array.tobytes() for array in weights.values())).hexdigest()
    if nudge:
        first = weights["fc1.weight"].copy()
        first[0, 400] = np.nextafter(first[0, 400], np.float32(np.inf))
        weights["fc1.weight"] = first
    state = State({name: array.astype(precision) for name, array in weights.items()}, 0)
    player, kept, tapes, losses = adapter.open(settings), {}, hashlib.sha256(), []
    for begin, end in zip((0, *POINTS), (*POINTS, steps), strict=True):
        tape = record(recipe, begin, end, fresh_at=0)
        tapes.update(b"".join(batch.tobytes() for batch in tape.batches()) + tape.rates.tobytes())
        state, loss = player.train(graph, data, tape, state, {}, optimizer, lowering)
        losses.append(loss)
        kept.update({f"{end}/{name}": array for name, array in state.weights.items()})
    trained = {p.name: state.weights[p.name] for p in graph.prunable}
    scores = {name: np.abs(array) for name, array in trained.items()}
    total = sum(array.size for array in scores.values())
    masks = prune(scores, {}, [total - round(0.2 * total)])
    sparse = prune(scores, {}, [round(0.2 * total)])
    np.savez(
        out,
        loss=np.concatenate(losses),
        mask=np.concatenate([mask.ravel() for mask in masks.values()]),
        sparse=np.concatenate([mask.ravel() for mask in sparse.values()]),
        hashes=np.array([digest, tapes.hexdigest()]),
        **kept,
    )


def compare(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> dict[str, object]:
    """Differences after so many steps, of the next loss and of weights; agreement of masks."""
    found: dict[str, object] = {
        "same initial weights": bool(one["hashes"][0] == two["hashes"][0]),
        "same tape": bool(one["hashes"][1] == two["hashes"][1]),
    }
    for point in POINTS:
        names = [name for name in one if name.startswith(f"{point}/")]
        losses = [float(side["loss"][point]) for side in (one, two)]  # of the next batch
        found[f"loss {point}"] = abs(losses[0] - losses[1])
        found[f"weights {point}"] = float(
            max(np.abs(one[name].astype(np.float64) - two[name]).max() for name in names)
        )
    found["mask 80%"] = float((one["mask"] == two["mask"]).mean())
    found["mask 20%"] = float((one["sparse"] == two["sparse"]).mean())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        backend, precision, nudge, out = options.worker
        play(backend, precision, int(nudge), options.steps, Path(out))
        return
    played = {}
    with tempfile.TemporaryDirectory() as folder:
        for backend, precision, nudge in RUNS:
            out = Path(folder) / f"{backend}-{precision}-{nudge}.npz"
            # A process each: frameworks do not share one well.
            subprocess.run(
                [
                    sys.executable,
                    __file__,
                    "--steps",
                    str(options.steps),
                    "--worker",
                    backend,
                    precision,
                    str(nudge),
                    str(out),
                ],
                check=True,
            )
            played[backend, precision, nudge] = dict(np.load(out))
    pairs = {
        f"{b} {p}{' + 1 ulp' if n else ''} / reference": ((b, p, n), ("numpy", "float64", 0))
        for b, p, n in RUNS[1:]
        if not n
    }
    singles = ("numpy", "torch", "tensorflow")
    pairs |= {
        f"{a} / {b}": ((a, "float32", 0), (b, "float32", 0))
        for i, a in enumerate(singles)
        for b in singles[i + 1 :]
    }
    pairs |= {f"{b} / itself + 1 ulp": ((b, "float32", 0), (b, "float32", 1)) for b in singles}
    table = {title: compare(played[one], played[two]) for title, (one, two) in pairs.items()}
    columns = [f"{what} {point}" for what in ("loss", "weights") for point in POINTS]
    print(f"LeNet-300-100, MNIST, Adam 1.2e-3, batch 60; masks after {options.steps} steps")
    print(" | ".join(["pair", *columns, "mask 80%", "mask 20%"]))
    for title, row in table.items():
        same = "" if row["same tape"] else "  (TAPES DIFFER)"
        figures = [f"{row[column]:.1e}" for column in columns]
        figures += [f"{row[column]:.4f}" for column in ("mask 80%", "mask 20%")]
        print(" | ".join([title, *figures]) + same)
    if options.out:
        document = {"steps": options.steps, "pairs": table}
        options.out.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
