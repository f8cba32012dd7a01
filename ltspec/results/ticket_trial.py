"""Takes a ticket; gives whether its spec makes it, and what comes of it when it is trained again.

The certificate names a spec, and the key of the stage that made the ticket. The spec is compiled
again, and its plan must hold that key: so the spec is the one that the ticket is from. Then the
plan says how the ticket is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ltspec.engine.backend import Precision
from ltspec.engine.runner import scores
from ltspec.engine.session import Session
from ltspec.engine.store import Store
from ltspec.engine.watch import Watch
from ltspec.errors import LtspecError, TicketError
from ltspec.language.source import parse_text, write
from ltspec.language.spec import Spec
from ltspec.plan import validate
from ltspec.plan.keys import SEMANTICS
from ltspec.plan.passes import compile_spec
from ltspec.plan.retraining import makers, retraining, starts_from_ticket
from ltspec.plan.stages import Outcome, Plan
from ltspec.tickets.certificate import Certificate


@dataclass(frozen=True, slots=True)
class Origin:
    """The plan that makes a ticket."""

    spec: Spec
    plan: Plan
    outcome: Outcome
    """The row of the plan's table that is the ticket's."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One split's score of a ticket that was trained again."""

    split: str
    examples: int
    written: float
    """Accuracy (share) that the file says."""
    found: float
    within: float
    """How far apart the two may be."""

    @property
    def passed(self) -> bool:
        """Whether they are as near."""
        return abs(self.found - self.written) <= self.within


def origin(certificate: Certificate) -> Origin:
    """Compile the spec of a ticket, and find the ticket in its plan.

    A spec that names a function is not compiled: a file of somebody else's would choose what is
    called here. Raises TicketError: LT417 where the spec cannot be compiled here, LT415 where its
    plan does not make the ticket although this is the ltspec that says so.
    """
    manifest = certificate.manifest
    if _names_code(manifest["spec"]):
        raise _cannot("its network is made by a function, and no file decides what is called here")
    if manifest["semantics"] != SEMANTICS:
        raise _cannot(
            f"its keys have the semantics {manifest['semantics']}, and these are {SEMANTICS}"
        )
    try:
        spec = validate(parse_text(write(_alone(manifest)), "the ticket's spec"))
        plan = compile_spec(spec)
    except LtspecError as error:
        raise _cannot(f"its spec is refused here: {error.message} ({error.code})") from None
    for outcome in makers(plan, manifest["keys"]["ticket"]):
        here = outcome.branch, outcome.level, outcome.replicate
        if here == (manifest["branch"], manifest["level"], manifest["replicate"]):
            return Origin(spec, plan, outcome)
    made_with = manifest["made_with"].get("ltspec")
    if made_with != version("ltspec"):
        raise _cannot(f"this ltspec gives its spec other keys than ltspec {made_with} did")
    raise TicketError(
        f"its spec makes no ticket of the key {manifest['keys']['ticket']} at "
        f"{manifest['branch']}, level {manifest['level']}",
        code="LT415",
    )


def _alone(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """The spec of a ticket without branches that carry tickets of other files, none of which is in
    this one, and without what is asked of these. Raises TicketError (LT417) for such a ticket."""
    spec = manifest["spec"]
    branches = spec.get("branches")
    if not isinstance(branches, Mapping):
        return dict(spec)
    carried = [name for name, one in branches.items() if isinstance(one, Mapping) and "from" in one]
    line = manifest["branch"]
    of_control = line not in branches and any(line.startswith(f"{name}-") for name in carried)
    if line in carried or of_control:
        raise _cannot(_NOT_IN_IT)
    if not carried:
        return dict(spec)
    kept = {name: one for name, one in branches.items() if name not in carried}
    left_out = ("measure", "ask", "branches")
    return {**{k: v for k, v in spec.items() if k not in left_out}, "branches": kept}


_NOT_IN_IT = "it was carried from a ticket of another file, which is not in this one"


def _cannot(why: str) -> TicketError:
    return TicketError(f"the ticket cannot be trained again: {why}", code="LT417")


def _names_code(spec: Any) -> bool:
    """Whether a function's name is anywhere in a spec."""
    if isinstance(spec, Mapping):
        named = "function" in spec or spec.get("family") == "custom"
        return named or any(_names_code(value) for value in spec.values())
    return isinstance(spec, list) and any(_names_code(value) for value in spec)


def train_again(
    certificate: Certificate,
    file: Path,
    *,
    backend: str,
    device: str,
    precision: Precision,
    threads: int | None,
    store: Path,
    data: Path,
    note: Callable[[str], None],
    watch: Watch,
    within: float,
) -> list[Trial]:
    """Train a ticket file by its certificate, on any backend, and compare its accuracy.

    Data sets must have the bytes that the certificate names. Raises TicketError (LT415, LT417) as
    :func:`origin` does, DataError (LT307) for other data, and whatever a run raises.
    """
    found = origin(certificate)
    if not starts_from_ticket(found.plan, found.outcome):
        raise _cannot("its mask changed in training, so what was measured did not begin with it")
    graph, content = certificate.graph, certificate.content
    plan = retraining(found.plan, found.spec, found.outcome, graph, content, str(file))
    session = Session.open(
        plan,
        backend=backend,
        device=device,
        precision=precision,
        threads=threads,
        store=store,
        data=data,
        note=note,
    )
    _expect_data(session.store, certificate.manifest["data"])
    session.run(watch, checkpoint_seconds=30)
    return list(_trials(certificate, plan, session, within))


def _expect_data(store: Store, expected: list[Mapping[str, Any]]) -> None:
    """Let the store know the bytes that the ticket was made from, so that others are refused."""
    for each in expected:
        store.check_data(each["name"], each["fingerprint"], each["version"])


def _trials(
    certificate: Certificate, plan: Plan, session: Session, within: float
) -> Iterator[Trial]:
    facts = scores(plan, session.realm)
    for split, place in plan.outcomes[0].scores.items():
        written = certificate.manifest["measured"][split]
        now: Mapping[str, Any] = facts[place]
        yield Trial(split, now["examples"], written["accuracy"], now["accuracy"], within)
