"""Takes a plan and what a store says of weights and masks set side by side; gives rows of each kind
of ``measure`` that is about them, the matrices of distances, and histograms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ltspec.decisions.difference import metric, overlap_figures
from ltspec.plan.stages import Compare, Measurement, Plan, Side
from ltspec.results.rows import Facts, Row, Table, copies, entry, network
from ltspec.results.table import point_cells, point_headings, spread, write_csv

ALL = "all"
"""What stands for all prunable tensors together among their names."""
INIT = "init"
"""What stands for the initial weights among levels."""


def histograms_as_csv(plan: Plan, table: Table) -> str:
    """One line for each bin of each histogram, from its ``low`` edge to its ``high`` one; what lies
    beyond all bins has no edge there."""
    of = ("entry", "replicate", "branch", "level", "tensor")
    lines: list[list[Any]] = []
    for row in table.rows:
        same = [*point_cells(plan, row.get("point", 0)), *(row[name] for name in of)]
        found = row["histogram"]
        edges = found["edges"]
        lines.append([*same, "", edges[0], found["below"]])
        bins = zip(edges, edges[1:], found["counts"], strict=False)
        lines += [[*same, low, high, count] for low, high, count in bins]
        lines.append([*same, edges[-1], "", found["above"]])
    return write_csv((*point_headings(plan), *of, "low", "high", "count"), lines)


@dataclass(frozen=True, slots=True)
class Matrix:
    """All distances between the solutions of one line, over its prunable weights together."""

    point: int
    """Number of its point in a sweep; else 0."""
    entry: int
    branch: str
    metric: str
    replicate: int | None
    """None for the mean over replicates."""
    networks: Sequence[int | str]
    """Levels, and ``init`` for the initial weights."""
    values: Sequence[Sequence[float | None]]
    """Symmetric; on the diagonal that of a network to itself. None where there is no direction, or
    where it is not done yet."""


def matrices(table: Table) -> list[Matrix]:
    """For each entry, line and metric the mean over replicates, and then each replicate's own."""
    found = []
    rows = [row for row in table.rows if row["tensor"] == ALL]
    for of in dict.fromkeys(_matrix_of(row) for row in rows):
        own = [row for row in rows if _matrix_of(row) == of]
        networks = list(dict.fromkeys(row[side] for side in ("first", "second") for row in own))
        for name in (name for name in table.figures if name in METRICS and name in own[0]):
            for replicate in (None, *dict.fromkeys(row["replicate"] for row in own)):
                chosen = [row for row in own if replicate in (None, row["replicate"])]
                values = _square(chosen, networks, name)
                found.append(Matrix(*of, name, replicate, networks, values))
    return found


def _matrix_of(row: Row) -> tuple[int, int, str]:
    return row.get("point", 0), row["entry"], row["branch"]


def _square(rows: Sequence[Row], networks: Sequence[int | str], name: str) -> list[list[Any]]:
    pairs: dict[tuple[Any, Any], list[float]] = {}
    for row in rows:
        if row[name] is not None:
            pairs.setdefault((row["first"], row["second"]), []).append(row[name])
    means = {pair: spread(figures).mean for pair, figures in pairs.items()}
    means |= {pair[::-1]: mean for pair, mean in means.items()}
    itself = 1.0 if name == "cosine" else 0.0
    return [
        [itself if one == other else means.get((one, other)) for other in networks]
        for one in networks
    ]


METRICS = ("l2", "angle", "cosine", "angular")
"""Columns that hold distances."""


def _stability(plan: Plan, one: Measurement, facts: Facts) -> Iterator[Row]:
    (side,) = one.sides
    for tensor, figures in _each(plan, one, facts):
        yield {
            **entry(plan, one),
            **network(plan, side, one.point),
            "step": one.step,
            "to": one.about,
            "copies": copies(one),
            "tensor": tensor,
            "coordinates": figures["coordinates"],
            **{name: metric(name, figures) for name in one.metrics},
        }


def _distance(plan: Plan, one: Measurement, facts: Facts) -> Iterator[Row]:
    first, second = one.sides
    for tensor, figures in _each(plan, one, facts):
        yield {
            **entry(plan, one),
            "replicate": first.replicate,
            "branch": first.branch,
            "first": _level(first),
            "second": _level(second),
            "tensor": tensor,
            "coordinates": figures["coordinates"],
            **{name: metric(name, figures) for name in one.metrics},
        }


def _travelled(plan: Plan, one: Measurement, facts: Facts) -> Iterator[Row]:
    (side,) = one.sides
    for tensor, figures in _each(plan, one, facts):
        yield {
            **entry(plan, one),
            **network(plan, side, one.point),
            "step": one.step,
            "copies": copies(one),
            "what": one.about,
            "tensor": tensor,
            "coordinates": figures["coordinates"],
            "l2": figures["l2"],
            "share": None,
        }


