"""Takes bytes of images; gives what the network sees of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltspec.engine.backend import Array, Split


def normalise(data: Split, images: NDArray[np.uint8], dtype: np.dtype[Any]) -> Array:
    """images * scale + shift, per channel."""
    scale = data.scale.astype(dtype)[:, None, None]
    shift = data.shift.astype(dtype)[:, None, None]
    seen: Array = images.astype(dtype) * scale + shift
    return seen
