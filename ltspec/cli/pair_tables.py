"""Takes a plan and facts; gives tables of barriers and of functions on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ltspec.cli.tables import add_point_columns, print_table
from ltspec.plan.stages import Plan
from ltspec.results import paired
from ltspec.results.table import Spread, point_cells


def print_pairs(console: Console, plan: Plan, facts: Mapping[int, Mapping[str, Any]]) -> None:
    """Print a line for each two places that are compared, where the plan compares any."""
    kinds = [one.measure for one in plan.measurements]
    if "barrier" in kinds:
        lines = paired.barriers(plan, facts)
        _print_barriers(console, plan, paired.barrier_summary(lines))
        _print_missing(console, kinds.count("barrier") - len(lines), kinds.count("barrier"))
    if "function" in kinds:
        contrasts = paired.functions(plan, facts)
        _print_functions(console, plan, paired.function_summary(contrasts))
        _print_missing(console, kinds.count("function") - len(contrasts), kinds.count("function"))


def _print_barriers(console: Console, plan: Plan, lines: list[paired.BarrierSummary]) -> None:
    table = _table(plan, "barriers in points of error: mean (lowest-highest) over replicates")
    table.add_column("density", justify="right")
    recalibrated = any(line.batchnorm == "recalibrate" for line in lines)
    for heading in ("split", "batchnorm") if recalibrated else ("split",):
        table.add_column(heading)
    for heading in ("pairs", "barrier"):
        table.add_column(heading, justify="right")
    for line in lines:
        table.add_row(
            *map(str, point_cells(plan, line.pair.point)),
            line.label,
            f"{line.pair.first.density:.2%}",
            line.pair.split,
            *([line.batchnorm] if recalibrated else []),
            str(line.pairs),
            _spread_text(line.barrier),
        )
    print_table(console, table)


def _print_functions(console: Console, plan: Plan, lines: list[paired.FunctionSummary]) -> None:
    table = _table(
        plan, "examples classified differently (points), and the L2 distance of losses (nats)"
    )
    table.add_column("split")
    for heading in ("pairs", "different", "losses"):
        table.add_column(heading, justify="right")
    for line in lines:
        table.add_row(
            *map(str, point_cells(plan, line.pair.point)),
            line.label,
            line.pair.split,
            str(line.pairs),
            _spread_text(line.disagreement),
            f"{line.loss_distance.mean:.2f}",
        )
    print_table(console, table)


def _table(plan: Plan, title: str) -> Table:
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    add_point_columns(table, plan)
    table.add_column("between", no_wrap=True)
    return table


def _spread_text(found: Spread) -> str:
    return f"{found.mean:.2f} ({found.low:.2f}-{found.high:.2f})"


def _print_missing(console: Console, missing: int, count: int) -> None:
    if missing:
        console.print(f"not done yet: {missing} of {count} pairs")
