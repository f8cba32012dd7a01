"""Takes a spec and one of its branches; gives the spec as the branch sees it, and places back.

Rules and the compiler ask a variant what they ask the spec, so a branch's own ``train``,
``data``, ``rewind`` and ``criterion`` are held to the same rules and become numbers in the same
way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from ltspec.errors import Diagnostic, Path
from ltspec.language.unknown import Unknown


class Variant:
    """A section, some keys of which have other values."""

    def __init__(self, section: Any, **values: Any) -> None:
        self._section = section
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # not there yet while one is copied
            raise AttributeError(name)
        return getattr(self._section, name)


def is_elsewhere(branch: Any) -> bool:
    """Whether a branch carries other tickets than the spec's own: those of its ``from``."""
    return branch.kind == "transfer" and branch.origin is not None


def follows_its_file(branch: Any) -> bool:
    """Whether a branch of kind ``retrain`` trains a ticket file in the spec's own training, from
    the step on that the file's ticket is of."""
    own = (branch.schedule, branch.train, branch.data)
    return branch.ticket is not None and own == (None, None, None)


def is_combined(branch: Any) -> bool:
    """Whether a branch's mask is the ticket's and another one together."""
    return bool(branch.kind == "combine-masks")


def read_line(branch: Any) -> str | None:
    """The branch whose mask of the same level is read to make another one's; None for the ticket's
    and where none is."""
    if is_combined(branch):
        return None if branch.other.branch is None else str(branch.other.branch)
    like = branch.kind in ("shuffle-mask", "random-mask", "prune") and branch.like
    return str(like) if like else None


def own_sections(branch: Any) -> dict[str, Any]:
    """The sections that a branch has written for itself, by key: ``train``, ``data``, ``rewind``,
    ``criterion``.

    Raises Unknown where one of them is wrong as a whole.
    """
    match branch.kind:
        case "retrain" | "transfer":
            written = {"train": branch.train, "data": branch.data}
            if branch.kind == "transfer":
                written["criterion"] = _scoring_of(branch)
            return {key: section for key, section in written.items() if section is not None}
        case "rewind":
            return {"rewind": branch.rewind}
        case "dynamic":
            return {} if branch.train is None else {"train": branch.train}
        case "prune":
            return {"criterion": branch.criterion}
        case _:
            return {}


def as_branch_sees(spec: Any, branch: Any) -> Any:
    """The spec with the sections that the branch has written in place of its own."""
    own = own_sections(branch)
    inside = {key: own.pop(key) for key in ("rewind", "criterion") if key in own}
    if inside:
        own["prune"] = Variant(spec.prune, **inside)
    return Variant(spec, **own) if own else spec


def _scoring_of(branch: Any) -> Any:
    """The criterion of the mask of a carried ticket; None where it has none, or a wrong one."""
    try:
        return None if isinstance(branch.mask, str) else branch.mask.criterion
    except Unknown:  # `train` and `data` are looked at all the same
        return None


def pretrained_sections(spec: Any) -> dict[str, Any]:
    """The sections that ``pretrain`` has written for itself, by key: ``data``, ``train``.

    Raises Unknown where one of them is wrong as a whole.
    """
    written = {"data": spec.pretrain.data, "train": spec.pretrain.train}
    return {key: section for key, section in written.items() if section is not None}


def as_pretrained(spec: Any) -> Any:
    """The spec with the sections of its pre-training in place of its own."""
    return Variant(spec, **pretrained_sections(spec))


def placed(found: Iterable[Diagnostic], name: str, branch: Any) -> Iterator[Diagnostic]:
    """What was found in a branch's variant of the spec, at the branch's own keys; what is about
    other keys is left out."""
    own = own_sections(branch)
    for each in found:
        inside = each.path[0] == "prune" and each.path[1:2] and each.path[1] in own
        path = each.path[1:] if inside else each.path
        if path[0] in own:
            home: Path = ("mask",) if branch.kind == "transfer" and inside else ()
            yield replace(each, path=("branches", name, *home, *path))
