"""Takes a spec, or the right parts of one; gives what is wrong with the data that it asks for.

The part of :mod:`ltspec.plan.rules` that is about data sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ltspec.data.facts import STREAMED, USUAL_SIZE
from ltspec.errors import DataError, Diagnostic
from ltspec.language.unknown import Unknown
from ltspec.plan import resolve


def keys_of_other_data(spec: Any) -> Iterator[Diagnostic]:
    """LT107, LT102: keys under ``data`` that this data set cannot have, or needs."""
    for rule in (_path_is_of_a_folder, _sizes_are_of_streamed, _changes_are_of_whole, _side_is_cut):
        with suppress(Unknown):
            yield from rule(spec.data)


def _path_is_of_a_folder(data: Any) -> Iterator[Diagnostic]:
    if data.name == "folder" and data.path is None:
        yield Diagnostic(
            "LT102",
            "`path` is missing from `data`: a folder of images has to be named",
            ("data", "path"),
            "add `path: my/images`, a folder with `train/CLASS/` and `test/CLASS/`",
        )
    if data.name != "folder" and data.path is not None:
        yield Diagnostic(
            "LT107",
            f"`path` is for `name: folder`; {data.name} lies in the data directory",
            ("data", "path"),
            "leave `path` out; `--data` or LTSPEC_DATA name the data directory",
            at="key",
        )


def _sizes_are_of_streamed(data: Any) -> Iterator[Diagnostic]:
    if data.name in STREAMED:
        return
    for key in ("size", "shorter_side"):
        if getattr(data, key) is not None:
            yield Diagnostic(
                "LT107",
                f"`{key}` is for images of any size, and those of {data.name} have one",
                ("data", key),
                f"leave `{key}` out",
                at="key",
            )
    if data.augment == "resized-crop-flip":
        yield Diagnostic(
            "LT107",
            f"`resized-crop-flip` is for images that are decoded as they come, not {data.name}",
            ("data", "augment"),
            "write `crop-flip`",
        )


def _changes_are_of_whole(data: Any) -> Iterator[Diagnostic]:
    for key, idle in (("blur", 1), ("rotation", False)) if data.name in STREAMED else ():
        with suppress(Unknown):
            if getattr(data, key) != idle:
                yield Diagnostic(
                    "LT107",
                    f"`{key}` is for data sets that are read whole, and {data.name} is streamed",
                    ("data", key),
                    f"leave `{key}` out",
                    at="key",
                )


def _side_is_cut(data: Any) -> Iterator[Diagnostic]:
    if data.name not in STREAMED or data.shorter_side is None:
        return
    size = data.size or USUAL_SIZE
    if data.shorter_side < size:
        yield Diagnostic(
            "LT107",
            f"`shorter_side` is {data.shorter_side}, and a square of {size} is cut out of it",
            ("data", "shorter_side"),
            f"write at least {size}",
        )


def seed_is_for_chance(spec: Any) -> Iterator[Diagnostic]:
    """LT107."""
    data = spec.data
    if data.seed and not (data.random_labels or data.subsample < 1 or data.rotation):
        yield Diagnostic(
            "LT107",
            "`seed` is for `random_labels`, `subsample` and `rotation`, and none of them is there",
            ("data", "seed"),
            "leave `seed` out; the data order has its own, under `seeds`",
            at="key",
        )


def folder_can_be_listed(spec: Any) -> Iterator[Diagnostic]:
    """LT220."""
    data = spec.data
    if data.name != "folder" or data.path is None:
        return
    from ltspec.data.folder import folder_facts  # few specs need it

    try:
        folder_facts(Path(data.path), data.size or USUAL_SIZE, data.shorter_side)
    except DataError as error:
        yield Diagnostic("LT220", error.message, ("data", "path"), error.hint)


def batch_fits_data(spec: Any) -> Iterator[Diagnostic]:
    """LT201."""
    known, size = resolve.facts(spec), spec.train.batch_size
    if size > known.train:
        yield Diagnostic(
            "LT201",
            f"batch_size is {size:,}, but {_named(spec)} has {known.train:,} training examples",
            ("train", "batch_size"),
            f"write at most {known.train}",
        )


def _named(spec: Any) -> str:
    """What a data set is called where its examples are counted."""
    data = spec.data
    name = str(data.path if data.name == "folder" else data.name)
    return name if data.subsample == 1 else f"a subsample of {data.subsample:g} of {name}"


def scores_fit_data(spec: Any) -> Iterator[Diagnostic]:
    """LT201, LT243."""
    criterion = spec.prune.criterion
    if criterion.name == "snip":
        known = resolve.facts(spec)
        if criterion.examples != "all" and criterion.examples > known.train:
            yield Diagnostic(
                "LT201",
                f"the criterion looks at {criterion.examples:,} examples, but {_named(spec)} has "
                f"{known.train:,} to train on",
                ("prune", "criterion", "examples"),
                "write `all`, or a smaller number",
            )
    elif criterion.name == "grasp":
        known, count = resolve.facts(spec), criterion.examples_per_class
        if count != "all" and count * known.classes > known.train:
            yield Diagnostic(
                "LT243",
                f"the criterion looks at {count:,} examples of each of {known.classes:,} classes, "
                f"but {_named(spec)} has {known.train:,} to train on",
                ("prune", "criterion", "examples_per_class"),
                f"write `all`, or at most {known.train // known.classes}",
            )


def modes_have_norms(spec: Any) -> Iterator[Diagnostic]:
    """LT107."""
    criterion = spec.prune.criterion
    if criterion.name not in ("snip", "grasp") or criterion.mode != "train":
        return
    written = {
        # GraSP's mode is `train` where none is written.
        ("mode", "`mode: train` is"): criterion.name == "snip",
        ("batch_size", "batches are"): criterion.batch_size is not None,
    }
    if any(written.values()) and not resolve.graph(spec).buffers:
        for (key, what), there in written.items():
            if there:
                yield Diagnostic(
                    "LT107",
                    f"{what} about norms, and this network has none",
                    ("prune", "criterion", key),
                    f"leave `{key}` out",
                    at="value" if key == "mode" else "key",
                )


DATA_RULES: tuple[Callable[[Any], Iterator[Diagnostic]], ...] = (
    keys_of_other_data,
    seed_is_for_chance,
    folder_can_be_listed,
    batch_fits_data,
    scores_fit_data,
    modes_have_norms,
)
