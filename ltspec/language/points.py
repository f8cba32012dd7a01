"""Takes a spec's tree; gives the points of its ``sweep``, each a tree of its own without one.

Works on what is written, before anyone asks whether it is right: the trees of all points are
validated like any spec. Needs no model, so that ``validate`` can stay quick.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import product
from typing import Any, NamedTuple

from ltspec.errors import Diagnostic, Path
from ltspec.language.tree import NoKeysError, replaced

MOST_POINTS = 10_000
"""Points of one sweep."""
FIXED: Mapping[str, str] = {
    "ltspec": "the file is written in one version of the language",
    "name": "one name is for the whole sweep, and every point has a number",
    "about": "it changes nothing",
    "preset": "the whole sweep starts from one, and named settings can hold what differs",
    "sweep": "a sweep has no sweep of its own",
    "ask": "the same is asked of all points",
    "replicates": "every point has the same replicates",
    "seeds": "every point has the same replicates, and `seeds` is what repeats an experiment",
}
"""Keys that are the same at every point, and why."""
TAKEN = frozenset(
    [
        *("point", "replicate", "branch", "level", "density", "kept"),
        *("split", "entry", "step", "copies"),
        *("examples", "correct", "accuracy", "loss"),
        *("effective_density", "explored", "mask_updates"),
        *("instability", "alpha", "error", "batchnorm", "batches"),
        *("barrier", "different", "disagreement", "loss_distance"),
        *("other_replicate", "other_branch", "other_level", "other_density", "other_kept"),
        "other_accuracy",
        *("to", "first", "second", "what", "between", "tensor", "coordinates"),
        *("l2", "angle", "angular", "cosine", "share"),
        *("both", "iou", "iou_expected", "share_expected"),
        *("removed", "largest_removed", "smallest_kept"),
        *("weights", "mean", "deviation", "lowest", "highest", "low", "high", "count"),
    ]
)
"""Columns of tables, whose names no axis can have."""


class Assignment(NamedTuple):
    """One key with one value."""

    key: str
    """As it is written: ``prune.rewind.to``."""
    path: Path
    """The same, with items of lists as numbers."""
    value: Any
    place: Path
    """Where the value stands in the file."""
    entry: Path
    """Where the key stands in the file."""


class Setting(NamedTuple):
    """One stop on an axis: what is set there, all of it at once."""

    columns: dict[str, Any]
    """What tells it apart from the others: its values by key, or its name by that of the axis."""
    assignments: tuple[Assignment, ...]

    @property
    def text(self) -> str:
        """```model.depth: 20` and `train.duration: 160ep```, or ```recipe: low```."""
        return " and ".join(f"`{key}: {shown(value)}`" for key, value in self.columns.items())


class Axis(NamedTuple):
    """An entry of the sweep."""

    name: str
    settings: tuple[Setting, ...]


class SweepPoint(NamedTuple):
    """One choice from each axis."""

    number: int
    """From 1; 0 for the one experiment of a spec without a sweep."""
    settings: tuple[Setting, ...]

    @property
    def values(self) -> dict[str, Any]:
        """Every key that is set here, with its value as it is written."""
        return {one.key: one.value for each in self.settings for one in each.assignments}

    @property
    def columns(self) -> dict[str, Any]:
        """What tells the point apart from the others."""
        return {key: value for each in self.settings for key, value in each.columns.items()}

    def tree(self, tree: Mapping[str, Any]) -> dict[str, Any]:
        """The spec of this point; ``tree`` has the keys of its preset already."""
        found: Any = {k: value for k, value in tree.items() if k not in ("sweep", "preset")}
        for setting in self.settings:
            for one in setting.assignments:
                found, _ = replaced(found, one.key.split("."), one.value)
        return dict(found)


def points(axes: list[Axis]) -> Iterator[SweepPoint]:
    """Every choice, in the order in which they are written; the last axis varies fastest."""
    for number, settings in enumerate(product(*(axis.settings for axis in axes)), start=1):
        yield SweepPoint(number, settings)


def read_axes(tree: Mapping[str, Any]) -> tuple[list[Axis], list[Diagnostic]]:
    """The axes of a tree's sweep, and all that is wrong between them: LT216, LT250 to LT254.

    The sweep is of the right types: lists, or mappings of lists and mappings.
    """
    reader = _Reader(tree)
    axes = [reader.axis(name, entry) for name, entry in tree["sweep"].items()]
    found = reader.found
    count = math.prod(len(axis.settings) for axis in axes)
    if count > MOST_POINTS:
        message = f"the sweep has {count:,} points, and may have {MOST_POINTS:,}"
        hint = "write several specs that share a store"
        found.append(Diagnostic("LT216", message, ("sweep",), hint, at="key"))
    return axes, found


def unknown_keys(tree: Mapping[str, Any], axes: Iterable[Axis]) -> list[Path]:
    """The paths of keys that entries of the sweep set which have no settings, because they are
    wrong. ``axes``: those that could be read."""
    right = {axis.name for axis in axes if axis.settings}
    sweep = tree["sweep"] if isinstance(tree["sweep"], dict) else {}
    found = []
    for name, entry in sweep.items():
        for key in () if name in right else _keys_set(name, entry):
            with suppress(NoKeysError):
                found.append(replaced(SweepPoint(0, ()).tree(tree), key.split("."), None)[1])
    return found


class _Reader:
    """Reads one axis after another, and notes what is wrong."""

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self.tree = SweepPoint(0, ()).tree(tree)
        self.found: list[Diagnostic] = []
        self.set_before: list[tuple[Path, str]] = []
        """Paths that earlier axes set, and how they are written."""

    def axis(self, name: str, entry: Any) -> Axis:
        """One entry of the sweep; without settings where it is wrong."""
        before = len(self.found)
        if isinstance(entry, list | tuple):
            settings = self.listed({name: (entry, ("sweep", name))})
        elif self.named_well(name, entry):
            if isinstance(next(iter(entry.values())), dict):
                settings = [self.setting(name, each, keys) for each, keys in entry.items()]
            else:
                lists = {key: (each, ("sweep", name, key)) for key, each in entry.items()}
                settings = self.listed(lists)
        else:
            settings = []
        if len(self.found) == before:
            self.check_overlap(settings)
        if len(self.found) == before:
            self.check_equal(name, settings)
        return Axis(name, tuple(settings) if len(self.found) == before else ())

    def named_well(self, name: str, entry: Mapping[str, Any]) -> bool:
        """LT250: whether a mapping's name is that of an axis, and what is in it of one kind."""
        kinds = {isinstance(each, dict) for each in entry.values()}
        first = next(iter(entry))
        if "." in name or name in _top_keys():
            self.note(
                "LT250",
                f"`{name}` is a key of the spec, and behind it stands no list of values",
                ("sweep", name),
                f"write `{name}.{first}: [...]` for one key, or give lists that go together a "
                "name of their own",
            )
        elif name in TAKEN or (name[0] == "p" and name[1:].isdigit()):  # which are percentiles
            self.note(
                "LT250",
                f"`{name}` is a column of every table, and so no name for an axis",
                ("sweep", name),
                "choose another name",
            )
        elif len(kinds) > 1:
            self.note(
                "LT250",
                f"`{name}` holds lists and mappings, and can only be one of the two",
                ("sweep", name),
                "write lists that go together, or named settings such as `{low: {KEY: VALUE}}`",
            )
        else:
            return True
        return False

    def listed(self, lists: Mapping[str, tuple[Any, Path]]) -> list[Setting]:
        """Settings of one list, or of several of one length that go together."""
        (first, (values, _)), *_ = lists.items()
        for key, (others, place) in lists.items():
            if len(others) != len(values):
                self.note(
                    "LT252",
                    f"`{key}` has {_counted(len(others))}, and `{first}` {len(values)}: "
                    "they go together, one by one",
                    place,
                    "give both as many values, or write them as two entries for every combination",
                )
        paths = {key: self.path(key, place) for key, (_, place) in lists.items()}
        if any(path is None for path in paths.values()):
            return []
        rows = zip(*(values for values, _ in lists.values()), strict=False)
        return [
            Setting(
                dict(zip(lists, row, strict=True)),
                tuple(
                    Assignment(key, paths[key] or (), value, (*place, number), place)
                    for (key, (_, place)), value in zip(lists.items(), row, strict=True)
                ),
            )
            for number, row in enumerate(rows)
        ]

    def setting(self, axis: str, name: str, keys: Mapping[str, Any]) -> Setting:
        """A setting with a name."""
        assignments = []
        for key, value in keys.items():
            place = ("sweep", axis, name, key)
            path = self.path(key, place)
            if path is not None:
                assignments.append(Assignment(key, path, value, place, place))
        return Setting({axis: name}, tuple(assignments))

    def path(self, key: str, place: Path) -> Path | None:
        """LT251: the path of a key that can be set; None when it cannot."""
        keys = key.split(".")
        if not all(keys):
            self.note("LT251", f"`{key}` is no key", place, "write one such as `train.batch_size`")
        elif keys[0] in FIXED:
            hint = "leave it out of the sweep"
            self.note("LT251", f"`{keys[0]}` cannot be swept: {FIXED[keys[0]]}", place, hint)
        else:
            try:
                return replaced(self.tree, keys, None)[1]
            except NoKeysError as error:
                self.note("LT251", f"`{key}`: {error}", place, error.hint)
        return None

    def check_overlap(self, settings: list[Setting]) -> None:
        """LT253: a key that an earlier axis sets, or another key of the same setting."""
        here: dict[Path, str] = {}
        for setting in settings:
            within: list[tuple[Path, str]] = []
            for one in setting.assignments:
                taken = [
                    key
                    for path, key in (*self.set_before, *within)
                    if path[: len(one.path)] == one.path[: len(path)]
                ]
                if taken:
                    message = f"`{one.key}` is swept twice"
                    if taken[0] != one.key:
                        message = f"`{one.key}` and `{taken[0]}` are swept, one within the other"
                    hint = "let one entry of the sweep set it"
                    diagnostic = Diagnostic("LT253", message, one.entry, hint, at="key")
                    if diagnostic not in self.found:
                        self.found.append(diagnostic)
                within.append((one.path, one.key))
                here[one.path] = one.key
        self.set_before += here.items()

    def check_equal(self, name: str, settings: list[Setting]) -> None:
        """LT254: two stops that give the same spec. Axes set keys of their own, so that points are
        the same only where stops of one axis are."""
        seen: set[str] = set()
        for setting in settings:
            point = SweepPoint(0, (setting,)).tree(self.tree)
            text = json.dumps(point, sort_keys=True)
            if text in seen:
                where = setting.assignments[0].place if setting.assignments else ("sweep", name)
                at_name = len(where) == 4
                self.found.append(
                    Diagnostic(
                        "LT254",
                        f"{setting.text} gives the same spec as an earlier one",
                        where[:3] if at_name else where,
                        "leave it out; to repeat an experiment, write `replicates`",
                        at="key" if at_name else "value",
                    )
                )
            seen.add(text)

    def note(self, code: str, message: str, place: Path, hint: str) -> None:
        """Note what is wrong at a key of the sweep."""
        self.found.append(Diagnostic(code, message, place, hint, at="key"))


