"""Takes a Plan; gives a plan file, plain JSON that ``ltspec run`` executes, and reads it back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ltspec.data.alteration import Alteration, altered_facts
from ltspec.data.facts import FACTS
from ltspec.data.folder import IMAGENET, VERSION, is_folder
from ltspec.decisions.dynamic.schedule import MaskSchedule
from ltspec.decisions.recalibration import Recalibration
from ltspec.decisions.recipe import Adam, Augment, Optimizer, Recipe, Schedule, Sgd
from ltspec.decisions.sample import Sample
from ltspec.errors import LtspecError, UsageError
from ltspec.language.spec import NAME, NAME_LENGTH
from ltspec.networks.graph import Graph
from ltspec.plan.cost import steps_from_scratch, total
from ltspec.plan.keys import SEMANTICS, graph_key, stage_key
from ltspec.plan.legality import check
from ltspec.plan.replicates import Replicate
from ltspec.plan.stages import (
    Adopt,
    Combine,
    Compare,
    Contrast,
    Evaluate,
    Init,
    Line,
    Load,
    Mapmask,
    Measurement,
    Outcome,
    Perturb,
    Plan,
    Point,
    Prune,
    Remask,
    Rewind,
    Side,
    Stage,
    Train,
    Transfer,
    Work,
)

FORMAT = 2
"""Version of the plan file."""
_KINDS: Mapping[str, type[Work]] = {
    "init": Init,
    "train": Train,
    "prune": Prune,
    "remask": Remask,
    "combine": Combine,
    "perturb": Perturb,
    "transfer": Transfer,
    "mapmask": Mapmask,
    "rewind": Rewind,
    "load": Load,
    "adopt": Adopt,
    "evaluate": Evaluate,
    "line": Line,
    "contrast": Contrast,
    "compare": Compare,
}
_OPTIMIZERS: Mapping[str, type[Optimizer]] = {"sgd": Sgd, "adam": Adam}


def write(plan: Plan, execution: Mapping[str, Any] | None = None) -> str:
    """The plan as JSON text, with how it is played on one backend where that is known."""
    document = {
        "ltspec_plan": FORMAT,
        "semantics": SEMANTICS,
        "name": plan.name,
        "spec": plan.spec,
        "graphs": {key: graph.describe() for key, graph in plan.graphs.items()},
        "replicates": [asdict(replicate) for replicate in plan.replicates],
        "tickets": plan.tickets,
        "weights": plan.weights,
        **_points_document(plan),
        "written": plan.written,
        "written_steps": plan.written_steps,
        "steps": total(plan).steps,
        "steps_from_scratch": steps_from_scratch(plan),
        "stages": [_stage_document(stage) for stage in plan.stages],
        "outcomes": [_row_document(outcome) for outcome in plan.outcomes],
        "measurements": [_row_document(measurement) for measurement in plan.measurements],
        "execution": execution,
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def read(text: str) -> tuple[Plan, Any]:
    """Inverse of :func:`write`; the execution part is given as it is, for the engine to read.

    Raises UsageError (LT308) where it is not a plan of this version, or a key is not that of what
    the stage says: a plan file is made by ``ltspec plan --json``, not by hand.
    """
    try:
        document = json.loads(text)
        if not isinstance(document, dict) or "ltspec_plan" not in document:
            raise _refuse("it is not a plan file at all")
        versions = document["ltspec_plan"], document["semantics"]
        if versions != (FORMAT, SEMANTICS):
            raise _refuse(
                f"it has version {versions[0]} with semantics {versions[1]}, and this "
                f"ltspec reads {FORMAT} with {SEMANTICS}"
            )
        plan = Plan(
            name=str(document["name"]),
            spec=dict(document["spec"]),
            graphs={
                key: Graph.from_description(graph) for key, graph in document["graphs"].items()
            },
            replicates=tuple(Replicate(**entry) for entry in document["replicates"]),
            # Not there in an earlier file.
            tickets={str(k): str(v) for k, v in document.get("tickets", {}).items()},
            weights={str(k): str(v) for k, v in document.get("weights", {}).items()},
            points=_read_points(document),
            data=dict(document.get("data", {})),
            written=int(document["written"]),
            written_steps=int(document["written_steps"]),
            stages=tuple(_read_stage(entry) for entry in document["stages"]),
            outcomes=tuple(Outcome(**entry) for entry in document["outcomes"]),
            measurements=tuple(_read_measurement(entry) for entry in document["measurements"]),
        )
        check(plan, after="reading the plan file")
        _check_keys(plan)
        _check_names(plan)
        _check_data(plan)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise _refuse(f"{type(error).__name__}: {error}") from None
    except LtspecError as error:
        raise error if error.code == "LT308" else _refuse(error.message) from None
    return plan, document.get("execution")


def _refuse(reason: str) -> UsageError:
    return UsageError(
        f"not a plan file that can be run: {reason}",
        code="LT308",
        hint="make it again with `ltspec plan SPEC --json FILE`",
    )


def _check_names(plan: Plan) -> None:
    """Names become paths of files: they must be such as a spec may have."""
    branches = [outcome.branch for outcome in plan.outcomes]
    branches += [side.branch for each in plan.measurements for side in each.sides]
    branches += [each.measure for each in plan.measurements]
    for name in (plan.name, *branches):
        if len(name) > NAME_LENGTH or not re.fullmatch(NAME, name):
            raise _refuse(f"{name!r} is not a name that a spec can have")
    for outcome in plan.outcomes:
        counted = () if outcome.kept is None else (outcome.kept,)
        numbers = (outcome.replicate, outcome.level, outcome.prunable, *counted)
        if any(type(number) is not int or number < 0 for number in numbers):
            raise _refuse(f"an outcome has the numbers {numbers}")


def _check_data(plan: Plan) -> None:
    """A plan made with an earlier reader of a data set would store its results under wrong keys."""
    for stage in plan.stages:
        match stage.work:
            case Train(recipe=recipe):
                name, version = recipe.data, recipe.data_version
                known = FACTS.get(_published_name(name))
                if known is not None:
                    count = altered_facts(known, recipe.alteration).train
                    if recipe.examples != count:
                        raise _refuse(f"{name} has {count} examples")
            case (
                Evaluate(data=name, data_version=version)
                | Line(data=name, data_version=version)
                | Contrast(data=name, data_version=version)
            ):
                known = FACTS.get(_published_name(name))
            case Prune(sample=Sample(data=name, data_version=version)):
                known = FACTS.get(_published_name(name))
            case _:
                continue
        # What is in a folder of images is looked at when it is read.
        there = known.version if known is not None else VERSION if is_folder(name) else None
        if version != there:
            raise _refuse(f"it was made for {name} version {version}, which is not read here")


def _published_name(name: str) -> str:
    """Without the size that images of ImageNet are scaled to."""
    return IMAGENET if name.startswith(f"{IMAGENET}-") else name


def _check_keys(plan: Plan) -> None:
    for key, graph in plan.graphs.items():
        if graph_key(graph) != key:
            raise _refuse(f"network {key} was changed by hand")
    for stage in plan.stages:
        inputs = {role: plan.stages[place].key for role, place in stage.inputs.items()}
        if stage_key(stage, inputs) != (stage.key, stage.run):
            raise _refuse(f"stage {stage.label!r} was changed by hand")


def _stage_document(stage: Stage) -> dict[str, Any]:
    document = asdict(stage)
    document["work"]["kind"] = stage.kind
    if isinstance(stage.work, Train):
        name = type(stage.work.recipe.optimizer).__name__.lower()
        document["work"]["recipe"]["optimizer"]["name"] = name
    return document


def _points_document(plan: Plan) -> dict[str, Any]:
    if not plan.is_sweep:
        return {"prunable": plan.prunable, **({"data": plan.data} if plan.data else {})}
    return {"points": [asdict(point) for point in plan.points], "data": plan.data}


def _row_document(row: Outcome | Measurement) -> dict[str, Any]:
    return {key: value for key, value in asdict(row).items() if key != "point" or value}


def _read_points(document: Mapping[str, Any]) -> tuple[Point, ...]:
    if "points" not in document:
        graph = next(iter(document["graphs"]), "")
        return (Point(graph=graph, prunable=int(document["prunable"])),)
    points = tuple(Point(**entry) for entry in document["points"])
    numbers = [point.number for point in points]
    if numbers != [0] and numbers != list(range(1, len(points) + 1)):
        raise _refuse(f"its points have the numbers {numbers[:5]}")
    return points


def _read_stage(entry: Mapping[str, Any]) -> Stage:
    return Stage(**{**entry, "work": _read_work(dict(entry["work"]))})


def _read_work(entry: dict[str, Any]) -> Work:
    kind = _KINDS[entry.pop("kind")]
    if kind is Train:
        recipe = dict(entry["recipe"])
        optimizer = dict(recipe["optimizer"])
        schedule = dict(recipe["schedule"])
        schedule["drops"] = tuple(schedule["drops"])
        recipe["optimizer"] = _OPTIMIZERS[optimizer.pop("name")](**optimizer)
        recipe["schedule"] = Schedule(**schedule)
        _read_parts(recipe)
        entry["recipe"] = Recipe(**recipe)
        if entry.get("masks") is not None:
            entry["masks"] = _read_mask_schedule(dict(entry["masks"]))
    if kind in (Prune, Remask):
        entry["tensors"], entry["keep"] = tuple(entry["tensors"]), tuple(entry["keep"])
    if kind is Prune:
        entry["only"] = tuple(tuple(group) for group in entry.get("only", ()))
    if kind is Combine:
        entry["tensors"] = tuple(entry["tensors"])
    if kind is Remask:
        entry["only"] = tuple(entry.get("only", ()))
    if kind in (Transfer, Mapmask, Adopt):
        entry["tensors"] = tuple((target, origin) for target, origin in entry["tensors"])
    if kind is Mapmask:
        entry["dense"], entry["keep"] = tuple(entry["dense"]), tuple(entry["keep"])
    if kind is Compare:
        entry["tensors"] = tuple(entry["tensors"])
        entry["percentiles"] = tuple(entry["percentiles"])
    if kind is Prune and entry.get("sample") is not None:
        entry["sample"] = _read_sample(dict(entry["sample"]))
    if kind in (Evaluate, Line, Contrast) and entry.get("alteration") is not None:
        entry["alteration"] = Alteration(**entry["alteration"])
    if kind is Line and entry.get("recalibration") is not None:
        recalibration = dict(entry["recalibration"])
        _read_parts(recalibration)
        entry["recalibration"] = Recalibration(**recalibration)
    return kind(**entry)


def _read_parts(entry: dict[str, Any]) -> None:
    """How images are moved and a data set altered, where it is."""
    for part, made_of in (("augment", Augment), ("alteration", Alteration)):
        if entry.get(part) is not None:  # not there in a file of an earlier ltspec
            entry[part] = made_of(**entry[part])


def _read_measurement(entry: Mapping[str, Any]) -> Measurement:
    read = {name: tuple(entry[name]) for name in ("copies", "metrics")}
    sides = tuple(Side(**side) for side in entry["sides"])
    return Measurement(**{**entry, **read, "sides": sides})


def _read_mask_schedule(entry: dict[str, Any]) -> MaskSchedule:
    for counts in ("tensors", "keep", "initial"):
        entry[counts] = tuple(entry[counts])
    return MaskSchedule(**entry)


def _read_sample(entry: dict[str, Any]) -> Sample:
    if entry["alteration"] is not None:
        entry["alteration"] = Alteration(**entry["alteration"])
    return Sample(**entry)