def add_shares(kind: str, rows: Sequence[Row]) -> None:
    """Of ``travelled``, two copies' distance over the mean of the ways that the two travelled from
    where they parted."""
    if kind != "travelled":
        return

    def key(row: Row, copy: str) -> tuple[Any, ...]:
        names = ("entry", "replicate", "branch", "level", "step", "tensor")
        return (row.get("point", 0), *(row[name] for name in names), copy)

    ways = {key(row, row["copies"]): row["l2"] for row in rows if row["what"] == "start"}
    for row in rows:
        if row["what"] == "apart":
            one, other = (ways.get(key(row, copy)) for copy in row["copies"].split("-"))
            if one and other:
                row["share"] = row["l2"] / ((one + other) / 2)


def _overlap(plan: Plan, one: Measurement, facts: Facts) -> Iterator[Row]:
    first, second = one.sides
    counts = {name: facts["tensors"][name] for name in _tensors(plan, one)}
    for tensor in (ALL, *counts):
        these = list(counts.values()) if tensor == ALL else [counts[tensor]]
        yield {
            **entry(plan, one),
            "between": one.about,
            "replicate": first.replicate,
            "branch": first.branch,
            "level": first.level,
            "other_replicate": second.replicate,
            "other_branch": second.branch,
            "other_level": second.level,
            "tensor": tensor,
            "kept": sum(each["first"] for each in these),
            "other_kept": sum(each["second"] for each in these),
            "both": sum(each["both"] for each in these),
            **overlap_figures(these),
        }


def _weights(plan: Plan, one: Measurement, facts: Facts) -> Iterator[Row]:
    (side,) = one.sides
    work = plan.stages[one.stage].work
    assert isinstance(work, Compare)
    for tensor, figures in _each(plan, one, facts):
        count, limit = len(figures["counts"]), figures["limit"]
        edges = [limit * (2 * place - count) / count for place in range(count + 1)]
        yield {
            **entry(plan, one),
            **network(plan, side, one.point),
            "tensor": tensor,
            **{name: figures[name] for name in ("weights", *_MOMENTS)},
            **{
                f"p{rank:g}": found
                for rank, found in zip(work.percentiles, figures["percentiles"], strict=True)
            },
            "histogram": {
                "edges": edges,
                **{name: figures[name] for name in ("below", "counts", "above")},
            },
        }


def _threshold(plan: Plan, one: Measurement, facts: Facts) -> Iterator[Row]:
    (side,) = one.sides
    for tensor, figures in _each(plan, one, facts):
        yield {
            **entry(plan, one),
            **network(plan, side, one.point),
            "tensor": tensor,
            **{name: figures[name] for name in _CUT},
        }


def _level(side: Side) -> int | str:
    return INIT if side.level is None else side.level


def _each(plan: Plan, one: Measurement, facts: Facts) -> Iterator[tuple[str, Facts]]:
    """All prunable tensors together, then each in graph order, which JSON does not keep."""
    yield ALL, facts["all"]
    yield from ((name, facts["tensors"][name]) for name in _tensors(plan, one))


def _tensors(plan: Plan, one: Measurement) -> tuple[str, ...]:
    work = plan.stages[one.stage].work
    assert isinstance(work, Compare)
    return work.tensors


_CUT = ("removed", "kept", "largest_removed", "smallest_kept")
_MOMENTS = ("mean", "deviation", "lowest", "highest")


def figures_of(kind: str, asked: Sequence[Measurement], rows: Sequence[Row]) -> tuple[str, ...]:
    """Which columns of a kind are figures."""
    match kind:
        case "stability" | "distance":
            chosen = dict.fromkeys(name for one in asked for name in one.metrics)
            return ("coordinates", *chosen)
        case "travelled":
            return ("coordinates", "l2", "share")
        case "overlap":
            shares = ("iou", "iou_expected", "share", "share_expected")
            return ("kept", "other_kept", "both", *shares)
        case "weights":
            ranks = (name for row in rows for name in row if name[0] == "p" and name[1].isdigit())
            return ("weights", *_MOMENTS, *dict.fromkeys(ranks))
        case _:
            return _CUT


ROWS: Mapping[str, Callable[[Plan, Measurement, Facts], Iterator[Row]]] = {
    "stability": _stability,
    "distance": _distance,
    "travelled": _travelled,
    "overlap": _overlap,
    "weights": _weights,
    "threshold": _threshold,
}
"""The rows of one answer, by kind."""
