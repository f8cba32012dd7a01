"""Takes nothing; gives what is made from the language: its JSON Schema, its page, its module."""

from __future__ import annotations

import click


@click.command("schema")
@click.option(
    "--format",
    "style",
    type=click.Choice(["json", "markdown", "core"]),
    default="json",
    show_default=True,
    help="The JSON Schema, the same for people to read, or the module that `validate` reads.",
)
def command(style: str) -> None:
    """Print the JSON Schema of specs, for editors and CI."""
    from ltspec.language import core_schema, schema

    texts = {"json": schema.text, "markdown": schema.language_page, "core": core_schema.text}
    click.echo(texts[style](), nl=False)
