"""Takes an error code; gives its page, as ``ltspec explain`` shows it and SARIF carries it."""

from __future__ import annotations

from pathlib import Path

from ltspec.errors import CODES

FOLDER = Path(__file__).parent / "cli" / "pages"


def page(code: str) -> str:
    """The page of a code, in Markdown.

    Raises:
        KeyError: no such code.
    """
    if code not in CODES:
        raise KeyError(code)
    return (FOLDER / f"{code}.md").read_text(encoding="utf-8")
