"""Takes the name of a data set and the data directory; gives the Dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ltspec.data import cifar, digits, fashion_mnist, mnist, svhn
from ltspec.data.dataset import Dataset
from ltspec.data.facts import FACTS, Facts, is_streamed
from ltspec.data.folder import imagenet_facts, is_folder, shorter_side_of
from ltspec.data.streamed import Folder, read_folder, read_imagenet
from ltspec.errors import DataError

Report = Callable[[str], None]
Reader = Callable[[Facts, Path | None, Report], Dataset]

READERS: Mapping[str, Reader] = {
    "cifar10": cifar.CIFAR10.read,
    "cifar100": cifar.CIFAR100.read,
    "digits": digits.read,
    "fashion-mnist": fashion_mnist.read,
    "mnist": mnist.read,
    "svhn": svhn.read,
}
"""How each data set of :data:`ltspec.data.facts.FACTS` is read."""


def is_in_data_folder(name: str) -> bool:
    """Whether the data set that a plan calls ``name`` lies in the data directory: the digits come
    with a package, and a folder of images has a path of its own."""
    return name != "digits" and not is_folder(name)


def read(
    name: str, written: Mapping[str, Any], size: int, folder: Path | None, report: Report
) -> Dataset | Folder:
    """Open the data set that a plan calls ``name``; ``written`` is the section ``data`` of its
    spec, which says where a folder of images is. Images that are decoded get the ``size`` of the
    network, which may be another one at each point of a sweep.

    Raises DataError as :func:`load`, and LT307 where a folder is not as it was at planning.
    """
    if not is_streamed(name):
        return load(name, folder, report)
    shorter_side = shorter_side_of(name)
    if not is_folder(name):
        return read_imagenet(imagenet_facts(size, shorter_side), folder, shorter_side)
    return read_folder(name, Path(written["path"]), size, shorter_side)


def load(name: str, folder: Path | None, report: Report = lambda text: None) -> Dataset:
    """Read a data set, downloading it into ``folder`` when it is not there.

    ``folder`` is the data directory; None when there is none, which is enough for ``digits``.
    ``report`` is told of each download, in one sentence; every warning is in the Dataset itself.
    Raises DataError: LT305 when files are missing and no mirror gives them, LT306 when what was
    read is damaged or is another data set.
    """
    reader = READERS.get(name)
    if reader is None:
        raise DataError(
            f"no data set is named {name!r}",
            code="LT305",
            hint=f"there are {', '.join(READERS)}",
        )
    return reader(FACTS[name], folder, report)
