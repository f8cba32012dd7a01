"""Takes a spec, or what is right of one; gives what is wrong between keys of one section.

Rules that need the data set or the network are not here but in :mod:`ltspec.plan`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ltspec.errors import Diagnostic, Path
from ltspec.language.unknown import Unknown

_REWIND: Path = ("prune", "rewind")


def combinations(spec: Any) -> Iterator[Diagnostic]:
    """Keys that exclude or need each other. A rule whose keys are wrong themselves is left out."""
    for rule in (_nesterov_needs_momentum, _rewind_is_one_of_two):
        try:
            yield from rule(spec)
        except Unknown:
            continue


def _nesterov_needs_momentum(spec: Any) -> Iterator[Diagnostic]:
    optimizer = spec.train.optimizer
    if optimizer.name == "sgd" and optimizer.nesterov and optimizer.momentum == 0:
        yield Diagnostic(
            "LT107",
            "`nesterov` looks ahead along the velocity, and without `momentum` there is none",
            ("train", "optimizer", "nesterov"),
            "write `momentum: 0.9`, or leave `nesterov` out",
        )


def _rewind_is_one_of_two(spec: Any) -> Iterator[Diagnostic]:
    rewind = spec.prune.rewind
    if isinstance(rewind, str):
        return
    apart = {"weights": rewind.weights, "schedule": rewind.schedule}
    written = [key for key, value in apart.items() if value is not None]
    if rewind.to is not None:
        retrain = ["retrain"] if rewind.retrain is not None else []
        for key in written + retrain:
            yield Diagnostic(
                "LT107",
                f"`to` rewinds everything to one point, so `{key}` cannot stand beside it",
                (*_REWIND, key),
                f"leave out `{key}`, or replace `to` by `weights` and `schedule`",
                at="key",
            )
        return
    if not written:
        yield Diagnostic(
            "LT102",
            "`prune.rewind` does not say where to",
            (*_REWIND, "to"),
            "write `{to: 0it}`, or `weights` and `schedule` apart",
        )
        return
    for key in apart:
        if key not in written:
            yield Diagnostic(
                "LT102",
                f"`{key}` is missing: weights and schedule are rewound apart, so both are written",
                (*_REWIND, key),
                f"add `{key}: 0it`, or another point",
            )
            return
    if rewind.schedule == "end" and rewind.retrain is None:
        yield Diagnostic(
            "LT102",
            "`retrain` is missing: after the end of the schedule nothing says how long to train",
            (*_REWIND, "retrain"),
            "add `retrain: 3000it`, or another duration",
        )
    if rewind.schedule != "end" and rewind.retrain is not None:
        yield Diagnostic(
            "LT107",
            "`retrain` is only for `schedule: end`: elsewhere the rest of the training follows",
            (*_REWIND, "retrain"),
            "leave `retrain` out, or write `schedule: end`",
            at="key",
        )
