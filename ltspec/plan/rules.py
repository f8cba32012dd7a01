"""Takes a spec, or the right parts of one; gives everything in it that does not fit together.

Each rule is a function of the spec that yields diagnostics. A rule that needs a part which is
itself wrong is skipped: :class:`Unknown` says so. No rule reads data or loads a framework.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ltspec.decisions.amounts import MOST_LEVELS
from ltspec.errors import Diagnostic, Path
from ltspec.language.unknown import Unknown
from ltspec.language.variants import Variant, is_elsewhere
from ltspec.plan import resolve
from ltspec.plan.changing_rules import masks_change_in_training
from ltspec.plan.data_rules import (
    DATA_RULES,
    batch_fits_data,
    keys_of_other_data,
    modes_have_norms,
    scores_fit_data,
    seed_is_for_chance,
)

MOST_NETWORKS = 200_000
"""Networks trained in one plan; about a million stages, which take a minute and 2 GB to compile."""

Rule = Callable[[Any], Iterator[Diagnostic]]


def training_has_steps(spec: Any) -> Iterator[Diagnostic]:
    """LT202."""
    total = resolve.written_steps(spec)
    if total > resolve.MOST_STEPS:
        yield Diagnostic(
            "LT216",
            f"the training would take {total:,} steps, and a plan holds {resolve.MOST_STEPS:,}",
            ("train", "duration"),
            "write a shorter duration",
        )
    if total < 1:
        yield Diagnostic(
            "LT202",
            "the training has no steps",
            ("train", "duration"),
            "write a duration such as 10ep or 2000it",
        )


def rewinds_before_the_end(spec: Any) -> Iterator[Diagnostic]:
    """LT203, LT202."""
    rewind = spec.prune.rewind
    if rewind == "none":
        return
    for key in ("to", "weights", "schedule"):
        with suppress(Unknown):
            yield from _rewind_point_is_before_the_end(spec, key, getattr(rewind, key))
    retrain = 1 if rewind.retrain is None else resolve.steps(spec, rewind.retrain)
    if retrain > resolve.MOST_STEPS:
        yield Diagnostic(
            "LT216",
            f"the retraining would take {retrain:,} steps, and a plan holds {resolve.MOST_STEPS:,}",
            ("prune", "rewind", "retrain"),
            "write a shorter duration",
        )
    if retrain < 1:
        yield Diagnostic(
            "LT202",
            "the retraining has no steps",
            ("prune", "rewind", "retrain"),
            "write how long to fine-tune, or `rewind: none` for no retraining",
        )


def _rewind_point_is_before_the_end(spec: Any, key: str, written: Any) -> Iterator[Diagnostic]:
    if written is None or written == "end":
        return
    clock = resolve.clock(spec, written)
    point, unit = clock.at(written), clock.unit
    if point >= clock.total:
        yield Diagnostic(
            "LT203",
            f"the rewind point is {unit} {point:,}, but training ends at {unit} {clock.total:,}",
            ("prune", "rewind", key),
            f"write a point before {unit} {clock.total}" + (", or end" if key != "to" else ""),
            f"{unit} {point}",
        )


def milestones_are_inside(spec: Any) -> Iterator[Diagnostic]:
    """LT204, LT206."""
    written = spec.train.lr_schedule
    if written.name != "step":
        return
    known = dict(_known(written.drops))
    clock = resolve.clock(spec, *known.values())
    before, unit = 0, clock.unit
    for number, drop in known.items():
        path: Path = ("train", "lr_schedule", "drops", number)
        point = clock.at(drop)
        if not 0 < point < clock.total:
            where = "is never reached" if point >= clock.total else "changes nothing"
            yield Diagnostic(
                "LT204",
                f"the drop at {unit} {point:,} {where}: training takes {clock.total:,} {unit}s",
                path,
                f"write a point after {unit} 0 and before {unit} {clock.total}",
                f"{unit} {point}",
            )
        elif point <= before:
            yield Diagnostic(
                "LT206",
                f"the drop at {unit} {point:,} does not come after the one at {unit} {before:,}",
                path,
                "write the drops in rising order",
                f"{unit} {point}",
            )
        before = max(before, point)


def _known(durations: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """Those of a list that are right, by number."""
    for number, duration in enumerate(durations):
        with suppress(Unknown):
            duration.epochs + duration.iterations
            yield number, duration


def warmup_is_inside(spec: Any) -> Iterator[Diagnostic]:
    """LT205."""
    written = spec.train.lr_schedule.warmup
    clock = resolve.clock(spec, written)
    length, unit = clock.at(written), clock.unit
    if length > clock.total:
        yield Diagnostic(
            "LT205",
            f"the warm-up takes {length:,} {unit}s, but training ends at {unit} {clock.total:,}",
            ("train", "lr_schedule", "warmup"),
            f"write at most {clock.total}{clock.written}",
            f"{unit} {length}",
        )


def network_can_be_built(spec: Any) -> Iterator[Diagnostic]:
    """LT217, LT218, LT219."""
    error = resolve.why_no_graph(spec)
    if error is not None:
        yield Diagnostic(error.code, error.message, ("model", error.key), error.hint)


def norm_scales_have_norms(spec: Any) -> Iterator[Diagnostic]:
    """LT107. All families that have the key have norms, but for a person's own."""
    if spec.model.family != "custom" or spec.model.norm_scale == "uniform":
        return
    if not resolve.graph(spec).buffers:
        yield Diagnostic(
            "LT107",
            f"`norm_scale` is for batch norms, and the network of {spec.model.function} has none",
            ("model", "norm_scale"),
            "leave `norm_scale` out",
            at="key",
        )


