"""Takes facts and arrays; gives the bytes of the two files of a record, and reads them back.

``facts.json`` is canonical JSON: the facts, where the record belongs, the sha256 of the arrays and
one of itself. The arrays are a safetensors file. Equal content gives equal bytes, and nothing is
ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from ltspec.decisions.state import Array, Arrays

FACTS, ARRAYS = "facts.json", "arrays.safetensors"
"""Names of the two files of a result."""

DTYPES = ("bool", "uint8", "int32", "int64", "float32", "float64")
"""The types of array that a store holds."""

Facts = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Result:
    """What a stage gave, or a checkpoint of it."""

    facts: dict[str, Any]
    """Equal to what was written; JSON data."""
    arrays: dict[str, Array]
    """By name, in the order of the names; the reader's own copy."""


class DamagedError(Exception):
    """What lies there is not what was written."""


def canonical(content: Any) -> bytes:
    """JSON data as text that is the same for equal data; whole and other numbers stay apart.

    Raises ValueError or TypeError for data that JSON would not give back: NaN, infinity, keys
    that are not text, tuples, numpy's types.
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    if json.loads(text) != content:
        raise ValueError("only lists, and dictionaries with text as keys, can be kept as JSON")
    return text.encode()


def pack(title: Facts, facts: Facts, arrays: Arrays) -> tuple[bytes, bytes]:
    """The bytes of both files, arrays first. ``title`` says where the record belongs.

    Raises ValueError or TypeError for what cannot be kept.
    """
    # More than one metadata key would be written in any order.
    packed_arrays = packed(arrays, {"ltspec": canonical(title).decode()})
    record = {**title, "arrays": hash_of(packed_arrays), "facts": dict(facts)}
    return packed_arrays, canonical({**record, "sha256": hash_of(canonical(record))})


def packed(arrays: Arrays, metadata: dict[str, str] | None = None) -> bytes:
    """The bytes of a safetensors file, arrays as they lie in ``arrays``, little-endian, row-major.

    Raises TypeError for a type that a store does not hold.
    """
    plain: dict[str, Array] = {}
    for name, array in arrays.items():
        if array.dtype.name not in DTYPES:
            raise TypeError(f"{name!r} is {array.dtype}; a store holds {', '.join(DTYPES)}")
        little = array.dtype.newbyteorder("<")
        plain[name] = np.asarray(array).astype(little, order="C", copy=False)
    return safetensors.numpy.save(plain, metadata)


def load_facts(folder: Path, title: Facts) -> tuple[dict[str, Any], str]:
    """Verified facts, and the sha256 that the arrays must have.

    ``title`` is what the record must say of itself. Raises DamagedError.
    """
    try:
        data = (folder / FACTS).read_bytes()
        record = json.loads(data)
        digest = record.pop("sha256")
        # The text itself is compared too: it is canonical, so no bit of it is free.
        if hash_of(canonical(record)) != digest or canonical({**record, "sha256": digest}) != data:
            raise DamagedError(f"{FACTS} has another hash")
        if any(record[name] != value for name, value in title.items()):
            raise DamagedError(f"{FACTS} belongs elsewhere")
        return record["facts"], record["arrays"]
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise DamagedError(f"{FACTS} is missing") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DamagedError(f"{FACTS} cannot be read as JSON of a result") from None


def load(folder: Path, title: Facts, arrays_name: str = "{sha256}.safetensors") -> Result:
    """Verified facts and arrays; a checkpoint's arrays are named by their hash.

    Raises DamagedError.
    """
    facts, sha256 = load_facts(folder, title)
    name = arrays_name.format(sha256=sha256)
    try:
        data = (folder / name).read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise DamagedError(f"{name} is missing") from None
    if hash_of(data) != sha256:
        raise DamagedError(f"{name} has another hash")
    try:
        arrays = safetensors.numpy.load(data)
    except safetensors.SafetensorError as error:
        raise DamagedError(f"{name}: {error}") from None
    return Result(facts, {key: arrays[key] for key in sorted(arrays)})


def load_result(folder: Path, title: Facts) -> Result:
    """Likewise, of a result, whose arrays have a fixed name."""
    return load(folder, title, ARRAYS)


def hash_of(data: bytes) -> str:
    """sha256 as hexadecimal."""
    return hashlib.sha256(data).hexdigest()
