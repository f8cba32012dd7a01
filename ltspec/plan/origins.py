"""Takes a spec and a branch of kind ``transfer``; gives whose tickets it carries: the spec's own,
those of another spec, or the one in a file. Of a branch of kind ``retrain``, the ticket file.

Plain functions, which rules ask too. Files are read once a spec, and kept in its
:class:`ltspec.language.home.Home`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ltspec.data.facts import STREAMED
from ltspec.decisions.amounts import Level
from ltspec.errors import LtspecError, SpecError
from ltspec.language.unknown import Unknown
from ltspec.language.variants import is_elsewhere
from ltspec.networks.graph import Graph
from ltspec.plan import resolve
from ltspec.plan.replicates import DENSE, TICKET

if TYPE_CHECKING:
    from ltspec.language.home import Home
    from ltspec.tickets.certificate import Certificate


@dataclass(frozen=True, slots=True)
class Named:
    """A spec that another one names."""

    spec: Any = None
    """None where it cannot be a source of tickets."""
    error: SpecError | None = None
    """What is wrong with it."""
    swept: bool = False
    ring: bool = False
    """Whether it is one of those that it is named by."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The steps that a ticket is trained for."""

    start: int
    stop: int


def is_of_a_file(branch: Any) -> bool:
    """Whether a branch carries the ticket of a file."""
    return is_elsewhere(branch) and branch.origin.ticket is not None


def file_of(spec: Any, branch: Any) -> str:
    """The file that a branch names, from the working directory on."""
    if branch.kind == "retrain":
        return str(branch.ticket)
    return str(spec.home.path(branch.origin.ticket or branch.origin.spec))


def named(spec: Any, branch: Any) -> Named:
    """The spec that a branch names, with what is wrong with it."""
    file, home = file_of(spec, branch), spec.home
    key = "spec", file
    if key not in home.found:
        home.found[key] = _read(file, home)
    found: Named = home.found[key]
    return found


def _read(file: str, home: Home) -> Named:
    from ltspec.language.source import read  # few specs name another one
    from ltspec.language.tree import is_swept
    from ltspec.plan import checked

    if os.path.realpath(file) in map(os.path.realpath, home.files):
        return Named(ring=True)
    try:
        source = read(file)
        if is_swept(source.tree):
            return Named(swept=True)
        return Named(checked(replace(source, home=home.within(file))))
    except SpecError as error:
        return Named(error=error)


def other(spec: Any, branch: Any) -> Any:
    """The spec that a branch names. Raises Unknown where it is wrong: a rule says so."""
    found = named(spec, branch).spec
    if found is None:
        raise Unknown("spec")
    return found


def opened(spec: Any, branch: Any) -> Certificate | LtspecError:
    """The head of the ticket file that a branch names, or why it cannot be read."""
    from ltspec.tickets.certificate import read_certificate  # few specs need it

    file, home = file_of(spec, branch), spec.home
    key = "ticket", file
    if key not in home.found:
        try:
            home.found[key] = read_certificate(Path(file))
        except LtspecError as error:
            home.found[key] = error
    found: Certificate | LtspecError = home.found[key]
    return found


def certificate(spec: Any, branch: Any) -> Certificate:
    """The head of the ticket file that a branch names. Raises Unknown where it cannot be read."""
    found = opened(spec, branch)
    if isinstance(found, LtspecError):
        raise Unknown("ticket")
    return found


def spec_of(spec: Any, branch: Any) -> Any:
    """The spec whose tickets a branch carries, which may be this one; not for a ticket file."""
    return other(spec, branch) if is_elsewhere(branch) else spec


def graph(spec: Any, branch: Any) -> Graph:
    """The network of the tickets that a branch carries."""
    if is_of_a_file(branch):
        return certificate(spec, branch).graph
    return resolve.graph(spec_of(spec, branch))


def masked(spec: Any, branch: Any) -> list[str]:
    """The tensors that masks of these tickets cover, in graph order."""
    if is_of_a_file(branch):
        return list(certificate(spec, branch).masked)
    return [parameter.name for parameter in resolve.prunable(spec_of(spec, branch))]


def all_levels(spec: Any, branch: Any) -> list[Level]:
    """Every level of the tickets that a branch can carry, and how many weights each keeps."""
    if is_of_a_file(branch):
        found = certificate(spec, branch)
        number = max(1, int(found.manifest["level"]))  # 0 is what the dense network is called
        return [Level(number, tuple(found.masked.values()))]
    return resolve.levels(spec_of(spec, branch))


