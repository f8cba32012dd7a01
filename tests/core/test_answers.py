"""Answers to the questions of ``ask``: where something begins to hold, areas, intervals, gaps."""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from scipy import stats
from specs import TINY, plan_of, table_of, tiny
from test_runner import run

from ltspec.cli.answer_table import answer_text, interval_text, print_answers, replicates_text
from ltspec.engine.runner import scores
from ltspec.errors import InvariantError
from ltspec.language.source import override, read
from ltspec.plan import asked, beside, planfile, validate
from ltspec.plan.passes import compile_spec
from ltspec.plan.stages import Line, Measurement, Outcome, Plan
from ltspec.results import table
from ltspec.results.answering import answers
from ltspec.results.answers import Answer, Own, as_csv, as_json, check
from ltspec.results.reducers import exact, exact_mean, mean_gap, onset
from ltspec.results.rewound import rewind_step, rewound_as
from ltspec.results.rows import summary
from ltspec.results.run_folder import write_results

STEPS = "sweep={prune.rewind.to: [0it, 10it, 20it]}"
EXAMPLES = 10_000
Facts = dict[int, dict[str, Any]]


# Where something begins to hold


@pytest.mark.parametrize(
    ("holds", "found"),
    [
        ((True, True, True), (0, 0)),
        ((False, True, True), (1, 1)),
        ((True, False, True), (0, 2)),
        ((True, True, False), (0, None)),
        ((False, True, False), (1, None)),
        ((False, False, True), (2, 2)),
        ((False, False, False), (None, None)),
        ((), (None, None)),
    ],
)
def test_the_first_at_which_it_holds_and_from_which_on_it_always_does(
    holds: tuple[bool, ...], found: tuple[int | None, int | None]
) -> None:
    assert onset(range(len(holds)), holds) == found


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=12))
def test_where_it_begins_is_what_trying_all_says(holds: list[bool]) -> None:
    every = [n for n in range(len(holds)) if all(holds[n:])]
    some = [n for n, held in enumerate(holds) if held]
    assert onset(range(len(holds)), holds) == (min(some, default=None), min(every, default=None))


def test_a_threshold_is_what_is_written() -> None:
    assert exact(0.2) == Fraction(1, 5)
    assert exact(2.0) == 2
    assert exact(1e-07) == Fraction(1, 10**7)


def test_a_mean_of_what_is_not_there_is_none() -> None:
    assert exact_mean([Fraction(1), Fraction(2)]) == Fraction(3, 2)
    assert exact_mean([Fraction(1), None]) is None


# Areas


def test_an_area_by_hand() -> None:
    """At densities e^-1, e^-2 and e^-4 gaps of 2, 4 and 0: (1 * 3 + 2 * 2) / 3."""
    densities = [math.exp(-1), math.exp(-2), math.exp(-4)]
    first = list(zip(densities, [97.0, 96.0, 90.0], strict=True))
    second = list(zip(densities, [95.0, 92.0, 90.0], strict=True))
    assert mean_gap(first, second) == pytest.approx(7 / 3)
    assert mean_gap(second, first) == pytest.approx(-7 / 3)
    assert mean_gap(first, first) == 0


def test_an_area_of_lines_with_other_densities_is_over_what_both_have() -> None:
    """On x = ln d: the first is 0 from -4 to -1, the second x + 2 from -3 to 0. The mean of
    -(x + 2) from -3 to -1 is 0."""
    first = [(math.exp(-1), 0.0), (math.exp(-4), 0.0)]
    second = [(1.0, 2.0), (math.exp(-3), -1.0)]
    assert mean_gap(first, second) == pytest.approx(0, abs=1e-12)
    # From -3 to -2 alone it is 1/2.
    assert mean_gap([(math.exp(-2), 0.0), (math.exp(-4), 0.0)], second) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "second",
    [
        [(0.1, 1.0), (0.2, 2.0)],  # no stretch in common
        [(0.5, 1.0), (0.4, 2.0)],  # one point in common
        [(0.9, 1.0), (0.7, 2.0), (0.7, 3.0)],  # two values at a density
    ],
)
def test_an_area_that_there_is_not_is_none(second: list[tuple[float, float]]) -> None:
    assert mean_gap([(1.0, 1.0), (0.5, 2.0)], second) is None


curve = st.lists(
    st.tuples(st.integers(1, 999), st.floats(0, 100)),
    min_size=2,
    max_size=8,
    unique_by=lambda point: point[0],
).map(lambda points: [(density / 1000, value) for density, value in points])


@settings(deadline=None)
@given(curve, curve)
def test_an_area_is_the_integral(first: list[Any], second: list[Any]) -> None:
    x = [np.log([density for density, _ in sorted(c)]) for c in (first, second)]
    y = [[value for _, value in sorted(c)] for c in (first, second)]
    begin, end = max(x[0][0], x[1][0]), min(x[0][-1], x[1][-1])
    found = mean_gap(first, second)
    if begin >= end:
        assert found is None
        return
    # The rule of trapezoids on a grid that has every bend is exact.
    grid = np.unique(np.clip(np.concatenate([*x, np.linspace(begin, end, 50)]), begin, end))
    gap = np.interp(grid, x[0], y[0]) - np.interp(grid, x[1], y[1])
    wanted = np.sum(np.diff(grid) * (gap[1:] + gap[:-1]) / 2) / (end - begin)
    assert found == pytest.approx(wanted, abs=1e-6)


