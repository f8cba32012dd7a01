"""Takes the data directory; gives MNIST, from its four IDX files, downloaded when they are missing.

Source: Y. LeCun, C. Cortes and C. J. C. Burges, "The MNIST database of handwritten digits"; the
MD5 of the four files as published there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ltspec.data.dataset import Dataset, assemble
from ltspec.data.download import Remote, fetch
from ltspec.data.facts import Facts
from ltspec.data.idx import read_idx
from ltspec.errors import DataError

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
"""Where the four files are, byte for byte as published. The original page asks for a password."""

FILES = (
    Remote(
        "train-images-idx3-ubyte.gz",
        9_912_422,
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    Remote(
        "train-labels-idx1-ubyte.gz",
        28_881,
        "d53e105ee54ea40749a09fcbcd1e9432",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    Remote(
        "t10k-images-idx3-ubyte.gz",
        1_648_877,
        "9fb629c4189551a2d022fa330f9573f3",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    Remote(
        "t10k-labels-idx1-ubyte.gz",
        4_542,
        "ec29112dd5afa0611ce80d1b7f02629c",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
)
"""Training images and labels, then those for testing."""

CONTENT: Mapping[str, str] = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""sha256 of what is in each file. Files put there by hand are compared by content, so that it
does not matter who compressed them."""

FOLDERS = ("mnist", "MNIST/raw", ".")
"""Where in the data directory the files are looked for; the second is torchvision's place."""


def read(
    facts: Facts,
    folder: Path | None,
    report: Callable[[str], None],
    mirrors: Sequence[str] = MIRRORS,
) -> Dataset:
    """MNIST, from the first of :data:`FOLDERS` that has all four files, gzipped or not.

    When none has, what is missing is downloaded to ``<folder>/mnist``. Raises DataError: LT305
    when that fails, LT306 when a file is damaged.
    """
    files = find(folder) if folder else None
    if files is None:
        if folder is None:
            raise DataError(
                "mnist needs a data directory, and none was given",
                code="LT305",
                hint="name one with --data or LTSPEC_DATA",
            )
        files = _download(folder, mirrors, report)
    warnings: list[str] = []
    arrays: list[NDArray[np.uint8]] = []
    for file, (stem, published), shape in zip(files, CONTENT.items(), _shapes(facts), strict=True):
        array, sha256 = read_idx(file, shape)
        if len(shape) == 1 and array.max() >= facts.classes:
            raise DataError(
                f"{file} has a label {array.max()}; labels go from 0 to {facts.classes - 1}",
                code="LT306",
                hint="delete it, and it will be downloaded again",
            )
        if sha256 != published:
            warnings.append(f"{file} is not the published {stem}: its sha256 is {sha256}")
        arrays.append(array)
    train_images, train_labels, test_images, test_labels = arrays
    return assemble(
        facts,
        (train_images.reshape(-1, *facts.shape), train_labels),
        (test_images.reshape(-1, *facts.shape), test_labels),
        tuple(warnings),
    )


def find(folder: Path) -> tuple[Path, ...] | None:
    """The four files, from one place in the data directory; None when no place has them all."""
    for place in FOLDERS:
        try:
            found = _in_place(folder / place)
        except OSError as error:
            raise DataError(
                f"{folder / place} cannot be read: {error.strerror}",
                code="LT305",
            ) from error
        if len(found) == len(FILES):
            return tuple(found[stem] for stem in CONTENT)
    return None


def _in_place(place: Path) -> dict[str, Path]:
    """Which of the four are in a folder, by name without ``.gz``."""
    found = {}
    for stem in CONTENT:
        for name in (stem, f"{stem}.gz"):
            if (place / name).is_file():
                found[stem] = place / name
                break
    return found


def _download(
    folder: Path, mirrors: Sequence[str], report: Callable[[str], None]
) -> tuple[Path, ...]:
    """Complete ``<folder>/mnist``."""
    place = folder / FOLDERS[0]
    there = _in_place(place)
    missing = [file for file in FILES if file.name.removesuffix(".gz") not in there]
    try:
        fetch(missing, place, mirrors, report)
    except DataError as error:
        raise DataError(
            f"mnist is not in {folder} and could not be downloaded: {error.message}",
            code=error.code,
            hint=f"put {', '.join(file.name for file in missing)} into {place}, "
            f"or choose another data directory with --data or LTSPEC_DATA",
        ) from error
    files = find(folder)
    if files is None:
        raise DataError(f"files of mnist vanished from {place} while it was read", code="LT305")
    return files


def _shapes(facts: Facts) -> tuple[tuple[int, ...], ...]:
    """Axes of the four files."""
    pixels = facts.shape[1:]
    return (facts.train, *pixels), (facts.train,), (facts.test, *pixels), (facts.test,)
