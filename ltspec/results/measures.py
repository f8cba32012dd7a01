"""Takes a plan and the facts in a store; gives a table of each kind of ``measure``, and files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

from ltspec.plan.stages import Plan
from ltspec.results import compared, paired
from ltspec.results.rows import Facts, Table, as_csv, as_document
from ltspec.results.table import counted

ROWS = {**paired.ROWS, **compared.ROWS}
"""The rows of one answer, by kind; tables come in this order."""


def tables(plan: Plan, facts: Mapping[int, Facts]) -> list[Table]:
    """A table for each kind that the plan measures. ``facts``: by place of the stage.

    Rows come in the order of the spec: by point of a sweep, by entry of ``measure``, by replicate,
    and those between replicates last.
    """
    plan, found = counted(plan, facts), []
    for kind, rows_of in ROWS.items():
        asked = [one for one in plan.measurements if one.measure == kind]
        asked.sort(key=lambda one: (one.point, one.entry))
        there = [one for one in asked if one.stage in facts]
        if not asked:
            continue
        rows = [row for one in there for row in rows_of(plan, one, facts[one.stage])]
        missing = len(asked) - len(there)
        if kind in paired.ROWS:
            along = paired.ALONG if kind in paired.LINES else ()
            found.append(Table(kind, paired.figures_of(kind), rows, missing, len(there), along))
        else:
            compared.add_shares(kind, rows)
            figures = compared.figures_of(kind, asked, rows)
            found.append(Table(kind, figures, rows, missing, len(there)))
    return found


def files(plan: Plan, facts: Mapping[int, Facts]) -> dict[str, str]:
    """What is written beside the table, by name; empty text where nothing is measured."""
    found = {f"{kind}.{suffix}": "" for kind in ROWS for suffix in ("csv", "json")}
    found["histograms.csv"] = ""
    for each in tables(plan, facts):
        if not each.rows:
            continue
        found[f"{each.kind}.csv"] = as_csv(plan, each)
        found[f"{each.kind}.json"] = as_json(plan, each)
        if each.kind == "weights":
            found["histograms.csv"] = compared.histograms_as_csv(plan, each)
    return found


def as_json(plan: Plan, table: Table) -> str:
    """Rows and summary as one JSON object; of distances the matrices as well, of lines the curves
    of the summary."""
    document = as_document(plan, table)
    if table.kind == "distance":
        document["matrices"] = [asdict(matrix) for matrix in compared.matrices(table)]
    if table.kind in paired.LINES:
        document["curves"] = paired.as_documents(paired.curves(table))
    return json.dumps(document, indent=1, allow_nan=False) + "\n"
