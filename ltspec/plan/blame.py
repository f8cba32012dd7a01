"""Takes a spec of which all keys were looked at; gives what does not fit together.

What only follows from something else that is wrong is left out.

A batch that is larger than the data makes a training of a few steps, and then no rewind point lies
before its end. The second is no mistake of its own: it goes when the first is mended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ltspec.errors import Diagnostic, Path
from ltspec.language.spec import Examined
from ltspec.plan.rules import all_broken_rules

MOST_ASKED = 40
"""Findings that are looked at in this way; rules are asked again for each."""


def on_their_own(
    examined: Examined, broken: Callable[[Any], list[Diagnostic]] = all_broken_rules
) -> list[Diagnostic]:
    """What rules find that they would also find if the values that other findings are about were
    not known. ``broken`` asks the rules."""
    found = [each for each in broken(examined.spec) if each.path not in examined.meant]
    # What is wrong with another spec stands there; said once, however many branches name it.
    elsewhere = list(dict.fromkeys(each for each in found if each.position is not None))
    found = [each for each in found if each.position is None]
    if not 1 < len(found) <= MOST_ASKED:
        return [*found, *elsewhere]
    left = list(found)
    # Rules stand in the order in which one thing follows from another, so the last ones first.
    for each in reversed(found):
        others = [
            other.path
            for other in left
            if _may_cause(other, each) and _is_one_value(other, examined)
        ]
        if others:
            again = {(one.code, one.path) for one in broken(examined.without(others))}
            if (each.code, each.path) not in again:
                left.remove(each)
    return [*left, *elsewhere]


def _may_cause(other: Diagnostic, each: Diagnostic) -> bool:
    """Whether one finding may follow from another: what is wrong in the same way is not, and
    neither is what lies within the other."""
    return other.code != each.code and each.path[: len(other.path)] != other.path


def _is_one_value(found: Diagnostic, examined: Examined) -> bool:
    """Whether it is about a value, and not about a section in which something is missing."""
    value: object = examined.source.tree
    path: Path = found.path
    for key in path:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            return False
    return not isinstance(value, dict)
