"""Takes a spec, or the right parts of one; gives what is wrong with its pre-training.

The part of :mod:`ltspec.plan.rules` that is about ``pretrain``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ltspec.data.facts import FACTS, STREAMED
from ltspec.errors import Diagnostic
from ltspec.language.unknown import Unknown
from ltspec.language.variants import as_pretrained, pretrained_sections
from ltspec.networks.elastic import tensors_of
from ltspec.plan import resolve

Rule = Callable[[Any], Iterator[Diagnostic]]


def pretraining_is_right(spec: Any, rules: Sequence[Rule]) -> Iterator[Diagnostic]:
    """LT265, LT285 to LT289 of weights out of a file, and what ``rules``, which the spec's own data
    and training follow, find in those of its pre-training. Where the spec's ``train`` does not go
    with that data, the data is to blame.
    """
    if spec.pretrain is None:
        return
    if spec.pretrain.weights is not None:
        from ltspec.plan.weights_rules import weights_fit  # few specs need it

        yield from _asked(weights_fit(spec))
        return
    yield from _asked(data_fits(spec))
    own = pretrained_sections(spec)
    for rule in rules:
        found = list(_asked(rule(as_pretrained(spec))))
        for each in found:
            if each.path[0] in own:
                yield replace(each, path=("pretrain", *each.path))
        borrowed = [each for each in found if each.path[0] == "train" and "train" not in own]
        if borrowed and not list(_asked(rule(spec))):
            yield Diagnostic(
                borrowed[0].code,
                f"with the spec's `train` on this data, {borrowed[0].message}",
                ("pretrain", "data"),
                "write a `train` for `pretrain`",
                at="key",
            )


def data_fits(spec: Any) -> Iterator[Diagnostic]:
    """LT265."""
    path = ("pretrain", "data", "name")
    if spec.pretrain.data.name in STREAMED:
        yield Diagnostic(
            "LT265",
            "a network is pre-trained on data sets that are read whole, and "
            f"{spec.pretrain.data.name} is streamed",
            path,
            "write another data set",
        )
        return
    seen = as_pretrained(spec)
    ours, theirs = resolve.facts(spec).shape, resolve.facts(seen).shape
    if ours != theirs:
        fitting = [key for key, facts in FACTS.items() if facts.shape == ours]
        yield Diagnostic(
            "LT265",
            f"the network is made for {_shown(ours)} images, and these are {_shown(theirs)}",
            path,
            f"such data sets are {', '.join(fitting)}" if fitting else "",
        )
        return
    networks = resolve.graph(spec), resolve.graph(seen)
    names = [{tensor.name for tensor in tensors_of(graph)} for graph in networks]
    if names[0] != names[1]:
        yield Diagnostic(
            "LT265",
            f"the network has other layers for {networks[1].classes} classes than for "
            f"{networks[0].classes}",
            path,
            "write a data set with as many classes, or a function that changes only the output",
        )


def _shown(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _asked(found: Iterator[Diagnostic]) -> Iterator[Diagnostic]:
    try:
        yield from found
    except Unknown:  # it needs a part that is wrong, and whose own error is shown
        return
