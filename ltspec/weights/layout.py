"""Takes a tensor in our layout or in Keras'; gives it in the other.

Ours is canonical: (out, in) and (out, in / groups, height, width); for Keras' shapes see
:func:`ltspec.networks.code.names.keras_shapes`. Only weights of linear and conv layers differ.
"""

from __future__ import annotations

from ltspec.decisions.state import Array
from ltspec.networks.graph import Shape


def to_keras(array: Array, shape: Shape) -> Array:
    """A tensor of ours, or its mask, as Keras has it: of ``shape``."""
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0).reshape(shape)
    return array.T if array.ndim == 2 else array


def from_keras(array: Array, shape: Shape) -> Array:
    """Inverse of :func:`to_keras`; ``shape`` is ours."""
    if len(shape) == 4:
        out, inputs, height, width = shape
        return array.reshape(height, width, inputs, out).transpose(3, 2, 0, 1)
    return array.T if len(shape) == 2 else array
