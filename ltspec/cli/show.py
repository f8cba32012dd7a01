"""Takes a spec; gives its table as far as it has run, or the spec with every default filled in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ltspec.cli import options
from ltspec.cli.load import load_plan, load_spec
from ltspec.errors import UsageError

if TYPE_CHECKING:
    from ltspec.plan.stages import Plan
    from ltspec.results.table import Row


@click.command("show")
@click.argument("spec", type=options.SPEC)
@click.option("--resolved", is_flag=True, help="Print the spec with every default filled in.")
@click.option("--map", "mapped", is_flag=True, help="Draw which block goes where in each transfer.")
@click.option("--blocks", is_flag=True, help="List the blocks of the network.")
@click.option("--backend", help="Whose results to show; all that there are when left out.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "csv", "json"]),
    default="text",
    show_default=True,
    help="How the table is written.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also draw accuracy over density: .png, .svg or .pdf.",
)
@click.option(
    "--plot-lines",
    "lines",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also draw the error along the lines that `instability` and `barrier` ask for.",
)
@click.option(
    "--plot-distance",
    "distances",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also draw the matrices that `measure: distance` asks for.",
)
@options.store
@options.overrides
def command(
    spec: Path,
    resolved: bool,
    mapped: bool,
    blocks: bool,
    backend: str | None,
    style: str,
    plot: Path | None,
    lines: Path | None,
    distances: Path | None,
    store: Path | None,
    overrides: tuple[str, ...],
) -> None:
    """Show the results of SPEC that the store holds, or SPEC itself with --resolved, its transfers
    with --map, its network with --blocks."""
    alone = {"--resolved": resolved, "--map": mapped, "--blocks": blocks}
    if asked := [name for name, given in alone.items() if given]:
        idle = {name: given and resolved for name, given in alone.items() if name != "--resolved"}
        keys = {"style": "format", "lines": "plot-lines", "distances": "plot-distance"}
        for name in ("backend", "style", "plot", "lines", "distances", "store"):
            idle[f"--{keys.get(name, name)}"] = options.is_given(name)
        options.refuse_idle(f"{asked[0]} shows the spec", idle, "call `ltspec show` once for each")
    if resolved:
        from ltspec.language.source import write

        click.echo(write(load_spec(spec, overrides).resolved()), nl=False)
        return
    if mapped or blocks:
        from ltspec.results import maps

        written = load_spec(spec, overrides)
        lines_of = [*([maps.blocks] if blocks else []), *([maps.maps] if mapped else [])]
        click.echo("\n\n".join("\n".join(made(written)) for made in lines_of))
        return
    plan, _ = load_plan(spec, overrides)

    from ltspec.cli.screen import Screen, print_results
    from ltspec.engine.runner import scores
    from ltspec.engine.store import Store
    from ltspec.results import table

    folder = options.store_folder(spec, store)
    names = sorted(entry.name for entry in folder.glob("results/*") if entry.is_dir())
    if backend is not None:
        names = [name for name in names if name.rsplit("-", 1)[0] == backend]
    opened = Store.open(folder, create=False) if names else None
    facts = {name: scores(plan, opened.realm(name)) for name in names} if opened else {}
    shown = {name: found for name in facts if (found := table.rows(plan, facts[name]))}
    if not shown:
        call = options.called("run", spec, backend, overrides, store=options.given_store(store))
        raise UsageError(
            f"{folder} holds no results of {spec}",
            code="LT309",
            hint=f"make them with `{call}`",
        )
    if (style != "text" or plot or lines or distances) and len(shown) > 1:
        raise UsageError(
            f"there are results of {', '.join(shown)}",
            code="LT309",
            hint="choose one with --backend",
        )
    for name, found in shown.items():
        if style == "text":
            click.echo(name)
            print_results(Screen(), plan, facts[name], found)
        else:
            click.echo(
                table.as_csv(plan, found) if style == "csv" else table.as_json(plan, found),
                nl=False,
            )
        if plot is not None:
            _plot(plan, found, plot)
        if lines is not None:
            _plot_lines(plan, facts[name], lines)
        if distances is not None:
            _plot_distances(plan, facts[name], distances)


def _plot(plan: Plan, found: Sequence[Row], target: Path) -> None:
    from ltspec.results.plots import plot_accuracy
    from ltspec.results.table import summary

    lines = summary(found)
    split = next(iter(lines[0].accuracy))
    _draw(lambda: plot_accuracy(lines, split, plan.name, target, plan.points), target)


def _plot_lines(plan: Plan, facts: Mapping[int, Mapping[str, Any]], target: Path) -> None:
    from ltspec.results.drawn import curves
    from ltspec.results.paired import LINES
    from ltspec.results.plots import plot_lines

    found = [curve for kind in LINES for curve in curves(plan, facts, kind)]
    if not found:
        raise UsageError(
            f"there are no lines to draw in {target}",
            code="LT309",
            hint="write `measure: [{kind: barrier}]`, for example, into the spec and run it",
        )
    _draw(lambda: plot_lines(found, plan.name, target, plan.points), target)


def _plot_distances(plan: Plan, facts: Mapping[int, Mapping[str, Any]], target: Path) -> None:
    from ltspec.results.drawn import distances
    from ltspec.results.plots import plot_distances
    from ltspec.results.table import counted

    found = distances(plan, facts)
    if not found:
        raise UsageError(
            f"there are no distances to draw in {target}",
            code="LT309",
            hint="write `measure: [{kind: distance}]` into the spec and run it",
        )
    _draw(lambda: plot_distances(found, counted(plan, facts), target), target)


def _draw(draw: Callable[[], None], target: Path) -> None:
    try:
        draw()
    except (OSError, ValueError) as error:
        raise UsageError(f"{target} cannot be written: {error}", code="LT309") from None
    click.echo(f"plot: {target}", err=True)
