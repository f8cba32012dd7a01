"""Takes nothing; gives the plain data that says which examples a criterion looks at, and how.

It holds no numpy, so that plans are made fast; which examples they are is decided by
:func:`batches`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ltspec.data.alteration import Alteration

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXAMPLES = 128
"""Of a batch where nothing is said: "SNIP" (Lee et al. 2019) takes one mini-batch, of 128 for its
networks of CIFAR-10."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Training examples as they are, without augmentation."""

    data: str
    """Name of the data set."""
    data_version: int
    """Version of its reader and split."""
    examples: int
    """How many are looked at."""
    of: int
    """Size of the training split."""
    batch_size: int
    """Examples that are looked at together; the last batch may be smaller. Without norms that use
    the statistics of a batch it changes nothing, and is :data:`EXAMPLES`."""
    mode: Literal["train", "eval"]
    """Whether norms use the statistics of the batch or the running ones."""
    alteration: Alteration | None = None
    """None where the data set is the published one."""


def draws(sample: Sample, per_class: int | None) -> bool:
    """Whether the seed has a say: not where all examples are looked at and no norm can tell."""
    chooses = sample.examples < sample.of or per_class is not None
    return chooses or sample.mode == "train"


def batches(
    sample: Sample, seed: int, labels: NDArray[Any], per_class: int | None = None
) -> list[NDArray[Any]]:
    """Which examples, batch by batch: the first ones of the order (seed, "score"), or the first
    ``per_class`` of each class in it. All of them have the order of the data set where no norm can
    tell.

    ``labels``: of the whole training split, (example,). Raises ValueError where a class has too
    few examples.
    """
    import numpy as np

    from ltspec.decisions import rng

    chosen = np.arange(sample.of, dtype=np.int64)
    if draws(sample, per_class):
        order = rng.permutation(sample.of, seed, "score")
        if per_class is not None:
            order = order[np.sort(_of_each_class(labels[order], per_class, sample.examples))]
        chosen = order[: sample.examples].astype(np.int64)
    return np.split(chosen, range(sample.batch_size, len(chosen), sample.batch_size))


def _of_each_class(labels: NDArray[Any], count: int, examples: int) -> NDArray[Any]:
    """Places of the first ``count`` of each class in ``labels``."""
    import numpy as np

    places = [np.flatnonzero(labels == each) for each in range(examples // count)]
    for each, found in enumerate(places):
        if len(found) < count:
            raise ValueError(f"class {each} has {len(found)} examples, and not {count}")
    return np.concatenate([found[:count] for found in places])
