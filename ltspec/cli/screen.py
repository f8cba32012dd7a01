"""Takes a plan and the facts in a store; gives all that was found, on the screen."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from ltspec.cli.answer_table import print_answers
from ltspec.cli.compare_tables import print_compared
from ltspec.cli.pair_tables import print_pairs
from ltspec.cli.tables import print_summary, print_transfers
from ltspec.plan.stages import Plan
from ltspec.results import measures, paired
from ltspec.results.table import Row

Facts = Mapping[int, Mapping[str, Any]]


class Screen(Console):
    """A console that falls silent when its reader goes away, as ``head`` does: what is printed is
    told about work, and the work goes on."""

    def on_broken_pipe(self) -> None:
        """Send the rest nowhere."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)


def print_results(console: Console, plan: Plan, facts: Facts, rows: Sequence[Row]) -> None:
    """Print the table, what the spec measures, and the answers to what it asks. ``facts``: by place
    of the stage, ``rows``: of the table."""
    print_summary(console, plan, rows)
    print_transfers(console, plan, rows)
    print_measured(console, plan, facts)
    print_answers(console, plan, facts)


def print_measured(console: Console, plan: Plan, facts: Facts, *, everything: bool = False) -> None:
    """Print a table for each kind of ``measure``, and how much of it is not done yet; with
    ``everything`` every line and spread."""
    for found in measures.tables(plan, facts):
        if found.rows and found.kind in paired.ROWS:
            print_pairs(console, plan, found)
        elif found.rows:
            print_compared(console, plan, found, everything=everything)
        if found.missing:
            count = found.missing + found.done
            console.print(f"not done yet: {found.missing} of {count} for {found.kind}")
