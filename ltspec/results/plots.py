"""Takes the summary of a run; gives a plot of accuracy over density, as the papers draw it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ltspec.plan.replicates import TICKET
from ltspec.results.table import Line


def plot_accuracy(lines: Sequence[Line], split: str, title: str, target: Path) -> None:
    """Mean accuracy (%) with bars from the lowest to the highest replicate, one curve a branch.

    Density falls from left to right on a logarithmic axis. The format is that of the suffix
    (.png, .svg, .pdf). Raises ValueError for a suffix that matplotlib does not write.
    """
    import matplotlib  # slow to import, and only needed here

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import FuncFormatter, NullFormatter

    figure, axes = pyplot.subplots(figsize=(7.2, 4.4), layout="constrained")
    branches = list(dict.fromkeys(line.branch for line in lines))
    for number, branch in enumerate(branches):
        curve = [line for line in lines if line.branch == branch]
        if branch == TICKET and curve[0].level == 0:
            dense = 100 * curve[0].accuracy[split].mean
            axes.axhline(dense, color="0.6", linewidth=1, linestyle="--", zorder=0)
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
            label=branch,
            color=f"C{number}",
            marker="o",
            markersize=3.5,
            linewidth=1.5,
            capsize=2.5,
        )
    axes.set_xscale("log")
    axes.invert_xaxis()
    ticks = sorted({100 * line.density for line in lines}, reverse=True)
    axes.set_xticks(ticks[:: max(1, -(-len(ticks) // 9))])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("weights remaining (%)")
    axes.set_ylabel(f"{split} accuracy (%)")
    count = max(line.replicates for line in lines)
    axes.set_title(
        f"{title}: mean of {count} replicates, bars from lowest to highest" if count > 1 else title,
        fontsize=10,
    )
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=150)
    pyplot.close(figure)
