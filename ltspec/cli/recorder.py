"""Takes what is printed for the screen; gives it as sheets and sentences for a page."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console
from rich.table import Table

from ltspec.results.page.content import Column, Part, Sheet
from ltspec.results.page.units import unit_of


class Recorder(Console):
    """A console that keeps what it is given, so that a page has every table of the screen."""

    def __init__(self) -> None:
        super().__init__(file=io.StringIO(), width=200)
        self.kept: list[Part] = []

    def print(self, *objects: Any, **_: Any) -> None:
        """Keep tables and sentences, in order."""
        for each in objects:
            self.kept.append(_sheet(each) if isinstance(each, Table) else str(each).strip())


def _sheet(table: Table) -> Sheet:
    columns = []
    for column in table.columns:
        # broken for narrow screens
        heading = str(column.header).replace(".\n", ".").replace("\n", " ")
        columns.append(Column(heading, unit_of(heading) or "", column.justify == "right"))
    cells = [[str(cell) for cell in column.cells] for column in table.columns]
    return Sheet(str(table.title or ""), columns, list(zip(*cells, strict=True)))
