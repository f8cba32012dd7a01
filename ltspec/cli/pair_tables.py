"""Takes the tables of networks that were compared two by two; gives them on the screen, a line for
each two, over replicates and copies."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as Shown

from ltspec.cli.tables import add_point_columns, print_table
from ltspec.plan.stages import Plan
from ltspec.results import paired
from ltspec.results.rows import Line, Table, summary
from ltspec.results.table import Spread, point_cells

_TITLES = {
    "instability": "instability in points of error: mean (lowest-highest) over pairs of copies",
    "barrier": "barriers in points of error: mean (lowest-highest) over replicates",
    "function": "examples classified differently (points), and the L2 distance of losses (nats)",
}


def print_pairs(console: Console, plan: Plan, found: Table) -> None:
    """Print a line for each two places that are compared, and of copies for each network.

    ``found``: a table that has rows.
    """
    shown = Shown(box=SIMPLE_HEAD, title=_TITLES[found.kind], title_justify="left", pad_edge=False)
    add_point_columns(shown, plan)
    lines = summary(found)
    several = len({line.of["entry"] for line in lines}) > 1
    rows = [_cells(found.kind, line, several) for line in lines]
    for heading in rows[0]:
        words = heading in _WORDS
        shown.add_column(
            heading, justify="left" if words else "right", no_wrap=heading == "between"
        )
    for line, row in zip(lines, rows, strict=True):
        shown.add_row(*map(str, point_cells(plan, line.of.get("point", 0))), *row.values())
    print_table(console, shown)


_WORDS = ("network", "between", "split")
"""Columns that hold words, and not numbers."""


def _cells(kind: str, line: Line, several: bool) -> dict[str, str]:
    """What stands in a line, by heading; ``several``: whether there are several entries."""
    of, figures = line.of, {name: found for name, found in line.figures.items() if found}
    which = {"entry": str(of["entry"])} if several else {}
    if kind == "instability":
        which |= {
            "network": of["branch"],
            "level": str(of["level"]),
            "from step": f"{of['step']:,}",
            "density": f"{of['density']:.2%}",
        }
    else:
        which |= {"between": paired.label(of), "density": f"{of['density']:.2%}"}
    which |= {"split": of["split"], "pairs": str(line.count)}
    if kind not in paired.LINES:
        different, losses = figures["disagreement"], figures["loss_distance"]
        return {**which, "different": points_text(different), "losses": f"{losses.mean:.2f}"}
    if of["batches"] is not None:
        which["split"] += f", recalibrated on {of['batches']}"
    return {**which, kind: points_text(figures[kind])}


def points_text(share: Spread) -> str:
    """A share in points (100 times it): mean, lowest and highest."""
    mean, low, high = (100 * figure for figure in (share.mean, share.low, share.high))
    return f"{mean:.2f}" if low == high else f"{mean:.2f} ({low:.2f}-{high:.2f})"
