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


def is_swept(tree: Any) -> bool:
    """Whether a tree has a sweep."""
    return isinstance(tree, dict) and bool(tree.get("sweep"))


class NoKeysError(Exception):
    """A path leads through something that has no such key."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def replaced(tree: Any, keys: list[str], value: Any) -> tuple[Any, Path]:
    """A copy of the tree with one value in place, and the path with list items as numbers.

    Parents that are not there are made. Raises NoKeysError.
    """
    if not keys:
        return value, ()
    key, rest = keys[0], keys[1:]
    if tree is None:
        tree = {}
    if isinstance(tree, dict):
        inner, path = replaced(tree.get(key), rest, value)
        return {**tree, key: inner}, (key, *path)
    if isinstance(tree, list):
        if not key.isascii() or not key.isdigit() or len(key) > 6 or int(key) >= len(tree):
            raise NoKeysError(
                f"`{key}` is no item of a list of {len(tree)}",
                "items count from 0; to make a list longer, set the whole list",
            )
        place = int(key)
        inner, path = replaced(tree[place], rest, value)
        return [*tree[:place], inner, *tree[place + 1 :]], (place, *path)
    raise NoKeysError(
        f"there is a plain value above `{key}`, which has no keys",
        "set the value above it as a whole",
    )
