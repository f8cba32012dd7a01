"""Takes numpy arrays; gives tensors on a device, and back. Data goes there once, as bytes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from ltspec.engine.backend import Array, Arrays, Graph, Split


@contextmanager
def memory_errors() -> Iterator[None]:
    """Give what torch raises when the memory of a device runs out as MemoryError."""
    try:
        yield
    except RuntimeError as error:  # of the CPU's allocator it is no class of its own
        said = str(error)
        if any(words in said for words in ("out of memory", "enough memory", "allocate memory")):
            raise MemoryError(said.splitlines()[0]) from None
        raise


class DeviceSplit:
    """One split on a device: images as bytes, normalised batch by batch."""

    def __init__(self, split: Split, device: torch.device, dtype: torch.dtype) -> None:
        self._images = shared(split.images, device)
        # Cross-entropy wants 64-bit labels; converting them once is cheaper than at each step.
        self._labels = shared(split.labels, device).long()
        self._scale = shared(split.scale, device).to(dtype)[:, None, None]
        self._shift = shared(split.shift, device).to(dtype)[:, None, None]
        self._dtype = dtype

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Images * scale + shift and labels of the examples ``indices``."""
        images = self._images.index_select(0, indices).to(self._dtype)
        return (
            torch.addcmul(self._shift, images, self._scale),
            self._labels.index_select(0, indices),
        )


class Shelf:
    """What is on a device. A split stays there for as long as someone holds the Split itself."""

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self._device, self._dtype = device, dtype
        self._splits: WeakKeyDictionary[Split, DeviceSplit] = WeakKeyDictionary()

    def split(self, split: Split) -> DeviceSplit:
        """``split`` on the device; sent there at the first call."""
        if split not in self._splits:
            self._splits[split] = DeviceSplit(split, self._device, self._dtype)
        return self._splits[split]

    def tensors(self, graph: Graph, arrays: Arrays) -> list[Tensor]:
        """Copies of ``arrays`` in graph order."""
        return [self.tensor(arrays[parameter.name]) for parameter in graph.parameters]

    def tensor(self, array: Array) -> Tensor:
        """A copy of ``array``, never the same memory."""
        return torch.tensor(array, dtype=self._dtype, device=self._device)


def shared(array: Array, device: torch.device) -> Tensor:
    """``array`` on the device; on the CPU the same memory, and nothing here writes to it."""
    with warnings.catch_warnings():
        # Data sets are read-only, and torch warns that it knows no tensors of that kind.
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return torch.from_numpy(array).to(device)


def arrays_of(graph: Graph, tensors: Iterable[Tensor]) -> Mapping[str, Array]:
    """Tensors in graph order as arrays that own their memory, by name."""
    return {
        parameter.name: np.array(tensor.detach().cpu().numpy())
        for parameter, tensor in zip(graph.parameters, tensors, strict=True)
    }
