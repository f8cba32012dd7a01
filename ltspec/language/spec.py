"""Takes a Source; gives a Spec, or every error of its keys at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationError, WithJsonSchema

from ltspec.errors import Diagnostic, Path, SpecError
from ltspec.language.ask import Question
from ltspec.language.branches import Branch
from ltspec.language.checks import VERSION, known_version, number_or_mapping, unique
from ltspec.language.combinations import combinations
from ltspec.language.data import Data
from ltspec.language.home import Home
from ltspec.language.measure import Measure
from ltspec.language.messages import Diagnosis, diagnose
from ltspec.language.model import Model
from ltspec.language.partial import Partial
from ltspec.language.points import SweepPoint, points, read_axes
from ltspec.language.presets import OF_PRESETS, expanded
from ltspec.language.pretrain import Pretrain
from ltspec.language.prune import Prune
from ltspec.language.section import Section, alternatives, fields, is_section
from ltspec.language.source import Source
from ltspec.language.sweep import Axis
from ltspec.language.train import Train
from ltspec.language.tree import empties, is_swept, replaced, tuples
from ltspec.language.unknown import Unknown

__all__ = ["Data", "Examined", "Partial", "Seeds", "Spec", "Unknown", "examine", "parse"]

NAME = r"^[a-z0-9][a-z0-9._-]*$"
NAME_LENGTH = 80
"""What an experiment or a branch may be called: names become parts of paths."""

Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


class Seeds(Section):
    """The seeds of one replicate, each stream on its own."""

    init: Seed
    """Seed of the initial weights."""
    order: Seed
    """Seed of the data order."""
    mask: Seed
    """Seed of everything random in pruning."""


AnySeed = Annotated[
    Annotated[Seed, Tag("number")] | Annotated[Seeds, Tag("mapping")],
    Discriminator(number_or_mapping),
]
# Without dots, which part the keys of a path: `--set branches.reinit.draw=2`.
BranchName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=NAME_LENGTH)]
Split = Literal["test", "train"]


class Spec(Section):
    """A whole experiment, as the user wrote it, with every default filled in."""

    ltspec: Annotated[
        int, AfterValidator(known_version), WithJsonSchema({"type": "integer", "const": VERSION})
    ]
    """The version of the language that the file is written in. There is only version 1."""
    name: Annotated[str, Field(pattern=NAME, max_length=NAME_LENGTH)]
    """What the experiment is called; results lie in a folder of this name. Lower-case letters,
    digits, `.`, `_` and `-`, beginning with a letter or digit, at most 80."""
    about: str = ""
    """Free text for people: what is tried, and why. It changes nothing."""
    preset: str | None = None
    """The recipe of a paper to start from, such as `frankle2020/resnet20-standard`: `model`,
    `data`, `train` and `prune` are then written only where they differ from it. Sections are
    joined key by key, but `rewind`, lists, and a section of another kind (another optimizer, say)
    replace the preset's. `ltspec presets` lists them with their sources."""
    model: Model
    """The network, by its family and size."""
    data: Data
    """The data set that is trained and tested on."""
    train: Train
    """How the dense network and every ticket are trained."""
    pretrain: Pretrain | None = None
    """What the network is trained on before, or a file with the weights that it begins with: these
    weights and running statistics take the place of the initial ones, of the dense network and of
    tickets, with a fresh optimiser. Steps and rewind points count from there on, and `at: init` is
    there. Weights that a `reinitialize` branch draws anew are not pre-trained, but may have the
    signs of those that are (`same_sign`). The default is no pre-training."""
    prune: Prune
    """What is pruned, how far, and where retraining begins."""
    replicates: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """How many times the whole experiment is repeated with other seeds. The default is 1, or the
    number of `seeds` when they are given. The papers use 3 to 5."""
    seeds: Annotated[tuple[AnySeed, ...], Field(min_length=1, max_length=10_000)] | None = None
    """One seed a replicate: a whole number for all of its streams, or
    `{init: 1, order: 1, mask: 1}` apart. The default is 1, 2, 3, ..."""
    branches: dict[BranchName, Branch] = Field(default_factory=dict)
    """What tickets are compared with: a name of your choice, and what is done."""
    measure: tuple[Measure, ...] = ()
    """What is asked of networks beyond their accuracy, such as `{kind: instability, of: [dense]}`.
    Each entry has rows in a table of its own."""
    ask: tuple[Question, ...] = ()
    """What the results are to answer in one number, such as `{kind: sparsest-matching, of:
    [ticket, reinit]}`: for each replicate, for the mean over replicates, and with lowest, highest,
    standard deviation and a 95% confidence interval. Nothing is trained or measured for it, and
    what a question needs and is not there is an error."""
    evaluate: Annotated[
        tuple[Split, ...],
        Field(min_length=1, json_schema_extra={"uniqueItems": True}),
        AfterValidator(unique),
    ] = ("test",)
    """On which splits loss and accuracy are measured: `test`, `train` or both."""
    sweep: dict[str, Axis] = Field(default_factory=dict)
    """The same experiment at several points: each combination of these entries, in the order in
    which they are written, the last varying fastest. An entry is a key, with dots, and a list of
    its values: `prune.rewind.to: [0it, 500it]`. Or it is a name of your choice, with either lists
    of one length that go together (`size: {model.depth: [20, 32], train.duration: [160ep, 200ep]}`)
    or named settings (`recipe: {standard: {}, low: {train.optimizer.lr: 0.01}}`). Values may be
    whole sections (`data: [{name: mnist}, {name: fashion-mnist}]`). What points have in common is
    done once."""

    @cached_property
    def home(self) -> Home:
        """Where the spec lies; the working directory for one that no file is known of."""
        return Home()

    def lies_in(self, home: Home) -> Spec:
        """The same spec, which names files from there on."""
        self.__dict__["home"] = home
        return self

    @cached_property
    def points(self) -> tuple[tuple[SweepPoint, Spec], ...]:
        """Each point of the sweep with its own spec; without a sweep, this one alone.

        Every point is known to be right (:func:`ltspec.plan.validate`).
        """
        if not self.sweep:
            return ((SweepPoint(0, ()), self),)
        tree = self._as_written()
        axes, _ = read_axes(tree)
        return tuple(
            (point, Spec.model_validate(tuples(point.tree(tree))).lies_in(self.home))
            for point in points(axes)
        )

    def _as_written(self) -> dict[str, Any]:
        """What is written, without defaults."""
        return self.model_dump(mode="json", exclude_unset=True, by_alias=True)

    def resolved(self) -> dict[str, Any]:
        """The spec as a plain tree with every default filled in; it parses to an equal experiment.

        A key without a value (``schedule`` of a branch that follows its ticket) is left out. So are
        the defaults of a section some of whose keys a sweep sets, where these decide which
        defaults there are.
        """
        tree = self.model_dump(mode="json", exclude_none=True, by_alias=True)
        if self.sweep:
            self._keep_as_written(tree)
        seeds = tree.get("seeds") or list(range(1, (self.replicates or 1) + 1))
        tree.setdefault("replicates", len(seeds))
        tree["seeds"] = [
            seed["init"] if isinstance(seed, dict) and len({*seed.values()}) == 1 else seed
            for seed in seeds
        ]
        order = list(type(self).model_fields)
        return dict(sorted(tree.items(), key=lambda item: order.index(item[0])))

    def _keep_as_written(self, tree: dict[str, Any]) -> None:
        """Put sections of several kinds that are swept back to what was written of them."""
        as_written = self._as_written()
        axes, _ = read_axes(as_written)
        for axis in axes:
            for one in (one for setting in axis.settings for one in setting.assignments):
                path = _to_choice(one.path)
                into: Any = tree
                written: Any = as_written
                for key in path[:-1]:
                    into, written = into[key], written.get(key, {})
                into.pop(path[-1], None)
                if path[-1] in written:
                    into[path[-1]] = written[path[-1]]


