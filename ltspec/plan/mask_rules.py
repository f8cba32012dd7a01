"""Takes a spec and a branch that reads the mask of another line; gives what is wrong with that.

The part of :mod:`ltspec.plan.branch_rules` that is about ``other`` and ``like``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ltspec.decisions.amounts import Level
from ltspec.decisions.layerwise import SPREADS
from ltspec.errors import Diagnostic, LtspecError
from ltspec.errors import Path as Place
from ltspec.language.unknown import Unknown
from ltspec.language.variants import is_combined, read_line
from ltspec.plan import resolve

_OWN = ("prune", "shuffle-mask", "random-mask", "dynamic", "combine-masks")
"""Kinds of branches that always have another mask than the ticket's."""


def other_mask_is_there(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT244, LT242: a mask that the ticket's is combined with."""
    if not is_combined(branch):
        return
    path = ("branches", name, "other")
    if branch.other.replicate == "next" and resolve.replicate_count(spec) == 1:
        yield Diagnostic(
            "LT242",
            "there is only one replicate",
            (*path, "replicate"),
            "write `replicates: 2`, or name a branch of this one",
        )
    line = branch.other.branch
    if line is not None:
        found = list(_is_read(spec, name, branch, (*path, "branch"), _ITS_OWN))
        yield from found
        if not found and _meets_its_ticket(spec, name):
            yield Diagnostic(
                "LT244",
                f"the mask of {line} has the ticket's own in it already",
                (*path, "branch"),
                _one_that_fits(spec, name, _NOT_COMBINED),
            )
    elif branch.other.replicate == "same":
        yield Diagnostic(
            "LT244",
            f"branch {name} would combine the ticket's mask with itself",
            path,
            "write `{branch: NAME}`, `{replicate: next}`, or both",
        )


def _meets_its_ticket(spec: Any, name: str) -> bool:
    """Whether what a ticket's mask is combined with was itself combined with it: in the same
    replicate, or all around the replicates. False too where a rule has something else to say of a
    branch on the way."""
    count, replicate = resolve.replicate_count(spec), 0
    for line in (name, *_read_from(spec, name)):
        branch = spec.branches.get(line)
        if branch is None or not is_combined(branch):
            return False
        if line != name and replicate % count == 0:
            return True
        replicate += branch.other.replicate == "next"
    return branch.other.branch is None and replicate % count == 0


def likeness_is_there(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT244: a mask that another one is like, and not as like the ticket's."""
    if is_combined(branch) or read_line(branch) is None:
        return
    wanted = _OTHER_LAYERS if _permutes_layers(branch) else _ANOTHER_NUMBER
    yield from _is_read(spec, name, branch, ("branches", name, "like"), wanted)


def counts(spec: Any, branch: Any, level: Level, total: int | None = None) -> tuple[int, ...]:
    """How many weights the mask of a ``random-mask`` or a ``prune`` keeps of each tensor, or of all
    together; of as many in all as the ticket, or ``total``."""
    if branch.kind == "random-mask":
        shapes = [tensor.shape for tensor in resolve.prunable(spec)]
        return SPREADS[branch.layers](shapes, level.kept if total is None else total)
    if total is None:
        return resolve.matched(spec, level, branch.scope)
    return resolve.shared(spec, total, branch.scope)


def known_count(spec: Any, line: str) -> int | None:
    """How many weights the mask of a branch keeps where they are those of a ticket file; None where
    they are not.

    Raises Unknown where the file, or a branch on the way to it, is not there.
    """
    branch = _followed(spec, line, lambda branch: not is_combined(branch))
    if not _is_loaded(branch):
        return None
    from ltspec.tickets.certificate import read_certificate  # few specs need it

    with suppress(LtspecError):  # the branch's own rule says so
        return sum(read_certificate(Path(branch.ticket)).masked.values())
    raise Unknown(line)


def _followed(spec: Any, line: str, goes_on: Callable[[Any], bool]) -> Any:
    """The branch that a line's mask is like, and the one that that is like, while ``goes_on`` says
    so of each. Raises Unknown where one is not there, or is met again: a rule says so."""
    for name in [line, *_read_from(spec, line)]:
        branch = spec.branches.get(name)
        if branch is None:
            raise Unknown(name)
        if read_line(branch) is None or not goes_on(branch):
            return branch
    raise Unknown(line)


def _has_its_own(spec: Any, line: str) -> bool:
    branch = spec.branches[line]
    return branch.kind in _OWN or _is_loaded(branch)


def _is_not_combined(spec: Any, line: str) -> bool:
    return _has_its_own(spec, line) and not is_combined(spec.branches[line])


def _has_other_layers(spec: Any, line: str) -> bool:
    branch = _followed(spec, line, _permutes_layers)
    if not _has_its_own(spec, line) or _permutes_layers(branch):
        return False
    if branch.kind not in ("random-mask", "prune") or read_line(branch) is not None:
        return True
    found = resolve.levels(spec) if resolve.prunable(spec) else []
    return not found or any(
        len(one.keep) == 1 or counts(spec, branch, one) != one.keep for one in found
    )


def _permutes_layers(branch: Any) -> bool:
    return bool(branch.kind == "shuffle-mask" and branch.within == "layer")


def _keeps_another_number(spec: Any, line: str) -> bool:
    branch = _followed(spec, line, lambda branch: not is_combined(branch))
    return is_combined(branch) or _is_loaded(branch)


def _is_loaded(branch: Any) -> bool:
    """Whether its tickets are those of a file."""
    return bool(branch.kind == "retrain" and branch.ticket is not None)


class _Wanted(NamedTuple):
    """What a mask has to be for anything to be read of it."""

    fits: Callable[[Any, str], bool]
    """Whether that of a branch may be so."""
    lacks: str
    """What is said of a branch whose mask is not."""
    example: str
    """A kind of branch whose mask is."""


_ITS_OWN = _Wanted(_has_its_own, "has no mask of its own", "prune")
_NOT_COMBINED = _Wanted(_is_not_combined, "has no mask of its own", "prune")
_OTHER_LAYERS = _Wanted(
    _has_other_layers, "keeps as many weights as the ticket in each layer", "combine-masks"
)
_ANOTHER_NUMBER = _Wanted(
    _keeps_another_number, "keeps as many weights as the ticket", "combine-masks"
)


def _is_read(
    spec: Any, name: str, branch: Any, path: Place, wanted: _Wanted
) -> Iterator[Diagnostic]:
    line = read_line(branch)
    assert line is not None
    if line not in spec.branches:
        yield _no_branch(spec, name, line, path, wanted)
        return
    circle = _circle(spec, name)
    if circle:
        yield Diagnostic(
            "LT244",
            f"the mask of {name} would be made from its own, by way of {', '.join(circle)}"
            if len(circle) > 1
            else f"the mask of {name} would be made from itself",
            path,
            "name a branch whose mask is made without it",
        )
    elif not wanted.fits(spec, line):
        carried = spec.branches[line].kind == "transfer"
        what = "has the mask of a ticket that is carried" if carried else wanted.lacks
        hint = _one_that_fits(spec, name, wanted)
        yield Diagnostic("LT244", f"branch {line} {what}", path, hint)
    else:
        yield from _leaves_there(spec, name, branch, line, path)
        yield from _covers_the_same(spec, line, path)


def _no_branch(spec: Any, name: str, line: str, path: Place, wanted: _Wanted) -> Diagnostic:
    from difflib import get_close_matches  # only a wrong spec needs it

    close = get_close_matches(line, list(_fitting(spec, name, wanted)), 1)
    hint = f"did you mean {close[0]}?" if close else _one_that_fits(spec, name, wanted)
    return Diagnostic("LT244", f"there is no branch {line!r}", path, hint)


def _one_that_fits(spec: Any, name: str, wanted: _Wanted) -> str:
    for each in _fitting(spec, name, wanted):
        return f"one that can be named is {each}"
    return f"write one, such as `kind: {wanted.example}`"


def _fitting(spec: Any, name: str, wanted: _Wanted) -> Iterator[str]:
    """Branches that could be read; without those that are ``like`` others."""
    for each, branch in spec.branches.items():
        with suppress(Unknown):
            direct = is_combined(branch) or read_line(branch) is None
            if direct and wanted.fits(spec, each) and name not in (each, *_read_from(spec, each)):
                yield each


def _read_from(spec: Any, line: str) -> tuple[str, ...]:
    """The branches that a line's mask is made from, one by one; up to one that is met again."""
    found: dict[str, None] = {}
    at = read_line(spec.branches[line]) if line in spec.branches else None
    while at is not None and at not in found:
        found[at] = None
        at = read_line(spec.branches[at]) if at in spec.branches else None
    return tuple(found)


def _circle(spec: Any, name: str) -> tuple[str, ...]:
    """The branches from one to itself, which is the last; empty where there is no such way."""
    found = _read_from(spec, name)
    return found[: found.index(name) + 1] if name in found else ()


def _leaves_there(
    spec: Any, name: str, branch: Any, line: str, path: Place
) -> Iterator[Diagnostic]:
    theirs = spec.branches[line].levels
    wanted = [each.number for each in resolve.levels(spec)]
    wanted = wanted if branch.levels == "all" else list(branch.levels)
    missing = [] if theirs == "all" else [level for level in wanted if level not in theirs]
    if missing:
        yield Diagnostic(
            "LT244",
            f"branch {line} does not leave at level {missing[0]}, and has no mask there",
            path,
            f"give {name} the same `levels` as {line}",
        )


def _covers_the_same(spec: Any, line: str, path: Place) -> Iterator[Diagnostic]:
    branch = spec.branches[line]
    if not _is_loaded(branch):
        return
    from ltspec.tickets.certificate import read_certificate  # few specs need it

    try:
        found = list(read_certificate(Path(branch.ticket)).masked)
    except LtspecError:  # the branch's own rule says so
        return
    ours = [tensor.name for tensor in resolve.prunable(spec)]
    for tensor in [*found, *ours]:
        if (tensor in found) != (tensor in ours):
            what = "a mask" if tensor in found else "no mask"
            where = "is exempt" if tensor in found else "is pruned"
            yield Diagnostic(
                "LT244",
                f"the ticket of {branch.ticket} has {what} for {tensor}, which {where} here",
                path,
                "write the `prune.exempt` that the ticket was made with",
            )
            return
