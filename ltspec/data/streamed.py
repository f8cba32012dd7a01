"""Takes a listed folder of images; gives its splits, whose images are decoded when they are due."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ltspec.data.dataset import Labels, Split, as_labels, normalisation
from ltspec.data.facts import Facts
from ltspec.data.folder import Listing, facts_of, find_imagenet, scan, usual_shorter_side
from ltspec.data.opening import unreadable
from ltspec.errors import DataError

SAMPLED = 256
"""Images whose bytes are part of a fingerprint, evenly spread over the folder."""


@dataclass(frozen=True, eq=False)
class StreamedSplit:
    """One split of a folder of images. It holds names and labels, and no pixel."""

    folder: Path
    files: tuple[str, ...]
    """(example,): relative to the folder."""
    labels: Labels
    """(example,), from 0 to classes - 1."""
    size: int
    """Height and width that a network gets, in pixels."""
    shorter_side: int
    """To how many pixels an image's shorter side is scaled where its middle is taken."""
    scale: NDArray[np.float32]
    """(channel,), as in :class:`Split`."""
    shift: NDArray[np.float32]
    """(channel,), as in :class:`Split`."""

    def __len__(self) -> int:
        return len(self.files)

    def path(self, index: int) -> str:
        """Where an image is."""
        return f"{self.folder}/{self.files[index]}"

    def decode(
        self, indices: NDArray[np.integer], boxes: NDArray[np.float32] | None = None
    ) -> NDArray[np.uint8]:
        """Images (example, 3, size, size) of the examples ``indices``, decoded here and now.

        ``boxes``, (example, 4), choose the part of each (``Tape.boxes``); without, the middle is
        taken. :class:`ltspec.data.readers.Readers` does the same in several processes. Raises
        DataError (LT305, LT306) that names the file.
        """
        from ltspec.data import images  # Pillow is slow to import, and readers do this elsewhere

        decoded = np.empty((len(indices), 3, self.size, self.size), np.uint8)
        for place, index in enumerate(indices):
            draws = None if boxes is None else boxes[place]
            decoded[place] = images.decode(self.path(index), self.size, self.shorter_side, draws)
        return decoded

    def piece(self, indices: NDArray[np.integer], decoded: NDArray[np.uint8]) -> Split:
        """The decoded images of the examples ``indices`` as a split in memory, in this order."""
        return Split(decoded, self.labels[indices], self.scale, self.shift)


@dataclass(frozen=True, eq=False)
class Folder:
    """A data set that is streamed; what :class:`Dataset` is to one in memory."""

    facts: Facts
    train: StreamedSplit
    test: StreamedSplit
    fingerprint: str
    """sha256 over the names of all images, and the bytes of :data:`SAMPLED` of them."""
    warnings: tuple[str, ...] = ()
    """What a person should know, for example of files that are left out."""


def read_folder(name: str, folder: Path, size: int, shorter_side: int | None) -> Folder:
    """Open the folder of images that a plan calls ``name``. Raises DataError: LT305 and LT306 as
    :func:`scan`, LT307 when it is not the folder any more that the plan was made for."""
    listing = scan(folder)
    facts = facts_of(listing, size, shorter_side)
    if facts.name != name:
        raise DataError(
            f"{folder} is not as it was when the plan was made: names or sizes of images differ",
            code="LT307",
            hint="plan again: it is another data set, with results of its own",
        )
    return _opened(facts, listing, shorter_side)


def read_imagenet(facts: Facts, data: Path | None, shorter_side: int | None) -> Folder:
    """Open ImageNet in the data directory. Raises DataError as :func:`find_imagenet`."""
    return _opened(facts, find_imagenet(data), shorter_side)


def _opened(facts: Facts, listing: Listing, shorter_side: int | None) -> Folder:
    size = facts.shape[1]
    scale, shift = normalisation(facts)

    def split(name: str, files: tuple[tuple[str, ...], ...]) -> StreamedSplit:
        labels = np.repeat(np.arange(facts.classes), [len(of_class) for of_class in files])
        return StreamedSplit(
            listing.folder,
            tuple(listing.paths(name)),
            as_labels(labels, facts.classes),
            size,
            shorter_side or usual_shorter_side(size),
            scale,
            shift,
        )

    train, test = split("train", listing.train), split("test", listing.test)
    warnings: tuple[str, ...] = ()
    if count := len(listing.left_out):
        example = listing.left_out[0]
        warnings = (f"{listing.folder}: {count:,} files that are no images, as {example}",)
    return Folder(facts, train, test, _fingerprint(train, test), warnings)


def _fingerprint(train: StreamedSplit, test: StreamedSplit) -> str:
    digest = hashlib.sha256()
    for split in (train, test):
        digest.update("\n".join(split.files).encode(errors="surrogateescape"))
        count = min(len(split), SAMPLED // 2)
        for number in range(count):
            file = Path(split.path(number * len(split) // count))
            try:
                digest.update(hashlib.sha256(file.read_bytes()).digest())
            except OSError as error:
                raise unreadable(file, error) from error
    return digest.hexdigest()
