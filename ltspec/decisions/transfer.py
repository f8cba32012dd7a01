"""Takes arrays of one network and which of them go where; gives those of another network.

Elastic transfer (Chen et al. 2021, section 3) clones whole tensors, running statistics included,
and rescales nothing. Copies are the same numbers, bit by bit, on every backend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ltspec.decisions.state import Array, Arrays, Masks


def carried(
    source: Arrays, pairs: Sequence[tuple[str, str]], fresh: Arrays, names: Sequence[str]
) -> dict[str, Array]:
    """The arrays ``names`` of another network, in this order: of each (target, source) of ``pairs``
    a copy of the source's array, of the others that of ``fresh``, in the source's type (initial
    weights are float32, and all of them have the same value in float64).

    Raises KeyError for a tensor that neither has.
    """
    origin = dict(pairs)
    types = {array.dtype for array in source.values()} or {np.dtype(np.float32)}
    (dtype,) = types
    return {
        name: source[origin[name]].copy() if name in origin else fresh[name].astype(dtype)
        for name in names
    }


def carried_masks(
    source: Masks,
    pairs: Sequence[tuple[str, str]],
    shapes: Mapping[str, tuple[int, ...]],
) -> Masks:
    """The masks of ``shapes``, in this order: of each (target, source) of ``pairs`` a copy of the
    source's, the others dense."""
    origin = dict(pairs)
    return {
        name: source[origin[name]].copy() if name in origin else np.ones(shape, np.bool_)
        for name, shape in shapes.items()
    }
