"""Takes a command line; gives its output and exit code. With its siblings the only place that
prints or exits.

Commands live in modules of their own and are imported when called, so that ``validate`` starts in
the time that its own imports take.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping

import click

from ltspec.errors import LtspecError, SpecError

COMMANDS: Mapping[str, tuple[str, str]] = {
    "validate": ("ltspec.cli.validate", "Check specs completely; no framework needed."),
    "plan": ("ltspec.cli.plan", "Show what a spec means: stages, cost, what is done already."),
    "run": ("ltspec.cli.run", "Run a spec or a plan file; goes on where it was stopped."),
    "show": ("ltspec.cli.show", "Show a run's table, or a spec with every default filled in."),
    "report": ("ltspec.cli.report", "Write a page with everything that a run found."),
    "diff": ("ltspec.cli.diff", "Show what changes between two specs, or by --set."),
    "presets": ("ltspec.cli.presets", "List the papers' recipes that specs can start from."),
    "ticket": ("ltspec.cli.ticket", "Look at ticket files: inspect, diff, verify; export one."),
    "schema": ("ltspec.cli.schema", "Print the JSON Schema of specs, for editors."),
    "backends": ("ltspec.cli.backends", "List backends, their devices and what each one lacks."),
    "explain": ("ltspec.cli.explain", "Explain an error code, or a key of the language."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which one meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version  # slow, and only needed here

        click.echo(f"ltspec {version('ltspec')}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version and exit.",
)
def cli() -> None:
    """Declarative specs of lottery-ticket experiments, compiled and run.

    Exit codes: 0 fine, 1 a spec is wrong, 2 the call is wrong, 3 a run could not go on,
    130 interrupted.
    """


def main() -> None:
    """The program: never shows a traceback for what a user may meet."""
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    output = sys.stdout
    try:
        code = cli.main(arguments, prog_name="ltspec", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return 2
    except SpecError as error:
        import shutil  # these two only when something is wrong

        from ltspec.diagnostics import render

        text = render(
            error.diagnostics,
            error.file,
            error.text,
            "text",
            colour=sys.stderr.isatty(),
            columns=shutil.get_terminal_size((100, 24)).columns,
        )
        click.echo(text, err=True)
        return error.exit_code
    except LtspecError as error:
        return _say(error)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return 130
    except (SystemExit, BrokenPipeError) as ended:
        # Where the reader of our output has gone, as `| head` does, click exits and leaves another
        # stream in the place of ours. That is fine; who exits otherwise says so itself.
        if isinstance(ended, SystemExit) and sys.stdout is output:
            raise
        sys.stderr.close()
        return 0
    except Exception:
        import traceback  # likewise

        click.echo(traceback.format_exc(), err=True)
        click.echo(
            f"{click.style('error[LT901]', fg='red', bold=True)}: this is a mistake in "
            "ltspec\n = hint: please report it with the text above and the spec",
            err=True,
        )
        return 3


def _say(error: LtspecError) -> int:
    colour = "yellow" if error.exit_code == 130 else "red"
    click.echo(
        f"{click.style(f'error[{error.code}]', fg=colour, bold=True)}: {error.message}", err=True
    )
    if error.hint:
        click.echo(f" = hint: {error.hint}", err=True)
    return error.exit_code
