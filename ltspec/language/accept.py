"""Takes a Source; gives its spec without diagnostics and without models, where nothing is wrong.

``ltspec validate`` in CI and in an editor meets right specs most of the time, and loading Pydantic
takes longer than all the rest of it. Here pydantic-core validates by a schema that was made before.
"""

from __future__ import annotations

from typing import Any

import pydantic_core

from ltspec.language import generated
from ltspec.language.combinations import combinations
from ltspec.language.source import Source
from ltspec.language.tree import empties, tuples


def accept(source: Source) -> Any | None:
    """The spec as attributes, as rules read it; None where ``examine`` has to look at it.

    Raises:
        pydantic_core.ValidationError: a key is wrong.
    """
    if pydantic_core.__version__ != generated.PYDANTIC_CORE or empties(source.tree):
        return None
    if "preset" in source.tree:
        from ltspec.language.presets import expanded  # few specs need it

        source = expanded(source)
    validator = pydantic_core.SchemaValidator(generated.SCHEMA)
    spec = validator.validate_python(tuples(source.tree))
    return None if any(combinations(spec)) else spec
