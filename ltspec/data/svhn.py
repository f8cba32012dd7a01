"""Takes the data directory; gives SVHN: cropped digits, 32 x 32 in colour, from two .mat files.

Source: Y. Netzer et al., "Reading Digits in Natural Images with Unsupervised Feature Learning",
2011. ``X`` is (row, column, channel, example), ``y`` is (example, 1), where 10 stands for the digit
0; here its label is 0. The extra images are not used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltspec.data import place
from ltspec.data.dataset import Dataset, assemble
from ltspec.data.download import Remote
from ltspec.data.facts import Facts
from ltspec.errors import DataError

MIRRORS = (
    "http://ufldl.stanford.edu/housenumbers/",
    "https://cseweb.ucsd.edu/~weijian/static/datasets/svhn/",
)
FILES = (
    Remote(
        "train_32x32.mat",
        182_040_794,
        "e26dedcc434d2e4c54c9b2d4a06d8373",
        "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
    ),
    Remote(
        "test_32x32.mat",
        64_275_384,
        "eb5a983be6a315427106f1b164d9cef3",
        "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
    ),
)
PLACES = ("svhn", "SVHN", ".")
"""Where in the data directory the files are looked for; downloads go into the first."""


def read(
    facts: Facts,
    folder: Path | None,
    report: Callable[[str], None],
    mirrors: Sequence[str] = MIRRORS,
) -> Dataset:
    """SVHN, from the first of :data:`PLACES` that has both files; what is missing is downloaded.

    Raises DataError: LT305 when that fails, LT306 when a file is damaged.
    """
    folder = place.needed(facts.name, folder)
    names = [file.name for file in FILES]
    files = place.find(folder, PLACES, [names])
    if not files:
        missing = [file for file in FILES if not (folder / PLACES[0] / file.name).is_file()]
        lacking = place.lacking(folder, PLACES, [names])
        place.download(facts.name, folder, PLACES[0], missing, mirrors, report, lacking)
        files = [folder / PLACES[0] / name for name in names]
    others, pairs = [], []
    for file, remote, count in zip(files, FILES, (facts.train, facts.test), strict=True):
        # Twice its size is room for one that was compressed less.
        content = place.content(file, 2 * remote.size)
        if place.md5(content) != remote.md5:
            others.append(remote.name)
        pairs.append(_read_mat(file, content, count, facts))
    return assemble(facts, pairs[0], pairs[1], place.others(files[0].parent, others))


def _read_mat(
    file: Path, content: bytes, count: int, facts: Facts
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images (example, channel, row, column) and labels of one file."""
    channels, height, width = facts.shape
    shapes = {"X": (height, width, channels, count), "y": (count, 1)}
    found = _variables(file, content, shapes)
    images, labels = found["X"], found["y"]
    if images.dtype != np.uint8:
        raise place.damaged(file, f"has `X` of type {images.dtype}, not bytes")
    if not np.all((labels >= 1) & (labels <= facts.classes) & (labels == np.floor(labels))):
        raise place.damaged(file, f"has a label that is not one of 1 to {facts.classes}")
    return images.transpose(3, 2, 0, 1), (labels[:, 0] % facts.classes).astype(np.uint8)


def _variables(
    file: Path, content: bytes, shapes: dict[str, tuple[int, ...]]
) -> dict[str, NDArray[Any]]:
    """Variables of a .mat file of version 5, by name. Shapes are looked at before anything is
    loaded, so that a file cannot ask for more memory than SVHN needs."""
    from io import BytesIO

    from scipy.io import loadmat, whosmat  # slow to import, and seldom needed

    try:
        said = {name: shape for name, shape, kind in whosmat(BytesIO(content)) if kind != "sparse"}
        for name, shape in shapes.items():
            if said.get(name) != shape:
                raise place.damaged(
                    file, f"has `{name}` of shape {said.get(name)}, not {shape} as SVHN"
                )
        loaded = loadmat(BytesIO(content), variable_names=list(shapes))
        found = {name: np.asarray(loaded[name]) for name in shapes}
    except DataError:
        raise
    except Exception as error:  # a damaged file may provoke any exception
        raise place.damaged(
            file, f"is not a whole .mat file: {type(error).__name__}: {error}"
        ) from error
    for name, array in found.items():
        if array.shape != shapes[name] or array.dtype.kind not in "uif":
            raise place.damaged(file, f"has `{name}` of type {array.dtype}, not numbers")
    return found
