"""Takes spec files; gives everything that is wrong with them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ltspec.cli.load import check_spec
from ltspec.cli.options import SPEC, overrides
from ltspec.errors import SpecError


@click.command("validate")
@click.argument("specs", nargs=-1, required=True, type=SPEC)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="How errors are written.",
)
@overrides
def command(specs: tuple[Path, ...], style: str, overrides: tuple[str, ...]) -> int:
    """Check SPECS completely: every key, and how they fit together.

    Needs no framework, no data and no network. Shows all errors of all files at once. Exit code 0
    when every file is fine, 1 when one is not, 2 when one cannot be read.
    """
    wrong: list[SpecError] = []
    for file in specs:
        try:
            check_spec(file, overrides)
        except SpecError as error:
            wrong.append(error)
        else:
            if style == "text":
                click.echo(f"{file}: fine")
    if wrong or style in ("json", "sarif"):
        import shutil  # these two only when something is wrong

        from ltspec.diagnostics import render_all

        text = render_all(
            [(error.diagnostics, error.file, error.text) for error in wrong],
            style,
            colour=style == "text" and sys.stdout.isatty(),
            columns=shutil.get_terminal_size((100, 24)).columns,
        )
        click.echo(text)
    return max((error.exit_code for error in wrong), default=0)