# Confidence intervals


def test_an_interval_by_hand() -> None:
    """1, 2, 3: deviation 1, t of two degrees of freedom 4.302653, so 2 -+ 2.484138."""
    low, high = table.interval([1.0, 2.0, 3.0]) or (0, 0)
    assert (low, high) == (pytest.approx(2 - 2.484138, abs=1e-6), pytest.approx(4.484138, abs=1e-6))
    assert table.interval([5.0]) is None
    assert table.interval([]) is None
    assert table.interval([0.1, 0.1, 0.1]) == (0.1, 0.1)


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_an_interval_is_that_of_student(figures: list[float]) -> None:
    low, high = table.interval(figures) or (0, 0)
    error = stats.sem(figures) if len(set(figures)) > 1 else 0.0
    scale = 1e-9 * max(1, *map(abs, figures))
    if error <= scale:
        assert high - low <= 60 * scale
        return
    wanted = stats.t.interval(0.95, len(figures) - 1, loc=np.mean(figures), scale=error)
    assert low == pytest.approx(wanted[0], rel=1e-6, abs=scale)
    assert high == pytest.approx(wanted[1], rel=1e-6, abs=scale)


def test_figures_of_one_replicate_count_once_in_an_interval() -> None:
    found = table.spread([1.0, 3.0, 4.0, 8.0], [1, 1, 2, 2])
    assert (found.mean, found.low, found.high) == (4, 1, 8)
    assert found.interval == table.interval([2.0, 6.0])
    assert table.spread([1.0, 3.0], [1, 1]).interval is None
    assert table.spread([1.0]).interval is None


# Answers, of figures that are written by hand


def made(
    plan: Plan,
    correct: Callable[[Outcome], int] = lambda row: 9000,
    wrong: Callable[[Measurement], int] = lambda row: 0,
) -> Facts:
    """Facts of every evaluation and line: so many right answers of 10,000, and so many more wrong
    ones in the middle of a line than at its ends."""
    facts: Facts = {}
    for row in plan.outcomes:
        for place in row.scores.values():
            number = correct(row)
            facts[place] = {
                "examples": EXAMPLES,
                "correct": number,
                "accuracy": number / EXAMPLES,
                "loss": 0.0,
            }
    for one in plan.measurements:
        work = plan.stages[one.stage].work
        assert isinstance(work, Line)
        ends = 9000
        between = [ends] + [ends - wrong(one)] * (work.alphas - 2) + [ends]
        facts[one.stage] = {
            "examples": EXAMPLES,
            "correct": between,
            "alphas": [n / (work.alphas - 1) for n in range(work.alphas)],
            "error": [1 - each / EXAMPLES for each in between],
            "loss": [None] * work.alphas,
            "instability": wrong(one) / EXAMPLES,
        }
    return facts


def step_of(plan: Plan, row: Outcome | Measurement) -> int:
    """The rewind point of the sweep at which a row is."""
    return int(str(plan.point(row.point).values["prune.rewind.to"]).removesuffix("it"))


MATCHING = "ask=[{kind: first-matching, of: [ticket], levels: [2]}]"


def matching(drops: dict[tuple[int, int], int], *changes: str) -> Answer:
    """The answer where tickets of level 2 have so many wrong answers more than the dense network,
    by step and replicate."""
    plan = plan_of(STEPS, MATCHING, *changes)

    def correct(row: Outcome) -> int:
        return 9000 - (drops[step_of(plan, row), row.replicate] if row.level == 2 else 0)

    (answer,) = answers(plan, made(plan, correct))
    return answer


def test_twenty_of_ten_thousand_are_within_two_tenths_of_a_point() -> None:
    answer = matching({(0, 1): 21, (10, 1): 20, (20, 1): -5})
    assert (answer.value, answer.ever, answer.tried) == (10, 10, (0, 10, 20))
    assert matching({(0, 1): 21, (10, 1): 21, (20, 1): 21}).value is None
    assert 100 * (0.9000 - 0.8980) > 0.2  # what floating point would have said


def test_the_first_that_matches_is_the_answer_whatever_later_ones_do() -> None:
    """Accuracy falls again at the latest points, which have little training left."""
    answer = matching({(0, 1): 0, (10, 1): 30, (20, 1): 0})
    assert (answer.value, answer.ever, answer.onwards) == (0, 0, 20)
    assert answer_text(answer) == "step 0 (onwards: 20)"
    answer = matching({(0, 1): 0, (10, 1): 0, (20, 1): 30})
    assert (answer.value, answer.ever, answer.onwards) == (0, 0, None)
    assert answer_text(answer) == "step 0 (onwards: none)"
    answer = matching({(0, 1): 30, (10, 1): 0, (20, 1): 0})
    assert (answer.value, answer.ever, answer.onwards) == (10, 10, 10)
    assert answer_text(answer) == "step 10"
    # Nothing is said of several replicates where there is one.
    assert (replicates_text(answer), interval_text(answer)) == ("", "")
    answer = matching({(0, 1): 30, (10, 1): 30, (20, 1): 30})
    assert (answer.value, answer.ever, answer.onwards) == (None, None, None)
    assert answer_text(answer) == "none up to step 20"


