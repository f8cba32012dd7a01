"""Takes a summary; gives it as a table on the screen."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ltspec.plan.stages import Plan
from ltspec.results import transfers
from ltspec.results.table import Row, Spread, point_cells, point_headings, summary


def print_table(console: Console, table: Table) -> None:
    """Print a table with every digit, where the screen is too narrow too: there lines wrap."""
    everything = console.options.update(width=10_000)
    screen = console.width
    # `print` takes no width beyond the console's own.
    console.width = max(screen, console.measure(table, options=everything).maximum)
    console.print(table)
    console.width = screen


def print_summary(console: Console, plan: Plan, rows: Sequence[Row]) -> None:
    """Print a line for each level and branch, and how much of the plan is not done yet."""
    lines = summary(rows)
    table = Table(box=SIMPLE_HEAD, title=plan.name, title_justify="left", pad_edge=False)
    add_point_columns(table, plan)
    table.add_column("branch")
    for heading in ("level", "density", "weights"):
        table.add_column(heading, justify="right")
    splits = list(dict.fromkeys(split for line in lines for split in line.accuracy))
    for split in splits:
        table.add_column(f"{split} accuracy", justify="right")
        table.add_column(f"{split} loss", justify="right")
    changed = any(line.mask_updates is not None for line in lines)
    for heading in ("explored", "updates") if changed else ():
        table.add_column(heading, justify="right")
    for line in lines:
        figures = []
        for split in splits:
            there = split in line.accuracy  # points of a sweep may be measured on other splits
            figures += [
                accuracy_text(line.accuracy[split], line.replicates) if there else "-",
                f"{line.loss[split].mean:.4f}" if there else "-",
            ]
        if line.explored is not None:
            figures += [f"{line.explored.mean:.2%}", f"{line.mask_updates:,}"]
        point = map(str, point_cells(plan, line.point))
        table.add_row(
            *point, line.branch, str(line.level), f"{line.density:.2%}", f"{line.kept:,}", *figures
        )
    print_table(console, table)
    if any(line.replicates > 1 for line in lines):
        console.print("mean (lowest-highest) over replicates\n", highlight=False)
    print_collapse(console, rows)
    if changed:
        console.print(
            "explored: weights that were in the mask at some time; updates: how often it changed\n",
            highlight=False,
        )
    missing = len(plan.outcomes) - len(rows)
    if missing:
        console.print(f"not done yet: {missing} of {len(plan.outcomes)} networks")


def print_transfers(console: Console, plan: Plan, rows: Sequence[Row]) -> None:
    """Print a square of source and target for each level and split, where a sweep carries
    tickets."""
    for square in transfers.squares(plan, rows):
        console.print(
            f"tickets of level {square.level} on each target: {square.split} accuracy",
            highlight=False,
        )
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        add_point_columns(table, plan)
        for name in square.targets:
            table.add_column(name, justify="right")
        for source in square.sources:
            found = [square.lines.get((source, name)) for name in square.targets]
            cells = [
                accuracy_text(line.accuracy[square.split], line.replicates)
                if line is not None and square.split in line.accuracy
                else "-"
                for line in found
            ]
            table.add_row(*map(str, point_cells(plan, source)), *cells)
        print_table(console, table)


def print_collapse(console: Console, rows: Sequence[Row]) -> None:
    """Print a line for each network with a layer that no path from input to output passes, or with
    fewer than half of its weights on one."""
    for row in rows:
        effective = row.density if row.effective_density is None else row.effective_density
        if row.collapsed:
            what = f"no path leads through {', '.join(row.collapsed)}"
            if not row.connected:
                what = "no path leads from input to output: its answers are constant"
        elif effective < row.density / 2:
            what = (
                "most of its weights lie on no path from input to output: its effective density is "
                f"{effective:.2%}, and not {row.density:.2%}"
            )
        else:
            continue
        console.print(
            f"warning: replicate {row.replicate}, {row.branch} level {row.level}: {what}",
            highlight=False,
            soft_wrap=True,
        )


def add_point_columns(table: Table, plan: Plan) -> None:
    """Columns for the cells that say of which point of a sweep a line is; none without one."""
    for heading in point_headings(plan):
        # Keys are long, and what stands beneath them is short.
        table.add_column(heading.replace(".", ".\n"), overflow="fold")


def accuracy_text(accuracy: Spread, replicates: int) -> str:
    """``98.12%``; with several replicates ``98.12% (97.90-98.31)``, the lowest and highest."""
    if replicates < 2:
        return f"{accuracy.mean:.2%}"
    return f"{accuracy.mean:.2%} ({100 * accuracy.low:.2f}-{100 * accuracy.high:.2f})"
