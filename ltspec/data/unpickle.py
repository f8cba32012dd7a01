"""Takes the bytes of a pickle; gives its mapping, without ever running what the pickle asks for.

A pickle is a program: loading one may run anything. The python layout of CIFAR needs mappings,
lists, text, numbers and arrays of bytes; arrays are collected by stand-ins here, so not even numpy
is called, and a pickle that names anything else is refused.
"""

from __future__ import annotations

import io
import math
import pickle
from typing import Any

import numpy as np
from numpy.typing import NDArray


class RefusedError(Exception):
    """It is no pickle of mappings, lists, text, numbers and arrays of bytes; says why."""


class PickledArray:
    """Stands in for an array of a pickle: what the pickle says of it."""

    def __init__(self, *_: Any) -> None:
        self.shape: tuple[int, ...] = ()
        self.dtype: Any = None
        self.data: Any = b""

    def __setstate__(self, state: Any) -> None:
        _, self.shape, self.dtype, in_columns, self.data = state
        if in_columns and len(self.shape) > 1:
            raise RefusedError("has an array that is stored by columns")

    def read(self) -> NDArray[np.uint8]:
        """The array. Raises RefusedError when it does not hold bytes, or not as many as it says."""
        if not isinstance(self.dtype, _Type) or self.dtype.name not in ("u1", b"u1"):
            raise RefusedError("has an array that does not hold bytes")
        shape = self.shape
        if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
            raise RefusedError("has an array without a shape")
        if not isinstance(self.data, bytes) or len(self.data) != math.prod(shape):
            raise RefusedError(f"has an array of shape {shape} with other than so many bytes")
        return np.frombuffer(self.data, np.uint8).reshape(shape)


class _Type:
    """Stands in for ``numpy.dtype``; byte order and the like say nothing of bytes."""

    def __init__(self, name: Any, *_: Any) -> None:
        self.name = name

    def __setstate__(self, state: Any) -> None:
        pass


_STANDINS: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): PickledArray,
    ("numpy._core.multiarray", "_reconstruct"): PickledArray,
    ("numpy", "ndarray"): PickledArray,
    ("numpy", "dtype"): _Type,
}


# The one in Python: in that of C, a pickle of a few bytes can ask for any amount of memory.
class _Unpickler(pickle._Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _STANDINS[module, name]
        except KeyError:
            raise RefusedError(f"asks for {module}.{name}, which such a file does not need") from (
                None
            )

    def persistent_load(self, pid: Any) -> Any:
        raise RefusedError("points to something outside of it")


def mapping(content: bytes) -> dict[str, Any]:
    """The mapping in ``content``, its keys as text, its arrays as :class:`PickledArray`.

    Raises RefusedError for anything else.
    """
    try:
        found = _Unpickler(io.BytesIO(content), encoding="bytes").load()
    except RefusedError:
        raise
    except Exception as error:  # a damaged pickle may provoke any exception
        raise RefusedError(f"is not a whole pickle: {type(error).__name__}: {error}") from error
    if not isinstance(found, dict):
        raise RefusedError(f"holds a {type(found).__name__} and not a mapping")
    return {
        key.decode("latin-1") if isinstance(key, bytes) else str(key): value
        for key, value in found.items()
    }
