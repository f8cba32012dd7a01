"""Takes an image file; gives its pixels at the network's size, the same on every machine.

What a JPEG decodes to is up to the decoder (libjpeg-turbo, in Pillow); all else is decided here.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ltspec.data.opening import unreadable
from ltspec.errors import DataError

LEAST_AREA = 0.08
"""Of an image, that a random box covers (Szegedy et al. 2015, section 6)."""
LEAST_RATIO, MOST_RATIO = 3 / 4, 4 / 3
"""Width to height of a random box (likewise)."""
MOST_PIXELS = 1 << 28
"""Of one image: more is an attack or a mistake."""
FORMATS = ("JPEG", "PNG")

Box = tuple[int, int, int, int]
"""Left, top, width and height, in pixels."""


def box(draws: Sequence[float] | NDArray[np.float32], width: int, height: int) -> Box:
    """The part of an image that is scaled to the network's size, from the tape's four numbers.

    The first number chooses the area, from 8% to 100% of the image's; the second the ratio of
    width to height, from 3:4 to 4:3, alike on a logarithmic scale; both sides are then cut to the
    image's and rounded half up. The third and fourth choose among all places, left to right and
    top to bottom. Source: Szegedy et al. 2015, section 6; there is no second try as in other
    codes. Only operations that IEEE 754 rounds correctly are used.
    """
    area, ratio, across, down = (float(draw) for draw in draws)
    pixels = (LEAST_AREA + (1.0 - LEAST_AREA) * area) * (width * height)
    shape = LEAST_RATIO * _power(MOST_RATIO / LEAST_RATIO, ratio)
    wide = min(max(math.floor(math.sqrt(pixels * shape) + 0.5), 1), width)
    high = min(max(math.floor(math.sqrt(pixels / shape) + 0.5), 1), height)
    left = min(math.floor(across * (width - wide + 1)), width - wide)
    top = min(math.floor(down * (height - high + 1)), height - high)
    return left, top, wide, high


def _power(base: float, exponent: float) -> float:
    """``base ** exponent`` for an exponent from 0 to 1, of 24 bits, by roots of roots.

    The power of a mathematical library differs from machine to machine in its last place.
    """
    if exponent >= 1.0:
        return base
    result = 1.0
    for _ in range(24):
        base, exponent = math.sqrt(base), 2.0 * exponent
        if exponent >= 1.0:
            result, exponent = result * base, exponent - 1.0
    return result


def decode(
    file: Path | str, size: int, shorter_side: int, draws: NDArray[np.float32] | None
) -> NDArray[np.uint8]:
    """One image, (3, size, size), red, green and blue.

    With ``draws``, the part that :func:`box` says; without, the middle: the square whose side is
    ``size`` / ``shorter_side`` of the image's shorter one. The part is scaled bilinearly, each new
    pixel weighing all old ones that it covers. Grey, palette, CMYK and 16-bit images become RGB;
    transparency is dropped, and so is the note of a camera on how it was held.
    Raises DataError: LT305 when the file cannot be opened, LT306 when it is truncated, too large,
    or no JPEG or PNG.
    """
    try:
        with warnings.catch_warnings():  # Pillow warns of oddities that it reads all the same
            warnings.simplefilter("ignore")
            with Image.open(file, formats=FORMATS) as opened:
                width, height = opened.size
                if width * height > MOST_PIXELS:
                    raise _unreadable(file, f"has {width} x {height} pixels")
                image = _rgb(opened)
    except DataError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise unreadable(file, error) from error
        raise _unreadable(file, f"cannot be decoded: {_said(error, file)}") from error
    if draws is None:
        side = min(width, height) * size / shorter_side
        left, top = (width - side) / 2, (height - side) / 2
        part = (left, top, left + side, top + side)
    else:
        across, down, wide, high = box(draws, width, height)
        part = (across, down, across + wide, down + high)
    scaled = image.resize((size, size), Image.Resampling.BILINEAR, part)
    return np.ascontiguousarray(np.asarray(scaled).transpose(2, 0, 1))


def _rgb(image: Image.Image) -> Image.Image:
    """All pixels, decoded, in three bytes."""
    if image.mode.startswith("I"):  # 16 bits of grey, which Pillow itself would clip to 255
        grey = (np.asarray(image).astype(np.int64) >> 8).astype(np.uint8)
        image = Image.fromarray(grey)
    return image.convert("RGB") if image.mode != "RGB" else image.copy()


def _said(error: Exception, file: Path | str) -> str:
    """What Pillow says, without the name of the file."""
    return "it is no JPEG or PNG" if str(file) in str(error) else str(error)


def _unreadable(file: Path | str, what: str) -> DataError:
    return DataError(f"{file} {what}", code="LT306", hint="replace the image, or remove it")
