"""Takes a writer; gives it the stages of a network whose mask changes while it is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ltspec.decisions.dynamic.schedule import MaskSchedule
from ltspec.decisions.recipe import Recipe
from ltspec.plan import changing, recipes
from ltspec.plan.stages import Remask, Rewind, Train

if TYPE_CHECKING:
    from ltspec.plan.writer import Writer


@dataclass(frozen=True, slots=True)
class Begun:
    """Where such a network begins, and by which streams it is drawn."""

    state: int
    """The stage of the weights that it begins with."""
    recipe: Recipe
    seed: int
    draw: int
    level: int
    label: str


@dataclass(frozen=True, slots=True)
class Grown:
    """What was written, by places of stages."""

    trained: int
    """Holds the trained network and the final mask."""
    ticket: int
    """The weights that it began with under the final mask."""


def write(writer: Writer, schedule: Any, keep: tuple[int, ...], begun: Begun) -> Grown:
    """A random mask where the schedule begins with one, the training, and the ticket that it
    leaves. ``keep``: what is kept at the end, one count for each tensor or one for all."""
    place, label = begun.state, begun.label
    if schedule.name != "gradual":
        remask = Remask(
            writer.graph, "random", begun.seed, begun.draw, begun.level, writer.tensors, keep
        )
        mask = writer.add(remask, f"{label}, random mask", {})
        place = writer.add(
            Rewind(writer.graph), f"{label}, beginning", {"state": place, "mask": mask}
        )
    start, stop = writer.rewinding.start, writer.rewinding.stop
    work = Train(
        writer.graph,
        recipes.held(begun.recipe, writer.total, stop),
        start,
        stop,
        masks=mask_schedule(writer, schedule, keep, begun),
    )
    trained = writer.add(work, f"{label}, {schedule.name}", {"state": place})
    ticket = writer.add(Rewind(writer.graph), label, {"state": begun.state, "mask": trained})
    return Grown(trained, ticket)


def mask_schedule(
    writer: Writer, schedule: Any, keep: tuple[int, ...], begun: Begun
) -> MaskSchedule:
    """The schedule in steps of the recipe."""
    spec, start = writer.spec, writer.rewinding.start
    points = changing.points(spec, schedule, writer.rewinding.stop - start)
    begin, until = start + points.begin, start + points.until
    if schedule.name == "gradual":
        first = changing.initial(spec, schedule, keep)
        return MaskSchedule(
            "gradual", writer.tensors, keep, begin, until, points.every, first, schedule.power
        )
    drawn = schedule.name == "set"  # growth by gradients draws nothing: one meaning, one key
    return MaskSchedule(
        schedule.name,
        writer.tensors,
        keep,
        begin,
        until,
        points.every,
        fraction=schedule.fraction,
        decay=schedule.decay,
        seed=begun.seed if drawn else 0,
        draw=begun.draw if drawn else 0,
        level=begun.level if drawn else 0,
        end_fraction=schedule.end_fraction,
    )
