"""Takes a spec, or the right parts of one; gives what is wrong with the pairs of networks that it
asks to be compared, and with how.

The part of :mod:`ltspec.plan.measure_rules` that is about barriers, functions and running
statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from ltspec.errors import Diagnostic, Path
from ltspec.language.unknown import Unknown
from ltspec.language.variants import as_branch_sees
from ltspec.plan import beside, pairs, resolve
from ltspec.plan.replicates import DENSE, TICKET


def _entries(spec: Any) -> Iterator[tuple[Path, Any]]:
    """Entries that compare networks of the table two by two, with their paths."""
    for number, measure in enumerate(spec.measure):
        if measure.kind in pairs.KINDS and not pairs.is_of_copies(measure):
            yield ("measure", number), measure


def compared_lines_exist(spec: Any) -> Iterator[Diagnostic]:
    """LT230."""
    for path, measure in _entries(spec):
        key = "between" if pairs.is_of_two_lines(measure) else "of"
        known = [TICKET, *beside.names(spec)]
        if measure.between != "successive":
            known.insert(0, DENSE)
        for place, line in enumerate(pairs.lines(measure)):
            with suppress(Unknown):
                if line not in known and beside.branch(spec, line) is None:
                    yield _no_such_line(line, known, (*path, key, place))


def _no_such_line(line: str, known: list[str], path: Path) -> Diagnostic:
    if line == DENSE:
        return Diagnostic(
            "LT230",
            "`successive` compares the levels of a line, and `dense` is one network",
            path,
            "write `ticket`: its level 0 is the dense network",
        )
    return beside.no_such_line(line, known, path)


def compared_levels_exist(spec: Any) -> Iterator[Diagnostic]:
    """LT210, LT230, LT235."""
    for path, measure in _entries(spec):
        if measure.levels != "all":
            for place, level in enumerate(measure.levels):
                with suppress(Unknown):
                    yield from _level_is_compared(spec, measure, level, (*path, "levels", place))


def _level_is_compared(spec: Any, measure: Any, level: Any, path: Path) -> Iterator[Diagnostic]:
    count, names = resolve.level_count(spec), pairs.lines(measure)
    if TICKET not in names:
        count = pairs.most_levels(spec, names)
    successive = measure.between == "successive"
    last = count - 1 if successive else count
    if level > last:
        message = f"the schedule has {count} level{'s' * (count != 1)}, not {level}"
        if successive and level == count:
            message = f"level {level} is the last one, and no other follows it"
        yield Diagnostic("LT210", message, path, f"write a level from 0 to {last}")
        return
    if pairs.is_of_two_lines(measure) and not level:
        yield Diagnostic(
            "LT235",
            "level 0 is the dense network in every line, so there are not two",
            path,
            f"write levels from 1 to {count}",
        )
        return
    for line in pairs.lines(measure):
        with suppress(Unknown):
            own = pairs.own_levels(spec, line)
            missing = [
                each
                for each in ((level, level + 1) if successive else (level,))
                if each not in own and line != DENSE
            ]
            for each in missing:
                yield Diagnostic(
                    "LT230",
                    f"branch {line} does not leave at level {each}",
                    path,
                    f"add {each} to `levels` of the branch, or measure it in an entry of its own",
                )


def there_are_two_networks(spec: Any) -> Iterator[Diagnostic]:
    """LT235."""
    for path, measure in _entries(spec):
        if measure.between == "replicates" and resolve.replicate_count(spec) < 2:
            yield Diagnostic(
                "LT235",
                "networks of two replicates are compared, and there is one",
                (*path, "between"),
                "write `replicates: 3`, for example",
            )
        if measure.levels != "all":
            continue
        if measure.between == "successive":
            for place, line in enumerate(pairs.lines(measure)):
                own = pairs.own_levels(spec, line)
                if not any(level + 1 in own for level in own):
                    yield Diagnostic(
                        "LT235",
                        f"no two levels of {line} follow each other",
                        (*path, "of", place),
                        "give the branch `levels: all`, or compare it with "
                        "`between: [ticket, NAME]`",
                    )
        elif not pairs.pairs(spec, measure):
            yield Diagnostic(
                "LT235",
                f"{' and '.join(pairs.lines(measure))} have no level in common",
                (*path, "between"),
                "give both branches a level in common",
            )


def networks_are_comparable(spec: Any) -> Iterator[Diagnostic]:
    """LT235: weights of two networks that are not the same have no line between them."""
    for path, measure in _entries(spec):
        if not pairs.is_of_two_lines(measure):
            continue
        first, second = (pairs.network(spec, line) for line in pairs.lines(measure))
        if first != second:
            yield Diagnostic(
                "LT235",
                f"{' and '.join(pairs.lines(measure))} are different networks",
                (*path, "between"),
                "compare branches whose tickets are carried to the same network",
            )


def statistics_can_be_recalibrated(spec: Any) -> Iterator[Diagnostic]:
    """LT236."""
    for number, measure in enumerate(spec.measure):
        path: Path = ("measure", number)
        if getattr(measure, "batchnorm", "interpolate") != "recalibrate":
            continue
        if not resolve.graph(spec).buffers:
            yield Diagnostic(
                "LT236",
                "the network has no norms, so there are no running statistics to recalibrate",
                (*path, "batchnorm"),
                "leave `batchnorm` out",
            )
            continue
        if measure.batches is None:
            continue
        whole, line = min(_whole_batches(spec, measure))
        if measure.batches > whole:
            where = f" of {line}" if beside.branch(spec, line) is not None else ""
            yield Diagnostic(
                "LT236",
                f"{measure.batches} whole batches are asked for, and an epoch{where} has {whole}",
                (*path, "batches"),
                f"write {whole} or fewer",
            )


def _whole_batches(spec: Any, measure: Any) -> Iterator[tuple[int, str]]:
    """Whole batches of an epoch of each line's training, and the line."""
    for line in pairs.lines(measure):
        own, branch = spec, beside.branch(spec, line)
        if branch is not None and branch.kind in ("retrain", "transfer"):
            own = as_branch_sees(spec, branch)
        yield resolve.facts(own).train // int(own.train.batch_size), line


PAIR_RULES: tuple[Callable[[Any], Iterator[Diagnostic]], ...] = (
    compared_lines_exist,
    compared_levels_exist,
    there_are_two_networks,
    networks_are_comparable,
    statistics_can_be_recalibrated,
)
