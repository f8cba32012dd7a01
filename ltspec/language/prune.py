"""Takes nothing; gives the section ``prune``: what goes, how much, and where one begins anew."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from ltspec.language.checks import word_or_mapping
from ltspec.language.criteria import Criterion, Magnitude
from ltspec.language.duration import Duration, Point
from ltspec.language.dynamic import GradualTo, RiglAt, SetAt
from ltspec.language.section import Section

Share = Annotated[float, Field(gt=0, lt=1)]
Pattern = Annotated[str, Field(min_length=1)]
RatePattern = Annotated[str, Field(pattern=r"^.+$")]
Rate = Annotated[
    float, Field(gt=0, le=1, description="What `fraction` is multiplied by for these tensors.")
]


class Iterative(Section):
    """Train, prune a fraction of what remains, rewind; again and again."""

    name: Literal["iterative"]
    """How much goes when. `iterative`: `levels` times `fraction` of what remains (Frankle and
    Carbin 2019)."""
    levels: Annotated[int, Field(ge=1, le=1000)]
    """How many times one prunes. At fraction 0.2, level 10 keeps 10.7% and level 15 keeps 3.5%."""
    fraction: Share = 0.2
    """The share of the remaining prunable weights that goes at each level; the count is rounded
    half to even."""
    rates: dict[RatePattern, Rate] = Field(default_factory=dict)
    """For `scope: layer`: what `fraction` is multiplied by for the tensors of a name or pattern,
    the first that matches. `{fc3.weight: 0.5}` prunes an output layer at half the rate, and
    `{"conv*": 0.5}` convolutions by 10% where the rest loses 20% (Frankle and Carbin 2019,
    Fig. 2)."""


class ToDensity(Section):
    """Iterative pruning that ends at a density."""

    name: Literal["to-density"]
    """How much goes when. `to-density`: as many levels of `fraction` as fit, then one that ends at
    `density` exactly."""
    density: Share
    """The share of prunable weights that the last level keeps."""
    fraction: Share = 0.2
    """The share of the remaining prunable weights that goes at each level but the last."""


class OneShot(Section):
    """One level, straight to a density."""

    name: Literal["one-shot"]
    """How much goes when. `one-shot`: one level, straight to `density` (Frankle et al. 2019,
    Fig. 8)."""
    density: Share
    """The share of prunable weights that is kept."""


Schedule = Annotated[
    Iterative | ToDensity | OneShot | GradualTo | SetAt | RiglAt, Field(discriminator="name")
]


class Rewind(Section):
    """Where a pruned network begins anew: one point, or weights and schedule apart."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["to"]}, {"required": ["weights", "schedule"]}],
        }
    )

    to: Duration | None = None
    """The step k that weights, buffers, learning rate and data order all return to; the rest of
    the training follows (Frankle et al. 2019). `0it` is the original lottery-ticket experiment.
    Excludes the other three keys."""
    weights: Point | None = None
    """The step that weights and buffers return to; `end` keeps the trained ones. Comes with
    `schedule`."""
    schedule: Point | None = None
    """The step that learning rate and data order return to. With `weights: end` this is
    learning-rate rewinding; `schedule: end` trains on at the last rate, which is fine-tuning
    (Renda, Frankle and Carbin 2020)."""
    retrain: Duration | None = None
    """How long to train after pruning. Required with `schedule: end`, and only then: elsewhere
    the rest of the training follows."""


Rewinding = Annotated[
    Annotated[Rewind, Tag("mapping")] | Annotated[Literal["none"], Tag("word")],
    Discriminator(
        word_or_mapping,
        custom_error_type="LT103",
        custom_error_message="expected a mapping such as {to: 2000it}, or the word none",
    ),
]


class Repel(Section):
    """A term of the loss that holds a ticket's training away from earlier solutions, or near them
    (Maene, Li and Moens 2021, section 3)."""

    strength: Annotated[float, Field(ge=-1e38, le=1e38)]
    """What the mean of cos^2(w, a) over the remembered solutions a is multiplied by and added to
    the loss, w and a being all weights of conv and linear layers (those of `exempt` too, no bias
    and no norm) under the mask of the level that is trained. The paper repels with 2 and attracts
    with -1; 0 is no term. Losses in results are without it."""
    memory: Literal["all", "last"] = "all"
    """Which solutions are remembered: the trained networks of `all` earlier levels of the
    replicate, the dense one among them, or that of the `last` level alone (Maene et al. 2021,
    Fig. 17)."""


class Prune(Section):
    """What is pruned, by what, how far, and where retraining begins."""

    # This default and that of `rewind` are made without their own validators, which would be built
    # for them alone at each start.
    criterion: Criterion = Magnitude.model_construct(name="magnitude")
    """What is pruned first: a word such as `snip`, which has every default, or a mapping such as
    `{name: snip, examples: all}`."""
    scope: Literal["global", "layer", "erk"] = "global"
    """What is compared with what. `global`: all prunable weights in one ranking; `layer`: each
    tensor on its own, losing the same fraction; `erk`: each tensor on its own, keeping
    eps sum(shape) of its weights, where eps is such that all together keep as many as with
    `global`, and a tensor that would keep more than it has is dense (Erdos-Renyi-kernel, Evci et
    al. 2020)."""
    schedule: Schedule
    """How much goes, and in how many levels."""
    rewind: Rewinding = Rewind.model_construct(to=Duration())
    """Where a pruned network begins anew. `{to: 0it}` goes back to initialisation; `none` prunes
    without retraining."""
    repel: Repel | None = None
    """Train tickets away from the solutions of earlier levels, or towards them, by a term of the
    loss. The dense network is trained without. The default is no such term."""
    exempt: tuple[Pattern, ...] = ()
    """Tensors that are never pruned, by name or shell-style pattern, such as `fc3.weight` or
    `fc*.weight`. Each must match a prunable tensor of the model."""
