"""Takes a plan and the facts of its tickets; gives each transfer as it was carried out.

What is read is the plan's stages and not the spec: a picture shows what a run does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ltspec.errors import InvariantError
from ltspec.networks.elastic import Assignment, Inside, Pairing
from ltspec.networks.graph import Block, Graph
from ltspec.plan.replicates import TICKET
from ltspec.plan.stages import Init, Mapmask, Outcome, Plan, Prune, Remask, Rewind, Transfer, Work
from ltspec.plan.transferring import Carried
from ltspec.results.transfers import carried_branches

Facts = Mapping[int, Mapping[str, Any]]

CARRIED, FRESH, OWN = "carried", "drawn anew", "the other network's own"
"""Where weights come from."""


@dataclass(frozen=True, slots=True)
class CarriedLine:
    """One line of the table whose networks begin from what is carried."""

    name: str
    weights: str
    """:data:`CARRIED`, :data:`FRESH` or :data:`OWN`."""
    mask: str
    """``carried``, ``dense``, or what else was done, for people."""
    masked: tuple[str, ...]
    """Tensors of the other network that have a mask which leaves anything out."""
    moved: tuple[str, ...]
    """Those of them whose mask is not the carried one: shuffled, or by a criterion."""
    kept: Mapping[int, Mapping[str, Sequence[int]]]
    """By level and tensor, how many weights the tickets of the replicates keep, as far as they are
    there."""


@dataclass(frozen=True, slots=True)
class Carriage:
    """Lines whose blocks are mapped in the same way."""

    point: int
    """Number of its point in a sweep; else 0."""
    source: Graph
    graph: Graph
    """The other network."""
    assignment: Assignment
    lines: tuple[CarriedLine, ...]
    """The first one is what the picture shows."""

    @property
    def carried(self) -> Carried:
        """As :func:`ltspec.results.maps.picture` takes it."""
        return Carried(None, self.source, self.graph, self.assignment, (), ())


@dataclass(frozen=True, slots=True)
class _Trace:
    """The stages that a ticket on another network was made by."""

    state: Work
    transfer: Transfer | None
    mapmask: Mapmask | None
    remask: Remask | None
    chosen: Prune | None

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """(target, source) of every tensor that is known to come from the ticket's network."""
        if self.transfer is not None:
            return self.transfer.tensors
        return () if self.mapmask is None else self.mapmask.tensors

    @property
    def source(self) -> str:
        """Key of the ticket's network."""
        work = self.transfer or self.mapmask
        assert work is not None
        return work.source


def carriages(plan: Plan, facts: Facts) -> list[Carriage]:
    """Every way in which blocks are carried, in the order of the table. ``facts``: by place of the
    stage. A line that takes nothing of the ticket, neither weights nor mask, is in none."""
    lines: dict[tuple[int, str], list[Outcome]] = {}
    for outcome in plan.outcomes:
        lines.setdefault((outcome.point, outcome.branch), []).append(outcome)
    found: dict[tuple[object, ...], Carriage] = {}
    for (point, name), outcomes in lines.items():
        trace = next(filter(None, (_trace(plan, outcome) for outcome in outcomes)), None)
        if trace is None or not trace.pairs:
            continue
        graph = plan.graphs[trace.state.graph]
        source = plan.graphs[trace.source]
        assignment = assigned(source, graph, trace.pairs)
        key = (point, trace.state.graph, trace.source, _signature(assignment))
        line = _line(name, trace, graph, outcomes, facts)
        before = found.get(key)
        if before is None:
            found[key] = Carriage(point, source, graph, assignment, (line,))
        else:
            found[key] = Carriage(point, source, graph, before.assignment, (*before.lines, line))
    return list(found.values())


def itself(plan: Plan) -> list[tuple[int, str]]:
    """Number of the point and name of each branch that carries tickets to their own network and
    changes nothing: its tickets are those of the main line."""
    own = {
        (row.point, row.replicate, row.level): row.ticket
        for row in plan.outcomes
        if row.branch == TICKET
    }
    names = carried_branches(plan)
    found: dict[tuple[int, str], bool] = {}
    for row in plan.outcomes:
        if row.branch in names:
            same = row.ticket == own.get((row.point, row.replicate, row.level))
            found[row.point, row.branch] = found.get((row.point, row.branch), True) and same
    return [line for line, same in found.items() if same]


