"""Takes two specs or plan files; gives what changes from one to the other."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ltspec.cli import options
from ltspec.cli.load import load_plan
from ltspec.errors import SpecError, UsageError
from ltspec.language.points import labelled, shown
from ltspec.plan.plan_diff import (
    Counts,
    KeyChange,
    LineChange,
    Measured,
    PlanDifference,
    PointChange,
    compare,
)
from ltspec.plan.replicates import DENSE
from ltspec.results.labels import listed

if TYPE_CHECKING:
    from ltspec.plan.stages import Plan


@click.command("diff")
@click.argument("first", type=options.SPEC)
@click.argument("second", type=options.SPEC, required=False)
@click.option("--json", "as_json", is_flag=True, help="Write it as JSON, for programs.")
@options.overrides
def command(
    first: Path, second: Path | None, as_json: bool, overrides: tuple[str, ...]
) -> int | None:
    """Show what changes from FIRST to SECOND, each a spec or a plan file: keys, networks, stages
    and training steps.

    --set changes SECOND; without SECOND it is FIRST with these changes. Loads no framework and
    looks into no store. Exit code 0 whether they differ or not.
    """
    if second is None and not overrides:
        raise UsageError(
            f"there is nothing to compare {first} with",
            code="LT309",
            hint="name a second file, or change a key with --set KEY=VALUE",
        )
    plans: list[Plan] = []
    wrong: list[SpecError] = []
    for file, changes in ((first, ()), (second or first, overrides)):
        try:
            plans.append(load_plan(file, changes)[0])
        except SpecError as error:
            wrong.append(error)
            if second is None:  # its mistakes are there with the changes too
                break
    if wrong:
        return _refuse(wrong)
    found = compare(*plans)
    if as_json:
        head = {"first": str(first), "second": str(second or first), "set": list(overrides)}
        document = {**head, "same": found.is_same, **asdict(found)}
        click.echo(json.dumps(document, indent=1))
        return None
    for line in describe(found):
        click.echo(line)
    return None


def _refuse(wrong: Sequence[SpecError]) -> int:
    """Show what is wrong with one of the specs, or with both."""
    if len(wrong) == 1:
        raise wrong[0]
    from ltspec.diagnostics import render_all

    text = render_all(
        [(error.diagnostics, error.file, error.text) for error in wrong],
        colour=sys.stderr.isatty(),
        columns=shutil.get_terminal_size((100, 24)).columns,
    )
    click.echo(text, err=True)
    return max(error.exit_code for error in wrong)


def describe(found: PlanDifference) -> list[str]:
    """The difference as lines of text; a single one where there is none."""
    if found.is_same:
        return ["the same experiment"]
    return [*_keys(found.keys), "", *_networks(found.points), *_totals(found)]


def _keys(keys: Sequence[KeyChange]) -> list[str]:
    if not keys:
        return ["keys: all the same; what differs is in files that they name"]
    return [
        "keys that differ:",
        *(
            f"  {each.key}: {_value(each.before, each.swept)} -> {_value(each.after, each.swept)}"
            for each in keys
        ),
    ]


def _value(value: Any, swept: bool) -> str:
    if value is None:
        return "left to the sweep" if swept else "not there"
    return shown(value)


def _networks(points: Sequence[PointChange]) -> Iterator[str]:
    """Points of which the same is to be said are taken together."""
    if all(point.is_same for point in points):
        yield "networks: all the same"
        yield ""
        return
    alike: dict[tuple[str, ...], list[PointChange]] = {}
    for point in points:
        if point.first is not None and point.second is not None:
            alike.setdefault(tuple(_lines(point.lines)), []).append(point)
    for lines, at in alike.items():
        where = "the points in both" if len(alike) == 1 else _labels(at)
        yield f"networks, by level{'' if len(at) == len(points) else f', at {where}'}:"
        yield from lines
        yield ""
    for which, alone in (
        ("first", [point for point in points if point.second is None]),
        ("second", [point for point in points if point.first is None]),
    ):
        if alone:
            yield f"points in the {which} alone: {_labels(alone)}"
    if any(point.first is None or point.second is None for point in points):
        yield ""


def _lines(lines: Sequence[LineChange]) -> Iterator[str]:
    width = max((len(line.branch) for line in lines), default=0)
    for line in lines:
        yield f"  {line.branch.ljust(width)}  {'; '.join(_levels(line))}"


def _levels(line: LineChange) -> Iterator[str]:
    for levels, what in (
        (line.same, "the same"),
        (line.partly, "the same in some replicates"),
        (line.changed, "changed"),
        (line.first, "in the first alone"),
        (line.second, "in the second alone"),
    ):
        if levels:
            yield what if line.branch == DENSE else f"{_ranges(levels)} {what}"


def _ranges(levels: Sequence[int]) -> str:
    """``1-3, 5``; levels go up."""
    ends = [one for one, after in pairwise(levels) if after != one + 1] + [levels[-1]]
    starts = [levels[0], *(after for one, after in pairwise(levels) if after != one + 1)]
    return ", ".join(
        f"{start}" if start == end else f"{start}-{end}"
        for start, end in zip(starts, ends, strict=True)
    )


def _labels(points: Sequence[PointChange]) -> str:
    """What points are called together; ``--json`` has all."""
    return listed([labelled(point.columns) or "the one without a sweep" for point in points])


def _totals(found: PlanDifference) -> list[str]:
    lines = [
        f"  networks        {_counts(found.networks)}",
        f"  stages          {_counts(found.stages)}",
        f"  training steps  {_counts(found.steps)}",
    ]
    if measured := list(_measurements(found.measurements)):
        lines.insert(1, f"  measurements    {', '.join(measured)}")
    return ["in all:", *lines]


def _counts(counts: Counts) -> str:
    return (
        f"{counts.both:,} in both, {counts.first:,} in the first alone, "
        f"{counts.second:,} in the second alone"
    )


def _measurements(counts: Measured) -> Iterator[str]:
    for count, what in (
        (counts.same, "the same"),
        (counts.changed, "changed"),
        (counts.first, "in the first alone"),
        (counts.second, "in the second alone"),
    ):
        if count:
            yield f"{count:,} {what}"
