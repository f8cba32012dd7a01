"""Takes a spec, or the right parts of one; gives what is wrong with what it asks to be measured.

The part of :mod:`ltspec.plan.rules` that is about ``measure``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from ltspec.errors import Diagnostic, Path
from ltspec.language.unknown import Unknown
from ltspec.plan import beside, compared, measured, pairs, resolve
from ltspec.plan.compare_rules import COMPARE_RULES
from ltspec.plan.pair_rules import PAIR_RULES
from ltspec.plan.replicates import DENSE, TICKET


def measured_networks_exist(spec: Any) -> Iterator[Diagnostic]:
    """LT230, LT210."""
    for number, measure in enumerate(spec.measure):
        if measure.kind in compared.KINDS:
            lines, low = compared.lines(measure), compared.lowest_level(measure)
        elif pairs.is_of_copies(measure):
            lines, low = pairs.lines(measure), 0
        else:
            continue
        path: Path = ("measure", number)
        for place, line in enumerate(lines):
            with suppress(Unknown):
                yield from _line_exists(spec, measure, line, low, (*path, "of", place))
        if measure.levels == "all":
            continue
        for place, level in enumerate(measure.levels):
            with suppress(Unknown):
                yield from _level_exists(spec, level, lines, low, (*path, "levels", place))


def _line_exists(spec: Any, measure: Any, line: Any, low: int, path: Path) -> Iterator[Diagnostic]:
    known = [TICKET, *beside.names(spec)]
    if _is_about_copies(measure):
        known.insert(0, DENSE)
    elif line == DENSE:
        yield Diagnostic(
            "LT230",
            f"`{measure.kind}` asks for lines of networks, and `{DENSE}` is none",
            path,
            beside.listed(known) if low else "write `ticket`: its level 0 is the dense network",
        )
        return
    if line not in known and beside.branch(spec, line) is None:
        yield beside.no_such_line(line, known, path)


def _level_exists(
    spec: Any, level: Any, lines: Sequence[str], low: int, path: Path
) -> Iterator[Diagnostic]:
    with suppress(Unknown):
        count = resolve.level_count(spec)
        if level > (count if TICKET in lines else pairs.most_levels(spec, lines)):
            yield Diagnostic(
                "LT210",
                f"the schedule has {count} level{'s' * (count != 1)}, not {level}",
                path,
                f"write a level from {low} to {count}",
            )
            return
    for line in lines:
        with suppress(Unknown):
            branch = beside.branch(spec, line)
            if branch is not None and level and level not in beside.leaves_at(spec, branch):
                yield Diagnostic(
                    "LT230",
                    f"branch {line} does not leave at level {level}",
                    path,
                    f"add {level} to `levels` of the branch, or measure it in an entry of its own",
                )


def copies_have_something_to_train(spec: Any) -> Iterator[Diagnostic]:
    """LT231."""
    for number, measure in enumerate(spec.measure):
        copied = _is_about_copies(measure)
        if not (copied or measure.kind == "stability") or measure.levels == (0,):
            continue
        for place, line in enumerate(pairs.lines(measure)):
            with suppress(Unknown):
                if measured.is_not_trained(spec, line):
                    yield Diagnostic(
                        "LT231",
                        f"{line} is not trained after pruning, so there is nothing to measure"
                        if measure.kind in compared.KINDS
                        else f"{line} is not trained after pruning, so its copies would be all "
                        "the same",
                        ("measure", number, "of", place),
                        "let `prune.rewind` say where to train on from"
                        + (", or measure `dense`" if copied else ""),
                    )


def _is_about_copies(measure: Any) -> bool:
    """Whether trainings are measured that begin at a step: also of the dense network."""
    return pairs.is_of_copies(measure) or measure.kind == "travelled"


def copies_part_before_the_end(spec: Any) -> Iterator[Diagnostic]:
    """LT203, LT107, LT231."""
    for number, measure in enumerate(spec.measure):
        if not _is_about_copies(measure):
            continue
        path: Path = ("measure", number)
        asked = measured.asks_for_dense(measure)
        if measure.at is None:
            if asked and measured.rewind_step(spec) is None:
                yield Diagnostic(
                    "LT231",
                    "nothing says where copies of the dense network part: tickets are not rewound",
                    path,
                    "add `at: [0it]`, or other points",
                )
            continue
        if not asked:
            yield Diagnostic(
                "LT107",
                "`at` is for the dense network, and `of` does not name it: copies of tickets part "
                "where their training begins",
                (*path, "at"),
                "leave `at` out, or add `dense` to `of`",
                at="key",
            )
            continue
        for place, written in enumerate(measure.at):
            with suppress(Unknown):
                clock = resolve.clock(spec, written)
                point, unit = clock.at(written), clock.unit
                if point >= clock.total:
                    yield Diagnostic(
                        "LT203",
                        f"the copies would part at {unit} {point:,}, but training ends at {unit} "
                        f"{clock.total:,}",
                        (*path, "at", place),
                        f"write a point before {unit} {clock.total}",
                        f"{unit} {point}",
                    )


MEASURE_RULES: tuple[Callable[[Any], Iterator[Diagnostic]], ...] = (
    measured_networks_exist,
    copies_have_something_to_train,
    copies_part_before_the_end,
    *PAIR_RULES,
    *COMPARE_RULES,
)
