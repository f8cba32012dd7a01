"""Takes a Plan; gives nothing, or says which promise it breaks. Runs between the passes.

A plan that fails here is a mistake in ltspec, never in a spec.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ltspec.decisions.dynamic.schedule import MaskSchedule
from ltspec.errors import LtspecError
from ltspec.networks.elastic import tensors_of
from ltspec.plan.stages import (
    ANCHOR,
    Adopt,
    Combine,
    Compare,
    Contrast,
    Evaluate,
    Init,
    Line,
    Load,
    Mapmask,
    Perturb,
    Plan,
    Prune,
    Remask,
    Rewind,
    Stage,
    Train,
    Transfer,
    Work,
)

_ROLES: dict[type, tuple[frozenset[str], frozenset[str]]] = {
    # kind: (roles that must be there, roles that may be)
    Init: (frozenset(), frozenset({"state"})),
    Train: (frozenset({"state"}), frozenset()),
    Prune: (frozenset(), frozenset({"state", "mask", "like"})),
    Remask: (frozenset(), frozenset({"mask", "like"})),
    Combine: (frozenset({"mask", "other"}), frozenset()),
    Perturb: (frozenset({"state", "mask"}), frozenset()),
    Transfer: (frozenset({"state"}), frozenset({"fresh"})),
    Mapmask: (frozenset(), frozenset({"mask"})),
    Rewind: (frozenset({"state", "mask"}), frozenset()),
    Load: (frozenset(), frozenset()),
    Adopt: (frozenset(), frozenset({"fresh"})),
    Evaluate: (frozenset({"state"}), frozenset()),
    Line: (frozenset({"first", "second"}), frozenset()),
    Contrast: (frozenset({"first", "second"}), frozenset()),
    Compare: (frozenset(), frozenset({"first", "second", "first_mask", "second_mask"})),
}
_COMPARED: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    # question: (roles that must be there, roles that may be)
    "distance": (frozenset({"first", "second"}), frozenset({"first_mask", "second_mask"})),
    "overlap": (frozenset({"first_mask", "second_mask"}), frozenset()),
    "distribution": (frozenset({"first"}), frozenset({"first_mask"})),
    "threshold": (frozenset({"first", "second_mask"}), frozenset({"first_mask"})),
}
_ANSWERS: dict[str, type] = {"instability": Line, "barrier": Line, "function": Contrast}
"""What answers a kind of ``measure``; the others are answered by Compare."""
_GIVES = {
    Init: "state",
    Train: "state",
    Rewind: "state",
    Load: "state",
    Adopt: "state",
    Prune: "mask",
    Remask: "mask",
    Combine: "mask",
    Perturb: "state",
    Transfer: "state",
    Mapmask: "mask",
    Evaluate: "score",
    Line: "score",
    Contrast: "score",
    Compare: "score",
}
MASKS = Prune | Remask | Combine
"""What gives a mask."""
_STANDS_FOR = {
    "first": "state",
    "second": "state",
    "fresh": "state",
    "other": "mask",
    "like": "mask",
    "first_mask": "mask",
    "second_mask": "mask",
}
"""Roles that are states or masks, but not the only one."""
_KEY = re.compile(r"[0-9a-f]{40}")


def check(plan: Plan, after: str) -> None:
    """Raise LtspecError (LT901) naming the pass and the first broken promise."""
    for problem in _problems(plan):
        raise LtspecError(
            f"after the pass {after}: {problem}",
            code="LT901",
            hint="please report this with the spec",
        )


def _problems(plan: Plan) -> Iterator[str]:
    keyed = bool(plan.stages) and bool(plan.stages[-1].key)
    kinds = [type(stage.work) for stage in plan.stages]
    for place, stage in enumerate(plan.stages):
        yield from _input_problems(plan, place, stage, kinds)
        if keyed != bool(_KEY.fullmatch(stage.key)):
            yield f"{stage.label}: {stage.key!r} is not a key"
        if isinstance(stage.work, Init) and "state" in stage.inputs:
            work = stage.work
            if work.signs_of is not None or work.norm_scale is not None or not work.draw:
                yield f"{stage.label}: has signs or norms of more than the state that it reads"
        if isinstance(stage.work, Train) and not 0 <= stage.work.start < stage.work.stop:
            yield f"{stage.label}: no steps from {stage.work.start} to {stage.work.stop}"
        if isinstance(stage.work, Train):
            yield from _anchor_problems(stage, stage.work)
        if isinstance(stage.work, Train) and stage.work.masks is not None:
            yield from _schedule_problems(plan, stage, stage.work, stage.work.masks)
        if isinstance(stage.work, Prune | Remask):
            yield from _mask_problems(plan, stage, stage.work)
        if isinstance(stage.work, Remask):
            yield from _operator_problems(plan, stage, stage.work)
        if isinstance(stage.work, Combine):
            masks = [plan.stages[read].work for read in stage.inputs.values()]
            if any(isinstance(m, MASKS) and m.tensors != stage.work.tensors for m in masks):
                yield f"{stage.label}: combines masks of other tensors"
        if isinstance(stage.work, Transfer | Mapmask):
            yield from _transfer_problems(plan, stage, stage.work)
        if isinstance(stage.work, Perturb) and (
            (stage.work.noise is None) == (stage.work.permute is None)
        ):
            yield f"{stage.label}: perturbs by one of noise and permuting, not both or neither"
        if isinstance(stage.work, Load) and stage.work.content not in plan.tickets:
            yield f"{stage.label}: nothing says where its ticket file is"
        if isinstance(stage.work, Adopt):
            yield from _adoption_problems(plan, stage, stage.work)
        if stage.follows is not None:
            earlier = plan.stages[stage.follows]
            if earlier.run != stage.run or earlier.steps >= stage.steps or not earlier.resumable:
                yield f"{stage.label}: cannot go on from {earlier.label}"
    of_points = {outcome.point for outcome in plan.outcomes}
    of_points |= {measurement.point for measurement in plan.measurements}
    for number in of_points - {point.number for point in plan.points}:
        yield f"a row is of point {number}, which is not there"
    for outcome in plan.outcomes:
        places = [outcome.trained, *outcome.scores.values()]
        places += [] if outcome.ticket is None else [outcome.ticket]
        if not all(0 <= place < len(plan.stages) for place in places):
            yield f"an outcome of level {outcome.level} names a stage that is not there"
        elif any(kinds[place] is not Evaluate for place in outcome.scores.values()):
            yield f"an outcome of level {outcome.level} takes its score from something else"
    for each in plan.measurements:
        answer = _ANSWERS.get(each.measure, Compare)
        if not 0 <= each.stage < len(plan.stages) or kinds[each.stage] is not answer:
            yield f"a measurement of {each.measure} names a stage that answers something else"


def _input_problems(plan: Plan, place: int, stage: Stage, kinds: list[type]) -> Iterator[str]:
    required, allowed = _ROLES[type(stage.work)]
    if isinstance(stage.work, Compare):
        required, allowed = _COMPARED[stage.work.question]
    roles = set(stage.inputs)
    if isinstance(stage.work, Train):
        roles -= set(stage.anchors)
    if not required <= roles <= required | allowed:
        yield f"{stage.label}: reads {sorted(roles)}"
    if stage.work.graph not in plan.graphs:
        yield f"{stage.label}: its network {stage.work.graph} is not in the plan"
    for role, read in stage.inputs.items():
        if not 0 <= read < place:
            yield f"{stage.label}: reads stage {read}, which does not come before"
        elif _given(role) == "mask" and _holds_its_mask(plan.stages[read]):
            continue
        elif _GIVES[kinds[read]] != _given(role):
            yield f"{stage.label}: takes its {role} from {plan.stages[read].kind}"
        elif plan.stages[read].work.graph != _network_read(stage.work, role):
            yield f"{stage.label}: its {role} is another network's"


def _network_read(work: Work, role: str) -> str:
    """Whose network an input is: its own, but for what is carried from another."""
    return work.source if isinstance(work, Transfer | Mapmask) and role != "fresh" else work.graph


def _transfer_problems(plan: Plan, stage: Stage, work: Transfer | Mapmask) -> Iterator[str]:
    if work.graph not in plan.graphs or work.source not in plan.graphs:
        yield f"{stage.label}: one of its networks is not in the plan"
        return
    shapes = [
        {tensor.name: tensor.shape for tensor in tensors_of(plan.graphs[key])}
        for key in (work.graph, work.source)
    ]
    written = [target for target, _ in work.tensors]
    written += work.dense if isinstance(work, Mapmask) else ()
    if len(set(written)) < len(written):
        yield f"{stage.label}: a tensor would be written twice"
    for target, origin in work.tensors:
        if target not in shapes[0] or shapes[0][target] != shapes[1].get(origin):
            yield f"{stage.label}: {origin} cannot become {target}"
    if isinstance(work, Transfer):
        if (set(shapes[0]) > set(written)) != ("fresh" in stage.inputs):
            yield f"{stage.label}: nothing says what becomes of the tensors that are not carried"
        return
    if bool(work.tensors) != ("mask" in stage.inputs):
        yield f"{stage.label}: reads a mask and carries none of it, or the reverse"
    if len(work.keep) not in (0, 1, len(written)):
        yield f"{stage.label}: {len(work.keep)} counts for {len(written)} tensors"


def _adoption_problems(plan: Plan, stage: Stage, work: Adopt) -> Iterator[str]:
    if work.content not in plan.weights:
        yield f"{stage.label}: nothing says where its file is"
    if work.layout not in ("canonical", "keras"):
        yield f"{stage.label}: {work.layout!r} is no layout"
    names = [tensor.name for tensor in tensors_of(plan.graphs[work.graph])]
    ours, theirs = [pair[0] for pair in work.tensors], [pair[1] for pair in work.tensors]
    if not set(ours) <= set(names):
        yield f"{stage.label}: writes tensors that the network does not have"
    if len(set(ours)) < len(ours) or len(set(theirs)) < len(theirs):
        yield f"{stage.label}: a tensor would be written or read twice"
    if (set(names) > set(ours)) != ("fresh" in stage.inputs):
        yield f"{stage.label}: nothing says what becomes of the tensors that are not in the file"


def _holds_its_mask(stage: Stage) -> bool:
    """Whether a state is read for the mask that it holds."""
    return stage.changes_mask or isinstance(stage.work, Load)


def _given(role: str) -> str:
    """What is read by a role: a state, a mask or a score."""
    return "state" if role.startswith(ANCHOR) else _STANDS_FOR.get(role, role)


def _anchor_problems(stage: Stage, work: Train) -> Iterator[str]:
    if (work.repulsion is None) != (not stage.anchors) or work.repulsion == 0:
        yield f"{stage.label}: repels by {work.repulsion} from {len(stage.anchors)} solutions"


def _schedule_problems(plan: Plan, stage: Stage, work: Train, masks: MaskSchedule) -> Iterator[str]:
    gradual = masks.method == "gradual"
    last = masks.until if gradual else masks.until - 1
    if masks.every < 1 or not work.start <= masks.begin < masks.until:
        yield f"{stage.label}: updates from {masks.begin} to {masks.until} by {masks.every}"
    if gradual and last >= work.stop:
        yield f"{stage.label}: the last update at {last} comes after the last step"
    if len(masks.keep) != len(masks.tensors) and (not gradual or len(masks.keep) != 1):
        yield f"{stage.label}: {len(masks.keep)} counts for {len(masks.tensors)} tensors"
    if any(count < 1 for count in masks.keep):
        yield f"{stage.label}: would leave nothing"
    if gradual and (
        len(masks.initial) != len(masks.keep)
        or any(now > before for now, before in zip(masks.keep, masks.initial, strict=True))
    ):
        yield f"{stage.label}: keeps {masks.initial} first and {masks.keep} at last"
    if not gradual:
        begun = plan.stages[stage.inputs["state"]]
        mask = plan.stages[begun.inputs["mask"]].work if "mask" in begun.inputs else None
        if not isinstance(mask, Remask) or (mask.tensors, mask.keep) != (masks.tensors, masks.keep):
            yield f"{stage.label}: does not begin under a mask of as many weights"


def _mask_problems(plan: Plan, stage: Stage, work: Prune | Remask) -> Iterator[str]:
    only = work.only if isinstance(work, Prune) else ()
    if ("like" in stage.inputs) != bool(work.spread or only) or (work.spread and work.keep):
        yield f"{stage.label}: keeps {work.keep}, and {work.spread!r} of a mask that it reads"
    if only:
        yield from _group_problems(plan, stage, work, only)
    if (
        work.spread
        or (only and not work.keep)
        or (isinstance(work, Remask) and not work.keep and "mask" in stage.inputs)
    ):
        return  # as many as the mask that it reads
    if len(work.keep) not in (1, len(work.tensors)):
        yield f"{stage.label}: {len(work.keep)} counts for {len(work.tensors)} tensors"
    if any(count < 1 for count in work.keep):
        yield f"{stage.label}: would leave nothing"
    if isinstance(work, Prune) and "mask" in stage.inputs:
        earlier = plan.stages[stage.inputs["mask"]].work
        if isinstance(earlier, Prune) and any(
            now > before for now, before in zip(work.keep, earlier.keep, strict=True)
        ):
            yield f"{stage.label}: a mask would grow"


def _group_problems(
    plan: Plan, stage: Stage, work: Prune | Remask, only: tuple[tuple[str, ...], ...]
) -> Iterator[str]:
    names = [name for group in only for name in group]
    twice = len(set(names)) < len(names)
    if twice or not all(only) or not set(names) <= set(work.tensors) or work.spread:
        yield f"{stage.label}: prunes groups of tensors that are not there, or are there twice"
    if "mask" in stage.inputs:
        yield f"{stage.label}: prunes a mask further, and another one in groups"
    like = plan.stages[stage.inputs["like"]].work if "like" in stage.inputs else None
    if isinstance(like, Mapmask) and sum(like.keep) != sum(work.keep):
        yield f"{stage.label}: a mask that is chosen in groups would keep other counts"


def _operator_problems(plan: Plan, stage: Stage, work: Remask) -> Iterator[str]:
    if (work.operator == "random") == ("mask" in stage.inputs):
        yield f"{stage.label}: {work.operator} reads {sorted(stage.inputs)}"
    if not set(work.only) <= set(work.tensors) or (work.only and work.operator == "random"):
        yield f"{stage.label}: permutes masks that are not there"
    for read in stage.inputs.values():
        earlier = plan.stages[read].work
        if isinstance(earlier, Mapmask) and earlier.keep and sum(earlier.keep) != sum(work.keep):
            yield f"{stage.label}: a shuffled mask would keep other counts"
        if isinstance(earlier, Prune) and (
            earlier.tensors != work.tensors or sum(earlier.keep) != sum(work.keep)
        ):
            yield f"{stage.label}: a shuffled mask would keep other counts"
