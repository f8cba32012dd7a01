"""Takes a plan that makes a ticket, and a file of that ticket; gives the plan that trains the file
as the ticket was trained, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ltspec.language.spec import Spec
from ltspec.networks.graph import Graph
from ltspec.plan.keys import graph_key
from ltspec.plan.legality import check
from ltspec.plan.passes import add_keys
from ltspec.plan.stages import Load, Outcome, Plan, Stage


def makers(plan: Plan, key: str) -> list[Outcome]:
    """The outcomes of a plan whose ticket has this key."""
    return [
        outcome
        for outcome in plan.outcomes
        if outcome.ticket is not None and plan.stages[outcome.ticket].key == key
    ]


def starts_from_ticket(plan: Plan, outcome: Outcome) -> bool:
    """Whether what was measured was trained from the ticket. One whose mask changed in training
    was not: its ticket comes after it."""
    return outcome.ticket in _ancestors(plan, [outcome.trained], set())


def retraining(
    plan: Plan, spec: Spec, outcome: Outcome, graph: Graph, content: str, file: str
) -> Plan:
    """The stages between an outcome's ticket and its scores, the ticket out of a file.

    ``graph`` and ``content`` are those of the file. Whatever else these stages read is in the plan
    as well; a training that another one goes on from is trained as one.
    """
    assert outcome.ticket is not None
    needed = _needed(plan, outcome)
    load = Stage(Load(graph_key(graph), content), {}, plan.stages[outcome.ticket].label)
    stages: list[Stage] = []
    moved: dict[int, int] = {}
    for place in needed:
        stage = load if place == outcome.ticket else plan.stages[place]
        inputs = {role: moved[read] for role, read in stage.inputs.items()}
        moved[place] = len(stages)
        plain = replace(stage, inputs=inputs, key="", run="", follows=None, resumable=False)
        stages.append(plain)
    bare = replace(
        plan,
        graphs={**plan.graphs, graph_key(graph): graph},
        tickets={**plan.tickets, content: file},
        stages=tuple(stages),
        outcomes=(
            replace(
                outcome,
                ticket=moved[outcome.ticket],
                trained=moved[outcome.trained],
                scores=_moved(outcome.scores, moved),
            ),
        ),
        measurements=(),
        written=len(stages),
        written_steps=sum(stage.steps for stage in stages),
    )
    found = add_keys(bare, spec)
    check(found, after=retraining.__name__)
    return found


def _moved(places: Mapping[str, int], moved: Mapping[int, int]) -> dict[str, int]:
    return {split: moved[place] for split, place in places.items()}


def _needed(plan: Plan, outcome: Outcome) -> list[int]:
    """Places that the scores read, in order; what the ticket itself reads is left out."""
    assert outcome.ticket is not None
    roots = [outcome.trained, *outcome.scores.values()]
    return sorted(_ancestors(plan, roots, {outcome.ticket}))


def _ancestors(plan: Plan, roots: Iterable[int], known: set[int]) -> set[int]:
    """The roots and all that they read, directly or not, but for what ``known`` reads."""
    found, waiting = set(known), list(roots)
    while waiting:
        place = waiting.pop()
        if place not in found:
            found.add(place)
            waiting.extend(plan.stages[place].inputs.values())
    return found
