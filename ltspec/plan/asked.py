"""Takes the points of a spec; gives what one of its questions is about: lines, levels, rewind
points, lengths of a pre-training.

Plain functions, which rules ask too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ltspec.language.points import shown
from ltspec.language.variants import as_branch_sees, as_pretrained, is_elsewhere
from ltspec.plan import beside, measured, pairs, resolve
from ltspec.plan.replicates import DENSE

OVER_STEPS = ("first-stable", "first-matching")
"""Kinds of question that look for a rewind point, or for the length of a pre-training."""
DURATION = "pretrain.train.duration"
"""The key that says how long a pre-training is."""


@dataclass(frozen=True, slots=True)
class Place:
    """One point of a sweep, or the one experiment of a spec without one."""

    number: int
    """From 1; 0 without a sweep."""
    values: Mapping[str, Any]
    """Every key that is set there."""
    spec: Any


def lines(question: Any) -> tuple[str, ...]:
    """The lines that a question is about."""
    return tuple(question.between if question.kind == "area" else question.of)


def rewind_step(spec: Any, line: str) -> int | None:
    """The step whose weights a line returns to; None where it has no rewind point: where trained
    weights are kept, where a ticket comes out of a file or from another spec, and where the mask
    changes in training.
    """
    branch = beside.branch(spec, line)
    if branch is None:
        return measured.rewind_step(spec)
    if branch.kind == "dynamic" or is_from_a_file(branch) or is_elsewhere(branch):
        return None
    # What is another network's own is rewound in its own training.
    if branch.kind == "rewind" or (branch.kind == "transfer" and branch.weights == "own"):
        return measured.rewind_step(as_branch_sees(spec, branch))
    return measured.rewind_step(spec)


def rewind_key(spec: Any, line: str) -> str:
    """The section that says where a line is rewound to."""
    branch = spec.branches.get(line)
    own = branch is not None and branch.kind == "rewind"
    return f"branches.{line}.rewind" if own else "prune.rewind"


def is_from_a_file(branch: Any) -> bool:
    """Whether a branch trains the ticket of a file, which is the same at each level."""
    if is_elsewhere(branch):
        return branch.origin.ticket is not None
    return branch.kind == "retrain" and branch.ticket is not None


def is_over_rewinds(question: Any) -> bool:
    """Whether a question over steps looks for a rewind point."""
    return bool(question.over == "rewind")


def pretrained_steps(spec: Any) -> int | None:
    """How long a network is trained before; None where it is not, or begins with a file."""
    if spec.pretrain is None or spec.pretrain.weights is not None:
        return None
    return resolve.total_steps(as_pretrained(spec))


def step(question: Any, spec: Any, line: str) -> int | None:
    """What a question chooses from, at a point: the line's rewind point, or the length of the
    pre-training; None where there is none."""
    return rewind_step(spec, line) if is_over_rewinds(question) else pretrained_steps(spec)


def groups(question: Any, places: Iterable[Place], line: str) -> list[list[Place]]:
    """The places that differ in what a question over steps chooses from alone, together: in the
    line's rewind point, or in the length of the pre-training."""
    found: dict[str, list[Place]] = {}
    for place in places:
        others = {
            key: value
            for key, value in place.values.items()
            if not _sets_step(question, place.spec, line, key, value)
        }
        found.setdefault(shown(others), []).append(place)
    return list(found.values())


def _sets_step(question: Any, spec: Any, line: str, key: str, value: Any) -> bool:
    """Whether a key of a sweep sets what is chosen from, and nothing else."""
    if not is_over_rewinds(question):
        return key == DURATION
    home = rewind_key(spec, line)
    if key == home:
        return isinstance(value, Mapping) and set(value) == {"to"}
    return key in (f"{home}.to", f"{home}.weights")


def most_steps(question: Any, line: str, places: Iterable[Place]) -> set[int]:
    """What a question about a line can choose from at places that go together: steps of rewind
    points, or of pre-trainings. Where the dense network is measured in several ways, the rewind
    points of the one with most."""
    if line != DENSE or not is_over_rewinds(question):
        found = {step(question, place.spec, line) for place in places}
        return {each for each in found if each is not None}
    return max(parting(question, places), key=len, default=set())


def parting(question: Any, places: Iterable[Place]) -> list[set[int]]:
    """The steps at which copies of the dense network part, by the ways in which their instability
    is measured."""
    found: dict[tuple[object, ...], set[int]] = {}
    for place in places:
        for measure in place.spec.measure:
            if measure.kind != "instability" or question.error not in measure.error:
                continue
            own = found.setdefault((measure.alphas, measure.batchnorm, measure.batches), set())
            own.update(
                subject.step
                for subject in measured.subjects(place.spec, measure)
                if subject.step is not None
            )
    return list(found.values())


def measured_levels(spec: Any, line: str, split: str) -> list[int]:
    """Levels of a line whose instability is measured on a split; 0 is the dense network."""
    found = [
        subject.level
        for measure in spec.measure
        if measure.kind == "instability" and split in measure.error
        for subject in measured.subjects(spec, measure)
        if subject.line == line
    ]
    return sorted({*found})


def common_stretch(spec: Any, between: Iterable[str]) -> range:
    """The levels from the least to the last one that lie between levels of all of these lines, or
    are such; without the dense network."""
    own = [[level for level in pairs.own_levels(spec, line) if level] for line in between]
    if not all(own):  # a rule of its own says what is wrong with the branch
        return range(0)
    return range(max(map(min, own)), min(map(max, own)) + 1)
