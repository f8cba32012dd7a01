"""Takes a spec, or the right parts of one; gives what is wrong with what it asks to be measured.

The part of :mod:`ltspec.plan.rules` that is about ``measure``.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import Any

from ltspec.errors import Diagnostic, Path
from ltspec.language.variants import as_branch_sees
from ltspec.plan import measured, pairs, resolve
from ltspec.plan.pair_rules import PAIR_RULES
from ltspec.plan.replicates import DENSE, TICKET


def measured_networks_exist(spec: Any) -> Iterator[Diagnostic]:
    """LT230, LT210."""
    count = len(resolve.levels(spec))
    for number, measure in enumerate(spec.measure):
        if not pairs.is_of_copies(measure):
            continue
        path: Path = ("measure", number)
        for place, line in enumerate(pairs.lines(measure)):
            known = [DENSE, TICKET, *spec.branches]
            if line not in known:
                close = difflib.get_close_matches(line, known, 1)
                yield Diagnostic(
                    "LT230",
                    f"there is no branch named {line!r}",
                    (*path, "of", place),
                    f"did you mean {close[0]}?" if close else "there are " + ", ".join(known),
                )
        if measure.levels == "all":
            continue
        for place, level in enumerate(measure.levels):
            if level > count:
                yield Diagnostic(
                    "LT210",
                    f"the schedule has {count} level{'s' * (count != 1)}, not {level}",
                    (*path, "levels", place),
                    f"write a level from 0 to {count}",
                )
                continue
            for line in pairs.lines(measure):
                own = spec.branches[line].levels if line in spec.branches else "all"
                if level and own != "all" and level not in own:
                    yield Diagnostic(
                        "LT230",
                        f"branch {line} does not leave at level {level}",
                        (*path, "levels", place),
                        f"add {level} to `levels` of the branch, or measure it in an entry of "
                        "its own",
                    )


def copies_have_something_to_train(spec: Any) -> Iterator[Diagnostic]:
    """LT231."""
    for number, measure in enumerate(spec.measure):
        if not pairs.is_of_copies(measure) or measure.levels == (0,):
            continue
        for place, line in enumerate(pairs.lines(measure)):
            if _is_not_trained(spec, line):
                yield Diagnostic(
                    "LT231",
                    f"{line} is not trained after pruning, so its copies would be all the same",
                    ("measure", number, "of", place),
                    "let `prune.rewind` say where to train on from, or measure `dense`",
                )


def _is_not_trained(spec: Any, line: str) -> bool:
    if line == TICKET:
        return bool(spec.prune.rewind == "none")
    if line not in spec.branches:
        return False
    branch = spec.branches[line]
    if branch.kind == "retrain" or getattr(branch, "schedule", None) is not None:
        return False
    return bool(as_branch_sees(spec, branch).prune.rewind == "none")


def copies_part_before_the_end(spec: Any) -> Iterator[Diagnostic]:
    """LT203, LT107, LT231."""
    total = resolve.total_steps(spec)
    for number, measure in enumerate(spec.measure):
        if not pairs.is_of_copies(measure):
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
            step = resolve.steps(spec, written)
            if step >= total:
                yield Diagnostic(
                    "LT203",
                    f"the copies would part at step {step:,}, but training ends at step {total:,}",
                    (*path, "at", place),
                    f"write a point before step {total}",
                    f"step {step}",
                )


MEASURE_RULES: tuple[Callable[[Any], Iterator[Diagnostic]], ...] = (
    measured_networks_exist,
    copies_have_something_to_train,
    copies_part_before_the_end,
    *PAIR_RULES,
)
