"""Takes nothing; gives how a process stops when it is asked to, and starts others that leave
Ctrl-C to it.

A terminal sends Ctrl-C to every process of a command. Those that work for another one shall end
when that one says so, and not with a message of their own, whatever they are just loading.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType


def stop_when_asked() -> None:
    """From now on this process treats a polite request to end (SIGTERM) like Ctrl-C."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if sys.platform != "win32":
        signal.signal(signal.SIGTERM, stop)


@contextmanager
def interrupts_waiting() -> Iterator[None]:
    """A process that starts within never sees an interrupt; ours comes when the stretch is over."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # It starts with the first process otherwise, and lets interrupts through when it has.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
