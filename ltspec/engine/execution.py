"""Takes a Plan and an adapter; gives the ExecutionPlan: how each training is played.

A plan says what, an execution plan says how. It is plain data, and nothing in it changes what a
stage means.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, get_args

from ltspec.data.facts import is_streamed
from ltspec.decisions.recalibration import Recalibration
from ltspec.engine.backend import Adapter, Demand, Lowering, Precision, Settings
from ltspec.errors import UsageError
from ltspec.plan.stages import Line, Plan, Stage, Train

STREAMED_BYTES = 32 * 2**20
"""Of images that are decoded at a time, but one batch at least."""
STREAMED_PIECES = 3
"""So many of these may be in memory at a time: see :mod:`ltspec.data.readers`."""


@dataclass(frozen=True)
class ExecutionPlan:
    """How a plan is played on one backend and device."""

    backend: str
    settings: Settings
    lowerings: Mapping[str, Lowering]
    """By the key of the stage: of a training, or of a line that sees training batches."""

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
            missing = {stage.key for stage, _, _ in demands(plan)} - set(stages)
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


def _settings(
    device: str, precision: Precision, threads: int | None = None, deterministic: bool = True
) -> Settings:
    """Settings whose every value is one that there can be."""
    if precision not in get_args(Precision) or type(device) is not str:
        raise ValueError(f"device {device!r} with precision {precision!r}")
    if threads is not None and (type(threads) is not int or threads < 1):
        raise ValueError(f"threads is {threads!r}")
    if type(deterministic) is not bool:
        raise ValueError(f"deterministic is {deterministic!r}")
    return Settings(device, precision, threads, deterministic)


def demands(plan: Plan) -> Iterator[tuple[Stage, Demand, str]]:
    """Every stage that plays a tape: what it asks of a backend, and the data set."""
    for stage in plan.stages:
        match stage.work:
            case Train(recipe=recipe):
                steps = plan.own_steps(stage)
            case Line(recalibration=Recalibration() as recalibration):
                recipe, steps = recalibration.recipe, recalibration.batches
            case _:
                continue
        demand = Demand(
            plan.graphs[stage.work.graph],
            recipe.batch_size,
            recipe.examples,
            recipe.optimizer,
            steps,
            recipe.augment,
            len(stage.anchors),
        )
        yield stage, demand, recipe.data


def lower(plan: Plan, adapter: Adapter, settings: Settings) -> ExecutionPlan:
    """Let the adapter choose how each tape is played. Imports no framework."""
    chosen: dict[tuple[object, ...], Lowering] = {}
    lowerings = {}
    for stage, need, data in demands(plan):
        kind = (
            stage.work.graph,
            need.batch_size,
            need.examples,
            need.optimizer,
            need.steps,
            need.augment,
            need.repelled_from,
            is_streamed(data),
        )
        if kind not in chosen:
            chosen[kind] = (
                _streamed(need, adapter, settings)
                if is_streamed(data)
                else adapter.lower(need, settings)
            )
        lowerings[stage.key] = chosen[kind]
    return ExecutionPlan(adapter.name, settings, lowerings)


def _streamed(need: Demand, adapter: Adapter, settings: Settings) -> Lowering:
    """Chunks that are short enough, and the memory of what is decoded instead of all images."""
    image_bytes = math.prod(need.graph.input_shape)
    most = max(1, STREAMED_BYTES // (image_bytes * need.batch_size))
    chunk = min(adapter.lower(need, settings).chunk_steps, most)
    decoded = min(need.examples, STREAMED_PIECES * chunk * need.batch_size)
    return replace(adapter.lower(replace(need, examples=decoded), settings), chunk_steps=chunk)
