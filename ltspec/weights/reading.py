"""Takes a safetensors file and names of tensors in it; gives these as float32, and the hash of all
bytes that were read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ltspec.decisions.state import Array
from ltspec.errors import WeightsError
from ltspec.tickets.container import Tensor
from ltspec.weights.header import header_of, named, opened, shown
from ltspec.weights.naming import FLOATS


def read_arrays(file: Path, wanted: Collection[str]) -> tuple[dict[str, Array], str]:
    """The tensors ``wanted``, as they lie in the file, in float32; and the sha256 of the file.

    Half precisions become float32 without a loss, float64 is rounded to the nearest. Raises
    WeightsError: LT285 where the file cannot be read, LT286 where it is damaged or an entry is not
    finite in float32, LT287 where a tensor is not there or is not of floating-point numbers; the
    message names the file.
    """
    with opened(file) as stream:
        return named(file, lambda: _arrays(stream, wanted))


def _arrays(stream: BinaryIO, wanted: Collection[str]) -> tuple[dict[str, Array], str]:
    header = header_of(stream)
    for name in wanted:
        tensor = header.tensors.get(name)
        if tensor is None or tensor.dtype not in FLOATS:
            raise WeightsError(f"it has no weights named {shown(name)}", code="LT287")
    digest = hashlib.sha256(header.head)
    stream.seek(len(header.head))
    found = {}
    for tensor in header.tensors.values():
        data = stream.read(tensor.end - tensor.begin)
        if len(data) != tensor.end - tensor.begin:
            raise WeightsError(f"it ends within {shown(tensor.name)}", code="LT286")
        digest.update(data)
        if tensor.name in wanted:
            found[tensor.name] = in_float32(tensor, data)
    return found, digest.hexdigest()


def in_float32(tensor: Tensor, data: bytes) -> Array:
    """One tensor's bytes as numbers. Raises WeightsError (LT286) where one is not finite."""
    with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite, and is refused
        array = _as_written(tensor.dtype, data).astype(np.float32).reshape(tensor.shape)
    if not np.isfinite(array).all():
        raise WeightsError(
            f"an entry of {shown(tensor.name)} is not finite in float32", code="LT286"
        )
    return array


def _as_written(dtype: str, data: bytes) -> Array:
    if dtype == "BF16":  # the upper half of a float32
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(data, {"F16": "<f2", "F32": "<f4", "F64": "<f8"}[dtype])
