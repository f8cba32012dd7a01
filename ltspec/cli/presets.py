"""Takes nothing, or a preset's name; gives the presets that there are, or what is in one."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from ltspec.errors import UsageError


@click.command("presets")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for other programs.")
def command(name: str | None, as_json: bool) -> None:
    """List the recipes that a spec can start from with `preset: NAME`, or show one of them.

    Each says where it is from, and what accuracy to expect.
    """
    from ltspec.language import presets

    if name is None:
        found = [presets.load(each) for each in presets.names()]
        if as_json:
            click.echo(json.dumps([asdict(preset) for preset in found], indent=1))
            return
        for preset in found:
            click.echo(f"{click.style(preset.name, bold=True)}\n    {preset.about}")
        click.echo("\n`ltspec presets NAME` shows one: its keys, its source, what to expect")
        return
    try:
        preset = presets.load(name)
    except KeyError:
        raise UsageError(
            f"there is no preset named {name!r}", code="LT255", hint=presets.suggestion(name)
        ) from None
    if as_json:
        click.echo(json.dumps(asdict(preset), indent=1))
        return
    click.echo((presets.FOLDER / f"{preset.name}.yaml").read_text(encoding="utf-8"), nl=False)
