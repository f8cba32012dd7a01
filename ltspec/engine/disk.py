"""Takes bytes and paths; gives files that are there as a whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ltspec.errors import StoreError


@contextmanager
def failing(path: Path, doing: str = "write") -> Iterator[None]:
    """Turn what the system says into a StoreError that names the path."""
    try:
        yield
    except (OSError, NotImplementedError) as error:  # the latter: no locks on this file system
        reason = getattr(error, "strerror", None) or str(error)
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
        raise StoreError(
            f"cannot {doing} {path}: {reason}",
            code="LT403",
            hint=(
                "free some space and start again: nothing is lost"
                if full
                else "check who may write there, or choose another place with --store"
            ),
        ) from error


def write(file: Path, data: bytes) -> None:
    """Write a new file and flush it to the disk."""
    with file.open("xb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def replace(source: Path, target: Path) -> None:
    """Rename, so that the new name outlives a loss of power."""
    source.replace(target)
    sync(target.parent)


def make_folders(folder: Path) -> None:
    """Make a folder and those above it, flushed to the disk."""
    if not folder.is_dir():
        make_folders(folder.parent)
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


def sync(folder: Path) -> None:
    """Flush the names in a folder to the disk."""
    if os.name == "nt":  # Windows opens no folders
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def scratch_folder(temporary: Path) -> Iterator[Path]:
    """A new folder to write in, removed afterwards: by us, or by others when we have died.

    The lock beside it is how others see whether we live: the system frees it with us.
    """
    temporary.mkdir(exist_ok=True)
    while True:
        folder = temporary / secrets.token_hex(8)
        lock = folder.with_suffix(".lock")
        with FileLock(lock):
            # Others may have taken the lock file for a leftover before we had locked it.
            if not lock.exists():
                continue
            try:
                folder.mkdir()
                yield folder
            finally:
                _remove_scratch(lock)
            return


def remove_leftovers(temporary: Path) -> None:
    """Remove what dead processes left in ``temporary/``; a living one holds its lock."""
    for lock in temporary.glob("*.lock"):
        try:
            with FileLock(lock, timeout=0):
                _remove_scratch(lock)
        except Timeout:
            continue


def _remove_scratch(lock: Path) -> None:
    """Remove a folder of ``temporary/``, then its lock, which we hold; what cannot be removed now
    is left, lock and all, for another process."""
    folder = lock.with_suffix("")
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        with suppress(OSError):
            lock.unlink()
