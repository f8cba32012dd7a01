"""Takes an error code or a key of the language; gives its page."""

from __future__ import annotations

from pathlib import Path

import click

from ltspec.errors import CODES, UsageError


@click.command("explain")
@click.argument("what")
def command(what: str) -> None:
    """Explain an error code (LT203) or a key of the language (train.optimizer.lr)."""
    code = what.upper()
    if code in CODES:
        page = Path(__file__).parent / "pages" / f"{code}.md"
        click.echo(page.read_text(encoding="utf-8").rstrip())
        return
    from ltspec.language import schema

    try:
        click.echo(schema.describe(what).rstrip())
    except KeyError as error:
        raise UsageError(
            f"{what!r} is neither an error code nor a key of the language",
            code="LT309",
            hint=str(error.args[0]),
        ) from None
