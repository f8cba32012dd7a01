"""ImageNet ResNets are torchvision's (v1.5): same weights, same logits as independent code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_logits_are_those_of_independent_implementations() -> None:
    """Depths 18 and 50, on torch in float32 and on the reference in float64. Measured against
    transformers 5.23.0 too, which is compared with where it is installed."""
    script = Path(__file__).with_name("independent_resnets.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert {"18 torch plain", "50 torch plain", "50 reference plain"} < set(found)
    for comparison, difference in found.items():
        bound = 1e-10 if "reference" in comparison else 1e-4
        assert difference < bound, comparison
