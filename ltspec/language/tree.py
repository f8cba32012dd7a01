"""Takes a spec's tree as YAML says it; gives it as models take it, and what in it is empty."""

from __future__ import annotations

from typing import Any

from ltspec.errors import Diagnostic, Path


def dotted(path: Path) -> str:
    """``train.optimizer.lr``, as ``--set`` and ``explain`` take it."""
    return ".".join(str(element) for element in path)


def empties(tree: Any, path: Path = ()) -> list[Diagnostic]:
    """A diagnostic for every key or item with nothing behind it: nothing is never a value."""
    if isinstance(tree, dict):
        return [found for key, value in tree.items() for found in empties(value, (*path, key))]
    if isinstance(tree, list):
        return [found for i, value in enumerate(tree) for found in empties(value, (*path, i))]
    if tree is not None:
        return []
    message = f"nothing is written behind `{dotted(path)}`"
    return [Diagnostic("LT103", message, path, "write a value, or leave the key out", "empty")]


def tuples(tree: Any) -> Any:
    """The tree with lists as tuples: strict models take no list for a tuple."""
    if isinstance(tree, dict):
        return {key: tuples(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return tuple(tuples(value) for value in tree)
    return tree