def test_spread_and_interval_are_over_the_first_that_matches() -> None:
    """Replicates that match at 0 alone, and from 10 on: 0 and 10, whatever follows."""
    drops = {(0, 1): 0, (10, 1): 30, (20, 1): 30, (0, 2): 40, (10, 2): 0, (20, 2): 0}
    answer = matching(drops, "replicates=2")
    assert [(own.value, own.onwards) for own in answer.replicates] == [(0, None), (10, 10)]
    # Means of 20, 15 and 15.
    assert (answer.value, answer.onwards, answer.reached) == (0, 0, 2)
    assert answer.spread == table.spread([0, 10])
    (line,) = csv.DictReader(io.StringIO(as_csv([answer])))
    assert [line[name] for name in ("value", "ever", "onwards")] == ["0", "0", "0"]
    assert (line["replicates"], line["mean"]) == ("0 10", "5.0")
    shorter = replace(answer, value=0, ever=0, onwards=None)
    (line,) = csv.DictReader(io.StringIO(as_csv([shorter])))
    assert [line[name] for name in ("value", "ever", "onwards")] == ["0", "0", ""]


def test_replicates_are_answered_one_by_one_and_in_the_mean() -> None:
    """Drops of 10 and 30 at step 10: a mean of 20, which matches, as the second alone does not."""
    answer = matching(
        {(0, 1): 99, (10, 1): 10, (20, 1): 0, (0, 2): 99, (10, 2): 30, (20, 2): 0}, "replicates=2"
    )
    assert answer.value == 10
    assert [own.value for own in answer.replicates] == [10, 20]
    assert answer.spread == table.spread([10, 20])
    assert answer.spread.interval == table.interval([10, 20])
    assert replicates_text(answer) == "15 (10-20)"
    assert interval_text(answer).endswith(" (n = 2)")
    same = replace(answer, spread=table.spread([10, 10]))
    assert replicates_text(same) == "10"


def test_no_spread_is_made_of_those_that_happen_to_have_an_answer() -> None:
    answer = matching(
        {(0, 1): 0, (10, 1): 0, (20, 1): 0, (0, 2): 99, (10, 2): 99, (20, 2): 99}, "replicates=2"
    )
    assert [own.value for own in answer.replicates] == [0, None]
    assert (answer.reached, answer.spread, answer.value) == (1, None, None)
    assert replicates_text(answer) == "1 of 2 have one"


STABLE = (
    "measure=[{kind: instability, of: [dense], at: [0it, 10it, 30it], siblings: 3, alphas: 5}]",
    "ask=[{kind: first-stable, of: [dense]}]",
)


def stable(wrong: dict[tuple[int, tuple[int, ...]], int], *changes: str) -> Answer:
    plan = plan_of(*STABLE, *changes)
    (answer,) = answers(plan, made(plan, wrong=lambda one: wrong.get((one.step, one.copies), 0)))
    return answer


def test_the_instability_of_a_replicate_is_the_mean_over_pairs_of_copies() -> None:
    """199, 200 and 200 of 10,000 are below 2 points in the mean; 200 each are not below."""
    pairs = [(1, 2), (1, 3), (2, 3)]
    high = {(0, pair): 8000 for pair in pairs}
    even = {(10, pair): 200 for pair in pairs}
    answer = stable({**high, **even})
    assert (answer.value, answer.ever, answer.tried) == (30, 30, (0, 10, 30))
    assert (answer.needed, answer.missing, answer.level) == (3, 0, None)
    answer = stable({**high, **even, (10, (1, 2)): 199})
    assert answer.value == 10


def test_the_ends_of_a_line_need_not_be_equal() -> None:
    """Ends of 1,000 and 1,100 wrong answers and 1,249 between: 1.99 points."""
    plan = plan_of(*STABLE)
    facts = made(plan)
    for one in plan.measurements:
        facts[one.stage]["correct"] = [9000, 8751, 8751, 8751, 8900]
    assert answers(plan, facts)[0].value == 0
    for one in plan.measurements:
        facts[one.stage]["correct"] = [9000, 8750, 8751, 8751, 8900]
    assert answers(plan, facts)[0].value is None


def test_ways_of_measuring_are_kept_apart() -> None:
    measure = """measure=[{kind: instability, of: [dense], at: [0it, 10it], siblings: 2, alphas: 5},
        {kind: instability, of: [dense], at: [0it, 20it], siblings: 2, alphas: 7},
        {kind: instability, of: [dense], at: [5it], siblings: 2, alphas: 9}]"""
    plan = plan_of(measure, STABLE[1])
    found = answers(plan, made(plan))
    assert [(one.alphas, one.tried) for one in found] == [(5, (0, 10)), (7, (0, 20))]


