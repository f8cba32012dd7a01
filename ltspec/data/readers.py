"""Takes a streamed split and what is due; gives decoded images, piece by piece, by processes.

While one piece is trained on, the next is decoded. At most three pieces are in memory: the one
that was given out, the one that comes next, and what is already there of the one after it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from ctypes import Array, c_char
from dataclasses import dataclass
from multiprocessing.sharedctypes import RawArray
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltspec.data import images
from ltspec.data.interrupts import interrupts_waiting
from ltspec.data.streamed import StreamedSplit
from ltspec.errors import DataError

Due = tuple[NDArray[np.integer], NDArray[np.float32] | None]
"""Which examples a piece has, and the boxes of the tape for them (None: the middle)."""

TASK = 16
"""Images that a process decodes at a time: enough to hide what handing over costs."""
NAME_BYTES = 4096
"""For the name of the file that a process is at."""


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Readers:
    """Processes that decode images. They start with the first piece, and end with :meth:`close`
    or when this process dies, however it dies."""

    def __init__(self, processes: int | None = None) -> None:
        """As many ``processes`` as there are cores when nothing is said."""
        self.processes = processes or cores()
        self._pool: ProcessPoolExecutor | None = None
        # What each process is at, so that one that dies can be asked.
        self._names: Array[c_char] = RawArray(c_char, self.processes * NAME_BYTES)

    def __enter__(self) -> Readers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes; what they are at is finished, and nothing after it begun."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def pieces(self, split: StreamedSplit, due: Iterable[Due]) -> Iterator[NDArray[np.uint8]]:
        """The images (example, 3, size, size) of each piece that is ``due``, in this order.

        The same as ``split.decode`` gives. ``due`` may be endless: it is asked for one piece more
        than was given out. Raises DataError that names the file: LT305 when an image cannot be
        opened, LT306 when it cannot be decoded or a process died of it.
        """
        waiting: list[_Piece] = []
        try:
            for indices, boxes in due:
                waiting.append(self._begin(split, indices, boxes))
                if len(waiting) > 1:
                    yield waiting.pop(0).finish()
            while waiting:
                yield waiting.pop(0).finish()
        except BrokenProcessPool:
            self.close()
            at = sorted({name for name in self._at() if name})
            raise DataError(
                f"a process that reads images died; they were at {', '.join(at) or 'no file'}",
                code="LT306",
                hint="look whether memory ran out, and whether these images can be opened",
            ) from None
        finally:
            for piece in waiting:
                piece.cancel()

    def _begin(
        self, split: StreamedSplit, indices: NDArray[np.integer], boxes: NDArray[np.float32] | None
    ) -> _Piece:
        """Hand out the tasks of one piece."""
        pool = self._pool = self._pool or self._start()
        with interrupts_waiting():
            tasks = [
                pool.submit(
                    _decode,
                    [split.path(index) for index in indices[begin : begin + TASK]],
                    split.size,
                    split.shorter_side,
                    None if boxes is None else boxes[begin : begin + TASK],
                )
                for begin in range(0, len(indices), TASK)
            ]
        return _Piece((len(indices), 3, split.size, split.size), tasks)

    def _start(self) -> ProcessPoolExecutor:
        # Not forked: a framework's threads and its device do not survive that.
        context = multiprocessing.get_context("spawn")
        self._names = RawArray(c_char, self.processes * NAME_BYTES)
        return ProcessPoolExecutor(
            self.processes, context, _prepare, (self._names, context.Value("i", 0))
        )

    def _at(self) -> Iterator[str]:
        """What each process is at, or was when it died."""
        names = bytes(self._names)
        for begin in range(0, len(names), NAME_BYTES):
            yield os.fsdecode(names[begin : begin + NAME_BYTES].split(b"\0", 1)[0])


@dataclass(eq=False)
class _Piece:
    """A piece on its way."""

    shape: tuple[int, int, int, int]
    tasks: list[Future[NDArray[np.uint8]]]

    def finish(self) -> NDArray[np.uint8]:
        """Wait for all of it, letting go of each task as soon as its images are copied."""
        images = np.empty(self.shape, np.uint8)
        begin = 0
        try:
            while self.tasks:
                decoded = self.tasks.pop(0).result()
                images[begin : begin + len(decoded)] = decoded
                begin += len(decoded)
        finally:
            self.cancel()
        return images

    def cancel(self) -> None:
        """Begin no task that is not begun."""
        for task in self.tasks:
            task.cancel()


# What follows runs in the processes.

_slot: memoryview | None = None
"""Where this process leaves word. A pool has no other way of giving a process something to keep."""


def _prepare(names: Any, counter: Any) -> None:
    """Called once in each process."""
    global _slot
    with counter.get_lock():
        number, counter.value = counter.value, counter.value + 1
    _slot = memoryview(names).cast("B")[number * NAME_BYTES : (number + 1) * NAME_BYTES]
    # For systems where a process does not inherit what it leaves to others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A run that is killed cannot end us."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _decode(
    paths: list[str], size: int, shorter_side: int, boxes: NDArray[np.float32] | None
) -> NDArray[np.uint8]:
    decoded = np.empty((len(paths), 3, size, size), np.uint8)
    for place, path in enumerate(paths):
        _note(path)
        draws = None if boxes is None else boxes[place]
        decoded[place] = images.decode(path, size, shorter_side, draws)
    _note("")
    return decoded


def _note(path: str) -> None:
    """Leave a word on what we are at."""
    if _slot is not None:
        name = os.fsencode(path)[: NAME_BYTES - 1] + b"\0"
        _slot[: len(name)] = name
