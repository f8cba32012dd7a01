"""Takes nothing; gives the sections of ``measure`` that set weights and masks side by side."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ltspec.language.checks import unique
from ltspec.language.duration import Duration
from ltspec.language.levels import Levels, MeasuredLevels
from ltspec.language.paired import Lines
from ltspec.language.section import Section

Metrics = Annotated[
    tuple[Literal["l2", "angle", "cosine", "angular"], ...],
    Field(min_length=1, json_schema_extra={"uniqueItems": True}),
    AfterValidator(unique),
]
Siblings = Annotated[int, Field(ge=2, le=20)]


class Stability(Section):
    """Stability of subnetworks to pruning and to data order (Frankle et al. 2019, section 3)."""

    kind: Literal["stability"]
    """What is measured. `stability`: how far the weights of a subnetwork end up from where they
    end up when it is trained in another way. Only the weights count that the mask keeps: those
    that are pruned are zero in the subnetwork and have nothing to be compared with. Exempt tensors,
    biases and norms are left out."""
    of: Lines = ("ticket",)
    """Which subnetworks: `ticket`, or names of branches."""
    levels: Levels = "all"
    """Levels: `all` that each line has, or a list such as `[5, 10]`."""
    to: Annotated[
        tuple[Literal["pruning", "data-order"], ...],
        Field(min_length=1, json_schema_extra={"uniqueItems": True}),
        AfterValidator(unique),
    ] = ("pruning", "data-order")
    """`pruning`: the subnetwork trained alone, against the same weights trained inside the whole
    network, from the same state and in the same data order. `data-order`: copies of the subnetwork
    that differ in data order and augmentation alone, every two of them; they are the copies that
    `instability` trains. The lower a distance, the more stable."""
    siblings: Siblings | None = None
    """For `data-order`, how many copies are trained of each subnetwork and replicate. The default
    is 3."""
    metrics: Metrics = ("l2", "angle")
    """How distance is measured: `l2`, the length of the difference; `angle` between the two vectors
    of weights, in degrees; its `cosine`; or `angular`, the angle over 90 degrees."""


class Distance(Section):
    """Distances between the solutions of all levels (Maene et al. 2021, section 4.1)."""

    kind: Literal["distance"]
    """What is measured. `distance`: how far the trained weights of every two levels are apart, on
    the weights that both masks keep. Exempt tensors, biases and norms are left out."""
    of: Lines = ("ticket",)
    """Which lines: `ticket`, or names of branches. Each has a matrix of its own. A line of another
    network has neither the dense network in it nor initial weights."""
    levels: MeasuredLevels = "all"
    """Levels: `all` that the line has and the dense network, which is level 0, or a list such as
    `[0, 5, 10]`."""
    init: bool = True
    """Whether the replicate's initial weights, or the pre-trained ones in their place, are compared
    as well, as the last row."""
    metrics: Metrics = ("angular",)
    """How distance is measured: `angular`, 2 angle / pi (0 for the same direction, 1 for orthogonal
    ones); `angle` in degrees; its `cosine`; or `l2`, the length of the difference."""


class Travelled(Section):
    """How far training moves the weights (Frankle et al. 2020, appendix B)."""

    kind: Literal["travelled"]
    """What is measured. `travelled`: the L2 distance from the weights that a training started from,
    and from the initial weights that these came from (which a ticket out of a file or of another
    network does not have), to the trained ones; on the weights that the mask keeps, without exempt
    tensors, biases and norms."""
    of: Lines = ("ticket",)
    """Which networks: `dense`, `ticket`, or names of branches."""
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
    """The steps of the dense training that the dense network is measured from, such as
    `[0it, 2000it]`. The default is the rewind point."""
    siblings: Siblings | None = None
    """How many copies are measured that differ in data order and augmentation alone; they are the
    copies that `instability` trains. Every two of them are compared as well: how far they are
    apart, and what share that is of the way that they travelled. Left out, the network itself is
    measured and nothing more is trained."""


class Overlap(Section):
    """Which weights two masks both keep, beside what chance would give."""

    kind: Literal["overlap"]
    """What is measured. `overlap`: of two masks, the weights that both keep over those that either
    keeps, and over those of the smaller mask; in all and by tensor, each beside what random masks
    with the same counts in each tensor have on average."""
    of: Lines = ("ticket",)
    """Whose masks: `ticket`, or names of branches."""
    levels: Levels = "all"
    """Levels: `all` that each line has, or a list such as `[5, 10]`."""
    between: Annotated[
        tuple[Literal["lines", "levels", "replicates"], ...],
        Field(min_length=1, json_schema_extra={"uniqueItems": True}),
        AfterValidator(unique),
    ]
    """What two masks differ in: `lines`, the names in `of` at one level of one replicate; `levels`
    of one line of one replicate; or `replicates` at one level of one line."""


Percentile = Annotated[float, Field(ge=0, le=100)]


class Weights(Section):
    """The distribution of surviving weights (Maene et al. 2021, Fig. 5)."""

    kind: Literal["weights"]
    """What is measured. `weights`: histogram, mean, deviation and percentiles of the trained
    weights that a mask keeps, in all and by tensor. Exempt tensors, biases and norms are left
    out."""
    of: Lines = ("ticket",)
    """Whose weights: `ticket`, or names of branches."""
    levels: MeasuredLevels = "all"
    """Levels: `all` that the line has and the dense network, which is level 0, or a list such as
    `[0, 10]`."""
    bins: Annotated[int, Field(ge=1, le=10_000)] = 50
    """How many bins of equal width a histogram has."""
    limit: Annotated[float, Field(gt=0)] | None = None
    """Bins reach from `-limit` to `limit`; weights beyond them are counted apart. The default is
    the largest magnitude of the weights that are counted, which differs from one histogram to the
    next."""
    percentiles: Annotated[
        tuple[Percentile, ...],
        Field(min_length=1, json_schema_extra={"uniqueItems": True}),
        AfterValidator(unique),
    ] = (5, 25, 50, 75, 95)
    """Which percentiles of the weights are given, linear between the nearest two."""


class Threshold(Section):
    """The magnitude at which each level cuts (Maene et al. 2021, Fig. 6)."""

    kind: Literal["threshold"]
    """What is measured. `threshold`: the largest magnitude that a level removes and the smallest
    that it keeps, of the weights that its mask was made from; in all and by tensor. Needs the
    criterion `magnitude`."""
    levels: Levels = "all"
    """Levels: `all` of the schedule, or a list such as `[5, 10]`."""