def test_the_stable_point_of_tickets_is_over_the_sweep_and_by_level() -> None:
    plan = plan_of(
        STEPS,
        "measure=[{kind: instability, of: [ticket], siblings: 2, alphas: 3}]",
        "ask=[{kind: first-stable, of: [ticket], below: 1}]",
    )
    unstable = {(0, 1): 100, (10, 1): 99, (20, 1): 0, (0, 2): 0, (10, 2): 0, (20, 2): 100}
    facts = made(plan, wrong=lambda one: unstable[step_of(plan, one), one.sides[0].level])
    found = [(one.level, one.value, one.onwards, one.points) for one in answers(plan, facts)]
    assert found == [(1, 10, 10, (1, 2, 3)), (2, 0, None, (1, 2, 3))]


BEFORE = (
    "pretrain={data: {name: digits, random_labels: 1.0}}",
    "pretrain.train={duration: 1ep, batch_size: 64, optimizer: {name: sgd, lr: 0.1}}",
    "sweep={pretrain.train.duration: [1ep, 10it, 30it]}",
)


def before(plan: Plan, row: Outcome | Measurement) -> int:
    """How long the network of a row was trained before: an epoch of digits has 23 steps."""
    written = plan.point(row.point).values["pretrain.train.duration"]
    return {"1ep": 23, "10it": 10, "30it": 30}[written]


def test_the_length_of_a_pretraining_after_which_networks_are_stable() -> None:
    """Of the dense network, whose copies part at its end, and of the ticket."""
    plan = plan_of(
        *BEFORE,
        "measure=[{kind: instability, of: [dense, ticket], siblings: 2, alphas: 3}]",
        "ask=[{kind: first-stable, of: [dense, ticket], levels: [1], over: pretrain}]",
    )
    wrong = {10: 8000, 23: 200, 30: 199}
    found = answers(plan, made(plan, wrong=lambda one: wrong[before(plan, one)]))
    assert [(one.line, one.level) for one in found] == [("dense", None), ("ticket", 1)]
    for answer in found:
        assert (answer.unit, answer.tried, answer.value) == ("steps", (10, 23, 30), 30)
        assert (answer.points, answer.settings) == ((1, 2, 3), {})
        assert answer_text(answer) == "30 steps"
        assert answer_text(replace(answer, value=1, ever=1, onwards=1)) == "1 step"
    console = Console(record=True, width=200)
    print_answers(console, plan, made(plan, wrong=lambda one: 8000))
    text = console.export_text()
    assert "first stable after pre-training, below 2 points, test" in text
    assert "none up to 30 steps" in text
    (line, _) = csv.DictReader(io.StringIO(as_csv(found)))
    assert (line["unit"], line["value"]) == ("steps", "30")


def test_the_length_of_a_pretraining_after_which_tickets_match() -> None:
    """Each is held against the dense network that was trained before for as long."""
    plan = plan_of(
        *BEFORE[:2],
        "sweep={pretrain.train.duration: [1ep, 10it, 30it], prune.rewind.to: [0it, 10it]}",
        "branches.fresh={kind: reinitialize}",
        "ask=[{kind: first-matching, of: [ticket, fresh], levels: [2], over: pretrain}]",
    )

    def correct(row: Outcome) -> int:
        dense = 9000 + before(plan, row)
        drop = {10: 10, 23: 30, 30: 0}[before(plan, row)] if row.branch == "ticket" else 21
        return dense - (drop if row.level == 2 else 0)

    found = answers(plan, made(plan, correct))
    assert [(one.line, one.settings["prune.rewind.to"]) for one in found] == [
        ("ticket", "0it"),
        ("ticket", "10it"),
        ("fresh", "0it"),
        ("fresh", "10it"),
    ]
    assert [(one.value, one.onwards) for one in found] == [(10, 30)] * 2 + [(None, None)] * 2
    assert answer_text(found[0]) == "10 steps (onwards: 30)"


def test_other_entries_of_a_sweep_are_kept_apart() -> None:
    plan = plan_of(
        "sweep={recipe: {high: {}, low: {train.optimizer.lr: 0.01}}, prune.rewind.to: [0it, 10it]}",
        MATCHING,
    )

    def correct(row: Outcome) -> int:
        late = plan.point(row.point).columns["recipe"] == "low" and step_of(plan, row) == 0
        return 9000 - 500 * (late and row.level == 2)

    found = answers(plan, made(plan, correct))
    assert [(one.settings, one.points, one.value) for one in found] == [
        ({"recipe": "high"}, (1, 2), 0),
        ({"recipe": "low"}, (3, 4), 10),
    ]


def test_a_branch_that_is_rewound_on_its_own_is_asked_about_its_own_sweep() -> None:
    plan = plan_of(
        "prune.rewind={to: 30it}",
        "branches.apart={kind: rewind, rewind: {to: 0it}}",
        "sweep={branches.apart.rewind.to: [0it, 20it]}",
        "ask=[{kind: first-matching, of: [apart], levels: [1]}]",
    )
    (answer,) = answers(plan, made(plan))
    assert (answer.tried, answer.value) == ((0, 20), 0)


SPARSEST = "ask=[{kind: sparsest-matching, of: [ticket], within: 1}]"


