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
from ltspec.language.source import Source, parse_text, write
from ltspec.language.spec import Spec, examine
from ltspec.language.unknown import Unknown
from ltspec.plan import resolve, transferring, validate
from ltspec.plan.keys import SEMANTICS
from ltspec.plan.passes import compile_spec
from ltspec.plan.retraining import makers, retraining, starts_from_ticket
from ltspec.plan.rules import networks
from ltspec.plan.stages import Outcome, Plan
from ltspec.tickets.certificate import Certificate, branch_name

MOST = 50_000
"""Networks of a plan, each counted 10 times and once more for each layer that may be pruned: 3,800
of LeNet-300-100, or 1,600 of ResNet-20. They take a few seconds to plan."""


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
    called here. Nor is one whose plan is large (:data:`MOST`). Raises TicketError: LT417 where the
    spec cannot be compiled here, LT415 where its plan does not make the ticket although this is
    the ltspec that says so.
    """
    manifest = certificate.manifest
    if _names_code(manifest["spec"]):
        raise _cannot("its network is made by a function, and no file decides what is called here")
    if manifest["semantics"] != SEMANTICS:
        raise _cannot(
            f"its keys have the semantics {manifest['semantics']}, and these are {SEMANTICS}"
        )
    try:
        source = parse_text(write(_alone(manifest)), "the ticket's spec")
        if _size(source) > MOST:
            raise _cannot("its plan is large, and no file decides how long is planned here")
        spec = validate(source)
        plan = compile_spec(spec)
    except TicketError:
        raise
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
    """The spec of a ticket without what decides nothing about the ticket: what is measured and
    asked, and the branches of other lines. Raises TicketError (LT417) where it was carried from a
    ticket that another file has, and where the spec is not that of one point of a sweep."""
    spec = {key: part for key, part in manifest["spec"].items() if key not in ("measure", "ask")}
    if spec.get("sweep"):
        raise _cannot("its spec has a sweep, and a ticket is that of one point")
    branches = spec.get("branches")
    if not isinstance(branches, Mapping):
        return spec
    kept = _behind(manifest["branch"], branches)
    if any("from" in branch for branch in kept.values() if isinstance(branch, Mapping)):
        raise _cannot(_NOT_IN_IT)
    return {**spec, "branches": kept}


def _behind(line: str, branches: Mapping[str, Any]) -> dict[str, Any]:
    """The branches that a line is made by: its own, or the one whose control it is, and those
    whose masks theirs are made from."""
    kept: dict[str, Any] = {}
    waiting = [line]
    while waiting:
        name = branch_name(waiting.pop(), branches)
        if name is not None and name not in kept:
            kept[name] = branches[name]
            waiting.extend(_read(branches[name]))
    return kept


def _read(branch: Any) -> list[str]:
    """The branches whose masks another one's is made from."""
    if not isinstance(branch, Mapping):
        return []
    other = branch.get("other")
    names = branch.get("like"), other.get("branch") if isinstance(other, Mapping) else None
    return [name for name in names if isinstance(name, str)]


def _size(source: Source) -> int:
    """How large the plan of a spec is, as :data:`MOST` counts it; 0 where the spec is wrong, or too
    little of it is known here: it is refused by name then."""
    examined = examine(source)
    if examined.diagnostics:
        return 0
    spec = examined.spec
    try:
        graphs = [resolve.graph(spec)]
        graphs += [
            resolve.graph(transferring.with_model(spec, branch))
            for branch in spec.branches.values()
            if branch.kind == "transfer"
        ]
        return networks(spec) * (10 + max(len(graph.prunable) for graph in graphs))
    except (LtspecError, Unknown):
        return 0


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
