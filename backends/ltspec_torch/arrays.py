"""Takes numpy arrays; gives tensors on a device, and back. Data goes there once, as bytes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from ltspec.engine.backend import Array, Arrays, Buffer, Parameter, Split, Tape
from ltspec_torch.choice import Layout

Named = Parameter | Buffer
"""What has a name and a shape."""


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


def memory_format(layout: Layout, shape: Sequence[int]) -> torch.memory_format:
    """How a tensor of that shape lies in memory: what has no pixels is the same in every layout."""
    images = layout == "channels-last" and len(shape) == 4
    return torch.channels_last if images else torch.contiguous_format


def laid_out(tensor: Tensor, layout: Layout) -> Tensor:
    """The tensor in that layout; itself where it lies so already."""
    return tensor.contiguous(memory_format=memory_format(layout, tensor.shape))


def strided_as(model: Tensor, tensor: Tensor) -> Tensor:
    """``tensor``, which has the layout of ``model``, with its strides as well: along a side of one
    pixel they may be any."""
    same = tensor.stride() == model.stride()
    return tensor if same else tensor.as_strided(model.size(), model.stride())


def shared(array: Array, device: torch.device) -> Tensor:
    """``array`` on the device; on the CPU the same memory, and nothing here writes to it."""
    with warnings.catch_warnings():
        # Data sets are read-only, and torch warns that it knows no tensors of that kind.
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return torch.from_numpy(array).to(device)


class OnDevice(Mapping[str, Array]):
    """Copies of tensors that stay on their device; each becomes a canonical array, and leaves the
    device, when somebody looks at it. The next piece of a training need not be sent its state."""

    def __init__(self, named: Sequence[Named], tensors: Iterable[Tensor]) -> None:
        pairs = zip(named, tensors, strict=True)
        self._tensors = {each.name: tensor.detach().clone() for each, tensor in pairs}
        self._names = tuple(self._tensors)
        self._arrays: dict[str, Array] = {}
        on_gpu = next((t.device for t in self._tensors.values() if t.device.type == "cuda"), None)
        # What made the copies may still be under way there, and nowhere else are they in order.
        self._stream = None if on_gpu is None else torch.cuda.current_stream(on_gpu)

    def __getitem__(self, name: str) -> Array:
        if name in self._tensors:
            here = nullcontext() if self._stream is None else torch.cuda.stream(self._stream)
            with memory_errors(), here:
                self._arrays[name] = array_of(self._tensors[name])
            del self._tensors[name]
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def tensor(self, name: str, device: torch.device) -> Tensor | None:
        """The copy, where it still is on ``device`` and can be read in the current stream."""
        tensor = self._tensors.get(name)
        if tensor is None or tensor.device != device:
            return None
        same = self._stream is None or torch.cuda.current_stream(device) == self._stream
        return tensor if same else None


def fill(tensors: Sequence[Tensor], named: Sequence[Named], arrays: Arrays) -> None:
    """Write the arrays of these names into ``tensors``, whatever their type and layout."""
    for tensor, each in zip(tensors, named, strict=True):
        held = arrays.tensor(each.name, tensor.device) if isinstance(arrays, OnDevice) else None
        there = shared(arrays[each.name], torch.device("cpu")) if held is None else held
        tensor.copy_(there)


def arrays_of(named: Sequence[Named], tensors: Iterable[Tensor]) -> Mapping[str, Array]:
    """Tensors in the order of ``named`` as canonical arrays that own their memory, by name."""
    return {
        each.name: array_of(tensor.detach()) for each, tensor in zip(named, tensors, strict=True)
    }


def array_of(tensor: Tensor) -> Array:
    """A canonical array that owns its memory."""
    return np.array(tensor.cpu().numpy(), order="C")


def moves(tape: Tape) -> bool:
    """Whether it has images cut or mirrored."""
    return tape.shifts is not None or tape.flips is not None


def reach(tape: Tape) -> int:
    """How many pixels beyond an image its windows see at most."""
    return 0 if tape.shifts is None else int(np.abs(tape.shifts.astype(np.int64)).max(initial=0))


@dataclass(frozen=True, slots=True)
class Reel:
    """A tape on a device: what happens to (example,) and at (step,)."""

    examples: Tensor
    corners: Tensor | None
    """The pixel of the data set at which each image begins. None where all stay as they are."""
    mirrored: Tensor | None
    """1 where the image is mirrored left to right, else 0. None as above."""
    rates: Tensor
    updates: Tensor
    """The number of each step's update, from 1."""

    @classmethod
    def empty(cls, examples: int, steps: int, moved: bool, device: torch.device) -> Reel:
        """Room for a stretch of a tape."""
        order, corners, mirrored = torch.zeros(3, examples, dtype=torch.int64, device=device)
        rates, updates = torch.zeros(2, steps, device=device)
        return cls(order, corners if moved else None, mirrored if moved else None, rates, updates)

    def stretch(self, examples: slice, steps: slice) -> Reel:
        """A part of it, in the same memory."""
        corners = None if self.corners is None else self.corners[examples]
        mirrored = None if self.mirrored is None else self.mirrored[examples]
        return Reel(
            self.examples[examples], corners, mirrored, self.rates[steps], self.updates[steps]
        )

    def take(self, other: Reel) -> None:
        """Become a copy of ``other``, as far as it reaches, in the same memory as before."""
        for name in self.__slots__:
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine is not None:
                mine[: len(theirs)].copy_(theirs)


