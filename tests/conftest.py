"""Takes the command line of pytest; gives the option that the conformance suite needs."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--backend",
        default="numpy",
        metavar="NAME",
        help="backend that tests/conformance is run against, one per process (default: numpy)",
    )
