"""Takes the data directory; gives a data set of four IDX files: MNIST, and what has its format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ltspec.data import place
from ltspec.data.dataset import Dataset, assemble
from ltspec.data.download import Remote
from ltspec.data.facts import Facts
from ltspec.data.idx import read_idx
from ltspec.errors import DataError


@dataclass(frozen=True)
class IdxSet:
    """Where four IDX files are, and what is known of them."""

    name: str
    mirrors: tuple[str, ...]
    """Where the files are, byte for byte as published."""
    files: tuple[Remote, ...]
    """Training images and labels, then those for testing; gzipped."""
    content: Mapping[str, str]
    """sha256 of what is in each file, by its name without ``.gz``, where it is known: so it does
    not matter who compressed a file that was put there by hand. Empty where it is not known; then
    files are compared as they were published, compressed."""
    folders: tuple[str, ...]
    """Where in the data directory the files are looked for; downloads go into the first."""

    def read(
        self,
        facts: Facts,
        folder: Path | None,
        report: Callable[[str], None],
        mirrors: Sequence[str] | None = None,
    ) -> Dataset:
        """The data set, from the first folder that has all four files, gzipped or not.

        What is missing is downloaded. Raises DataError: LT305 when that fails, LT306 when a file
        is damaged.
        """
        folder = place.needed(self.name, folder)
        files = self.find(folder) or self._download(
            folder, self.mirrors if mirrors is None else mirrors, report
        )
        warnings: list[str] = []
        arrays: list[NDArray[np.uint8]] = []
        for file, remote, shape in zip(files, self.files, shapes(facts), strict=True):
            array, sha256 = read_idx(file, shape)
            if len(shape) == 1:
                place.refuse_strange_labels(array, facts.classes, file)
            if self._is_other(file, remote, sha256):
                stem = remote.name.removesuffix(".gz")
                warnings.append(f"{file} is not the published {stem}: its sha256 is {sha256}")
            arrays.append(array)
        train_images, train_labels, test_images, test_labels = arrays
        return assemble(
            facts,
            (train_images.reshape(-1, *facts.shape), train_labels),
            (test_images.reshape(-1, *facts.shape), test_labels),
            tuple(warnings),
        )

    def find(self, folder: Path) -> tuple[Path, ...] | None:
        """The four files, from one place in the data directory; None when no place has them all."""
        for name in self.folders:
            found = [self._in_place(folder, name, file) for file in self.files]
            if None not in found:
                return tuple(file for file in found if file is not None)
        return None

    def _in_place(self, folder: Path, name: str, file: Remote) -> Path | None:
        stem = file.name.removesuffix(".gz")
        return next(iter(place.find(folder, [name], [[stem], [file.name]])), None)

    def _download(
        self, folder: Path, mirrors: Sequence[str], report: Callable[[str], None]
    ) -> tuple[Path, ...]:
        """Complete the first folder."""
        first = self.folders[0]
        missing = [file for file in self.files if not self._in_place(folder, first, file)]
        lacking = []
        for name in self.folders:
            absent = [file for file in self.files if not self._in_place(folder, name, file)]
            if 0 < len(absent) < len(self.files):
                lacking.append(place.lacks(folder / name, [file.name for file in absent]))
        place.download(self.name, folder, first, missing, mirrors, report, lacking)
        files = self.find(folder)
        if files is None:
            raise DataError(
                f"files of {self.name} vanished from {folder / first} while it was read",
                code="LT305",
                hint="start again, and let no other program change that folder meanwhile",
            )
        return files

    def _is_other(self, file: Path, remote: Remote, sha256: str) -> bool:
        """Whether a file is not the published one, as far as one can know."""
        if self.content:
            return sha256 != self.content[remote.name.removesuffix(".gz")]
        return place.md5(place.content(file, remote.size)) != remote.md5


def shapes(facts: Facts) -> tuple[tuple[int, ...], ...]:
    """Axes of the four files."""
    pixels = facts.shape[1:]
    return (facts.train, *pixels), (facts.train,), (facts.test, *pixels), (facts.test,)
