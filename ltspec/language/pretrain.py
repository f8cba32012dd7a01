"""Takes nothing; gives the section ``pretrain``: what a network has learnt before it begins."""

from __future__ import annotations

from ltspec.language.data import Data
from ltspec.language.section import Section
from ltspec.language.train import Train


class Pretrain(Section):
    """Training on other data or labels before everything else (Frankle, Schwab and Morcos 2020,
    section 5)."""

    data: Data
    """What is trained on before: a section of its own, nothing is taken over from the spec's. It
    may be the same data set with `random_labels`, `blur`, `subsample`, `rotation` or another
    `augment`, or another one with images of the same shape. Where it has other classes, the output
    layer begins the spec's own training with its initial weights."""
    train: Train | None = None
    """How it is trained on: a section of its own, as a rule with a `duration` of its own. The
    default is the spec's."""