def exemptions_match(spec: Any) -> Iterator[Diagnostic]:
    """LT208."""
    names = [parameter.name for parameter in resolve.graph(spec).prunable]
    for number, pattern in enumerate(spec.prune.exempt):
        with suppress(Unknown):
            if not any(resolve.is_exempt(name, [pattern]) for name in names):
                yield Diagnostic(
                    "LT208",
                    f"{pattern!r} matches no prunable tensor of this network",
                    ("prune", "exempt", number),
                    "the prunable tensors are " + _some(names),
                )


def rates_match(spec: Any) -> Iterator[Diagnostic]:
    """LT208."""
    written = spec.prune.schedule
    if written.name != "iterative":
        return
    names = [parameter.name for parameter in resolve.prunable(spec)]
    for pattern in written.rates:
        if not any(resolve.is_exempt(name, [pattern]) for name in names):
            yield Diagnostic(
                "LT208",
                f"{pattern!r} matches no tensor that is pruned",
                ("prune", "schedule", "rates", pattern),
                "the tensors are " + _some(names),
                at="key",
            )


def something_is_prunable(spec: Any) -> Iterator[Diagnostic]:
    """LT209."""
    if resolve.graph(spec).prunable and not resolve.prunable(spec):
        yield Diagnostic(
            "LT209",
            "every prunable tensor is exempt",
            ("prune", "exempt"),
            "leave at least one tensor to prune",
        )


def the_plan_is_not_too_large(spec: Any) -> Iterator[Diagnostic]:
    """LT216."""
    levels = len(resolve.levels(spec))
    if levels > MOST_LEVELS:
        yield Diagnostic(
            "LT216",
            f"it would take more than {MOST_LEVELS:,} levels to reach the density",
            ("prune", "schedule"),
            "write a larger fraction",
            at="key",
        )
        return
    count = networks(spec)
    if count > MOST_NETWORKS:
        yield Diagnostic(
            "LT216",
            f"{count:,} networks would be trained, and a plan holds {MOST_NETWORKS:,}",
            ("replicates",) if spec.replicates else ("seeds",),
            "write several specs that share a store",
        )


def networks(spec: Any) -> int:
    """How many networks a plan of the spec trains, before equal ones are shared."""
    levels = len(resolve.levels(spec))
    trained_before = spec.pretrain is not None and spec.pretrain.weights is None
    each = 1 + trained_before + levels * (1 + len(spec.branches) + _controls(spec))
    if spec.measure:
        from ltspec.plan import compared
        from ltspec.plan.measured import copies

        each += copies(spec) + sum(compared.trained(spec, measure) for measure in spec.measure)
    return (each + _of_others(spec)) * resolve.replicate_count(spec)


def _of_others(spec: Any) -> int:
    """Tickets of other specs, and what is carried from them beyond this spec's levels."""
    branches = [branch for branch in spec.branches.values() if is_elsewhere(branch)]
    if not branches:
        return 0
    from ltspec.plan import origins  # few specs need it

    return 2 * sum(
        max((level.number for level in origins.levels(spec, branch)), default=0)
        for branch in branches
    )


def _controls(spec: Any) -> int:
    """Lines beside carried tickets that are asked for by a word; `all` are seven at most."""
    asked = (getattr(branch, "controls", ()) for branch in spec.branches.values())
    return sum(7 if words == "all" else len(words) for words in asked)


def levels_leave_something(spec: Any) -> Iterator[Diagnostic]:
    """LT207, LT214."""
    tensors = resolve.prunable(spec)
    if not tensors:
        return
    alone = spec.prune.schedule.name in ("set", "rigl")
    layered = alone or spec.prune.scope != "global"
    before = tuple(t.size for t in tensors) if layered else (sum(t.size for t in tensors),)
    key = "density" if spec.prune.schedule.name != "iterative" else "levels"
    path: Path = ("prune", "schedule", key)
    for level in resolve.levels(spec):
        if level.keep == before:
            yield Diagnostic(
                "LT214",
                f"level {level.number} would prune nothing: "
                f"{sum(before):,} weights remain, and their share rounds to none",
                path,
                "write fewer levels, a larger fraction, or a lower density",
            )
            return
        for place, count in enumerate(level.keep):
            if count == 0:
                what = f"of {tensors[place].name} " if layered else ""
                yield Diagnostic(
                    "LT207",
                    f"level {level.number} would leave no weight {what}".rstrip(),
                    path,
                    "write fewer levels or a higher density"
                    + (", or exempt the tensor" if layered else ""),
                )
                return
        before = level.keep


