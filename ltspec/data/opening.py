"""Takes what the system says of a file that cannot be read; gives the error with its remedy.

numpy is not loaded: folders of images are listed when a spec is validated.
"""

from __future__ import annotations

import errno
from pathlib import Path

from ltspec.errors import DataError

PAGE = "docs/data.md says which files go where"
"""Ends a hint on putting files by hand: the page of the documentation."""

_MAY_NOT = "let this user read it and enter the folders above it (ls -l shows who may)"
_REMEDIES = {
    errno.EACCES: _MAY_NOT,
    errno.EPERM: _MAY_NOT,
    errno.ENOENT: "put it there again; or remove it, if it is a link that leads nowhere",
    errno.EISDIR: "move it away: it is a folder with the name of a file",
    errno.ENOTDIR: "look at its path: a part of it is a file, and not a folder",
    errno.ELOOP: "remove it: it is a link that leads back to itself",
    errno.EIO: "copy it there again, or to another disk: this one cannot give it back",
    errno.EMFILE: "let this user open more files at once (ulimit -n)",
}
_OTHERWISE = "see whether other programs can read it; if not, put it there again"


def unreadable(file: Path | str, error: OSError) -> DataError:
    """The error (LT305) for a file or a folder that the system does not give us."""
    reason = error.strerror or str(error) or type(error).__name__
    return DataError(
        f"{file} cannot be read: {reason}",
        code="LT305",
        hint=_REMEDIES.get(error.errno or 0, _OTHERWISE),
    )


def no_file(file: Path | str) -> DataError:
    """The error (LT306) for a pipe, a device or a socket that has the name of an image."""
    return DataError(
        f"{file} is no file",
        code="LT306",
        hint="remove it, or put an image in its place: only regular files are read",
    )
