"""Takes nothing; gives the JSON Schema of specs, or the language's page."""

from __future__ import annotations

import click


@click.command("schema")
@click.option(
    "--format",
    "style",
    type=click.Choice(["json", "markdown"]),
    default="json",
    show_default=True,
    help="The JSON Schema, or the same for people to read.",
)
def command(style: str) -> None:
    """Print the JSON Schema of specs, for editors and CI."""
    from ltspec.language import schema

    click.echo(schema.text() if style == "json" else schema.language_page(), nl=False)