def seeds_agree(spec: Any) -> Iterator[Diagnostic]:
    """LT211, LT212."""
    if spec.seeds is None:
        return
    if spec.replicates is not None and spec.replicates != len(spec.seeds):
        yield Diagnostic(
            "LT211",
            f"replicates is {spec.replicates}, but there are {len(spec.seeds)} seeds",
            ("replicates",),
            "leave one of the two out, or make them agree",
        )
    alike = resolve.begin_alike(spec)
    before: set[tuple[int, int, int]] = set()
    for number, seed in enumerate(spec.seeds, start=1):
        with suppress(Unknown):
            replicate = resolve.replicate(number, seed)
            seeds = (0 if alike else replicate.init, replicate.order, replicate.mask)
            if seeds in before:
                yield Diagnostic(
                    "LT212",
                    "this replicate has the same seeds as an earlier one"
                    + (" where weights are not those of a file" if alike else ""),
                    ("seeds", number - 1),
                    "give every replicate "
                    + ("an `order` of its own" if alike else "seeds of its own"),
                )
            before.add(seeds)


TRAINING_RULES: tuple[Rule, ...] = (
    keys_of_other_data,
    seed_is_for_chance,
    batch_fits_data,
    scores_fit_data,
    modes_have_norms,
    training_has_steps,
    rewinds_before_the_end,
    milestones_are_inside,
    warmup_is_inside,
)
"""What a branch's own ``train``, ``data``, ``rewind`` and ``criterion`` follow as well."""


# Most specs lack one or another of these sections, and start faster without its rules.
def branches_are_right(spec: Any) -> Iterator[Diagnostic]:
    """LT215, LT210, LT213, LT240 to LT242, LT260, LT262, and those of :data:`TRAINING_RULES`."""
    if spec.branches:
        from ltspec.plan import branch_rules

        yield from branch_rules.branches_are_right(spec, TRAINING_RULES)


def pretraining_is_right(spec: Any) -> Iterator[Diagnostic]:
    """LT265, LT285 to LT289, and those of :data:`TRAINING_RULES`."""
    if spec.pretrain is not None:
        from ltspec.plan import pretrain_rules

        yield from pretrain_rules.pretraining_is_right(spec, TRAINING_RULES)


def measures_are_right(spec: Any) -> Iterator[Diagnostic]:
    """Those of :data:`ltspec.plan.measure_rules.MEASURE_RULES`."""
    if spec.measure:
        from ltspec.plan.measure_rules import MEASURE_RULES

        yield from _entry_by_entry("measure", MEASURE_RULES, spec)


def _entry_by_entry(key: str, rules: Iterable[Rule], spec: Any) -> Iterator[Diagnostic]:
    """What rules about the entries of a list find of each, alone: one that is wrong itself then
    hides nothing of the others."""
    for number, entry in enumerate(getattr(spec, key)):
        for each in _asked(rules, Variant(spec, **{key: (entry,)})):
            yield replace(each, path=(key, number, *each.path[2:]))


def questions_can_be_asked(spec: Any) -> Iterator[Diagnostic]:
    """LT210, LT230, LT238, LT239."""
    if spec.ask:
        from ltspec.plan.ask_rules import ASK_RULES  # few specs need it

        yield from _entry_by_entry("ask", ASK_RULES, spec)


RULES: tuple[Rule, ...] = (
    *DATA_RULES,
    training_has_steps,
    rewinds_before_the_end,
    milestones_are_inside,
    warmup_is_inside,
    network_can_be_built,
    norm_scales_have_norms,
    exemptions_match,
    rates_match,
    something_is_prunable,
    the_plan_is_not_too_large,
    levels_leave_something,
    seeds_agree,
    masks_change_in_training,
    pretraining_is_right,
    branches_are_right,
    measures_are_right,
    questions_can_be_asked,
)


def all_broken_rules(spec: Any) -> list[Diagnostic]:
    """The same of a spec without a sweep, and what is asked of all points together: here of one."""
    found = broken_rules(spec)
    with suppress(Unknown):
        if spec.ask:
            from ltspec.plan.ask_rules import broken_together
            from ltspec.plan.asked import Place

            wrong = {each.path[1] for each in found if each.path[0] == "ask"}
            found += broken_together([Place(0, {}, spec)], wrong)
    return found


def broken_rules(spec: Any) -> list[Diagnostic]:
    """Every diagnostic of every rule that can be asked of one point of a sweep."""
    return list(_asked(RULES, spec))


def _asked(rules: Iterable[Rule], spec: Any) -> Iterator[Diagnostic]:
    for rule in rules:
        try:
            yield from rule(spec)
        except Unknown:  # it needs a part that is wrong, and whose own error is shown
            continue


def _some(names: list[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
