"""Takes a training stage and the solutions that it reads; gives the term that repels from them.

The part of :mod:`ltspec.engine.perform` that is about the repellent loss.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ltspec.decisions.repulsion import Repulsion, cosines, repulsion
from ltspec.decisions.state import Arrays, Masks
from ltspec.engine.arrays import masks_of, weights_of
from ltspec.engine.store import Result
from ltspec.errors import InvariantError
from ltspec.networks.graph import Graph
from ltspec.plan.stages import Stage, Train

ROUNDING = 1e-4
"""Of a length of one, added up in float32 over as many weights as a network has."""


def of_stage(
    stage: Stage,
    work: Train,
    inputs: Mapping[str, Result],
    graph: Graph,
    dtype: np.dtype[np.floating],
) -> Repulsion | None:
    """The term, in the type of the run's weights; None where the stage has none.

    Raises InvariantError where a solution is not of this network, and where a direction is neither
    of length one nor zero, or reaches beyond the mask.
    """
    if work.repulsion is None:
        return None
    shapes = {parameter.name: parameter.shape for parameter in graph.prunable}
    solutions = [weights_of(inputs[role].arrays) for role in stage.anchors]
    for role, solution in zip(stage.anchors, solutions, strict=True):
        for name, shape in shapes.items():
            if name not in solution or solution[name].shape != shape:
                raise InvariantError(f"{stage.label}: {role} has no {name} of shape {shape}")
    masks = masks_of(inputs["state"].arrays)
    term = repulsion(work.repulsion, solutions, masks, list(shapes), dtype)
    _check_directions(stage, term, masks)
    return term


def _check_directions(stage: Stage, term: Repulsion, masks: Masks) -> None:
    lengths = np.zeros(term.count)
    for name, units in term.directions.items():
        lengths += (units.astype(np.float64) ** 2).reshape(term.count, -1).sum(axis=1)
        if name in masks and np.any(units[:, ~masks[name]]):
            raise InvariantError(f"{stage.label}: it is repelled by pruned weights of {name}")
    for role, length in zip(stage.anchors, np.sqrt(lengths), strict=True):
        if length != 0 and not abs(length - 1) < ROUNDING:
            raise InvariantError(f"{stage.label}: the direction of {role} has the length {length}")


def reached(stage: Stage, term: Repulsion, weights: Arrays) -> list[float]:
    """The cosine of the angle between the trained weights and each solution, under the mask.

    Raises InvariantError where one is none.
    """
    found = cosines(term, weights)
    if not (np.abs(found) <= 1 + ROUNDING).all():
        raise InvariantError(f"{stage.label}: its cosines with earlier solutions are {found}")
    return [float(one) for one in found]
