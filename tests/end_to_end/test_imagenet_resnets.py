"""ImageNet ResNets are torchvision's (v1.5): same weights, same logits as independent code."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

NOT_INSTALLED = "Hugging Face transformers is not installed: pip install transformers==5.23.0"


@pytest.mark.parametrize(
    "other",
    [
        "plain",
        pytest.param(
            "transformers",
            marks=pytest.mark.skipif(
                importlib.util.find_spec("transformers") is None, reason=NOT_INSTALLED
            ),
        ),
    ],
)
def test_logits_are_those_of_independent_implementations(other: str) -> None:
    """Depths 18 and 50, on torch in float32 and on the reference in float64. What was measured
    against both is in docs/results.md."""
    script = Path(__file__).with_name("independent_resnets.py")
    call = [sys.executable, script, other]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    ours = ("18 reference", "18 torch", "50 reference", "50 torch")
    assert set(found) == {f"{one} {other}" for one in ours}
    for comparison, difference in found.items():
        bound = 1e-10 if "reference" in comparison else 1e-4
        assert difference < bound, comparison
