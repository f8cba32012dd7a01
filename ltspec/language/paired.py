"""Takes nothing; gives the sections of ``measure`` that compare networks two by two: the error on
the line between them, and how differently they answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from ltspec.language.checks import unique, word_or_list
from ltspec.language.duration import Duration
from ltspec.language.levels import MeasuredLevels
from ltspec.language.section import Section

Lines = Annotated[
    tuple[str, ...],
    Field(min_length=1, json_schema_extra={"uniqueItems": True}),
    AfterValidator(unique),
]
Splits = Annotated[
    tuple[Literal["test", "train"], ...],
    Field(min_length=1, json_schema_extra={"uniqueItems": True}),
    AfterValidator(unique),
]
BatchNorms = Literal["interpolate", "recalibrate"]
Batches = Annotated[int, Field(ge=1, le=100_000)]
TwoLines = Annotated[
    tuple[str, ...],
    Field(min_length=2, max_length=2, json_schema_extra={"uniqueItems": True}),
    AfterValidator(unique),
]


class Barrier(Section):
    """Error barriers between networks of different masks (Maene et al. 2021, section 4.3)."""

    kind: Literal["barrier"]
    """What is measured. `barrier`: along the line `(1 - a) w1 + a w2` between two trained networks
    the highest error from `a = 0` to `a = 1`, less the mean error of the two ends. Weights that are
    pruned count as zeros, so the masks may differ. Unrelated networks have a barrier of tens of
    points."""
    between: Annotated[
        Annotated[Literal["successive", "replicates"], Tag("word")]
        | Annotated[TwoLines, Tag("list")],
        Discriminator(
            word_or_list,
            custom_error_type="LT103",
            custom_error_message="expected successive, replicates, or two lines such as "
            "[ticket, reinit]",
        ),
    ] = "successive"
    """Which two networks. `successive`: each level and the next one of one line, level 0 being the
    dense network. `replicates`: the same level of one line in every two replicates, which is a
    control where their initial weights differ. `[ticket, reinit]`: two lines at the same level;
    `dense` is the same at each."""
    of: Lines | None = None
    """For `successive` and `replicates`, which lines: `ticket`, names of branches, and for
    `replicates` also `dense`. The default is `[ticket]`."""
    levels: MeasuredLevels = "all"
    """Levels of the first network: `all` that both have, or a list such as `[0, 5, 10]`. Level 0 is
    the dense network."""
    alphas: Annotated[int, Field(ge=3, le=1000)] = 20
    """How many evenly spaced points are evaluated from the one network to the other, both among
    them."""
    reach: Annotated[float, Field(ge=0, le=2)] = 0.0
    """How far the line goes on beyond both ends, as a share of their distance: points follow with
    the same spacing as long as they lie within. They are drawn and reported, and no part of the
    barrier. A running variance that would be below zero there is zero."""
    error: Splits = ("train",)
    """On which splits the error is taken: `test`, `train` or both. The paper takes `train`."""
    batchnorm: BatchNorms = "interpolate"
    """Running statistics of norms along the line: `interpolate`, as weights are; or `recalibrate`,
    computed again at each point and at both ends: the network sees training batches as in training
    (the first ones of the replicate's data order, augmented), norms use each batch's statistics,
    and the running ones become the plain mean over batches of the batch's mean, and of its variance
    (divided by n - 1)."""
    batches: Batches | None = None
    """For `batchnorm: recalibrate`, how many batches of `train.batch_size` are seen. The default is
    50, or as many whole ones as an epoch has."""


class Function(Section):
    """Function-space differences (Frankle et al. 2020, appendix G)."""

    kind: Literal["function"]
    """What is measured. `function`: how many examples two trained networks classify differently,
    and the L2 distance between their losses, taken example by example."""
    between: Annotated[
        Annotated[Literal["siblings", "successive", "replicates"], Tag("word")]
        | Annotated[TwoLines, Tag("list")],
        Discriminator(
            word_or_list,
            custom_error_type="LT103",
            custom_error_message="expected siblings, successive, replicates, or two lines such as "
            "[dense, ticket]",
        ),
    ] = "siblings"
    """Which two networks. `siblings`: copies that differ in data order and augmentation alone,
    every two of them; they are the copies that `instability` trains. `successive`: each level and
    the next one of one line, level 0 being the dense network. `replicates`: the same level of one
    line in every two replicates. `[dense, ticket]`: two lines at the same level; `dense` is the
    same at each."""
    of: Lines | None = None
    """Unless two lines are named, which ones: `ticket`, names of branches, and, but for
    `successive`, `dense`. The default is `[ticket]`."""
    levels: MeasuredLevels = "all"
    """Levels of the first network: `all` that both have, or a list such as `[0, 5, 10]`. Level 0 is
    the dense network."""
    at: (
        Annotated[
            tuple[Duration, ...],
            Field(min_length=1, json_schema_extra={"uniqueItems": True}),
            AfterValidator(unique),
        ]
        | None
    ) = None
    """For `siblings`, the steps of the dense training at which copies of the dense network part,
    such as `[0it, 2000it]`. The default is the rewind point."""
    siblings: Annotated[int, Field(ge=2, le=20)] | None = None
    """For `siblings`, how many copies are trained of each network and replicate. The default is
    3."""
    on: Splits = ("test",)
    """On which splits answers are compared: `test`, `train` or both."""
