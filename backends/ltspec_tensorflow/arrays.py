"""Takes numpy arrays; gives tensors on a device, and back. Data goes there once, as bytes.

This is the border: canonical layout outside, TensorFlow's own inside (see lower.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import tensorflow as tf

from ltspec.engine.backend import (
    Array,
    Arrays,
    Buffer,
    Graph,
    Masks,
    Parameter,
    Repulsion,
    Split,
    Tape,
)
from ltspec_tensorflow.filling import filled_count


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
    """(example, row, column, channel), bytes."""
    labels: tf.Tensor
    """(example,), int32."""
    scale: tf.Tensor
    shift: tf.Tensor
    """(channel,), in the precision of the run."""

    def batch(
        self, indices: tf.Tensor, moves: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """What the network sees of the examples ``indices``, and their labels.

        ``moves`` is as :func:`moves_of` gives it: images are cut, then mirrored, as bytes.
        """
        images = tf.gather(self.images, indices)
        if moves is not None:
            images = _moved(images, moves)
        images = tf.cast(images, self.scale.dtype) * self.scale + self.shift
        return images, tf.gather(self.labels, indices)


class Repelling(NamedTuple):
    """A repellent term on a device, :mod:`ltspec.decisions.repulsion`."""

    units: tf.Tensor
    """(solution, weight): the directions of all tensors in graph order, each in TensorFlow's
    layout, and rows of zeros up to :func:`ltspec_tensorflow.filling.filled_count`."""
    factor: tf.Tensor
    """2 strength / n."""


def moves_of(tape: Tape) -> Array | None:
    """How each image of the tape is moved, (example, 3): the window's first row and column, and 1
    where it is mirrored. None where all images stay."""
    if tape.flips is None and tape.shifts is None:
        return None
    moves = np.zeros((len(tape.examples), 3), np.int32)
    if tape.shifts is not None:
        moves[:, :2] = tape.shifts
    if tape.flips is not None:
        moves[:, 2] = tape.flips
    return moves


def _moved(images: tf.Tensor, moves: tf.Tensor) -> tf.Tensor:
    """Every pixel of a batch from its place in the old image, in one gather; 0 from outside."""
    examples = tf.shape(images)[0]
    rows, columns, channels = images.shape[1:]
    across = tf.range(columns)
    mirrored = tf.where(moves[:, 2:] == 1, columns - 1 - across, across)
    i, j = moves[:, :1] + tf.range(rows), moves[:, 1:2] + mirrored
    inside = (((i >= 0) & (i < rows))[:, :, None]) & (((j >= 0) & (j < columns))[:, None, :])
    first = tf.range(examples)[:, None] * rows + tf.clip_by_value(i, 0, rows - 1)
    pixels = first[:, :, None] * columns + tf.clip_by_value(j, 0, columns - 1)[:, None, :]
    found = tf.gather(tf.reshape(images, (-1, channels)), pixels)
    return found * tf.cast(inside, found.dtype)[..., None]


class Shelf:
    """What is on a device. A split stays there for as long as someone holds the Split itself."""

    def __init__(self, dtype: tf.DType) -> None:
        self._dtype = dtype
        self._splits: WeakKeyDictionary[Split, DeviceSplit] = WeakKeyDictionary()
        self._repelling: WeakKeyDictionary[Repulsion, Repelling] = WeakKeyDictionary()

    def split(self, split: Split) -> DeviceSplit:
        """``split`` on the device; sent there at the first call."""
        if split not in self._splits:
            self._splits[split] = DeviceSplit(
                tf.constant(split.images.transpose(0, 2, 3, 1)),
                tf.constant(split.labels.astype(np.int32)),
                self.tensor(split.scale),
                self.tensor(split.shift),
            )
        return self._splits[split]

    def tensors(self, named: Iterable[Parameter | Buffer], arrays: Arrays) -> list[tf.Tensor]:
        """``arrays`` in the order of a graph's parameters or buffers; copies of those that are not
        there yet."""
        held = arrays.held if isinstance(arrays, OnDevice) else {}

        def tensor(name: str) -> tf.Tensor:
            same = name in held and held[name].dtype == self._dtype
            return held[name] if same else self.tensor(arrays[name])

        return [tensor(each.name) for each in named]

    def masks(self, graph: Graph, masks: Masks) -> dict[str, tf.Tensor]:
        """A mask for every prunable parameter, ones where it is dense: the programs of dense and
        pruned networks are then one, compiled once."""
        return {
            parameter.name: self.tensor(
                masks.get(parameter.name, np.broadcast_to(np.True_, parameter.shape))
            )
            for parameter in graph.prunable
        }

    def repelling(self, repulsion: Repulsion) -> Repelling:
        """The repellent term on the device; sent there at the first call."""
        if repulsion not in self._repelling:
            rows = []
            for directions in repulsion.directions.values():
                images = directions.ndim == 5
                inner = directions.transpose(0, 3, 4, 2, 1) if images else directions
                rows.append(inner.reshape(repulsion.count, -1))
            units = np.concatenate(rows, axis=1)
            filled = np.zeros((filled_count(repulsion.count), units.shape[1]), units.dtype)
            filled[: repulsion.count] = units
            factor = np.asarray(2 * repulsion.strength / repulsion.count)
            self._repelling[repulsion] = Repelling(self.tensor(filled), self.tensor(factor))
        return self._repelling[repulsion]

    def tensor(self, array: Array) -> tf.Tensor:
        """A copy of ``array``, in the precision of the run and the layout of TensorFlow.

        Booleans go to the device as bytes and become numbers before they are transposed: oneDNN
        says on a CPU without AVX-512 that it cannot transpose them, and it says so as an error.
        """
        if array.dtype != np.bool_:
            array = array.astype(self._dtype.as_numpy_dtype, copy=False)
        tensor = tf.cast(tf.constant(array), self._dtype)
        return tf.transpose(tensor, (2, 3, 1, 0)) if array.ndim == 4 else tensor


class OnDevice(Mapping[str, Array]):
    """Tensors that stay on their device; each becomes a canonical array, and leaves the device,
    when somebody looks at it. The next piece of a training need not be sent its state."""

    def __init__(self, named: Iterable[Parameter | Buffer], tensors: Iterable[tf.Tensor]) -> None:
        self.held = {each.name: tensor for each, tensor in zip(named, tensors, strict=True)}
        """Those that nobody has looked at, in the layout of TensorFlow."""
        self._names = tuple(self.held)
        self._arrays: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        if name in self.held:
            with memory_errors():
                self._arrays[name] = np.array(_outer(self.held[name]).numpy())
            del self.held[name]
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def arrays_of(
    named: Iterable[Parameter | Buffer], tensors: Iterable[tf.Tensor]
) -> dict[str, Array]:
    """Tensors in the order of ``named`` as canonical arrays that own their memory, by name."""
    return {
        each.name: np.array(_outer(tensor).numpy())
        for each, tensor in zip(named, tensors, strict=True)
    }


def _outer(tensor: tf.Tensor) -> tf.Tensor:
    """The inverse of what :meth:`Shelf.tensor` does to a convolution's weight."""
    return tf.transpose(tensor, (3, 2, 0, 1)) if tensor.shape.rank == 4 else tensor
