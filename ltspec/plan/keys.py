"""Takes a stage and its inputs' keys; gives its key: a hash of what it means.

Labels, names and speed settings take no part. Equal keys are equal results, in any spec. A literal
key is pinned in tests/core/test_plan.py: a change of one is a change of meaning, and goes with a
new :data:`SEMANTICS` and a line in CHANGELOG.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import rfc8785

from ltspec.decisions.dynamic.schedule import MaskSchedule
from ltspec.decisions.recipe import Recipe
from ltspec.networks.graph import Graph
from ltspec.plan.stages import Stage, Train

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SEMANTICS = 1
"""Version of what stages mean. Goes up when the same plan would give other numbers."""


def digest(document: Any) -> str:
    """40 hexadecimal digits over the canonical JSON of ``document``."""
    return hashlib.sha256(rfc8785.dumps(document)).hexdigest()[:40]


@lru_cache(maxsize=64)  # a branch that carries tickets asks at every level
def graph_key(graph: Graph) -> str:
    """Key of a network."""
    return digest(graph.meaning())


@lru_cache(maxsize=4096)
def recipe_key(recipe: Recipe) -> str:
    """Key of a training recipe; the kind of optimiser is part of it."""
    return digest({**_meaning(recipe), "optimizer_kind": type(recipe.optimizer).__name__})


def stage_key(stage: Stage, inputs: Mapping[str, str]) -> tuple[str, str]:
    """(key, run) of a stage; run is empty but for training.

    A training's key is made of its run (all but ``stop``) and ``stop``, and not of the points
    between: the state at a step depends only on what was done up to it.
    """
    base = {"semantics": SEMANTICS, "kind": stage.kind, "inputs": dict(inputs)}
    if isinstance(stage.work, Train):
        run = digest(
            {
                **base,
                "graph": stage.work.graph,
                "start": stage.work.start,
                "recipe": recipe_key(stage.work.recipe),
                **_beyond_defaults(stage.work),
            }
        )
        return digest({"run": run, "stop": stage.work.stop}), run
    return digest({**base, **_meaning(stage.work)}), ""


def _beyond_defaults(work: DataclassInstance) -> dict[str, Any]:
    """The fields that have a default and are not left at it."""
    found = {
        field.name: getattr(work, field.name)
        for field in fields(work)
        if field.default is not MISSING and getattr(work, field.name) != field.default
    }
    return {
        name: _meaning(value) if isinstance(value, MaskSchedule) else value
        for name, value in found.items()
    }


def _meaning(work: DataclassInstance) -> dict[str, Any]:
    """Every field by name. One that has a default and is left at it says nothing, so that what is
    added to the language later does not change the keys of what was there before."""
    values = ((field, getattr(work, field.name)) for field in fields(work))
    return {
        field.name: _plain(value)
        for field, value in values
        if field.default is MISSING or value != field.default
    }


def _plain(value: Any) -> Any:
    """A field's value without dataclasses. Most are plain already, and tuples of names are long."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, tuple) and any(is_dataclass(each) for each in value):
        return [_plain(each) for each in value]
    return value