def _to_choice(path: Path) -> Path:
    """The path as far as the first part that may be of several kinds; else all of it."""
    annotation: Any = Spec
    for length, key in enumerate(path):
        (section,) = alternatives(annotation)
        if not is_section(section) or key not in fields(section):
            return path[:length] or path[:1]
        annotation = fields(section)[str(key)].annotation
        if len(alternatives(annotation)) > 1:
            return path[: length + 1]
    return path


@dataclass(frozen=True, slots=True)
class Examined:
    """What is known of a spec after all its keys were looked at."""

    spec: Spec | Partial
    """The spec when every key is right; else a stand-in that raises :class:`Unknown` at what is
    wrong, so that rules over several keys still run on what is right."""
    diagnostics: tuple[Diagnostic, ...]
    """Every error of a key, in the order of the file."""
    source: Source
    """What was looked at: with the keys of the preset."""
    unknown: tuple[Path, ...]
    """Where nothing is known: at what is wrong, and where a misspelt key belongs."""
    meant: frozenset[Path]
    """Keys that are not there and that misspelt ones were probably meant to be."""

    def without(self, paths: Iterable[Path]) -> Partial:
        """The spec as far as it is known, and nothing known at these paths either."""
        unknown = (*self.unknown, *paths)
        return Partial(Spec, self.source.tree, unknown, self.source.home)