def aimed(tree: dict[str, Any], keys: list[str]) -> tuple[dict[str, Any], list[str]]:
    """The tree and the path, where one value of a swept spec is to be set.

    Keys of the sweep have dots themselves: ``sweep.train.batch_size`` is one of them. A key that is
    swept on its own is taken out of the sweep. Raises NoKeysError where the sweep would overrule
    what is set at every point.
    """
    sweep = tree.get("sweep", {})
    if keys[0] == "sweep" or not isinstance(sweep, dict):
        return tree, [keys[0], *_written(sweep, keys[1:])]
    for name, entry in sweep.items():
        for key in _keys_set(name, entry):
            path = key.split(".")
            if path != keys[: len(path)]:
                continue
            if path == keys and isinstance(entry, list):
                rest = {each: values for each, values in sweep.items() if each != name}
                return {**tree, "sweep": rest}, keys
            if not _is_set_everywhere(key, entry):
                continue
            raise NoKeysError(
                f"`sweep.{name}` sets `{key}` at each of its points, so that nothing would be left "
                "of it",
                "set that entry of the sweep, or the whole `sweep`",
            )
    return tree, keys


def _written(entry: Any, keys: list[str]) -> list[str]:
    """A path within a sweep, split where the keys end that are there, dots and all."""
    if not keys or not isinstance(entry, dict):
        return keys
    for length in range(len(keys), 0, -1):
        key = ".".join(keys[:length])
        if key in entry:
            return [key, *_written(entry[key], keys[length:])]
    return [".".join(keys)]


