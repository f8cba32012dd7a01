"""Takes nothing; gives the section ``measure``: what is asked of networks beyond their accuracy."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ltspec.language.checks import unique
from ltspec.language.compared import (
    Distance,
    Overlap,
    Stability,
    Threshold,
    Travelled,
    Weights,
)
from ltspec.language.duration import Duration
from ltspec.language.levels import MeasuredLevels
from ltspec.language.paired import Barrier, Batches, BatchNorms, Function
from ltspec.language.section import Section


class Instability(Section):
    """Instability analysis (Frankle et al. 2020, section 2): copies of one network are trained
    under different data orders, and compared along the line between them."""

    kind: Literal["instability"]
    """What is measured. `instability`: from one state, copies are trained that differ in data
    order and augmentation alone. Along the line `(1 - a) w1 + a w2` between two of them the highest
    error is taken, less the mean error of the two ends. Networks below 2 points are called
    stable."""
    of: Annotated[
        tuple[str, ...],
        Field(min_length=1, json_schema_extra={"uniqueItems": True}),
        AfterValidator(unique),
    ] = ("ticket",)
    """Which networks: `dense`, `ticket`, or names of branches. A ticket's copies part where its
    training begins, with its mask and weights."""
    levels: MeasuredLevels = "all"
    """Levels of tickets and branches: `all` that they have, or a list such as `[0, 5, 10]`. Level
    0 is the dense network, whatever `of` says."""
    at: (
        Annotated[
            tuple[Duration, ...],
            Field(min_length=1, json_schema_extra={"uniqueItems": True}),
            AfterValidator(unique),
        ]
        | None
    ) = None
    """The steps of the dense training at which copies of the dense network part, such as
    `[0it, 2000it]`; the optimiser is fresh there. The default is the rewind point."""
    siblings: Annotated[int, Field(ge=2, le=20)] = 3
    """How many copies are trained of each network and replicate; every two of them are compared.
    The paper trains 3 from each of 3 initialisations."""
    alphas: Annotated[int, Field(ge=3, le=1000)] = 30
    """How many evenly spaced points of a line are evaluated, both ends among them."""
    error: Annotated[
        tuple[Literal["test", "train"], ...],
        Field(min_length=1, json_schema_extra={"uniqueItems": True}),
        AfterValidator(unique),
    ] = ("test",)
    """On which splits the error is taken: `test`, `train` or both."""
    batchnorm: BatchNorms = "interpolate"
    """Running statistics of norms along the line: `interpolate`, as weights are; or `recalibrate`,
    computed again at each point and at both ends from training batches (see `kind: barrier`)."""
    batches: Batches | None = None
    """For `batchnorm: recalibrate`, how many batches of `train.batch_size` are seen. The default is
    50, or as many whole ones as an epoch has."""


Measure = Annotated[
    Instability
    | Barrier
    | Function
    | Stability
    | Distance
    | Travelled
    | Overlap
    | Weights
    | Threshold,
    Field(discriminator="kind", description="What is asked of some networks."),
]
"""The sections that may stand in the list ``measure``."""
