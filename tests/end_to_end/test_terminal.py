"""On a real terminal a run shows a live bar, one line of it, whatever the width."""

from __future__ import annotations

import os
import pty
import re
import struct
from fcntl import ioctl
from pathlib import Path
from subprocess import Popen
from termios import TIOCSWINSZ

import pytest
from e2e import command, environment, write_tiny

LONG = (("duration: 40it", "duration: 6000it"),)


def screen(columns: int, *arguments: object) -> str:
    """What a program writes to a terminal so wide."""
    parent, child = pty.openpty()
    ioctl(child, TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    kept = environment(TERM="xterm-256color")
    kept.pop("COLUMNS")
    with Popen(command(*arguments), stdin=child, stdout=child, stderr=child, env=kept) as process:
        os.close(child)
        written = bytearray()
        try:
            while piece := os.read(parent, 65536):
                written += piece
        except OSError:  # Linux says so when the other side is closed
            pass
        assert process.wait(60) == 0
    os.close(parent)
    return written.decode("utf-8")


@pytest.mark.parametrize("columns", [80, 110])
def test_the_bar_shows_level_steps_loss_and_time_in_one_line(tmp_path: Path, columns: int) -> None:
    spec = write_tiny(tmp_path, *LONG)
    text = screen(columns, "run", spec, "--backend", "numpy")
    assert "Traceback" not in text
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in re.split(r"[\r\n]+", text)]
    bars = [line for line in lines if "━" in line and "loss" in line]
    assert bars
    shown = re.compile(
        r"replicate 1, level \d ━?.*[━╸╺ ]+ [\d,]+/18,000 loss [\d.]+ .*(last [\d.]+%)? .* left"
    )
    assert any(shown.search(line) for line in bars), bars[:5]
    assert all(len(line.rstrip()) <= columns for line in bars)
    assert "replicate 1, level 2, test accuracy" in text
