"""Takes nothing; gives the options that several commands share."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from ltspec.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])

SPEC = click.Path(path_type=Path)


def overrides(function: F) -> F:
    """``--set path=value``, any number of times."""
    return click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="Override one value of the spec, for example train.optimizer.lr=0.03.",
    )(function)


def store(function: F) -> F:
    """``--store``."""
    return click.option(
        "--store",
        type=SPEC,
        envvar="LTSPEC_STORE",
        show_envvar=True,
        help="Folder of results; .ltspec beside the spec when left out.",
    )(function)


def data(function: F) -> F:
    """``--data``."""
    return click.option(
        "--data",
        type=SPEC,
        envvar="LTSPEC_DATA",
        show_envvar=True,
        help="Folder where data lies and is downloaded to; ~/.cache/ltspec when left out.",
    )(function)


def precision(default: str) -> Callable[[F], F]:
    """``--precision``; None when it is left out, which means ``default``."""
    return click.option(
        "--precision",
        type=click.Choice(["float32", "tf32", "bf16", "float64"]),
        show_default=default,
        help="What a network computes in. tf32 (on GPUs that can) is float32 with rounded factors "
        "in convolutions and matrix products; bf16 has these, and with torch what flows between "
        "layers, in bfloat16.",
    )


def deterministic(function: F) -> F:
    """``--deterministic``."""
    return click.option(
        "--deterministic/--no-deterministic",
        default=None,
        show_default="deterministic",
        help="Whether the same run on the same device repeats itself to the bit. Without it a GPU "
        "may use faster operations.",
    )(function)


def is_given(name: str) -> bool:
    """Whether a parameter of the running command stands in its call, and is not a default or set
    by the environment."""
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE


def refuse_idle(because: str, given: Mapping[str, bool], hint: str) -> None:
    """Refuse options that would do nothing. ``given``: each with whether it is in the call.

    Raises UsageError (LT309).
    """
    idle = [name for name, here in given.items() if here]
    if idle:
        raise UsageError(f"{because}, and {idle[0]} would do nothing", code="LT309", hint=hint)


def called(
    word: str,
    spec: Path,
    backend: str | None,
    overrides: Sequence[str],
    precision: str | None = None,
    threads: str = "",
    store: Path | None = None,
) -> str:
    """A command line that is about the same results, for the folder that this one is called in.
    Empty and None: left out."""
    words = ["ltspec", word, str(spec), *(["--backend", backend] if backend else [])]
    if precision not in (None, "float32"):
        words += ["--precision", precision]
    if threads:
        words += ["--threads", threads]
    if store is not None:
        words += ["--store", str(store)]
    return shlex.join([*words, *(part for each in overrides for part in ("--set", each))])


def given_store(store: Path | None) -> Path | None:
    """The store where the call names it: one of the environment need not be said again."""
    return store if is_given("store") else None


def store_folder(spec: Path, chosen: Path | None) -> Path:
    """The store of a spec: the one that was chosen, or .ltspec beside it."""
    return chosen if chosen is not None else spec.parent / ".ltspec"
