"""Lets tests of this folder import its helper module by name; finds MNIST."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _mnist_for_tests_that_need_it(request: pytest.FixtureRequest) -> None:
    """A test marked ``needs_mnist`` is skipped without MNIST, and fails then under ``CI=true``."""
    if request.node.get_closest_marker("needs_mnist") is None:
        return
    folder = os.environ.get("LTSPEC_DATA")
    if folder and (Path(folder) / "mnist").is_dir():
        return
    reason = f"LTSPEC_DATA ({folder!r}) names no folder with mnist/ in it"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
