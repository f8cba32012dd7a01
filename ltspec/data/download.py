"""Takes files with published hashes and mirrors; gives them in a folder, downloaded and checked."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from ltspec.data.opening import PAGE
from ltspec.errors import DataError

CONNECT_SECONDS, SILENCE_SECONDS = 15, 60
"""How long a mirror may take to answer, and to be silent while it sends, before the next one."""
CHUNK = 1 << 16
"""Bytes that are checked and written at a time."""

COMPLETE, REFUSED_RANGE = 200, 416
"""Answers of a mirror: here is the whole file; there is nothing from that place on."""


@dataclass(frozen=True, slots=True)
class Remote:
    """One file as it was published."""

    name: str
    size: int
    """In bytes, as downloaded."""
    md5: str
    """As the data set's own page or paper gives it."""
    sha256: str
    """Of the same bytes."""


def fetch(
    files: Sequence[Remote], folder: Path, mirrors: Sequence[str], report: Callable[[str], None]
) -> None:
    """Put every one of ``files`` that is not in ``folder`` there.

    ``mirrors`` are addresses ending in a slash, tried in order for each file. One process at a
    time downloads into a folder; others wait and then find the files. A file gets its name only
    when its size and both hashes are the published ones. What came of a download that was broken
    off stays as ``.NAME.part``, and the next one, from whichever mirror, goes on from there.
    Raises DataError (LT305): when no mirror gives a file, with a hint on what to put where by hand;
    when the folder cannot be written, with one on what to do about the disk.
    """
    at: Remote | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".download.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            report(f"waiting for another process that downloads into {folder}")
            lock.acquire()
        try:
            missing = [file for file in files if not (folder / file.name).is_file()]
            for at in missing:
                failures = _fetch_one(at, folder, mirrors, report) if mirrors else ["none is known"]
                if failures:
                    raise _nowhere(at, missing[missing.index(at) :], folder, failures)
        finally:
            lock.release()
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        what = f"{at.name} ({at.size / 1e6:.1f} MB) cannot be written" if at else "cannot download"
        raise DataError(
            f"{what} into {folder}: {reason}",
            code="LT305",
            hint=f"{_remedy(error, folder)}, or choose another directory with --data or "
            f"LTSPEC_DATA; {PAGE}",
        ) from error


def _remedy(error: Exception, folder: Path) -> str:
    """What to do about our own disk."""
    match getattr(error, "errno", None):
        case errno.ENOSPC | errno.EDQUOT:
            return "make room there"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"let this user write into {folder}"
        case errno.EEXIST | errno.ENOTDIR:
            return "move away the file that has the name of a folder"
        case _:
            return f"see why other programs cannot write into {folder} either"


def _nowhere(
    file: Remote, missing: Sequence[Remote], folder: Path, failures: Sequence[str]
) -> DataError:
    by_hand = ", ".join(f"{other.name} (MD5 {other.md5})" for other in missing)
    return DataError(
        f"no mirror gave {file.name}: {'; '.join(failures)}",
        code="LT305",
        hint=f"put {by_hand} into {folder}, or choose another data directory with --data or "
        f"LTSPEC_DATA; {PAGE}",
    )


def _fetch_one(
    file: Remote, folder: Path, mirrors: Sequence[str], report: Callable[[str], None]
) -> list[str]:
    """Download a file; what is wrong with each mirror when none gave it, else nothing."""
    failures: list[str] = []
    part = folder / f".{file.name}.part"
    for mirror in mirrors:
        # What is there may be of another mirror, and wrong: then this one is asked for all of it.
        while True:
            resumed = part.exists() and part.stat().st_size > 0
            report(
                f"{'going on with' if resumed else 'downloading'} {mirror}{file.name} "
                f"({file.size / 1e6:.1f} MB)"
            )
            try:
                failure = _try_mirror(file, mirror + file.name, part)
            except OSError:  # our own disk
                part.unlink(missing_ok=True)
                raise
            if failure is None:
                part.replace(folder / file.name)
                return []
            if part.exists() and part.stat().st_size == 0:
                part.unlink()
            if not resumed or part.exists():
                break
        failures.append(f"{mirror}: {failure}")
        report(failures[-1])
    return failures


def _try_mirror(file: Remote, address: str, part: Path) -> str | None:
    """Download to ``part``, from its end on; return why it is of no use, or None.

    ``part`` is removed when its bytes are wrong, and kept when there are only too few of them.
    Raises OSError where it is our disk.
    """
    import pooch  # slow to import, and seldom needed

    with part.open("a+b") as stream:
        checked = _Checked(stream, file.size)
        checked.take_over()
        download = pooch.HTTPDownloader(
            chunk_size=CHUNK,
            timeout=(CONNECT_SECONDS, SILENCE_SECONDS),
            # No compression on the way: the bytes are counted and hashed as they are published.
            headers={"Range": f"bytes={checked.size}-", "Accept-Encoding": "identity"},
            hooks={"response": checked.begin},
        )
        failure = None
        try:
            if checked.size < file.size:
                download(address, checked, None)
        except _TooLongError:
            failure = f"sends more than {file.size:,} bytes"
        except OSError as error:  # whatever requests raises is one
            response = getattr(error, "response", None)
            if response is None or response.ok:
                return f"cannot be reached ({type(error).__name__})"
            failure = f"answers {response.status_code} {response.reason}".rstrip()
            if response.status_code != REFUSED_RANGE:
                return failure
        except _DiskError as error:
            raise error.reason from error
        stream.flush()
        os.fsync(stream.fileno())
    if failure is None:
        if checked.size != file.size:
            failure = f"sends {checked.size:,} of {file.size:,} bytes"
        elif (checked.md5.hexdigest(), checked.sha256.hexdigest()) != (file.md5, file.sha256):
            failure = "sends other bytes than the published ones"
    if failure is not None:
        part.unlink()
    return failure


class _TooLongError(Exception):
    """A mirror sends more than the file has."""


class _DiskError(Exception):
    """Our own disk failed: no reason to try another mirror."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(str(reason))
        self.reason = reason


class _Checked:
    """A file that hashes what is written into it, and refuses to grow beyond a size."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream, self._limit = stream, limit
        self._forget()

    def _forget(self) -> None:
        self.size = 0
        # MD5 is what was published; it guards against damage only, sha256 against the rest.
        self.md5 = hashlib.md5(usedforsecurity=False)
        self.sha256 = hashlib.sha256()

    def take_over(self) -> None:
        """Hash what is in the file already; a file that is too long is emptied."""
        self._stream.seek(0)
        while chunk := self._stream.read(1 << 20):
            self._count(chunk)
        if self.size > self._limit:
            self._empty()

    def begin(self, response: Any, **_: Any) -> None:
        """Called with each answer: a mirror that does not go on where it was asked to begins anew.

        An error or a redirection leaves everything as it is.
        """
        if response.status_code == COMPLETE and self.size:
            self._empty()

    def write(self, chunk: bytes) -> None:
        """Append ``chunk``."""
        if self.size + len(chunk) > self._limit:
            raise _TooLongError
        self._count(chunk)
        try:
            self._stream.write(chunk)
        except OSError as error:
            raise _DiskError(error) from error

    def flush(self) -> None:
        """Nothing: a flush a chunk is slow, and the file is flushed once at its end."""

    def _count(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self.md5.update(chunk)
        self.sha256.update(chunk)

    def _empty(self) -> None:
        self._forget()
        self._stream.truncate(0)