@pytest.mark.parametrize(
    ("drops", "level", "ever"),
    [
        ((0, 0, 0, 0), 4, 4),
        ((100, 100, 101, 101), 2, 2),
        ((0, 101, 0, 101), 1, 3),
        ((101, 0, 0, 0), None, 4),
        ((101, 101, 101, 101), None, None),
    ],
)
def test_the_sparsest_that_matches_with_all_denser_ones(
    drops: tuple[int, ...], level: int | None, ever: int | None
) -> None:
    plan = plan_of("prune.schedule.levels=4", SPARSEST)
    (answer,) = answers(plan, made(plan, lambda row: 9000 - (0, *drops)[row.level]))
    densities = {row.level: plan.density(row, 0) for row in plan.outcomes}
    assert answer.found_level == level
    assert answer.value == (None if level is None else densities[level])
    assert answer.onwards == answer.value
    assert answer.ever == (None if ever is None else densities[ever])
    assert answer.tried == tuple(densities[n] for n in (4, 3, 2, 1))
    if level is None:
        assert answer_text(answer).startswith(f"none, not even {densities[1]:.2%}")


AREA = ("branches.fresh={kind: reinitialize, levels: [1, 2]}",)


def test_the_area_between_two_lines() -> None:
    """Gaps of 2 and 5 points at the only two levels: 3.5, wherever they are."""
    plan = plan_of(*AREA, "replicates=2", "ask=[{kind: area, between: [ticket, fresh]}]")
    worse = {("fresh", 1): 200, ("fresh", 2): 500}
    (answer,) = answers(
        plan, made(plan, lambda row: 9000 - worse.get((row.branch, row.level), 0) * row.replicate)
    )
    assert [own.value for own in answer.replicates] == [pytest.approx(0.035), pytest.approx(0.07)]
    assert answer.value == pytest.approx(0.0525)
    assert answer.spread is not None
    assert answer.spread.deviation == pytest.approx(0.035 / math.sqrt(2))
    assert answer_text(answer) == "+5.25"


LEVELS = "prune.schedule={name: iterative, fraction: 0.2, levels: 5}"


def areas(branches: str, correct: Callable[[Outcome], int], first: str = "ticket") -> Answer:
    """The area between two lines, with the plan's five levels evenly spaced in ln d: level n keeps
    2^-n of the weights."""
    plan = plan_of(LEVELS, branches, f"ask=[{{kind: area, between: [{first}, fresh]}}]")
    outcomes = tuple(replace(row, kept=4096 >> row.level) for row in plan.outcomes)
    halved = replace(plan, outcomes=outcomes)
    (answer,) = answers(halved, made(halved, correct))
    return answer


def test_each_line_of_an_area_has_its_own_levels() -> None:
    """A ticket with 94, 96, 92, 95 and 90 percent at levels 1 to 5, beside fresh weights with 90
    at 1 and 80 at 5: gaps of 4, 8.5, 7, 12.5 and 10 points, whose mean over four equal pieces is
    (2 + 8.5 + 7 + 12.5 + 5) / 4 = 8.75. Of levels 1 and 5 alone it would be 7."""
    ticket = {1: 9400, 2: 9600, 3: 9200, 4: 9500, 5: 9000}

    def correct(row: Outcome) -> int:
        fresh = {1: 9000, 5: 8000}
        return fresh[row.level] if row.branch == "fresh" else ticket.get(row.level, 9700)

    answer = areas("branches.fresh={kind: reinitialize, levels: [1, 5]}", correct)
    assert answer.value == pytest.approx(0.0875)
    assert (answer.needed, answer.missing) == (7, 0)


def test_an_area_may_begin_and_end_between_levels_of_a_line() -> None:
    """Fresh weights with 90 and 84 percent at levels 2 and 4; shuffled masks with 90, 92 and 86 at
    1, 3 and 5, that is 91, 92 and 89 at 2, 3 and 4. Gaps of 1, 5 and 5 points: (3 + 5) / 2 = 4."""
    points = {("fresh", 2): 9000, ("fresh", 4): 8400}
    points |= {("mixed", 1): 9000, ("mixed", 3): 9200, ("mixed", 5): 8600}
    branches = (
        "branches={fresh: {kind: reinitialize, levels: [2, 4]}, "
        "mixed: {kind: shuffle-mask, levels: [1, 3, 5]}}"
    )
    answer = areas(branches, lambda row: points.get((row.branch, row.level), 1), "mixed")
    assert answer.value == pytest.approx(0.04)
    assert (answer.needed, answer.missing) == (5, 0)


def test_an_area_needs_no_level_beyond_the_other_line_s() -> None:
    """Fresh weights at levels 2 and 3: of the ticket's five the same two are needed."""
    plan = plan_of(
        LEVELS,
        "branches.fresh={kind: reinitialize, levels: [2, 3]}",
        "ask=[{kind: area, between: [ticket, fresh]}]",
    )
    facts = made(plan, lambda row: 9000 - 100 * (row.branch == "fresh"))
    whole = answers(plan, facts)[0]
    assert (whole.value, whole.needed) == (pytest.approx(0.01), 4)
    for row in plan.outcomes:
        needed = row.branch == "fresh" or row.level in (2, 3)
        gone = {place: each for place, each in facts.items() if place != row.scores["test"]}
        (answer,) = answers(plan, gone)
        assert (answer.needed, answer.missing) == (4, int(needed))
        assert (answer == whole) is not needed


