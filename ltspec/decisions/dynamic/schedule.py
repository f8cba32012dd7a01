"""Takes nothing; gives the plain data that says how a mask changes in training, in whole steps.

No numpy, so that plans are made fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Method = Literal["gradual", "set", "rigl"]
Decay = Literal["constant", "cosine"]


@dataclass(frozen=True, slots=True)
class MaskSchedule:
    """How the mask of a training changes on the way.

    An update at step s comes before the step is taken, so that the state at a step depends only on
    what was done up to it. ``rigl`` takes its gradients on the batch of that step, and takes no
    gradient step then (Evci et al. 2020, Algorithm 1).
    """

    method: Method
    tensors: tuple[str, ...]
    """The prunable tensors, in graph order."""
    keep: tuple[int, ...]
    """How many weights are kept at the end: one count for each tensor, or one for all. ``set`` and
    ``rigl`` keep so many of each all along."""
    begin: int
    """The step of the first update."""
    until: int
    """``gradual``: the step of the last update. Others: updates come before this step."""
    every: int
    """Steps from one update to the next."""
    initial: tuple[int, ...] = ()
    """``gradual``: what is kept at ``begin``, counted as ``keep`` is."""
    power: int = 0
    """``gradual``: the exponent of the polynomial."""
    fraction: float = 0.0
    """``set`` and ``rigl``: the share of a tensor's weights that is dropped and grown."""
    decay: Decay = "constant"
    """``cosine``: the share falls to ``end_fraction`` along half a cosine, from ``begin`` to
    ``until``."""
    seed: int = 0
    """``set``: seed of what is grown, with ``draw`` and ``level``."""
    draw: int = 0
    level: int = 0
    end_fraction: float = 0.0
    """``cosine``: the share that is reached at ``until``."""

    @property
    def replaces_step(self) -> bool:
        """Whether an update stands in place of a gradient step."""
        return self.method == "rigl"

    def is_update(self, step: int) -> bool:
        """Whether the mask is updated at this step."""
        if self.method == "gradual" and step == self.until:
            return True
        return self.begin <= step < self.until and (step - self.begin) % self.every == 0

    def updates_before(self, step: int) -> int:
        """How many updates come before this step is reached."""
        regular = max(0, -(-(min(step, self.until) - self.begin) // self.every))
        return regular + (self.method == "gradual" and step > self.until)

    def cut(self, begin: int, end: int) -> int:
        """Where a stretch of steps that begins at ``begin`` has to end, ``end`` at the latest: at
        the next update, and after an update that stands in place of a step."""
        if self.replaces_step and self.is_update(begin):
            return begin + 1
        following = self.begin + max(0, (begin - self.begin) // self.every + 1) * self.every
        if following >= self.until:
            if self.method != "gradual" or begin >= self.until:
                return end
            following = self.until
        return min(end, following)

    def kept_at(self, step: int) -> tuple[int, ...]:
        """What an update of ``gradual`` at this step keeps: end + (initial - end) (1 - t)^power,
        half to even (Zhu and Gupta 2017, equation 1, in weights instead of shares)."""
        left = 1 - Fraction(step - self.begin, self.until - self.begin)
        share = left**self.power
        return tuple(
            round(end + (start - end) * share)
            for start, end in zip(self.initial, self.keep, strict=True)
        )
