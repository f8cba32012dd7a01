"""What a person sees: tables that lose no digit, and pictures that lose no curve."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from ltspec.cli.tables import print_table
from ltspec.results.paired import Curve
from ltspec.results.plots import plot_lines
from ltspec.results.table import spread


def test_a_narrow_screen_costs_no_digit() -> None:
    text = io.StringIO()
    table = Table()
    for name in ("network", "accuracy", "instability"):
        table.add_column(name)
    table.add_row("ticket", "95.26% (94.81-95.77)", "0.0626 (0.0566-0.0683)")
    print_table(Console(file=text, width=30), table)
    lines = text.getvalue().splitlines()
    assert any(
        "95.26% (94.81-95.77)" in line and "0.0626 (0.0566-0.0683)" in line for line in lines
    )


def line(split: str, error: float) -> Curve:
    of = {"branch": "dense", "level": 0, "step": 0, "between": "siblings", "split": split}
    return Curve({**of, "batchnorm": "interpolate"}, (0.0, 0.5, 1.0), [spread([error])] * 3)


def test_every_panel_holds_its_curves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Panels share an axis: the second one's errors may be far above the first one's."""
    from matplotlib import pyplot

    drawn = []
    monkeypatch.setattr(pyplot, "close", drawn.append)
    plot_lines([line("test", 0.1), line("train", 0.9)], "x", tmp_path / "x.png")
    (figure,) = drawn
    for axes in figure.axes:
        low, high = axes.get_ylim()
        assert low == 0
        assert high > 90
        assert axes.get_legend() is not None
    monkeypatch.undo()
    pyplot.close(figure)
