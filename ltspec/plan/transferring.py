"""Takes a spec and a branch of kind ``transfer``; gives the network that it carries tickets to.

Plain functions, which rules ask too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ltspec.decisions.amounts import Level
from ltspec.decisions.layerwise import SPREADS, Spread
from ltspec.errors import Diagnostic, Path
from ltspec.language.unknown import Unknown
from ltspec.language.variants import Variant, as_branch_sees, is_elsewhere
from ltspec.networks import elastic
from ltspec.networks.elastic import Assignment, Rule
from ltspec.networks.graph import Graph
from ltspec.plan import origins, resolve

KEYS = ("depth", "widths", "classifier", "blocks", "options")
"""What may be different in the other network."""


RANDOM: Mapping[str, Spread] = {"random-uniform": "uniform", "random-erk": "erk"}
"""Words for a mask at random places, and how its weights are shared out among layers."""
OF_THE_TICKET: Mapping[str, Mapping[str, str]] = {
    "random": {"weights": "mapped", "mask": "shuffled"},
    "shuffled": {"weights": "mapped", "mask": "shuffled-copies"},
    "reinit": {"weights": "fresh", "mask": "mapped"},
}
"""Controls that are the carried ticket with something changed, and what."""
CONTROLS = ("imp", "random", "shuffled", "reinit", "magnitude", "snip", "grasp")
"""Every control, in the order of the table."""
OF_THE_TARGET = tuple(word for word in CONTROLS if word not in OF_THE_TICKET)
"""Controls that are the other network's own: they begin with its own training."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What a branch carries tickets to, and how."""

    spec: Any
    """The spec as the other network's own experiment would have it: its model, the branch's data
    and training, the tensors exempt that a carried mask does not cover, and the rates of tensors
    under their names there."""
    source: Graph
    graph: Graph
    """The other network."""
    assignment: Assignment
    masked: tuple[str, ...]
    """The source's tensors that masks cover, in graph order."""
    tensors: tuple[str, ...]
    """The other network's tensors that masks cover, in graph order."""
    levels: tuple[Level, ...] = ()
    """The levels that are carried, with what the source's masks keep."""

    @property
    def is_the_same(self) -> bool:
        """Whether the other network is the ticket's own and each tensor its own copy, so that what
        is carried is what was there."""
        pairs = self.assignment.tensors.items()
        whole = not self.assignment.afresh and self.tensors == self.masked
        return whole and self.graph == self.source and all(a == b for a, b in pairs)

    @property
    def has_copies(self) -> bool:
        """Whether any block that masks cover is a second or later copy of one."""
        return bool(set(self.assignment.copies) & set(self.tensors))

    @property
    def dense(self) -> tuple[str, ...]:
        """Those of ``tensors`` that no mask of the source is carried to."""
        return tuple(name for name in self.tensors if name not in self.assignment.tensors)


def written(branch: Any) -> dict[str, Any]:
    """The keys that a branch has written behind ``to``."""
    values = {key: getattr(branch.to, key) for key in KEYS}
    return {key: value for key, value in values.items() if value is not None}


def asked_controls(branch: Any, copies: bool) -> tuple[str, ...]:
    """The controls that a branch asks for. ``copies``: whether its map repeats any block; `all`
    does not shuffle copies where there are none, and of a ticket file asks for fresh weights."""
    if branch.controls == "all":
        if origins.is_of_a_file(branch):
            return ("reinit",)
        return tuple(word for word in CONTROLS if copies or word != "shuffled")
    return tuple(word for word in CONTROLS if word in branch.controls)


def changed(branch: Any, word: str) -> Any:
    """The branch as one of the controls that are its ticket, changed."""
    return Variant(branch, controls=(), **OF_THE_TICKET[word])


def trains_otherwise(branch: Any) -> bool:
    """Whether a branch is trained in a way of its own, or on other data."""
    return branch.train is not None or branch.data is not None


def with_model(spec: Any, branch: Any) -> Any:
    """The spec as the branch sees it, with the other network for its model."""
    seen = as_branch_sees(spec, branch)
    return Variant(seen, model=Variant(spec.model, **written(branch)))


def rules(branch: Any) -> dict[int, Rule]:
    """The branch's map: by stage, from 1, and at 0 for the stages without one of their own."""
    found = branch.map
    if found is None:
        return {}
    if isinstance(found, str) or found.stages is None:
        return {0: _rule(found, ("map",))}
    return {
        int(name.removeprefix("stage")): _rule(one, ("map", "stages", name))
        for name, one in found.stages.items()
    }


def _rule(found: Any, path: Path) -> Rule:
    if isinstance(found, str):
        return Rule(found, path=path)  # type: ignore[arg-type]  # one of the words
    if found.blocks is not None:
        by_number = {
            int(name.removeprefix("block")): places for name, places in found.blocks.items()
        }
        return Rule("blocks", written=by_number, path=path)
    if found.keep is not None:
        return Rule("keep", found.keep, path=path)
    if found.append is not None:
        return Rule("append", found.append, path=path)
    return Rule("interpolate", found.interpolate, path=path)


def assigned(spec: Any, branch: Any) -> tuple[Assignment | None, list[Diagnostic]]:
    """Where each tensor of the other network comes from, and what is wrong with that."""
    target = with_model(spec, branch)
    return elastic.assign(
        origins.graph(spec, branch),
        resolve.graph(target),
        rules(branch),
        fresh_classifier=branch.classifier == "fresh",
    )


