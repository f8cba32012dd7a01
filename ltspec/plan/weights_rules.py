"""Takes a spec whose network begins with the weights of a file; gives what is wrong with the file,
or does not fit. Only the header of the file is read, without NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ltspec.errors import Diagnostic, WeightsError
from ltspec.errors import Path as Place
from ltspec.language.unknown import Unknown
from ltspec.networks.graph import Graph
from ltspec.plan import resolve
from ltspec.weights.header import Header, named, read_header
from ltspec.weights.naming import Fit, fit


def fitted(spec: Any, graph: Graph, header: Header) -> Fit:
    """Which tensor of the file is which of ``graph``, a network of the spec's family.

    Raises WeightsError (LT287, LT288); the message names the file.
    """
    fresh = spec.pretrain.classifier == "fresh"
    return named(
        Path(spec.pretrain.weights),
        lambda: fit(graph, spec.model.family, header.tensors, fresh=fresh),
    )


def weights_fit(spec: Any) -> Iterator[Diagnostic]:
    """LT285 to LT289."""
    try:
        header = read_header(Path(spec.pretrain.weights))
        fitted(spec, resolve.graph(spec), header)
    except WeightsError as error:
        drawn = error.code == "LT288" and spec.pretrain.classifier is not None
        place = ("pretrain", "classifier" if drawn else "weights")
        yield Diagnostic(error.code, error.message, place, error.hint)
        return
    for name, branch in spec.branches.items():
        try:
            yield from _branch_fits(spec, name, branch, header)
        except Unknown:  # it needs a part that is wrong, and whose own error is shown
            continue


def _branch_fits(spec: Any, name: str, branch: Any, header: Header) -> Iterator[Diagnostic]:
    """LT289: another network's own training begins with the file too."""
    if branch.kind != "transfer":
        return
    from ltspec.plan import transferring

    words = transferring.asked_controls(branch, copies=True)
    key = "controls" if set(words) & set(transferring.OF_THE_TARGET) else ""
    key = "weights" if branch.weights == "own" else key
    if not key:
        return
    to = transferring.carried(spec, branch)
    place: Place = ("branches", name, key)
    try:
        fitted(to.spec, to.graph, header)
    except WeightsError as error:
        yield Diagnostic(
            "LT289",
            f"branch {name} begins a training of the other network with the same file, and "
            f"{error.message}",
            place,
            "write `weights: mapped`"
            if key == "weights"
            else "leave out `controls`, or those of them that train the other network: "
            + ", ".join(transferring.OF_THE_TARGET),
            at="value" if key == "weights" else "key",
        )