def _keys_set(name: str, entry: Any) -> list[str]:
    """The keys that an entry of a sweep sets somewhere; none where it is not right."""
    if not isinstance(entry, dict):
        return [name]
    settings = [each for each in entry.values() if isinstance(each, dict)]
    return [key for setting in settings for key in setting] if settings else list(entry)


def _is_set_everywhere(key: str, entry: Any) -> bool:
    """Whether an entry of a sweep sets a key at all of its points: in each of its named settings,
    or by a list."""
    if not isinstance(entry, dict):
        return True
    settings = [each for each in entry.values() if isinstance(each, dict)]
    return all(_covers(setting, key) for setting in settings)


def _covers(setting: Mapping[str, Any], key: str) -> bool:
    """Whether a setting sets a key, itself or as a part of a section."""
    return any(key == other or key.startswith(f"{other}.") for other in setting)


def labelled(columns: Mapping[str, Any]) -> str:
    """What tells a point apart: ``prune.rewind.to=500it, recipe=low``; empty without a sweep."""
    return ", ".join(f"{key}={shown(value)}" for key, value in columns.items())


def shown(value: Any) -> str:
    """A value on one line, as YAML in brackets."""
    match value:
        case bool() | None:
            return json.dumps(value)
        case dict():
            return "{" + ", ".join(f"{key}: {shown(each)}" for key, each in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(shown, value)) + "]"
        case _:
            return str(value)


def _top_keys() -> Mapping[str, Any]:
    """The keys of a spec."""
    from ltspec.language import generated

    fields: Mapping[str, Any] = generated.Spec["schema"]["fields"]
    return fields


def _counted(number: int) -> str:
    return f"{number} value{'s' * (number != 1)}"
