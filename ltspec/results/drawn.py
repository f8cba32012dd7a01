"""Takes a plan and facts; gives what its plots are drawn of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ltspec.plan.stages import Plan
from ltspec.results import compared, instability, paired
from ltspec.results.compared import Matrix
from ltspec.results.instability import Instability
from ltspec.results.paired import BarrierSummary

Facts = Mapping[int, Mapping[str, Any]]


def instabilities(plan: Plan, facts: Facts) -> list[Instability]:
    """Of ``measure: instability``. ``facts``: by place of the stage."""
    return instability.summary(instability.pairs(plan, facts))


def barriers(plan: Plan, facts: Facts) -> list[BarrierSummary]:
    """Of ``measure: barrier``."""
    return paired.barrier_summary(paired.barriers(plan, facts))


def distances(plan: Plan, facts: Facts) -> list[Matrix]:
    """Of ``measure: distance``, the means over replicates."""
    return [
        matrix
        for table in compared.tables(plan, facts)
        if table.kind == "distance"
        for matrix in compared.matrices(table)
        if matrix.replicate is None
    ]
