"""Takes a plan, a store and tables; gives the Page: everything that there is to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltspec.engine.store import Realm
from ltspec.plan.stages import Plan
from ltspec.results import maps
from ltspec.results.page import figures, origins
from ltspec.results.page.carriages import Carriage, CarriedLine, carriages, itself
from ltspec.results.page.content import Column, MapPicture, Page, Part, Sheet, Written
from ltspec.results.page.drawing import draw
from ltspec.results.run_folder import networks
from ltspec.results.table import mean, rows

Facts = Mapping[int, Mapping[str, Any]]
WARNING = "warning: "
"""What a sentence begins with that has to be seen first."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the command line knows of a run: its words and its tables."""

    commands: Sequence[str]
    written: str
    """The spec's text; empty for a plan file."""
    others: Sequence[Written]
    """The specs whose tickets it carries."""
    overrides: Sequence[str]
    resolved: str
    meaning: Sequence[str]
    listing: str
    results: Sequence[Part]
    answers: Sequence[Part]
    measured: Sequence[Part]


def gather(plan: Plan, realm: Realm, facts: Facts, told: Told, folder: Path, target: Path) -> Page:
    """The page of one realm. ``facts``: by place of the stage, ``folder``: that of the run,
    ``target``: where the page will lie."""
    found = rows(plan, facts)
    data, noticed = origins.data(plan, realm.store)
    headings, tickets = origins.tickets(plan, folder, target)
    warned = [part for part in told.results if isinstance(part, str) and part.startswith(WARNING)]
    return Page(
        name=plan.name,
        about=" ".join(str(plan.spec.get("about", "")).split()),
        realm=realm.name,
        networks=networks(plan),
        done=len(found),
        asked=len(plan.outcomes),
        missing=_missing(plan, facts),
        warnings=[*(each.removeprefix(WARNING) for each in warned), *noticed],
        commands=told.commands,
        written=told.written,
        others=told.others,
        overrides=told.overrides,
        resolved=told.resolved,
        meaning=told.meaning,
        stages=origins.stages(plan, realm),
        listing=told.listing,
        where=origins.machines(plan, realm, folder),
        data=data,
        results=[part for part in told.results if part not in warned] if found else [],
        answers=told.answers,
        measured=told.measured,
        accuracy=figures.of_accuracy(plan, found) if found else [],
        lines=figures.of_measures(plan, facts),
        maps=[_picture(plan, carriage) for carriage in carriages(plan, facts)],
        itself=[_line(plan, point, name) for point, name in itself(plan)],
        ticket_headings=headings,
        tickets=tickets,
    )


def _missing(plan: Plan, facts: Facts) -> list[str]:
    """A sentence for each kind of measurement that is not whole."""
    asked: dict[str, list[int]] = {}
    for measurement in plan.measurements:
        asked.setdefault(measurement.measure, []).append(measurement.stage)
    return [
        f"{sum(place in facts for place in places):,} of {len(places):,} figures of {kind} are done"
        for kind, places in asked.items()
        if any(place not in facts for place in places)
    ]


def _picture(plan: Plan, carriage: Carriage) -> MapPicture:
    about = [f"{line.name}: weights {line.weights}, mask {line.mask}" for line in carriage.lines]
    return MapPicture(
        title=_line(plan, carriage.point, carriage.lines[0].name),
        about=about,
        drawing=draw(carriage),
        text="\n".join(maps.picture(carriage.carried)),
        sheets=[_densities(carriage, line) for line in carriage.lines if line.kept],
    )


def _line(plan: Plan, point: int, name: str) -> str:
    """A line's name, with what is set at its point of a sweep."""
    return f"{name} ({plan.point(point).label})" if plan.is_sweep else name


def _densities(carriage: Carriage, line: CarriedLine) -> Sheet:
    """Which share of each layer the tickets of a line keep, at each of its levels."""
    origin = carriage.assignment.tensors
    columns = [Column("layer"), Column("from"), Column("weights", "count", is_number=True)]
    columns += [
        Column(f"level {level}", "% of the layer's weights kept", is_number=True)
        for level in line.kept
    ]
    body = []
    for parameter in carriage.graph.prunable:
        cells = [parameter.name, origin.get(parameter.name, "-"), f"{parameter.size:,}"]
        for kept in line.kept.values():
            cells.append(_share(kept.get(parameter.name), parameter.size))
        body.append(cells)
    return Sheet(f"Density by layer: {line.name}", columns, body)


def _share(counts: Sequence[int] | None, size: int) -> str:
    if counts is None:
        return "dense"
    shares = [count / size for count in counts]
    low, high = min(shares), max(shares)
    text = f"{mean(shares):.2%}"
    return text if low == high else f"{text} ({100 * low:.2f}-{100 * high:.2f})"
