"""Takes two plans; gives what changes from the first to the second: keys of the spec, networks of
the table, measurements, stages and training steps.

Two things are the same where their stages have the same key, so that one store would hold them
once, whatever they are called and however the spec is written.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from ltspec.plan.stages import Measurement, Plan, Point

LEFT_OUT = ("name", "about", "preset")
"""Keys that change no result: what a preset says is filled in among the others."""


@dataclass(frozen=True, slots=True)
class KeyChange:
    """A key whose value is not the same, all defaults filled in."""

    key: str
    """``train.optimizer.lr``. A section that is in one spec only is one key. Entries of ``measure``
    and ``ask`` have numbers from 0: that in the first spec, or in the second for an entry that only
    this one has."""
    before: Any
    """None where the key is not there."""
    after: Any
    swept: bool = False
    """Whether the spec that does not have it leaves it to its sweep: which sets it, or what is in
    it, or other keys of a section of one of several kinds. The defaults of such a section are those
    of each point, and no spec of a sweep has them."""


@dataclass(frozen=True, slots=True)
class LineChange:
    """A line of the table at one point: its levels, each in one of these. Networks are compared by
    the stage that holds their trained weights."""

    branch: str
    same: tuple[int, ...]
    """The same networks in both, those of all replicates."""
    partly: tuple[int, ...]
    """Some of the networks are in both: those of some replicates."""
    changed: tuple[int, ...]
    """In both, and no network is the same."""
    first: tuple[int, ...]
    """In the first alone."""
    second: tuple[int, ...]

    @property
    def is_same(self) -> bool:
        """Whether nothing of it differs."""
        return not (self.partly or self.changed or self.first or self.second)


@dataclass(frozen=True, slots=True)
class PointChange:
    """A point of a sweep, or all of a spec without one."""

    columns: Mapping[str, Any]
    """What tells it apart (:attr:`Point.columns`), by which it is found in the other plan; empty
    without a sweep."""
    first: int | None
    """Its number in the first plan, 0 without a sweep; None where it is not there."""
    second: int | None
    lines: tuple[LineChange, ...]

    @property
    def is_same(self) -> bool:
        """Whether it is in both, with the same networks."""
        there = self.first is not None and self.second is not None
        return there and all(line.is_same for line in self.lines)


@dataclass(frozen=True, slots=True)
class Measured:
    """How many measurements, in all points, replicates and copies."""

    same: int
    """The same answer to the same question, from the same stage."""
    changed: int
    """The same question, answered by another stage."""
    first: int
    """Asked in the first alone."""
    second: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How many there are, each once."""

    both: int
    first: int
    """In the first alone."""
    second: int


@dataclass(frozen=True, slots=True)
class PlanDifference:
    """What changes from the first plan to the second."""

    keys: tuple[KeyChange, ...]
    points: tuple[PointChange, ...]
    """In the order of the first, then those that only the second has."""
    measurements: Measured
    networks: Counts
    """Networks of the table by what they are, whatever their line is called and at which point of a
    sweep they stand."""
    stages: Counts
    """Stages by their keys."""
    steps: Counts
    """Training steps, as far as they are on the same way: see :func:`compare`."""

    @property
    def is_same(self) -> bool:
        """Whether it is the same experiment."""
        asked = self.measurements.changed + self.measurements.first + self.measurements.second
        alone = self.stages.first + self.stages.second
        points = all(point.is_same for point in self.points)
        return not (self.keys or asked or alone) and points


def compare(first: Plan, second: Plan) -> PlanDifference:
    """What changes from one plan to another.

    Training steps are counted by runs. The stages of one run are points of one trajectory, which
    each plan follows as far as it needs, and a step of it is counted once, however many rewind
    points lie on the way (:meth:`Plan.own_steps`). Of a run that both plans have, the steps as far
    as the shorter one goes are in both, and what the longer one adds is in that alone. So a rewind
    point on the way of a dense training is one more stage, and no more steps; a training that is
    longer at a constant rate shares the shorter one's steps, though its stage is another. Each
    plan's counts add up to the training steps that ``ltspec plan`` says of it. What a store can
    spare of steps that are in both depends on the states that it has kept besides.
    """
    trained = [{plan.stages[row.trained].key for row in plan.outcomes} for plan in (first, second)]
    stages = [{stage.key for stage in plan.stages} for plan in (first, second)]
    return PlanDifference(
        tuple(_keys(first, second)),
        tuple(_points(first, second)),
        _measured(first, second),
        _shared(Counter(trained[0]), Counter(trained[1])),
        _shared(Counter(stages[0]), Counter(stages[1])),
        _shared(_steps_of_runs(first), _steps_of_runs(second)),
    )


def _shared(first: Counter[str], second: Counter[str]) -> Counts:
    return Counts((first & second).total(), (first - second).total(), (second - first).total())


def _steps_of_runs(plan: Plan) -> Counter[str]:
    """How far each run is followed, in steps from its start."""
    found: Counter[str] = Counter()
    for stage, _ in plan.trainings():
        found[stage.run] += plan.own_steps(stage)
    return found


# -- keys ------------------------------------------------------------------------------------------


def _keys(first: Plan, second: Plan) -> Iterator[KeyChange]:
    specs = [
        {key: value for key, value in plan.spec.items() if key not in LEFT_OUT}
        for plan in (first, second)
    ]
    swept = [{key for point in plan.points for key in point.values} for plan in (first, second)]
    for change, beside in _changes(specs[0], specs[1], ""):
        lacking = 0 if change.before is None else 1 if change.after is None else None
        if lacking is not None and any(
            _is_within(change.key, key) or _is_within(key, beside) for key in swept[lacking]
        ):
            change = replace(change, swept=True)
        yield change


