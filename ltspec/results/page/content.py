"""Takes nothing; gives what a page is made of, as plain data: sheets, figures, and the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ltspec.results.page.drawing import Drawing


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a sheet."""

    heading: str
    unit: str = ""
    """Of its figures; empty for words."""
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as it is read: every cell is text."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]


Part = Sheet | str
"""A table, or a sentence about those around it."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot."""

    svg: str
    """An ``svg`` element whose ids are found nowhere else in the page."""
    caption: str


@dataclass(frozen=True, slots=True)
class MapPicture:
    """Which block goes where in a transfer."""

    title: str
    about: Sequence[str]
    """Sentences: from what to what, and the lines that are carried so."""
    drawing: Drawing
    text: str
    """The picture in text."""
    sheets: Sequence[Sheet]
    """How dense each layer became, a sheet a line."""


@dataclass(frozen=True, slots=True)
class TicketFile:
    """A ticket of the plan, as a file."""

    place: str
    """Behind the folder of the run."""
    href: str
    """The way there from the page; empty where the page lies elsewhere."""
    cells: Sequence[str]
    """Of which point of a sweep, replicate, line and level it is."""
    content: str
    """Hash of network, mask, weights and statistics; or why there is none."""
    there: bool


@dataclass(frozen=True, slots=True)
class Written:
    """A spec as its author wrote it."""

    file: str
    """As the spec that names it calls it."""
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that a page shows. Empty parts are left out of it."""

    name: str
    about: str
    realm: str
    """Backend and precision."""
    networks: Sequence[str]
    """Which ones it is about, for programs: see :mod:`ltspec.results.run_folder`."""
    done: int
    """Networks in the table."""
    asked: int
    """Networks that the plan has."""
    missing: Sequence[str]
    """What else is not there yet."""
    warnings: Sequence[str]
    commands: Sequence[str]
    """What makes the results and the page."""
    written: str
    """The spec as its author wrote it; empty where the plan came from a plan file."""
    others: Sequence[Written]
    """The specs whose tickets it carries, unless the plan came from a plan file."""
    overrides: Sequence[str]
    """Values of the spec that were set on the command line."""
    resolved: str
    """The spec with every default filled in."""
    meaning: Sequence[str]
    """The plan in a few sentences."""
    stages: Sheet
    """Its stages by kind."""
    listing: str
    """Its stages one by one."""
    where: Sequence[Part]
    data: Sequence[Part]
    results: Sequence[Part]
    answers: Sequence[Part]
    measured: Sequence[Part]
    accuracy: Sequence[Figure] = ()
    lines: Sequence[Figure] = ()
    maps: Sequence[MapPicture] = ()
    itself: Sequence[str] = ()
    """Lines that carry tickets to their own network, where they are what they were."""
    ticket_headings: Sequence[str] = ()
    tickets: Sequence[TicketFile] = field(default=())
