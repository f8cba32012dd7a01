"""Takes a spec file's text; gives a Plan, or everything that is wrong with the spec."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ltspec.errors import SpecError
from ltspec.language.tree import is_swept

if TYPE_CHECKING:
    from ltspec.language.source import Source
    from ltspec.language.spec import Spec


def validate(source: Source) -> Spec:
    """Check a spec completely: every key, and how keys fit together.

    Raises SpecError with all diagnostics at once, in the order of the file.
    """
    from ltspec.language.spec import Spec, examine  # loads Pydantic, which `is_fine` does not

    examined = examine(source)
    found = list(examined.diagnostics)
    if is_swept(source.tree):
        from ltspec.plan.sweeping import problems

        found += problems(examined.source, found)
    else:
        from ltspec.plan.blame import on_their_own

        found += on_their_own(examined)
    if found:
        raise SpecError(examined.source.placed(found), source.file, source.text)
    assert isinstance(examined.spec, Spec)
    return examined.spec


def checked(source: Source) -> Any:
    """A spec without a sweep, found right: with attributes alone where the short way of
    :func:`is_fine` does, else as :func:`validate` gives it.

    Raises SpecError as that does.
    """
    spec = None
    with suppress(Exception):  # as in `is_fine`: the other way tells what is wrong
        spec = _by_the_short_way(source)
    return validate(source) if spec is None else spec


def is_fine(source: Source) -> bool:
    """Whether a spec is found right by a short way: the checks of :func:`validate`, no models.

    False says nothing: then :func:`validate` finds out what is wrong, if anything is.
    """
    try:
        if is_swept(source.tree):
            from ltspec.language.accept import accept
            from ltspec.plan.sweeping import points_are_fine

            return accept(source) is not None and points_are_fine(source)
        return _by_the_short_way(source) is not None
    except Exception:  # a wrong key, or a mistake of this way: the other one tells them apart
        return False


def _by_the_short_way(source: Source) -> Any | None:
    """A spec without a sweep that is right, with attributes alone; None where it is not known to
    be."""
    from ltspec.language.accept import accept
    from ltspec.plan.rules import all_broken_rules

    spec = accept(source)
    return None if spec is None or all_broken_rules(spec) else spec
