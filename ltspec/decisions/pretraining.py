"""Takes the order seed of a replicate; gives that of its pre-training."""

from __future__ import annotations


def order_seed_before(order_seed: int) -> int:
    """Seed of the data order and augmentation of a pre-training.

    Below zero, where neither a seed of a spec is nor that of a copy
    (:func:`ltspec.decisions.line.sibling_seed`): where a network is pre-trained on as many examples
    as it is trained on, it does not meet them in the same order twice.
    """
    return -1 - order_seed


def is_pretraining(order_seed: int) -> bool:
    """Whether it is the order seed of a pre-training."""
    return order_seed < 0
