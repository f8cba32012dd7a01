"""Takes files with published hashes and mirrors; gives them in a folder, downloaded and checked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from ltspec.errors import DataError

CONNECT_SECONDS, SILENCE_SECONDS = 15, 60
"""How long a mirror may take to answer, and to be silent while it sends, before the next one."""


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
    when its size and both hashes are the published ones.
    Raises DataError (LT305) when no mirror gives a file or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".download.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            report(f"waiting for another process that downloads into {folder}")
            lock.acquire()
        try:
            for part in folder.glob(".*.part"):  # of a process that was killed: we have the lock
                part.unlink()
            for file in files:
                if not (folder / file.name).is_file():
                    _fetch_one(file, folder, mirrors, report)
        finally:
            lock.release()
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"cannot download into {folder}: {reason}",
            code="LT305",
            hint="choose another data directory with --data or LTSPEC_DATA",
        ) from error


def _fetch_one(
    file: Remote, folder: Path, mirrors: Sequence[str], report: Callable[[str], None]
) -> None:
    failures = []
    part = folder / f".{file.name}.part"
    try:
        for mirror in mirrors:
            report(f"downloading {mirror}{file.name} ({file.size / 1e6:.1f} MB)")
            failure = _try_mirror(file, mirror + file.name, part)
            if failure is None:
                part.replace(folder / file.name)
                return
            failures.append(f"{mirror}: {failure}")
            report(failures[-1])
    finally:
        part.unlink(missing_ok=True)
    raise DataError(
        f"no mirror gave {file.name}: {'; '.join(failures)}",
        code="LT305",
        hint=f"put {file.name} (MD5 {file.md5}) into {folder}",
    )


def _try_mirror(file: Remote, address: str, part: Path) -> str | None:
    """Download to ``part``; return why it is of no use, or None. OSError where it is our disk."""
    import pooch  # slow to import, and seldom needed

    download = pooch.HTTPDownloader(chunk_size=1 << 16, timeout=(CONNECT_SECONDS, SILENCE_SECONDS))
    with part.open("wb") as stream:
        checked = _Checked(stream, file.size)
        try:
            download(address, checked, None)
        except _TooLongError:
            return f"sends more than {file.size:,} bytes"
        except OSError as error:  # whatever requests raises is one
            response = getattr(error, "response", None)
            if response is not None:
                return f"answers {response.status_code} {response.reason}".rstrip()
            return f"cannot be reached ({type(error).__name__})"
        except _DiskError as error:
            raise error.reason from error
        stream.flush()
        os.fsync(stream.fileno())
    if checked.size != file.size:
        return f"sends {checked.size:,} of {file.size:,} bytes"
    if (checked.md5.hexdigest(), checked.sha256.hexdigest()) != (file.md5, file.sha256):
        return "sends other bytes than the published ones"
    return None


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
        self.size = 0
        # MD5 is what was published; it guards against damage only, sha256 against the rest.
        self.md5 = hashlib.md5(usedforsecurity=False)
        self.sha256 = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        """Append ``chunk``."""
        self.size += len(chunk)
        if self.size > self._limit:
            raise _TooLongError
        self.md5.update(chunk)
        self.sha256.update(chunk)
        try:
            self._stream.write(chunk)
        except OSError as error:
            raise _DiskError(error) from error

    def flush(self) -> None:
        """Nothing: a flush a chunk is slow, and the file is flushed once at its end."""
