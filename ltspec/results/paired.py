"""Takes a plan and what a store says of networks that were compared two by two; gives rows of
instabilities, barriers and functions, and the mean error along their lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ltspec.plan import stages
from ltspec.plan.stages import Contrast, Measurement, Plan
from ltspec.results.rows import (
    Facts,
    Row,
    Table,
    copies,
    entry,
    groups,
    network,
    network_name,
    owners,
)
from ltspec.results.table import Spread, spread

LINES = ("instability", "barrier")
"""Kinds that are about the line between two networks. What they are called after is the highest
error from one network to the other less the mean of the two."""
ALONG = ("alpha", "error", "loss")
"""Columns that hold the figures along a line: where on it, some of which may lie beyond the
networks; the share of examples that are wrong there; their mean loss (nats), None where it is not
finite."""


def figures_of(kind: str) -> tuple[str, ...]:
    """Which columns of a kind are figures."""
    if kind in LINES:
        return (kind,)
    shares = ("different", "disagreement", "accuracy", "other_accuracy")
    return ("examples", *shares, "loss_distance")


def way(work: stages.Line) -> Row:
    """Where running statistics along a line come from: ``interpolate`` or ``recalibrate``, and from
    how many training batches they are recalibrated."""
    if work.recalibration is None:
        return {"batchnorm": "interpolate", "batches": None}
    return {"batchnorm": "recalibrate", "batches": work.recalibration.batches}


def _line(plan: Plan, one: Measurement, facts: Facts) -> Iterator[Row]:
    work = plan.stages[one.stage].work
    assert isinstance(work, stages.Line)
    along = zip(ALONG, (facts["alphas"], facts["error"], facts["loss"]), strict=True)
    yield {
        **_pair(plan, one),
        "split": work.split,
        **way(work),
        one.measure: facts["instability"],
        **dict(along),
    }


def _function(plan: Plan, one: Measurement, facts: Facts) -> Iterator[Row]:
    work = plan.stages[one.stage].work
    assert isinstance(work, Contrast)
    first, second = facts["accuracy"]
    yield {
        **_pair(plan, one),
        "split": work.split,
        **{name: facts[name] for name in ("examples", "different", "disagreement")},
        "loss_distance": facts["loss_distance"],
        "accuracy": first,
        "other_accuracy": second,
    }


def _pair(plan: Plan, one: Measurement) -> Row:
    """Which two: of ``siblings`` the network that both are copies of, twice."""
    first, second = (network(plan, side, one.point) for side in (one.sides[0], one.sides[-1]))
    return {
        **entry(plan, one),
        "between": one.about,
        **first,
        **{f"other_{name}": value for name, value in second.items()},
        "step": one.step,
        "copies": copies(one),
    }


def label(of: Mapping[str, Any]) -> str:
    """What two networks are called, over replicates. ``of``: what their rows have in common."""
    first = network_name(of["branch"], of["level"])
    match of["between"]:
        case "siblings":
            return f"copies of {first} from step {of['step']:,}"
        case "replicates":
            return f"replicates of {first}"
        case _:
            return f"{first} to {network_name(of['other_branch'], of['other_level'])}"


@dataclass(frozen=True, slots=True)
class Curve:
    """The error along the lines between the same two networks, over replicates and copies."""

    of: Mapping[str, Any]
    """What their rows have in common."""
    alpha: Sequence[float]
    error: Sequence[Spread]
    """Share of the examples, at each of ``alpha``."""

    @property
    def label(self) -> str:
        """What it is called in a picture."""
        recalibrated = self.of["batchnorm"] == "recalibrate"
        return label(self.of) + (", recalibrated" if recalibrated else "")

    @property
    def split(self) -> str:
        """What the error was taken on."""
        return str(self.of["split"])

    @property
    def point(self) -> int:
        """Number of its point in a sweep."""
        return int(self.of.get("point", 0))


def curves(table: Table) -> list[Curve]:
    """One for each line of the table's summary."""
    return [
        Curve(
            of,
            rows[0]["alpha"],
            [
                spread(errors, owners(rows))
                for errors in zip(*(row["error"] for row in rows), strict=True)
            ],
        )
        for of, rows in groups(table)
    ]


def as_documents(found: Sequence[Curve]) -> list[dict[str, Any]]:
    """Curves as JSON-ready data."""
    return [
        {**one.of, "alpha": one.alpha, "error": [asdict(each) for each in one.error]}
        for one in found
    ]


ROWS: Mapping[str, Callable[[Plan, Measurement, Facts], Iterator[Row]]] = {
    **dict.fromkeys(LINES, _line),
    "function": _function,
}
"""The row of one answer, by kind."""
