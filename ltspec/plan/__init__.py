"""Takes a spec file's text; gives a Plan, or everything that is wrong with the spec."""

from __future__ import annotations

from ltspec.errors import SpecError
from ltspec.language.source import Source
from ltspec.language.spec import Spec, examine
from ltspec.plan.rules import broken_rules


def validate(source: Source) -> Spec:
    """Check a spec completely: every key, and how keys fit together.

    Raises SpecError with all diagnostics at once, in the order of the file.
    """
    examined = examine(source)
    found = [*examined.diagnostics, *broken_rules(examined.spec)]
    if found:
        raise SpecError(source.placed(found), source.file, source.text)
    assert isinstance(examined.spec, Spec)
    return examined.spec
