"""Takes a Source that starts from a preset; gives it with the preset's keys beneath its own.

A preset is a cited recipe that ships with ltspec: ``GROUP/NAME.yaml`` in ``ltspec/presets``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any

from ltspec.errors import Diagnostic, Path, SpecError
from ltspec.language.composing import Mark
from ltspec.language.source import Source, read
from ltspec.language.tree import dotted

FOLDER = FilePath(__file__).parents[1] / "presets"
KEY = "preset"
OF_PRESETS = ("model", "data", "train", "prune")
"""Sections that a preset may have."""
_KINDS = ("family", "kind", "name")
"""Keys that say which of several sections one is."""
_ONE_OF_SEVERAL = ("model", "optimizer", "lr_schedule", "criterion", "schedule")
"""Sections that may be of one kind or another: with another kind they are other sections."""
_WHOLE = ("rewind",)
"""Sections whose keys exclude each other: written at all, they are written whole."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A recipe, and where it comes from."""

    name: str
    """``GROUP/NAME``."""
    about: str
    """What it is, in a sentence."""
    source: str
    """Paper and place, and what else was consulted."""
    expect: str
    """What one should get, in words, with the trust that it deserves."""
    spec: dict[str, Any]
    """Sections of a spec."""


def names() -> list[str]:
    """Every preset, by group and name."""
    return sorted(f"{file.parent.name}/{file.stem}" for file in FOLDER.glob("*/*.yaml"))


def load(name: str) -> Preset:
    """The preset of this name. Raises KeyError where there is none."""
    if name not in names():
        raise KeyError(name)
    return Preset(name, **read(FOLDER / f"{name}.yaml").tree)


def expanded(source: Source) -> Source:
    """The source with every key of its preset that it does not write itself.

    Sections are joined key by key, and what is written in the spec wins. A section of another kind
    than the preset's (another optimizer, say), ``rewind`` and lists take the place of the preset's
    as a whole. What comes from the preset stands, for diagnostics, where the preset is named.

    Raises SpecError (LT255) for a preset that there is not.
    """
    if KEY not in source.tree:
        return source
    name = source.tree[KEY]
    if not isinstance(name, str) or name not in names():
        raise SpecError(source.placed([_unknown(name)]), source.file, source.text)
    taken: list[Path] = []
    tree = _joined(load(name).spec, source.tree, (), taken)
    notes = {}
    if here := source.positions.get((KEY,)):
        notes = {
            path: Mark(here.key, here.value, f"`{dotted(path)}` comes from the preset")
            for path in taken
        }
    ordered = {key: tree[key] for key in (*source.tree, *tree)}
    return replace(source, tree=ordered, positions={**notes, **source.positions})


def _joined(preset: Any, own: Any, path: Path, taken: list[Path]) -> Any:
    """``own`` with what ``preset`` has besides; the paths of that go into ``taken``."""
    if not (isinstance(preset, dict) and isinstance(own, dict)) or _is_another(preset, own, path):
        return own
    tree = {}
    for key, value in preset.items():
        here = (*path, key)
        if key in own:
            tree[key] = _joined(value, own[key], here, taken)
        else:
            tree[key] = value
            taken.extend(_paths(value, here))
    return {**tree, **{key: value for key, value in own.items() if key not in tree}}


def _is_another(preset: dict[str, Any], own: dict[str, Any], path: Path) -> bool:
    """Whether a section that is written is not the preset's with a few keys changed."""
    last = path[-1] if path else ""
    if last in _WHOLE:
        return True
    if last not in _ONE_OF_SEVERAL and path[:-1] != ("branches",):
        return False
    return any(key in own and own[key] != preset.get(key) for key in _KINDS)


def _paths(value: Any, path: Path) -> Iterator[Path]:
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _paths(inner, (*path, place))


def suggestion(name: object) -> str:
    """What may have been meant by a name that no preset has: recipes of the paper that it names, or
    of one that is spelt nearly so, and only without such a paper those of any other."""
    from difflib import get_close_matches  # only a wrong name needs it

    paper, _, recipe = str(name).partition("/")
    papers: dict[str, list[str]] = {}
    for each in names():
        group, own = each.split("/")
        papers.setdefault(group, []).append(own)
    near = [paper] if paper in papers else get_close_matches(paper, papers, 3, 0.75)
    # Of papers that are as near as each other, the one that has the recipe as it is written.
    near.sort(key=lambda group: recipe not in papers[group])
    for group in near:
        begun = [own for own in papers[group] if recipe and own.startswith(recipe)]
        if meant := begun or get_close_matches(recipe, papers[group], 1, 0.5):
            return f"did you mean {' or '.join(f'{group}/{own}' for own in meant)}?"
    if near:
        return f"{near[0]} has {', '.join(papers[near[0]])}"
    everywhere = {own for group in papers.values() for own in group}
    close = get_close_matches(recipe or paper, everywhere, 1, 0.75)
    meant = [each for each in names() if close and each.split("/")[1] == close[0]]
    return f"did you mean {' or '.join(meant)}?" if meant else "`ltspec presets` lists them"


def _unknown(name: object) -> Diagnostic:
    return Diagnostic("LT255", f"there is no preset named {name!r}", (KEY,), suggestion(name))
