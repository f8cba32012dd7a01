"""Takes nothing; gives the sections behind ``prune.criterion``: what is pruned first."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from ltspec.language.checks import named, word_or_number
from ltspec.language.section import Section

Point = Literal["init", "rewind", "end"]
Count = Annotated[int, Field(ge=1)]
Examples = Annotated[
    Annotated[Count, Tag("number")] | Annotated[Literal["all"], Tag("word")],
    Discriminator(word_or_number),
]
Rounds = Annotated[int, Field(ge=1, le=10_000)]
Temperature = Annotated[float, Field(gt=0, le=1e6)]


class Magnitude(Section):
    """The smallest absolute values go first."""

    name: Literal["magnitude"]
    """What is pruned first. `magnitude`: the smallest absolute values (Frankle and Carbin 2019)."""
    at: Point = "end"
    """Which weights are looked at: those at the `end` of the training before the level, at the
    `rewind` point, or at `init`, the initial ones."""
    invert: bool = False
    """Whether the highest scores are pruned first, and not the lowest: the inversion check of
    Frankle et al. (2021), "Pruning neural networks at initialization: why are we missing the mark?"
    """


class Random(Section):
    """Any weights go first: the control of every criterion."""

    name: Literal["random"]
    """What is pruned first. `random`: any weights, the control; no training comes before it."""


class Snip(Section):
    """The weights go first that the loss feels least: |gradient * weight| (Lee et al. 2019)."""

    name: Literal["snip"]
    """What is pruned first. `snip`: the smallest |gradient * weight| of the mean loss over a few
    training examples (Lee et al. 2019). With several levels it is taken anew at each, with the
    weights under the mask so far."""
    at: Point = "init"
    """Which weights are looked at: the initial ones (`init`, as in the paper), those at the
    `rewind` point (what the Elastic Lottery Ticket Hypothesis compares with), or at the `end` of
    the training before the level."""
    examples: Examples = 128
    """How many training examples the loss is over: one mini-batch as in the paper, or `all`, as
    the code of the Elastic Lottery Ticket Hypothesis has it. They are drawn with the seed `mask`,
    are the same at every level and in every round, and are not augmented."""
    mode: Literal["eval", "train"] = "eval"
    """What norms use: the running statistics (`eval`, as in the authors' code), or those of each
    batch (`train`)."""
    batch_size: Count | None = None
    """Examples that are looked at together, for `mode: train`; the default is 128."""
    rounds: Rounds = 1
    """How often scores are taken within a level, each time pruning by an equal factor. More than 1
    is iterative SNIP (de Jorge et al. 2021)."""
    invert: bool = False
    """Whether the highest scores are pruned first, and not the lowest: the inversion check of
    Frankle et al. (2021), "Pruning neural networks at initialization: why are we missing the mark?"
    """


class Grasp(Section):
    """The weights go first without which the gradient grows most (Wang, Zhang and Grosse 2020)."""

    name: Literal["grasp"]
    """What is pruned first. `grasp`: the largest -w (H g), by which, to first order, half the
    squared norm of the gradient grows when the weight w is removed. g is the gradient of the mean
    loss over the examples by all weights of conv and linear layers, H its Hessian; both in float64
    (Wang, Zhang and Grosse 2020, Algorithm 2). The network is scored as it is: the authors' code
    draws the weights of its last layer anew for the scoring, which is not done here."""
    rank: Literal["signed", "size"] = "signed"
    """How scores are ranked. `signed` as in the paper; `size`: the smallest |w (H g)| go first,
    which is what the code of the Elastic Lottery Ticket Hypothesis does, and Frankle et al. (2021)
    found better."""
    at: Point = "init"
    """Which weights are looked at: the initial ones (`init`, as in the paper), those at the
    `rewind` point (what the Elastic Lottery Ticket Hypothesis compares with), or at the `end` of
    the training before the level."""
    examples_per_class: Examples = 10
    """How many training examples of each class the loss is over (10 in the configurations of the
    authors' code), or `all` there are. They are drawn with the seed `mask`, are the same at every
    level and in every round, and are not augmented."""
    temperature: Temperature = 200.0
    """What the network's outputs are divided by before the loss (200 in the authors' code), so
    that a network at initialisation is not sure of any class."""
    mode: Literal["eval", "train"] = "train"
    """What norms use: the statistics of each batch (`train`, as in the authors' code), or the
    running ones (`eval`, as the Elastic Lottery Ticket Hypothesis and the code of SynFlow have it).
    """
    batch_size: Count | None = None
    """Examples that are looked at together, for `mode: train`. The default is half of them, as in
    the authors' code, or 128 with `examples_per_class: all`. The authors' halves have different
    classes; here every batch is drawn from all of them."""
    rounds: Rounds = 1
    """How often scores are taken within a level, each time pruning by an equal factor."""
    invert: bool = False
    """Whether the highest scores are pruned first, and not the lowest: the inversion check of
    Frankle et al. (2021), "Pruning neural networks at initialization: why are we missing the mark?"
    """


class SynFlow(Section):
    """The weights go first through which least flows, without any data (Tanaka et al. 2020)."""

    name: Literal["synflow"]
    """What is pruned first. `synflow`: the smallest |dR/dw * w|, where R is the sum of the outputs
    for an input of ones of the network with the absolute values of all its parameters and running
    statistics; norms in evaluation mode, always in float64 (Tanaka et al. 2020, Algorithm 1)."""
    at: Point = "init"
    """Which weights are looked at: the initial ones (`init`, as in the paper), those at the
    `rewind` point, or at the `end` of the training before the level."""
    rounds: Rounds = 100
    """How often scores are taken within a level, each time pruning by an equal factor: after round
    k of n a level to density d keeps d^(k/n). The paper takes 100."""
    invert: bool = False
    """Whether the highest scores are pruned first, and not the lowest: the inversion check of
    Frankle et al. (2021), "Pruning neural networks at initialization: why are we missing the mark?"
    """


Word = Literal["magnitude", "random", "snip", "grasp", "synflow"]
Sections = Magnitude | Random | Snip | Grasp | SynFlow

Criterion = Annotated[
    Sections,
    Field(discriminator="name"),
    BeforeValidator(named, json_schema_input_type=Word | Sections),
]
"""A word stands for the section of that name with all of its defaults."""
