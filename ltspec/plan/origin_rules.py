"""Takes a spec and a branch that carries other tickets than the spec's own; gives what is wrong
with where they come from.

The part of :mod:`ltspec.plan.transfer_rules` that is about ``from``. Paths begin behind the
branch's name, but for those of another spec's own mistakes, which have their places.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ltspec.errors import Diagnostic, LtspecError, Origin, SpecError
from ltspec.errors import Path as Place
from ltspec.plan import origins, resolve, transferring
from ltspec.plan.ticket_rules import in_the_middle

TICKET: Place = ("from", "ticket")
SPEC: Place = ("from", "spec")


def source_is_right(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT275 to LT277, LT410 to LT414."""
    if origins.is_of_a_file(branch):
        found = origins.opened(spec, branch)
        if isinstance(found, LtspecError):
            yield Diagnostic(found.code, found.message, TICKET, found.hint)
        else:
            yield from _of_family(spec, branch, TICKET)
        return
    file, there = origins.file_of(spec, branch), origins.named(spec, branch)
    if there.ring:
        own = len(spec.home.files) == 1
        yield Diagnostic(
            "LT276",
            "a spec cannot be the source of tickets that it carries itself"
            if own
            else f"{file} names this spec in its turn",
            SPEC,
            "leave `from` out to carry the spec's own tickets"
            if own
            else "let one of them have the tickets that the others carry",
        )
    elif there.swept:
        yield Diagnostic(
            "LT277",
            f"{file} has a sweep, and tickets of one experiment are carried",
            SPEC,
            "name a spec of one of its points, which shares what is in the store",
        )
    elif there.error is not None:
        yield from _named_wrong(file, there.error)
    else:
        yield from _of_family(spec, branch, SPEC)
        yield from _of_replicates(spec, branch, file)


def _named_wrong(file: str, error: SpecError) -> Iterator[Diagnostic]:
    """LT275, and what is wrong with the other spec at its own places."""
    placed = [each for each in error.diagnostics if each.position is not None]
    if not placed:
        yield Diagnostic("LT275", f"{file}: {error.message}", SPEC, error.hint)
        return
    count = f"{len(placed)} error{'s' * (len(placed) != 1)}"
    yield Diagnostic("LT275", f"{file} has {count} of its own", SPEC, f"mend {file} first")
    for each in placed:
        assert each.position is not None
        origin = each.position.origin or Origin(error.file, error.text, is_file=True)
        yield replace(each, position=each.position._replace(origin=origin))


def _of_family(spec: Any, branch: Any, place: Place) -> Iterator[Diagnostic]:
    family = origins.family(spec, branch)
    if family is not None and family != spec.model.family:
        yield Diagnostic(
            "LT277",
            f"its tickets are of the family {family}, and this spec's network is of "
            f"{spec.model.family}",
            place,
            "a ticket is carried to deeper and shallower networks of its own family",
        )


def _of_replicates(spec: Any, branch: Any, file: str) -> Iterator[Diagnostic]:
    there, here = (resolve.replicate_count(each) for each in (origins.other(spec, branch), spec))
    if there < here:
        yield Diagnostic(
            "LT277",
            f"{file} has {there} replicate{'s' * (there != 1)} and this spec {here}: replicate 1 "
            "takes over from replicate 1, and so on",
            SPEC,
            f"write `replicates: {here}` there, or `replicates: {there}` here",
        )


def training_begins(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT213."""
    if branch.schedule is not None or branch.train is not None or branch.data is not None:
        return
    found = origins.training(spec, branch)
    file = origins.file_of(spec, branch)
    if found is None:
        yield in_the_middle(file, ("from",))
    elif branch.weights == "fresh" and found.start >= resolve.total_steps(spec):
        yield Diagnostic(
            "LT213",
            f"fresh weights are trained, but the schedule of {file} starts at the end of training",
            ("from",),
            "write where its schedule begins, for example `schedule: 0it`",
            at="key",
        )
    elif branch.weights == "own":
        yield from _begins_as_its_own(spec, file, found.start)


def _begins_as_its_own(spec: Any, file: str, start: int) -> Iterator[Diagnostic]:
    """LT213: weights of this spec's rewind point are trained from where its tickets are, or from
    where the branch says."""
    from ltspec.plan import recipes  # few specs need it

    own = recipes.rewinding(spec)
    if start != own.start:
        point = own.start if own.start < resolve.total_steps(spec) else 0
        yield Diagnostic(
            "LT213",
            f"`weights: own` are at this spec's rewind point, whose schedule starts at step "
            f"{own.start:,}, and the schedule of {file} starts at step {start:,}",
            ("from",),
            f"write where the branch's schedule begins, for example `schedule: {point}it`",
            at="key",
        )


def controls_have_a_level(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT278."""
    words = transferring.asked_controls(branch, copies=True)
    of_the_target = [word for word in words if word in transferring.OF_THE_TARGET]
    if origins.is_of_a_file(branch):
        for word in words:
            if word != "reinit":
                lacks = "no level of this spec's schedule"
                if word not in transferring.OF_THE_TARGET:
                    lacks = "no weights where its mask has none"
                yield _not_matched(
                    f"a ticket file has {lacks}, which `{word}` needs",
                    "write `controls: [reinit]`, or name the spec of the ticket behind `from`",
                )
                return
        return
    if not of_the_target:
        return
    named, there = f"`{of_the_target[0]}`", origins.other(spec, branch)
    file = origins.file_of(spec, branch)
    if _pruning(there) != _pruning(spec):
        yield _not_matched(
            f"{named} is matched level by level, and `prune` of {file} has another schedule or "
            "scope",
            "give both the same, or leave the other network's own controls out",
        )
    elif not transferring.has_rates_as_there(spec, branch):
        yield _not_matched(
            f"{named} is matched level by level, and `prune.schedule.rates` of {file} are others "
            "for the layers that are carried",
            "give each layer the rate of the one that it is a copy of, or leave the other "
            "network's own controls out",
        )
    elif _rewound(there) != _rewound(spec):
        yield _not_matched(
            f"{named} begins at the rewind point, and that of {file} is another step",
            "give both the same `prune.rewind`, or leave the other network's own controls out",
        )
    elif any(level.number > len(resolve.levels(spec)) for level in origins.levels(spec, branch)):
        yield _not_matched(
            f"{named} is matched level by level, and this spec has fewer levels than are carried",
            "give `prune.schedule` as many levels, or write fewer behind `levels`",
        )


def _not_matched(message: str, hint: str) -> Diagnostic:
    return Diagnostic("LT278", message, ("controls",), hint, at="key")


def _pruning(spec: Any) -> tuple[Any, ...]:
    """What decides the share of the weights that each level keeps, but for rates by tensor; not how
    many levels there are."""
    schedule = spec.prune.schedule
    keys = ("name", "fraction", "density", "layers")
    shares = tuple(getattr(schedule, key, None) for key in keys)
    return (*shares, getattr(spec.prune, "scope", None))


def _rewound(spec: Any) -> tuple[Any, ...]:
    from ltspec.plan import recipes  # few specs need it

    found = recipes.rewinding(spec)
    return found.weights, found.start, found.stop


RULES = (source_is_right, training_begins, controls_have_a_level)
"""What :func:`ltspec.plan.transfer_rules.transfer_is_right` asks of branches with ``from``."""
