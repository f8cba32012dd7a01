"""Takes nothing; gives the small right spec that tests change one thing of."""

from __future__ import annotations

from pathlib import Path

import pytest

SMALL = """\
ltspec: 1
name: small
model: {family: lenet}
data: {name: mnist}
train:
  duration: 24000it
  batch_size: 60
  optimizer: {name: sgd, lr: 0.1}
prune:
  schedule: {name: iterative, levels: 10}
"""


@pytest.fixture(autouse=True)
def _paths_begin_at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Specs that name a ticket file find it from wherever tests are run."""
    monkeypatch.chdir(Path(__file__).parents[2])


@pytest.fixture(scope="session")
def small() -> str:
    """A right spec of ten lines."""
    return SMALL
