"""Declarative specs of lottery-ticket experiments: the public names, nothing else.

    source = ltspec.read("spec.yaml")           # YAML with the place of every key
    spec = ltspec.validate(source)              # a Spec, or SpecError with all that is wrong
    plan = ltspec.compile_spec(spec)            # stages with keys
    session = ltspec.Session.open(plan, ...)    # backend, device and store
    session.run(ltspec.Silence(), checkpoint_seconds=30)

Names are imported when they are first used, so that ``import ltspec`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ltspec.engine.session import Session
    from ltspec.engine.watch import Silence, Watch
    from ltspec.errors import Diagnostic, LtspecError, SpecError
    from ltspec.language.source import read
    from ltspec.language.spec import Spec
    from ltspec.plan import validate
    from ltspec.plan.passes import compile_spec
    from ltspec.plan.stages import Plan

__all__ = [
    "Diagnostic",
    "LtspecError",
    "Plan",
    "Session",
    "Silence",
    "Spec",
    "SpecError",
    "Watch",
    "compile_spec",
    "read",
    "validate",
]

_HOMES = {
    "Diagnostic": "ltspec.errors",
    "LtspecError": "ltspec.errors",
    "SpecError": "ltspec.errors",
    "read": "ltspec.language.source",
    "Spec": "ltspec.language.spec",
    "validate": "ltspec.plan",
    "compile_spec": "ltspec.plan.passes",
    "Plan": "ltspec.plan.stages",
    "Session": "ltspec.engine.session",
    "Silence": "ltspec.engine.watch",
    "Watch": "ltspec.engine.watch",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ltspec' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
