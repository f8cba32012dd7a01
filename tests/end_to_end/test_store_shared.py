"""One store for several processes, and stores that cannot be written."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e import (
    Done,
    assert_same_results,
    column,
    command,
    ended,
    environment,
    finished,
    ltspec,
    results,
    run_folder,
    started,
    stored_arrays,
    ticket_files,
    write_tiny,
)

LONGER = (("40it", "1500it"),)
BRANCH = "branches.fresh={kind: reinitialize}"


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of one process."""
    folder = tmp_path_factory.mktemp("alone")
    ltspec("run", write_tiny(folder, *LONGER), "--backend", "numpy", "--set", BRANCH)
    return folder / ".ltspec"


def test_two_processes_run_the_same_spec_in_one_store(alone: Path, tmp_path: Path) -> None:
    spec = write_tiny(tmp_path, *LONGER)
    call = ("run", spec, "--backend", "numpy", "--set", BRANCH, "--checkpoint-every", "0.05")
    with started(*call) as one, started(*call) as other:
        said = ended(one), ended(other)
    assert said[0].out == said[1].out  # the same table, accuracies and all
    assert_same_results(alone, tmp_path / ".ltspec")
    # Together they did each training once: no work was done twice, and none was lost.
    lines = [
        line.split(" trained")[0]
        for each in said
        for line in each.err.splitlines()
        if ": trained to step" in line
    ]
    assert len(lines) == len(set(lines)) == 5, said


def test_two_processes_write_their_results_at_once(tmp_path: Path) -> None:
    """All is in the store, so that both do nothing but write; a third one looks meanwhile."""
    spec = write_tiny(tmp_path)
    call = ("run", spec, "--backend", "numpy", "--set", BRANCH, "--set", "replicates=4")
    first = ltspec(*call)
    whole = results(tmp_path / ".ltspec")
    assert len(whole) == 2 + 4 * 4
    for _ in range(4):
        with started(*call) as one, started(*call) as other:
            while one.poll() is None or other.poll() is None:
                assert results(tmp_path / ".ltspec") == whole
            assert ended(one).out == ended(other).out == first.out
    assert results(tmp_path / ".ltspec") == whole
    assert list((tmp_path / ".ltspec" / "temporary").iterdir()) == []


def test_different_specs_share_what_is_equal(alone: Path, tmp_path: Path) -> None:
    spec = write_tiny(tmp_path, *LONGER)
    deeper = (
        "run",
        spec,
        "--backend",
        "numpy",
        "--set",
        "prune.schedule.levels=3",
        "--set",
        "name=deeper",
    )
    with (
        started("run", spec, "--backend", "numpy", "--set", BRANCH) as one,
        started(*deeper) as other,
    ):
        ended(one), ended(other)
    for name in ("accuracy", "loss"):
        mine = column(run_folder(alone) / "table.csv", name)
        both = column(run_folder(tmp_path / ".ltspec") / "table.csv", name)
        assert both == mine
        more = column(run_folder(tmp_path / ".ltspec", "deeper") / "table.csv", name)
        assert len(more) == 4
        assert more[:2] == mine[:2]


def test_side_by_side_on_torch_is_the_same_to_the_bit(tmp_path: Path) -> None:
    """With momentum, two replicates and a branch; the threads are said, as they change results."""
    changes = ("--set", BRANCH, "--set", "replicates=2", "--backend", "torch", "--threads", "1")
    for name, processes in (("alone", 1), ("together", 2)):
        (tmp_path / name).mkdir()
        spec = write_tiny(tmp_path / name)
        ltspec("run", spec, *changes, "--side-by-side", processes, seconds=240)
    one, other = (stored_arrays(tmp_path / name / ".ltspec") for name in ("alone", "together"))
    assert len(one) > 10
    assert other == one


# -- stores that cannot be written -----------------------------------------------------------------


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder in which even root can write nothing, where there is a way to have one."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    folder.chmod(0o555)
    mounted = False
    if os.geteuid() == 0:
        mounted = (
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", folder],
                check=False,
                capture_output=True,
            ).returncode
            == 0
        )
        if not mounted:
            pytest.skip("root may write into every folder, and may mount none here")
    try:
        yield folder
    finally:
        if mounted:
            subprocess.run(["umount", folder], check=True)
        folder.chmod(0o755)


