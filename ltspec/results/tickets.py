"""Takes a finished plan; gives its tickets as files with speaking names, beside the table.

A ticket is the file of the store itself (a hard link where the file system has them, else a copy):
``mask/NAME`` and ``weights/NAME`` of every tensor, readable with safetensors alone.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ltspec.engine.store import Realm
from ltspec.plan.replicates import TICKET
from ltspec.plan.stages import Plan


def place_tickets(plan: Plan, realm: Realm, folder: Path) -> list[Path]:
    """Give every ticket of the plan a name under ``folder``, which is made anew.

    ``folder/replicate-1/level-3.safetensors``; of a branch ``folder/replicate-1/NAME-level-3...``.
    Returns those of the tickets proper, in the plan's order; branches are controls.
    """
    shutil.rmtree(folder, ignore_errors=True)
    placed = []
    for outcome in plan.outcomes:
        if outcome.ticket is None:
            continue
        source = realm.array_file(plan.stages[outcome.ticket].key)
        prefix = "" if outcome.branch == TICKET else f"{outcome.branch}-"
        name = f"{prefix}level-{outcome.level}.safetensors"
        target = folder / f"replicate-{outcome.replicate}" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)
        if outcome.branch == TICKET:
            placed.append(target)
    return placed
