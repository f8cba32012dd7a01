"""Takes the summary of a run; gives a plot of accuracy over density, of errors along lines, or of
distances between levels."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ltspec.plan.replicates import DENSE, TICKET
from ltspec.plan.stages import Plan, Point
from ltspec.results.compared import Matrix
from ltspec.results.paired import Curve
from ltspec.results.table import Line

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

MARKERS = "osD^vP*X"
STYLES = ("-", "--", "-.", ":")
"""Of curves, of which :func:`look` takes its own."""
MOST_WITHIN = 7
"""Curves whose names find room within the axes."""


class Look(NamedTuple):
    """How a curve is drawn."""

    colour: str
    marker: str
    style: str


def look(number: int, other: int = 0, others: int = 1) -> Look:
    """That of a curve: a colour for each ``number``, and a marker for each ``other`` of so many.

    There are ten colours and eight markers. Where either begins anew, the next marker or line style
    tells curves apart: no two of 320 look alike.
    """
    rest = number // 10 * others + other
    marker, style = MARKERS[rest % len(MARKERS)], STYLES[rest // len(MARKERS) % len(STYLES)]
    return Look(f"C{number % 10}", marker, style)


def plot_accuracy(
    lines: Sequence[Line], split: str, title: str, target: Path, points: Sequence[Point] = ()
) -> None:
    """Mean accuracy (%) with bars from the lowest to the highest replicate, one curve a branch.

    Of a sweep there is a curve for each of the ``points`` and branches: a colour a point, and a
    marker, or a marker and a line style, a branch. A point that is not measured on ``split`` has
    none. Density falls from left to right on a logarithmic axis, which is marked at the levels of
    the ticket, and at other lines' where there is room. The format is that of the suffix (.png,
    .svg, .pdf). Raises ValueError for a suffix that matplotlib does not write.
    """
    import matplotlib  # slow to import, and only needed here

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import FuncFormatter, NullFormatter

    figure, axes = pyplot.subplots(figsize=(7.2, 4.4), layout="constrained")
    lines = [line for line in lines if split in line.accuracy]
    places = list(dict.fromkeys(line.point for line in lines))
    branches = list(dict.fromkeys(map(_drawn_as, lines)))
    curves = dict.fromkeys((line.point, _drawn_as(line)) for line in lines)
    for point, branch in curves:
        curve = [line for line in lines if (line.point, _drawn_as(line)) == (point, branch)]
        swept = len(places) > 1
        number, other = branches.index(branch), 0
        if swept:
            number, other = places.index(point), number
        drawn = look(number, other, len(branches) if swept else 1)
        if branch == TICKET and curve[0].level == 0:
            dense = 100 * curve[0].accuracy[split].mean
            colour = drawn.colour if swept else "0.6"
            axes.axhline(dense, color=colour, linewidth=1, linestyle="--", zorder=0)
        if branch == TICKET and curve[0].level == 0 and not swept:
            axes.annotate(
                "dense",
                (1, dense),
                xycoords=("axes fraction", "data"),
                xytext=(-4, 3),
                textcoords="offset points",
                ha="right",
                color="0.4",
            )
        middle = [100 * line.accuracy[split].mean for line in curve]
        bars = [
            [100 * (line.accuracy[split].mean - line.accuracy[split].low) for line in curve],
            [100 * (line.accuracy[split].high - line.accuracy[split].mean) for line in curve],
        ]
        axes.errorbar(
            [100 * line.density for line in curve],
            middle,
            yerr=bars,
            label=_named(branch, point, points, alone=len(branches) == 1),
            color=drawn.colour,
            marker=drawn.marker,
            linestyle=drawn.style,
            markersize=3.5,
            linewidth=1.5,
            capsize=2.5,
        )
    axes.set_xscale("log")
    axes.invert_xaxis()
    axes.set_xticks(_marked(lines, figure.get_figwidth() - 0.8))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _number(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("weights remaining (%)")
    axes.set_ylabel(f"{split} accuracy (%)")
    count = max(line.replicates for line in lines)
    axes.set_title(
        f"{title}: mean of {count} replicates, bars from lowest to highest" if count > 1 else title,
        fontsize=10,
    )
    axes.grid(alpha=0.25)
    if len(curves) <= MOST_WITHIN:
        axes.legend(frameon=False)
    else:  # which would cover the curves
        figure.set_figwidth(10)
        _name_beside(figure, *axes.get_legend_handles_labels())
    _save(figure, target)


def _name_beside(figure: Figure, curves: Sequence[Any], names: Sequence[str]) -> None:
    """Put the names of curves beside the axes, in a figure that is as high as they need."""
    figure.set_figheight(max(figure.get_figheight(), 0.3 + 0.155 * len(names)))
    figure.legend(
        curves, names, frameon=False, fontsize=7, handlelength=4, loc="outside right upper"
    )


def _drawn_as(line: Line) -> str:
    """Whose curve it is on: the ticket's begins with the dense network."""
    return TICKET if line.branch == DENSE else line.branch


