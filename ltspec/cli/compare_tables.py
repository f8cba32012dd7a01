"""Takes the tables of what was measured on weights and masks; gives them on the screen, a line for
each network or pair, over replicates and copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as Shown

from ltspec.cli.tables import add_point_columns, print_table
from ltspec.plan.replicates import DENSE
from ltspec.plan.stages import Plan
from ltspec.results import compared
from ltspec.results.compared import ALL, Matrix
from ltspec.results.rows import Table, network_name, summary
from ltspec.results.table import Spread, point_cells

MOST = 40
"""Lines of one table on the screen; all are in the files."""

_TITLES = {
    "stability": "stability: distance of surviving weights",
    "distance": "distance of solutions on the weights that both keep",
    "travelled": "travelled: L2 distance of surviving weights",
    "overlap": "overlap of masks",
    "weights": "surviving weights",
    "threshold": "magnitude at which levels cut",
}
_HIDDEN = {
    "stability": ("coordinates", "step"),
    "travelled": ("coordinates", "density"),
    "overlap": ("kept", "other_kept", "both"),
    "weights": ("density", "mean", "lowest", "highest"),
    "threshold": ("removed", "kept"),
}
"""Columns that stand in the files alone."""
_SPREAD = ": mean (lowest-highest)"
_MEANS = ("overlap", "weights", "threshold", "distance")
"""Kinds that are shown without the lowest and the highest."""


def print_compared(console: Console, plan: Plan, found: Table, *, everything: bool = False) -> None:
    """Print a line for each network or pair; of tensors only all of them together.

    With ``everything`` all lines are there, and each mean has the lowest and the highest.
    """
    means = found.kind in _MEANS and not everything
    if found.kind == "distance":
        rows, columns = _distances(plan, compared.matrices(found), means), _DISTANCES
    else:
        rows, columns = _lines(plan, found, means)
    most = len(rows) if everything else MOST
    shown = Shown(
        box=SIMPLE_HEAD,
        title=_TITLES[found.kind] + (": mean" if means else _SPREAD),
        title_justify="left",
        pad_edge=False,
    )
    add_point_columns(shown, plan)
    for column in columns:
        words = column in ("network", "and", "to", "what", "between", "metric")
        shown.add_column(column, justify="left" if words else "right", no_wrap=True)
    for row in rows[:most]:
        shown.add_row(*row)
    print_table(console, shown)
    if len(rows) > most:
        console.print(f"{len(rows) - most} more lines are in {found.kind}.csv")
    if found.kind in _LEGENDS:
        console.print(_LEGENDS[found.kind])


def _lines(plan: Plan, table: Table, means: bool) -> tuple[list[list[str]], list[str]]:
    lines = [line for line in summary(table) if line.of["tensor"] == ALL]
    several = len({line.of["entry"] for line in lines}) > 1
    hidden = {"point", "tensor", "level", "other_level", *_HIDDEN[table.kind]}
    hidden |= set() if several else {"entry"}
    names = [name for name in (lines[0].of if lines else ()) if name not in hidden]
    figures = [name for name in table.figures if name not in hidden]
    rows = [
        [
            *map(str, point_cells(plan, line.of.get("point", 0))),
            *(_value(name, line.of) for name in names),
            str(line.count),
            *(_figure(name, line.figures[name], means) for name in figures),
        ]
        for line in lines
    ]
    return rows, [_HEADINGS.get(name, name.replace("_", " ")) for name in (*names, "n", *figures)]


_HEADINGS = {
    "branch": "network",
    "other_branch": "and",
    "iou": "IoU",
    "iou_expected": "IoU by\nchance",
    "share": "share of\nsmaller",
    "share_expected": "share by\nchance",
}
_LEGENDS = {
    "overlap": "n: pairs of masks; IoU: the weights that both keep, of all that either keeps; "
    "share of smaller: of those that the smaller mask keeps; by chance: what two random masks that "
    "keep as many would share on average",
}
"""A sentence beneath a table."""


def _value(name: str, of: Mapping[str, Any]) -> str:
    match name:
        case "branch" | "other_branch":
            return network_name(of[name], of[name.replace("branch", "level")])
        case "density":
            return f"{of[name]:.2%}"
        case _:
            return str(of[name])


def _figure(name: str, found: Spread | None, mean: bool) -> str:
    if found is None:
        return "-"
    middle, low, high = (
        f"{each:,.0f}" if name == "weights" else figure_text(each)
        for each in (found.mean, found.low, found.high)
    )
    if mean or found.low == found.high:
        return middle
    return f"{middle} ({low}{' to ' if found.low < 0 else '-'}{high})"


def figure_text(value: float, digits: int = 3) -> str:
    """So many digits, zeros among them, or all of a large whole part: ``0.0390``, ``1,088``."""
    if abs(value) >= 10**digits - 0.5:
        return f"{value:,.0f}"
    return f"{value:#,.{digits}g}".removesuffix(".")


_DISTANCES = ["network", "metric", "to the one before", "to the first", "to init"]


def _distances(plan: Plan, matrices: Sequence[Matrix], means: bool) -> list[list[str]]:
    """Of a matrix, what is next to the diagonal, the first column and that of initial weights."""
    rows = []
    for matrix in matrices:
        if matrix.replicate is not None:
            continue
        own = [] if means else [each for each in matrices if _is_of(each, matrix)]
        names = list(matrix.networks)
        for place, name in enumerate(names):
            if name == compared.INIT:
                continue
            init = names.index(compared.INIT) if compared.INIT in names else None
            cells = [place - 1 if place else None, 0 if place else None, init]
            texts = ["-" if cell is None else _entry(matrix, own, place, cell) for cell in cells]
            point = map(str, point_cells(plan, matrix.point))
            network = network_name(matrix.branch if name else DENSE, int(name))
            rows.append([*point, network, matrix.metric, *texts])
    return rows


def _is_of(one: Matrix, mean: Matrix) -> bool:
    """Whether a matrix is that of a replicate that the mean is taken over."""
    places = [(each.point, each.entry, each.branch, each.metric) for each in (one, mean)]
    return one.replicate is not None and places[0] == places[1]


def _entry(matrix: Matrix, own: Sequence[Matrix], row: int, column: int) -> str:
    """One distance, with the lowest and the highest where several replicates have it."""
    value = matrix.values[row][column]
    if value is None:
        return "-"
    found = [each.values[row][column] for each in own]
    there = [each for each in found if each is not None]
    middle = figure_text(value, 4)
    if not there or min(there) == max(there):
        return middle
    return f"{middle} ({figure_text(min(there), 4)}-{figure_text(max(there), 4)})"
