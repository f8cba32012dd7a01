"""Takes a spec, or what is right of one; gives what is wrong between keys of one section.

Rules that need the data set or the network are not here but in :mod:`ltspec.plan`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ltspec.errors import Diagnostic, Path
from ltspec.language.unknown import Unknown
from ltspec.language.variants import as_branch_sees, as_pretrained, placed

_REWIND: Path = ("prune", "rewind")


def combinations(spec: Any) -> Iterator[Diagnostic]:
    """Keys that exclude or need each other. A rule whose keys are wrong themselves is left out."""
    for rule in (
        _nesterov_needs_momentum,
        _rewind_is_one_of_two,
        _scores_have_weights,
        _batches_are_for_norms,
        _rates_are_for_layers,
        _repelled_is_trained,
        _changing_masks_rank_by_size,
        _pretraining_is_one_of_two,
        _pretraining_is_whole,
        _branches_are_whole,
        _measures_are_whole,
        _questions_are_whole,
    ):
        with suppress(Unknown):
            yield from rule(spec)


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
    if rewind == "none":
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
            "`rewind` does not say where to",
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


def _scores_have_weights(spec: Any) -> Iterator[Diagnostic]:
    criterion, rewind = spec.prune.criterion, spec.prune.rewind
    if criterion.name == "random" or criterion.at != "rewind":
        return
    if isinstance(rewind, str) or rewind.weights == "end":
        yield Diagnostic(
            "LT107",
            "`at: rewind` looks at the weights of the rewind point, and these are not rewound",
            ("prune", "criterion", "at"),
            "write `at: end` or `at: init`, or a point behind `prune.rewind`",
        )


def _batches_are_for_norms(spec: Any) -> Iterator[Diagnostic]:
    criterion = spec.prune.criterion
    if criterion.name not in ("snip", "grasp"):
        return
    if criterion.mode == "eval" and criterion.batch_size is not None:
        yield Diagnostic(
            "LT107",
            "`batch_size` is for `mode: train`: with running statistics it would change nothing",
            ("prune", "criterion", "batch_size"),
            "leave `batch_size` out, or write `mode: train`",
            at="key",
        )


def _branches_are_whole(spec: Any) -> Iterator[Diagnostic]:
    for name, branch in spec.branches.items():
        for rule in (
            _perturbs_one_way,
            _retrains_otherwise,
            _scored_weights_are_there,
            _leaves_a_term_out,
            _transfers_somewhere,
            _scores_fresh_weights,
            _compares_within_copies,
            _draws_something,
            _shares_of_a_branch_fall,
            _maps_in_one_way,
            _own_sections_are_whole,
        ):
            with suppress(Unknown):
                yield from rule(spec, name, branch)


def _perturbs_one_way(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    if branch.kind != "perturb":
        return
    if branch.noise is None and branch.permute is None:
        yield Diagnostic(
            "LT102",
            f"branch {name} does not say how weights are perturbed",
            ("branches", name, "noise"),
            "add `noise: 0.5` or `permute: layer`",
        )
    if branch.noise is not None and branch.permute is not None:
        yield Diagnostic(
            "LT107",
            "`noise` and `permute` are two perturbations, and a branch has one",
            ("branches", name, "permute"),
            "write two branches",
            at="key",
        )


def _retrains_otherwise(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    own = ("train", "data", "ticket")
    if branch.kind == "retrain" and all(getattr(branch, key) is None for key in own):
        yield Diagnostic(
            "LT102",
            f"branch {name} does not say what is other than in the ticket's training",
            ("branches", name, "train"),
            "add `train`, `data` or `ticket`, or write `kind: rewind` for another starting point",
        )


def _scored_weights_are_there(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    if branch.kind == "prune" and branch.weights == "scored" and branch.criterion.name == "random":
        yield Diagnostic(
            "LT107",
            "`weights: scored` lays the mask on the weights that were scored, and the criterion "
            "random looks at none",
            ("branches", name, "weights"),
            "leave `weights` out, or write another criterion",
        )


def _leaves_a_term_out(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    # A mask that changes is trained without the term, and so is another network.
    own = branch.kind in ("dynamic", "transfer")
    if not own and not branch.repel and spec.prune.repel is None:
        yield Diagnostic(
            "LT107",
            "`repel: false` leaves out the term of `prune.repel`, and there is none",
            ("branches", name, "repel"),
            "leave `repel` out, or add `prune.repel`",
            at="key",
        )


def _transfers_somewhere(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    if branch.kind == "transfer":
        for rule in (_carries, _own_weights_are_the_specs, _own_classifier):
            with suppress(Unknown):
                yield from rule(branch, ("branches", name))


def _carries(branch: Any, path: Path) -> Iterator[Diagnostic]:
    to = branch.to
    if branch.origin is not None:
        yield from _comes_from_one(branch, path)
        return
    sizes = (to.depth, to.widths, to.classifier, to.blocks, to.options)
    if branch.map is None and branch.data is None and all(written is None for written in sizes):
        yield Diagnostic(
            "LT102",
            f"branch {path[-1]} does not say where the ticket is carried",
            (*path, "to"),
            "add `to: {depth: 32}` or another size, or `data`",
        )


def _own_weights_are_the_specs(branch: Any, path: Path) -> Iterator[Diagnostic]:
    if (branch.train is not None or branch.data is not None) and branch.weights == "own":
        yield Diagnostic(
            "LT107",
            "`weights: own` are those of the spec's own training, and this branch has another one",
            (*path, "weights"),
            "write `mapped` or `fresh`, or leave `train` and `data` out",
        )


def _own_classifier(branch: Any, path: Path) -> Iterator[Diagnostic]:
    if branch.weights == "own" and branch.classifier == "fresh":
        yield Diagnostic(
            "LT107",
            "with `weights: own` the classifier is that of the other network's own training",
            (*path, "classifier"),
            "leave `classifier` out, or write `weights: mapped`",
        )


def _scores_fresh_weights(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    if branch.kind != "transfer" or branch.weights != "fresh" or isinstance(branch.mask, str):
        return
    criterion = branch.mask.criterion
    if criterion.name != "random" and criterion.at != "init":
        yield Diagnostic(
            "LT107",
            f"`at: {criterion.at}` looks at weights that were trained, and `weights: fresh` are "
            "drawn anew",
            ("branches", name, "mask", "criterion", "at"),
            "write `at: init`, or `weights: mapped`",
        )


def _compares_within_copies(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    if branch.kind != "transfer" or isinstance(branch.mask, str):
        return
    if branch.mask.only is not None and branch.mask.scope == "erk":
        yield Diagnostic(
            "LT107",
            "with `only` each block keeps as many weights as the mapped mask does there, so `erk` "
            "shares nothing out",
            ("branches", name, "mask", "scope"),
            "write `scope: layer` or `global`, or leave `only` out",
        )


def _comes_from_one(branch: Any, path: Path) -> Iterator[Diagnostic]:
    ticket, spec = branch.origin.ticket, branch.origin.spec
    if ticket is None and spec is None:
        yield Diagnostic(
            "LT102",
            "`from` does not say whose ticket is carried",
            (*path, "from", "spec"),
            "add `spec: FILE` or `ticket: FILE`, or leave `from` out for the spec's own",
        )
    if ticket is not None and spec is not None:
        yield Diagnostic(
            "LT107",
            "`ticket` and `spec` are two sources, and a branch has one",
            (*path, "from", "spec"),
            "write two branches",
            at="key",
        )
    if ticket is not None and branch.levels != "all":
        yield Diagnostic(
            "LT107",
            "a ticket file is one ticket, so there are no `levels` to choose from",
            (*path, "levels"),
            "leave `levels` out, or name the spec of the ticket: `from: {spec: FILE}`",
            at="key",
        )


_DRAWN = frozenset({"random", "shuffled", "reinit"})
"""Controls of a carried ticket that draw something."""


def _draws_something(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    if branch.kind == "transfer":
        by_chance = isinstance(branch.mask, str) and branch.mask.startswith(("shuffled", "random"))
        drawn = "fresh" in (branch.weights, branch.classifier) or by_chance
        drawn = drawn or branch.controls == "all" or not _DRAWN.isdisjoint(branch.controls)
        why = "neither fresh weights nor a shuffled or random mask are drawn"
    elif branch.kind == "dynamic":
        drawn = branch.schedule.name != "gradual"
        why = "`gradual` draws nothing"
    else:
        return
    if branch.draw != 1 and not drawn:
        yield Diagnostic(
            "LT107",
            f"`draw` would change nothing: {why}",
            ("branches", name, "draw"),
            "leave `draw` out",
            at="key",
        )


def _maps_in_one_way(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    if branch.kind != "transfer" or branch.map is None or isinstance(branch.map, str):
        return
    path: Path = ("branches", name, "map")
    yield from _one_way(branch.map, path, ("append", "interpolate", "keep", "blocks", "stages"))
    for stage, written in () if branch.map.stages is None else branch.map.stages.items():
        if not isinstance(written, str):
            with suppress(Unknown):
                yield from _one_way(
                    written, (*path, "stages", stage), ("append", "interpolate", "keep", "blocks")
                )


def _one_way(section: Any, path: Path, keys: tuple[str, ...]) -> Iterator[Diagnostic]:
    written = [key for key in keys if getattr(section, key) is not None]
    if not written:
        yield Diagnostic(
            "LT102",
            "the map does not say which blocks become which",
            (*path, keys[0]),
            f"add one of {', '.join(f'`{key}`' for key in keys)}",
        )
    for key in written[1:]:
        yield Diagnostic(
            "LT107",
            f"`{written[0]}` says already which blocks become which, so `{key}` cannot stand "
            "beside it",
            (*path, key),
            "leave one of them out, or write a map for each stage under `stages`",
            at="key",
        )


def _own_sections_are_whole(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    for rule in (
        _nesterov_needs_momentum,
        _rewind_is_one_of_two,
        _scores_have_weights,
        _batches_are_for_norms,
    ):
        with suppress(Unknown):
            yield from placed(rule(as_branch_sees(spec, branch)), name, branch)


def _pretraining_is_one_of_two(spec: Any) -> Iterator[Diagnostic]:
    pretrain, path = spec.pretrain, ("pretrain",)
    if pretrain is None:
        return
    if pretrain.weights is None:
        if pretrain.data is None:
            yield Diagnostic(
                "LT102",
                "`pretrain` says neither what is trained on nor which weights there are",
                path,
                "add `data` with `name`, or `weights` with the path of a safetensors file",
                at="key",
            )
        if pretrain.classifier is not None:
            yield Diagnostic(
                "LT107",
                "`classifier` is for weights out of a file; after a training the output layer is "
                "kept where the classes are the same, and drawn anew where they are not",
                (*path, "classifier"),
                "leave `classifier` out",
                at="key",
            )
        return
    for key, written in (("data", pretrain.data), ("train", pretrain.train)):
        if written is not None:
            yield Diagnostic(
                "LT107",
                f"the network begins with `weights`, and is not trained before, so `{key}` cannot "
                "stand beside them",
                (*path, key),
                f"leave `{key}` or `weights` out",
                at="key",
            )


def _pretraining_is_whole(spec: Any) -> Iterator[Diagnostic]:
    if spec.pretrain is not None and spec.pretrain.train is not None:
        for found in _nesterov_needs_momentum(as_pretrained(spec)):
            yield replace(found, path=("pretrain", *found.path))


def _repelled_is_trained(spec: Any) -> Iterator[Diagnostic]:
    if spec.prune.repel is not None and spec.prune.rewind == "none":
        yield Diagnostic(
            "LT107",
            "`repel` is about the training of tickets, and `rewind: none` trains none",
            ("prune", "repel"),
            "leave `repel` out, or write where tickets are rewound to",
            at="key",
        )


def _rates_are_for_layers(spec: Any) -> Iterator[Diagnostic]:
    schedule = spec.prune.schedule
    if schedule.name == "iterative" and schedule.rates and spec.prune.scope != "layer":
        yield Diagnostic(
            "LT107",
            f"`rates` are for tensors on their own, and `scope` is `{spec.prune.scope}`",
            ("prune", "schedule", "rates"),
            "write `scope: layer`, or leave `rates` out",
            at="key",
        )


def _measures_are_whole(spec: Any) -> Iterator[Diagnostic]:
    for number, measure in enumerate(spec.measure):
        path: Path = ("measure", number)
        for rule in (
            _batches_are_seen,
            _reach_has_points,
            _lines_are_named_once,
            _levels_are_of_lines,
            _copies_only,
        ):
            with suppress(Unknown):
                yield from rule(measure, path)


def _questions_are_whole(spec: Any) -> Iterator[Diagnostic]:
    for number, question in enumerate(spec.ask):
        with suppress(Unknown):
            yield from _levels_are_of_lines(question, ("ask", number))


def _batches_are_seen(measure: Any, path: Path) -> Iterator[Diagnostic]:
    if measure.kind not in ("instability", "barrier") or measure.batches is None:
        return
    if measure.batchnorm != "recalibrate":
        yield Diagnostic(
            "LT107",
            "`batches` are for `batchnorm: recalibrate`: where statistics are interpolated none "
            "is seen",
            (*path, "batches"),
            "leave `batches` out, or write `batchnorm: recalibrate`",
            at="key",
        )


def _reach_has_points(measure: Any, path: Path) -> Iterator[Diagnostic]:
    if measure.kind != "barrier" or not measure.reach:
        return
    spacing = 1 / (measure.alphas - 1)
    if measure.reach * (measure.alphas - 1) + 1e-9 < 1:
        yield Diagnostic(
            "LT107",
            f"points are {spacing:.3g} apart, so that none lies within {measure.reach:g} beyond "
            "an end",
            (*path, "reach"),
            "write a larger `reach` or more `alphas`, or leave `reach` out",
        )


def _lines_are_named_once(measure: Any, path: Path) -> Iterator[Diagnostic]:
    if measure.kind not in ("barrier", "function") or isinstance(measure.between, str):
        return
    if measure.of is not None:
        yield Diagnostic(
            "LT107",
            "`between` names two lines, so `of` cannot stand beside it",
            (*path, "of"),
            "leave `of` out",
            at="key",
        )


def _levels_are_of_lines(measure: Any, path: Path) -> Iterator[Diagnostic]:
    """Of an entry of ``measure`` or of ``ask``."""
    if measure.kind not in ("instability", "barrier", "function", "travelled", "first-stable"):
        return
    alone = measure.of is not None and list(measure.of) == ["dense"]
    if alone and measure.levels != "all" and any(measure.levels):
        yield Diagnostic(
            "LT107",
            "`levels` are those of tickets and branches, and `of` names the dense network alone",
            (*path, "levels"),
            "leave `levels` out, or add `ticket` to `of`",
            at="key",
        )


def _copies_only(measure: Any, path: Path) -> Iterator[Diagnostic]:
    if (
        measure.kind == "stability"
        and "data-order" not in measure.to
        and measure.siblings is not None
    ):
        yield Diagnostic(
            "LT107",
            "`siblings` are copies that are trained for `data-order`, which `to` does not name",
            (*path, "siblings"),
            "leave `siblings` out, or add `data-order` to `to`",
            at="key",
        )
    if measure.kind != "function" or measure.between == "siblings":
        return
    for key in ("at", "siblings"):
        if getattr(measure, key) is not None:
            yield Diagnostic(
                "LT107",
                f"`{key}` is for copies, and `between` is not `siblings`",
                (*path, key),
                f"leave `{key}` out, or write `between: siblings`",
                at="key",
            )


def _changing_masks_rank_by_size(spec: Any) -> Iterator[Diagnostic]:
    if spec.prune.schedule.name in ("gradual", "set", "rigl"):
        for rule in (_smallest_go, _tensors_are_on_their_own, _repelled_masks_stay, _shares_fall):
            with suppress(Unknown):
                yield from rule(spec)


def _smallest_go(spec: Any) -> Iterator[Diagnostic]:
    criterion = spec.prune.criterion
    if criterion.name != "magnitude" or criterion.at != "end" or criterion.invert:
        yield Diagnostic(
            "LT107",
            f"with the schedule `{spec.prune.schedule.name}` the smallest weights go while the "
            "network is trained, and no other criterion is asked",
            ("prune", "criterion"),
            "leave `criterion` out, or write another schedule, such as `one-shot`",
            at="key",
        )


def _tensors_are_on_their_own(spec: Any) -> Iterator[Diagnostic]:
    schedule = spec.prune.schedule
    if schedule.name != "gradual" and spec.prune.scope != "global":
        yield Diagnostic(
            "LT107",
            f"with the schedule `{schedule.name}` each tensor is on its own, and `layers` says how "
            "many weights it has",
            ("prune", "scope"),
            "leave `scope` out, and write `layers: erk` or `layers: uniform` under `schedule`",
            at="key",
        )


def _shares_fall(spec: Any) -> Iterator[Diagnostic]:
    yield from _falls_to_its_end(spec.prune.schedule, ("prune", "schedule"))


def _shares_of_a_branch_fall(spec: Any, name: str, branch: Any) -> Iterator[Diagnostic]:
    if branch.kind == "dynamic":
        yield from _falls_to_its_end(branch.schedule, ("branches", name, "schedule"))


def _falls_to_its_end(schedule: Any, path: Path) -> Iterator[Diagnostic]:
    if schedule.name != "gradual" and schedule.end_fraction and schedule.decay == "constant":
        yield Diagnostic(
            "LT107",
            "`end_fraction` is where `fraction` falls to along a cosine, and `decay: constant` "
            "leaves it as it is",
            (*path, "end_fraction"),
            "leave `end_fraction` out, or write `decay: cosine`",
            at="key",
        )


def _repelled_masks_stay(spec: Any) -> Iterator[Diagnostic]:
    if spec.prune.repel is not None:
        yield Diagnostic(
            "LT107",
            "`repel` compares weights under the mask of a level, and with the schedule "
            f"`{spec.prune.schedule.name}` the mask changes in training",
            ("prune", "repel"),
            "leave `repel` out",
            at="key",
        )