def assigned(source: Graph, graph: Graph, pairs: Iterable[tuple[str, str]]) -> Assignment:
    """Which block of ``source`` each block of ``graph`` is a copy of, by where its tensors come
    from; ``pairs`` of (target, source).

    Raises InvariantError where a block would be a copy of two.
    """
    theirs, ours = Inside(source), Inside(graph)
    there = {node: block for block in theirs.blocks.values() for node in block.nodes}
    here = {node: block for block in ours.blocks.values() for node in block.nodes}
    origins: dict[str, Block] = {}
    for to, origin in pairs:
        block, source_block = here[_node(to)], there[_node(origin)]
        if origins.setdefault(block.name, source_block) != source_block:
            raise InvariantError(
                f"{block.name} is a copy of {origins[block.name].name} and of {source_block.name}"
            )
    pairings, met = [], set()
    for block in graph.blocks:
        found = origins.get(block.name)
        if found is None and block.role != "block" and not ours.nodes(block):
            found = theirs.blocks.get(block.name)  # without a tensor there is nothing to carry
        again = found is not None and block.role == "block" and found.name in met
        if found is not None:
            met.add(found.name)
        pairings.append(Pairing(block, found, again))
    return Assignment(tuple(pairings), dict(pairs), ())


def _node(tensor: str) -> str:
    return tensor.rpartition(".")[0]


def _signature(assignment: Assignment) -> tuple[object, ...]:
    return tuple(
        (each.target.name, each.source and each.source.name)
        for each in assignment.pairings
        if each.target.role == "block"
    )


def _trace(plan: Plan, outcome: Outcome) -> _Trace | None:
    """None where nothing was carried to another network."""
    if outcome.ticket is None:
        return None
    ticket = plan.stages[outcome.ticket]
    if not isinstance(ticket.work, Rewind):
        return None
    state = plan.stages[ticket.inputs["state"]].work
    mask = plan.stages[ticket.inputs["mask"]]
    remask = mask.work if isinstance(mask.work, Remask) else None
    if remask is not None and "mask" in mask.inputs:
        mask = plan.stages[mask.inputs["mask"]]
    chosen = mask.work if isinstance(mask.work, Prune) else None
    if chosen is not None and chosen.only:  # the other tensors' masks are those that it reads
        mask = plan.stages[mask.inputs["like"]]
    mapmask = mask.work if isinstance(mask.work, Mapmask) else None
    transfer = state if isinstance(state, Transfer) else None
    # Pre-trained weights are carried too, from another network than the ticket's.
    own = plan.point(outcome.point).graph
    is_own = transfer is not None and (not plan.spec.get("pretrain") or transfer.source == own)
    if mapmask is None and not (outcome.prunable and is_own):
        return None
    if transfer is not None and mapmask is not None and transfer.source != mapmask.source:
        transfer = None  # likewise
    return _Trace(state, transfer, mapmask, remask, chosen)


def _line(
    name: str, trace: _Trace, graph: Graph, outcomes: Sequence[Outcome], facts: Facts
) -> CarriedLine:
    masked = tuple(trace.chosen.tensors) if trace.chosen else ()
    if trace.mapmask is not None:
        masked = tuple(target for target, _ in trace.mapmask.tensors)
    moved: tuple[str, ...] = ()
    if trace.remask is not None:
        moved = trace.remask.only or trace.remask.tensors
        masked = tuple(p.name for p in graph.prunable if p.name in (*masked, *moved))
    elif trace.chosen is not None:
        moved = tuple(name for group in trace.chosen.only for name in group) or masked
    kept: dict[int, dict[str, list[int]]] = {}
    for outcome in outcomes:
        ticket = facts.get(outcome.ticket) if outcome.ticket is not None else None
        if ticket is not None and "kept" in ticket:
            for tensor in (p.name for p in graph.prunable if p.name in ticket["kept"]):
                kept.setdefault(outcome.level, {}).setdefault(tensor, []).append(
                    ticket["kept"][tensor]
                )
    return CarriedLine(name, _weights(trace), _mask(trace), masked, moved, kept)


def _weights(trace: _Trace) -> str:
    if trace.transfer is not None:
        return CARRIED
    return FRESH if isinstance(trace.state, Init) and trace.state.draw else OWN


def _mask(trace: _Trace) -> str:
    if trace.chosen is not None:
        by = f"by {trace.chosen.criterion} on the other network"
        only, of = sum(map(len, trace.chosen.only)), len(trace.chosen.tensors)
        return f"{by} in {only} of {of} layers" if only else by
    if trace.remask is None:
        return CARRIED if trace.mapmask and trace.mapmask.tensors else "dense"
    if trace.remask.operator == "random":
        return "drawn at random"
    if trace.remask.operator == "shuffle-all":
        return "shuffled across layers"
    only, of = len(trace.remask.only), len(trace.remask.tensors)
    return f"shuffled within {only} of {of} layers" if only else "shuffled within layers"
