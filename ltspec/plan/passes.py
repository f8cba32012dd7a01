"""Takes a spec that is whole and right; gives its Plan, pass by pass.

:data:`PASSES` read top to bottom is the compiler. Each pass takes a Plan and gives a new one;
:func:`ltspec.plan.legality.check` looks at every one between.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise

from ltspec.data.alteration import Alteration
from ltspec.data.facts import Facts
from ltspec.decisions.amounts import Level
from ltspec.decisions.criteria import CRITERIA
from ltspec.decisions.recipe import Recipe
from ltspec.language.spec import Spec
from ltspec.plan import recipes, resolve
from ltspec.plan.keys import graph_key, stage_key
from ltspec.plan.legality import check
from ltspec.plan.recipes import Rewinding
from ltspec.plan.replicates import TICKET, Replicate
from ltspec.plan.stages import (
    Evaluate,
    Init,
    Outcome,
    Plan,
    Prune,
    Rewind,
    Stage,
    Train,
    Work,
)

Pass = Callable[[Plan, Spec], Plan]

DRAWS_APART = 1_000_001
"""Keeps the draws of fresh weights of one number apart from the next's; more than any level."""


def expand_replicates(plan: Plan, spec: Spec) -> Plan:
    """Give every replicate its seeds."""
    return replace(plan, replicates=resolve.replicates(spec))


def build_graphs(plan: Plan, spec: Spec) -> Plan:
    """Build the network and name it by its hash."""
    graph = resolve.graph(spec)
    sizes = [parameter.size for parameter in resolve.prunable(spec)]
    return replace(plan, graphs={graph_key(graph): graph}, prunable=sum(sizes))


def expand_stages(plan: Plan, spec: Spec) -> Plan:
    """Write out levels and branches of every replicate as stages."""
    (graph,) = plan.graphs
    writer = _Writer(
        spec,
        graph,
        resolve.levels(spec),
        recipes.rewinding(spec),
        resolve.total_steps(spec),
        resolve.facts(spec),
        tuple(parameter.name for parameter in resolve.prunable(spec)),
        plan.prunable,
        recipes.norm_scale(spec),
        resolve.alteration(spec),
    )
    for seeds in plan.replicates:
        writer.write_replicate(seeds, recipes.recipe(spec, seeds.order))
    stages = tuple(writer.stages)
    return replace(
        plan,
        stages=stages,
        outcomes=tuple(writer.outcomes),
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
    return replace(plan, stages=tuple(stages), outcomes=_moved(plan.outcomes, moved))


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
    return replace(plan, stages=stages, outcomes=_moved(plan.outcomes, moved))


def _moved(outcomes: Sequence[Outcome], moved: Sequence[int]) -> tuple[Outcome, ...]:
    """Outcomes whose stages have moved from place p to ``moved[p]``."""
    return tuple(
        replace(
            outcome,
            trained=moved[outcome.trained],
            ticket=None if outcome.ticket is None else moved[outcome.ticket],
            scores={split: moved[place] for split, place in outcome.scores.items()},
        )
        for outcome in outcomes
    )


@dataclass
class _Writer:
    """Writes the stages of one replicate after another."""

    spec: Spec
    graph: str
    levels: list[Level]
    rewinding: Rewinding
    total: int
    data: Facts
    tensors: tuple[str, ...]
    prunable: int
    norm_scale: str | None
    alteration: Alteration | None
    stages: list[Stage] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    def add(self, work: Work, label: str, inputs: Mapping[str, int]) -> int:
        """Append a stage; returns its place."""
        self.stages.append(Stage(work, dict(inputs), label))
        return len(self.stages) - 1

    def write_replicate(self, seeds: Replicate, recipe: Recipe) -> None:
        """Dense training, then prune, rewind and retrain level by level, branches beside."""
        name = f"replicate {seeds.number}"
        rule = self.spec.model.init
        init = Init(self.graph, rule, seeds.init, 0, self.norm_scale)
        origin = self.add(init, f"{name}, initial weights", {})
        trained = self.train(origin, recipe, 0, self.total, f"{name}, level 0")
        self.measure(seeds, TICKET, 0, None, None, trained, f"{name}, level 0")
        rewound = self.rewind_point(origin, recipe, f"{name}, rewind point")
        mask: int | None = None
        for level in self.levels:
            label = f"{name}, level {level.number}"
            mask = self.prune(seeds, level, trained, mask, label)
            start = trained if rewound is None else rewound
            ticket = self.add(Rewind(self.graph), label, {"state": start, "mask": mask})
            trained = self.train(ticket, recipe, self.rewinding.start, self.rewinding.stop, label)
            self.measure(seeds, TICKET, level.number, level, ticket, trained, label)
            self.branch_off(seeds, level, mask, recipe, label)

    def rewind_point(self, origin: int, recipe: Recipe, label: str) -> int | None:
        """The state that tickets start from; None when each starts from its own trained weights."""
        if self.rewinding.weights is None:
            return None
        return self.train(origin, recipe, 0, self.rewinding.weights, label)

    def train(self, state: int, recipe: Recipe, start: int, stop: int, label: str) -> int:
        """A training; the state itself when there are no steps."""
        if start == stop:
            return state
        work = Train(self.graph, recipes.held(recipe, self.total, stop), start, stop)
        return self.add(work, label, {"state": state})

    def prune(
        self, seeds: Replicate, level: Level, trained: int, mask: int | None, label: str
    ) -> int:
        """The next mask, from the trained weights where the criterion reads them."""
        name = self.spec.prune.criterion
        reads_weights, version = CRITERIA[name].reads_weights, CRITERIA[name].version
        inputs = {"state": trained} if reads_weights else {}
        if mask is not None:
            inputs["mask"] = mask
        seed = None if reads_weights else seeds.mask
        work = Prune(self.graph, name, version, seed, self.tensors, level.keep)
        return self.add(work, label, inputs)

    def measure(
        self,
        seeds: Replicate,
        branch: str,
        number: int,
        level: Level | None,
        ticket: int | None,
        trained: int,
        label: str,
    ) -> None:
        """Evaluate a trained network and give it a row in the table."""
        scores: dict[str, int] = {
            split: self.add(
                Evaluate(self.graph, self.data.name, self.data.version, split, self.alteration),
                f"{label}, {split}",
                {"state": trained},
            )
            for split in self.spec.evaluate
        }
        kept = self.prunable if level is None else level.kept
        self.outcomes.append(Outcome(seeds.number, branch, number, kept, ticket, trained, scores))

    def branch_off(
        self, seeds: Replicate, level: Level, mask: int, recipe: Recipe, label: str
    ) -> None:
        """The branches that leave from this level."""
        for name, branch in self.spec.branches.items():
            if branch.levels != "all" and level.number not in branch.levels:
                continue
            title = f"{label}, {name}"
            # Draw 0 is the replicate's own start; a level's fresh weights are its own.
            draw = branch.draw * DRAWS_APART + level.number
            init = Init(self.graph, self.spec.model.init, seeds.init, draw, self.norm_scale)
            fresh = self.add(init, title, {})
            ticket = self.add(Rewind(self.graph), title, {"state": fresh, "mask": mask})
            start, stop = self.rewinding.start, self.rewinding.stop
            if branch.schedule is not None:
                start, stop = resolve.steps(self.spec, branch.schedule), self.total
            trained = self.train(ticket, recipe, start, stop, title)
            self.measure(seeds, name, level.number, level, ticket, trained, title)
