"""Takes a spec, or the right parts of one; gives what is wrong with masks that change in training.

The part of :mod:`ltspec.plan.rules` that is about ``gradual``, ``set`` and ``rigl``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ltspec.decisions import amounts
from ltspec.decisions.amounts import Level
from ltspec.errors import Diagnostic, Path
from ltspec.language.variants import as_branch_sees
from ltspec.plan import changing, resolve

_PRUNE: Path = ("prune", "schedule")


def masks_change_in_training(spec: Any) -> Iterator[Diagnostic]:
    """LT260 to LT262, of ``prune.schedule``."""
    schedule, rewind = spec.prune.schedule, spec.prune.rewind
    if schedule.name not in changing.DYNAMIC:
        return
    if rewind == "none":
        yield Diagnostic(
            "LT261",
            f"with the schedule `{schedule.name}` the mask changes while the network is trained, "
            "and `rewind: none` does not train it",
            ("prune", "rewind"),
            "leave `rewind` out to begin at initialisation, or write where to begin",
        )
        return
    from ltspec.plan import recipes  # few specs need it

    rewinding = recipes.rewinding(spec)
    if rewinding.start < rewinding.stop:  # else an error of its own
        length = rewinding.stop - rewinding.start
        yield from _updates_are_inside(spec, schedule, length, _PRUNE)
    for level in resolve.levels(spec):
        yield from _updates_change_something(spec, schedule, level, _PRUNE)


def branch_masks_change_in_training(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    """LT260, LT262, LT207, of a branch."""
    if branch.kind != "dynamic":
        return
    schedule = branch.schedule
    seen = as_branch_sees(spec, branch)
    path: Path = ("branches", name, "schedule")
    if (length := resolve.total_steps(seen)) > 0:
        yield from _updates_are_inside(seen, schedule, length, path)
    tensors = resolve.prunable(spec)
    for level in resolve.levels(spec) if tensors else ():
        if branch.levels != "all" and level.number not in branch.levels:
            continue
        counts = changing.counts(spec, schedule, level)
        if 0 in counts and level.kept:
            yield Diagnostic(
                "LT207",
                f"level {level.number} would leave no weight of {tensors[counts.index(0)].name}",
                ("branches", name),
                "name the `levels` beside which the branch stands, without this one",
                at="key",
            )
            return
        found = list(_updates_change_something(spec, schedule, Level(level.number, counts), path))
        if found:
            yield found[0]
            return


def _updates_are_inside(spec: Any, schedule: Any, length: int, path: Path) -> Iterator[Diagnostic]:
    points = changing.points(spec, schedule, length)
    if points.every < 1:
        yield Diagnostic(
            "LT260",
            "updates of the mask are 0 steps apart",
            (*path, "every"),
            "write a duration such as `100it`",
        )
        return
    last = length - 1 if schedule.name == "gradual" else length
    if points.until > last:
        what = "the last update would come at" if schedule.name == "gradual" else "updates go on to"
        yield Diagnostic(
            "LT260",
            f"{what} step {points.until:,}, but the training has {length:,} steps",
            (*path, "until"),
            f"write at most {last}it, counted from where the training begins",
            f"step {points.until}",
        )
    elif points.begin >= points.until:
        late = "begin" if schedule.begin is not None else "every"
        yield Diagnostic(
            "LT260",
            f"the first update would come at step {points.begin:,}, and updates end at step "
            f"{points.until:,}",
            (*path, late),
            f"write less than {points.until}it, or a later `until`",
            f"step {points.begin}",
        )


def _updates_change_something(
    spec: Any, schedule: Any, level: Level, path: Path
) -> Iterator[Diagnostic]:
    sizes = [tensor.size for tensor in resolve.prunable(spec)]
    if schedule.name == "gradual":
        before = amounts.kept_at(sum(sizes), schedule.initial)
        if before <= level.kept:
            yield Diagnostic(
                "LT262",
                f"nothing would go: {before:,} weights are kept at the beginning and "
                f"{level.kept:,} at the end",
                (*path, "initial"),
                "write a higher `initial`, or leave it out to begin with the dense network",
            )
        return
    idle = (
        count == size or not amounts.pruned(count, schedule.fraction)
        for count, size in zip(level.keep, sizes, strict=True)
    )
    if sizes and all(idle):
        yield Diagnostic(
            "LT262",
            f"an update would change nothing: {schedule.fraction:g} of {max(level.keep):,} "
            "weights of a tensor rounds to none",
            (*path, "fraction"),
            "write a larger `fraction`",
        )
