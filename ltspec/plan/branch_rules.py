"""Takes a spec, or the right parts of one; gives what is wrong with its branches.

The part of :mod:`ltspec.plan.rules` that is about branches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from ltspec.data.facts import FACTS, STREAMED
from ltspec.errors import Diagnostic
from ltspec.language.unknown import Unknown
from ltspec.language.variants import (
    as_branch_sees,
    is_combined,
    is_elsewhere,
    own_sections,
    placed,
    read_line,
)
from ltspec.plan import resolve
from ltspec.plan.changing_rules import branch_masks_change_in_training
from ltspec.plan.mask_rules import (
    counts,
    known_count,
    likeness_is_there,
    other_mask_is_there,
)
from ltspec.plan.replicates import TICKET, after
from ltspec.plan.ticket_rules import file_training_begins, ticket_fits

Rule = Callable[[Any], Iterator[Diagnostic]]
BranchRule = Callable[[Any, str, Any], Iterator[Diagnostic]]
"""A function of the spec, a branch's name and the branch."""

TAKEN = (TICKET, "dense")
"""Names of lines in a table that are no branches."""


def name_is_free(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT215."""
    if name in TAKEN:
        yield Diagnostic(
            "LT215",
            f"{name!r} is what the table calls its own lines",
            ("branches", name),
            "give the branch another name",
            at="key",
        )


def levels_exist(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT210."""
    if branch.levels == "all":
        return
    whose, count = "the schedule", 0
    if is_elsewhere(branch):
        from ltspec.plan import origins  # few specs need it

        if origins.is_of_a_file(branch):
            return  # other keys exclude it
        count = len(origins.all_levels(spec, branch))
        whose = f"the schedule of {origins.file_of(spec, branch)}"
    else:
        count = resolve.level_count(spec)
    for place, level in enumerate(branch.levels):
        with suppress(Unknown):
            if level > count:
                yield Diagnostic(
                    "LT210",
                    f"{whose} has {count} level{'s' * (count != 1)}, not {level}",
                    ("branches", name, "levels", place),
                    f"write a level from 1 to {count}",
                )


def schedule_begins(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT213, LT203."""
    if branch.kind in ("rewind", "dynamic"):  # the one says more, the other begins at step 0
        return
    rewind = spec.prune.rewind
    fresh = branch.kind == "reinitialize"
    if branch.kind == "transfer":
        own = branch.train is not None or branch.data is not None
        fresh = branch.weights == "fresh" and not own
        fresh = fresh and branch.origin is None  # which has a rule of its own
    open_ended = rewind == "none" or rewind.schedule == "end"
    if fresh and branch.schedule is None and open_ended:
        yield Diagnostic(
            "LT213",
            f"branch {name} trains fresh weights, but the ticket's schedule starts at "
            "the end of training",
            ("branches", name),
            "write where its schedule begins, for example `schedule: 0it`",
            at="key",
        )
    if branch.schedule is None:
        return
    seen = as_branch_sees(spec, branch)
    clock = resolve.clock(seen, branch.schedule)
    point, unit = clock.at(branch.schedule), clock.unit
    if point >= clock.total:
        yield Diagnostic(
            "LT203",
            f"the branch would begin at {unit} {point:,}, but training ends at {unit} "
            f"{clock.total:,}",
            ("branches", name, "schedule"),
            f"write a point before {unit} {clock.total}",
            f"{unit} {point}",
        )


def weights_are_there(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT240: a mask on other places, or on another replicate, needs weights from before pruning."""
    if branch.kind == "transfer":
        yield from _carried_weights_are_there(spec, name, branch)
        return
    needed = (
        branch.kind in ("shuffle-mask", "random-mask", "other-seed")
        or (branch.kind == "prune" and branch.weights == "ticket")
        or (is_combined(branch) and branch.operator == "union")
    )
    if needed and not _is_rewound(spec):
        yield Diagnostic(
            "LT240",
            f"branch {name} {_ON_PRUNED}, and where weights are not rewound these are zero",
            ("branches", name, "kind"),
            "write a point for `prune.rewind.weights`, such as `0it`, or leave the branch out",
        )


_ON_PRUNED = "puts a mask on weights that the ticket may have pruned"


def _is_rewound(spec: Any) -> bool:
    return not (spec.prune.rewind == "none" or spec.prune.rewind.weights == "end")


def _carried_weights_are_there(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT240."""
    if branch.weights == "own" and not _is_rewound(spec):
        yield Diagnostic(
            "LT240",
            f"branch {name} takes the other network's weights at the rewind point, and there is "
            "none",
            ("branches", name, "weights"),
            "write a point for `prune.rewind.weights`, such as `0it`, or `weights: mapped`",
        )
    if branch.weights != "mapped" or branch.mask == "mapped":
        return
    if is_elsewhere(branch):
        from ltspec.plan import origins  # few specs need it

        if not origins.keeps_pruned_weights(spec, branch):
            why = "where weights are not rewound these are zero"
            if origins.is_of_a_file(branch):
                why = "a ticket file does not hold these"
            yield Diagnostic(
                "LT240",
                f"branch {name} {_ON_PRUNED}, and {why}",
                ("branches", name, "mask"),
                "write `mask: mapped`, or `weights: fresh`",
            )
    elif not _is_rewound(spec):
        yield Diagnostic(
            "LT240",
            f"branch {name} {_ON_PRUNED}, and where weights are not rewound these are zero",
            ("branches", name, "mask"),
            "write a point for `prune.rewind.weights`, such as `0it`, or leave the branch out",
        )


def layers_keep_something(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT207."""
    if branch.kind not in ("random-mask", "prune"):
        return
    like = read_line(branch)
    count = None if like is None else known_count(spec, like)
    if like is not None and count is None:  # only the run can say how many weights are kept
        return
    tensors = resolve.prunable(spec)
    for level in resolve.levels(spec) if tensors else ():
        if (branch.levels != "all" and level.number not in branch.levels) or not level.kept:
            continue
        found = counts(spec, branch, level, count)
        if 0 in found:
            yield Diagnostic(
                "LT207",
                f"level {level.number} would leave no weight of {tensors[found.index(0)].name}",
                ("branches", name),
                "name the `levels` at which the branch leaves, without this one",
                at="key",
            )
            return


def other_seeds_are_there(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT242."""
    if branch.kind != "other-seed":
        return
    resolve.replicate_count(spec)  # Unknown where seeds do not agree with it
    replicates = resolve.replicates(spec)
    for replicate in replicates:
        other = after(replicate, replicates)
        alike = resolve.begin_alike(spec)
        if alike or replicate.init == other.init:
            alone = "there is only one replicate"
            same = f"replicates {replicate.number} and {other.number} begin with the same weights"
            yield Diagnostic(
                "LT242",
                alone if len(replicates) == 1 else same,
                ("branches", name, "kind"),
                "leave the branch out: all begin with `pretrain.weights`"
                if alike
                else "write `replicates: 2`, or seeds with different `init`",
            )
            return


def data_fits_network(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT241."""
    if branch.kind != "retrain" or branch.data is None:
        return
    path = ("branches", name, "data", "name")
    if branch.data.name in STREAMED:
        yield Diagnostic(
            "LT241",
            f"a branch is trained on data sets that are read whole, and {branch.data.name} is "
            "streamed",
            path,
            "write a spec of its own for it, with the same store",
        )
        return
    ours, theirs = resolve.images(spec), resolve.images(as_branch_sees(spec, branch))
    if ours != theirs:
        fitting = [key for key, facts in FACTS.items() if (facts.shape, facts.classes) == ours]
        yield Diagnostic(
            "LT241",
            f"the network is made for {_looks(*ours)}, and this data has {_looks(*theirs)}",
            path,
            f"such data sets are {', '.join(fitting)}" if fitting else "",
        )


def _looks(shape: tuple[int, ...], classes: int) -> str:
    return f"{classes} classes of {' x '.join(map(str, shape))} images"


def transfer_is_right(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT270 to LT274."""
    if branch.kind == "transfer":
        from ltspec.plan import transfer_rules  # few specs need it

        yield from transfer_rules.transfer_is_right(spec, name, branch)


BRANCH_RULES: tuple[BranchRule, ...] = (
    name_is_free,
    levels_exist,
    schedule_begins,
    weights_are_there,
    layers_keep_something,
    other_seeds_are_there,
    other_mask_is_there,
    likeness_is_there,
    data_fits_network,
    ticket_fits,
    file_training_begins,
    branch_masks_change_in_training,
    transfer_is_right,
)


def branches_are_right(spec: Any, rules: Sequence[Rule]) -> Iterator[Diagnostic]:
    """Everything that is wrong with a branch. ``rules``: those that the spec's own training,
    data and rewinding follow, and so a branch's."""
    for name, branch in spec.branches.items():
        for branch_rule in BRANCH_RULES:
            yield from _asked(branch_rule(spec, name, branch))
        for rule in rules:
            yield from _asked(_rule_of_spec(rule, spec, name, branch))


def _rule_of_spec(rule: Rule, spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """What a rule of the spec finds in the branch's own sections. Where the spec's ``train`` does
    not go with the branch's ``data``, the data is to blame."""
    own = own_sections(branch)
    if not own:
        return
    found = list(_asked(rule(as_branch_sees(spec, branch))))
    yield from placed(found, name, branch)
    borrowed = [each for each in found if each.path[0] == "train" and "train" not in own]
    if "data" in own and borrowed and not list(_asked(rule(spec))):
        yield Diagnostic(
            borrowed[0].code,
            f"with the spec's `train` on this data, {borrowed[0].message}",
            ("branches", name, "data"),
            "write a `train` for the branch",
            at="key",
        )


def _asked(found: Iterator[Diagnostic]) -> Iterator[Diagnostic]:
    try:
        yield from found
    except Unknown:  # it needs a part that is wrong, and whose own error is shown
        return
