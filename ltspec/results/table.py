"""Takes a plan and the scores in a store; gives the table of a run: rows, and a summary a level."""

from __future__ import annotations

import csv
import io
import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from ltspec.language.points import shown
from ltspec.plan.stages import Outcome, Plan, Side

Counted = TypeVar("Counted", Outcome, Side)
"""What says how many weights a network keeps."""


@dataclass(frozen=True, slots=True)
class Row:
    """One trained network of one replicate."""

    replicate: int
    branch: str
    """``dense``, ``ticket`` or a branch's name."""
    level: int
    density: float
    """Kept share of the prunable weights."""
    kept: int
    prunable: int
    """Weights in the tensors of the network that may be pruned."""
    scores: Mapping[str, Mapping[str, Any]]
    """By split: ``accuracy`` (share of the examples), ``loss`` (mean, nats), ``correct``."""
    effective_density: float | None = None
    """Share of the prunable weights that are kept and lie on a path from input to output
    (:mod:`ltspec.decisions.paths`); None where there is no mask."""
    collapsed: tuple[str, ...] = ()
    """Weight tensors that no path passes through."""
    connected: bool = True
    """Whether any path leads from input to output."""
    explored: float | None = None
    """Share of the prunable weights that were in the mask at some time (R_s of Liu et al. 2021);
    None where the mask did not change in training."""
    mask_updates: int | None = None
    """How often the mask changed in training; None likewise."""
    point: int = 0
    """Number of its point in a sweep."""


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over replicates."""

    mean: float
    low: float
    high: float
    deviation: float
    """Standard deviation of a sample (n - 1); 0 for one replicate."""
    interval: tuple[float, float] | None = None
    """95% confidence interval of the mean over replicates, :func:`interval`; None for one
    replicate, and for figures that do not belong to one replicate each."""


@dataclass(frozen=True, slots=True)
class Line:
    """One level of one branch, over all replicates."""

    branch: str
    level: int
    density: float
    """Kept share of the prunable weights: the mean, where replicates differ."""
    kept: int
    """The mean, rounded half to even, where replicates differ."""
    replicates: int
    accuracy: Mapping[str, Spread]
    """By split."""
    loss: Mapping[str, Spread]
    explored: Spread | None = None
    """As in :class:`Row`; None where the mask did not change in training."""
    mask_updates: int | None = None
    point: int = 0
    """Number of its point in a sweep."""


def rows(plan: Plan, scores: Mapping[int, Mapping[str, Any]]) -> list[Row]:
    """A row for each outcome whose every score is there. ``scores``: facts by place of the stage,
    of evaluations and of trainings that change their mask."""
    plan = counted(plan, scores)
    return [
        Row(
            outcome.replicate,
            outcome.branch,
            outcome.level,
            plan.density(outcome, outcome.point),
            outcome.kept or 0,
            plan.prunable_in(outcome, outcome.point),
            {split: scores[place] for split, place in outcome.scores.items()},
            *_paths(plan.prunable_in(outcome, outcome.point), _mask(outcome, scores)),
            **_changes(scores.get(outcome.trained, {})),
            point=outcome.point,
        )
        for outcome in plan.outcomes
        if all(place in scores for place in outcome.scores.values())
        and (outcome.kept is not None or outcome.ticket in scores)
    ]


def _mask(outcome: Outcome, scores: Mapping[int, Mapping[str, Any]]) -> Mapping[str, Any]:
    """Facts of the mask of a trained network: of the training that changed it, else the ticket's;
    nothing for the dense network."""
    trained = scores.get(outcome.trained, {})
    if "effective" in trained or outcome.ticket is None:
        return trained
    return scores.get(outcome.ticket, {})


def _paths(prunable: int, mask: Mapping[str, Any]) -> tuple[float | None, tuple[str, ...], bool]:
    """The three fields of a Row that are about paths. ``prunable``: weights that may be pruned."""
    if "effective" not in mask:
        return None, (), True
    effective = sum(mask["effective"].values()) / prunable
    return effective, tuple(mask["collapsed"]), mask["connected"]


def counted(plan: Plan, facts: Mapping[int, Mapping[str, Any]]) -> Plan:
    """The plan with how many weights combined and carried masks keep, which their tickets say;
    without the rows of those that are not there yet. ``facts``: by place of the stage."""
    if all(row.kept is not None for row in plan.outcomes):
        return plan
    found = {
        (row.point, row.replicate, row.branch, row.level): sum(facts[row.ticket]["kept"].values())
        for row in plan.outcomes
        if row.kept is None and row.ticket is not None and row.ticket in facts
    }

    def fill(one: Counted, point: int) -> Counted:
        key = point, one.replicate, one.branch, one.level or 0
        return replace(one, kept=found.get(key)) if one.kept is None else one

    measurements = [
        replace(one, sides=tuple(fill(side, one.point) for side in one.sides))
        for one in plan.measurements
    ]
    outcomes = [fill(row, row.point) for row in plan.outcomes]
    return replace(
        plan,
        outcomes=tuple(row for row in outcomes if row.kept is not None),
        measurements=tuple(
            one for one in measurements if all(side.kept is not None for side in one.sides)
        ),
    )


def summary(found: Sequence[Row]) -> list[Line]:
    """Rows of the same point, branch and level together, the ticket's first."""
    groups: dict[tuple[int, str, int], list[Row]] = {}
    for row in found:
        groups.setdefault((row.point, row.branch, row.level), []).append(row)
    order = list(dict.fromkeys(row.branch for row in found))
    return [
        Line(
            branch,
            level,
            mean([row.density for row in group]),
            round(mean([row.kept for row in group])),
            len(group),
            _spreads(group, "accuracy"),
            _spreads(group, "loss"),
            _explored(group),
            group[0].mask_updates,
            point,
        )
        for (point, branch, level), group in sorted(
            groups.items(),
            key=lambda item: (item[0][0], order.index(item[0][1]), item[0][2]),
        )
    ]