def _marked(lines: Sequence[Line], inches: float) -> list[float]:
    """Densities (%) at which an axis so long is marked, from the highest to the lowest: those of
    the ticket, then those of the most lines, as long as no two numbers meet."""
    lines = [line for line in lines if line.density > 0]
    shares = Counter(100 * line.density for line in lines)
    ticket = {100 * line.density for line in lines if _drawn_as(line) == TICKET}
    others = [share for share, _ in shares.most_common()]
    span = math.log(max(shares) / min(shares)) if shares else 0
    letters = inches / 1.1 / 0.09  # of ten points; a twentieth of the axis is free at both ends
    found: list[float] = []
    for share in dict.fromkeys([*sorted(ticket, reverse=True), *others]):
        if all(
            letters * abs(math.log(share / other)) / span
            >= (len(_number(share)) + len(_number(other))) / 2 + 1
            for other in found
        ):
            found.append(share)
    return sorted(found, reverse=True)


def _number(share: float) -> str:
    """A density (%) on an axis."""
    return f"{share:.3g}"


def _named(name: str, point: int, points: Sequence[Point], *, alone: bool) -> str:
    """A curve's name with the label of its point; the label only where there is one name."""
    label = next((each.label for each in points if each.number == point), "")
    if not label:
        return name
    return label if alone else f"{name}, {label}"


