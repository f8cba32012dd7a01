"""Takes answers to the questions of a spec's ``ask``; gives them as files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ltspec.errors import InvariantError
from ltspec.language.points import shown
from ltspec.plan.stages import Plan
from ltspec.results.table import Spread, point_document, write_csv

Unit = Literal["step", "steps", "density", "accuracy"]
"""A rewind point, the length of a pre-training, a share of weights, or a difference."""


@dataclass(frozen=True, slots=True)
class Own:
    """The answer of one replicate."""

    replicate: int
    value: float | None
    """In the unit of the answer; None where no step or density fulfils what is asked, and where
    not all of the replicate's figures are there."""
    ever: float | None
    """The first that fulfils it, whatever follows; None likewise, and for an area."""
    onwards: float | None
    """The first that fulfils it together with all that follow; None likewise, and for an area."""
    missing: int = 0
    """Figures that are not there yet."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One question about one network, or two lines, at the points of a sweep that differ in the
    rewind point or the length of the pre-training alone, or at one of them."""

    question: int
    """Which entry of the spec's ``ask``, from 1."""
    kind: str
    line: str
    """``dense``, ``ticket`` or a branch's name; of an area the first one."""
    other: str
    """Of an area the second line; else empty."""
    level: int | None
    """None where a question is about one network or over levels."""
    split: str
    threshold: float | None
    """Share of the examples, the spec's points divided by 100; None for an area."""
    batchnorm: str
    """``interpolate`` or ``recalibrate``, of an instability; else empty."""
    batches: int | None
    """What it is recalibrated on; else None."""
    alphas: int | None
    """Points of its line; None where it is no instability."""
    points: tuple[int, ...]
    """Numbers of the points of the sweep; empty without one."""
    settings: Mapping[str, Any]
    """What all of these have in common and others may not."""
    unit: Unit
    tried: tuple[float, ...]
    """Steps or densities that there were to choose from, the earliest or lowest first."""
    value: float | None
    """Of the mean over replicates, which is the mean of the figures that the threshold is compared
    with; of an area the mean area. A step is the first of ``tried`` that fulfils what is asked,
    ``ever``; a density the lowest that fulfils it together with all higher ones, ``onwards``. None
    where there is none, and where figures are missing."""
    ever: float | None
    """The first that fulfils it, whatever follows; None for an area."""
    onwards: float | None
    """The first that fulfils it together with all that follow; None for an area."""
    found_level: int | None
    """The level of ``value``, where it is a density."""
    replicates: tuple[Own, ...]
    spread: Spread | None
    """Of the replicates' answers; None unless all of them have one."""
    needed: int
    """Figures that it is made of."""
    missing: int
    """How many of them are not there yet."""

    @property
    def reached(self) -> int:
        """Replicates with an answer."""
        return sum(own.value is not None for own in self.replicates)


def check(answer: Answer) -> None:
    """Raises InvariantError where an answer is none that there was to choose."""
    name = f"ask {answer.question}, {answer.line}"
    for value in (answer.value, answer.ever, answer.onwards):
        if value is not None and answer.tried and value not in answer.tried:
            raise InvariantError(f"{name}: {value} is none of {answer.tried}")
    if answer.missing and answer.value is not None:
        raise InvariantError(f"{name}: there is an answer, and {answer.missing} figures are not")
    if (answer.onwards is None) < (answer.ever is None):
        raise InvariantError(f"{name}: it holds from {answer.onwards} on, and nowhere")
    own = {"density": answer.onwards, "accuracy": answer.value}.get(answer.unit, answer.ever)
    if answer.value != own:
        raise InvariantError(f"{name}: the answer is {answer.value}, and what is asked is {own}")


_SPREAD = ("mean", "low", "high", "deviation", "interval_low", "interval_high")
_COLUMNS = (
    *(
        "question",
        "kind",
        "line",
        "other",
        "level",
        "split",
        "threshold",
        "batchnorm",
        "batches",
        "alphas",
    ),
    *("points", "settings", "unit", "value", "ever", "onwards", "found_level"),
    *("replicates", "reached", *_SPREAD, "needed", "missing"),
)


def as_csv(found: Sequence[Answer]) -> str:
    """One line for each answer. ``replicates`` are the replicates' own answers, with spaces
    between them and ``none`` where there is none; so are ``points`` the numbers of the points of a
    sweep, and ``settings`` what they have in common."""
    return write_csv(_COLUMNS, ([*_cells(answer)] for answer in found))


def _cells(answer: Answer) -> Iterator[object]:
    yield from (answer.question, answer.kind, answer.line, answer.other, answer.level)
    yield from (answer.split, answer.threshold, answer.batchnorm)
    yield from (answer.batches, answer.alphas)
    yield " ".join(map(str, answer.points))
    yield ", ".join(f"{key}={shown(value)}" for key, value in answer.settings.items())
    yield from (answer.unit, answer.value, answer.ever, answer.onwards)
    yield answer.found_level
    yield " ".join("none" if own.value is None else repr(own.value) for own in answer.replicates)
    yield answer.reached
    figures = answer.spread
    if figures is None:
        yield from [None] * len(_SPREAD)
    else:
        yield from (figures.mean, figures.low, figures.high, figures.deviation)
        yield from figures.interval or (None, None)
    yield from (answer.needed, answer.missing)


def as_json(plan: Plan, found: Sequence[Answer]) -> str:
    """All answers as one JSON object, with the points of a sweep."""
    document = {
        "name": plan.name,
        **(point_document(plan) if plan.is_sweep else {}),
        "answers": [{**asdict(answer), "reached": answer.reached} for answer in found],
    }
    return json.dumps(document, indent=1) + "\n"
