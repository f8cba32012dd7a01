"""Takes nothing; gives the section ``train``: how long, in which batches, by which rule."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ltspec.language.duration import AbsoluteDuration, Duration
from ltspec.language.section import Section

# Bounds that every backend can hold: float32 has normal numbers from 1.2e-38 to 3.4e38.
Positive = Annotated[float, Field(gt=0, le=1e38)]
NonNegative = Annotated[float, Field(ge=0, le=1e38)]
BelowOne = Annotated[float, Field(ge=0, lt=1)]
Decay = Literal["all", "weights"]


class Sgd(Section):
    """Stochastic gradient descent with momentum: v = m v + g, then w = w - lr v."""

    name: Literal["sgd"]
    """The update rule. `sgd`: g = mask (gradient + wd w); v = momentum v + g; w = w - lr v. The
    rate stays outside of the velocity."""
    lr: Positive
    """The learning rate: the peak that `lr_schedule` scales."""
    momentum: BelowOne = 0.0
    """How much of the velocity is kept from one step to the next. The papers' CIFAR and ImageNet
    networks use 0.9."""
    nesterov: bool = False
    """Whether the step looks ahead: w = w - lr (g + momentum v). Needs a momentum above 0."""
    weight_decay: NonNegative = 0.0
    """What the weights are pulled to zero by: wd w is added to the gradient (coupled decay)."""
    decay: Decay = "all"
    """Which tensors decay: `all` parameters, or only the `weights` of conv and linear layers (not
    biases and norm parameters)."""


class Adam(Section):
    """Adam (Kingma and Ba 2015, Algorithm 1)."""

    name: Literal["adam"]
    """The update rule. `adam`: as in Kingma and Ba (2015, Algorithm 1), with bias correction and
    coupled decay."""
    lr: Positive
    """The learning rate: the peak that `lr_schedule` scales. The papers train LeNet on MNIST with
    12e-4 (Frankle et al. 2020, Table 1)."""
    beta1: BelowOne = 0.9
    """Decay rate of the mean of gradients."""
    beta2: BelowOne = 0.999
    """Decay rate of the mean of squared gradients."""
    epsilon: Annotated[float, Field(ge=1e-37, le=1e38)] = 1e-8
    """Added to the root of the mean of squared gradients, after bias correction."""
    weight_decay: NonNegative = 0.0
    """What the weights are pulled to zero by: wd w is added to the gradient (coupled decay)."""
    decay: Decay = "all"
    """Which tensors decay: `all` parameters, or only the `weights` of conv and linear layers (not
    biases and norm parameters)."""


Optimizer = Annotated[Sgd | Adam, Field(discriminator="name")]


class Constant(Section):
    """The rate stays what it is."""

    name: Literal["constant"]
    """How the rate changes. `constant`: not at all, after warm-up."""
    warmup: Duration = Duration()
    """For so long the rate rises linearly to its peak: step s of n has (s + 1) / n of it."""


class Step(Section):
    """The rate falls by a factor at each of several points."""

    name: Literal["step"]
    """How the rate changes. `step`: it is multiplied by `factor` at each of `drops`."""
    drops: Annotated[tuple[Duration, ...], Field(min_length=1)]
    """When the rate falls, counted from the start of training, going up. The papers drop the rate
    of CIFAR-10 networks at `80ep` and `120ep` of `160ep`."""
    factor: Annotated[float, Field(gt=0, le=1)] = 0.1
    """What the rate is multiplied by at each drop."""
    warmup: Duration = Duration()
    """For so long the rate rises linearly to its peak: step s of n has (s + 1) / n of it."""


class Linear(Section):
    """The rate falls on a straight line."""

    name: Literal["linear"]
    """How the rate changes. `linear`: on a straight line from `lr` to `end_lr`."""
    end_lr: NonNegative = 0.0
    """The rate that would be reached at the end of training."""
    warmup: Duration = Duration()
    """For so long the rate rises linearly to its peak: step s of n has (s + 1) / n of it."""


class Cosine(Section):
    """The rate falls along half a cosine (Loshchilov and Hutter 2017), without restarts."""

    name: Literal["cosine"]
    """How the rate changes. `cosine`: along half a cosine from `lr` to `end_lr` (Loshchilov and
    Hutter 2017), without restarts."""
    end_lr: NonNegative = 0.0
    """The rate that would be reached at the end of training."""
    warmup: Duration = Duration()
    """For so long the rate rises linearly to its peak: step s of n has (s + 1) / n of it."""


LrSchedule = Annotated[Constant | Step | Linear | Cosine, Field(discriminator="name")]


class Train(Section):
    """How the dense network and every ticket are trained."""

    duration: AbsoluteDuration
    """How long one training is, from initialisation to its end. A ticket that is rewound to k
    trains for the rest (Frankle et al. 2019, section 3)."""
    batch_size: Annotated[int, Field(ge=1)]
    """Examples in one step. The last batch of an epoch may be smaller and is kept."""
    optimizer: Optimizer
    """The update rule and its numbers. Momentum and moments are fresh after every rewind."""
    # Made without its own validator, which would be built for this alone at each start.
    lr_schedule: LrSchedule = Constant.model_construct(name="constant")
    """How the learning rate changes over the training."""
