"""Takes a ticket file; gives a folder with it in the form of another tool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ltspec.cli import options

if TYPE_CHECKING:
    from ltspec.results.export.folder import Target


@click.command("export")
@click.argument("file", type=options.SPEC)
@click.option(
    "--to",
    type=click.Choice(["torch", "keras", "torchvision"]),
    required=True,
    help="A PyTorch module, a Keras model, or the weights of a network that torchvision has.",
)
@click.option("--out", type=options.SPEC, required=True, help="The folder; new, or empty.")
@click.option(
    "--force",
    is_flag=True,
    help="Write into a folder that has files already, over those of the same names.",
)
def command(file: Path, to: Target, out: Path, force: bool) -> None:
    """Write FILE as code of its network, weights, masks and a script that loads them.

    What is written needs no ltspec. `torchvision` is for ResNet-18, -34, -50, -101 and -152 alone:
    weights under the names that torchvision and timm share.
    """
    from ltspec.results.export.folder import check_place, export_ticket
    from ltspec.tickets.ticket import read_ticket

    check_place(out, force)  # before a large file is read
    for path in export_ticket(read_ticket(file), to, out, force=force):
        click.echo(path)
