"""Takes a data set; gives it changed as in "The Early Phase of Neural Network Training".

Frankle, Schwab and Morcos 2020 (section 5) ask what early training needs of the data: they train on
random labels, blurred images, fewer examples, or the task of telling rotations apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ltspec.data.facts import Facts

TURNS = 4
"""Multiples of 90 degrees, the classes of the rotation task."""


@dataclass(frozen=True, slots=True)
class Alteration:
    """What is changed, and how far. Every random choice comes from streams of ``seed``."""

    random_labels: float = 0.0
    """Share of the training labels, of all that were published and rounded half to even, that are
    replaced by labels drawn alike from all classes; some draws give the label that was there."""
    blur: int = 1
    """Images of both splits are made smaller by this factor and scaled up again; 1 leaves them.
    Exactly how: ``ltspec.decisions.alter.blurred``."""
    subsample: float = 1.0
    """Share of the training examples that is kept, rounded half to even. A smaller share keeps
    some of those that a larger one keeps."""
    rotation: bool = False
    """Whether images of both splits are turned by a multiple of 90 degrees, chosen at random for
    each; how many times 90 degrees, against the clock, is then the label."""
    seed: int = 0


def kept_examples(examples: int, share: float) -> int:
    """How many training examples a share keeps: rounded half to even, and at least one."""
    return max(round(examples * share), 1)


def altered_facts(facts: Facts, alteration: Alteration | None) -> Facts:
    """What is known of the data set once it is altered. Normalisation stays that of the published
    one; ``ltspec.decisions.alter`` does the altering."""
    if alteration is None:
        return facts
    return replace(
        facts,
        train=kept_examples(facts.train, alteration.subsample),
        classes=classes(facts, rotation=alteration.rotation),
    )


def classes(facts: Facts, *, rotation: bool) -> int:
    """Classes of the data set, once its images are turned or not."""
    return TURNS if rotation else facts.classes
