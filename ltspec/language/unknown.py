"""Takes nothing; gives what a rule meets at a part of a spec that is wrong or missing."""

from __future__ import annotations


class Unknown(Exception):  # noqa: N818  (nothing went wrong: a rule asked for what is not known)
    """A part of a spec that is wrong or missing was asked for. Never reaches a user."""
