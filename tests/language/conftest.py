"""Takes nothing; gives the small right spec that tests change one thing of."""

from __future__ import annotations

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


@pytest.fixture(scope="session")
def small() -> str:
    """A right spec of ten lines."""
    return SMALL
