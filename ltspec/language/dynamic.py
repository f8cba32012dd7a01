"""Takes nothing; gives the sections of masks that change while a network is trained.

Each is there twice: behind ``prune.schedule`` with the density that it ends at, and in a branch of
kind ``dynamic``, whose density is that of the ticket beside it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ltspec.language.duration import Duration
from ltspec.language.section import Section

Share = Annotated[float, Field(gt=0, lt=1)]
EndShare = Annotated[float, Field(ge=0, lt=1)]
Layers = Literal["erk", "uniform"]
Decay = Literal["constant", "cosine"]


class Gradual(Section):
    """Weights go little by little while the network is trained: Zhu and Gupta (2017)."""

    name: Literal["gradual"]
    """How much goes when. `gradual`: weights go while the network is trained, the smallest absolute
    values first, as many as `kept = end + (start - end) (1 - t)^power` says, t going from 0 at
    `begin` to 1 at `until` (Zhu and Gupta 2017, section 3). What is gone stays gone. `prune.scope`
    says what is compared with what; the paper sorts the weights of each layer on their own, to one
    sparsity for all, which is `scope: layer`."""
    initial: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The density at `begin`; before it the network is dense."""
    power: Annotated[int, Field(ge=1, le=10)] = 3
    """The exponent: 3 in the paper, 1 for a straight line."""
    every: Duration = Duration(iterations=100)
    """How far apart updates of the mask are. 100 steps are the default of TensorFlow's model
    optimisation toolkit, and the paper has 100 to 1000."""
    begin: Duration = Duration()
    """The first update, counted from where the network's training begins; a share is one of that
    training."""
    until: Duration
    """The last update, at which the density is reached exactly, counted like `begin`; it lies
    before the end of the training. The paper has no default, for it depends on the task."""


class Set(Section):
    """Sparse evolutionary training: Mocanu et al. (2018)."""

    name: Literal["set"]
    """How much goes when. `set`: the network is sparse from its first step, under a random mask; at
    each update every tensor loses `fraction` of its weights, the smallest absolute values, and
    grows as many in random places (Mocanu et al. 2018). Grown weights and their momentum start at
    0, as in ITOP (Liu et al. 2021) and in RigL's comparisons; the authors' code draws them, and
    takes the fraction from positive and negative weights apart. A weight that would go and come
    back at once stays as it was."""
    fraction: Share = 0.3
    """The share of each tensor's weights that is dropped and grown at an update, rounded half to
    even. 0.3 in the paper, 0.5 in ITOP."""
    decay: Decay = "constant"
    """Whether `fraction` stays what it is, or falls to `end_fraction` along half a cosine from
    `begin` to `until`, as in ITOP."""
    end_fraction: EndShare = 0.0
    """For `decay: cosine`, the share that `fraction` would reach at `until`: 0.005 in ITOP's
    code."""
    layers: Layers = "erk"
    """How the weights are shared out among the tensors. `erk`: density in proportion to the sum of
    a tensor's dimensions over their product (Erdos-Renyi as in the paper; of convolutions with the
    kernel's dimensions, Evci et al. 2020), a tensor that would be more than full being full;
    `uniform`: the same density in each."""
    every: Duration = Duration(epochs=1)
    """How far apart updates of the mask are: an epoch in the paper, 1500 steps in ITOP."""
    begin: Duration | None = None
    """The first update, counted from where the network's training begins; a share is one of that
    training. The default is after one period, `every`."""
    until: Duration = Duration.parse("100%")
    """Updates come before this point, counted like `begin`; from here on the mask stays."""


class Rigl(Section):
    """Rigging the lottery: Evci et al. (2020)."""

    name: Literal["rigl"]
    """How much goes when. `rigl`: the network is sparse from its first step, under a random mask;
    at each update every tensor loses a share of its weights, the smallest absolute values, and
    grows as many where the loss of the step's batch has the largest gradient (Evci et al. 2020,
    Algorithm 1). Grown weights and their momentum start at 0, and the step takes no gradient step.
    A weight that would go and come back at once stays as it was, as in the authors' code."""
    fraction: Share = 0.3
    """The share of each tensor's weights that is dropped and grown at an update, rounded half to
    even: alpha, 0.3 in the paper."""
    decay: Decay = "cosine"
    """`cosine`: the share falls from `fraction` at `begin` to `end_fraction` at `until` along half
    a cosine, as in the paper; `constant`: it stays, which is what the authors' code does unless it
    is told otherwise."""
    end_fraction: EndShare = 0.0
    """For `decay: cosine`, the share that is reached at `until`: 0 in the paper, 0.005 in ITOP's
    code."""
    layers: Layers = "erk"
    """How the weights are shared out among the tensors. `erk`: density in proportion to the sum of
    a tensor's dimensions over their product, a tensor that would be more than full being full
    (Erdos-Renyi-kernel); `uniform`: the same density in each. The paper's uniform networks have a
    dense first layer: name it under `prune.exempt`."""
    every: Duration = Duration(iterations=100)
    """How far apart updates of the mask are: 100 steps in the paper, 4000 in ITOP (Liu et al.
    2021)."""
    begin: Duration = Duration()
    """The first update, counted from where the network's training begins; a share is one of that
    training. The first step in the authors' code."""
    until: Duration = Duration.parse("75%")
    """Updates come before this point, counted like `begin`; from here on the mask stays. The
    paper stops after about three quarters: at step 25,000 of 32,000 on ImageNet, the code at 75,000
    of 97,656 on CIFAR-10."""


Density = Annotated[float, Field(gt=0, lt=1)]


class GradualTo(Gradual):
    """Gradual pruning to a density."""

    density: Density
    """The share of prunable weights that is left at the end."""


class SetAt(Set):
    """Sparse evolutionary training at a density."""

    density: Density
    """The share of prunable weights that the network has all along."""


class RiglAt(Rigl):
    """Rigging the lottery at a density."""

    density: Density
    """The share of prunable weights that the network has all along."""


Dynamic = Annotated[Gradual | Set | Rigl, Field(discriminator="name")]
"""The sections that a branch may have, whose density is the ticket's."""
