"""Takes the summary of a run; gives a plot of accuracy over density, of errors along lines, or of
distances between levels."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ltspec.plan.replicates import DENSE, TICKET
from ltspec.plan.stages import Plan, Point
from ltspec.results.compared import Matrix
from ltspec.results.labels import of_points
from ltspec.results.paired import Curve
from ltspec.results.table import Line

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Drawn = TypeVar("Drawn")
At = tuple[int, ...]
"""Numbers of the points that something is of."""

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
    """Mean accuracy (%) with bars from the lowest to the highest replicate, one curve a branch, and
    that of the dense network along the whole axis.

    Of a sweep there is a curve for each of the ``points`` and branches: a colour a point, and a
    marker, or a marker and a line style, a branch. What is the same at several points is drawn
    once, in a colour of its own. A point that is not measured on ``split`` has none. Density falls
    from left to right on a logarithmic axis, which is marked at the levels of the ticket, and at
    other lines' where there is room. The format is that of the suffix (.png, .svg, .pdf). Raises
    ValueError for a suffix that matplotlib does not write.
    """
    import matplotlib  # slow to import, and only needed here

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import FuncFormatter, NullFormatter

    figure, axes = pyplot.subplots(figsize=(7.2, 4.4), layout="constrained")
    lines = [line for line in lines if split in line.accuracy]
    branches = list(dict.fromkeys(map(_drawn_as, lines)))
    curves = _curves(lines, split)
    dense = _once(
        (100 * line.accuracy[split].mean, line.point, line) for line in lines if _is_dense(line)
    )
    places = list(dict.fromkeys(at for _, at in (*curves, *dense)))
    for line, at in dense:
        axes.axhline(
            100 * line.accuracy[split].mean,
            label=_named(DENSE, at, points),
            color="0.6" if len(dense) == 1 else look(places.index(at)).colour,
            linewidth=1,
            linestyle="--",
            zorder=0,
        )
    swept = len(dict.fromkeys(at for _, at in curves)) > 1
    for curve, at in curves:
        branch = _drawn_as(curve[0])
        number, other = branches.index(branch), 0
        if swept:
            number, other = places.index(at), number
        drawn = look(number, other, len(branches) if swept else 1)
        shown = [line.accuracy[split] for line in curve]
        axes.errorbar(
            [100 * line.density for line in curve],
            [100 * one.mean for one in shown],
            yerr=[
                [100 * (one.mean - one.low) for one in shown],
                [100 * (one.high - one.mean) for one in shown],
            ],
            label=_named(branch, at, points, alone=len(branches) == 1),
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
    axes.grid(alpha=0.25)
    if len(curves) + len(dense) <= MOST_WITHIN:
        axes.legend(frameon=False)
    else:  # which would cover the curves
        _name_beside(figure, axes, *axes.get_legend_handles_labels())
    count = max(line.replicates for line in lines)
    means = f"mean of {count} replicates, bars from lowest to highest" if count > 1 else ""
    _entitle(figure, title, means)
    _save(figure, target)


def _name_beside(figure: Figure, axes: Axes, curves: Sequence[Any], names: Sequence[str]) -> None:
    """Put the names of curves to the right of the axes, from their upper edge on, so that a title
    stays clear of them; the figure grows by the room that they need."""
    figure.set_figheight(max(figure.get_figheight(), 1 + 0.155 * len(names)))
    legend = axes.legend(
        curves,
        names,
        frameon=False,
        fontsize=7,
        handlelength=4,
        loc="upper left",
        bbox_to_anchor=(1, 1),
    )
    figure.set_figwidth(figure.get_figwidth() + legend.get_window_extent().width / figure.dpi)


def _entitle(figure: Figure, name: str, shown: str) -> None:
    """Name a figure that is as wide as it will be, on two lines where one is too long."""
    words = [name, shown] if shown else [name]
    title = figure.suptitle(": ".join(words), fontsize=10)
    if title.get_window_extent().width > figure.bbox.width:
        title.set_text(":\n".join(words))


def _drawn_as(line: Line) -> str:
    """Whose curve it is on: the ticket's begins with the dense network."""
    return TICKET if _is_dense(line) else line.branch


def _is_dense(line: Line) -> bool:
    return line.branch == DENSE


def _once(found: Iterable[tuple[Hashable, int, Drawn]]) -> list[tuple[Drawn, At]]:
    """What is drawn, once where it is the same, and the points that it is of. ``found``: what has
    to be equal, the number of the point, and what is drawn."""
    alike: dict[Hashable, tuple[Drawn, dict[int, None]]] = {}
    for same, point, drawn in found:
        _, at = alike.setdefault(same, (drawn, {}))
        at[point] = None
    return [(drawn, tuple(at)) for drawn, at in alike.values()]


def _curves(lines: Sequence[Line], split: str) -> list[tuple[list[Line], At]]:
    """The lines of each curve."""
    found: dict[tuple[int, str], list[Line]] = {}
    for line in lines:
        found.setdefault((line.point, _drawn_as(line)), []).append(line)
    return _once(
        ((branch, *((line.density, line.accuracy[split]) for line in curve)), point, curve)
        for (point, branch), curve in found.items()
    )


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


def _named(name: str, at: At, points: Sequence[Point], *, alone: bool = False) -> str:
    """A curve's name with the label of its points; the label only where there is one name."""
    here = [each.columns for each in points if each.number in at]
    label = of_points(here, [each.columns for each in points]) if here else ""
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

    Of a sweep, each curve has the label of its point among ``points``, and one that is the same at
    several is drawn once, with the label of these. The format is that of the suffix (.png, .svg,
    .pdf). Raises ValueError for a suffix that matplotlib does not write.
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
        for line, at in _once(
            ((one.label, *one.alpha, *one.error), one.point, one)
            for one in found
            if one.split == split
        ):
            label = _named(line.label, at, points)
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
        _name_beside(figure, panels[0][-1], list(names.values()), [label for label, _ in names])
    # After all panels are drawn: they share the axis, and a limit holds what it finds.
    panels[0][0].set_ylim(bottom=0)
    _entitle(figure, title, "mean over pairs, bands from lowest to highest")
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
