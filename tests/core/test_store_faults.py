"""Kills, bit rot, a full disk, two writers: nothing wrong is ever read from a store."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltspec.engine import disk
from ltspec.engine.record import DamagedError, load_facts
from ltspec.engine.store import Realm, Store
from ltspec.errors import StoreError

KEY = "0123456789abcdef" * 4
unix = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and kill -9")


@pytest.fixture
def reports() -> list[str]:
    return []


@pytest.fixture
def realm(tmp_path: Path, reports: list[str]) -> Realm:
    return Store.open(tmp_path / "store", report=reports.append).realm("torch-float32")


def folder_of(realm: Realm) -> Path:
    return realm.store.folder / "results" / "torch-float32" / "01" / KEY


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Run Python code that sees the same modules as we do."""
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )


PRELUDE = """
import os, resource, signal, sys
from pathlib import Path
import numpy as np
from ltspec.engine.store import Store
from ltspec.errors import StoreError
KEY = "0123456789abcdef" * 4
"""


@pytest.mark.parametrize("name", ["facts.json", "arrays.safetensors"])
@pytest.mark.parametrize("harm", ["missing", "empty", "half", "longer", "a folder"])
def test_a_damaged_result_is_named_and_made_again(
    name: str, harm: str, realm: Realm, reports: list[str]
) -> None:
    realm.write(KEY, {"n": 1}, {"a": np.arange(50)})
    file = folder_of(realm) / name
    data = file.read_bytes()
    file.unlink()
    match harm:
        case "empty" | "half" | "longer":
            file.write_bytes({"empty": b"", "half": data[:90], "longer": data + b"\n"}[harm])
        case "a folder":
            file.mkdir()
    assert realm.read(KEY) is None
    assert len(reports) == 1
    assert f"the result {KEY[:12]} was damaged ({name} " in reports[0]
    assert not realm.has(KEY)
    realm.write(KEY, {"n": 2}, {})
    assert realm.read_facts(KEY) == {"n": 2}
    assert not any((realm.store.folder / "temporary").iterdir())


def test_a_result_without_facts_is_replaced_by_a_new_one(realm: Realm) -> None:
    realm.write(KEY, {"n": 1}, {})
    (folder_of(realm) / "facts.json").unlink()
    realm.write(KEY, {"n": 2}, {})
    assert realm.read_facts(KEY) == {"n": 2}


def test_a_result_that_was_moved_is_not_another_result(realm: Realm, reports: list[str]) -> None:
    realm.write(KEY, {"n": 1}, {})
    other = "01" + "f" * 62
    shutil.copytree(folder_of(realm), folder_of(realm).with_name(other))
    assert realm.read(other) is None
    elsewhere = realm.store.realm("numpy-float64")
    results = realm.store.folder / "results"
    shutil.copytree(results / "torch-float32", results / elsewhere.name)
    assert elsewhere.read_facts(KEY) is None
    assert ["belongs elsewhere" in report for report in reports] == [True, True]
    assert realm.read_facts(KEY) == {"n": 1}


def test_no_bit_of_the_facts_is_free(realm: Realm) -> None:
    realm.write(KEY, {"loss": 0.125, "name": "x"}, {})
    folder, title = folder_of(realm), {"format": 1, "realm": "torch-float32", "key": KEY}
    data = (folder / "facts.json").read_bytes()
    assert load_facts(folder, title)[0] == {"loss": 0.125, "name": "x"}
    for place in range(len(data)):
        for bit in range(8):
            wrong = bytearray(data)
            wrong[place] ^= 1 << bit
            (folder / "facts.json").write_bytes(wrong)
            with pytest.raises(DamagedError):
                load_facts(folder, title)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 2**31), st.integers(0, 7), st.booleans())
def test_a_flipped_bit_of_the_arrays_is_never_accepted(
    realm: Realm, place: int, bit: int, as_checkpoint: bool
) -> None:
    arrays = {"a": np.arange(20)}
    if as_checkpoint:
        realm.checkpoint_write(KEY, {}, arrays)
        folder, read = realm.store.folder / "checkpoints" / realm.name / KEY, realm.checkpoint_read
    else:
        realm.write(KEY, {}, arrays)
        folder, read = folder_of(realm), realm.read
    (file,) = folder.glob("*.safetensors")
    data = bytearray(file.read_bytes())
    data[place % len(data)] ^= 1 << bit
    file.write_bytes(data)
    assert read(KEY) is None
    assert not folder.exists()


