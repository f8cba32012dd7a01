"""Takes JSON data or text that anybody may have written; gives the one text of it, or the data.

Standard library alone: ``validate`` reads what a ticket file says of itself without NumPy.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

DEEPEST = 60
"""Levels of lists and mappings in one another; a spec in a ticket has about ten."""


def canonical(content: Any) -> str:
    """JSON data as text in ASCII that is the same for equal data: keys in order, no spaces.

    Raises ValueError or TypeError for what JSON does not have: infinite numbers, NaN, other types.
    """
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def hash_of(data: bytes) -> str:
    """sha256 as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def strict(text: str) -> Any:
    """JSON text as data: no key twice, no infinite number, no NaN, and not nested without end.

    Raises ValueError with a few words that say what is wrong.
    """
    try:
        content = json.loads(text, object_pairs_hook=_without_twins, parse_constant=_refuse)
        # Halves of surrogate pairs are JSON, and no text that could be shown.
        json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError("it holds half a character") from None
    if _depth(content) > DEEPEST:
        raise ValueError("it is nested too deeply")
    return content


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is written twice")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


def _depth(content: Any) -> int:
    """How many lists and mappings lie in one another; level by level, for it may be very many."""
    depth, level = 0, [content]
    while level:
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner += each.values()
            elif isinstance(each, list):
                inner += each
        depth, level = depth + 1, inner
    return depth