def levels(spec: Any, branch: Any) -> list[Level]:
    """The levels that a branch does carry."""
    found = all_levels(spec, branch)
    if branch.levels == "all":
        return found
    return [level for level in found if level.number in branch.levels]


def rewind(spec: Any, branch: Any) -> Any:
    """``prune.rewind`` of the spec whose tickets they are."""
    return spec_of(spec, branch).prune.rewind


def keeps_pruned_weights(spec: Any, branch: Any) -> bool:
    """Whether what these tickets start from is there without a mask on it."""
    if is_of_a_file(branch):
        return False
    found = rewind(spec, branch)
    return not (found == "none" or found.weights == "end")


def training(spec: Any, branch: Any) -> Stretch | None:
    """The steps that the tickets of another spec, or of a file, are trained for in this spec's own
    training; None where the steps of the two are not the same. Of a branch of kind ``transfer``
    with ``from``, or of kind ``retrain`` with a ticket file.

    A step says where in the schedule and in the data order one is. It is the same in two trainings
    on one data set, altered in the same way, with one batch size and one length; and step 0 is the
    beginning of any.
    """
    total = resolve.total_steps(spec)
    if branch.kind == "retrain" or is_of_a_file(branch):
        manifest = certificate(spec, branch).manifest
        steps = manifest["rewind"]
        start, stop = steps["schedule"], steps["stop"]
        same = (_trained_on(manifest), stop) == (_trained_as(spec), total) and start < stop
    else:
        from ltspec.plan import recipes  # few specs need it

        there = other(spec, branch)
        found = recipes.rewinding(there)
        start, stop = found.start, found.stop
        same = (_trained_as(there), resolve.total_steps(there)) == (_trained_as(spec), total)
    if same:
        return Stretch(start, stop)
    return Stretch(0, total) if start == 0 < stop else None


def _trained_as(spec: Any) -> tuple[Any, ...]:
    """What makes the steps of two trainings the same, but for their number."""
    known = resolve.facts(spec)
    return _steps_like(known.name, known.version, spec)


def _steps_like(name: str, version: int, seen: Any) -> tuple[Any, ...]:
    """Data set, how it is altered, and batch size. Altered data is other data in any way: fewer
    examples make other epochs, and other labels or images make what was learnt by a step another
    thing."""
    return name, version, resolve.alteration(seen), int(seen.train.batch_size)


def _trained_on(manifest: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """The same of the training of a ticket file; None where the file does not say."""
    try:
        data, train = _sections_of(manifest["spec"], manifest["branch"])
        read = [(each["name"], each["version"]) for each in manifest["data"]]
        ((name, version),) = [each for each in read if _is_of(each[0], data["name"])]
        seen = SimpleNamespace(data=SimpleNamespace(**data), train=SimpleNamespace(**train))
        return _steps_like(name, version, seen)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
        return None  # a file may hold any mapping


def _is_of(name: str, written: str) -> bool:
    """Whether a plan's name of a data set is of the written one: of a folder it is made from what
    is in it, which is not at hand here."""
    return name == written or (written in STREAMED and name.startswith(f"{written}-"))


def _sections_of(written: Mapping[str, Any], line: str) -> tuple[Any, Any]:
    """``data`` and ``train`` of a line of a ticket file's spec, which is a plain mapping: nothing
    of it is built or called. Raises KeyError where there is no such line, and whatever a mapping
    that is no spec raises."""
    from ltspec.tickets.certificate import branch_name  # few specs need it

    own: Mapping[str, Any] = {}
    if line not in (TICKET, DENSE):
        branches = written["branches"]
        name = branch_name(line, branches)
        if name is None:
            raise KeyError(line)
        own = branches[name]  # a control is trained as its branch is
    return own.get("data") or written["data"], own.get("train") or written["train"]


def family(spec: Any, branch: Any) -> str | None:
    """The family of the network of these tickets; None where a file does not say."""
    if not is_of_a_file(branch):
        return str(spec_of(spec, branch).model.family)
    model = certificate(spec, branch).manifest["spec"].get("model")
    found = model.get("family") if isinstance(model, Mapping) else None
    return found if isinstance(found, str) else None
