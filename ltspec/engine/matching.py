"""Takes a stage that keeps as many weights as a mask which it reads; gives it with the counts.

A mask that was cut across layers and carried to a network which repeats some of them keeps as many
weights as the run finds, and only the run can say what is as many.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from ltspec.decisions import masks as masking
from ltspec.decisions.layerwise import SPREADS
from ltspec.decisions.state import Masks
from ltspec.engine.arrays import masks_of
from ltspec.engine.store import Result
from ltspec.errors import InvariantError
from ltspec.networks.graph import Graph
from ltspec.plan.stages import Prune, Remask

Counted = TypeVar("Counted", Prune, Remask)


def read(work: Prune | Remask, inputs: Mapping[str, Result]) -> Masks:
    """The masks that a stage keeps as many weights as. Raises InvariantError where they are of
    other tensors than the stage's."""
    masks = masks_of(inputs["like"].arrays)
    if set(masks) != set(work.tensors):
        raise InvariantError(f"as many weights as in masks of {', '.join(masks) or 'nothing'}")
    return masks


def counted(work: Counted, graph: Graph, inputs: Mapping[str, Result]) -> Counted:
    """The stage with as many weights to keep as the mask ``like`` has, where it reads one: one
    count for all tensors, or by ``spread`` one for each.

    Raises InvariantError where that mask is of other tensors, and where one would keep nothing.
    """
    if not work.spread:
        return work
    kept = masking.count_kept(read(work, inputs))
    total = sum(kept.values())
    if work.spread == "global":
        return replace(work, keep=(total,))
    shapes = {parameter.name: parameter.shape for parameter in graph.parameters}
    keep = SPREADS[work.spread]([shapes[name] for name in work.tensors], total)
    if 0 in keep:
        raise InvariantError(
            f"{total} weights shared out among layers leave none of {work.tensors[keep.index(0)]}",
            hint="leave the level out"
            if isinstance(work, Remask)
            else "write `scope: global`, or leave the level out",
        )
    return replace(work, keep=keep)
