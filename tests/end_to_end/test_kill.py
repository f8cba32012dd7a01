"""A run that is killed with SIGKILL at more than twenty random moments ends as if it never was.

The moments are random anew each time (see zygote.py); what happened is printed with the seed.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from e2e import assert_same_results, environment, results

KILLS = 22
SPEC = """\
ltspec: 1
name: killed
model: {{family: lenet, widths: [24, 16]}}
data: {{name: digits}}
train:
  duration: {steps}it
  batch_size: 64
  optimizer: {optimizer}
  lr_schedule: {{name: step, drops: [40%, 70%], factor: 0.3, warmup: 20it}}
prune:
  schedule: {{name: iterative, fraction: 0.3, levels: 2}}
  rewind: {{to: {rewind}it}}
"""
ADAM = "{name: adam, lr: 2e-3, weight_decay: 1e-4}"
MOMENTUM = "{name: sgd, lr: 0.05, momentum: 0.9, nesterov: true, weight_decay: 1e-4}"


@pytest.mark.parametrize(
    ("backend", "optimizer"),
    [
        ("numpy", ADAM),
        ("numpy", MOMENTUM),
        ("torch", ADAM),
        ("torch", MOMENTUM),
        ("tensorflow", ADAM),
    ],
    ids=["numpy-adam", "numpy-momentum", "torch-adam", "torch-momentum", "tensorflow-adam"],
)
def test_a_killed_run_ends_with_the_same_bytes(
    backend: str, optimizer: str, tmp_path: Path
) -> None:
    steps = 3000  # 76 pieces of 100 steps
    rewind = steps // 4 + 7  # late rewinding, and not on a multiple of anything
    spec = tmp_path / "killed.yaml"
    spec.write_text(SPEC.format(optimizer=optimizer, steps=steps, rewind=rewind))
    seed = secrets.randbits(32)
    for folder in ("whole", "killed"):
        (tmp_path / folder).mkdir()
    order = {
        "backend": backend,
        "seed": seed,
        "kills": KILLS,
        "whole": str(tmp_path / "whole" / "store"),
        "killed": str(tmp_path / "killed" / "store"),
        # As the store counts them, from the start of each: up to the rewind point, all of the dense
        # training, and two levels from the rewind point on.
        "steps": rewind + steps + 2 * (steps - rewind),
        "call": [
            "run",
            str(spec),
            "--backend",
            backend,
            "--device",
            "cpu",
            "--checkpoint-every",
            "0",
        ],
    }
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("zygote.py")), json.dumps(order)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    story = json.loads(done.stdout)
    starts = story["starts"]
    print(f"\nseed {seed}: {len(starts)} starts")
    for start in starts:
        words = [word for word in ("killed", "resumed", "checkpoint", "in_write") if start[word]]
        print(f"  {start['seconds']:6.2f} s  {start['progress']:4.0%}  {' '.join(words)}")

    assert all("Traceback" not in start["said"] for start in starts), starts
    assert (starts[-1]["code"], starts[-1]["killed"]) == (0, False), starts[-1]["said"]
    hit = [start for start in starts if start["killed"]]
    assert len(hit) == KILLS >= 20
    assert sum(start["checkpoint"] for start in hit) >= 5, "too few kills inside of training"
    assert sum(start["resumed"] for start in starts) >= 5, "too few starts from a checkpoint"
    assert sum(start["in_write"] for start in hit) >= 2, "too few kills during a write"
    spread = [start["progress"] for start in hit]
    assert min(spread) < 0.2, "no kill early in the run"
    assert max(spread) > 0.5, "no kill late in the run"

    assert_same_results(tmp_path / "whole" / "store", tmp_path / "killed" / "store")
    assert len(results(tmp_path / "killed" / "store")) == 4  # two tickets, two tables
    left = [
        file
        for folder in ("checkpoints", "temporary")
        for file in (tmp_path / "killed" / "store" / folder).rglob("*")
        if file.is_file()
    ]
    assert left == [], "the last start cleans up after those that were killed"
