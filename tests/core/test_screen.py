"""What a person sees: tables that lose no digit, and pictures that lose no curve."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table
from specs import plan_of

from ltspec.cli.compare_tables import figure_text, print_compared
from ltspec.cli.main import _run, cli
from ltspec.cli.tables import print_table
from ltspec.plan.stages import Point
from ltspec.results import rows
from ltspec.results.paired import Curve
from ltspec.results.plots import MARKERS, plot_accuracy, plot_lines
from ltspec.results.table import Line, spread


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


@pytest.mark.parametrize(
    ("value", "three", "four"),
    [
        (0.039, "0.0390", "0.03900"),
        (-0.1, "-0.100", "-0.1000"),
        (0.00038126, "0.000381", "0.0003813"),
        (1.0, "1.00", "1.000"),
        (0.0, "0.00", "0.000"),
        (100.0, "100", "100.0"),
        (999.6, "1,000", "999.6"),
        (1088.4, "1,088", "1,088"),
        (123456.7, "123,457", "123,457"),
    ],
)
def test_figures_keep_their_trailing_zeros(value: float, three: str, four: str) -> None:
    """In a column of figures of about one size, then, points stand beneath each other."""
    assert (figure_text(value), figure_text(value, 4)) == (three, four)


def test_a_table_keeps_trailing_zeros_and_whole_counts() -> None:
    plan = plan_of("measure=[{kind: weights, percentiles: [50]}, {kind: distance}]")
    of = {"point": 0, "entry": 0, "replicate": 1, "branch": "dense", "tensor": "all"}
    moments = {"mean": 0.0, "deviation": 0.25, "lowest": -1.0, "highest": 1.0}
    row = {**of, "level": 0, "density": 1.0, "weights": 63, **moments, "p50": -0.1}
    weights = rows.Table("weights", ("weights", *moments, "p50"), [row], 0, 1)
    row = {**of, "branch": "ticket", "first": 0, "second": 1, "coordinates": 63, "l2": 0.088}
    distance = rows.Table("distance", ("coordinates", "l2"), [row], 0, 1)
    text = io.StringIO()
    for table in (weights, distance):
        print_compared(Console(file=text, width=100), plan, table)
    shown = [line.split() for line in text.getvalue().splitlines()]
    assert ["dense", "1", "63", "0.250", "-0.100"] in shown
    assert ["ticket", "1", "l2", "0.08800", "0.08800", "-"] in shown


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


def accuracy(branch: str, point: int, density: float = 0.5, share: float = 0.9) -> Line:
    scores = {"test": spread([share])}
    level = 0 if branch == "dense" else 1
    return Line(branch, level, density, 10, 1, scores, scores, point=point)


def figure_of(monkeypatch: pytest.MonkeyPatch, draw: Callable[[], None]) -> Any:
    from matplotlib import pyplot

    drawn: list[Any] = []
    with monkeypatch.context() as patched:
        patched.setattr(pyplot, "close", drawn.append)
        draw()
    (figure,) = drawn
    pyplot.close(figure)
    return figure


@pytest.mark.parametrize(("branches", "points"), [(13, 3), (13, 1), (3, 13), (25, 1)])
def test_no_two_curves_look_alike(
    branches: int, points: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["ticket", *(f"branch-{number}" for number in range(branches - 1))]
    places = [
        Point(n + 1, {"seeds.init": n}, {"seeds.init": n})
        for n in range(points if points > 1 else 0)
    ]
    lines = [
        accuracy(name, place, share=0.9 - 0.01 * place)
        for place in range(1, points + 1)
        for name in ("dense", *names)
    ]
    figure = figure_of(
        monkeypatch, lambda: plot_accuracy(lines, "test", "x", tmp_path / "x.svg", places)
    )
    drawn = [one[0] for one in figure.axes[0].containers]
    looks = {(one.get_color(), one.get_marker(), one.get_linestyle()) for one in drawn}
    assert len(drawn) == len(looks) == branches * points
    if points == 3:  # a colour a point, a marker a branch as long as there are any
        assert len({one.get_color() for one in drawn}) == 3
        assert len({one.get_marker() for one in drawn}) == len(MARKERS)


@pytest.mark.parametrize(
    ("branches", "marks"),
    [
        ({"other": [31]}, [100, 80, 31]),
        # As sparse as the ticket, nearly; and of those that lie close the one of more lines.
        ({"a": [79.9, 10, 2], "b": [11, 2.2], "c": [11]}, [100, 80, 11, 2]),
        ({"dead": [0]}, [100, 80]),
    ],
)
def test_the_axis_is_marked_at_the_levels_of_all_lines(
    branches: dict[str, list[float]],
    marks: list[float],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = [accuracy("dense", 0, 1.0), accuracy("ticket", 0, 0.8)]
    lines += [accuracy(name, 0, share / 100) for name in branches for share in branches[name]]
    figure = figure_of(monkeypatch, lambda: plot_accuracy(lines, "test", "x", tmp_path / "x.svg"))
    assert figure.axes[0].get_xticks() == pytest.approx(marks)


@pytest.mark.parametrize("share", [0.99, 0.8, 0.5, 0.05])
def test_no_two_numbers_on_the_axis_meet(
    share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [accuracy("dense", 0, 1.0)]
    for name, start in (("ticket", 1), ("union", share**-0.4), ("rest", share**0.3)):
        lines += [accuracy(name, 0, share**level * start) for level in range(1, 25)]
    figure = figure_of(monkeypatch, lambda: plot_accuracy(lines, "test", "x", tmp_path / "x.svg"))
    figure.canvas.draw()
    boxes = [each.get_window_extent() for each in figure.axes[0].get_xticklabels()]
    assert 5 < len(boxes) < 20
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))
    # Nowhere would another four numbers have found room.
    widest = max(other.x0 - one.x1 for one, other in pairwise(boxes))
    assert widest < 5 * max(box.width for box in boxes)


RATES = [Point(n, {"lr": rate}, {"lr": rate}) for n, rate in ((1, 0.1), (2, 0.2), (3, 0.3))]


def names_of(figure: Any) -> list[str]:
    """In the legend."""
    return [text.get_text() for text in figure.axes[-1].get_legend().get_texts()]


def test_the_dense_network_of_all_points_is_drawn_once_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        line
        for point in (1, 2, 3)
        for line in (accuracy("dense", point, 1.0), accuracy("ticket", point, share=0.2 * point))
    ]
    figure = figure_of(
        monkeypatch, lambda: plot_accuracy(lines, "test", "x", tmp_path / "x.svg", RATES)
    )
    assert names_of(figure) == ["dense", "lr=0.1", "lr=0.2", "lr=0.3"]
    dashed = [one for one in figure.axes[0].lines if one.get_label() == "dense"]
    assert [(one.get_color(), list(one.get_ydata())) for one in dashed] == [("0.6", [90, 90])]
    across = [one for one in figure.axes[0].lines if one.get_linestyle() == "--"]
    assert across == dashed
    assert not figure.axes[0].texts  # no name lies on the data


def test_dense_networks_of_points_have_their_colours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = {1: 0.9, 2: 0.8, 3: 0.8}
    lines = [
        line
        for point, share in shares.items()
        for line in (
            accuracy("dense", point, 1.0, share),
            accuracy("ticket", point, share=share - 0.1),
            accuracy("x", point, share=share - 0.01 * point),
        )
    ]
    figure = figure_of(
        monkeypatch, lambda: plot_accuracy(lines, "test", "x", tmp_path / "x.svg", RATES)
    )
    assert names_of(figure) == [
        "dense, lr=0.1",
        "dense, lr=0.2; lr=0.3",
        "ticket, lr=0.1",
        "x, lr=0.1",
        "ticket, lr=0.2; lr=0.3",
        "x, lr=0.2",
        "x, lr=0.3",
    ]
    colours = {one.get_label(): one.get_color() for one in figure.axes[0].lines}
    colours |= {one.get_label(): one[0].get_color() for one in figure.axes[0].containers}
    assert colours["dense, lr=0.1"] == colours["ticket, lr=0.1"] == colours["x, lr=0.1"]
    assert colours["dense, lr=0.2; lr=0.3"] == colours["ticket, lr=0.2; lr=0.3"]
    assert len({colours[f"x, lr={rate}"] for rate in (0.1, 0.2, 0.3)}) == 3


def test_equal_lines_of_points_are_drawn_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [
        replace(one, of={**one.of, "point": point, "step": step})
        for point in (1, 2, 3)
        for step, one in enumerate(
            (
                line("test", 0.1),
                line("test", 0.2 if point == 2 else 0.3),
                line("test", 0.1 * point),
                *([line("test", 0.5)] if point > 1 else []),
            )
        )
    ]
    figure = figure_of(monkeypatch, lambda: plot_lines(found, "x", tmp_path / "x.svg", RATES))
    (axes,) = figure.axes
    drawn = [
        (one.get_label().removeprefix("copies of dense from "), float(one.get_ydata()[0]))
        for one in axes.lines
    ]
    assert drawn == [
        ("step 0", 10),
        ("step 1, lr=0.1; lr=0.3", 30),
        ("step 2, lr=0.1", 10),
        ("step 1, lr=0.2", 20),
        ("step 2, lr=0.2", 20),
        ("step 3, lr=0.2; lr=0.3", 50),
        ("step 2, lr=0.3", pytest.approx(30)),
    ]
    assert len(axes.collections) == len(drawn)  # bands
    assert len({one.get_color() for one in axes.lines}) == len(drawn)


@pytest.mark.parametrize("name", ["x", "a name " * 9])
@pytest.mark.parametrize("splits", [["test"], ["test", "train"]])
def test_a_title_stays_clear_of_the_names(
    name: str, splits: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [
        replace(line(split, 0.1), of={**line(split, 0.1).of, "step": step})
        for split in splits
        for step in range(40)
    ]
    lines = [accuracy(f"branch-{place}", 0, 0.1) for place in range(40)]
    for draw in (
        lambda: plot_lines(found, name, tmp_path / "x.svg"),
        lambda: plot_accuracy(lines, "test", name, tmp_path / "x.svg"),
    ):
        figure = figure_of(monkeypatch, draw)
        figure.canvas.draw()
        axes = figure.axes[-1]
        title, names = (each.get_window_extent() for each in (figure._suptitle, axes.get_legend()))
        panel = axes.get_window_extent()
        assert names.y1 <= title.y0
        assert panel.x1 <= names.x0
        for each in (title, names):
            assert each.x0 >= 0
            assert each.y0 >= 0
            assert each.x1 <= figure.bbox.x1
            assert each.y1 <= figure.bbox.y1
        assert panel.width > 0.7 * 5.4 * figure.dpi  # names take no room from it


def test_many_names_stand_beside_the_panels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for all panels, in which a curve looks the same."""
    found = [
        replace(line(split, 0.1), of={**line(split, 0.1).of, "step": step})
        for split, steps in (("test", range(12)), ("train", range(11, -1, -1)))
        for step in steps
    ]
    figure = figure_of(monkeypatch, lambda: plot_lines(found, "x", tmp_path / "x.svg"))
    assert [axes.get_legend() is None for axes in figure.axes] == [True, False]
    assert names_of(figure) == [f"copies of dense from step {step}" for step in range(12)]
    looks = [
        {one.get_label(): (one.get_color(), one.get_linestyle()) for one in axes.lines}
        for axes in figure.axes
    ]
    assert looks[0] == looks[1]
    assert len(set(looks[0].values())) == 12


def test_only_a_reader_that_went_away_ends_a_command_as_fine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Code that a spec names may exit too, and what it exits with is told."""

    def exits(*_: Any, **__: Any) -> None:
        raise SystemExit(3)

    monkeypatch.setattr(cli, "main", exits)
    with pytest.raises(SystemExit) as caught:
        _run(["validate", "spec.yaml"])
    assert caught.value.code == 3
