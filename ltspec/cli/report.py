"""Takes a spec; gives a page with everything that the store holds of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ltspec.cli import options
from ltspec.cli.load import is_plan, load_plan, load_spec
from ltspec.errors import UsageError

if TYPE_CHECKING:
    from ltspec.engine.store import Realm
    from ltspec.language.spec import Spec
    from ltspec.plan.stages import Plan
    from ltspec.results.page.content import Written
    from ltspec.results.page.gathering import Facts, Told

MOST = 500
"""Stages that a page lists one by one; of a plan with more, the first ones."""


@click.command("report")
@click.argument("spec", type=options.SPEC)
@click.option("--backend", help="Whose results; a page for each that there are when left out.")
@options.precision(default="all that there are")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where the page goes; report.html beside the table of the run when left out.",
)
@options.store
@options.overrides
def command(
    spec: Path,
    backend: str | None,
    precision: str | None,
    out: Path | None,
    store: Path | None,
    overrides: tuple[str, ...],
) -> None:
    """Write a page with everything that the store holds of SPEC (or a plan file): the spec, its
    plan, tables, plots, transfers as pictures, and tickets. One HTML file that needs nothing
    else. Loads no framework."""
    from ltspec.plan.passes import compile_spec

    own = None if is_plan(spec) else load_spec(spec, overrides)
    plan = load_plan(spec, overrides)[0] if own is None else compile_spec(own)

    from ltspec.engine.runner import scores
    from ltspec.engine.store import Store
    from ltspec.results.run_folder import PAGE, folder_of, tell_of_another_page, write_page

    folder = options.store_folder(spec, store)
    called = partial(options.called, store=options.given_store(store))
    names = sorted(entry.name for entry in folder.glob("results/*") if entry.is_dir())
    opened = Store.open(folder, create=False, report=_note) if names else None
    realms = (
        [opened.realm(name) for name in names if _asked(name, backend, precision)] if opened else []
    )
    realms = [realm for realm in realms if _is_begun(plan, realm)]
    if not realms:
        raise UsageError(
            f"{folder} holds nothing of {spec}",
            code="LT309",
            hint=f"make it with `{called('run', spec, backend, overrides, precision)}`",
        )
    if out is not None and len(realms) > 1:
        raise UsageError(
            f"there are results of {', '.join(realm.name for realm in realms)}, and one --out",
            code="LT309",
            hint="choose one with --backend and --precision, or leave --out out",
        )
    for realm in realms:
        run_folder = folder_of(folder, plan, realm.name)
        target = out or run_folder / PAGE
        facts = scores(plan, realm)
        told = _told(plan, realm, facts, spec, own, overrides, called)
        make = partial(_page, plan, realm, facts, told, run_folder, target)
        if target.resolve() == (run_folder / PAGE).resolve():
            write_page(plan, realm.store, run_folder, make, _note)
        else:
            tell_of_another_page(plan, target, _note)
            _write(make(), target)
        click.echo(f"report: {target}")


def _page(
    plan: Plan, realm: Realm, facts: Facts, told: Told, run_folder: Path, target: Path
) -> str:
    from ltspec.results.page.gathering import gather
    from ltspec.results.page.writing import html

    return html(gather(plan, realm, facts, told, run_folder, target))


def _asked(realm: str, backend: str | None, precision: str | None) -> bool:
    own_backend, _, own_precision = realm.rpartition("-")
    return backend in (None, own_backend) and precision in (None, own_precision)


def _is_begun(plan: Plan, realm: Realm) -> bool:
    """Whether anything was done for a plan. Initial weights are the same for many specs."""
    return any(realm.has(stage.key) for stage in plan.stages if stage.kind != "init")


def _told(
    plan: Plan,
    realm: Realm,
    facts: Facts,
    spec: Path,
    own: Spec | None,
    overrides: Sequence[str],
    called: Callable[..., str],
) -> Told:
    from ltspec.cli.answer_table import print_answers
    from ltspec.cli.plan import listing, title, totals
    from ltspec.cli.recorder import Recorder
    from ltspec.cli.screen import print_measured
    from ltspec.cli.tables import print_summary, print_transfers
    from ltspec.language.source import read, write
    from ltspec.results.page import origins
    from ltspec.results.page.gathering import Told
    from ltspec.results.table import rows

    backend, _, precision = realm.name.rpartition("-")
    results, answers, measured = Recorder(), Recorder(), Recorder()
    found = rows(plan, facts)
    print_summary(results, plan, found)
    print_transfers(results, plan, found)
    print_answers(answers, plan, facts)
    print_measured(measured, plan, facts, everything=True)
    threads = origins.threads(plan, realm)
    calls = [
        called("run", spec, backend, overrides, precision, threads),
        called("report", spec, backend, overrides, precision),
    ]
    return Told(
        commands=calls,
        written="" if own is None else read(spec).text,
        others=[] if own is None else _others(own),
        overrides=overrides,
        resolved=write(plan.spec),
        meaning=[title(plan), *totals(plan, precision)],
        listing="\n".join(listing(plan, len(plan.stages) <= MOST, precision)),
        results=results.kept,
        answers=answers.kept,
        measured=measured.kept,
    )


def _others(spec: Spec) -> list[Written]:
    """The specs that branches name, at any point of a sweep, as they are written: each once."""
    from ltspec.language.source import read
    from ltspec.language.variants import is_elsewhere
    from ltspec.plan.origins import file_of, is_of_a_file
    from ltspec.results.page.content import Written

    found: dict[str, Written] = {}
    for _, own in spec.points:
        branches: list[Any] = list(own.branches.values())
        for branch in branches:
            if is_elsewhere(branch) and not is_of_a_file(branch):
                file = file_of(own, branch)
                if file not in found:
                    found[file] = Written(branch.origin.spec, read(file).text)
    return list(found.values())


def _write(text: str, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}", code="LT309") from None


def _note(text: str) -> None:
    click.echo(f"note: {text}", err=True)
