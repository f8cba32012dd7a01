"""Ctrl-C and a polite request to end, in the middle of a training."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from e2e import (
    Done,
    assert_same_results,
    ended,
    ltspec,
    started,
    ticket_files,
    write_tiny,
)

STEPS = 6000
LONG = (("40it", f"{STEPS}it"), ("levels: 2", "levels: 1"), ("[12]", "[24, 16]"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of the same run, uninterrupted."""
    folder = tmp_path_factory.mktemp("whole")
    ltspec("run", write_tiny(folder, *LONG), "--backend", "torch", "--device", "cpu")
    return folder / ".ltspec"


def _read_until(process: subprocess.Popen[str], words: str) -> str:
    """What it says up to the line with ``words``, which it must say."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if words in line:
            return said
    raise AssertionError(f"it never said {words!r}, but:\n{said}")


def _wait_for_checkpoint(process: subprocess.Popen[str], store: Path) -> None:
    until = time.monotonic() + 90
    while not any(store.glob("checkpoints/*/*/facts.json")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.005)


def _says_how_to_go_on(said: Done) -> None:
    assert "error[LT405]" in said.err
    assert "run the same command again to go on" in said.err
    assert said.out == ""


def _steps_gone_on_from(text: str) -> list[int]:
    return [int(step.replace(",", "")) for step in re.findall(r"goes on from step ([\d,]+)", text)]


def _seconds_of_level_0(said: str) -> float:
    """What the run says that it took."""
    found = re.search(r"level 0: trained .* \((\d+\.\d) s\)", said)
    return float(found[1]) if found else 0.0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_goes_on(
    number: signal.Signals, whole: Path, tmp_path: Path
) -> None:
    spec, store = write_tiny(tmp_path, *LONG), tmp_path / ".ltspec"
    call = ("run", spec, "--backend", "torch", "--device", "cpu")
    with started(*call, "--checkpoint-every", "0.05") as process:
        _wait_for_checkpoint(process, store)
        process.send_signal(number)
        _says_how_to_go_on(ended(process, 130))
    # Again, in the training of the ticket. With checkpoints an hour apart it is the signal that
    # saves what was trained until it came.
    with started(*call, "--checkpoint-every", "3600") as process:
        text = _read_until(process, "level 0, test accuracy")
        # Well into the training that follows, however busy the machine is.
        time.sleep(max(0.3, 0.3 * _seconds_of_level_0(text)))
        process.send_signal(number)
        second = ended(process, 130)
    _says_how_to_go_on(second)
    assert not ticket_files(store)
    third = ltspec(*call)
    for said in (text, third.err):
        (step,) = _steps_gone_on_from(said)
        assert 0 < step < STEPS
    assert "level 0" not in third.err  # that was finished
    assert_same_results(whole, store)
    assert not [file for file in (store / "checkpoints").rglob("*") if file.is_file()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("delay", [0.4, 0.6, 0.9])
def test_a_signal_while_it_starts(number: signal.Signals, delay: float, tmp_path: Path) -> None:
    """Wherever it arrives once the program itself has begun, there is no traceback.

    (Before that it is Python's own start, which nobody but Python can make quiet.)
    """
    spec = write_tiny(tmp_path, ("40it", "20000it"))
    with started("run", spec, "--backend", "numpy") as process:
        time.sleep(delay)
        process.send_signal(number)
        said = ended(process, None)
    # Before Python has installed our handlers the system ends it, without a word.
    assert said.code in (130, -number), said
