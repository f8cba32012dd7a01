"""Takes a plan; gives the step whose weights a line returns to, as its stages say.

Of the spec only the branches' own words are looked at. Its durations and its lines may need files
that it names, another spec or a folder of images, and what was run is shown where these are not.
"""

from __future__ import annotations

from typing import Any

from ltspec.decisions.pretraining import is_pretraining
from ltspec.plan.replicates import TICKET
from ltspec.plan.stages import Outcome, Plan, Train
from ltspec.plan.transferring import OF_THE_TARGET


def rewound_as(spec: Any, line: str) -> str:
    """The line whose tickets start from the rewind point of ``line``, which is there: its own,
    where it is rewound apart from the ticket (:func:`ltspec.plan.asked.rewind_step`)."""
    branch = spec.branches.get(line)
    if branch is None:  # the ticket itself, or a control
        return line if line.rpartition("-")[2] in OF_THE_TARGET else TICKET
    of_its_own = branch.kind == "transfer" and branch.weights == "own"
    return line if of_its_own or branch.kind == "rewind" else TICKET


def rewind_step(plan: Plan, spec: Any, row: Outcome) -> int | None:
    """The step whose weights the ticket of a row is made of; None where these were trained to the
    end. ``row``: of a line of :func:`rewound_as`; ``spec``: that of its point."""
    branch = spec.branches.get(row.branch)
    rewind = spec.prune.rewind if branch is None or branch.kind != "rewind" else branch.rewind
    if rewind == "none" or rewind.weights == "end":
        return None
    assert row.ticket is not None
    place = plan.stages[row.ticket].inputs["state"]
    while not isinstance(plan.stages[place].work, Train):
        stage = plan.stages[place]
        if "state" not in stage.inputs:  # initial weights, or those of a file
            return 0
        place = stage.inputs["state"]
    work = plan.stages[place].work
    assert isinstance(work, Train)
    return 0 if is_pretraining(work.recipe.order_seed) else work.stop
