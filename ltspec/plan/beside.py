"""Takes a spec; gives its lines beside the ticket's: branches, and the controls that they ask for.

A control of a carried ticket (``deeper-imp``) is a line like any branch: it is looked at here as a
branch that has other things in a few keys, so that whoever asks about lines need not tell them
apart.
"""

from __future__ import annotations

from typing import Any

from ltspec.errors import Diagnostic, Path
from ltspec.language.unknown import Unknown
from ltspec.language.variants import Variant, is_elsewhere
from ltspec.plan import resolve


def names(spec: Any) -> list[str]:
    """Every line beside the ticket's, each branch before its controls; without the controls of a
    branch that is not right."""
    found = []
    for name, branch in spec.branches.items():
        found.append(name)
        try:
            found += [f"{name}-{word}" for word in controls(spec, branch)]
        except Unknown:  # a rule of its own says what is wrong with it
            continue
    return found


def listed(lines: list[str]) -> str:
    """The hint of a name that is none of them, where none is like it."""
    return f"there is only {lines[0]}" if len(lines) == 1 else "there are " + ", ".join(lines)


def no_such_line(line: str, known: list[str], path: Path) -> Diagnostic:
    """LT230: a name that is none of the lines ``known``."""
    from difflib import get_close_matches  # only a wrong spec needs it

    close = get_close_matches(line, known, 1)
    return Diagnostic(
        "LT230",
        f"there is no branch named {line!r}",
        path,
        f"did you mean {close[0]}?" if close else listed(known),
    )


def branch(spec: Any, line: str) -> Any | None:
    """The branch of a line; None where there is no such line, or it is the ticket's own."""
    if line in spec.branches:
        return spec.branches[line]
    for name, one in spec.branches.items():
        word = line.removeprefix(f"{name}-")
        if word != line and _asks_for(spec, one, word):
            return _control(spec, one, word)
    return None


def _asks_for(spec: Any, branch: Any, word: str) -> bool:
    """Whether a branch asks for a control, without a look at its map where that cannot matter."""
    quick = branch.kind == "transfer" and branch.controls == "all" and not is_elsewhere(branch)
    if quick and word != "shuffled":
        from ltspec.plan.transferring import CONTROLS  # few specs need it

        return word in CONTROLS
    return word in controls(spec, branch)


def leaves_at(spec: Any, branch: Any) -> tuple[int, ...]:
    """The levels at which a branch has tickets: of the spec's schedule, or of that which it carries
    tickets from."""
    if is_elsewhere(branch):
        from ltspec.plan import origins  # few specs need it

        return tuple(level.number for level in origins.levels(spec, branch))
    there = range(1, resolve.level_count(spec) + 1)
    return tuple(there if branch.levels == "all" else branch.levels)


def controls(spec: Any, branch: Any) -> tuple[str, ...]:
    """The controls that a branch asks for, in the order of the table.

    Raises Unknown where only a map that is not right can say.
    """
    if branch.kind != "transfer" or not branch.controls:
        return ()
    from ltspec.plan import transferring  # few specs need it

    if branch.controls != "all":
        return transferring.asked_controls(branch, True)
    return transferring.asked_controls(branch, transferring.carried(spec, branch).has_copies)


def _control(spec: Any, branch: Any, word: str) -> Any:
    """A control as a branch."""
    from ltspec.plan import transferring

    if word in transferring.OF_THE_TICKET:
        return transferring.changed(branch, word)
    # What it starts from is the other network's own, under a mask of its own.
    levels = leaves_at(spec, branch)
    of_its_own = Variant(branch, weights="own", mask="own", controls=(), origin=None, levels=levels)
    if word != "imp":
        return of_its_own
    last = max(levels, default=0)
    return Variant(of_its_own, levels=tuple(range(1, last + 1)), schedule=None)
