"""Takes a Plan; gives how many weights the masks of its transfers keep, as far as that is known.

How many a carried mask keeps follows from the ticket's own mask. Where that one was cut across
layers, and its layers are not copied equally often, only the ticket says how many: then the least
and the most that are possible are known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ltspec.decisions.dynamic.schedule import MaskSchedule
from ltspec.decisions.layerwise import SPREADS
from ltspec.plan.cost import masked_by
from ltspec.plan.stages import Mapmask, Plan, Prune, Remask, Train

Counts = Mapping[str, int]
"""Weights by tensor."""
Found = Callable[[int], Counts | None]
"""What the mask of a stage keeps, where it is there already."""


def nothing_found(place: int) -> None:
    """As :data:`Found` before anything has run."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How many weights a mask keeps."""

    sizes: Counts
    """Weights of each tensor that it covers, in graph order."""
    low: int
    """The least that is possible in all."""
    high: int
    """The most; equal to ``low`` where the number is known."""
    tensors: Counts = field(default_factory=dict)
    """What is kept of each tensor; empty where that is not known."""

    @property
    def size(self) -> int:
        """Weights that it covers."""
        return sum(self.sizes.values())


@dataclass(frozen=True, slots=True)
class Carried:
    """The masks of a branch on another network at a level, one for each replicate."""

    point: int
    branch: str
    level: int
    size: int
    """Weights in the tensors of that network that may be pruned."""
    masks: tuple[Kept, ...]

    @property
    def low(self) -> int:
        """The least that any of them may keep."""
        return min(mask.low for mask in self.masks)

    @property
    def high(self) -> int:
        """The most."""
        return max(mask.high for mask in self.masks)

    @property
    def is_known(self) -> bool:
        """Whether it is known how many each of them keeps."""
        return all(mask.low == mask.high for mask in self.masks)

    @property
    def tensors(self) -> dict[str, tuple[int, int, int]]:
        """Of each tensor: the least and the most that a replicate keeps, and its weights; empty
        where one of the replicates does not say."""
        if not all(mask.tensors for mask in self.masks):
            return {}
        counts = {name: [mask.tensors[name] for mask in self.masks] for name in self.masks[0].sizes}
        return {
            name: (min(each), max(each), self.masks[0].sizes[name]) for name, each in counts.items()
        }


def carried(plan: Plan, found: Found = nothing_found) -> list[Carried]:
    """Every line of the table whose ticket is on another network, in the order of the plan."""
    groups: dict[tuple[int, str, int, int], list[Kept]] = {}
    for outcome in plan.outcomes:
        # Only these say how many weights of their network may be pruned.
        if outcome.ticket is None or not outcome.prunable:
            continue
        place = plan.stages[outcome.ticket].inputs.get("mask")
        mask = None if place is None else kept(plan, place, found)
        if mask is None and outcome.kept is not None:  # the mask of a file, as it is
            mask = Kept({}, outcome.kept, outcome.kept)
        if mask is not None:
            line = (outcome.point, outcome.branch, outcome.level, outcome.prunable)
            groups.setdefault(line, []).append(mask)
    return [Carried(*line, tuple(masks)) for line, masks in groups.items()]


def kept(plan: Plan, place: int, found: Found = nothing_found) -> Kept | None:
    """What the mask of a stage keeps; None where its making says nothing about it."""
    stage = plan.stages[place]
    work = stage.work.masks if isinstance(stage.work, Train) else stage.work
    if not isinstance(work, Prune | Remask | Mapmask | MaskSchedule):
        return None
    shapes = {one.name: one.shape for one in plan.graphs[stage.work.graph].parameters}
    every = {one.name: one.size for one in plan.graphs[stage.work.graph].parameters}
    covered = set(masked_by(work))
    sizes = {name: size for name, size in every.items() if name in covered}
    counts = found(place)
    if counts is None and len(work.keep) == len(sizes):
        counts = dict(zip(sizes, work.keep, strict=True))
    if counts is not None and set(counts) == covered:
        total = sum(counts.values())
        return Kept(sizes, total, total, counts)
    if work.keep:
        return Kept(sizes, sum(work.keep), sum(work.keep))
    role = "like" if "like" in stage.inputs else "mask"
    if role not in stage.inputs or (read := kept(plan, stage.inputs[role], found)) is None:
        return None
    if isinstance(work, Mapmask):
        return _mapped(work, sizes, read)
    if isinstance(work, Remask) and work.operator == "shuffle-layer":
        return Kept(sizes, read.low, read.high, read.tensors)
    if read.low == read.high and isinstance(work, Prune | Remask) and work.spread in SPREADS:
        shared = SPREADS[work.spread]([shapes[name] for name in sizes], read.low)
        return Kept(sizes, read.low, read.low, dict(zip(sizes, shared, strict=True)))
    return Kept(sizes, read.low, read.high)


def _mapped(work: Mapmask, sizes: Counts, read: Kept) -> Kept:
    """A mask that is carried, from what the ticket's own keeps."""
    origin = dict(work.tensors)
    if read.tensors:
        counts = {
            name: read.tensors[origin[name]] if name in origin else size
            for name, size in sizes.items()
        }
        total = sum(counts.values())
        return Kept(sizes, total, total, counts)
    low, high = bounds(read.low, read.high, read.sizes, list(origin.values()))
    dense = sum(sizes[name] for name in work.dense)
    return Kept(sizes, low + dense, high + dense)


def bounds(low: int, high: int, sizes: Counts, origins: Sequence[str]) -> tuple[int, int]:
    """The least and the most weights in all copies together of a mask that keeps ``low`` to
    ``high`` weights, wherever these lie. ``sizes``: of the tensors that it covers; ``origins``: the
    tensor that each copy is one of, so that one which is left out is not among them."""
    copies = dict.fromkeys(sizes, 0)
    for name in origins:
        copies[name] += 1
    order = sorted(sizes, key=lambda name: copies[name])
    return _filled(low, order, sizes, copies), _filled(high, order[::-1], sizes, copies)


def _filled(total: int, order: Sequence[str], sizes: Counts, copies: Counts) -> int:
    """Weights in all copies together, when ``total`` of them fill the tensors in this order."""
    weights = 0
    for name in order:
        here = min(total, sizes[name])
        weights += here * copies[name]
        total -= here
    return weights


def share_text(low: int, high: int, size: int) -> str:
    """How many of so many weights are kept, as people read it: ``696 to 840 of 1,232 (56.49% to
    68.18%)``; one number and one share where the least is the most."""
    if low == high:
        return f"{low:,} of {size:,} ({low / size:.2%})"
    return f"{low:,} to {high:,} of {size:,} ({low / size:.2%} to {high / size:.2%})"
