"""Takes a Plan and an adapter; gives the ExecutionPlan: how each training is played.

A plan says what, an execution plan says how. It is plain data, and nothing in it changes what a
stage means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, get_args

from ltspec.engine.backend import Adapter, Demand, Lowering, Precision, Settings
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
    def from_description(cls, document: Any, plan: Plan) -> ExecutionPlan:
        """Inverse of :meth:`describe`.

        Raises UsageError (LT308) for anything else, and where a training of ``plan`` is left out.
        """
        try:
            lowerings = [_lowering(**entry) for entry in document["lowerings"]]
            stages = {key: lowerings[place] for key, place in document["stages"].items()}
            missing = {stage.key for stage, _ in plan.trainings()} - set(stages)
            if missing:
                raise ValueError(f"it leaves out {len(missing)} trainings")
            return cls(str(document["backend"]), _settings(**document["settings"]), stages)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise UsageError(
                f"the plan file's execution part cannot be read: {type(error).__name__}: {error}",
                code="LT308",
                hint="make it again with `ltspec plan SPEC --backend NAME --json FILE`",
            ) from None


def _lowering(**entry: Any) -> Lowering:
    """A lowering whose every value has its type."""
    for field in fields(Lowering):
        wanted = str if field.name in ("layout", "compilation") else int
        if type(entry.get(field.name)) is not wanted:
            raise ValueError(f"{field.name} is {entry.get(field.name)!r}")
    if entry["chunk_steps"] < 1:
        raise ValueError(f"chunk_steps is {entry['chunk_steps']}")
    return Lowering(**entry)


def _settings(device: str, precision: str, threads: int | None = None) -> Settings:
    """Settings whose every value is one that there can be."""
    if precision not in get_args(Precision) or type(device) is not str:
        raise ValueError(f"device {device!r} with precision {precision!r}")
    if threads is not None and (type(threads) is not int or threads < 1):
        raise ValueError(f"threads is {threads!r}")
    return Settings(device, "float64" if precision == "float64" else "float32", threads)


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
    chosen: dict[tuple[object, ...], Lowering] = {}
    lowerings = {}
    for stage, work in plan.trainings():
        need = demand(plan, stage, work)
        kind = (work.graph, need.batch_size, need.examples, need.optimizer, need.steps)
        if kind not in chosen:
            chosen[kind] = adapter.lower(need, settings)
        lowerings[stage.key] = chosen[kind]
    return ExecutionPlan(adapter.name, settings, lowerings)
