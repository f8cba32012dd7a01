"""Takes nothing; gives the section ``ask``: questions that are answered with one number each."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ltspec.language.levels import Levels
from ltspec.language.paired import Lines, TwoLines
from ltspec.language.section import Section

Over = Literal["rewind", "pretrain"]
Points = Annotated[float, Field(ge=0, le=100)]


class FirstStable(Section):
    """At which rewind point a network is first stable (Frankle et al. 2020, sections 3 and 4)."""

    kind: Literal["first-stable"]
    """What is asked. `first-stable`: the earliest rewind point whose network is stable: its
    instability, which `measure` asks for, is below a threshold in the mean over pairs of copies.
    Beside it stands the rewind point from which on those of all later points are stable too
    (`onwards`), since it need not stay so. Rewind points are those of a sweep over
    `prune.rewind.to`, and each setting of its other entries is answered on its own; for the dense
    network also those of `at` in `measure`. `over` asks for another length of training."""
    over: Over = "rewind"
    """What there is to choose from. `rewind`: rewind points; `pretrain`: lengths of the training
    before, in its steps, those of a sweep over `pretrain.train.duration`. With all of the training
    still to come they tell whether it is the state that counts, or the time that is left (the
    control of section 3 of the paper)."""
    of: Lines = ("ticket",)
    """Which networks: `dense`, `ticket`, or names of branches."""
    levels: Levels = "all"
    """Levels of tickets and branches, each asked on its own: `all` that are measured, or a list
    such as `[5, 10]`."""
    below: Annotated[float, Field(gt=0, le=100)] = 2.0
    """Points of error that the instability has to be below. The paper takes 2."""
    error: Literal["test", "train"] = "test"
    """On which split the error is taken. The paper's verdicts are on `test`."""


class FirstMatching(Section):
    """At which rewind point a network is first as good as the dense one (Frankle et al. 2020)."""

    kind: Literal["first-matching"]
    """What is asked. `first-matching`: the earliest rewind point whose network is as accurate as
    the dense one of the same replicate. Beside it stands the rewind point from which on those of
    all later points are so too (`onwards`): a ticket that is rewound to very late has little
    training left, and can fall below. Rewind points are those of a sweep over `prune.rewind.to`,
    and each setting of its other entries is answered on its own. `over` asks for another length of
    training."""
    over: Over = "rewind"
    """What there is to choose from. `rewind`: rewind points; `pretrain`: lengths of the training
    before, in its steps, those of a sweep over `pretrain.train.duration`."""
    of: Lines = ("ticket",)
    """Which networks: `ticket`, or names of branches that are the same network on the same data."""
    levels: Levels = "all"
    """Levels, each asked on its own: `all` that the line has, or a list such as `[5, 10]`."""
    within: Points = 0.2
    """By how many points of accuracy it may fall short of the dense network: by so many or fewer.
    The paper takes drops below 0.2; `0` asks for at least the same accuracy."""
    on: Literal["test", "train"] = "test"
    """On which split the accuracy is taken: one of `evaluate`."""


class SparsestMatching(Section):
    """How far pruning can go without a loss of accuracy."""

    kind: Literal["sparsest-matching"]
    """What is asked. `sparsest-matching`: the lowest density whose network is as accurate as the
    dense one of the same replicate, and those of all denser levels with it."""
    of: Lines = ("ticket",)
    """Which networks: `ticket`, or names of branches that are the same network on the same data."""
    within: Points = 0.2
    """By how many points of accuracy it may fall short of the dense network: by so many or fewer.
    `0` asks for at least the same accuracy."""
    on: Literal["test", "train"] = "test"
    """On which split the accuracy is taken: one of `evaluate`."""


class Area(Section):
    """By how much one line is better than another, over all densities."""

    kind: Literal["area"]
    """What is asked. `area`: the area between the accuracies of two lines over the logarithm of
    density, divided by the length of the latter, which is the mean difference, in points on the
    screen and as a share in files:
    `1 / (ln d1 - ln d0)` times the integral from `ln d0` to `ln d1` of the first accuracy less the
    second. `d0` and `d1` are the lowest and highest density that both lines reach; the dense
    network, where they do not differ, is left out. Each line has all of its own levels, whether the
    other one has them or not, and is straight in `ln d` between them."""
    between: TwoLines
    """Which two lines: `ticket` and names of branches. The second one's accuracy is taken off the
    first one's."""
    on: Literal["test", "train"] = "test"
    """On which split the accuracy is taken: one of `evaluate`."""


Question = Annotated[
    FirstStable | FirstMatching | SparsestMatching | Area,
    Field(discriminator="kind", description="What is asked of the results."),
]
"""The sections that may stand in the list ``ask``."""
