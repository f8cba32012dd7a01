"""Takes a spec; gives the blocks of its network, and its transfers as pictures in text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ltspec.language.variants import is_elsewhere
from ltspec.networks.elastic import Inside
from ltspec.plan import origins, resolve, transferring
from ltspec.plan.kept import bounds, share_text
from ltspec.plan.transferring import Carried
from ltspec.results.labels import Columns, of_points


def blocks(spec: Any) -> list[str]:
    """Every block of the network with its tensors; of a sweep, of each network that it has."""
    return _apart(
        [f"{_labelled(family, at)}, block by block", *lines]
        for at, (family, *lines) in _alike(spec, _network)
    )


def _network(spec: Any) -> list[str]:
    """The family's name, then the blocks."""
    inside = Inside(resolve.graph(spec))
    lines = [spec.model.family]
    for block in inside.blocks.values():
        lines.append(f"  {block.name}")
        for node in inside.nodes(block):
            for end, shape in inside.shapes[node.name].items():
                lines.append(f"    {node.name + '.' + end:<36} {' x '.join(map(str, shape))}")
    return lines


def maps(spec: Any) -> list[str]:
    """A picture of each transfer: the ticket's blocks above, those of the other network below.

    Of a sweep, that of each of its points; equal ones are drawn once, under the points' labels.
    """
    names = dict.fromkeys(name for _, each in spec.points for name in each.branches)
    found = [
        [f"{_labelled(name, at)}: {there}", *lines]
        for name in names
        for at, (there, *lines) in _alike(spec, partial(_transfer, name=name))
    ]
    if not found:
        return ["no branch is a transfer"]
    lines = _apart(found)
    if any(row.count("*") for row in lines if row.split()[:1] == ["target"]):
        return [*lines, "", "*: a second or later copy of its block"]
    return lines


def _transfer(spec: Any, name: str) -> list[str]:
    """What a branch carries tickets to, and its picture; nothing where it is no transfer."""
    branch = spec.branches.get(name)
    if branch is None or branch.kind != "transfer":
        return []
    to = transferring.carried(spec, branch)
    sizes = transferring.written(branch)
    there = ", ".join(f"{key} {_plain(value)}" for key, value in sizes.items())
    there = f"to {spec.model.family}, {there or _same(branch)}"
    if is_elsewhere(branch):
        there = f"from {origins.file_of(spec, branch)} {there}"
    return [there, *(f"  {line}" for line in (*picture(to), *counts(branch, to)))]


def _alike(spec: Any, draw: Callable[[Any], list[str]]) -> list[tuple[str, list[str]]]:
    """What is drawn of the points of a sweep, once where it is the same, and of which points it
    is; without the latter where there is no sweep, or where it is that of every point."""
    found: dict[tuple[str, ...], list[Columns]] = {}
    for point, each in spec.points:
        if lines := draw(each):
            found.setdefault(tuple(lines), []).append(point.columns)
    every = [point.columns for point, _ in spec.points]
    return [(of_points(at, every), list(lines)) for lines, at in found.items()]


def _labelled(name: str, at: str) -> str:
    return f"{name} ({at})" if at else name


def _apart(drawn: Iterable[list[str]]) -> list[str]:
    """All lines, with an empty one between two pictures."""
    return [line for lines in drawn for line in ("", *lines)][1:]


def _same(branch: Any) -> str:
    return "as this spec has it" if is_elsewhere(branch) else "the same size"


def picture(to: Carried) -> list[str]:
    """One line of the source's blocks and one of the target's for each stage; ``*`` is behind a
    second or later copy."""
    inside = Inside(to.source)
    lines = []
    outside = [one.target.name for one in to.assignment.pairings if one.target.role != "block"]
    kept = [name for name in outside if name not in to.assignment.afresh]
    if kept:
        lines.append(f"carried as they are: {', '.join(kept)}")
    lines += [f"drawn anew and dense: {name}" for name in to.assignment.afresh]
    for stage, theirs in inside.stages.items():
        pairings = [
            one
            for one in to.assignment.pairings
            if one.target.role == "block" and one.target.stage == stage
        ]
        above = ["-" if one.source is None else str(one.source.index) for one in pairings]
        below = [f"{one.target.index}{'*' * one.copy}" for one in pairings]
        wide = max(map(len, above + below))
        left = [str(block.index) for block in theirs if str(block.index) not in above]
        lines.append(f"stage{stage:<3} ticket  " + "  ".join(f"{text:<{wide}}" for text in above))
        if left:
            lines[-1] += f"   left out: {', '.join(left)}"
        lines.append("         target  " + "  ".join(f"{text:<{wide}}" for text in below))
    return [line.rstrip() for line in lines]


def counts(branch: Any, to: Carried) -> list[str]:
    """How many weights masks keep at each level of the branch, by layer and in all."""
    sizes = {parameter.name: parameter.size for parameter in to.graph.parameters}
    whole = sum(sizes[name] for name in to.tensors)
    lines = [f"{whole:,} weights may be pruned there", *_scored(branch, to)]
    is_range = False
    for level in to.levels:
        keep, _ = transferring.kept(level.keep, branch, to)
        if not keep:
            low, high = _bounds(sum(level.keep), to)
            lines.append(f"level {level.number}: keeps {share_text(low, high, whole)}")
            is_range = True
            continue
        lines.append(f"level {level.number}: keeps {share_text(sum(keep), sum(keep), whole)}")
        if len(keep) == len(to.tensors):
            for name, count in zip(to.tensors, keep, strict=True):
                lines.append(f"  {name:<36} {share_text(count, count, sizes[name])}")
    if is_range:
        lines.append(
            "a range, as the ticket's weights lie: its layers were cut together and are not copied "
            "equally often"
        )
    return lines


def _bounds(total: int, to: Carried) -> tuple[int, int]:
    """The least and the most that a carried mask can keep when the ticket's keeps ``total``."""
    sizes = {parameter.name: parameter.size for parameter in to.source.parameters}
    there = {parameter.name: parameter.size for parameter in to.graph.parameters}
    dense = sum(there[name] for name in to.dense)
    origins = [to.assignment.tensors[name] for name in to.tensors if name not in to.dense]
    low, high = bounds(total, total, {name: sizes[name] for name in to.masked}, origins)
    return low + dense, high + dense


def _scored(branch: Any, to: Carried) -> list[str]:
    """The tensors whose mask alone is by a criterion."""
    if isinstance(branch.mask, str) or branch.mask.only is None:
        return []
    groups = transferring.chosen(branch.mask.scope, to)
    names = ", ".join(name for group in groups for name in group)
    return [f"by {branch.mask.criterion.name} in copies (*), with the mapped counts: {names}"]


def _plain(value: Any) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)
