"""Takes nothing; gives scikit-learn's bundled digits: a real data set that needs no network.

Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998; the
1,797 scans that scikit-learn ships, with pixels from 0 to 16.
"""

from __future__ import annotations

import gzip
import importlib.util
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ltspec.data.dataset import Dataset, Pair, assemble
from ltspec.data.facts import Facts
from ltspec.errors import DataError

FINGERPRINT = "943b6a979b60f340602a9843458d4ce1879d9eaee164d2db69bdf271bb3c0bdc"
"""Of the digits as scikit-learn ships them."""


def read(facts: Facts, folder: Path | None, report: Callable[[str], None]) -> Dataset:
    """The digits. They lie within scikit-learn: ``folder`` is not looked into, nothing is loaded.

    Every fifth example (number 4, 9, ... from 0, in scikit-learn's order) is for testing, the rest
    for training. Raises DataError: LT305 when scikit-learn is missing, LT306 when its file is
    damaged.
    """
    table = _table()
    if table.ndim != 2 or table.shape[1] != 65:
        raise DataError(
            f"digits: scikit-learn gives a table of shape {table.shape}, not (1797, 65)",
            code="LT306",
        )
    if not np.all((table >= 0) & (table <= 255) & (table == np.floor(table))):  # no NaN passes
        raise DataError("digits: scikit-learn gives values that are not bytes", code="LT306")
    images = table[:, :64].astype(np.uint8).reshape(-1, 1, 8, 8)
    labels = table[:, 64].astype(np.uint8)
    testing = np.arange(len(table)) % 5 == 4
    train: Pair = (images[~testing], labels[~testing])
    test: Pair = (images[testing], labels[testing])
    dataset = assemble(facts, train, test)
    if dataset.fingerprint == FINGERPRINT:
        return dataset
    return assemble(
        facts, train, test, ("digits: this scikit-learn's copy is not the one that ltspec knows",)
    )


def _table() -> NDArray[np.float64]:
    """(example, 64 pixels and the label), read without importing scikit-learn where possible."""
    spec = importlib.util.find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise DataError(
            "the digits come with scikit-learn, which is not installed",
            code="LT305",
            hint="pip install scikit-learn",
        )
    # Importing scikit-learn takes over a second; the table is a file inside of it.
    for place in spec.submodule_search_locations:
        file = Path(place, "datasets", "data", "digits.csv.gz")
        if file.is_file():
            return _read_table(file)
    return _load_table()


def _read_table(file: Path) -> NDArray[np.float64]:
    try:
        with gzip.open(file, "rt", encoding="ascii") as stream:
            lines = stream.readlines()
        if not lines:
            raise ValueError("it is empty")
        return np.loadtxt(lines, delimiter=",", ndmin=2)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(
            f"{file} is damaged: {error}",
            code="LT306",
            hint="install scikit-learn again",
        ) from error


def _load_table() -> NDArray[np.float64]:
    """By scikit-learn's own function, should it keep the file elsewhere one day."""
    try:
        from sklearn.datasets import load_digits

        digits = load_digits()
    except (ImportError, OSError) as error:
        raise DataError(
            f"scikit-learn does not give the digits: {error}",
            code="LT305",
            hint="install scikit-learn again",
        ) from error
    table: NDArray[np.float64] = np.column_stack([digits.data, digits.target])
    return table