def test_lines_without_two_densities_have_no_area() -> None:
    plan = plan_of(*AREA, "ask=[{kind: area, between: [ticket, fresh]}]")
    same = replace(
        plan, outcomes=tuple(replace(row, kept=500) if row.level else row for row in plan.outcomes)
    )
    (answer,) = answers(same, made(plan))
    assert (answer.value, answer.missing, answer.reached) == (None, 0, 0)
    assert answer_text(answer) == "none: no stretch of densities in common"


EVERY = (
    STEPS,
    *AREA,
    "replicates=2",
    "measure=[{kind: instability, of: [dense, ticket], at: [0it, 10it], siblings: 2, alphas: 3}]",
    """ask=[{kind: first-stable, of: [dense, ticket]}, {kind: first-matching, within: 50},
        {kind: sparsest-matching}, {kind: area, between: [ticket, fresh]}]""",
)


def test_what_is_not_measured_yet_is_no_answer() -> None:
    plan = plan_of(*EVERY)
    facts = made(plan)
    whole = answers(plan, facts)
    assert [one.missing for one in whole] == [0] * len(whole)
    assert {one.value for one in whole} == {0, min(whole[5].tried)}
    for gone in [o.scores["test"] for o in plan.outcomes] + [m.stage for m in plan.measurements]:
        partly = answers(plan, {place: each for place, each in facts.items() if place != gone})
        assert any(one.missing for one in partly)
        for one, before in zip(partly, whole, strict=True):
            if one.missing:
                assert (one.value, one.ever, one.onwards) == (None,) * 3
                assert (one.spread, one.found_level) == (None, None)
                assert any(own.value is not None for own in one.replicates)
                assert answer_text(one) == (f"not done yet: {one.missing} of {one.needed} figures")
            else:
                assert one == before
    nothing = answers(plan, {})
    assert [one.missing for one in nothing] == [one.needed for one in whole]


def test_a_density_that_only_the_ticket_knows() -> None:
    plan = plan_of(
        "replicates=2",
        "branches.both={kind: combine-masks, operator: union, other: {replicate: next}}",
        "ask=[{kind: sparsest-matching, of: [both]}]",
    )
    both = [row for row in plan.outcomes if row.branch == "both"]
    assert {row.kept for row in both} == {None}
    (answer,) = answers(plan, made(plan))
    assert (answer.value, answer.missing, answer.tried) == (None, 4, ())
    tickets: Facts = {}
    for row in both:
        assert row.ticket is not None
        tickets[row.ticket] = {"kept": {"w": 800 - 100 * row.level + 20 * row.replicate}}
    (answer,) = answers(plan, {**made(plan), **tickets})
    own = [each / plan.prunable for each in (620, 640)]
    assert [each.value for each in answer.replicates] == own
    assert (answer.value, answer.found_level) == (pytest.approx(630 / plan.prunable), 2)


# What is asked of a plan


def test_a_question_moves_no_key_and_needs_no_stage() -> None:
    with_it = plan_of(*EVERY)
    without = plan_of(*EVERY[:-1])
    assert with_it.stages == without.stages
    assert planfile.read(planfile.write(with_it))[0] == with_it


def test_the_dense_network_is_the_spec_s_own() -> None:
    """Controls of a carried ticket have a dense network of theirs, in the same point."""
    plan = plan_of(
        "model={family: lenet, widths: [12, 12]}",
        "branches.other={kind: transfer, to: {widths: [12, 12, 12]}, controls: [imp]}",
        "ask=[{kind: sparsest-matching}]",
    )
    names = {row.branch for row in plan.outcomes if not row.level}
    assert names == {"dense", "other-imp"}
    own = ("dense", "ticket")
    (answer,) = answers(plan, made(plan, lambda row: 9000 if row.branch in own else 9999))
    assert answer.found_level == 2


def test_a_plan_without_questions_has_no_answers() -> None:
    plan = plan_of()
    assert answers(plan, made(plan)) == []
    assert answers(replace(plan, spec={}), {}) == []  # a plan file from before there were any


def test_rewind_points_that_are_written_otherwise_are_the_same() -> None:
    plan = plan_of(
        "sweep={prune.rewind: [{to: 0it}, {to: 10it}]}",
        "ask=[{kind: first-matching}]",
    )
    assert [one.tried for one in answers(plan, made(plan))] == [(0, 10), (0, 10)]


def test_other_keys_of_a_rewinding_are_other_entries() -> None:
    places = [
        asked.Place(1, {"prune.rewind.weights": "0it", "prune.rewind.schedule": "0it"}, _Bare()),
        asked.Place(2, {"prune.rewind.weights": "9it", "prune.rewind.schedule": "0it"}, _Bare()),
        asked.Place(3, {"prune.rewind.weights": "0it", "prune.rewind.schedule": "9it"}, _Bare()),
        asked.Place(4, {"prune.rewind": {"to": "5it", "retrain": "1ep"}}, _Bare()),
    ]
    question = tiny("ask=[{kind: first-matching}]", STEPS).ask[0]
    found = [
        [place.number for place in group] for group in asked.groups(question, places, "ticket")
    ]
    assert found == [[1, 2], [3], [4]]


