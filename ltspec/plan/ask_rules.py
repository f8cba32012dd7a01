"""Takes a spec, or the right parts of one; gives what is wrong with the questions that it asks.

The part of :mod:`ltspec.plan.rules` that is about ``ask``, and what only all points of a sweep
together can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import suppress
from typing import Any

from ltspec.errors import Diagnostic, Path
from ltspec.language.unknown import Unknown
from ltspec.language.variants import is_combined, is_elsewhere, read_line
from ltspec.plan import asked, beside, pairs, resolve
from ltspec.plan.mask_rules import known_count
from ltspec.plan.replicates import DENSE, TICKET


def _questions(spec: Any) -> Iterator[tuple[Path, Any, str]]:
    """Each question with its path, and the key that names its lines."""
    for number, question in enumerate(spec.ask):
        yield ("ask", number), question, "between" if question.kind == "area" else "of"


def _is_there(spec: Any, line: str) -> bool:
    return beside.branch(spec, line) is not None


def asked_lines_exist(spec: Any) -> Iterator[Diagnostic]:
    """LT230."""
    for path, question, key in _questions(spec):
        known = [TICKET, *beside.names(spec)]
        if question.kind == "first-stable":
            known.insert(0, DENSE)
        for place, line in enumerate(asked.lines(question)):
            with suppress(Unknown):
                if line not in known and not _is_there(spec, line):
                    yield _no_such_line(line, known, (*path, key, place))


def _no_such_line(line: str, known: list[str], path: Path) -> Diagnostic:
    if line == DENSE:
        return Diagnostic(
            "LT230",
            "the dense network has one accuracy, at density 1, and tickets are held against it",
            path,
            "leave `dense` out",
        )
    return beside.no_such_line(line, known, path)


def asked_levels_exist(spec: Any) -> Iterator[Diagnostic]:
    """LT210, LT230."""
    for path, question, _ in _questions(spec):
        if question.kind not in asked.OVER_STEPS or question.levels == "all":
            continue
        for place, level in enumerate(question.levels):
            with suppress(Unknown):
                yield from _asked_level_exists(spec, question, level, (*path, "levels", place))


def _asked_level_exists(spec: Any, question: Any, level: Any, path: Path) -> Iterator[Diagnostic]:
    count = resolve.level_count(spec)
    if level > count:
        yield Diagnostic(
            "LT210",
            f"the schedule has {count} level{'s' * (count != 1)}, not {level}",
            path,
            f"write a level from 1 to {count}",
        )
        return
    for line in asked.lines(question):
        with suppress(Unknown):
            if _is_there(spec, line) and level not in pairs.own_levels(spec, line):
                yield Diagnostic(
                    "LT230",
                    f"branch {line} does not leave at level {level}",
                    path,
                    f"add {level} to `levels` of the branch, or ask about it in an entry of its "
                    "own",
                )


def answers_are_measured(spec: Any) -> Iterator[Diagnostic]:
    """LT238."""
    for path, question, _ in _questions(spec):
        if question.kind != "first-stable":
            if question.on not in spec.evaluate:
                yield Diagnostic(
                    "LT238",
                    f"accuracy is not measured on the {question.on} split",
                    (*path, "on") if question.on != "test" else path,
                    f"add `{question.on}` to `evaluate`",
                )
            continue
        for place, line in enumerate(question.of):
            try:
                there = asked.measured_levels(spec, line, question.error)
            except Unknown:  # `measure` names a line that is not there, and a rule says so
                return
            own = line in (DENSE, TICKET) or _is_there(spec, line)
            wanted = "all" if line == DENSE else question.levels
            written = "" if line == DENSE else ", levels: all"
            if own and not [level for level in there if line == DENSE or level]:
                yield Diagnostic(
                    "LT238",
                    f"the instability of {line} is not measured on the {question.error} split",
                    (*path, "of", place),
                    f"add `{{kind: instability, of: [{line}]{written}, error: [{question.error}]}}`"
                    " to `measure`",
                )
                continue
            for number, level in enumerate(() if wanted == "all" else wanted):
                if own and level not in there and level in pairs.own_levels(spec, line):
                    yield Diagnostic(
                        "LT238",
                        f"the instability of {line} at level {level} is not measured on the "
                        f"{question.error} split",
                        (*path, "levels", number),
                        f"add {level} to `levels` of an `instability` in `measure`",
                    )


def lines_can_be_asked_about(spec: Any) -> Iterator[Diagnostic]:
    """LT239: lines whose figures mean nothing beside those that they are held against."""
    for path, question, key in _questions(spec):
        for place, line in enumerate(asked.lines(question)):
            with suppress(Unknown):
                yield from _line_can_be_asked_about(spec, question, line, (*path, key, place))
        if question.kind == "area":
            common = asked.common_stretch(spec, question.between)
            if len(common) < 2:
                what = f"meet at level {common[0]} alone" if common else "have no stretch in common"
                yield Diagnostic(
                    "LT239",
                    f"the levels of {' and '.join(question.between)} {what}, and an area lies "
                    "between two densities",
                    (*path, "between"),
                    "give both lines two levels, such as the same two",
                )


def _line_can_be_asked_about(
    spec: Any, question: Any, line: str, path: Path
) -> Iterator[Diagnostic]:
    branch = beside.branch(spec, line)
    if branch is None:
        return
    if asked.is_from_a_file(branch):
        yield Diagnostic(
            "LT239",
            f"the tickets of {line} come out of one file, and are the same at each level and "
            "rewind point",
            path,
            f"leave `{line}` out",
        )
    elif is_elsewhere(branch) and question.kind in asked.OVER_STEPS:
        yield Diagnostic(
            "LT239",
            f"the tickets of {line} are another spec's, and the same at each rewind point of this "
            "one",
            path,
            f"leave `{line}` out",
        )
    elif question.kind == "first-stable":
        return
    elif question.kind not in asked.OVER_STEPS and _is_like_a_file(spec, branch):
        yield Diagnostic(
            "LT239",
            f"{line} keeps as many weights at each level, those of a ticket file",
            path,
            f"leave `{line}` out",
        )
    elif getattr(branch, "data", None) is not None:
        yield Diagnostic(
            "LT239",
            f"{line} is measured on other data than what it is held against",
            path,
            f"leave `{line}` out",
        )
    elif question.kind != "area" and pairs.is_of_another_network(spec, line):
        yield Diagnostic(
            "LT239",
            f"{line} is another network than the dense one that it is held against",
            path,
            f"leave `{line}` out, or ask for the area between `{line}` and another line",
        )


def _is_like_a_file(spec: Any, branch: Any) -> bool:
    like = None if is_combined(branch) else read_line(branch)
    return like is not None and known_count(spec, like) is not None


def steps_to_choose_from(
    places: Sequence[asked.Place], wrong: Container[object] = ()
) -> Iterator[Diagnostic]:
    """LT239: a question over steps where there are not two. ``places``: all points of the spec;
    ``wrong``: the numbers of questions that a rule of their own is broken by."""
    for number, question in enumerate(places[0].spec.ask if places else ()):
        with suppress(Unknown):
            if number not in wrong and question.kind in asked.OVER_STEPS:
                over_rewinds = asked.is_over_rewinds(question)
                for place, line in enumerate(question.of):
                    with suppress(Unknown):
                        path: Path = ("ask", number, "of", place)
                        if over_rewinds:
                            yield from _has_steps(places, question, line, path)
                        elif line == DENSE:
                            yield from _parts_once(places, question, path)
                if not over_rewinds:
                    yield from _has_lengths(places, question, ("ask", number, "over"))


def _has_steps(
    places: Sequence[asked.Place], question: Any, line: str, path: Path
) -> Iterator[Diagnostic]:
    groups = asked.groups(question, places, line)
    least = min((asked.most_steps(question, line, group) for group in groups), key=len)
    if len(least) > 1:
        return
    what = f"one rewind point, step {min(least):,}," if least else "no rewind point"
    apart = least and _is_swept_with_others(places, line)
    if apart:
        what = f"one rewind point, step {min(least):,}, where all else is the same,"
    yield Diagnostic(
        "LT239",
        f"{line} has {what} to choose from",
        path,
        _hint(places[0].spec, line, bool(least), bool(apart)),
    )


def _is_swept_with_others(places: Sequence[asked.Place], line: str) -> bool:
    """Whether a sweep has several rewind points, and sets something else with each."""
    return line != DENSE and len({asked.rewind_step(place.spec, line) for place in places}) > 1


def _hint(spec: Any, line: str, rewound: bool, apart: bool) -> str:
    if line == DENSE:
        return "write several steps in `at` of `instability`: `at: [0it, 500it]`"
    if not rewound:
        return f"leave `{line}` out, whose weights are not rewound"
    key = f"{asked.rewind_key(spec, line)}.to"
    if apart:
        return f"sweep `{key}` in an entry of its own"
    return f"sweep it: `sweep: {{{key}: [0it, 500it]}}`, for example"


def _parts_once(places: Sequence[asked.Place], question: Any, path: Path) -> Iterator[Diagnostic]:
    """LT239: of networks that were trained before for as long there are several."""
    there = (steps for each in places for steps in asked.parting(question, [each]))
    most = max(there, key=len, default=set())
    if len(most) > 1:
        yield Diagnostic(
            "LT239",
            f"copies of the dense network part at {len(most)} steps of its training, and each has "
            "an instability of its own",
            path,
            "leave one step in `at` of `instability`",
        )


def _has_lengths(places: Sequence[asked.Place], question: Any, path: Path) -> Iterator[Diagnostic]:
    """LT239: lengths of a pre-training, which are the same for all lines."""
    groups = asked.groups(question, places, DENSE)
    least = min((asked.most_steps(question, DENSE, group) for group in groups), key=len)
    if len(least) > 1:
        return
    what = f"one length of `pretrain`, {min(least):,} steps," if least else "no `pretrain`"
    hint = f"sweep it: `sweep: {{{asked.DURATION}: [100it, 500it]}}`, for example"
    if not least:
        hint = "write the section `pretrain`, or leave `over` out"
    elif len({asked.pretrained_steps(place.spec) for place in places}) > 1:
        what = f"one length of `pretrain`, {min(least):,} steps, where all else is the same,"
        hint = f"sweep `{asked.DURATION}` in an entry of its own"
    yield Diagnostic("LT239", f"there is {what} to choose from", path, hint)


ASK_RULES: tuple[Callable[[Any], Iterator[Diagnostic]], ...] = (
    asked_lines_exist,
    asked_levels_exist,
    answers_are_measured,
    lines_can_be_asked_about,
)


def broken_together(
    places: Sequence[asked.Place], wrong: Container[object] = ()
) -> list[Diagnostic]:
    """What only all points together can tell of questions that have broken no rule of their own;
    ``wrong``: the numbers of those that have."""
    return list(steps_to_choose_from(places, wrong))
