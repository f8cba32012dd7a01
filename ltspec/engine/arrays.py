"""Takes states and masks; gives the flat names under which the store keeps them, and back.

``weights/fc1.weight``, ``buffers/norm1.running_mean``, ``mask/fc1.weight``,
``explored/fc1.weight``, ``slots/velocity/fc1.weight``, ``loss``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ltspec.decisions.state import Array, Arrays, Masks, State


def pack_weights(weights: Arrays) -> dict[str, Array]:
    """Weights under their names in the store."""
    return {f"weights/{name}": array for name, array in weights.items()}


def pack_buffers(buffers: Arrays) -> dict[str, Array]:
    """Running statistics under their names in the store."""
    return {f"buffers/{name}": array for name, array in buffers.items()}


def pack_masks(masks: Masks) -> dict[str, Array]:
    """Masks under their names in the store."""
    return {f"mask/{name}": mask for name, mask in masks.items()}


def pack_explored(masks: Masks) -> dict[str, Array]:
    """Weights that were in a mask at some time, under their names in the store."""
    return {f"explored/{name}": mask for name, mask in masks.items()}


def explored_of(arrays: Arrays) -> dict[str, Array]:
    """Inverse of :func:`pack_explored`."""
    return _under(arrays, "explored/")


def pack_slots(slots: Mapping[str, Arrays]) -> dict[str, Array]:
    """The optimiser's memory under its names in the store."""
    return {
        f"slots/{slot}/{name}": array
        for slot, arrays in slots.items()
        for name, array in arrays.items()
    }


def weights_of(arrays: Arrays) -> dict[str, Array]:
    """Inverse of :func:`pack_weights`; other names are left out."""
    return _under(arrays, "weights/")


def buffers_of(arrays: Arrays) -> dict[str, Array]:
    """Inverse of :func:`pack_buffers`; empty for a network without norms."""
    return _under(arrays, "buffers/")


def masks_of(arrays: Arrays) -> dict[str, Array]:
    """Inverse of :func:`pack_masks`; empty for a dense state."""
    return _under(arrays, "mask/")


def in_precision(arrays: Arrays, dtype: np.dtype[Any]) -> dict[str, Array]:
    """Weights and running statistics in another type, under their names in the store; the
    optimiser's memory is left out."""
    return {
        name: array.astype(dtype, copy=False)
        for name, array in arrays.items()
        if name.startswith(("weights/", "buffers/"))
    }


def state_of(arrays: Arrays, step: int) -> State:
    """The state at ``step``, with its slots where they were kept."""
    slots: dict[str, dict[str, Array]] = {}
    for path, array in _under(arrays, "slots/").items():
        slot, name = path.split("/", 1)
        slots.setdefault(slot, {})[name] = array
    return State(weights_of(arrays), step, slots, buffers_of(arrays))


def _under(arrays: Arrays, prefix: str) -> dict[str, Array]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
