"""Takes a spec or a plan file; gives its results: a table, tickets, and all of it in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ltspec.cli import options
from ltspec.cli.load import load_plan
from ltspec.errors import UsageError

if TYPE_CHECKING:
    from ltspec.engine.backend import Precision
    from ltspec.engine.execution import ExecutionPlan
    from ltspec.plan.stages import Plan


@click.command("run")
@click.argument("spec", type=options.SPEC)
@click.option(
    "--backend", help="torch, tensorflow, numpy or another that is installed; torch when left out."
)
@click.option("--device", help="cpu, cuda or cuda:1; auto (the default) takes the best there is.")
@options.precision(default="float32, or what the plan file says")
@options.store
@options.data
@options.deterministic
@click.option(
    "--threads",
    type=click.IntRange(1),
    help="Threads on a CPU; the framework's own choice when left out.",
)
@click.option(
    "--checkpoint-every",
    "checkpoint_seconds",
    type=click.FloatRange(0),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How often a training is saved.",
)
@click.option(
    "--side-by-side",
    "processes",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    metavar="N",
    help="Processes that share the work: replicates and branches at once.",
)
@click.option(
    "--point",
    "points",
    type=click.IntRange(1),
    multiple=True,
    metavar="NUMBER",
    help="Run only this point of the sweep, as `ltspec plan` numbers them; any number of times.",
)
@click.option("--quiet", is_flag=True, help="No progress; only the table at the end.")
@options.overrides
def command(
    spec: Path,
    backend: str | None,
    device: str | None,
    precision: Precision | None,
    store: Path | None,
    data: Path | None,
    deterministic: bool | None,
    threads: int | None,
    checkpoint_seconds: float,
    processes: int,
    points: tuple[int, ...],
    quiet: bool,
    overrides: tuple[str, ...],
) -> None:
    """Run SPEC (or a plan file that `ltspec plan --json` wrote).

    What the store holds already is not done again; a run that was stopped goes on when the same
    command is given again, and ends with the same tickets.
    """
    plan, execution = load_plan(spec, overrides)
    wanted = only(plan, points)
    if data is not None and not data.is_dir() and _looks_into_data_folder(wanted):
        raise UsageError(
            f"the data folder {data} is not there",
            code="LT309",
            hint="make it, or mend --data or LTSPEC_DATA",
        )

    from ltspec.cli.progress import LiveBar, PlainLines
    from ltspec.cli.screen import Screen, print_results
    from ltspec.data.interrupts import stop_when_asked
    from ltspec.engine.runner import scores
    from ltspec.engine.session import Session
    from ltspec.engine.watch import Silence
    from ltspec.results.run_folder import write_results

    console = Screen(stderr=True)
    bar = LiveBar(console) if console.is_terminal else PlainLines(console)
    stop_when_asked()
    with bar:
        watch = Silence() if quiet else bar
        session = Session.open(
            wanted,
            backend=backend or (execution.backend if execution else "torch"),
            device=device or (execution.settings.device if execution else "auto"),
            precision=precision or (execution.settings.precision if execution else "float32"),
            threads=threads,
            deterministic=_deterministic(deterministic, execution),
            store=options.store_folder(spec, store),
            data=data or default_data_folder(),
            note=bar.note,
            execution=execution,
        )
        if not quiet:
            bar.say(f"{plan.name} on {session.title}")
        session.run(watch, checkpoint_seconds, processes)
    facts = scores(plan, session.realm)
    folder, tickets, rows = write_results(plan, session, bar.note, facts)
    print_results(Screen(), plan, facts, rows)
    click.echo(f"table:   {folder / 'table.csv'}")
    if tickets:
        click.echo(f"ticket:  {tickets[-1]}")
        click.echo(f"tickets: {folder / 'tickets'}, of every level, replicate and branch")


def only(plan: Plan, points: Sequence[int]) -> Plan:
    """The plan with the rows of these points alone; all of it where there are none."""
    for number in points:
        if number > len(plan.points) or not plan.is_sweep:
            raise UsageError(
                f"the sweep has no point {number}",
                code="LT309",
                hint=f"there are 1 to {len(plan.points)}"
                if plan.is_sweep
                else "write `sweep` into the spec, or leave --point out",
            )
    if not points:
        return plan
    return replace(
        plan,
        outcomes=tuple(row for row in plan.outcomes if row.point in points),
        measurements=tuple(row for row in plan.measurements if row.point in points),
    )


def _deterministic(wanted: bool | None, execution: ExecutionPlan | None) -> bool:
    """What is wanted now, else what the plan file says, else yes."""
    if wanted is not None:
        return wanted
    return execution is None or execution.settings.deterministic


def _looks_into_data_folder(plan: Plan) -> bool:
    from ltspec.data.reader import is_in_data_folder
    from ltspec.results.tickets import own_data

    names = {name for stage in plan.stages for name, _ in own_data(stage.work)}
    return any(map(is_in_data_folder, names))


def default_data_folder() -> Path:
    """Where data lies when neither --data nor LTSPEC_DATA says so."""
    return Path.home() / ".cache" / "ltspec"
