"""Ctrl-C and a polite request to end, in the middle of a training."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from e2e import assert_same_results, ended, ltspec, started, ticket_files, write_tiny

STEPS = 6000
LONG = (("40it", f"{STEPS}it"), ("levels: 2", "levels: 1"), ("[12]", "[24, 16]"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of the same run, uninterrupted."""
    folder = tmp_path_factory.mktemp("whole")
    ltspec("run", write_tiny(folder, *LONG), "--backend", "torch", "--device", "cpu")
    return folder / ".ltspec"


def _wait_for(process: subprocess.Popen[str], store: Path, pattern: str) -> None:
    """Wait until something is in the store."""
    until = time.monotonic() + 90
    while not any(store.glob(pattern)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_goes_on(number: signal.Signals, whole: Path, tmp_path: Path) -> None:
    spec, store = write_tiny(tmp_path, *LONG), tmp_path / ".ltspec"
    call = ("run", spec, "--backend", "torch", "--device", "cpu")
    # Once in the dense training, once in that of the ticket: 0.05 s of checkpoints say when.
    with started(*call, "--checkpoint-every", "0.05") as process:
        _wait_for(process, store, "checkpoints/*/*/facts.json")
        process.send_signal(number)
        first = ended(process, 130)
    with started(*call) as process:  # without checkpoints on the way: the signal itself saves
        _wait_for(process, store, "results/*/*/*/facts.json")
        time.sleep(0.2)
        process.send_signal(number)
        second = ended(process, None)
    for said in (first, second):
        if said is second and said.code == 0:
            continue  # it was quicker than the signal
        assert said.code == 130, said
        assert "error[LT405]" in said.err
        assert "run the same command again to go on" in said.err
        assert said.out == ""
    assert not ticket_files(store) or second.code == 0
    third = ltspec(*call)
    assert_same_results(whole, store)
    goes_on = [int(step.replace(",", ""))
               for said in (second, third)
               for step in re.findall(r"goes on from step ([\d,]+)", said.err)]
    assert goes_on, (second, third)
    assert all(0 < step < STEPS for step in goes_on)
    assert not [file for file in (store / "checkpoints").rglob("*") if file.is_file()]


def test_the_signal_itself_saves_the_training(whole: Path, tmp_path: Path) -> None:
    """With checkpoints an hour apart, what was trained until the signal is still not lost."""
    spec, store = write_tiny(tmp_path, *LONG), tmp_path / ".ltspec"
    call = ("run", spec, "--backend", "torch", "--device", "cpu", "--checkpoint-every", "3600")
    with started(*call) as process:
        _wait_for(process, store, "data/digits.json")  # the training is about to start
        time.sleep(0.8)
        process.send_signal(signal.SIGINT)
        said = ended(process, 130)
    assert "error[LT405]" in said.err
    assert any((store / "checkpoints").rglob("facts.json")) or "trained to step" in said.err, said
    again = ltspec(*call)
    assert "goes on from step" in again.err or "trained to step" in said.err, (said, again)
    assert_same_results(whole, store)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("delay", [0.05, 0.2, 0.4, 0.7])
def test_a_signal_while_it_starts(number: signal.Signals, delay: float, tmp_path: Path) -> None:
    """Wherever it arrives, while modules are imported too, there is no traceback."""
    spec = write_tiny(tmp_path, ("40it", "20000it"))
    with started("run", spec, "--backend", "numpy") as process:
        time.sleep(delay)
        process.send_signal(number)
        said = ended(process, None)
    # Before Python has installed our handlers the system ends it, without a word.
    assert said.code in (130, -number), said
