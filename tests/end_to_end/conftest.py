"""Lets tests of this folder import its helper module by name; finds real data."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


NEEDS = {"needs_mnist": "mnist", "needs_cifar10": "cifar10"}
"""Marks of tests, and the folder that each needs in the data directory."""


@pytest.fixture(autouse=True)
def _data_for_tests_that_need_it(request: pytest.FixtureRequest) -> None:
    """A test with such a mark is skipped without the data, and fails then under ``CI=true``."""
    folder = os.environ.get("LTSPEC_DATA")
    for mark, name in NEEDS.items():
        if request.node.get_closest_marker(mark) is None:
            continue
        if folder and (Path(folder) / name).is_dir():
            continue
        reason = f"LTSPEC_DATA ({folder!r}) names no folder with {name}/ in it"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
