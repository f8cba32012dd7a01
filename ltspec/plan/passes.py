"""Takes a spec that is whole and right; gives its Plan, pass by pass.

:data:`PASSES` read top to bottom is the compiler. Each pass takes a Plan and gives a new one;
:func:`ltspec.plan.legality.check` looks at every one between.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any

from ltspec.data.facts import is_streamed
from ltspec.language.spec import Spec
from ltspec.language.variants import is_elsewhere
from ltspec.networks.graph import Graph
from ltspec.plan import (
    branching,
    measuring,
    origins,
    pretraining,
    recipes,
    resolve,
    transferring,
)
from ltspec.plan.keys import graph_key, stage_key
from ltspec.plan.legality import check
from ltspec.plan.stages import (
    Measurement,
    Outcome,
    Plan,
    Point,
    Stage,
    Train,
)
from ltspec.plan.writer import Writer
from ltspec.weights.header import Whole

Pass = Callable[[Plan, Spec], Plan]


def expand_sweep(plan: Plan, spec: Spec) -> Plan:
    """Give every point of the sweep its number and its values."""
    points = tuple(Point(one.number, one.values, one.columns) for one, _ in spec.points)
    return replace(plan, points=points)


def expand_replicates(plan: Plan, spec: Spec) -> Plan:
    """Give every replicate its seeds."""
    return replace(plan, replicates=resolve.replicates(spec))


def build_graphs(plan: Plan, spec: Spec) -> Plan:
    """Build the networks and name them by their hash: of each point the spec's first, then those
    that its tickets are carried to, then what these are for the classes of a pre-training."""
    found: dict[str, Graph] = {}
    points: list[Point] = []
    data: dict[str, Mapping[str, Any]] = {}
    for point, (_, own) in zip(plan.points, spec.points, strict=True):
        graphs, specs = [resolve.graph(own)], [own]
        for branch in own.branches.values():
            if branch.kind == "transfer":
                to = transferring.carried(own, branch)
                graphs += [to.graph, to.source]
                specs += [to.spec] if branch.weights == "own" or branch.controls else []
                if is_elsewhere(branch) and not origins.is_of_a_file(branch):
                    there = origins.other(own, branch)
                    specs.append(there)
                    data |= _streamed(there)
        graphs += map(pretraining.network, filter(_is_pretrained, specs))
        keys = [graph_key(graph) for graph in graphs]
        for key, graph in zip(keys, graphs, strict=True):
            found.setdefault(key, graph)
        sizes = [parameter.size for parameter in resolve.prunable(own)]
        points.append(replace(point, graph=keys[0], prunable=sum(sizes)))
        if point.number:
            written = own.data.model_dump(mode="json", exclude_none=True)
            data[resolve.facts(own).name] = written
    return replace(plan, graphs=found, points=tuple(points), data=data)


def _is_pretrained(spec: Any) -> bool:
    """Whether a network is trained before, and not begun with the weights of a file."""
    return spec.pretrain is not None and spec.pretrain.weights is None


def _streamed(spec: Any) -> dict[str, dict[str, Any]]:
    """Where the data of another spec is, where it is read from a folder as it is needed."""
    name, data = resolve.facts(spec).name, spec.data
    if not is_streamed(name):
        return {}
    return {name: {"name": data.name, **({"path": data.path} if data.path else {})}}


def expand_stages(plan: Plan, spec: Spec) -> Plan:
    """Write out levels and branches of every replicate of every point as stages."""
    stages: list[Stage] = []
    outcomes: list[Outcome] = []
    measurements: list[Measurement] = []
    tickets: dict[str, str] = {}
    weights: dict[str, Whole] = {}
    for point, (_, own) in zip(plan.points, spec.points, strict=True):
        first = len(stages)
        writer = replace(Writer.of(own, point.graph), stages=stages, weights=weights)
        for seeds in plan.replicates:
            writer.write_replicate(seeds, recipes.recipe(own, seeds.order))
            if not writer.waiting:
                measuring.compare(writer, seeds)
        if writer.waiting:
            branching.finish(writer)
            for seeds in plan.replicates:
                measuring.compare(writer, seeds)
        measuring.compare_replicates(writer)
        if point.number:
            name = f"point {point.number}"
            stages[first:] = [replace(s, label=f"{name}, {s.label}") for s in stages[first:]]
        outcomes += [replace(row, point=point.number) for row in writer.outcomes]
        measurements += [replace(row, point=point.number) for row in writer.measurements]
        tickets |= {ticket.content: file for file, ticket in writer.tickets.items()}
    return replace(
        plan,
        stages=tuple(stages),
        outcomes=tuple(outcomes),
        tickets=tickets,
        weights={whole.content: file for file, whole in weights.items()},
        measurements=tuple(measurements),
        written=len(stages),
        written_steps=sum(stage.steps for stage in stages),
    )


def add_keys(plan: Plan, spec: Spec) -> Plan:
    """Hash what each stage means together with the keys of its inputs."""
    keys: list[str] = []
    stages = []
    for stage in plan.stages:
        key, run = stage_key(stage, {role: keys[place] for role, place in stage.inputs.items()})
        keys.append(key)
        stages.append(replace(stage, key=key, run=run))
    return replace(plan, stages=tuple(stages))


def share_equal_stages(plan: Plan, spec: Spec) -> Plan:
    """Make one stage of those that mean the same."""
    place_of_key: dict[str, int] = {}
    moved: list[int] = []
    stages: list[Stage] = []
    for stage in plan.stages:
        place = place_of_key.get(stage.key)
        if place is None:
            place = place_of_key[stage.key] = len(stages)
            inputs = {role: moved[before] for role, before in stage.inputs.items()}
            stages.append(stage if inputs == stage.inputs else replace(stage, inputs=inputs))
        moved.append(place)
    return _moved(replace(plan, stages=tuple(stages)), moved)


def link_trunks(plan: Plan, spec: Spec) -> Plan:
    """Let each training go on from the latest earlier point of the same run."""
    points: dict[str, list[tuple[int, int]]] = {}
    for place, stage in enumerate(plan.stages):
        if isinstance(stage.work, Train):
            points.setdefault(stage.run, []).append((stage.work.stop, place))
    follows: dict[int, int] = {}
    for run in points.values():
        run.sort()
        follows.update((later, earlier) for (_, earlier), (_, later) in pairwise(run))
    if not follows:
        return plan
    continued = set(follows.values())
    linked = list(plan.stages)
    for place in continued.union(follows):
        linked[place] = replace(
            linked[place], follows=follows.get(place), resumable=place in continued
        )
    return _in_order(replace(plan, stages=tuple(linked)))


PASSES: tuple[Pass, ...] = (
    expand_sweep,
    expand_replicates,
    build_graphs,
    expand_stages,
    add_keys,
    share_equal_stages,
    link_trunks,
)


def compile_spec(spec: Spec, passes: Sequence[Pass] = PASSES) -> Plan:
    """Run the passes over an empty plan. ``spec`` has broken no rule.

    Raises LtspecError (LT901) where a pass leaves a plan that is not legal.
    """
    plan = Plan(name=spec.name, spec=spec.resolved())
    with _no_collector():
        for step in passes:
            plan = step(plan, spec)
            check(plan, after=step.__name__)
    return plan


@contextmanager
def _no_collector() -> Iterator[None]:
    """Pause the cycle collector: a plan makes many objects and no cycle, and the collector would
    walk over all of them again and again, in more than linear time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _in_order(plan: Plan) -> Plan:
    """The same plan with every stage behind those that it reads, otherwise as it was."""
    if all(read < place for place, stage in enumerate(plan.stages) for read in stage.reads):
        return plan
    order: list[int] = []
    done = [False] * len(plan.stages)
    for root in range(len(plan.stages)):
        waiting = [root]
        while waiting:
            place = waiting[-1]
            missing = [read for read in plan.stages[place].reads if not done[read]]
            if missing:
                waiting.extend(missing)
                continue
            waiting.pop()
            if not done[place]:
                done[place] = True
                order.append(place)
    moved = [0] * len(order)
    for position, place in enumerate(order):
        moved[place] = position
    stages = tuple(
        replace(
            stage,
            inputs={role: moved[read] for role, read in stage.inputs.items()},
            follows=None if stage.follows is None else moved[stage.follows],
        )
        for stage in (plan.stages[place] for place in order)
    )
    return _moved(replace(plan, stages=stages), moved)


def _moved(plan: Plan, moved: Sequence[int]) -> Plan:
    """Outcomes and measurements follow their stages, which have moved from p to ``moved[p]``."""
    outcomes = tuple(
        replace(
            outcome,
            trained=moved[outcome.trained],
            ticket=None if outcome.ticket is None else moved[outcome.ticket],
            scores={split: moved[place] for split, place in outcome.scores.items()},
        )
        for outcome in plan.outcomes
    )
    measurements = tuple(replace(one, stage=moved[one.stage]) for one in plan.measurements)
    return replace(plan, outcomes=outcomes, measurements=measurements)
