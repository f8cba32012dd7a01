"""Takes a plan and facts in a store; gives the answers to the questions of the spec's ``ask``.

A threshold is compared with exact fractions of counted examples, so that a drop of 20 images in
10,000 is 0.2 points and not a little more. What is not reached is None, and what is not measured
yet is counted: an answer that stands on a part of its figures is not given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

from ltspec.errors import InvariantError
from ltspec.language.points import shown
from ltspec.language.spec import Spec
from ltspec.language.tree import tuples
from ltspec.plan import asked
from ltspec.plan.replicates import DENSE
from ltspec.plan.stages import Line, Measurement, Outcome, Plan, Side
from ltspec.results.answers import Answer, Own, Unit, check
from ltspec.results.paired import way
from ltspec.results.reducers import exact, exact_mean, mean_gap, onset
from ltspec.results.rewound import pretrained_steps, rewind_step, rewound_as
from ltspec.results.table import counted, mean, spread

Facts = Mapping[int, Mapping[str, Any]]
X = TypeVar("X")


def answers(plan: Plan, facts: Facts) -> list[Answer]:
    """Every answer, in the order of the spec. ``facts``: by place of the stage.

    Raises InvariantError where two networks claim to be the same one.
    """
    if not plan.spec.get("ask"):
        return []
    spec = Spec.model_validate(tuples(plan.spec))
    places = [asked.Place(point.number, point.values, own) for point, own in spec.points]
    tables = _Tables.of(plan, facts)
    found: list[Answer] = []
    for number, question in enumerate(spec.ask, start=1):
        reader = _Reader(tables, places, question, number)
        match question.kind:
            case "first-stable":
                found += reader.stable()
            case "first-matching":
                found += reader.matching()
            case "sparsest-matching":
                found += reader.sparsest()
            case "area":
                found += reader.area()
    for answer in found:
        check(answer)
    return found


Figures = dict[X, dict[int, Fraction | None]]
"""By what there is to choose from and by replicate; None where it is not there yet."""


@dataclass(frozen=True, slots=True)
class _Copies:
    """Two copies of one network, and the line between them."""

    of: Measurement
    side: Side
    line: Line

    @property
    def way(self) -> _Way:
        """The level, and how it is measured: entries of ``measure`` may differ in it."""
        how = way(self.line)
        return self.side.level or 0, how["batchnorm"], how["batches"], self.line.alphas


_Way = tuple[int, str, int | None, int]
"""Level, batchnorm, batches and alphas."""


@dataclass(frozen=True, slots=True)
class _Tables:
    """The rows of a plan, to be looked up."""

    plan: Plan
    facts: Facts
    copies: Mapping[tuple[int, str, str], Sequence[_Copies]]
    """Instabilities by point, line and split."""
    outcomes: Mapping[tuple[int, str], Sequence[Outcome]]
    """By point and line, the dense network left out."""
    dense: Mapping[tuple[int, int], Outcome]
    """By point and replicate."""

    @classmethod
    def of(cls, plan: Plan, facts: Facts) -> _Tables:
        copies: dict[tuple[int, str, str], list[_Copies]] = {}
        for one in plan.measurements:
            if one.measure == "instability":
                (side,), work = one.sides, plan.stages[one.stage].work
                assert isinstance(work, Line)
                pair = _Copies(one, side, work)
                copies.setdefault((one.point, side.branch, work.split), []).append(pair)
        known = {_place(row): row for row in counted(plan, facts).outcomes}
        outcomes: dict[tuple[int, str], list[Outcome]] = {}
        dense = {}
        for row in plan.outcomes:
            if row.level:
                own = known.get(_place(row), row) if row.kept is None else row
                outcomes.setdefault((row.point, row.branch), []).append(own)
            elif row.branch == DENSE:  # and not another network's own
                dense[row.point, row.replicate] = row
        return cls(plan, facts, copies, outcomes, dense)

    def step(self, question: Any, place: asked.Place, line: str) -> int | None:
        """What a question chooses from: the step whose weights a line returns to, None where they
        are trained to the end; or how many steps the network was trained before."""
        if not asked.is_over_rewinds(question):
            first = self.plan.replicates[0].number
            return pretrained_steps(self.plan, self.dense[place.number, first])
        own = rewound_as(place.spec, line)
        return rewind_step(self.plan, place.spec, self.outcomes[place.number, own][0])


def _place(row: Outcome) -> tuple[int, int, str, int]:
    return row.point, row.replicate, row.branch, row.level


@dataclass(frozen=True, slots=True)
class _Reader:
    """Answers one question."""

    tables: _Tables
    places: Sequence[asked.Place]
    question: Any
    number: int

    def stable(self) -> Iterator[Answer]:
        """First-stable: of each line, points that go together, level and way of measuring."""
        question = self.question
        for line in question.of:
            for group, steps in self._groups(line):
                rows = [
                    row
                    for place in group
                    for row in self.tables.copies[place.number, line, question.error]
                    if line == DENSE
                    or question.levels == "all"
                    or row.side.level in question.levels
                ]
                for how in dict.fromkeys(row.way for row in rows):
                    level, norm, batches, alphas = how
                    own = [row for row in rows if row.way == how]
                    figures = self._instabilities(line, steps, own)
                    if len(figures) < 2:  # another entry of `measure` has more than this step
                        continue
                    yield self._over_steps(
                        group,
                        figures,
                        lambda found: found < exact(question.below),
                        line=line,
                        level=None if line == DENSE else level,
                        split=question.error,
                        threshold=_share(question.below),
                        batchnorm=norm,
                        batches=batches,
                        alphas=alphas,
                    )

    def _instabilities(
        self, line: str, steps: Mapping[int, int], rows: Sequence[_Copies]
    ) -> Figures[int]:
        """Mean instability over the pairs of copies of each replicate, in points, by step."""
        stages: dict[tuple[int, int], dict[tuple[int, ...], set[int]]] = {}
        for row in rows:
            one = row.of
            step = steps.get(one.point, one.step)
            # Two entries of `measure` may ask for the same copies, which count once.
            pairs = stages.setdefault((step, row.side.replicate), {})
            pairs.setdefault(one.copies, set()).add(one.stage)
        figures: Figures[int] = {}
        for (step, replicate), pairs in sorted(stages.items()):
            self._one_each(f"{line} from step {step}", pairs.values())
            lines = [place for (place,) in pairs.values()]
            there = all(place in self.tables.facts for place in lines)
            points = exact_mean(map(self._instability, lines)) if there else None
            figures.setdefault(step, {})[replicate] = points
        return figures

    def _instability(self, place: int) -> Fraction:
        """Highest error on a line less the mean of its ends, in points."""
        line = self.tables.facts[place]
        wrong = [line["examples"] - correct for correct in line["correct"]]
        return Fraction(100 * (2 * max(wrong) - wrong[0] - wrong[-1]), 2 * line["examples"])

    def matching(self) -> Iterator[Answer]:
        """First-matching: of each line, points that go together, and level."""
        question = self.question
        for line in question.of:
            for group, steps in self._groups(line):
                rows = [row for number in steps for row in self.tables.outcomes[number, line]]
                for level in sorted({row.level for row in rows}):
                    if question.levels != "all" and level not in question.levels:
                        continue
                    figures: Figures[int] = {}
                    stages: dict[tuple[int, int], set[int]] = {}
                    for row in rows:
                        if row.level == level:
                            step = steps[row.point]
                            figures.setdefault(step, {})[row.replicate] = self._drop(row)
                            stages.setdefault((step, row.replicate), set()).add(row.trained)
                    self._one_each(f"{line} {level}", stages.values())
                    yield self._over_steps(
                        group,
                        dict(sorted(figures.items())),
                        lambda drop: drop <= exact(question.within),
                        line=line,
                        level=level,
                        split=question.on,
                        threshold=_share(question.within),
                    )

    def _groups(self, line: str) -> Iterator[tuple[list[asked.Place], dict[int, int]]]:
        """Points that go together, and what is chosen from by their number; without those that have
        none, as where `prune.rewind.weights` is swept and one of its values is `end`. Rewind points
        of the dense network are those at which copies part, and not in it."""
        question = self.question
        for group in asked.groups(question, self.places, line):
            if line == DENSE and asked.is_over_rewinds(question):
                yield group, {}
                continue
            found = {place.number: self.tables.step(question, place, line) for place in group}
            steps = {number: step for number, step in found.items() if step is not None}
            yield [place for place in group if place.number in steps], steps

    def _over_steps(
        self,
        group: Sequence[asked.Place],
        figures: Figures[int],
        holds: Callable[[Fraction], bool],
        **about: Any,
    ) -> Answer:
        own = []
        for number in self._replicates():
            mine = [each[number] for each in figures.values()]
            there = [figure for figure in mine if figure is not None]
            missing = len(mine) - len(there)
            ever, onwards = (
                (None, None) if missing else onset(list(figures), list(map(holds, there)))
            )
            own.append(Own(number, ever, ever, onwards, missing))
        means = [exact_mean(each.values()) for each in figures.values()]
        there = [figure for figure in means if figure is not None]
        whole = len(there) == len(means)
        ever, onwards = onset(list(figures), list(map(holds, there))) if whole else (None, None)
        return self._answer(
            group,
            "step" if asked.is_over_rewinds(self.question) else "steps",
            tuple(figures),
            (ever, ever, onwards),
            own,
            len(figures) * len(own),
            None,
            **about,
        )

    def sparsest(self) -> Iterator[Answer]:
        """Sparsest-matching: of each line and point."""
        for line in self.question.of:
            for place in self.places:
                rows = self._rows(line, place)
                own = []
                for number in self._replicates():
                    found, ever, missing = self._from_sparsest(
                        {level: [by[number]] for level, by in rows.items()}
                    )
                    own.append(
                        Own(number, _density(found), _density(ever), _density(found), missing)
                    )
                together = {level: list(by.values()) for level, by in rows.items()}
                found, ever, _ = self._from_sparsest(together)
                yield self._answer(
                    [place],
                    "density",
                    tuple(sorted(filter(None, map(self._mean_density, together.values())))),
                    (_density(found), _density(ever), _density(found)),
                    own,
                    len(rows) * len(own),
                    found and found[1],
                    line=line,
                    split=self.question.on,
                    threshold=_share(self.question.within),
                )

    def _from_sparsest(
        self, rows: Mapping[int, Sequence[Outcome]]
    ) -> tuple[tuple[float, int] | None, tuple[float, int] | None, int]:
        """From which density and level on networks match, the lowest at which they do, and how many
        levels are missing. ``rows``: networks by level, whose means are taken."""
        there = []
        for level, own in rows.items():
            density, drop = self._mean_density(own), exact_mean(map(self._drop, own))
            if density is not None and drop is not None:
                there.append(((density, level), drop <= exact(self.question.within)))
        missing = len(rows) - len(there)
        if missing:
            return None, None, missing
        there.sort()
        ever, onwards = onset([each for each, _ in there], [held for _, held in there])
        return onwards, ever, 0

    def _mean_density(self, rows: Sequence[Outcome]) -> float | None:
        """None where it is not known yet how many weights are kept."""
        if any(row.kept is None for row in rows):
            return None
        return mean([self._density(row) for row in rows])

    def area(self) -> Iterator[Answer]:
        """Area: of each point."""
        question = self.question
        for place in self.places:
            lines = [self._rows(line, place) for line in question.between]
            own, needed = [], 0
            for number in self._replicates():
                rows = self._bounding([[by[number] for by in line.values()] for line in lines])
                curves = [self._curve(line) for line in rows]
                each = sum(map(len, rows))
                missing = each - sum(map(len, curves))
                gap = None if missing else mean_gap(*curves)
                own.append(Own(number, gap, None, None, missing))
                needed += each
            values = [each.value for each in own if each.value is not None]
            value = mean(values) if len(values) == len(own) else None
            yield self._answer(
                [place],
                "accuracy",
                (),
                (value, None, None),
                own,
                needed,
                None,
                line=question.between[0],
                other=question.between[1],
                split=question.on,
            )

    def _bounding(self, lines: Sequence[Sequence[Outcome]]) -> list[list[Outcome]]:
        """The networks of each line that its curve between the lowest and the highest density that
        all lines have is made of: those in between, and on either side the nearest where there is
        none at the end itself. All of them where a density is not known yet, and where there is no
        such stretch."""
        if any(row.kept is None for line in lines for row in line):
            return [list(line) for line in lines]
        densities = [[self._density(row) for row in line] for line in lines]
        low, high = max(map(min, densities)), min(map(max, densities))
        if low >= high:
            return [list(line) for line in lines]
        found = []
        for line, own in zip(lines, densities, strict=True):
            begin = max(density for density in own if density <= low)
            end = min(density for density in own if density >= high)
            there = zip(line, own, strict=True)
            found.append([row for row, density in there if begin <= density <= end])
        return found

    def _curve(self, rows: Sequence[Outcome]) -> list[tuple[float, float]]:
        """Density and accuracy, as far as they are there."""
        found = []
        for row in rows:
            accuracy = self._accuracy(row)
            if accuracy is not None and row.kept is not None:
                found.append((self._density(row), float(accuracy)))
        return found

    def _rows(self, line: str, place: asked.Place) -> dict[int, dict[int, Outcome]]:
        """A line's networks by level and replicate, without the dense one."""
        found: dict[int, dict[int, Outcome]] = {}
        for row in self.tables.outcomes[place.number, line]:
            found.setdefault(row.level, {})[row.replicate] = row
        return dict(sorted(found.items()))

    def _density(self, row: Outcome) -> float:
        return self.tables.plan.density(row, row.point)

    def _accuracy(self, row: Outcome) -> Fraction | None:
        score = self.tables.facts.get(row.scores[self.question.on])
        return None if score is None else Fraction(score["correct"], score["examples"])

    def _drop(self, row: Outcome) -> Fraction | None:
        """By how many points a network falls short of the dense one of its replicate."""
        dense = self.tables.dense[row.point, row.replicate]
        accuracy, best = self._accuracy(row), self._accuracy(dense)
        return None if accuracy is None or best is None else 100 * (best - accuracy)

    def _replicates(self) -> list[int]:
        return [replicate.number for replicate in self.tables.plan.replicates]

    def _one_each(self, name: str, stages: Iterable[set[int]]) -> None:
        """Points that go together share what they have in common, each network once."""
        if any(len(each) != 1 for each in stages):
            raise InvariantError(f"ask {self.number}: there are two networks {name}")

    def _answer(
        self,
        group: Sequence[asked.Place],
        unit: Unit,
        tried: tuple[float, ...],
        found: tuple[float | None, float | None, float | None],
        own: Sequence[Own],
        needed: int,
        found_level: int | None,
        *,
        line: str,
        split: str,
        other: str = "",
        level: int | None = None,
        threshold: float | None = None,
        batchnorm: str = "",
        batches: int | None = None,
        alphas: int | None = None,
    ) -> Answer:
        """An answer with what follows from its parts. ``found``: value, ever and onwards;
        ``needed``: figures of all replicates."""
        values = [one.value for one in own if one.value is not None]
        numbers = [place.number for place in group if place.number]
        columns = [self.tables.plan.point(number).columns for number in numbers]
        settings = {
            key: value
            for key, value in (columns[0] if columns else {}).items()
            if all(shown(other[key]) == shown(value) for other in columns)
        }
        return Answer(
            self.number,
            self.question.kind,
            line,
            other,
            level,
            split,
            threshold,
            batchnorm,
            batches,
            alphas,
            tuple(numbers),
            settings,
            unit,
            tried,
            *found,
            found_level,
            tuple(own),
            spread(values) if len(values) == len(own) else None,
            needed,
            sum(one.missing for one in own),
        )


def _share(points: float) -> float:
    """A threshold in points, as it is written in a spec, as the share that files have."""
    return float(exact(points) / 100)


def _density(found: tuple[float, int] | None) -> float | None:
    """Of a density and its level the density."""
    return None if found is None else found[0]
