"""Takes the bytes of files; gives them their names in a run's folder when all of them are there."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ltspec.engine import disk


@dataclass
class Drafts:
    """Files that are to lie in ``folder``, written in ``scratch`` until then.

    For the only process that changes the folder: :meth:`ltspec.engine.store.Store.sole_writer`
    gives ``scratch``, and removes it. Every method raises OSError where the disk does.
    """

    folder: Path
    scratch: Path
    _drafts: dict[Path, Path] = field(default_factory=dict)
    """By where it is to lie in the folder."""

    def add(self, place: Path, data: bytes) -> None:
        """Write a file that is to lie at ``place`` in the folder."""
        draft = self.scratch / f"draft-{len(self._drafts)}"
        disk.write(draft, data)
        self._drafts[place] = draft

    def drop(self, name: str) -> None:
        """Take a file, or a folder as a whole, away from the folder."""
        with suppress(FileNotFoundError):
            (self.folder / name).rename(self.scratch / f"dropped-{name}")

    def drop_others(self, name: str) -> None:
        """Take away from a folder in the folder what no draft is for, and what is empty."""
        wanted = {self.folder / place for place in self._drafts}
        # What lies in a folder comes before it.
        for entry in sorted((self.folder / name).rglob("*"), reverse=True):
            if entry.is_dir() and not entry.is_symlink():
                with suppress(OSError):  # it is not empty
                    entry.rmdir()
            elif entry not in wanted:
                entry.unlink()

    def place(self) -> None:
        """Give every draft its name, in the order in which they were written."""
        for place, draft in self._drafts.items():
            target = self.folder / place
            disk.make_folders(target.parent)
            disk.replace(draft, target)
