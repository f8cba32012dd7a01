"""Takes a spec, or the right parts of one; gives what is wrong with where its tickets are carried.

The part of :mod:`ltspec.plan.branch_rules` that is about branches of kind ``transfer``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ltspec.data.facts import STREAMED
from ltspec.errors import Diagnostic, Path
from ltspec.language.unknown import Unknown
from ltspec.language.variants import is_elsewhere
from ltspec.plan import origins, resolve, transferring
from ltspec.plan.changing_rules import masks_change_in_training

Rule = Callable[[Any, str, Any], Iterator[Diagnostic]]

SIZES = {
    "lenet": ("widths",),
    "cifar-vgg": ("depth", "classifier"),
    "cifar-resnet": ("depth",),
    "imagenet-resnet": ("depth",),
    "mobilenet-v1": ("blocks",),
    "custom": ("options",),
}
"""The keys of each family that another of its networks can differ in."""


def transfer_is_right(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT270 to LT278, LT241, LT213, LT217 to LT219, LT410 to LT414."""
    rules: tuple[Rule, ...] = RULES
    if is_elsewhere(branch):
        from ltspec.plan import origin_rules  # few specs need it

        rules = (*origin_rules.RULES, *RULES)
    for rule in rules:
        with suppress(Unknown):
            for each in rule(spec, name, branch):
                # What is wrong with another spec has its place there.
                here = each.position is None
                yield replace(each, path=("branches", name, *each.path)) if here else each


def _at_a_key(branch: Any, found: Diagnostic) -> Diagnostic:
    """What is wrong with a map that is not written, or with networks that cannot be mapped, at the
    key that asks for it: the other data where these are other classes, else the size."""
    written = {
        "map": branch.map is not None,
        "to": bool(transferring.written(branch)),
        "data": branch.data is not None,
        "from": is_elsewhere(branch),
    }
    if found.path and written[str(found.path[0])]:
        return found
    about_data = found.path == ("data",)
    wanted = ("data", "to", "from") if about_data else ("to", "data", "map", "from")
    home = next((key for key in wanted if written[key]), "kind")
    return replace(found, path=(home,))


