"""Takes a plan; gives the step whose weights a line returns to, or a state is made of, and the
length of a pre-training, as its stages say.

Of the spec only the branches' own words are looked at. Its durations and its lines may need files
that it names, another spec or a folder of images, and what was run is shown where these are not.
"""

from __future__ import annotations

from typing import Any

from ltspec.decisions.pretraining import is_pretraining
from ltspec.plan.replicates import TICKET
from ltspec.plan.stages import Outcome, Plan, Stage, Train
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
    return step_of(source_of(plan, plan.stages[row.ticket].inputs["state"]))


def pretrained_steps(plan: Plan, dense: Outcome) -> int | None:
    """How many steps a network was trained before its dense training; None where it was not, and
    where it begins with the weights of a file."""
    work = source_of(plan, plan.stages[dense.trained].inputs["state"]).work
    trained_before = isinstance(work, Train) and is_pretraining(work.recipe.order_seed)
    return work.stop if isinstance(work, Train) and trained_before else None


def source_of(plan: Plan, place: int) -> Stage:
    """The stage that made the weights of a state: the last training on the way to it, or what
    gave the first weights where nothing was trained."""
    stage = plan.stages[place]
    while not isinstance(stage.work, Train) and "state" in stage.inputs:
        stage = plan.stages[stage.inputs["state"]]
    return stage


def step_of(source: Stage) -> int:
    """The step of the dense training that the weights of a source (:func:`source_of`) are at: 0
    for what is not trained, and for what comes of a pre-training, which is where that begins."""
    if not isinstance(source.work, Train) or is_pretraining(source.work.recipe.order_seed):
        return 0
    return source.work.stop