def test_a_read_only_folder(read_only: Path, tmp_path: Path) -> None:
    spec = write_tiny(tmp_path)
    for store in (read_only, read_only / "store"):
        said = ltspec("run", spec, "--backend", "numpy", "--store", store, code=3)
        assert "error[LT403]" in said.err
        assert str(read_only) in said.err
        assert "--store" in said.err
    assert list(read_only.iterdir()) == []


def test_a_store_that_became_read_only_can_still_be_looked_at(tmp_path: Path) -> None:
    if (
        os.geteuid() == 0
        and subprocess.run(
            ["unshare", "--mount", "true"], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip("root may write into every folder, and may mount none here")
    spec, store = write_tiny(tmp_path), tmp_path / ".ltspec"
    first = ltspec("run", spec, "--backend", "numpy")
    if os.geteuid() == 0:
        script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
        lead = ["unshare", "--mount", "bash", "-c", script, str(store)]
    else:
        lead = []
        for folder in (store, *(path for path in store.rglob("*") if path.is_dir())):
            folder.chmod(0o555)

    def call(code: int, *arguments: object) -> Done:
        return finished(
            subprocess.run(
                [*lead, *command(*arguments)],
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
                env=environment(),
            ),
            code,
        )

    try:
        assert "holds 11 of 11" in call(0, "plan", spec).out
        assert call(0, "show", spec).out.endswith(first.out[: first.out.index("table:")])
        assert call(0, "report", spec, "--out", tmp_path / "page.html").err == ""
        assert "error[LT403]" in call(3, "report", spec).err
        more = call(3, "run", spec, "--backend", "numpy", "--set", "prune.schedule.levels=3")
        assert "error[LT403]" in more.err
    finally:
        for folder in (store, *(path for path in store.rglob("*") if path.is_dir())):
            folder.chmod(0o755)


def _no_file_beyond(size: int) -> Callable[[], None]:
    """In the child: no file may grow beyond ``size`` bytes, as on a disk that is full."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@pytest.mark.parametrize("size", [100, 4000, 9000])
def test_files_that_cannot_grow(alone: Path, size: int, tmp_path: Path) -> None:
    """The error comes at different files: store.json, initial weights, a trained state."""
    spec = write_tiny(tmp_path, *LONGER)
    call = ("run", spec, "--backend", "numpy", "--set", BRANCH)
    said = finished(
        subprocess.run(
            command(*call, "--checkpoint-every", "0"),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=environment(PYTHONDONTWRITEBYTECODE="1"),
            preexec_fn=_no_file_beyond(size),
        ),
        3,
    )
    assert "error[LT403]" in said.err
    assert str(tmp_path / ".ltspec") in said.err
    assert ticket_files(tmp_path / ".ltspec") == []
    ltspec(*call)
    assert_same_results(alone, tmp_path / ".ltspec")


def test_a_full_disk(alone: Path, tmp_path: Path) -> None:
    """A real one, of 96 kB, where one can be mounted: some of the stages fit."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", disk], check=False, capture_output=True
    )
    if mount.returncode:
        pytest.skip(f"no small disk can be mounted here: {mount.stderr!r}")
    try:
        spec = write_tiny(tmp_path, *LONGER)
        call = ("run", spec, "--backend", "numpy", "--set", BRANCH)
        said = ltspec(*call, "--store", disk / "store", code=3)
        assert "error[LT403]" in said.err
        assert "No space left on device" in said.err
        assert "free some space" in said.err
        again = ltspec(*call, "--store", disk / "store", code=3)  # still full
        assert "error[LT403]" in again.err
        subprocess.run(["mount", "-o", "remount,size=16m", disk], check=True)
        ltspec(*call, "--store", disk / "store")
        assert_same_results(alone, disk / "store")
        assert list((disk / "store" / "temporary").iterdir()) == []
    finally:
        subprocess.run(["umount", disk], check=True)
    shutil.rmtree(disk)
