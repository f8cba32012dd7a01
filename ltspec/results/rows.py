"""Takes rows of what was measured; gives their summary, and both as files.

A table is rows of named values: some say what was measured, the others are figures. A summary takes
the rows together that differ in their replicate or copies alone. Errors, accuracies and all that is
made of them are shares, from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ltspec.plan.replicates import DENSE
from ltspec.plan.stages import Measurement, Plan, Side
from ltspec.results.table import (
    Spread,
    mean,
    point_cells,
    point_document,
    point_headings,
    spread,
    write_csv,
)

Row = dict[str, Any]
Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """What was measured of one kind."""

    kind: str
    figures: tuple[str, ...]
    """Columns that hold figures; the others say what they are of."""
    rows: Sequence[Row]
    missing: int
    """Answers that are not in the store yet."""
    done: int
    """Those that are."""
    along: tuple[str, ...] = ()
    """Columns that hold as many figures each, those along a line: one after another, they are a
    line of the CSV file each."""


@dataclass(frozen=True, slots=True)
class Line:
    """Rows that differ in their replicate or copies alone."""

    of: Mapping[str, Any]
    """What was measured, by column."""
    count: int
    """How many rows there are."""
    figures: Mapping[str, Spread | None]
    """By column; None where no row has the figure."""


def entry(plan: Plan, one: Measurement) -> Row:
    """Which point of a sweep, and which entry of ``measure``."""
    return {**({"point": one.point} if plan.is_sweep else {}), "entry": one.entry}


def network(plan: Plan, side: Side, point: int) -> Row:
    """Which network of a point."""
    return {
        "replicate": side.replicate,
        "branch": side.branch,
        "level": side.level,
        "density": plan.density(side, point),
    }


def copies(one: Measurement) -> str:
    """``1-2``; empty where no copies are measured."""
    return "-".join(map(str, one.copies))


def network_name(branch: str, level: int) -> str:
    """``dense`` or ``ticket 3``."""
    return branch if branch == DENSE else f"{branch} {level}"


def summary(table: Table) -> list[Line]:
    """Rows together over replicates and copies, in the order in which they were first met."""
    return [
        Line(
            of,
            len(group),
            {
                name: _spread([row for row in group if row.get(name) is not None], name)
                for name in table.figures
            },
        )
        for of, group in groups(table)
    ]


_OVER = ("replicate", "other_replicate", "copies", "density", "other_density", "histogram")
"""Columns that tell apart what a summary takes together."""


def groups(table: Table) -> Iterator[tuple[Row, list[Row]]]:
    """Rows that differ in their replicate or copies alone, and what they have in common."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in table.rows:
        of = tuple((name, row[name]) for name in row if _tells(table, name))
        found.setdefault(of, []).append(row)
    for of, group in found.items():
        yield {**dict(of), **_densities(group)}, group


def _tells(table: Table, name: str) -> bool:
    return name not in table.figures and name not in _OVER and name not in table.along


def _densities(rows: Sequence[Row]) -> Row:
    """Their means, which replicates of combined masks need: each network once, and where pairs are
    replicates of one network, the same for both."""
    if "density" not in rows[0]:
        return {}
    own = {row["replicate"]: row["density"] for row in rows}
    if "other_density" not in rows[0]:
        return {"density": mean([*own.values()])}
    others = {row["other_replicate"]: row["other_density"] for row in rows}
    if all(rows[0][name] == rows[0][f"other_{name}"] for name in ("branch", "level")):
        own = others = own | others
    return {"density": mean([*own.values()]), "other_density": mean([*others.values()])}


def _spread(rows: Sequence[Row], name: str) -> Spread | None:
    return spread([row[name] for row in rows], owners(rows)) if rows else None


def owners(rows: Sequence[Row]) -> list[int]:
    """The replicate of each row. Pairs of two replicates share replicates with one another, so they
    count as one, and have no confidence interval."""
    apart = any(row.get("other_replicate", row["replicate"]) != row["replicate"] for row in rows)
    return [0 if apart else row["replicate"] for row in rows]


def as_csv(plan: Plan, table: Table) -> str:
    """One line for each row, and for each point of a line; a figure that is not there is empty."""
    columns = dict.fromkeys(name for row in table.rows for name in row if name not in _NOT_IN_CSV)
    return write_csv(
        (*point_headings(plan), *columns),
        (
            [*point_cells(plan, row.get("point", 0)), *(line.get(name) for name in columns)]
            for row in table.rows
            for line in _spread_out(row, table.along)
        ),
    )


_NOT_IN_CSV = ("point", "histogram")


def _spread_out(row: Row, along: Sequence[str]) -> Iterator[Row]:
    """The row once for each of the figures that its columns ``along`` hold."""
    if not along:
        yield row
        return
    for figures in zip(*(row[name] for name in along), strict=True):
        yield {**row, **dict(zip(along, figures, strict=True))}


def as_document(plan: Plan, table: Table) -> dict[str, Any]:
    """Rows and summary as JSON-ready data."""
    return {
        "name": plan.name,
        **(point_document(plan) if plan.is_sweep else {}),
        "rows": table.rows,
        "summary": [
            {
                **line.of,
                "count": line.count,
                **{
                    name: None if found is None else asdict(found)
                    for name, found in line.figures.items()
                },
            }
            for line in summary(table)
        ],
    }
