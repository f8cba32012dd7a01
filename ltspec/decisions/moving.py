"""Takes examples of a split and a tape; gives their images as the tape moves them, as bytes.

The order is part of the meaning: a window is cut out of the bytes, then mirrored. So what lies
outside of an image is byte 0, which is not 0 after normalisation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ltspec.data.dataset import Split
from ltspec.decisions.tape import Tape

Bytes = NDArray[np.uint8]


def moved_images(data: Split, tape: Tape, i: int) -> Bytes:
    """The images of step ``tape.start`` + i, moved as the tape says."""
    span = slice(tape.bounds[i], tape.bounds[i + 1])
    images: Bytes = data.images[tape.examples[span]]
    if tape.shifts is not None:
        images = cut(images, tape.shifts[span])
    if tape.flips is not None:
        images = mirror(images, tape.flips[span])
    return images


def cut(images: Bytes, shifts: NDArray[np.int8]) -> Bytes:
    """Of each image a window of its own size that begins (rows below, columns right) of its corner,
    (example, 2); byte 0 outside of the image."""
    moves = shifts.astype(np.int64)
    border = int(np.abs(moves).max(initial=0))
    padded = np.pad(images, ((0, 0), (0, 0), (border, border), (border, border)))
    examples, channels, height, width = images.shape
    rows = border + moves[:, :1] + np.arange(height)
    columns = border + moves[:, 1:] + np.arange(width)
    chosen: Bytes = padded[
        np.arange(examples)[:, None, None, None],
        np.arange(channels)[None, :, None, None],
        rows[:, None, :, None],
        columns[:, None, None, :],
    ]
    return chosen


def mirror(images: Bytes, flips: NDArray[np.bool_]) -> Bytes:
    """The images with those that ``flips`` names mirrored left to right."""
    return np.where(flips[:, None, None, None], images[:, :, :, ::-1], images)
