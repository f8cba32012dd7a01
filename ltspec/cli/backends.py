"""Takes nothing; gives what is installed, with devices and gaps."""

from __future__ import annotations

import click

from ltspec.engine import adapters
from ltspec.errors import BackendError


@click.command("backends")
def command() -> int:
    """List backends: whether each can be used, on which devices, and what it lacks.

    A framework is started in a process of its own, since two of them do not share one well.
    """
    for name in sorted(adapters.installed()):
        click.echo(click.style(name, bold=True))
        for line in _describe_apart(name):
            click.echo(f"  {line}")
    click.echo(NOT_PROMISED)
    return 0


NOT_PROMISED = """\
Not promised to repeat to the bit, whatever the backend:
  with --no-deterministic: a GPU may choose faster operations that add up in any order
  with another number of threads: sums over a batch are added in another order
  on another device or kind of processor: its operations round otherwise
  with other versions of the packages, or of the GPU's driver
  on another backend: first steps agree up to rounding, and training makes the difference larger"""


_DESCRIBE = """
import sys
from ltspec.cli.backends import describe
print("\\n".join(describe(sys.argv[1])))
"""


def _describe_apart(name: str) -> list[str]:
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-c", _DESCRIBE, name],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["it ended without a word"]
        return [f"cannot be started: {last[0]}"]
    return done.stdout.strip().splitlines()


def describe(name: str) -> list[str]:
    """Lines about one backend: versions, devices, precisions that one of these has, determinism,
    gaps."""
    try:
        adapter = adapters.find(name)
        versions = adapters.versions(adapter)
    except BackendError as error:
        return [f"not usable: {error.message}", f"hint: {error.hint}"]
    devices = adapter.devices()
    lacking = {device: adapters.lacking_on(adapter, device) for device in devices}
    precisions = [
        precision
        for precision in adapter.precisions
        if not all(f"precision:{precision}" in gaps for gaps in lacking.values())
    ]
    return [
        "versions: " + ", ".join(f"{package} {number}" for package, number in versions.items()),
        "devices: " + ", ".join(devices),
        "precisions: " + ", ".join(precisions),
        "determinism: " + adapter.determinism,
        *(f"lacks {feature}: {reason}" for feature, reason in adapter.gaps.items()),
        *(
            f"lacks {feature} on {device}: {reason}"
            for device, gaps in lacking.items()
            for feature, reason in gaps.items()
        ),
    ]