def _of_target(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT270, LT104, and why there is no such network."""
    family = spec.model.family
    known = SIZES.get(family, ())
    found = False
    for key, value in transferring.written(branch).items():
        if key not in known:
            found = True
            keys = ", ".join(f"`{one}`" for one in known)
            yield Diagnostic(
                "LT270",
                f"`{key}` is nothing that networks of the family {family} differ in",
                ("to", key),
                f"write {keys}" if known else "no ticket of this family can be carried",
                at="key",
            )
        elif key == "depth" and (depths := _depths(family)) and value not in depths:
            found = True
            yield Diagnostic(
                "LT104",
                f"{family} has no depth {value}",
                ("to", key),
                f"write one of {', '.join(map(str, depths))}",
            )
    if found:
        return
    seen = transferring.with_model(spec, branch)
    error = resolve.why_no_graph(seen)
    if error is not None:
        where: Path = ("data", "name") if branch.data is not None else ()
        if error.key in transferring.written(branch):
            where = ("to", error.key)
        yield Diagnostic(error.code, error.message, where, error.hint)


def _depths(family: str) -> tuple[int, ...]:
    """The depths that a family has, where they are a list."""
    if family == "cifar-vgg":
        from ltspec.networks.cifar_vgg import CONVOLUTIONS

        return tuple(CONVOLUTIONS)
    if family == "imagenet-resnet":
        from ltspec.networks.imagenet_resnet import BLOCKS

        return tuple(BLOCKS)
    return ()


def _of_data(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT241."""
    if branch.data is not None and branch.data.name in STREAMED:
        yield Diagnostic(
            "LT241",
            f"a branch is trained on data sets that are read whole, and {branch.data.name} is "
            "streamed",
            ("data", "name"),
        )


def _of_map(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT271 to LT274."""
    if _has_target(spec, name, branch):
        for found in transferring.assigned(spec, branch)[1]:
            yield _at_a_key(branch, found)


def _has_target(spec: Any, name: str, branch: Any) -> bool:
    """Whether there are tickets, and another network to carry them to; why not is said by
    others."""
    if is_elsewhere(branch):
        from ltspec.plan.origin_rules import source_is_right  # few specs need it

        if any(source_is_right(spec, name, branch)):
            return False
    return not any(_of_target(spec, name, branch)) and not any(_of_data(spec, name, branch))


def _of_names(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT215, of controls that do not hang on the map."""
    for word in transferring.asked_controls(branch, False):
        yield from _name_is_free(spec, name, word)


def _name_is_free(spec: Any, name: str, word: str) -> Iterator[Diagnostic]:
    if f"{name}-{word}" in spec.branches:
        yield Diagnostic(
            "LT215",
            f"the control {word} of {name} is called {name}-{word}, and so is another branch",
            ("controls",),
            "give the other branch another name",
            at="key",
        )


def _of_controls(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT240, LT272, LT207, LT215, and what a training of the branch's own does not go with."""
    if branch.controls == ():
        return
    if _lacks_rewound_weights(spec, branch):
        yield Diagnostic(
            "LT240",
            "controls begin at the rewind point, and weights are not rewound",
            ("controls",),
            "write a point for `prune.rewind.weights`, such as `0it`, or leave `controls` out",
            at="key",
        )
        return
    if not _has_target(spec, name, branch):
        return
    to = transferring.carried(spec, branch)
    copies = to.has_copies
    words = transferring.asked_controls(branch, copies)
    if branch.controls == "all" and copies:
        yield from _name_is_free(spec, name, "shuffled")
    if "shuffled" in words and not copies:
        yield Diagnostic(
            "LT272",
            "no block of the target is a second copy of one, so there is no mask to shuffle",
            ("controls",),
            "leave `shuffled` out",
            at="key",
        )
    if not set(words) - set(transferring.OF_THE_TICKET):
        return
    yield from _of_its_own_training(to.spec, branch)
    for level in resolve.levels(to.spec):
        if 0 in level.keep:
            yield Diagnostic(
                "LT207",
                f"level {level.number} of the other network's own tickets would leave no weight "
                "in one of its tensors",
                ("controls",),
                "write fewer levels or a higher density",
                at="key",
            )
            return


def _lacks_rewound_weights(spec: Any, branch: Any) -> bool:
    """Whether controls are asked for that need a rewind point, and there is none."""
    if is_elsewhere(branch):
        # Fresh weights are whole, and what a file lacks is said already.
        if branch.controls == ("reinit",) or origins.is_of_a_file(branch):
            return False
        return not origins.keeps_pruned_weights(spec, branch)
    return bool(spec.prune.rewind == "none" or spec.prune.rewind.weights == "end")


def _of_its_own_training(seen: Any, branch: Any) -> Iterator[Diagnostic]:
    """What of ``prune`` does not go with the other network's own training where that is the
    branch's. ``seen``: the spec as the other network has it."""
    if not transferring.trains_otherwise(branch):
        return
    from ltspec.plan.rules import TRAINING_RULES  # which import the rules of branches

    for rule in (*TRAINING_RULES, masks_change_in_training):
        for found in rule(seen):
            if found.path[0] == "prune":
                yield replace(
                    found,
                    message=f"in the training of this branch, {found.message}",
                    path=("controls",),
                    hint=f"{found.hint}, or leave `controls` out" if found.hint else "",
                    at="key",
                )


def _of_counts(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT207: how many weights a mask of other layers keeps in each, where a plan can say so."""
    if isinstance(branch.mask, str) and branch.mask not in transferring.RANDOM:
        return  # as many as there were in each, which another rule looks at
    if not isinstance(branch.mask, str) and branch.mask.only is not None:
        return  # likewise
    if not _has_target(spec, name, branch):
        return
    to = transferring.carried(spec, branch)
    for level in to.levels:
        counts, _ = transferring.kept(level.keep, branch, to)
        if 0 in counts:
            yield Diagnostic(
                "LT207",
                f"level {level.number} would leave no weight of {to.tensors[counts.index(0)]}",
                ("mask",),
                "name the `levels` at which the branch leaves, without this one",
            )
            return


def _of_copies(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT272."""
    scored = not isinstance(branch.mask, str) and branch.mask.only is not None
    if not (scored or branch.mask == "shuffled-copies") or not _has_target(spec, name, branch):
        return
    if not transferring.carried(spec, branch).has_copies:
        yield Diagnostic(
            "LT272",
            "no block of the target is a second copy of one, so there is no mask to "
            + ("choose" if scored else "shuffle"),
            ("mask", "only") if scored else ("mask",),
            "leave `only` out, or write a map that repeats blocks"
            if scored
            else "write `mask: shuffled`, or a map that repeats blocks",
        )


RULES: tuple[Rule, ...] = (
    _of_target,
    _of_data,
    _of_map,
    _of_copies,
    _of_counts,
    _of_names,
    _of_controls,
)