def test_what_was_repaired_meanwhile_is_not_removed(
    realm: Realm, reports: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between finding damage and removing it, another process may have written a good result."""
    realm.write(KEY, {"n": 1}, {})
    file = folder_of(realm) / "facts.json"
    good = file.read_bytes()
    file.write_bytes(b"{}")
    guard = Store._guard

    def repaired_first(store: Store) -> object:
        file.write_bytes(good)
        return guard(store)

    monkeypatch.setattr(Store, "_guard", repaired_first)
    assert realm.read_facts(KEY) == {"n": 1}
    assert not reports


def test_a_result_that_another_wrote_meanwhile_stays(
    realm: Realm, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = Store._guard

    def another_first(store: Store) -> object:
        monkeypatch.setattr(Store, "_guard", guard)
        realm.write(KEY, {"writer": "another"}, {"a": np.arange(3)})
        return guard(store)

    monkeypatch.setattr(Store, "_guard", another_first)
    realm.write(KEY, {"writer": "we"}, {})
    assert realm.read_facts(KEY) == {"writer": "another"}
    assert not any((realm.store.folder / "temporary").iterdir())


def test_a_lock_that_was_taken_for_a_leftover_is_not_used(
    realm: Realm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may remove the lock file between its making and its locking."""
    locked = []

    class Lock(FileLock):
        def __enter__(self) -> Lock:
            entered = super().__enter__()
            locked.append(Path(self.lock_file))
            if len(locked) == 1:
                locked[0].unlink()
            return entered

    monkeypatch.setattr(disk, "FileLock", Lock)
    with disk.scratch_folder(realm.store.folder / "temporary") as folder:
        assert len(locked) == 2
        assert folder.with_suffix(".lock") == locked[1]
        assert locked[1].exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("name", ["arrays.safetensors", "facts.json"])
def test_a_disk_that_fails_leaves_nothing_behind(
    number: int, name: str, realm: Realm, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = disk.write

    def write(file: Path, data: bytes) -> None:
        if file.name == name or (file.suffix == ".safetensors" and name.endswith(".safetensors")):
            file.write_bytes(data[: len(data) // 2])
            raise OSError(number, os.strerror(number), str(file))
        real(file, data)

    realm.checkpoint_write(KEY, {"step": 1}, {"a": np.arange(3)})
    monkeypatch.setattr(disk, "write", write)
    for call in (realm.write, realm.checkpoint_write):
        with pytest.raises(StoreError, match=os.strerror(number)) as caught:
            call(KEY, {"step": 2}, {"a": np.arange(9)})
        assert caught.value.code == "LT403"
        assert str(realm.store.folder) in caught.value.message
        assert ("free some space" in caught.value.hint) == (number == errno.ENOSPC)
    assert not any((realm.store.folder / "temporary").iterdir())
    assert realm.read(KEY) is None
    checkpoint = realm.checkpoint_read(KEY)
    assert checkpoint is not None
    assert checkpoint.facts == {"step": 1}


@unix
def test_a_file_that_the_system_will_not_let_grow(tmp_path: Path) -> None:
    """A real refusal by the kernel in the middle of a write."""
    child = start(
        """
realm = Store.open(Path(sys.argv[1])).realm("a")
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    realm.write(KEY, {}, {"a": np.zeros(10_000)})
except StoreError as error:
    print(error.code, error.message)
""",
        tmp_path,
    )
    out, err = child.communicate(timeout=60)
    assert out.startswith("LT403 cannot write"), err
    assert not any((tmp_path / "temporary").iterdir())
    assert not Store.open(tmp_path).realm("a").has(KEY)


@unix
def test_killed_before_any_file_operation_the_store_holds_the_old_or_the_new(
    tmp_path: Path,
) -> None:
    """Kill -9 before the first, second, ... last operation on files that a write makes."""
    child = start(
        """
def killed_at(number, work):
    child = os.fork()
    if not child:
        left = [number]
        def hook(event, arguments):
            if event in ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "fcntl.flock"):
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(hook)
        work()
        os._exit(0)
    return os.waitpid(child, 0)[1] != 0

def value(found):
    assert set(found.arrays["w"].tolist()) == {found.facts["step"]}
    return found.facts["step"]

def kill_everywhere(work, check):
    number, seen = 0, set()
    while killed_at(number, work):
        realm = Store.open(folder, report=reports.append).realm("a")
        assert not list(folder.glob("temporary/*")), number
        seen.add(check(realm))
        assert not reports, reports
        number += 1
    return number, *sorted(seen, key=str)

folder, reports = Path(sys.argv[1]), []
realm = Store.open(folder).realm("a")
content = lambda step: ({"step": step}, {"w": np.full(1000, step)})

def check_result(realm):
    found = realm.read(KEY)
    if found is None:
        return None
    step = value(found)
    away = f"away{len(os.listdir(folder / 'results/a'))}"
    os.rename(folder / "results/a/01", folder / "results/a" / away)
    return step

def check_checkpoint(realm):
    step = value(realm.checkpoint_read(KEY))
    realm.checkpoint_write(KEY, *content(1))
    return step

print(*kill_everywhere(lambda: realm.write(KEY, *content(1)), check_result))
realm.checkpoint_write(KEY, *content(1))
print(*kill_everywhere(lambda: realm.checkpoint_write(KEY, *content(2)), check_checkpoint))
""",
        tmp_path,
    )
    out, err = child.communicate(timeout=120)
    assert child.returncode == 0, err
    (results, *seen), (checkpoints, *also) = (line.split() for line in out.splitlines())
    assert int(results) > 10
    assert int(checkpoints) > 10
    assert (seen, also) == (["1", "None"], ["1", "2"])


@unix
def test_killed_at_random_moments(tmp_path: Path) -> None:
    code = """
realm = Store.open(Path(sys.argv[1])).realm("a")
print("on", flush=True)
for step in range(int(sys.argv[2]), 10**9):
    content = {"step": step}, {"w": np.full(50_000, step)}
    realm.checkpoint_write(KEY, *content)
    realm.write(f"{step:064x}", *content)
"""
    moments, reports = random.Random(1), []
    newest = -1
    for number in range(5):
        child = start(code, tmp_path, 100_000 * number)
        assert child.stdout is not None
        assert child.stdout.readline() == "on\n"
        time.sleep(0.05 + 0.2 * moments.random())
        child.send_signal(signal.SIGKILL)
        child.communicate()
        realm = Store.open(tmp_path, report=reports.append).realm("a")
        checkpoint = realm.checkpoint_read(KEY)
        step = newest if checkpoint is None else checkpoint.facts["step"]
        assert step >= newest
        newest = step
        for folder in tmp_path.glob("results/a/*/*"):
            found = realm.read(folder.name)
            assert found is not None
            assert found.facts["step"] == int(folder.name, 16)
            assert set(found.arrays["w"].tolist()) == {found.facts["step"]}
    assert newest > 0
    assert not reports


@unix
def test_many_writers_of_the_same_keys(tmp_path: Path) -> None:
    """Each writes other bytes under the same keys; every reader sees one writer's, whole."""
    code = """
writer = int(sys.argv[2])
realm = Store.open(Path(sys.argv[1])).realm("a")
print("on", flush=True)
sys.stdin.readline()
for number in range(15):
    key = f"{number:064x}"
    realm.write(key, {"writer": writer}, {"w": np.full(1000, writer)})
    found = realm.read(key)
    assert set(found.arrays["w"].tolist()) == {found.facts["writer"]}
    realm.checkpoint_write(KEY, {"writer": writer}, {"w": np.full(1000, writer)})
    found = realm.checkpoint_read(KEY)
    assert set(found.arrays["w"].tolist()) == {found.facts["writer"]}
    realm.store.check_data("mnist", "aa")
"""
    children = [start(code, tmp_path, writer) for writer in range(3)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "on\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        _, err = child.communicate(timeout=120)
        assert child.returncode == 0, err
    realm = Store.open(tmp_path).realm("a")
    for number in range(15):
        found = realm.read(f"{number:064x}")
        assert found is not None
        assert set(found.arrays["w"].tolist()) == {found.facts["writer"]}
    assert not any((tmp_path / "temporary").iterdir())


@unix
def test_a_lock_waits_and_is_freed_by_a_kill(tmp_path: Path) -> None:
    child = start(
        """
with Store.open(Path(sys.argv[1])).realm("a").lock(KEY):
    print("held", flush=True)
    signal.pause()
""",
        tmp_path,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    realm = Store.open(tmp_path).realm("a")
    with realm.lock("f" * 64, patience=0) as mine:
        assert mine
    for patience in (0, 0.2):
        with realm.lock(KEY, patience) as mine:
            assert not mine
    threading.Timer(0.2, child.kill).start()
    with realm.lock(KEY) as mine:
        assert mine
    child.communicate()