def plot_lines(
    found: Sequence[Curve],
    title: str,
    target: Path,
    points: Sequence[Point] = (),
) -> None:
    """Mean error (%) along the lines, banded from the lowest to the highest pair, one panel a split
    (Frankle et al. 2020, Fig. 2; Maene et al. 2021, Fig. 8).

    Of a sweep, each curve has the label of its point among ``points``. The format is that of the
    suffix (.png, .svg, .pdf). Raises ValueError for a suffix that matplotlib does not write.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    splits = list(dict.fromkeys(line.split for line in found))
    figure, panels = pyplot.subplots(
        1,
        len(splits),
        figsize=(5.4 * len(splits) + 0.6, 4.2),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    names: dict[tuple[str, int], Artist] = {}  # a curve looks the same in every panel
    for axes, split in zip(panels[0], splits, strict=True):
        met: Counter[str] = Counter()
        for line in (line for line in found if line.split == split):
            label = _named(line.label, line.point, points, alone=False)
            met[label] += 1  # curves of two entries of `measure` may have one name
            place = list(names).index(key) if (key := (label, met[label])) in names else len(names)
            colour, style = f"C{place % 10}", STYLES[place // 10 % len(STYLES)]
            (curve,) = axes.plot(
                line.alpha,
                [100 * one.mean for one in line.error],
                label=label,
                color=colour,
                linestyle=style,
            )
            names.setdefault(key, curve)
            low, high = ([100 * getattr(one, end) for one in line.error] for end in ("low", "high"))
            axes.fill_between(line.alpha, low, high, color=curve.get_color(), alpha=0.2, lw=0)
        if any(min(line.alpha) < 0 for line in found if line.split == split):
            for end in (0, 1):
                axes.axvline(end, color="0.6", linewidth=1, linestyle="--", zorder=0)
        axes.set_xlabel("from the one network (0) to the other (1)")
        axes.set_ylabel(f"{split} error (%)")
        axes.grid(alpha=0.25)
    if len(names) <= MOST_WITHIN:
        for axes in panels[0]:
            axes.legend(frameon=False, fontsize=8)
    else:  # once for all panels
        figure.set_figwidth(figure.get_figwidth() + 2.8)
        _name_beside(figure, list(names.values()), [label for label, _ in names])
    # After all panels are drawn: they share the axis, and a limit holds what it finds.
    panels[0][0].set_ylim(bottom=0)
    figure.suptitle(f"{title}: mean over pairs, bands from lowest to highest", fontsize=10)
    _save(figure, target)


_UNITS = {"l2": "L2", "angle": "angle (degrees)", "cosine": "cosine", "angular": "2 angle / pi"}


def plot_distances(found: Sequence[Matrix], plan: Plan, target: Path) -> None:
    """Distances between the solutions of all levels as a heat map, one panel a line and metric; one
    scale for each metric (Maene et al. 2021, Fig. 4).

    Levels are named by their share of remaining weights (%), so ``plan`` is
    :func:`ltspec.results.table.counted`. The format is that of the suffix
    (.png, .svg, .pdf). Raises ValueError for a suffix that matplotlib does not write.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shares = {
        (one.point, one.branch, one.level): 100 * plan.density(one, one.point)
        for one in plan.outcomes
    }
    size = max(3.4, 1.4 + 0.28 * max(len(one.networks) for one in found))
    figure, panels = pyplot.subplots(
        1,
        len(found),
        figsize=(size * len(found) + 0.4, size + 0.6),
        squeeze=False,
        layout="constrained",
    )
    for axes, one in zip(panels[0], found, strict=True):
        numbers = [
            [float("nan") if value is None else value for value in row] for row in one.values
        ]
        same = [
            value
            for other in found
            if other.metric == one.metric
            for row in other.values
            for value in row
            if value is not None
        ]
        picture = axes.imshow(numbers, vmin=min(0.0, *same), vmax=max(same), cmap="viridis")
        names = [
            name
            if isinstance(name, str)
            else f"{shares[one.point, one.branch if name else DENSE, name]:.3g}"
            for name in one.networks
        ]
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
        axes.set_yticks(range(len(names)), names, fontsize=7)
        axes.set_xlabel("weights remaining (%)")
        point = f"{plan.point(one.point).label}\n" if plan.is_sweep else ""
        axes.set_title(f"{point}{one.branch}: {_UNITS[one.metric]}", fontsize=9)
        figure.colorbar(picture, ax=axes, shrink=0.8)
    count = len(plan.replicates)
    title = f"{plan.name}: mean of {count} replicates" if count > 1 else plan.name
    figure.suptitle(title, fontsize=10)
    _save(figure, target)


def as_svg(draw: Callable[[Path], None]) -> str:
    """What ``draw`` draws into the file that it is given, as the text of an SVG file.

    Text stays text, and no ``$`` in it begins a formula. Equal plots are equal bytes.
    """
    import matplotlib

    with (
        matplotlib.rc_context(
            {"svg.hashsalt": "ltspec", "svg.fonttype": "none", "text.parse_math": False}
        ),
        tempfile.TemporaryDirectory() as folder,
    ):
        target = Path(folder) / "plot.svg"
        draw(target)
        return target.read_text(encoding="utf-8")


def _save(figure: Figure, target: Path) -> None:
    """Write a figure, without the time of day where the format would have it."""
    from matplotlib import pyplot

    target.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"Date": None} if target.suffix == ".svg" else None
    figure.savefig(target, dpi=150, metadata=metadata)
    pyplot.close(figure)
