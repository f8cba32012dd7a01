"""Takes the name of a data set and the data directory; gives the Dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ltspec.data import digits, mnist
from ltspec.data.dataset import Dataset
from ltspec.data.facts import FACTS, Facts
from ltspec.errors import DataError

Report = Callable[[str], None]
Reader = Callable[[Facts, Path | None, Report], Dataset]

READERS: Mapping[str, Reader] = {
    "digits": digits.read,
    "mnist": mnist.read,
}
"""How each data set of :data:`ltspec.data.facts.FACTS` is read."""


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
