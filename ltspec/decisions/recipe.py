"""Takes nothing; gives the plain data that says how a network is trained, all in whole steps.

A :class:`Recipe` is a spec's ``train`` section after durations have become steps. It holds no
numpy, so that plans are made fast; what it decides is written down by :mod:`ltspec.decisions.tape`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ltspec.data.alteration import Alteration


@dataclass(frozen=True, slots=True)
class Sgd:
    """g = mask * (gradient + wd * w); v = momentum * v + g; w = w - lr * v.

    With ``nesterov``: w = w - lr * (g + momentum * v), v being the new velocity. The rate stays
    outside of the velocity. A fresh velocity is zero.
    """

    momentum: float
    nesterov: bool
    weight_decay: float
    decay: Literal["all", "weights"]
    """Which tensors decay: every parameter, or only weights of conv and linear layers."""


@dataclass(frozen=True, slots=True)
class Adam:
    """Adam as in Kingma and Ba 2015 (Algorithm 1), with coupled decay.

    g = mask * (gradient + wd * w); m = b1 * m + (1 - b1) * g; s = b2 * s + (1 - b2) * g^2;
    w = w - lr * (m / (1 - b1^t)) / (sqrt(s / (1 - b2^t)) + epsilon), where t counts the updates
    since the optimiser was fresh, from 1. Fresh m and s are zero.
    """

    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float
    decay: Literal["all", "weights"]


Optimizer = Sgd | Adam


@dataclass(frozen=True, slots=True)
class Schedule:
    """Learning rate over steps; :func:`ltspec.decisions.rates.rates` evaluates it."""

    kind: Literal["constant", "step", "linear", "cosine"]
    lr: float
    """The peak rate."""
    warmup: int
    """Steps of linear warm-up: step s < warmup has (s + 1) / warmup of the rate."""
    drops: tuple[int, ...] = ()
    """``step``: from each of these steps on, the rate is multiplied by ``factor``."""
    factor: float = 1.0
    end: int = 0
    """``linear`` and ``cosine``: the step at which ``end_lr`` would be reached. 0 otherwise."""
    end_lr: float = 0.0
    hold: int = 0
    """When positive: from this step on the rate is that of step ``hold - 1`` (fine-tuning)."""


@dataclass(frozen=True, slots=True)
class Augment:
    """How training images are moved, example by example and epoch by epoch; decided on the tape."""

    flip: bool = False
    """Whether half of the images, chosen at random, are mirrored left to right."""
    crop: int = 0
    """Pixels of black that are put around an image before a window of its own size is cut out of
    it, at a random place. Black is byte 0, before normalisation."""
    resized_crop: bool = False
    """Whether a random part of the image (8% to 100% of its area, 3:4 to 4:3) is scaled to the
    network's size (Szegedy et al. 2015); for image folders alone."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that a tape is recorded from, but for its first and last step."""

    data: str
    """Name of the data set."""
    data_version: int
    """Version of its reader and split."""
    examples: int
    """Size of its training split."""
    batch_size: int
    """Examples a step; the last batch of an epoch may be smaller and is kept."""
    optimizer: Optimizer
    schedule: Schedule
    order_seed: int
    """Seed of the data order and of augmentation, each a stream of its own."""
    augment: Augment | None = None
    """None where images stay as they are."""
    alteration: Alteration | None = None
    """None where the data set is the published one."""

    @property
    def steps_per_epoch(self) -> int:
        """391 for 50,000 examples at 128."""
        return -(-self.examples // self.batch_size)
