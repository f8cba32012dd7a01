"""Takes a folder of images, one folder a class; gives what a plan needs to know, from names alone.

The layout: ``train/CLASS/*.jpg`` and ``test/CLASS/*.jpg`` (or ``val``, where there is no ``test``),
with ``.jpg``, ``.jpeg`` and ``.png`` in any case of letters. Classes are numbered in the order of
their names, by code points. Nothing is decoded here, and numpy is not loaded.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from ltspec.data.facts import FACTS, IMAGENET_MEAN, IMAGENET_STD, Facts
from ltspec.data.opening import PAGE, no_file, unreadable
from ltspec.errors import DataError

SUFFIXES = (".jpg", ".jpeg", ".png")
VERSION = 2
"""Of the reader: of how images are cut, scaled and normalised. 2 reads as 1 did; what was stored
with 1 may have been trained at the size of another point of a sweep."""
LAYOUT = "put images into train/CLASS/ and test/CLASS/, a folder a class"
IMAGENET = "imagenet"
IMAGENET_PLACES = ("imagenet", "ILSVRC2012", ".")
"""Where in the data directory ImageNet's ``train`` and ``val`` are looked for."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Names of all images of a folder."""

    folder: Path
    test_name: str
    """What the folder for testing is called: ``test`` or ``val``."""
    classes: tuple[str, ...]
    """Sorted."""
    train: tuple[tuple[str, ...], ...]
    """Names of the files of each class, sorted."""
    test: tuple[tuple[str, ...], ...]
    left_out: tuple[str, ...]
    """Files that are no images by their name, relative to the folder; hidden ones are not said."""

    def paths(self, split: str) -> list[str]:
        """Of all images of ``train`` or of ``test``, relative to the folder: class by class."""
        name, files = ("train", self.train) if split == "train" else (self.test_name, self.test)
        return [
            f"{name}/{class_}/{file}"
            for class_, of_class in zip(self.classes, files, strict=True)
            for file in of_class
        ]


def scan(folder: Path, test_names: tuple[str, ...] = ("test", "val")) -> Listing:
    """List a folder of images; the first of ``test_names`` that is there is for testing.

    Raises DataError: LT305 when a folder is missing or cannot be read, LT306 when the classes of
    the two splits are not the same, or one has no image.
    """
    if not os.path.isdir(folder):  # noqa: PTH112  (a Path raises where it cannot look)
        raise DataError(f"there is no folder {folder}", code="LT305", hint=LAYOUT)
    folders = {name for name, is_folder in _entries(folder) if is_folder}
    test_name = next((name for name in test_names if name in folders), None)
    if test_name is None or "train" not in folders:
        lacking = "train" if test_name is not None else " or ".join(test_names)
        raise DataError(f"{folder} has no folder {lacking}", code="LT305", hint=LAYOUT)
    left_out: list[str] = []
    train = _classes(folder, "train", left_out)
    test = _classes(folder, test_name, left_out)
    for has, lacks, there in ((train, test, test_name), (test, train, "train")):
        if missing := sorted(set(has) - set(lacks)):
            raise DataError(
                f"{folder / there} has no class folder {missing[0]}"
                + (f", and {len(missing) - 1} more are missing" if len(missing) > 1 else ""),
                code="LT306",
                hint="both splits need a folder of each class",
            )
    if len(train) < 2:
        raise DataError(
            f"{folder / 'train'} has {len(train)} class folders, and needs two",
            code="LT306",
            hint=LAYOUT,
        )
    classes = tuple(sorted(train))
    return Listing(
        folder,
        test_name,
        classes,
        tuple(train[class_] for class_ in classes),
        tuple(test[class_] for class_ in classes),
        tuple(left_out),
    )


def _classes(folder: Path, split: str, left_out: list[str]) -> dict[str, tuple[str, ...]]:
    """Sorted names of the images of each class of one split."""
    found: dict[str, tuple[str, ...]] = {}
    for class_, is_folder in _entries(folder / split):
        if not is_folder:
            left_out.append(f"{split}/{class_}")
            continue
        images = []
        for name, is_inner in _entries(folder / split / class_):
            if not is_inner and name.lower().endswith(SUFFIXES):
                images.append(name)
            else:
                left_out.append(f"{split}/{class_}/{name}")
        if not images:
            raise DataError(
                f"the class folder {folder / split / class_} has no image",
                code="LT306",
                hint=f"images end in {', '.join(SUFFIXES)}; remove the folder where it is no class",
            )
        found[class_] = tuple(images)
    return found