class DeviceSplit:
    """One split on a device: images as bytes, (example, height, width, channel), with as much
    black around each as shifts have asked for; moved and normalised batch by batch."""

    def __init__(self, split: Split, device: torch.device, dtype: torch.dtype) -> None:
        _, channels, height, width = split.images.shape
        self._shape = height, width, channels
        # Of one channel that is the same memory.
        self._images = _channels_last(split, device).contiguous()
        self.margin = 0
        # Cross-entropy wants 64-bit labels; converting them once is cheaper than at each step.
        self._labels = shared(split.labels.astype(np.int64), device)
        # One number for every value of an image: a run of three channels is slow to broadcast.
        self._scale, self._shift = (
            shared(array, device).to(dtype).repeat(height * width)
            for array in (split.scale, split.shift)
        )
        self._dtype, self._device = dtype, device
        self._grids = self._make_grids()

    def refill(self, split: Split) -> bool:
        """Hold ``split`` instead, in the same memory, where there is room for it."""
        count, channels, height, width = split.images.shape
        mine = self._device.type != "cpu" or channels > 1  # else the data set's own memory
        if not mine or count > len(self._images) or (height, width, channels) != self._shape:
            return False
        self._inner(self._images)[:count].copy_(_channels_last(split, self._device))
        self._labels[:count].copy_(shared(split.labels.astype(np.int64), self._device))
        for row, array in ((self._scale, split.scale), (self._shift, split.shift)):
            row.copy_(shared(array, self._device).repeat(height * width))
        return True

    def reel(self, tape: Tape) -> Reel:
        """``tape`` on the device. Its shifts reach no further than the margin."""
        examples = tape.examples.astype(np.int64)
        corners = mirrored = None
        if moves(tape):
            shifts = np.zeros((1, 2)) if tape.shifts is None else tape.shifts
            rows, columns = (shifts.astype(np.int64) + self.margin).T
            height, width = self._images.shape[1:3]
            corners = self._sent((examples * height + rows) * width + columns)
            flips = np.zeros(len(examples)) if tape.flips is None else tape.flips
            mirrored = self._sent(flips.astype(np.int64))
        first = tape.first_update + 1
        return Reel(
            self._sent(examples),
            corners,
            mirrored,
            self._sent(tape.rates),
            self._sent(np.arange(first, first + tape.steps, dtype=np.float32)),
        )

    def widen(self, margin: int) -> None:
        """Put so much black around every image, unless there is as much already."""
        if margin <= self.margin:
            return
        height, width, channels = self._shape
        inner = self._inner(self._images)
        size = len(inner), height + 2 * margin, width + 2 * margin, channels
        self._images = torch.zeros(size, dtype=torch.uint8, device=self._device)
        self.margin = margin
        self._inner(self._images).copy_(inner)
        self._grids = self._make_grids()

    def labels(self, examples: Tensor) -> Tensor:
        """Of these examples, 64-bit."""
        return self._labels.index_select(0, examples)

    def images(self, examples: Tensor) -> Tensor:
        """Images * scale + shift, (example, channel, height, width), the channel running fastest
        in memory."""
        return self._normalised(self._inner(self._images.index_select(0, examples)))

    def moved(self, corners: Tensor, mirrored: Tensor) -> Tensor:
        """As ``images``, cut and mirrored as a Reel says."""
        pixels = self._grids.index_select(0, mirrored) + corners[:, None]
        channels = self._shape[-1]
        return self._normalised(self._images.view(-1, channels).index_select(0, pixels.view(-1)))

    def _inner(self, images: Tensor) -> Tensor:
        """Images without the black around them."""
        height, width, _ = self._shape
        return images[:, self.margin : self.margin + height, self.margin : self.margin + width]

    def _normalised(self, bytes_: Tensor) -> Tensor:
        rows = bytes_.reshape(-1, len(self._scale)).to(self._dtype)
        values = torch.addcmul(self._shift, rows, self._scale)
        return values.view(-1, *self._shape).permute(0, 3, 1, 2)

    def _make_grids(self) -> Tensor:
        """(2, pixel): how far each pixel lies from an image's corner, as it is and mirrored."""
        height, width, _ = self._shape
        rows = np.arange(height)[:, None] * self._images.shape[2]
        columns = np.arange(width)
        grids = np.stack([rows + columns, rows + columns[::-1]])
        return self._sent(grids.reshape(2, -1).astype(np.int64))

    def _sent(self, array: Array) -> Tensor:
        return shared(np.ascontiguousarray(array), self._device)


def _channels_last(split: Split, device: torch.device) -> Tensor:
    return shared(split.images, device).permute(0, 2, 3, 1)


class Shelf:
    """What is on a device. A split stays there for as long as someone holds the Split itself."""

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self.device, self.dtype = device, dtype
        self._splits: WeakKeyDictionary[Split, DeviceSplit] = WeakKeyDictionary()

    def split(self, split: Split, spare: DeviceSplit | None = None) -> DeviceSplit:
        """``split`` on the device; sent there at the first call, into the memory of ``spare`` when
        nobody needs what is there and there is room."""
        if split not in self._splits:
            idle = spare is not None and all(spare is not used for used in self._splits.values())
            if spare is not None and idle and spare.refill(split):
                self._splits[split] = spare
            else:
                self._splits[split] = DeviceSplit(split, self.device, self.dtype)
        return self._splits[split]

    def empty(self, named: Sequence[Named], layout: Layout) -> list[Tensor]:
        """Room for tensors of these shapes."""
        return [
            torch.empty(
                each.shape,
                dtype=self.dtype,
                device=self.device,
                memory_format=memory_format(layout, each.shape),
            )
            for each in named
        ]

    def tensors(self, named: Sequence[Named], arrays: Arrays, layout: Layout) -> list[Tensor]:
        """Copies of the arrays of these names."""
        made = self.empty(named, layout)
        fill(made, named, arrays)
        return made
