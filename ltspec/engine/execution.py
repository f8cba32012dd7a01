"""Takes a Plan and an adapter; gives the ExecutionPlan: how each training is played.

A plan says what, an execution plan says how. It is plain data, and nothing in it changes what a
stage means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ltspec.engine.backend import Adapter, Demand, Lowering, Settings
from ltspec.errors import UsageError
from ltspec.plan.stages import Plan, Stage, Train


@dataclass(frozen=True)
class ExecutionPlan:
    """How a plan is played on one backend and device."""

    backend: str
    settings: Settings
    lowerings: Mapping[str, Lowering]
    """By the key of the training stage."""

    @property
    def realm(self) -> str:
        """Where results lie in a store: they are shared within one backend and precision."""
        return f"{self.backend}-{self.settings.precision}"

    def describe(self) -> dict[str, Any]:
        """As JSON-ready data; equal lowerings are written once."""
        distinct = list(dict.fromkeys(self.lowerings.values()))
        return {
            "backend": self.backend,
            "settings": asdict(self.settings),
            "lowerings": [asdict(lowering) for lowering in distinct],
            "stages": {key: distinct.index(one) for key, one in self.lowerings.items()},
        }

    @classmethod
    def from_description(cls, document: Mapping[str, Any]) -> ExecutionPlan:
        """Inverse of :meth:`describe`. Raises UsageError (LT308) for anything else."""
        try:
            lowerings = [Lowering(**entry) for entry in document["lowerings"]]
            return cls(
                document["backend"],
                Settings(**document["settings"]),
                {key: lowerings[place] for key, place in document["stages"].items()},
            )
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise UsageError(
                f"the plan file's execution part cannot be read: {error}", code="LT308"
            ) from None


def demand(plan: Plan, stage: Stage, work: Train) -> Demand:
    """What a training stage asks of a backend."""
    recipe = work.recipe
    return Demand(
        plan.graphs[work.graph],
        recipe.batch_size,
        recipe.examples,
        recipe.optimizer,
        plan.own_steps(stage),
    )


def lower(plan: Plan, adapter: Adapter, settings: Settings) -> ExecutionPlan:
    """Let the adapter choose how each training stage is played. Imports no framework."""
    chosen: dict[tuple[str, int, int], Lowering] = {}
    lowerings = {}
    for stage, work in plan.trainings():
        need = demand(plan, stage, work)
        kind = (work.graph, hash((need.batch_size, need.examples, need.optimizer)), need.steps)
        if kind not in chosen:
            chosen[kind] = adapter.lower(need, settings)
        lowerings[stage.key] = chosen[kind]
    return ExecutionPlan(adapter.name, settings, lowerings)