def carried(spec: Any, branch: Any) -> Carried:
    """The other network of a branch. Raises Unknown where the map is not right: a rule says so."""
    found, _ = assigned(spec, branch)
    if found is None:
        raise Unknown("map")
    target = with_model(spec, branch)
    source, graph = origins.graph(spec, branch), resolve.graph(target)
    masked = origins.masked(spec, branch)
    tensors = elastic.covered(found, source, masked, graph)
    exempt = tuple(p.name for p in graph.prunable if p.name not in tensors)
    levels = tuple(origins.levels(spec, branch))
    prune: dict[str, Any] = {"exempt": exempt}
    if not is_elsewhere(branch) and (written := _rates(spec)):
        like = elastic.likened(found, source, graph)
        prune["schedule"] = Variant(spec.prune.schedule, rates=_by_name(like, written, tensors))
    seen = Variant(target, prune=Variant(spec.prune, **prune))
    return Carried(seen, source, graph, found, tuple(masked), tuple(tensors), levels)


def _rates(spec: Any) -> Mapping[str, float]:
    """``prune.schedule.rates``; empty where a schedule has none."""
    schedule = spec.prune.schedule
    return schedule.rates if schedule.name == "iterative" else {}


def _by_name(
    like: Mapping[str, str], rates: Mapping[str, float], tensors: Sequence[str]
) -> dict[str, float]:
    """The rate of each of ``tensors``, which is that of the tensor of another network that it is
    like (:func:`ltspec.networks.elastic.likened`)."""
    return {name: resolve.rate(like[name], rates) for name in tensors}


def has_rates_as_there(spec: Any, branch: Any) -> bool:
    """Whether a spec's own ``prune.schedule.rates`` are, tensor by tensor, those of the spec whose
    tickets the branch carries: layers may have other names in the two."""
    ours, theirs = _rates(spec), _rates(origins.spec_of(spec, branch))
    if not ours and not theirs:
        return True
    to = carried(spec, branch)
    like = elastic.likened(to.assignment, to.source, to.graph)
    own = {name: resolve.rate(name, ours) for name in to.tensors}
    return own == _by_name(like, theirs, to.tensors)


def keep(counts: tuple[int, ...], to: Carried) -> tuple[int, ...]:
    """How many weights a carried mask keeps: one count for each tensor of ``to``, or one for all of
    them; nothing where only the run can say, because the source's mask was cut across layers and
    its layers are not copied equally often. ``counts``: of the source's tensors, or of all."""
    sizes = {parameter.name: parameter.size for parameter in to.graph.parameters}
    origin = to.assignment.tensors
    dense = set(to.dense)
    if len(counts) == len(to.masked) > 1:
        by_name = dict(zip(to.masked, counts, strict=True))
        return tuple(sizes[name] if name in dense else by_name[origin[name]] for name in to.tensors)
    copied = [origin[name] for name in to.tensors if name not in dense]
    times = {copied.count(name) for name in to.masked}
    if len(times) > 1:
        return ()
    return (times.pop() * sum(counts) + sum(sizes[name] for name in dense),)


def kept(counts: tuple[int, ...], branch: Any, to: Carried) -> tuple[tuple[int, ...], Spread]:
    """How many weights the mask of a branch keeps: the counts of :func:`keep`, shared out among
    layers as the branch says; and how the run shares them out where only it can say how many."""
    if branch.mask == "dense":
        sizes = {parameter.name: parameter.size for parameter in to.graph.parameters}
        return tuple(sizes[name] for name in to.tensors), ""
    mapped = keep(counts, to)
    if not isinstance(branch.mask, str) and branch.mask.only is not None:
        apart = len(mapped) > 1 and all(len(group) == 1 for group in chosen(branch.mask.scope, to))
        return (mapped if apart or not mapped else (sum(mapped),)), ""
    if not isinstance(branch.mask, str):
        return matched(mapped, branch.mask.scope, to)
    if branch.mask in RANDOM:
        return shared(mapped, RANDOM[branch.mask], to)
    return ((sum(mapped),) if mapped and branch.mask == "shuffled-all" else mapped), ""


def chosen(scope: str | None, to: Carried) -> tuple[tuple[str, ...], ...]:
    """The tensors of blocks that are a second or later copy, as far as masks cover them: in groups
    within which weights are compared, which are blocks for the scope ``global`` and tensors else
    (None is the spec's own)."""
    groups = []
    for pairing in to.assignment.pairings:
        if pairing.copy:
            nodes = pairing.target.nodes
            there = tuple(name for name in to.tensors if name.rpartition(".")[0] in nodes)
            groups += [there] if there else []
    if (scope or to.spec.prune.scope) == "global":
        return tuple(groups)
    return tuple((name,) for group in groups for name in group)


def matched(
    keep: tuple[int, ...], scope: str | None, to: Carried
) -> tuple[tuple[int, ...], Spread]:
    """As many weights as a mapped mask keeps, shared out by another scope (None is the spec's own);
    and where only the run can say how many these are, how it shares them out. ``keep``: what
    :func:`keep` says."""
    scope = scope or to.spec.prune.scope
    if scope == "layer" == to.spec.prune.scope and len(keep) == len(to.tensors):
        return keep, ""
    return shared(keep, resolve.spread_of(to.spec, scope), to)


def shared(keep: tuple[int, ...], spread: Spread, to: Carried) -> tuple[tuple[int, ...], Spread]:
    """The same by a key of :data:`ltspec.decisions.layerwise.SPREADS`, or for ``global`` one count
    for all tensors."""
    if not keep:
        return (), spread
    if spread == "global":
        return (sum(keep),), ""
    shapes = {parameter.name: parameter.shape for parameter in to.graph.parameters}
    return SPREADS[spread]([shapes[name] for name in to.tensors], sum(keep)), ""
