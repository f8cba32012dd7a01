"""Takes a plan and facts; gives what its plots are drawn of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ltspec.plan.stages import Plan
from ltspec.results import compared, measures, paired
from ltspec.results.compared import Matrix
from ltspec.results.paired import Curve

Facts = Mapping[int, Mapping[str, Any]]


def curves(plan: Plan, facts: Facts, kind: str) -> list[Curve]:
    """Of ``measure: instability`` or ``barrier``. ``facts``: by place of the stage."""
    return [
        curve
        for table in measures.tables(plan, facts)
        if table.kind == kind
        for curve in paired.curves(table)
    ]


def distances(plan: Plan, facts: Facts) -> list[Matrix]:
    """Of ``measure: distance``, the means over replicates."""
    return [
        matrix
        for table in measures.tables(plan, facts)
        if table.kind == "distance"
        for matrix in compared.matrices(table)
        if matrix.replicate is None
    ]
