"""Takes a file and overrides; gives the validated spec, or the plan that the file holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ltspec.errors import UsageError
from ltspec.language import source
from ltspec.plan import is_fine, validate

if TYPE_CHECKING:
    from ltspec.engine.execution import ExecutionPlan
    from ltspec.language.spec import Spec
    from ltspec.plan.stages import Plan


def check_spec(file: Path, overrides: Sequence[str]) -> None:
    """Read and check a spec, faster than :func:`load_spec` when it is right.

    Raises SpecError with everything that is wrong with it.
    """
    read = _read(file, overrides)
    if not is_fine(read):
        validate(read)


def load_spec(file: Path, overrides: Sequence[str]) -> Spec:
    """Read and check a spec. Raises SpecError with everything that is wrong with it."""
    return validate(_read(file, overrides))


def _read(file: Path, overrides: Sequence[str]) -> source.Source:
    read = source.read(file)
    for override in overrides:
        read = source.override(read, override)
    return read


def load_plan(file: Path, overrides: Sequence[str]) -> tuple[Plan, ExecutionPlan | None]:
    """The plan of a spec or of a plan file, and the execution part of the latter."""
    from ltspec.plan.passes import compile_spec

    if not is_plan(file):
        return compile_spec(load_spec(file, overrides)), None
    if overrides:
        raise UsageError(
            "--set changes a spec, and a plan file is made from one",
            code="LT309",
            hint="use --set with `ltspec plan`",
        )
    from ltspec.engine.execution import ExecutionPlan
    from ltspec.plan import planfile

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}", code="LT308") from None
    plan, execution = planfile.read(text)
    return plan, None if execution is None else ExecutionPlan.from_description(execution, plan)


def is_plan(file: Path) -> bool:
    """Whether a file is meant as a plan file: by how it begins, or a .json that is no spec either.

    One that cannot be read is left to others to say.
    """
    try:
        if not file.is_file():
            return False
        with file.open("rb") as opened:
            head = opened.read(300)
    except OSError:
        return False
    return b'"ltspec_plan"' in head or (file.suffix == ".json" and b"ltspec" not in head)
