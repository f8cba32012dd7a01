"""Takes the source of a spec with a sweep; gives all that is wrong at its points, each said once.

Every point is held to all that a spec is held to. What is found at some points and not at others is
put down to the entries of the sweep that make the difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ltspec.errors import Diagnostic, Path
from ltspec.language.accept import accept_points
from ltspec.language.points import (
    Assignment,
    Axis,
    SweepPoint,
    points,
    read_axes,
    unknown_keys,
)
from ltspec.language.source import Source
from ltspec.language.unknown import Unknown
from ltspec.plan.rules import MOST_NETWORKS, broken_rules, networks

MOST_TOLD = 5
"""Combinations of entries that one mistake is shown for."""
MOST_UNSURE = 20
"""Points with a wrong key at which rules are asked what else is wrong; this takes long, and what
they find is there at other points too."""


def points_are_fine(source: Source) -> bool:
    """Whether every point is right, by the short way of :func:`ltspec.plan.is_fine`."""
    count = 0
    asking: list[Any] = []
    for spec in accept_points(source):
        if spec is None or broken_rules(spec):
            return False
        count += networks(spec)
        if spec.ask:
            asking.append(spec)
    if asking and _broken_together(source, asking):
        return False
    return count <= MOST_NETWORKS


def _broken_together(source: Source, specs: Sequence[Any]) -> list[Diagnostic]:
    """What is wrong with the questions that are asked of all points together, in their order."""
    from ltspec.language.presets import expanded  # few specs ask anything
    from ltspec.plan.ask_rules import broken_together
    from ltspec.plan.asked import Place

    choices = points(read_axes(expanded(source).tree)[0])
    return broken_together(
        [
            Place(point.number, point.values, spec)
            for point, spec in zip(choices, specs, strict=True)
        ]
    )


def problems(source: Source, already: Sequence[Diagnostic]) -> list[Diagnostic]:
    """What is wrong with the sweep or at its points, but for what ``already`` says of the keys."""
    if any(each.code == "LT108" for each in already):
        return []
    axes: list[Axis] = []
    found: list[Diagnostic] = []
    whole = not any(each.path[:1] == ("sweep",) for each in already)
    if whole:
        axes, found = read_axes(source.tree)
        whole = not found
    if any(each.code == "LT255" for each in already) or any(each.code == "LT216" for each in found):
        return found  # there is not a spec at each point, or too many
    # What wrong entries set is not known; all else is looked at, at the points of the others.
    unknown = [*source.holes, *unknown_keys(source.tree, axes)]
    right = [axis for axis in axes if axis.settings] if found else axes
    told = {replace(each, position=None, label="") for each in already}
    others = _at_points(source, right, unknown, whole=whole)
    return found + [each for each in others if replace(each, label="") not in told]


def _at_points(
    source: Source, axes: list[Axis], unknown: Sequence[Path], *, whole: bool
) -> Iterator[Diagnostic]:
    """What is wrong at the points of these axes; ``whole``: whether they are all of the sweep."""
    from ltspec.language.spec import examine
    from ltspec.plan.blame import on_their_own

    choices = list(points(axes))
    keys: dict[Diagnostic, set[int]] = {}
    rules: dict[Diagnostic, set[int]] = {}
    unsure: set[int] = set()
    refined: set[int] = set()
    following: set[Diagnostic] = set()
    """What only follows from something else that is wrong."""
    count = 0
    asking: list[Any] = []
    for number, point in enumerate(choices):
        # Without positions, which are those of the file: a point is written in two places.
        tree = point.tree(source.tree)
        examined = examine(Source(source.file, source.text, tree, {}, home=source.home), unknown)
        for each in examined.diagnostics:
            keys.setdefault(each, set()).add(number)
            unsure.add(number)
        if number in unsure and len(unsure) > MOST_UNSURE:
            continue
        broken = [each for each in broken_rules(examined.spec) if each.path not in examined.meant]
        if len(refined) < MOST_UNSURE and len(broken) > 1:
            refined.add(number)
            kept = on_their_own(examined, broken_rules)
            following |= {*broken} - {*kept}
            broken = kept
        for each in broken:
            if each not in following:
                rules.setdefault(each, set()).add(number)
        if source.tree.get("ask") and not keys and not rules:
            asking.append(examined.spec)
        try:
            count += networks(examined.spec)
        except Unknown:
            continue
    where = [(each, numbers, numbers) for each, numbers in keys.items()]
    # Where a key is wrong, rules that need it are not asked: such points say nothing against.
    where += [(each, numbers, numbers | unsure) for each, numbers in rules.items()]
    told: set[Diagnostic] = set()
    for each, numbers, possible in where:
        for blamed in _blamed(each, numbers, possible, choices):
            if blamed not in told:
                told.add(blamed)
                yield blamed
    if whole and asking and not where:
        yield from _broken_together(source, asking)
    if whole and not where and count > MOST_NETWORKS:
        yield Diagnostic(
            "LT216",
            f"{count:,} networks would be trained, and a plan holds {MOST_NETWORKS:,}",
            ("sweep",),
            "write several specs that share a store",
            at="key",
        )


def _blamed(
    found: Diagnostic, numbers: set[int], possible: set[int], choices: list[SweepPoint]
) -> Iterator[Diagnostic]:
    """What is wrong at the points of these numbers, and may be at the ``possible`` ones, told for
    each combination that makes it so."""
    if found.position is not None:  # in another spec, which the sweep does not reach
        yield found
        return
    told = 0
    left = sorted(numbers)
    while left:
        if told == MOST_TOLD:
            message = f"{found.message} (and so at {len(left):,} more points)"
            yield from _blamed(replace(found, message=message), {left[0]}, {left[0]}, choices)
            return
        point = choices[left[0]]
        to_blame = _to_blame(found, left[0], possible, choices)
        yield _told(found, point, to_blame)
        told += 1
        left = [each for each in left if not _agree(choices[each], point, to_blame)]


def _to_blame(
    found: Diagnostic, number: int, possible: set[int], choices: list[SweepPoint]
) -> list[int]:
    """The axes whose settings at this point make every point that has them wrong in this way: as
    few as can be, and the one whose own value is wrong."""
    point = choices[number]
    axes = list(range(len(point.settings)))
    for axis in tuple(axes):
        fewer = [each for each in axes if each != axis]
        same = sum(_agree(choices[each], point, fewer) for each in possible)
        if same == sum(_agree(each, point, fewer) for each in choices):
            axes = fewer
    own = _own(found, point)
    if own is not None and own[0] not in axes and _is_within(found, own[1]):
        axes = sorted([*axes, own[0]])
    return axes


def _agree(one: SweepPoint, other: SweepPoint, axes: list[int]) -> bool:
    return all(one.settings[axis] is other.settings[axis] for axis in axes)


def _own(found: Diagnostic, point: SweepPoint) -> tuple[int, Assignment] | None:
    """The axis that sets what is found to be wrong, or a part of it."""
    for axis, setting in enumerate(point.settings):
        for one in setting.assignments:
            length = min(len(one.path), len(found.path))
            if found.path and one.path[:length] == found.path[:length]:
                return axis, one
    return None


def _is_within(found: Diagnostic, one: Assignment) -> bool:
    """Whether what is wrong is the value itself or a part of it, or the name of its key, or that
    it has keys above it at all."""
    beneath = found.path[: len(one.path)] == one.path
    return beneath or found.code in ("LT101", "LT103", "LT104")


def _told(found: Diagnostic, point: SweepPoint, axes: list[int]) -> Diagnostic:
    """The diagnostic at the entry of the sweep that is to blame; where none is, as it was."""
    if not axes:
        return found
    own = _own(found, point)
    if own is not None and own[0] in axes:
        beside = [axis for axis in axes if axis != own[0]]
        return _placed(replace(found, message=_with(point, beside) + found.message), own[1])
    assignments = [one for axis in axes for one in point.settings[axis].assignments]
    if not assignments:  # settings that set nothing: it is the spec's own
        return found
    # Of several keys that are set together, the one nearest to what is wrong.
    where: Path = max(assignments, key=lambda one: _common(one.path, found.path)).place
    label = f"see {'.'.join(map(str, found.path))}" if found.path else ""
    message = _with(point, axes) + found.message
    return replace(found, message=message, path=where, at="value", label=label)


def _common(one: Path, other: Path) -> int:
    """How many keys two paths begin with together."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _placed(found: Diagnostic, one: Assignment) -> Diagnostic:
    """What is wrong with a value of the sweep, or with its key, there."""
    if found.path == one.path and found.at == "value":
        return replace(found, path=one.place)
    if found.path[: len(one.path)] == one.path and found.path != one.path:
        return replace(found, path=(*one.place, *found.path[len(one.path) :]))
    return replace(found, path=one.entry, at="key")


def _with(point: SweepPoint, axes: list[int]) -> str:
    texts = [point.settings[axis].text for axis in axes]
    return f"with {' and '.join(texts)}, " if texts else ""
