"""Takes a finished plan; gives its tickets as files with speaking names, to lie beside the table.

A ticket file (:mod:`ltspec.tickets`) holds a network under its mask and the facts of where it comes
from, and can be read with safetensors alone: docs/tickets.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ltspec.engine.arrays import buffers_of, masks_of, weights_of
from ltspec.engine.session import Session
from ltspec.engine.store import Realm, Store
from ltspec.errors import StoreError
from ltspec.language.spec import Spec
from ltspec.language.tree import tuples
from ltspec.plan.keys import SEMANTICS
from ltspec.plan.replicates import TICKET
from ltspec.plan.stages import Load, Outcome, Plan, Stage, Train
from ltspec.results.rewound import source_of, step_of
from ltspec.tickets.ticket import pack

DataName = tuple[str, int]
"""A data set's name and the version of its reader."""


def packed_tickets(
    plan: Plan, session: Session, scores: Mapping[int, Mapping[str, Any]]
) -> Iterator[tuple[Outcome, bytes]]:
    """Every ticket of the plan as the bytes of its file, one at a time, in the plan's order.

    In a sweep, those of points that were not run now are among them as far as an earlier run has
    made them. ``scores``: facts of evaluations by their place.

    Raises StoreError (LT403) where a result is not in the store any more.
    """
    read = _data_read(plan)
    specs = _specs(plan)
    run_now = {outcome.point for outcome in session.plan.outcomes}
    for outcome in plan.outcomes:
        if outcome.ticket is None:
            continue
        key = plan.stages[outcome.ticket].key
        if outcome.point not in run_now and not _is_there(session.realm, key, outcome, scores):
            continue
        result = session.realm.read(key)
        if result is None:
            raise StoreError(
                f"the result {key[:12]} is not in the store any more",
                code="LT403",
                hint="run the same command again",
            )
        facts = _facts(plan, session, outcome, scores, read)
        facts["spec"] = specs[outcome.point]
        arrays = result.arrays
        masks = masks_of(arrays)
        graph = plan.graphs[plan.stages[outcome.ticket].work.graph]
        yield outcome, pack(facts, graph, weights_of(arrays), buffers_of(arrays), masks)


def place_of(plan: Plan, outcome: Outcome) -> Path:
    """Where the ticket of a row lies in the folder of tickets: ``replicate-1/level-3.safetensors``;
    of a branch ``replicate-1/NAME-level-3...``; of a sweep ``point-2/replicate-1/...``."""
    prefix = "" if outcome.branch == TICKET else f"{outcome.branch}-"
    name = f"{prefix}level-{outcome.level}.safetensors"
    point = Path(f"point-{outcome.point}" if plan.is_sweep else "")
    return point / f"replicate-{outcome.replicate}" / name


def _specs(plan: Plan) -> dict[int, Mapping[str, Any]]:
    """The spec of each point, with every default filled in: a ticket of a sweep is the ticket of
    its point's own spec."""
    if not plan.is_sweep:
        return {0: plan.spec}
    points = Spec.model_validate(tuples(plan.spec)).points
    return {point.number: spec.resolved() for point, spec in points}


def _is_there(
    realm: Realm, key: str, outcome: Outcome, scores: Mapping[int, Mapping[str, Any]]
) -> bool:
    return realm.has(key) and all(place in scores for place in outcome.scores.values())


def _facts(
    plan: Plan,
    session: Session,
    outcome: Outcome,
    scores: Mapping[int, Mapping[str, Any]],
    read: Mapping[int, frozenset[DataName]],
) -> dict[str, Any]:
    """What the manifest of a ticket says beyond its arrays."""
    assert outcome.ticket is not None
    ticket, trained = plan.stages[outcome.ticket], plan.stages[outcome.trained]
    seeds = plan.replicates[outcome.replicate - 1]
    step = _step_of(plan, session.realm, outcome.ticket)
    work = trained.work
    schedule, stop = (work.start, work.stop) if isinstance(work, Train) else (step, step)
    return {
        "name": plan.name,
        "replicate": outcome.replicate,
        "seeds": {"init": seeds.init, "order": seeds.order, "mask": seeds.mask},
        "branch": outcome.branch,
        "level": outcome.level,
        "keys": {"ticket": ticket.key, "trained": trained.key},
        "semantics": SEMANTICS,
        "backend": session.execution.backend,
        "precision": session.execution.settings.precision,
        "made_with": _made_with(session, trained),
        "data": _data(session.store, read, [outcome.trained, *outcome.scores.values()]),
        "rewind": {"weights": step, "schedule": schedule, "stop": stop},
        "measured": {
            split: {
                figure: scores[place][figure]
                for figure in ("examples", "correct", "accuracy", "loss")
            }
            for split, place in outcome.scores.items()
        },
    }


def _made_with(session: Session, trained: Stage) -> dict[str, str]:
    """Versions, and the device of the training that was measured."""
    facts = session.realm.read_facts(trained.key) or {}
    played_on = facts.get("played_on", session.bench.played_on)
    played_on = {name: value for name, value in played_on.items() if name != "backend"}
    return {**played_on, "ltspec": version("ltspec"), "numpy": version("numpy")}


def _data(
    store: Store, read: Mapping[int, frozenset[DataName]], places: list[int]
) -> list[dict[str, Any]]:
    """Every data set that has a part in the ticket or its figures, with the hash of its bytes."""
    names = sorted(frozenset[DataName]().union(*(read[place] for place in places)))
    return [
        {"name": name, "version": number, "fingerprint": store.fingerprint(name, number)}
        for name, number in names
    ]


def _step_of(plan: Plan, realm: Realm, place: int) -> int:
    """The step of the dense training that the weights of a state were at; of those out of a ticket
    file, the one that the file says."""
    source = source_of(plan, place)
    if isinstance(source.work, Load):
        return int((realm.read_facts(source.key) or {"step": 0})["step"])
    return step_of(source)


def _data_read(plan: Plan) -> dict[int, frozenset[DataName]]:
    """The data sets that each stage and all before it read."""
    read: dict[int, frozenset[DataName]] = {}
    for place, stage in enumerate(plan.stages):
        before = (read[earlier] for earlier in stage.reads)
        read[place] = frozenset(own_data(stage.work)).union(*before)
    return read


def own_data(work: object) -> Iterator[DataName]:
    """Every data set that a piece of work, its recipe or its sample names."""
    if not is_dataclass(work):
        return
    parts = {field.name: getattr(work, field.name) for field in fields(work)}
    if {"data", "data_version"} <= set(parts):
        yield parts["data"], parts["data_version"]
    for part in parts.values():
        yield from own_data(part)