def _is_within(key: str, other: str) -> bool:
    """Whether a key is another one, or in that section."""
    return f"{key}.".startswith(f"{other}.")


def _changes(
    first: Mapping[str, Any], second: Mapping[str, Any], section: str
) -> Iterator[tuple[KeyChange, str]]:
    """Every key of a section that differs, and which keys decide whether it is there: those of the
    section where this says of which kind it is, else its own. Lists are wholes, but for those of
    entries."""
    both = {**first, **second}
    kinds = bool(section) and any(isinstance(both.get(word), str) for word in _KINDS)
    for name in both:
        before, after = first.get(name), second.get(name)
        key = f"{section}.{name}" if section else name
        if before == after:
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _changes(before, after, key)
        elif _are_entries(before) and _are_entries(after):
            yield from _changed_entries(before, after, key)
        else:
            yield KeyChange(key, before, after), section if kinds else key


_KINDS = ("name", "kind", "family")
"""Keys by which a section says of which kind it is."""


def _are_entries(value: Any) -> TypeGuard[Sequence[Mapping[str, Any]]]:
    """Whether it is a list of sections that say of which kind they are."""
    return isinstance(value, Sequence) and all(
        isinstance(each, Mapping) and "kind" in each for each in value
    )


def _changed_entries(
    first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]], key: str
) -> Iterator[tuple[KeyChange, str]]:
    """Entries that are in both are held against none, wherever they stand; of the others, one of a
    kind against the next of that kind."""
    ours, theirs = dict(enumerate(first)), dict(enumerate(second))
    for number, entry in enumerate(first):
        if (found := next((n for n, each in theirs.items() if each == entry), None)) is not None:
            del ours[number], theirs[found]
    for number, entry in ours.items():
        own, kind = f"{key}.{number}", entry["kind"]
        found = next((n for n, each in theirs.items() if each["kind"] == kind), None)
        if found is None:
            yield KeyChange(own, entry, None), own
        else:
            yield from _changes(entry, theirs.pop(found), own)
    for number, entry in theirs.items():
        own = f"{key}.{number}"
        yield KeyChange(own, None, entry), own


# -- networks --------------------------------------------------------------------------------------

_Levels = dict[int, set[str]]
"""Keys of the trained networks of all replicates, by level."""


def _points(first: Plan, second: Plan) -> Iterator[PointChange]:
    ours, theirs = ({_at(point): point for point in plan.points} for plan in (first, second))
    rows = [_rows(plan) for plan in (first, second)]
    for at in dict.fromkeys([*ours, *theirs]):
        one, other = ours.get(at), theirs.get(at)
        lines = tuple(_lines(rows[0].get(at, {}), rows[1].get(at, {})))
        yield PointChange(
            (one or theirs[at]).columns,
            None if one is None else one.number,
            None if other is None else other.number,
            lines,
        )


def _at(point: Point) -> str:
    return json.dumps(point.columns, sort_keys=True)


def _rows(plan: Plan) -> dict[str, dict[str, _Levels]]:
    """By point and line."""
    at = {point.number: _at(point) for point in plan.points}
    found: dict[str, dict[str, _Levels]] = {}
    for row in plan.outcomes:
        levels = found.setdefault(at[row.point], {}).setdefault(row.branch, {})
        levels.setdefault(row.level, set()).add(plan.stages[row.trained].key)
    return found


def _lines(first: Mapping[str, _Levels], second: Mapping[str, _Levels]) -> Iterator[LineChange]:
    for branch in dict.fromkeys([*first, *second]):
        ours, theirs = first.get(branch, {}), second.get(branch, {})
        sorts: dict[str, list[int]] = {}
        for level in sorted({*ours, *theirs}):
            sort = _sort(ours.get(level, set()), theirs.get(level, set()))
            sorts.setdefault(sort, []).append(level)
        fields = ("same", "partly", "changed", "first", "second")
        yield LineChange(branch, *(tuple(sorts.get(sort, ())) for sort in fields))


def _sort(ours: set[str], theirs: set[str]) -> str:
    """Into which field of a LineChange a level goes."""
    if not (ours and theirs):
        return "first" if ours else "second"
    return "same" if ours == theirs else "partly" if ours & theirs else "changed"


# -- measurements ----------------------------------------------------------------------------------


def _measured(first: Plan, second: Plan) -> Measured:
    """Questions are told apart by all but replicate, step and entry; the answers of replicates are
    taken together."""
    ours, theirs = _answers(first), _answers(second)
    same = changed = 0
    for question in ours.keys() & theirs.keys():
        equal = (ours[question] & theirs[question]).total()
        same += equal
        changed += min(ours[question].total(), theirs[question].total()) - equal
    alone = [sum(each.total() for each in answers.values()) for answers in (ours, theirs)]
    return Measured(same, changed, alone[0] - same - changed, alone[1] - same - changed)


def _answers(plan: Plan) -> dict[tuple[Any, ...], Counter[tuple[Any, ...]]]:
    """For each question, the stages that answer it and what is shown of them."""
    at = {point.number: _at(point) for point in plan.points}
    found: dict[tuple[Any, ...], Counter[tuple[Any, ...]]] = {}
    for one in plan.measurements:
        answer = plan.stages[one.stage].key, tuple(one.metrics)
        found.setdefault((at[one.point], *_question(one)), Counter())[answer] += 1
    return found


def _question(one: Measurement) -> tuple[Any, ...]:
    sides = tuple((side.branch, side.level) for side in one.sides)
    return one.measure, one.about, sides, tuple(one.copies)
