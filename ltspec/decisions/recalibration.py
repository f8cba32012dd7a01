"""Takes nothing; gives the plain data that says from what running statistics are computed again,
and the rule by which they are.

It holds no numpy, so that plans are made fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ltspec.data.alteration import Alteration
from ltspec.decisions.recipe import Augment, Recipe, Schedule, Sgd
from ltspec.networks.graph import BatchNorm, Graph

if TYPE_CHECKING:
    from ltspec.decisions.state import Array, Arrays

BATCHES = 50
"""Of a recalibration where nothing is said."""


@dataclass(frozen=True, slots=True)
class Recalibration:
    """Training batches whose statistics become the running ones.

    The batches are those of the steps 0 .. ``batches`` - 1 of a training with this data order and
    augmentation (:func:`ltspec.decisions.tape.record`), all of them whole. As in the update of
    batch norm that goes with averaged weights (Izmailov et al. 2018, section 3.2): norms use the
    statistics of the batch, and the running mean is the mean over batches of the batch's mean; the
    running variance that of its variance, divided by n - 1.
    """

    data: str
    """Name of the data set."""
    data_version: int
    """Version of its reader and split."""
    examples: int
    """Size of the training split."""
    batch_size: int
    batches: int
    order_seed: int
    """Seed of data order and augmentation."""
    augment: Augment | None = None
    """How images are moved; None where they stay."""
    alteration: Alteration | None = None
    """None where the data set is the published one."""

    @property
    def seen(self) -> int:
        """Examples in all batches."""
        return self.batches * self.batch_size

    @property
    def recipe(self) -> Recipe:
        """A training that sees these batches and stands still: its rate is 0."""
        return Recipe(
            data=self.data,
            data_version=self.data_version,
            examples=self.examples,
            batch_size=self.batch_size,
            optimizer=STANDSTILL,
            schedule=Schedule("constant", 0.0, 0),
            order_seed=self.order_seed,
            augment=self.augment,
            alteration=self.alteration,
        )


STANDSTILL = Sgd(0.0, False, 0.0, "all")
"""Remembers nothing and, at the rate 0, moves nothing."""


def forgetful(graph: Graph) -> Graph:
    """The same network with norms whose running statistics are those of the newest batch: after a
    step of training, its buffers are the statistics of the step's batch."""
    nodes = tuple(
        replace(node, op=replace(node.op, momentum=1.0)) if isinstance(node.op, BatchNorm) else node
        for node in graph.nodes
    )
    return replace(graph, nodes=nodes)


def averaged(batches: Sequence[Arrays]) -> dict[str, Array]:
    """Running statistics from those of each batch: their mean, worked out in float64 and rounded
    once, to their own type."""
    import numpy as np

    return {
        name: np.mean([batch[name].astype(np.float64) for batch in batches], axis=0).astype(
            array.dtype
        )
        for name, array in batches[0].items()
    }
