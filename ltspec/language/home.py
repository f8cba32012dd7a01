"""Takes the file that a spec is in; gives where the files lie that it names, and keeps what was
read of them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(eq=False)
class Home:
    """Where a spec lies. What it means does not depend on it, so it is no part of the spec."""

    files: tuple[str, ...] = ()
    """Its file, behind those of the specs that name it, the first of which nobody names."""
    found: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False)
    """What was read beside it, by kind and path, so that each file is read once while a spec is
    checked and compiled."""

    def path(self, written: str) -> str:
        """The path of a file that the spec names: from the spec's own folder on. As seen from the
        working directory where it lies in it."""
        folder = Path(self.files[-1]).parent if self.files else Path()
        path = os.path.normpath(folder / written)
        return path.removeprefix(f"{Path.cwd()}{os.sep}")

    def within(self, path: str) -> Home:
        """The home of a spec that this one names."""
        return Home((*self.files, path))
