"""Takes facts and arrays under a key; gives them back unharmed, whatever happened in between.

A content-addressed folder that several processes may share, and that any of them may leave at any
moment (by a kill, too)::

    store.json                       the format; without it a folder is not a store
    results/<realm>/<key[:2]>/<key>/ facts.json and arrays.safetensors
    checkpoints/<realm>/<run key>/   facts.json and <sha256>.safetensors: the newest of a training
    points/<realm>/<run key>/        <step>-<key>: results that are states of one training
    data/<name>.json                 fingerprints of the data sets that results were made from
    runs/                            what people look at; each folder has one writer at a time
    locks/  temporary/               nothing that is worth keeping

Everything is written in ``temporary/``, flushed to the disk, then renamed, so that it is there as
a whole or not at all. Both parts carry a sha256, checked whenever they are read. Equal content
gives equal bytes. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from os.path import lexists
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from ltspec.decisions.state import Arrays
from ltspec.engine import disk
from ltspec.engine.disk import failing
from ltspec.engine.record import (
    ARRAYS,
    FACTS,
    DamagedError,
    Facts,
    Result,
    canonical,
    hash_of,
    load,
    load_facts,
    load_result,
    pack,
)
from ltspec.errors import DataError, StoreError

__all__ = ["FORMAT", "Realm", "Report", "Result", "Store"]

FORMAT = 1
"""Goes up when an older ltspec could not read what is written."""

PATIENCE = 5.0
"""Seconds to wait for another writer of a folder of ``runs/`` before it is said."""

Report = Callable[[str], None]
T = TypeVar("T")

_ABOUT = "made by ltspec: results by key; safe to delete, and then made again"
_KEY = re.compile(r"[0-9a-f]{8,128}")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_POINT = re.compile(rf"(\d{{1,18}})-({_KEY.pattern})")
_warn = logging.getLogger("ltspec.store").warning


class Store:
    """An open store. Holds no file open; any number of them may exist."""

    def __init__(self, folder: Path, report: Report) -> None:
        self.folder = folder
        self.report = report

    @classmethod
    def open(cls, folder: Path, create: bool = True, report: Report = _warn) -> Store:
        """Open the store in ``folder``; make it there when ``create`` and the folder is empty or
        missing. What dead processes left half-written is removed.

        ``report`` is told in one sentence when something damaged was found, or of a long wait.
        Raises StoreError: LT403 when the folder cannot be read or written, LT404 when it is not a
        store of this version.
        """
        store = cls(folder, report)
        with failing(folder):
            if folder.exists() and not folder.is_dir():
                raise StoreError(f"{folder} is a file, and cannot be a store", code="LT403")
            if not (folder / "store.json").is_file():
                store._create(create)
            store._check_format()
            if create:
                disk.remove_leftovers(folder / "temporary")
        return store

    def realm(self, name: str) -> Realm:
        """The results of one backend and precision, for example ``torch-float32``."""
        return Realm(self, _checked(_NAME, name, "a realm"))

    def check_data(
        self, name: str, fingerprint: str, version: int = 1, warnings: Sequence[str] = ()
    ) -> None:
        """Compare the bytes of a data set with those that this store has seen, or note them, with
        the ``warnings`` of its reader.

        ``version`` is that of the reader: another reader may give other bytes. Raises DataError
        (LT307) when they are not the same.
        """
        file = self._data_file(name)
        with failing(file), self._guard():
            content = self._seen_data(name, file)
            known = content["fingerprints"].setdefault(str(version), fingerprint)
            if known == fingerprint:
                self._note_data(file, content, version, warnings)
            else:
                raise DataError(
                    f"the bytes of {name} are not those that this store's results were made "
                    f"from: their fingerprint is {fingerprint}, and was {known}",
                    code="LT307",
                    hint="give back the earlier files, or use another store with --store",
                )

    def fingerprint(self, name: str, version: int) -> str:
        """Hash of the bytes of a data set that results of this store were made from.

        Raises DataError (LT307) where none was noted.
        """
        file = self._data_file(name)
        with failing(file, "read"):
            known: str | None = self._seen_data(name, file)["fingerprints"].get(str(version))
        if known is None:
            raise DataError(f"nothing is noted of {name} in {self.folder}", code="LT307")
        return known

    def data_warnings(self, name: str, version: int) -> list[str]:
        """What the reader noticed when it read those bytes; nothing where none was noted.

        Raises DataError (LT307) where what was noted is damaged.
        """
        file = self._data_file(name)
        with failing(file, "read"):
            return list(self._seen_data(name, file)["warnings"].get(str(version), ()))

    def size(self, key: str) -> int:
        """Bytes that the results under a key take, in every realm."""
        _checked(_KEY, key, "a key")
        with failing(self.folder, "read"):
            return sum(
                file.stat().st_size
                for folder in self.folder.glob(f"results/*/{key[:2]}/{key}")
                for file in folder.iterdir()
            )

    @contextmanager
    def sole_writer(self, folder: Path) -> Iterator[Path]:
        """Be the only one, among all processes, that changes ``folder``, which is one of ``runs/``.

        Gives a new folder on the same file system to write in first, removed afterwards. A process
        that dies frees the lock, and the next one to open the store removes what it was writing.
        Raises StoreError (LT403) when something cannot be written, here or by the caller.
        """
        name = folder.relative_to(self.folder)
        file = self.folder / "locks" / name.parent / f"{name.name}.lock"
        with failing(folder):
            disk.make_folders(file.parent)
            lock = FileLock(file)
            try:
                lock.acquire(timeout=PATIENCE)
            except Timeout:
                self.report(f"waiting for another process, which is writing {folder}")
                lock.acquire()
            try:
                with self._scratch() as scratch:
                    yield scratch
            finally:
                lock.release()

    def _create(self, create: bool) -> None:
        """Write store.json into an empty or missing folder."""
        folder = self.folder
        # Another process may be at the same place, or have died there.
        others = folder.exists() and any(
            not entry.name.startswith(".store-") for entry in folder.iterdir()
        )
        if others and not (folder / "store.json").is_file():
            raise StoreError(
                f"{folder} holds other things and is not a store",
                code="LT404",
                hint="choose an empty or a new folder with --store",
            )
        if not create:
            raise StoreError(f"there is no store at {folder}", code="LT404")
        disk.make_folders(folder)
        part = folder / f".store-{secrets.token_hex(8)}"
        disk.write(part, canonical({"format": FORMAT, "about": _ABOUT}))
        disk.replace(part, folder / "store.json")

    def _check_format(self) -> None:
        file = self.folder / "store.json"
        try:
            content = json.loads(file.read_bytes())
            found = content["format"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise StoreError(
                f"{file} is damaged: it does not say which format the store has",
                code="LT404",
                hint=f'if it is a store of this version, write {{"format": {FORMAT}}} into it',
            ) from None
        if found != FORMAT:
            raise StoreError(
                f"{self.folder} has format {found!r}, and this ltspec reads format {FORMAT}",
                code="LT404",
                hint="use the ltspec that made it, or another folder with --store",
            )

    def _data_file(self, name: str) -> Path:
        return self.folder / "data" / f"{_checked(_NAME, name, 'a data set')}.json"

    def _note_data(
        self, file: Path, content: dict[str, Any], version: int, warnings: Sequence[str]
    ) -> None:
        """Write what is known of a data set, where it is not written yet."""
        noted = {**content["warnings"], str(version): list(warnings)}
        noted = {number: each for number, each in noted.items() if each}
        whole = {**content, "warnings": noted}
        if not noted:
            del whole["warnings"]  # so that nothing changes for data of which nothing is to say
        with self._scratch() as scratch:
            disk.write(scratch / "data.json", canonical(whole))
            if file.is_file() and file.read_bytes() == (scratch / "data.json").read_bytes():
                return
            disk.make_folders(file.parent)
            disk.replace(scratch / "data.json", file)

    def _seen_data(self, name: str, file: Path) -> dict[str, Any]:
        """Fingerprints and warnings of a data set, each by version of its reader."""
        empty: dict[str, Any] = {"name": name, "fingerprints": {}, "warnings": {}}
        try:
            content = json.loads(file.read_bytes())
            if content["name"] == name:
                fingerprints = dict(content["fingerprints"])
                warnings = dict(content.get("warnings", {}))  # not there in an earlier store
                return {**empty, "fingerprints": fingerprints, "warnings": warnings}
        except FileNotFoundError:
            return empty
        except (ValueError, KeyError, TypeError, RecursionError):
            pass
        raise DataError(
            f"{file} is damaged, so nobody can tell whether {name} is still the same",
            code="LT307",
            hint="delete it if you are sure of that, or use another store",
        )

    def _guard(self) -> AbstractContextManager[object]:
        """Held for moments only: while something gets its name, or loses it."""
        locks = self.folder / "locks"
        locks.mkdir(exist_ok=True)
        return FileLock(locks / "store.lock").acquire(poll_interval=0.002)

    def _scratch(self) -> AbstractContextManager[Path]:
        """A new folder on the same file system, removed afterwards."""
        return disk.scratch_folder(self.folder / "temporary")


class Realm:
    """The results of one backend and precision. Keys are hexadecimal."""

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        self.name = name

    def has(self, key: str) -> bool:
        """Whether there is a result. Cheap, for it is not read: it may still prove damaged."""
        file = self._result(key) / FACTS
        with failing(file, "read"):
            return file.is_file()

    def read(self, key: str) -> Result | None:
        """The result, verified; None when there is none. A damaged one is reported and removed."""
        return self._read(self._result(key), key, "result", load_result)

    def read_facts(self, key: str) -> dict[str, Any] | None:
        """The facts of a result alone, verified likewise; its arrays are not looked at."""
        return self._read(
            self._result(key), key, "result", lambda folder, title: load_facts(folder, title)[0]
        )

    def array_file(self, key: str) -> Path:
        """The safetensors file of a result, for people to use; nothing in it is checked here."""
        return self._result(key) / ARRAYS

    def write(self, key: str, facts: Facts, arrays: Arrays) -> None:
        """Keep a result. When there is one already, it stays and nothing is written.

        ``facts`` are JSON data: text keys, whole or finite numbers. ``arrays`` have one of
        :data:`DTYPES`. Raises ValueError or TypeError for anything else, StoreError (LT403) when
        the disk is full or the folder cannot be written; then nothing is left behind.
        """
        target = self._result(key)
        if self.has(key):
            return
        packed, record = pack(self._title(key), facts, arrays)
        with failing(target), self.store._scratch() as scratch:
            folder = scratch / "result"
            folder.mkdir()
            disk.write(folder / ARRAYS, packed)
            disk.write(folder / FACTS, record)
            disk.sync(folder)
            disk.make_folders(target.parent)
            with self.store._guard():
                if self.has(key):
                    return
                if target.exists():  # without facts: a person deleted them
                    target.rename(scratch / "incomplete")
                disk.replace(folder, target)

    @contextmanager
    def lock(self, key: str, patience: float = -1) -> Iterator[bool]:
        """Be the only one, among all processes, that makes this result.

        Gives False, and no lock, where another process has it for more than ``patience`` seconds
        from now on; below zero it waits as long as needed. A process that dies frees its locks.
        """
        file = self._path("locks", key).with_suffix(".lock")
        with failing(file):
            disk.make_folders(file.parent)
            lock = FileLock(file)
            held = True
            try:
                lock.acquire(timeout=patience)
            except Timeout:
                held = False
        try:
            yield held
        finally:
            lock.release()

    def checkpoint_write(self, run_key: str, facts: Facts, arrays: Arrays) -> None:
        """Keep a checkpoint in place of the last one. Raises as :meth:`write` does."""
        target = self._path("checkpoints", run_key)
        packed, record = pack(self._title(run_key), facts, arrays)
        name = f"{hash_of(packed)}.safetensors"
        with failing(target), self.store._scratch() as scratch:
            disk.write(scratch / name, packed)
            disk.write(scratch / FACTS, record)
            with self.store._guard():
                disk.make_folders(target)
                disk.replace(scratch / name, target / name)
                disk.replace(scratch / FACTS, target / FACTS)  # from here on it is the new one
                for file in target.iterdir():
                    if file.name not in (name, FACTS):
                        file.unlink()

    def checkpoint_read(self, run_key: str) -> Result | None:
        """The newest checkpoint, verified; None when there is none. A damaged one is reported and
        removed."""
        return self._read(self._path("checkpoints", run_key), run_key, "checkpoint", load)

    def checkpoint_facts(self, run_key: str) -> dict[str, Any] | None:
        """The facts of the newest checkpoint alone, verified likewise."""
        return self._read(
            self._path("checkpoints", run_key),
            run_key,
            "checkpoint",
            lambda folder, title: load_facts(folder, title)[0],
        )

    def checkpoint_drop(self, run_key: str) -> None:
        """Remove the checkpoint, if there is one. Raises StoreError when it cannot be removed."""
        target = self._path("checkpoints", run_key)
        with failing(target):
            if not target.exists():
                return
            with self.store._scratch() as scratch, self.store._guard(), suppress(FileNotFoundError):
                target.rename(scratch / "dropped")

    def add_point(self, run_key: str, step: int, key: str) -> None:
        """Note that the result ``key`` is the state of a training at ``step``, from which another
        stage of the same training can go on."""
        folder = self._path("points", run_key)
        with failing(folder):
            disk.make_folders(folder)
            (folder / f"{step}-{_checked(_KEY, key, 'a key')}").touch()

    def points(self, run_key: str) -> dict[int, str]:
        """Noted results of a training by step. A result may have been removed since."""
        folder = self._path("points", run_key)
        with failing(folder, "read"):
            names = sorted(file.name for file in folder.iterdir()) if folder.is_dir() else []
        notes = (_POINT.fullmatch(name) for name in names)
        return {int(note[1]): note[2] for note in notes if note}

    def _path(self, kind: str, key: str) -> Path:
        return self.store.folder / kind / self.name / _checked(_KEY, key, "a key")

    def _result(self, key: str) -> Path:
        path = self._path("results", key)
        return path.parent / key[:2] / key

    def _title(self, key: str) -> dict[str, Any]:
        """What both files say of themselves, so that one moved to another place is found out."""
        return {"format": FORMAT, "realm": self.name, "key": key}

    def _read(
        self, folder: Path, key: str, what: str, load: Callable[[Path, Facts], T]
    ) -> T | None:
        """What ``load`` finds in a folder; None after removing it when it is damaged."""
        title = self._title(key)
        with failing(folder, "read"):
            if not lexists(folder):
                return None
            with suppress(DamagedError):
                return load(folder, title)
            # Perhaps another process was just replacing it: look again while none can.
            with self.store._scratch() as scratch, self.store._guard():
                if not lexists(folder):
                    return None
                try:
                    return load(folder, title)
                except DamagedError as error:
                    reason = str(error)
                    folder.rename(scratch / "damaged")
        self.store.report(
            f"the {what} {key[:12]} was damaged ({reason}); it is removed and will be made again"
        )
        return None


def _checked(pattern: re.Pattern[str], text: str, what: str) -> str:
    """``text``, which becomes part of a path. Raises ValueError when it could lead elsewhere."""
    if not pattern.fullmatch(text):
        raise ValueError(f"{text!r} cannot be the name of {what}")
    return text
