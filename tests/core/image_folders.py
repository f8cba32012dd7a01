"""Takes a folder; gives it small images for tests of what is read from there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def write_images(
    root: Path,
    train: int,
    test: int,
    *,
    shape: tuple[int, int] = (20, 24),
    suffix: str = "png",
    seed: int = 0,
) -> Path:
    """Write images of two classes, ``a`` and ``b``, as `folder` reads them; returns ``root``.

    Every pixel is drawn from ``seed``. ``train``, ``test``: images of each class. ``shape``: rows
    and columns of each.
    """
    numbers = np.random.default_rng(seed)
    for split, count in (("train", train), ("test", test)):
        for class_ in ("a", "b"):
            place = root / split / class_
            place.mkdir(parents=True)
            for number in range(count):
                pixels = numbers.integers(0, 256, (*shape, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{number:02}.{suffix}")
    return root