def examine(source: Source, unknown: Iterable[Path] = ()) -> Examined:
    """Look at every key of a spec; what stands at the ``unknown`` paths is left to others.

    A file of another version of the language is not looked at further: what its keys mean is
    not known.
    """
    given = {*source.holes, *unknown}
    holes = set(given)
    meant: set[Path] = set()
    found = empties(source.tree)
    no_preset = False
    try:
        source = expanded(source)
    except SpecError as error:
        found += error.diagnostics
        no_preset = True
        holes |= {(section,) for section in OF_PRESETS}
    spec: Spec | Partial
    try:
        spec = Spec.model_validate(tuples(source.tree)).lies_in(source.home)
    except ValidationError as error:
        wrong = diagnose(error, Spec, found)
        told = [*wrong.found, *_of_any_kind(source.tree, wrong)]
        if no_preset:  # most of these sections need not be written, and which it has is not known
            told = [each for each in told if not _may_be_of_the_preset(each)]
        stray = {diagnostic.path for diagnostic in told if diagnostic.code == "LT101"}
        found = [each for each in found if each.path not in stray] + told
        meant = wrong.meant
        holes |= meant
        if versions := [diagnostic for diagnostic in found if diagnostic.code == "LT108"]:
            found, holes = versions, {()}
    found = [each for each in found if not any(_is_at(each.path, hole) for hole in given)]
    holes |= {diagnostic.path for diagnostic in found}
    if holes:
        spec = Partial(Spec, source.tree, holes, source.home)
    # Of a sweep, each point's keys are to go together, and not those beneath its values.
    clashes = [] if is_swept(source.tree) else list(combinations(spec))
    clashes = [each for each in clashes if each.path not in meant]
    if clashes:
        found += clashes
        holes |= {diagnostic.path for diagnostic in clashes}
        spec = Partial(Spec, source.tree, holes, source.home)
    found += source.problems
    return Examined(spec, source.placed(found), source, tuple(holes), frozenset(meant))


def _is_at(path: Path, hole: Path) -> bool:
    return path[: len(hole)] == hole


def _of_any_kind(tree: Any, wrong: Diagnosis) -> Iterator[Diagnostic]:
    """What else is wrong in sections that do not say of which kind they are: what would be wrong
    in each that may be meant, so that it is told before the kind is mended."""
    told = {diagnostic.path for diagnostic in wrong.found}
    for path, (tag, *words) in wrong.kinds.items():
        first, *others = (_of_kind(tree, path, tag, word) for word in words)
        for found in first:
            if found.path not in told and all(found in other for other in others):
                yield found


def _of_kind(tree: Any, path: Path, tag: str, word: str) -> list[Diagnostic]:
    """What would be wrong in a section if it said that it is of this kind."""
    named, _ = replaced(tree, [*map(str, path), tag], word)
    try:
        Spec.model_validate(tuples(named))
    except ValidationError as error:
        wrong = diagnose(error, Spec, empties(tree)).found
        return [each for each in wrong if each.path[: len(path)] == path]
    return []


def _may_be_of_the_preset(found: Diagnostic) -> bool:
    """Whether a key is missing that a preset may have."""
    return found.code == "LT102" and found.path[0] in OF_PRESETS


def parse(source: Source) -> Spec:
    """The spec that a source says.

    Raises:
        SpecError: with every wrong key (LT101 to LT108) at once.
    """
    examined = examine(source)
    if examined.diagnostics:
        raise SpecError(examined.diagnostics, source.file, source.text)
    assert isinstance(examined.spec, Spec)
    return examined.spec