LINES = """branches={
    fresh: {kind: reinitialize}, signs: {kind: reinitialize, same_sign: true},
    noise: {kind: perturb, noise: 0.5}, other: {kind: other-seed},
    scored: {kind: prune, criterion: magnitude, weights: scored},
    labels: {kind: retrain, data: {name: digits, random_labels: 1.0}},
    early: {kind: rewind, rewind: {to: 5it}}, first: {kind: rewind, rewind: {to: 0it}},
    tuned: {kind: rewind, rewind: {weights: end, schedule: end, retrain: 9it}},
    pruned: {kind: rewind, rewind: none},
    deeper: {kind: transfer, to: {widths: [12, 12, 12, 8]}, controls: all},
    alone: {kind: transfer, to: {widths: [12, 12, 12, 8]}, weights: own, mask: random-erk},
    drawn: {kind: transfer, to: {widths: [12, 12, 12, 8]}, weights: fresh}}"""


@pytest.mark.parametrize(
    "changes",
    [
        ("prune.rewind={to: 25%}",),
        ("prune.rewind={to: 0it}",),
        ("prune.rewind={to: 1ep}", "pretrain={data: {name: digits, blur: 1}}"),
        ("prune.rewind={to: 0it}", "pretrain={data: {name: digits, rotation: true}}"),
    ],
    ids=["late", "first", "pre-trained late", "pre-trained with other classes"],
)
def test_stages_say_what_the_spec_says_of_rewind_points(changes: tuple[str, ...]) -> None:
    spec = tiny("model.widths=[12, 12, 8]", "replicates=2", LINES, *changes)
    plan = compile_spec(spec)
    own = {row.branch: row for row in plan.outcomes if row.level}
    lines = ["ticket", *beside.names(spec)]
    assert len(lines) == 1 + 13 + 7
    found = {line: rewind_step(plan, spec, own[rewound_as(spec, line)]) for line in lines}
    assert found == {line: asked.rewind_step(spec, line) for line in lines}
    assert (found["early"], found["tuned"]) == (5, None)


