"""Takes facts and arrays under a key; gives them back unharmed, whatever happened in between.

A content-addressed folder that several processes may share, and that any of them may leave at any
moment (by a kill, too)::

    store.json                       the format; without it a folder is not a store
    results/<realm>/<key[:2]>/<key>/ facts.json and arrays.safetensors
    checkpoints/<realm>/<run key>/   facts.json and <sha256>.safetensors: the newest of a training
    data/<name>.json                 fingerprints of the data sets that results were made from
    runs/                            what people look at; not this module's
    locks/  temporary/               nothing that is worth keeping

Everything is written in ``temporary/``, flushed to the disk, then renamed, so that it is there as
a whole or not at all. Both parts carry a sha256, checked whenever they are read. Equal content
gives equal bytes. Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from filelock import FileLock, Timeout

from ltspec.decisions.state import Array, Arrays
from ltspec.errors import DataError, StoreError

FORMAT = 1
"""Goes up when an older ltspec could not read what is written."""

DTYPES = ("bool", "uint8", "int32", "int64", "float32", "float64")
"""The types of array that a store holds."""

Facts = Mapping[str, Any]
Report = Callable[[str], None]

_ABOUT = "made by ltspec: results by key; safe to delete, and then made again"
_FACTS, _ARRAYS = "facts.json", "arrays.safetensors"
_KEY = re.compile(r"[0-9a-f]{8,128}")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, eq=False)
class Result:
    """What a stage gave, or a checkpoint of it."""

    facts: dict[str, Any]
    """Equal to what was written; JSON data."""
    arrays: dict[str, Array]
    """By name, in the order of the names; the reader's own copy."""


class _DamagedError(Exception):
    """What lies there is not what was written."""


class Store:
    """An open store. Holds no file open; any number of them may exist."""

    def __init__(self, folder: Path, report: Report) -> None:
        self.folder = folder
        self.report = report

    @classmethod
    def open(
        cls, folder: Path, create: bool = True,
        report: Report = logging.getLogger("ltspec.store").warning,
    ) -> Store:
        """Open the store in ``folder``; make it there when ``create`` and the folder is empty or
        missing. What dead processes left half-written is removed.

        ``report`` is told in one sentence when something damaged was found, or of a long wait.
        Raises StoreError: LT403 when the folder cannot be read or written, LT404 when it is not a
        store of this version.
        """
        store = cls(folder, report)
        with _failing(folder):
            if folder.exists() and not folder.is_dir():
                raise StoreError(f"{folder} is a file, and cannot be a store", code="LT403")
            if not (folder / "store.json").is_file():
                store._create(create)
            store._check_format()
            if create:
                for name in ("locks", "temporary"):
                    (folder / name).mkdir(exist_ok=True)
                store._remove_leftovers()
        return store

    def realm(self, name: str) -> Realm:
        """The results of one backend and precision, for example ``torch-float32``."""
        return Realm(self, _checked(_NAME, name, "a realm"))

    def check_data(self, name: str, fingerprint: str, version: int = 1) -> None:
        """Compare the bytes of a data set with those that this store has seen, or note them.

        ``version`` is that of the reader: another reader may give other bytes. Raises DataError
        (LT307) when they are not the same.
        """
        file = self.folder / "data" / f"{_checked(_NAME, name, 'a data set')}.json"
        with _failing(file), self._guard():
            seen = self._seen_data(name, file)
            known = seen.get(str(version))
            if known is None:
                with self._scratch() as scratch:
                    content = {"name": name, "fingerprints": {**seen, str(version): fingerprint}}
                    _write(scratch / "data.json", canonical(content))
                    _make_folders(file.parent)
                    _replace(scratch / "data.json", file)
            elif known != fingerprint:
                raise DataError(
                    f"the bytes of {name} are not those that this store's results were made "
                    f"from: their fingerprint is {fingerprint}, and was {known}",
                    code="LT307",
                    hint="give back the earlier files, or use another store with --store",
                )

    def size(self, key: str) -> int:
        """Bytes that the results under a key take, in every realm."""
        _checked(_KEY, key, "a key")
        with _failing(self.folder):
            return sum(
                file.stat().st_size
                for folder in self.folder.glob(f"results/*/{key[:2]}/{key}")
                for file in folder.iterdir()
            )

    def _create(self, create: bool) -> None:
        """Write store.json into an empty or missing folder."""
        folder = self.folder
        # Another process may be at the same place, or have died there.
        others = folder.exists() and any(
            not entry.name.startswith(".store-") for entry in folder.iterdir()
        )
        if others and not (folder / "store.json").is_file():
            raise StoreError(
                f"{folder} holds other things and is not a store", code="LT404",
                hint="choose an empty or a new folder with --store",
            )
        if not create:
            raise StoreError(f"there is no store at {folder}", code="LT404")
        _make_folders(folder)
        part = folder / f".store-{secrets.token_hex(8)}"
        _write(part, canonical({"format": FORMAT, "about": _ABOUT}))
        _replace(part, folder / "store.json")

    def _check_format(self) -> None:
        file = self.folder / "store.json"
        try:
            content = json.loads(file.read_bytes())
            found = content["format"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise StoreError(
                f"{file} is damaged: it does not say which format the store has", code="LT404",
                hint=f'if it is a store of this version, write {{"format": {FORMAT}}} into it',
            ) from None
        if found != FORMAT:
            raise StoreError(
                f"{self.folder} has format {found!r}, and this ltspec reads format {FORMAT}",
                code="LT404", hint="use the ltspec that made it, or another folder with --store",
            )

    def _seen_data(self, name: str, file: Path) -> dict[str, str]:
        """Fingerprints of a data set by version of its reader."""
        try:
            content = json.loads(file.read_bytes())
            if content["name"] == name:
                return dict(content["fingerprints"])
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError, RecursionError):
            pass
        raise DataError(
            f"{file} is damaged, so nobody can tell whether {name} is still the same",
            code="LT307", hint="delete it if you are sure of that, or use another store",
        )

    def _guard(self) -> FileLock:
        """Held for moments only: while something gets its name, or loses it."""
        return FileLock(self.folder / "locks" / "store.lock")

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """A new folder to write in, removed afterwards: by us, or by others when we have died.

        The lock beside it is how others see whether we live: the system frees it with us.
        """
        while True:
            folder = self.folder / "temporary" / secrets.token_hex(8)
            alive = FileLock(folder.with_suffix(".lock"))
            with alive:
                # Others may have taken the lock file for a leftover before we had locked it.
                if not folder.with_suffix(".lock").exists():
                    continue
                folder.mkdir()
                try:
                    yield folder
                finally:
                    shutil.rmtree(folder, ignore_errors=True)
                    with suppress(OSError):
                        folder.with_suffix(".lock").unlink()
                return

    def _remove_leftovers(self) -> None:
        """Remove what dead processes left in ``temporary/``; a living one holds its lock."""
        temporary = self.folder / "temporary"
        for lock in temporary.glob("*.lock"):
            try:
                with FileLock(lock, timeout=0):
                    shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                    lock.unlink(missing_ok=True)
            except Timeout:
                continue


