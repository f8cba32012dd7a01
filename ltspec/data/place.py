"""Takes a data directory; gives where in it a published data set lies, downloaded when it is not.

What all published data sets share, whatever their format: they are looked for in a few folders,
what is missing is downloaded into the first of them, and errors say what to put where by hand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ltspec.data.download import Remote, fetch
from ltspec.data.opening import PAGE, unreadable
from ltspec.errors import DataError


def find(folder: Path, places: Sequence[str], choices: Sequence[Sequence[str]]) -> list[Path]:
    """The files of the first choice that is whole in one of the ``places`` within ``folder``.

    A choice is a list of names; what comes first is preferred, place before choice. Empty when
    none is whole. Raises DataError (LT305) when a place cannot be looked into.
    """
    for place in places:
        for names in choices:
            files = [folder / place / name for name in names]
            try:
                if all(file.is_file() for file in files):
                    return files
            except OSError as error:
                raise unreadable(folder / place, error) from error
    return []


def lacking(folder: Path, places: Sequence[str], choices: Sequence[Sequence[str]]) -> list[str]:
    """A few words on each choice of :func:`find` that is partly there: what it lacks."""
    said = []
    for place in places:
        for names in choices:
            files = [folder / place / name for name in names]
            absent = [file for file in files if not file.is_file()]
            if 0 < len(absent) < len(files):  # another process may have put them there just now
                said.append(lacks(absent[0].parent, [file.name for file in absent]))
    return said


def lacks(folder: Path, names: Sequence[str]) -> str:
    """A few words on files that are missing where others of their data set are."""
    return f"{folder} lacks {', '.join(names)}"


def needed(name: str, folder: Path | None) -> Path:
    """The data directory. Raises DataError (LT305) when there is none."""
    if folder is None:
        raise DataError(
            f"{name} needs a data directory, and none was given",
            code="LT305",
            hint=f"name one with --data or LTSPEC_DATA; {PAGE}",
        )
    return folder


def download(
    name: str,
    folder: Path,
    place: str,
    files: Sequence[Remote],
    mirrors: Sequence[str],
    report: Callable[[str], None],
    lacking: Sequence[str] = (),
) -> None:
    """Put ``files`` into ``place`` of the data directory ``folder``.

    ``lacking`` says what is partly there (:func:`lacks`); it is told first, so that somebody who
    has the rest can stop the download. Raises DataError (LT305), with the hint of :func:`fetch`.
    """
    for words in lacking:
        report(words)
    try:
        fetch(files, folder / place, mirrors, report)
    except DataError as error:
        if lacking:
            there = f"{'; '.join(lacking)}; {name}"
            hint = f"put what is missing where the rest is; or {error.hint}"
        else:
            there, hint = f"{name} is not in {folder} and", error.hint
        raise DataError(
            f"{there} could not be downloaded: {error.message}", code=error.code, hint=hint
        ) from error


def content(file: Path, limit: int) -> bytes:
    """What is in a file; at most ``limit`` + 1 bytes, so that a caller sees when it is too long.

    Raises DataError (LT305) when it cannot be read.
    """
    try:
        with file.open("rb") as stream:
            return stream.read(limit + 1)
    except OSError as error:
        raise unreadable(file, error) from error


def md5(data: bytes) -> str:
    """The MD5 that data sets are published with; it tells damage, and keeps out nobody."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


DELETE = "delete it, and it will be downloaded again"


def damaged(file: Path | str, what: str, remedy: str = DELETE) -> DataError:
    """A file that does not hold what it should (LT306). ``remedy`` says what comes of deleting it,
    where that is more than the file itself."""
    return DataError(f"{file} {what}", code="LT306", hint=f"{remedy}; {PAGE}")


def refuse_strange_labels(
    labels: NDArray[np.uint8], classes: int, file: Path | str, remedy: str = DELETE
) -> None:
    """Raises DataError (LT306) where a label is not one of ``classes``."""
    if labels.max() >= classes:
        raise damaged(
            file,
            f"has a label {labels.max()} (example {labels.argmax()}); "
            f"labels go from 0 to {classes - 1}",
            remedy,
        )


def others(folder: Path, names: Sequence[str]) -> tuple[str, ...]:
    """The warning that files which were put there by hand are not the published ones."""
    if not names:
        return ()
    listed = ", ".join(names)
    are = "is not the published file" if len(names) == 1 else "are not the published files"
    return (f"{folder}: {listed} {are}: another MD5",)
