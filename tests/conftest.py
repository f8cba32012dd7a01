"""Takes the command line of pytest; gives the option of the conformance suite, and real data."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

NEEDS = {
    "needs_mnist": "mnist",
    "needs_cifar10": "cifar10",
    "needs_images": "cifar10-jpeg-imagefolder",
}
"""Marks of tests, and the folder that each needs in the data directory."""


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell without job control has its background commands ignore Ctrl-C, and so would everything
    # that tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--backend",
        default="numpy",
        metavar="NAME",
        help="backend that tests/conformance is run against, one per process (default: numpy)",
    )


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


@pytest.fixture
def real() -> Path:
    """The data directory, for tests with such a mark."""
    return Path(os.environ["LTSPEC_DATA"])