class Realm:
    """The results of one backend and precision. Keys are hexadecimal."""

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        self.name = name

    def has(self, key: str) -> bool:
        """Whether there is a result. Cheap, for it is not read: it may still prove damaged."""
        return (self._result(key) / _FACTS).is_file()

    def read(self, key: str) -> Result | None:
        """The result, verified; None when there is none. A damaged one is reported and removed."""
        return self._read(self._result(key), key, "result", _load)

    def read_facts(self, key: str) -> dict[str, Any] | None:
        """The facts of a result alone, verified likewise; its arrays are not looked at."""
        return self._read(
            self._result(key), key, "result", lambda folder, name: _load_facts(folder, name)[0]
        )

    def write(self, key: str, facts: Facts, arrays: Arrays) -> None:
        """Keep a result. When there is one already, it stays and nothing is written.

        ``facts`` are JSON data: text keys, whole or finite numbers. ``arrays`` have one of
        :data:`DTYPES`. Raises ValueError or TypeError for anything else, StoreError (LT403) when
        the disk is full or the folder cannot be written; then nothing is left behind.
        """
        target = self._result(key)
        if self.has(key):
            return
        packed, record = _pack(self._title(key), facts, arrays)
        with _failing(target), self.store._scratch() as scratch:
            folder = scratch / "result"
            folder.mkdir()
            _write(folder / _ARRAYS, packed)
            _write(folder / _FACTS, record)
            _sync(folder)
            _make_folders(target.parent)
            with self.store._guard():
                if self.has(key):
                    return
                if target.exists():  # without facts: a person deleted them
                    target.rename(scratch / "incomplete")
                _replace(folder, target)

    @contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Be the only one, among all processes, that makes this result. Waits as long as needed.

        A process that dies frees its locks.
        """
        file = self._path("locks", key).with_suffix(".lock")
        with _failing(file):
            _make_folders(file.parent)
            lock = FileLock(file)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                self.store.report(f"waiting for another process that makes {key[:12]}")
                lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def checkpoint_write(self, run_key: str, facts: Facts, arrays: Arrays) -> None:
        """Keep a checkpoint in place of the last one. Raises as :meth:`write` does."""
        target = self._path("checkpoints", run_key)
        packed, record = _pack(self._title(run_key), facts, arrays)
        name = _sha256(packed) + ".safetensors"
        with _failing(target), self.store._scratch() as scratch:
            _write(scratch / name, packed)
            _write(scratch / _FACTS, record)
            with self.store._guard():
                _make_folders(target)
                _replace(scratch / name, target / name)
                _replace(scratch / _FACTS, target / _FACTS)  # from here on it is the new one
                for file in target.iterdir():
                    if file.name not in (name, _FACTS):
                        file.unlink()

    def checkpoint_read(self, run_key: str) -> Result | None:
        """The newest checkpoint, verified; None when there is none. A damaged one is reported and
        removed."""
        return self._read(self._path("checkpoints", run_key), run_key, "checkpoint", _load)

    def checkpoint_drop(self, run_key: str) -> None:
        """Remove the checkpoint, if there is one. Raises StoreError when it cannot be removed."""
        target = self._path("checkpoints", run_key)
        with _failing(target):
            if target.exists():
                self._remove(target)

    def _path(self, kind: str, key: str) -> Path:
        return self.store.folder / kind / self.name / _checked(_KEY, key, "a key")

    def _result(self, key: str) -> Path:
        path = self._path("results", key)
        return path.parent / key[:2] / key

    def _title(self, key: str) -> dict[str, Any]:
        """What both files say of themselves, so that one moved to another place is found out."""
        return {"format": FORMAT, "realm": self.name, "key": key}

    def _read[T](
        self, folder: Path, key: str, what: str, load: Callable[[Path, Facts], T]
    ) -> T | None: ...
