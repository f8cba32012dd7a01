"""Takes a plan, and a store; gives how many weights masks on other networks keep, as text.

The part of :mod:`ltspec.cli.plan` that is about achieved sparsity.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ltspec.plan.kept import (
    Carried,
    Counts,
    Found,
    Kept,
    carried,
    kept,
    nothing_found,
    share_text,
)
from ltspec.plan.stages import Plan

if TYPE_CHECKING:
    from ltspec.engine.store import Realm

SHOWN = 30
"""Lines that are shown where not all are asked for."""
WHY = (
    "* the least and the most that the ticket's weights, lying in any of its layers, can come to:",
    "  these were cut together and are not copied equally often; known once the store holds its",
    "  mask",
)


def describe_masks(plan: Plan, everything: bool, found: Found) -> list[str]:
    """What each transfer keeps in all, and by layer where ``everything`` is to be shown."""
    lines = carried(plan, found)
    if not lines:
        return []
    told = ["", "kept on the other network:"]
    for one in lines if everything else lines[:SHOWN]:
        told.append(f"{'':>5}  {_of(plan, one)}")
        if everything:
            told += [
                f"{'':>7}  {name:<36}  {share_text(low, high, size)}"
                for name, (low, high, size) in one.tensors.items()
            ]
    if len(lines) > SHOWN and not everything:
        told.append(f"{'':>5}  ... {len(lines) - SHOWN:,} more (--all shows them)")
    if not all(one.is_known for one in lines):
        told += [f"{'':>5}  {line}" for line in WHY]
    return told


def _of(plan: Plan, one: Carried) -> str:
    point = f"point {one.point}, " if plan.is_sweep else ""
    text = f"{point}{one.branch}, level {one.level}: {share_text(one.low, one.high, one.size)}"
    if not one.is_known:
        return f"{text} *"
    return text if one.low == one.high else f"{text}, by replicate"


def keeping(plan: Plan, place: int, found: Found) -> str:
    """What the mask of a stage keeps, for its line."""
    mask = kept(plan, place, found)
    inputs = plan.stages[place].inputs
    if mask is None:
        return f"keep {'as many as' if 'like' in inputs else 'what'} the mask that is read" + (
            "" if "like" in inputs else " keeps"
        )
    return f"keep {_numbers(mask)}"


def _numbers(mask: Kept) -> str:
    if mask.low == mask.high:
        return f"{mask.low:,} ({mask.low / mask.size:.2%})"
    shares = f"{mask.low / mask.size:.2%} to {mask.high / mask.size:.2%}"
    return f"{mask.low:,} to {mask.high:,} ({shares})"


def in_store(plan: Plan, folder: Path, realm: str | None) -> Found:
    """What a store says of masks: that of one realm, or what all realms agree on."""
    results = folder / "results"
    if not results.is_dir():
        return nothing_found
    found = sorted(entry.name for entry in results.iterdir() if entry.is_dir())
    names = found if realm is None else [realm]

    @cache
    def realms() -> list[Realm]:
        from ltspec.engine.store import Store

        opened = Store.open(folder, create=False)
        return [opened.realm(name) for name in names]

    @cache
    def counts(place: int) -> Counts | None:
        key = plan.stages[place].key
        if not any((results / name / key[:2] / key).is_dir() for name in names):
            return None
        facts = [each.read_facts(key) for each in realms()]
        said = [one["kept"] for one in facts if one is not None and "kept" in one]
        return said[0] if said and all(one == said[0] for one in said) else None

    return counts