def _entries(folder: Path) -> list[tuple[str, bool]]:
    """Name, and whether it is a folder, of everything in a folder that is not hidden, sorted."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                (entry.name, entry.is_dir()) for entry in entries if not entry.name.startswith(".")
            )
    except OSError as error:
        raise unreadable(folder, error) from error


def identity(listing: Listing) -> str:
    """16 hexadecimal digits over the relative name and the size of every image.

    Enough to tell two data sets apart at planning; that their bytes stay the same is watched over
    by the fingerprint that is kept in the store.
    """
    digest = hashlib.sha256()
    for split in ("train", "test"):
        for path in listing.paths(split):
            try:
                found = (listing.folder / path).stat()
            except OSError as error:
                raise unreadable(listing.folder / path, error) from error
            if not stat.S_ISREG(found.st_mode):  # a pipe would keep a reader waiting for ever
                raise no_file(listing.folder / path)
            digest.update(f"{path}\0{found.st_size}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def usual_shorter_side(size: int) -> int:
    """8/7 of the network's size, rounded: 256 pixels for 224, as is usual for ImageNet."""
    return (16 * size + 7) // 14


def facts_of(listing: Listing, size: int, shorter_side: int | None) -> Facts:
    """Facts of a listed folder. Its name, which is part of every key, says what is in it."""
    return Facts(
        name=_name(f"folder-{identity(listing)}", size, shorter_side),
        version=VERSION,
        train=sum(map(len, listing.train)),
        test=sum(map(len, listing.test)),
        shape=(3, size, size),
        classes=len(listing.classes),
        top=255,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )


@lru_cache(maxsize=8)
def folder_facts(folder: Path, size: int, shorter_side: int | None) -> Facts:
    """Facts of a folder of images, for a plan: listed once, however many rules ask.

    Raises DataError as :func:`scan`.
    """
    return facts_of(scan(folder), size, shorter_side)


def imagenet_facts(size: int, shorter_side: int | None) -> Facts:
    """Facts of ImageNet, which need no files."""
    name = _name(IMAGENET, size, shorter_side)
    return replace(FACTS[IMAGENET], name=name, shape=(3, size, size))


def find_imagenet(data: Path | None) -> Listing:
    """ImageNet in the data directory. Raises DataError (LT305, LT306) as :func:`scan`, and when
    the classes or counts are not those of ILSVRC 2012."""
    hint = (
        "ImageNet is given out at image-net.org for research: put train/n01440764/*.JPEG and so on "
        f"and val/n01440764/*.JPEG and so on into {data or 'the data directory'}/imagenet; {PAGE}"
    )
    if data is None:
        raise DataError("imagenet needs a data directory", code="LT305", hint=hint)
    places = (data / name for name in IMAGENET_PLACES)
    found = next((place for place in places if os.path.isdir(place / "val")), None)  # noqa: PTH112
    if found is None:
        raise DataError(f"imagenet is not in {data}", code="LT305", hint=hint)
    listing, known = scan(found, ("val",)), FACTS[IMAGENET]
    for what, there, expected in (
        ("classes", len(listing.classes), known.classes),
        ("training images", sum(map(len, listing.train)), known.train),
        ("validation images", sum(map(len, listing.test)), known.test),
    ):
        if there != expected:
            raise DataError(
                f"{found} has {there:,} {what}, and ImageNet has {expected:,}",
                code="LT306",
                hint="complete it, or read it as it is with `name: folder` and its path",
            )
    return listing


def is_folder(name: str) -> bool:
    """Whether a data set of a plan is a folder of images, by its name."""
    return name.startswith("folder-")


def _name(name: str, size: int, shorter_side: int | None) -> str:
    """The size itself is part of the network, and so of every key."""
    usual = usual_shorter_side(size)
    return name if shorter_side in (None, usual) else f"{name}-{shorter_side}"


def shorter_side_of(name: str) -> int | None:
    """To how many pixels the data set that a plan calls ``name`` scales the shorter side of an
    image; None where that is usual for the size that the network takes."""
    parts = name.split("-")[1 if name.startswith(IMAGENET) else 2 :]
    return int(parts[0]) if parts else None
