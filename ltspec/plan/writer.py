"""Takes a spec; gives the stages of its replicates, level by level, and what hangs on them.

The pass ``expand_stages`` calls :meth:`Writer.write_replicate` once a replicate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ltspec.data.alteration import Alteration
from ltspec.data.facts import Facts
from ltspec.decisions.amounts import Level
from ltspec.decisions.criteria import CRITERIA
from ltspec.decisions.layerwise import Spread
from ltspec.decisions.recipe import Recipe
from ltspec.decisions.sample import draws
from ltspec.language.spec import Spec
from ltspec.plan import (
    beginning,
    branching,
    changing,
    dynamic,
    pretraining,
    recipes,
    resolve,
    taking,
)
from ltspec.plan.branching import Leaving, Waiting
from ltspec.plan.recipes import Rewinding
from ltspec.plan.replicates import DENSE, TICKET, Replicate, after
from ltspec.plan.stages import (
    ANCHOR,
    Evaluate,
    Init,
    Measurement,
    Outcome,
    Prune,
    Rewind,
    Stage,
    Train,
    Work,
)
from ltspec.plan.transferring import Carried
from ltspec.tickets.certificate import Certificate
from ltspec.weights.header import Whole


@dataclass
class Writer:
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
    other_prunable: int = 0
    """``prunable`` where it is another network's than the spec's; else 0."""
    beside: str = ""
    """What labels say of a line that is not the spec's own."""
    carried: dict[str, Carried] = field(default_factory=dict)
    """What tickets are carried to, by the branch's name."""
    stages: list[Stage] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    tickets: dict[str, Certificate] = field(default_factory=dict)
    """Ticket files that were read, by path."""
    weights: dict[str, Whole] = field(default_factory=dict)
    """Files of weights that were read, by path."""
    measurements: list[Measurement] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    """Branches that read the mask of another line, which may not be written yet."""

    @classmethod
    def of(cls, spec: Any, graph: str) -> Writer:
        """The writer of a spec's own network, whose key is ``graph``."""
        prunable = resolve.prunable(spec)
        return cls(
            spec,
            graph,
            resolve.levels(spec),
            recipes.rewinding(spec),
            resolve.total_steps(spec),
            resolve.facts(spec),
            tuple(parameter.name for parameter in prunable),
            sum(parameter.size for parameter in prunable),
            recipes.norm_scale(spec),
            resolve.alteration(spec),
        )

    @cached_property
    def scoring(self) -> recipes.Scoring:
        """By what weights are scored."""
        return recipes.scoring(self.spec)

    @cached_property
    def repulsion(self) -> float | None:
        """How strongly solutions repel; None where they do not."""
        return recipes.repulsion(self.spec)

    @cached_property
    def replicates(self) -> tuple[Replicate, ...]:
        """All that there are."""
        return resolve.replicates(self.spec)

    @cached_property
    def shapes(self) -> list[tuple[int, ...]]:
        """Of the prunable tensors, in graph order."""
        return [parameter.shape for parameter in resolve.prunable(self.spec)]

    def init(self, seeds: Replicate) -> Init:
        """A replicate's own initial weights."""
        return Init(self.graph, self.spec.model.init, seeds.init, 0, self.norm_scale)

    def origin(self, seeds: Replicate, name: str) -> int:
        """The state that a replicate begins with: initial weights, pre-trained where the spec says
        so, or weights out of a file."""
        if self.spec.pretrain is not None and self.spec.pretrain.weights is not None:
            return beginning.write(self, seeds, name)
        place = self.add(self.init(seeds), f"{name}, initial weights", {})
        if self.spec.pretrain is None:
            return place
        return pretraining.write(self, seeds, name, place)

    def add(self, work: Work, label: str, inputs: Mapping[str, int]) -> int:
        """Append a stage; returns its place."""
        self.stages.append(Stage(work, dict(inputs), label))
        return len(self.stages) - 1

    def write_replicate(self, seeds: Replicate, recipe: Recipe) -> None:
        """Dense training, then prune, rewind and retrain level by level, branches beside."""
        name = f"replicate {seeds.number}{self.beside}"
        origin = self.origin(seeds, name)
        dense = trained = self.train(origin, recipe, 0, self.total, f"{name}, level 0")
        self.measure(seeds, DENSE, 0, self.prunable, None, trained, f"{name}, level 0")
        solutions = [trained]
        rewound = self.rewind_point(origin, recipe, f"{name}, rewind point")
        other = after(seeds, self.replicates)
        mask: int | None = None
        for level in self.levels:
            label = f"{name}, level {level.number}"
            states = {"init": origin, "rewind": rewound, "end": trained}
            anchors = self.remembered(solutions)
            made_from = trained
            start = trained if rewound is None else rewound
            schedule = self.spec.prune.schedule
            if schedule.name in changing.DYNAMIC:
                begun = dynamic.Begun(start, recipe, seeds.mask, 1, level.number, label)
                grown = dynamic.write(self, schedule, level.keep, begun)
                ticket, trained, mask = grown.ticket, grown.trained, grown.trained
                made_from = trained
            else:
                mask = self.prune(seeds, self.scoring, level.keep, states, mask, label)
                ticket = self.add(Rewind(self.graph), label, {"state": start, "mask": mask})
                begin, end = self.rewinding.start, self.rewinding.stop
                trained = self.train(ticket, recipe, begin, end, label, anchors)
            self.measure(seeds, TICKET, level.number, level.kept, ticket, trained, label)
            leaving = Leaving(
                seeds, other, level, states, made_from, dense, mask, recipe, label, anchors
            )
            branching.branch_off(self, leaving)
            solutions.append(trained)
        taking.branch_off(self, seeds)

    def rewind_point(self, origin: int, recipe: Recipe, label: str) -> int | None:
        """The state that tickets start from; None when each starts from its own trained weights."""
        if self.rewinding.weights is None:
            return None
        return self.train(origin, recipe, 0, self.rewinding.weights, label)

    def remembered(self, solutions: Sequence[int]) -> tuple[int, ...]:
        """Those of the ticket's earlier solutions that its next training is repelled from."""
        repel = self.spec.prune.repel
        if repel is None or self.repulsion is None:
            return ()
        return tuple(solutions[-1:] if repel.memory == "last" else solutions)

    def train(
        self,
        state: int,
        recipe: Recipe,
        start: int,
        stop: int,
        label: str,
        anchors: Sequence[int] = (),
    ) -> int:
        """A training, repelled from the solutions ``anchors``; the state itself when there are no
        steps."""
        if start == stop:
            return state
        repulsion = self.repulsion if anchors else None
        work = Train(self.graph, recipes.held(recipe, self.total, stop), start, stop, repulsion)
        roles = {f"{ANCHOR}{number}": place for number, place in enumerate(anchors, start=1)}
        return self.add(work, label, {"state": state, **roles})

    def prune(
        self,
        seeds: Replicate,
        scoring: recipes.Scoring,
        keep: tuple[int, ...],
        states: Mapping[str, int | None],
        mask: int | None,
        label: str,
        spread: Spread = "",
        like: int | None = None,
        only: tuple[tuple[str, ...], ...] = (),
    ) -> int:
        """The next mask, by scores of one of ``states`` where the criterion reads weights. Where
        only the run can say what ``keep`` is, as many weights as the mask ``like`` has are shared
        out by ``spread``; with ``only``, that mask changes in these groups of tensors alone."""
        criterion, sample = CRITERIA[scoring.criterion], scoring.sample
        state = states[scoring.at] if criterion.reads_weights else None
        inputs = {"state": state, "mask": mask, "like": like}
        chooses = sample is not None and draws(sample, scoring.per_class)
        work = Prune(
            self.graph,
            scoring.criterion,
            criterion.version,
            seeds.mask if criterion.draws or chooses else None,
            self.tensors,
            keep,
            scoring.rounds,
            sample,
            scoring.invert,
            scoring.by_size,
            scoring.temperature,
            scoring.per_class,
            spread,
            only,
        )
        there = {role: place for role, place in inputs.items() if place is not None}
        return self.add(work, label, there)

    def measure(
        self,
        seeds: Replicate,
        branch: str,
        number: int,
        kept: int | None,
        ticket: int | None,
        trained: int,
        label: str,
    ) -> None:
        """Evaluate a trained network and give it a row in the table. ``kept``: how many weights it
        has; None where only its ticket can say."""
        scores: dict[str, int] = {
            split: self.add(
                Evaluate(self.graph, self.data.name, self.data.version, split, self.alteration),
                f"{label}, {split}",
                {"state": trained},
            )
            for split in self.spec.evaluate
        }
        prunable = self.other_prunable
        self.outcomes.append(
            Outcome(seeds.number, branch, number, kept, ticket, trained, scores, prunable)
        )