def _changes(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The last two fields of a Row, of a training that changes its mask."""
    return {name: facts[name] for name in ("explored", "mask_updates") if name in facts}


def _spreads(group: Sequence[Row], figure: str) -> dict[str, Spread]:
    """Of one figure, by split."""
    return {
        split: spread([row.scores[split][figure] for row in group]) for split in group[0].scores
    }


def _explored(group: Sequence[Row]) -> Spread | None:
    shares = [row.explored for row in group if row.explored is not None]
    return spread(shares) if shares else None


def mean(figures: Sequence[float]) -> float:
    """The mean; of equal numbers that number, to the bit."""
    return figures[0] if len(set(figures)) == 1 else statistics.fmean(figures)


CONFIDENCE = 0.95


def interval(figures: Sequence[float]) -> tuple[float, float] | None:
    """Confidence interval of the mean of independent figures: mean -+ t s / sqrt(n), where s is
    the standard deviation of the sample (n - 1) and t the quantile (1 + :data:`CONFIDENCE`) / 2 of
    Student's distribution with n - 1 degrees of freedom. None for fewer than two figures."""
    count = len(figures)
    if count < 2:
        return None
    from scipy.special import stdtrit  # slow to import, and one replicate needs none

    centre = mean(figures)
    quantile = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2))
    reach = quantile * statistics.stdev(figures) / math.sqrt(count)
    return centre - reach, centre + reach


def spread(figures: Sequence[float], replicates: Sequence[int] = ()) -> Spread:
    """Mean, lowest, highest, deviation and confidence interval of at least one figure.

    ``replicates`` says whose each figure is. Several of one replicate (pairs of copies of one
    network) are not independent, so the interval is that of the replicates' means. Without it each
    figure stands for a replicate.
    """
    deviation = statistics.stdev(figures) if len(figures) > 1 else 0.0
    own: dict[int, list[float]] = {}
    for number, figure in zip(replicates or range(len(figures)), figures, strict=True):
        own.setdefault(number, []).append(figure)
    means = [mean(each) for each in own.values()]
    return Spread(statistics.fmean(figures), min(figures), max(figures), deviation, interval(means))


def as_csv(plan: Plan, found: Sequence[Row]) -> str:
    """One line for each point, replicate, branch, level and split. ``explored`` and
    ``mask_updates`` are empty for networks whose mask did not change in training."""
    return write_csv(
        [
            *point_headings(plan),
            "replicate",
            "branch",
            "level",
            "density",
            "kept",
            "split",
            "examples",
            "correct",
            "accuracy",
            "loss",
            "effective_density",
            "explored",
            "mask_updates",
        ],
        (
            [
                *point_cells(plan, row.point),
                row.replicate,
                row.branch,
                row.level,
                row.density,
                row.kept,
                split,
                score["examples"],
                score["correct"],
                score["accuracy"],
                score["loss"],
                row.effective_density,
                row.explored,
                row.mask_updates,
            ]
            for row in found
            for split, score in row.scores.items()
        ),
    )


def write_csv(headings: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    """A table as text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows(lines)
    return text.getvalue()


def point_headings(plan: Plan) -> list[str]:
    """Headings of the columns that say of which point of a sweep a line is; none without one."""
    return ["point", *plan.points[0].columns] if plan.is_sweep else []


def point_cells(plan: Plan, number: int) -> list[str | int]:
    """What stands in those columns: the point's number, and what is set there."""
    if not plan.is_sweep:
        return []
    return [number, *(shown(value) for value in plan.point(number).columns.values())]


def as_document(plan: Plan, row: Any) -> dict[str, Any]:
    """A row or line as JSON-ready data; of a sweep, ``point`` is the number of its point."""
    return {key: each for key, each in asdict(row).items() if key != "point" or plan.is_sweep}


def as_json(plan: Plan, found: Sequence[Row]) -> str:
    """Rows and summary as one JSON object, with the points of a sweep."""
    document = {
        "name": plan.name,
        **point_document(plan),
        "rows": [as_document(plan, row) for row in found],
        "summary": [as_document(plan, line) for line in summary(found)],
    }
    return json.dumps(document, indent=1) + "\n"


def point_document(plan: Plan) -> dict[str, Any]:
    """How many weights may be pruned, of each point of a sweep with what is set there."""
    if not plan.is_sweep:
        return {"prunable": plan.prunable}
    return {"points": [{**asdict(point), "label": point.label} for point in plan.points]}
