"""Takes a Source; gives its spec without diagnostics and without models, where nothing is wrong.

``ltspec validate`` in CI and in an editor meets right specs most of the time, and loading Pydantic
takes longer than all the rest of it. Here pydantic-core validates by a schema that was made before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pydantic_core

from ltspec.language import generated
from ltspec.language.combinations import combinations
from ltspec.language.home import Home
from ltspec.language.source import Source
from ltspec.language.tree import empties, is_swept, tuples


def accept(source: Source) -> Any | None:
    """The spec as attributes, as rules read it; None where ``examine`` has to look at it.

    Raises:
        pydantic_core.ValidationError: a key is wrong.
    """
    wrong = source.problems or empties(source.tree)
    if pydantic_core.__version__ != generated.PYDANTIC_CORE or wrong:
        return None
    source = _with_preset(source)
    validator = pydantic_core.SchemaValidator(generated.SCHEMA)
    return _right(validator, source.tree, source.home, swept=is_swept(source.tree))


def accept_points(source: Source) -> Iterator[Any | None]:
    """The same of each point of a sweep that :func:`accept` takes as a whole; None at once where
    the sweep is not in order."""
    from ltspec.language.points import points, read_axes  # few specs have a sweep

    source = _with_preset(source)
    axes, wrong = read_axes(source.tree)
    if wrong:
        yield None
        return
    validator = pydantic_core.SchemaValidator(generated.SCHEMA)
    for point in points(axes):
        yield _right(validator, point.tree(source.tree), source.home, swept=False)


def _with_preset(source: Source) -> Source:
    if "preset" not in source.tree:
        return source
    from ltspec.language.presets import expanded  # few specs need it

    return expanded(source)


def _right(
    validator: pydantic_core.SchemaValidator, tree: Any, home: Home, *, swept: bool
) -> Any | None:
    spec = validator.validate_python(tuples(tree))
    spec.home = home
    return None if not swept and any(combinations(spec)) else spec
