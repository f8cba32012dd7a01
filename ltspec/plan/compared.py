"""Takes a spec and an entry of ``measure`` that sets weights or masks side by side; gives whose.

Plain functions, which rules ask too.
"""

from __future__ import annotations

from collections import Counter
from math import comb
from typing import Any

from ltspec.language.unknown import Unknown
from ltspec.language.variants import as_branch_sees, is_elsewhere
from ltspec.plan import beside, changing, measured, resolve
from ltspec.plan.pairs import is_of_another_network, siblings
from ltspec.plan.replicates import TICKET

KINDS = ("stability", "distance", "travelled", "overlap", "weights", "threshold")
"""Kinds of ``measure`` that are about weights and masks."""
WITH_THE_DENSE = ("distance", "weights")
"""Those whose ``levels: all`` has the dense network, as level 0 of every line."""


def lines(measure: Any) -> tuple[str, ...]:
    """The lines that an entry is about."""
    return (TICKET,) if measure.kind == "threshold" else tuple(measure.of)


def levels(spec: Any, measure: Any, line: str) -> tuple[int, ...]:
    """The levels of a line that are measured; 0 is the dense network.

    Raises Unknown for a branch that is not there: a rule of its own says so.
    """
    found = measured.levels(spec, measure, line)
    with_it = measure.levels == "all" and measure.kind in WITH_THE_DENSE
    return (0, *found) if with_it and not is_of_another_network(spec, line) else found


def networks(spec: Any, measure: Any) -> list[tuple[str, int]]:
    """Every line and level that is measured, in the order in which they are written."""
    return [(line, level) for line in lines(measure) for level in levels(spec, measure, line)]


def lowest_level(measure: Any) -> int:
    """0 where the dense network may be measured, else 1."""
    return 1 if measure.kind in ("stability", "overlap", "threshold") else 0


def trained(spec: Any, measure: Any) -> int:
    """Networks that are trained for an entry alone, in one replicate."""
    match measure.kind:
        case "travelled":
            return (measure.siblings or 0) * len(measured.subjects(spec, measure))
        case "stability":
            each = siblings(measure) if "data-order" in measure.to else 0
            return len(networks(spec, measure)) * (each + ("pruning" in measure.to))
        case _:
            return 0


def solutions(spec: Any, measure: Any, line: str) -> int:
    """How many networks the distances of a line are between, the initial weights among them."""
    init = measure.init and not is_of_another_network(spec, line)
    return len(levels(spec, measure, line)) + int(init)


def pairs(spec: Any, measure: Any) -> int:
    """Pairs of networks or masks that are compared over all replicates, where that grows with the
    square of what is written; else 0."""
    if measure.kind not in ("distance", "overlap"):
        return 0
    replicates = resolve.replicate_count(spec)
    counts = [len(levels(spec, measure, line)) for line in measure.of]
    if measure.kind == "distance":
        return replicates * sum(comb(solutions(spec, measure, line), 2) for line in measure.of)
    found = 0
    if "levels" in measure.between:
        found += replicates * sum(comb(count, 2) for count in counts)
    if "lines" in measure.between:
        there = Counter(level for _, level in networks(spec, measure))
        found += replicates * sum(comb(count, 2) for count in there.values())
    if "replicates" in measure.between:
        found += sum(counts) * comb(replicates, 2)
    return found


def changes_its_mask(spec: Any, line: str) -> bool:
    """Whether the mask of a line changes while it is trained."""
    if line == TICKET:
        return spec.prune.schedule.name in changing.DYNAMIC
    return line in spec.branches and spec.branches[line].kind == "dynamic"


def is_rewound(spec: Any, line: str) -> bool:
    """Whether no mask was laid on what a line starts from before its own.

    Raises Unknown for a branch that is not there.
    """
    if line == TICKET:
        return measured.rewind_step(spec) is not None
    branch = beside.branch(spec, line)
    if branch is None:
        raise Unknown(line)
    if branch.kind == "transfer":
        if is_elsewhere(branch) and branch.weights == "mapped":
            from ltspec.plan import origins  # few specs need it

            return origins.keeps_pruned_weights(spec, branch)
        return branch.weights != "mapped" or measured.rewind_step(spec) is not None
    if branch.kind == "retrain" and branch.ticket is not None:
        return False  # a file holds the weights that are left
    if branch.kind == "reinitialize" or (branch.kind == "prune" and branch.weights == "scored"):
        return True
    return measured.rewind_step(as_branch_sees(spec, branch)) is not None
