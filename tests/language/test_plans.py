"""Every file of ``good`` means exactly the plan beside it: stages, steps, cost, what is shared.

To see what a change does, run with ``LTSPEC_REWRITE=1`` and read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ltspec.cli.plan import describe
from ltspec.language.source import read
from ltspec.plan import validate
from ltspec.plan.passes import compile_spec
from ltspec.plan.stages import Plan

GOOD = sorted((Path(__file__).parent / "good").glob("*.yaml"))


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_file_means_its_plan(path: Path) -> None:
    plan = compile_spec(validate(read(path)))
    shown = "\n".join([*describe(plan, everything=False), "", "keys:", *_keys(plan)]) + "\n"
    expected = path.with_suffix(".plan.txt")
    if os.environ.get("LTSPEC_REWRITE"):
        expected.write_text(shown, encoding="utf-8")
    assert shown == expected.read_text(encoding="utf-8")


def _keys(plan: Plan) -> list[str]:
    """The key of each network's last training: a change of one is a change of meaning."""
    outcomes = plan.outcomes[-3:]
    return [f"{o.branch} {o.level} {plan.stages[o.trained].key}" for o in outcomes]
