"""Takes a stage that loads a ticket file; gives the state and the masks in it, checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ltspec.decisions.masks import count_kept
from ltspec.decisions.paths import paths
from ltspec.decisions.state import Array
from ltspec.engine.arrays import pack_buffers, pack_masks, pack_weights
from ltspec.errors import TicketError
from ltspec.networks.graph import Graph
from ltspec.plan.stages import Load
from ltspec.tickets.ticket import read_ticket

Made = tuple[dict[str, Any], dict[str, Array]]
"""As in :mod:`ltspec.engine.perform`."""


def load(work: Load, graph: Graph, path: str) -> Made:
    """The ticket's weights, running statistics and masks, as a ``Rewind`` would give them.

    Facts: those of every ticket, and ``step``, the step of the training that its weights were at.
    Raises TicketError: LT410 to LT415 for what is wrong with the file,
    LT416 where it is not the one, or not of the network, that the plan was made with.
    """
    ticket = read_ticket(Path(path))
    certificate = ticket.certificate
    if certificate.content != work.content:
        raise TicketError(
            f"{path} is another ticket than the one that the plan was made with: its content is "
            f"{certificate.content[:12]}, and was {work.content[:12]}",
            code="LT416",
            hint="give back the earlier file, or run the spec instead of the plan file",
        )
    if certificate.graph != graph:
        raise TicketError(f"{path} is a ticket of another network than the plan's", code="LT416")
    facts = {
        "kept": count_kept(ticket.masks),
        "of": {name: int(mask.size) for name, mask in ticket.masks.items()},
        **paths(graph, ticket.masks).facts(),
        "step": certificate.manifest["rewind"]["weights"],
    }
    arrays = {
        **pack_weights(ticket.weights),
        **pack_buffers(ticket.buffers),
        **pack_masks(ticket.masks),
    }
    return facts, {name: array.copy() for name, array in arrays.items()}
