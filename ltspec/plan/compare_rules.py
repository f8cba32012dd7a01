"""Takes a spec, or the right parts of one; gives what is wrong with the weights and masks that it
asks to be set side by side.

The part of :mod:`ltspec.plan.measure_rules` that is about :data:`ltspec.plan.compared.KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from ltspec.errors import Diagnostic, Path
from ltspec.language.unknown import Unknown
from ltspec.plan import changing, compared, resolve
from ltspec.plan.measured import is_not_trained
from ltspec.plan.pairs import is_of_another_network, network

MOST_PAIRS = 500_000
"""Comparisons of one entry in one plan; each is a stage, and a plan holds about a million."""


def there_is_something_to_compare(spec: Any) -> Iterator[Diagnostic]:
    """LT232, LT216."""
    for number, measure in enumerate(spec.measure):
        path: Path = ("measure", number)
        if measure.kind == "distance":
            for place, line in enumerate(measure.of):
                with suppress(Unknown):
                    if compared.solutions(spec, measure, line) < 2:
                        yield Diagnostic(
                            "LT232",
                            f"the distances of {line} are between two networks, and there is one",
                            (*path, "of", place),
                            "write more `levels`"
                            + ("" if is_of_another_network(spec, line) else ", or `init: true`"),
                        )
        if measure.kind == "overlap":
            yield from _overlapping(spec, measure, path)
        pairs = compared.pairs(spec, measure)
        if pairs > MOST_PAIRS:
            yield Diagnostic(
                "LT216",
                f"{pairs:,} pairs would be compared, and a plan holds {MOST_PAIRS:,}",
                path,
                "write fewer `levels`, or several specs that share a store",
            )


def networks_have_the_levels(spec: Any) -> Iterator[Diagnostic]:
    """LT230: the dense network is no level of a line of another network."""
    for number, measure in enumerate(spec.measure):
        if measure.kind not in compared.WITH_THE_DENSE or measure.levels == "all":
            continue
        for place, level in enumerate(measure.levels):
            for line in measure.of:
                with suppress(Unknown):
                    if level == 0 and is_of_another_network(spec, line):
                        yield Diagnostic(
                            "LT230",
                            f"level 0 is the dense network of the spec, and {line} is another "
                            "network",
                            ("measure", number, "levels", place),
                            "leave 0 out, or measure the branch in an entry of its own",
                        )


def _overlapping(spec: Any, measure: Any, path: Path) -> Iterator[Diagnostic]:
    rules = {"lines": _of_lines, "levels": _of_levels, "replicates": _of_replicates}
    for place, word in enumerate(measure.between):
        with suppress(Unknown):
            yield from rules[word](spec, measure, (*path, "between", place))


def _of_lines(spec: Any, measure: Any, path: Path) -> Iterator[Diagnostic]:
    every = [level for line in measure.of for level in compared.levels(spec, measure, line)]
    if len(set(every)) == len(every):
        yield Diagnostic(
            "LT232",
            "masks of two lines are compared at a level that both have, and there is none",
            path,
            "write another line into `of`, such as a branch with `kind: shuffle-mask`",
        )
    first, *others = measure.of
    for other in others:
        if network(spec, first) != network(spec, other):
            yield Diagnostic(
                "LT232",
                f"{first} and {other} are different networks, whose masks have no overlap",
                path,
                "name lines of one network in `of`",
            )


def _of_levels(spec: Any, measure: Any, path: Path) -> Iterator[Diagnostic]:
    if all(len(compared.levels(spec, measure, line)) < 2 for line in measure.of):
        yield Diagnostic(
            "LT232",
            "masks of two levels are compared, and no line has more than one",
            path,
            "write more `levels`",
        )


def _of_replicates(spec: Any, measure: Any, path: Path) -> Iterator[Diagnostic]:
    if resolve.replicate_count(spec) < 2:
        yield Diagnostic(
            "LT232",
            "masks of two replicates are compared, and there is one",
            path,
            "write `replicates: 3`, for example",
        )


def subnetworks_are_part_of_a_network(spec: Any) -> Iterator[Diagnostic]:
    """LT233."""
    for number, measure in enumerate(spec.measure):
        if measure.kind != "stability" or "pruning" not in measure.to:
            continue
        for place, line in enumerate(measure.of):
            with suppress(Unknown):
                if not is_not_trained(spec, line) and not compared.is_rewound(spec, line):
                    yield Diagnostic(
                        "LT233",
                        f"{line} starts from weights that a mask was laid on before, so there is "
                        "no whole network that starts from the same state",
                        ("measure", number, "of", place),
                        "write `to: [data-order]`, or let `prune.rewind` say a step that weights "
                        "return to",
                    )


def subnetworks_stay_the_same(spec: Any) -> Iterator[Diagnostic]:
    """LT231."""
    for number, measure in enumerate(spec.measure):
        if measure.kind not in ("stability", "travelled"):
            continue
        for place, line in enumerate(measure.of):
            with suppress(Unknown):
                if compared.changes_its_mask(spec, line):
                    yield Diagnostic(
                        "LT231",
                        f"the mask of {line} changes in training, so there is no one subnetwork "
                        "to follow",
                        ("measure", number, "of", place),
                        "measure a branch with `kind: rewind`, which holds the last mask still",
                    )


def thresholds_are_of_magnitudes(spec: Any) -> Iterator[Diagnostic]:
    """LT234."""
    criterion, schedule = spec.prune.criterion, spec.prune.schedule
    for number, measure in enumerate(spec.measure):
        if measure.kind != "threshold":
            continue
        why = ""
        if schedule.name in changing.DYNAMIC:
            why = f"`prune.schedule` is `{schedule.name}`, which changes the mask many times"
        elif criterion.name != "magnitude":
            why = f"`prune.criterion` is `{criterion.name}`, which does not cut at a magnitude"
        elif criterion.invert:
            why = "`invert` removes the largest magnitudes, and not the smallest"
        if why:
            yield Diagnostic(
                "LT234",
                why,
                ("measure", number, "kind"),
                "leave `threshold` out, or prune the smallest magnitudes level by level",
            )


COMPARE_RULES: tuple[Callable[[Any], Iterator[Diagnostic]], ...] = (
    there_is_something_to_compare,
    networks_have_the_levels,
    subnetworks_are_part_of_a_network,
    subnetworks_stay_the_same,
    thresholds_are_of_magnitudes,
)
