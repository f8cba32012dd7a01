"""Takes numpy arrays; gives tensors on a device, and back. Data goes there once, as bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import tensorflow as tf

from ltspec.engine.backend import Array, Arrays, Graph, Masks, Split


@contextmanager
def memory_errors() -> Iterator[None]:
    """Give what TensorFlow raises when the memory of a device runs out as MemoryError."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise MemoryError(error.message.splitlines()[0]) from None


class DeviceSplit(NamedTuple):
    """One split on a device. A tuple, so that compiled programs take it as an argument."""

    images: tf.Tensor
    """(example, channel, height, width), bytes."""
    labels: tf.Tensor
    """(example,), int32."""
    scale: tf.Tensor
    shift: tf.Tensor
    """(channel, 1, 1), in the precision of the run."""

    def batch(self, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Images * scale + shift and labels of the examples ``indices``."""
        images = tf.cast(tf.gather(self.images, indices), self.scale.dtype)
        return images * self.scale + self.shift, tf.gather(self.labels, indices)


class Shelf:
    """What is on a device. A split stays there for as long as someone holds the Split itself."""

    def __init__(self, dtype: tf.DType) -> None:
        self._dtype = dtype
        self._splits: WeakKeyDictionary[Split, DeviceSplit] = WeakKeyDictionary()

    def split(self, split: Split) -> DeviceSplit:
        """``split`` on the device; sent there at the first call."""
        if split not in self._splits:
            self._splits[split] = DeviceSplit(
                tf.constant(split.images),
                tf.constant(split.labels, tf.int32),
                self.tensor(split.scale[:, None, None]),
                self.tensor(split.shift[:, None, None]),
            )
        return self._splits[split]

    def tensors(self, graph: Graph, arrays: Arrays) -> list[tf.Tensor]:
        """Copies of ``arrays`` in graph order."""
        return [self.tensor(arrays[parameter.name]) for parameter in graph.parameters]

    def zeros(self, graph: Graph) -> list[tf.Tensor]:
        """Zeros in the shapes of the parameters."""
        return [tf.zeros(parameter.shape, self._dtype) for parameter in graph.parameters]

    def masks(self, graph: Graph, masks: Masks) -> dict[str, tf.Tensor]:
        """A mask for every prunable parameter, ones where it is dense: the programs of dense and
        pruned networks are then one, compiled once."""
        return {
            parameter.name: self.tensor(
                masks.get(parameter.name, np.ones(parameter.shape, np.bool_))
            )
            for parameter in graph.prunable
        }

    def tensor(self, array: Array) -> tf.Tensor:
        """A copy of ``array``, in the precision of the run."""
        return tf.constant(array.astype(self._dtype.as_numpy_dtype))


def arrays_of(graph: Graph, tensors: Iterable[tf.Tensor]) -> Mapping[str, Array]:
    """Tensors in graph order as arrays that own their memory, by name."""
    return {
        parameter.name: np.array(tensor.numpy())
        for parameter, tensor in zip(graph.parameters, tensors, strict=True)
    }