def test_answers_of_a_plan_need_none_of_the_files_that_its_spec_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ticket beside the spec, which is looked at to tell the controls of two branches apart."""
    file = tmp_path / "there" / "spec.yaml"
    file.parent.mkdir()
    ticket = Path("tests/language/tickets/tiny.safetensors").read_bytes()
    (file.parent / "tiny.safetensors").write_bytes(ticket)
    file.write_text(TINY.lstrip(), encoding="utf-8")
    source = read(file)
    for change in (
        "sweep={prune.rewind.to: [0it, 10it]}",
        "branches.a={kind: transfer, from: {ticket: tiny.safetensors}, controls: all}",
        "branches.a.schedule=0it",
        "branches.a-b={kind: transfer, data: {name: digits, blur: 1}, controls: [imp]}",
        "measure=[{kind: instability, of: [a-b-imp], siblings: 2}]",
        "ask=[{kind: first-stable, of: [a-b-imp]}]",
    ):
        source = override(source, change)
    plan, _ = planfile.read(planfile.write(compile_spec(validate(source))))
    shutil.rmtree(file.parent)
    monkeypatch.chdir(tmp_path)
    assert [one.tried for one in answers(plan, made(plan))] == [(0, 10), (0, 10)]


def test_weights_of_the_end_are_no_rewind_point() -> None:
    plan = plan_of(
        "prune.rewind={weights: 0it, schedule: 0it}",
        "sweep={prune.rewind.weights: [0it, end, 10it]}",
        "ask=[{kind: first-matching, levels: [2]}]",
    )
    (found,) = answers(plan, made(plan))
    assert (found.tried, found.points) == ((0, 10), (1, 3))


class _Bare:
    branches: dict[str, Any] = {}  # noqa: RUF012


# Promises


def an_answer(**changes: Any) -> Answer:
    plan = plan_of(STEPS, MATCHING)
    return replace(answers(plan, made(plan))[0], **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"value": 7.0}, "none of"),
        ({"missing": 1}, "figures are not"),
        ({"ever": 7.0}, "none of"),
        ({"onwards": 7.0}, "none of"),
        ({"value": None, "ever": None}, "and nowhere"),
        ({"value": 10.0}, "the answer is 10.0, and what is asked is 0"),
        ({"value": None, "onwards": None}, "the answer is None, and what is asked is 0"),
    ],
)
def test_an_answer_that_is_none_is_not_given(changes: dict[str, Any], said: str) -> None:
    check(an_answer())
    with pytest.raises(InvariantError, match=said):
        check(an_answer(**changes))


def test_two_networks_are_not_taken_for_one() -> None:
    plan = plan_of(*STABLE)
    other = replace(plan.measurements[0], stage=plan.measurements[1].stage)
    with pytest.raises(InvariantError, match="two networks dense from step 0"):
        answers(replace(plan, measurements=(*plan.measurements, other)), made(plan))
    plan = plan_of(STEPS, MATCHING)
    row = next(row for row in plan.outcomes if row.level == 2)
    with pytest.raises(InvariantError, match="two networks ticket 2"):
        answers(replace(plan, outcomes=(*plan.outcomes, replace(row, trained=0))), made(plan))


# What a person gets


def test_a_run_writes_its_answers(tmp_path: Path) -> None:
    changes = (
        "train.duration=20it",
        "replicates=2",
        *AREA,
        "measure=[{kind: instability, of: [dense], at: [0it, 10it], siblings: 2, alphas: 3}]",
        """ask=[{kind: first-stable, of: [dense], below: 100},
            {kind: sparsest-matching, within: 100}, {kind: area, between: [ticket, fresh]}]""",
    )
    plan = plan_of(*changes)
    opened, _ = run(plan, tmp_path / "s")
    facts = scores(plan, opened.realm)
    found = answers(plan, facts)
    folder, _, rows = write_results(plan, opened)
    document = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    assert [one["value"] for one in document["answers"]] == [one.value for one in found]
    lines = list(csv.DictReader(io.StringIO((folder / "answers.csv").read_text(encoding="utf-8"))))
    assert [line["kind"] for line in lines] == ["first-stable", "sparsest-matching", "area"]
    assert (lines[0]["value"], lines[0]["replicates"]) == ("0", "0 0")
    # Thresholds of 100 points, and an area, as shares.
    assert [line["threshold"] for line in lines] == ["1.0", "1.0", ""]
    assert [line["unit"] for line in lines] == ["step", "density", "accuracy"]
    console = Console(width=160, record=True, file=io.StringIO())
    print_answers(console, plan, facts)
    shown = console.export_text()
    assert "first stable, below 100 points, test, 3 alphas" in shown
    assert "ticket less fresh" in shown
    # The same number by another way: the summary's own accuracies at the only two levels.
    by = {(row.replicate, row.branch, row.level): row.scores["test"]["accuracy"] for row in rows}
    gaps = [
        sum(by[number, "ticket", level] - by[number, "fresh", level] for level in (1, 2)) / 2
        for number in (1, 2)
    ]
    assert [own.value for own in found[2].replicates] == [pytest.approx(gap) for gap in gaps]
    # Intervals stand in the other tables too.
    written = json.loads((folder / "table.json").read_text(encoding="utf-8"))
    for line, summed in zip(written["summary"], table.summary(rows), strict=True):
        own = [
            row.scores["test"]["accuracy"]
            for row in rows
            if (row.branch, row.level) == (line["branch"], line["level"])
        ]
        assert line["accuracy"]["test"]["interval"] == list(table.interval(own) or ())
        assert summed.accuracy["test"].interval == table.interval(own)
    copies = table_of(plan, facts, "instability")
    spreads = [line.figures["instability"] for line in summary(copies)]
    assert [each and each.interval for each in spreads] == [
        table.interval([row["instability"] for row in copies.rows if row["step"] == step])
        for step in (0, 10)
    ]
    write_results(replace(plan, spec={**plan.spec, "ask": []}), opened)
    assert not list(folder.glob("answers.*"))


def test_pairs_of_replicates_have_no_interval(tmp_path: Path) -> None:
    plan = plan_of(
        "train.duration=5it",
        "prune.schedule.levels=1",
        "replicates=3",
        "measure=[{kind: barrier, between: replicates, of: [dense], alphas: 3}, "
        "{kind: barrier, alphas: 3}]",
    )
    opened, _ = run(plan, tmp_path / "s")
    lines = summary(table_of(plan, scores(plan, opened.realm), "barrier"))
    across, within = (line.figures["barrier"] for line in lines)
    assert across is not None
    assert within is not None
    assert [line.count for line in lines] == [3, 3]
    assert (across.interval, within.interval is None) == (None, False)


def test_answers_of_a_sweep_say_of_which_points_they_are() -> None:
    plan = plan_of(*EVERY)
    found = answers(plan, made(plan))
    lines = list(csv.DictReader(io.StringIO(as_csv(found))))
    assert [line["points"] for line in lines][-4:] == ["3", "1", "2", "3"]
    assert lines[0]["points"] == "1 2 3"
    assert lines[-1]["settings"] == "prune.rewind.to=20it"
    assert lines[0]["settings"] == ""
    assert len(json.loads(as_json(plan, found))["points"]) == 3


def test_what_a_person_sees_of_a_sweep() -> None:
    plan = plan_of(*EVERY)
    facts = made(plan, lambda row: 9000 - 30 * (row.level == 1))
    console = Console(width=200, record=True, file=io.StringIO())
    print_answers(console, plan, facts)
    shown = console.export_text()
    assert "sparsest matching, within 0.2 points, test" in shown
    assert "0 of 2 have one" in shown
    assert "in brackets the lowest at which it holds at all" in shown
    assert "onwards" not in shown  # all steps hold
    own = Own(1, None, None, None)
    assert own.missing == 0
    assert "95% interval" in shown
    plan = plan_of(*EVERY, "replicates=1")  # then there are no columns for several
    print_answers(console, plan, made(plan))
    shown = console.export_text()
    assert "step 0" in shown
    assert "replicates" not in shown
    assert "95% interval" not in shown
