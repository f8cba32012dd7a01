"""Takes nothing; gives the stage kinds, and the Plan that is made of them.

    kind      reads                       gives
    Init      a state?                    a state: initial weights, or fresh ones that have the
                                          signs of the state that is read
    Train     a state, earlier ones?      a state, ``start`` to ``stop`` steps on; where the mask
                                          changes on the way, the last one too
    Prune     a state?, a mask?, like?    a mask that keeps exactly ``keep`` weights, or as many as
                                          the mask ``like``
    Remask    a mask?, like?              a mask that keeps as many weights in other places
    Combine   two masks                   a mask of what both keep, or either of them
    Perturb   a state, a mask             a state, its surviving weights changed
    Transfer  a state, a fresh one?       a state of another network, tensor by tensor
    Mapmask   a mask?                     a mask of another network, tensor by tensor
    Rewind    a state, a mask             a ticket: the state's weights under the mask
    Load      nothing                     a ticket out of a file
    Adopt     a fresh state?              a state out of a file of weights
    Evaluate  a state                     loss and accuracy on a split
    Line      two states                  the same at points of the line between them
    Contrast  two states                  how differently the two answer on a split
    Compare   states, masks               how far apart they are, or how their weights lie

The list is closed: the runner has one arm for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ltspec.data.alteration import Alteration
from ltspec.decisions.dynamic.schedule import MaskSchedule
from ltspec.decisions.layerwise import Spread
from ltspec.decisions.recalibration import Recalibration
from ltspec.decisions.recipe import Recipe
from ltspec.decisions.sample import Sample
from ltspec.language.points import labelled
from ltspec.networks.graph import Graph
from ltspec.plan.replicates import Replicate

SplitName = Literal["test", "train"]
MaskOperator = Literal["shuffle-layer", "shuffle-all", "random"]
MaskPair = Literal["intersect", "union"]
ANCHOR = "anchor"
"""What the roles of earlier solutions begin with: ``anchor1``, ``anchor2``, ..."""
Question = Literal["distance", "overlap", "distribution", "threshold"]


@dataclass(frozen=True, slots=True)
class Init:
    """Draw initial weights, :func:`ltspec.decisions.initial.initial_weights`.

    Where a state is read, its weights of conv and linear layers keep their signs and take the sizes
    of the draw; all else of it stays."""

    graph: str
    """Key into :attr:`Plan.graphs`."""
    rule: str
    seed: int
    draw: int
    """0 for a replicate's own start; others are independent draws for fresh weights."""
    norm_scale: str | None = None
    """Rule for the scales of norms; None where the network has none, or they are those of the state
    that is read."""
    signs_of: int | None = None
    """The draw whose signs the weights take; None for their own, or those of the state."""


@dataclass(frozen=True, slots=True)
class Train:
    """Play the tape of ``recipe`` from ``start`` to ``stop``, the optimiser fresh at ``start``."""

    graph: str
    recipe: Recipe
    start: int
    stop: int
    repulsion: float | None = None
    """Strength of the term that repels from the states that it reads as anchors,
    :mod:`ltspec.decisions.repulsion`; None where it reads none."""
    masks: MaskSchedule | None = None
    """How the mask changes on the way; None where it stays what the state that is read has."""


@dataclass(frozen=True, slots=True)
class Prune:
    """Score weights and keep the highest, :func:`ltspec.decisions.masks.prune`."""

    graph: str
    criterion: str
    version: int
    """Version of the criterion."""
    seed: int | None
    """Seed of the scores; None where the criterion draws nothing."""
    tensors: tuple[str, ...]
    """The prunable tensors, in graph order."""
    keep: tuple[int, ...]
    """How many weights are kept: one count for each tensor, or one for all; none where there are
    as many as in the mask that is read as ``like``, which only the run can count."""
    rounds: int = 1
    """Scores are taken and weights pruned so many times, by equal factors, until ``keep``."""
    sample: Sample | None = None
    """The examples that scores are taken on; None where the criterion looks at none."""
    invert: bool = False
    """Whether the lowest scores are kept, and not the highest."""
    by_size: bool = False
    """Whether scores are ranked by their absolute values."""
    temperature: float = 1.0
    """What outputs are divided by before the loss that scores are taken of."""
    per_class: int | None = None
    """How many of the sample's examples are of each class; None where classes do not matter."""
    spread: Spread = ""
    """How the weights of the mask ``like`` are shared out; empty where ``keep`` says."""
    only: tuple[tuple[str, ...], ...] = ()
    """Groups of tensors that are pruned, each on its own and to as many weights as the mask
    ``like`` keeps in it; the other tensors keep that mask. ``keep`` is what is kept in all, none
    where only the run can say. Empty for all tensors."""


@dataclass(frozen=True, slots=True)
class Remask:
    """Put a mask's weights in other places, :mod:`ltspec.decisions.operators`."""

    graph: str
    operator: MaskOperator
    """Permute the mask that is read, or draw one where none is."""
    seed: int
    draw: int
    level: int
    tensors: tuple[str, ...]
    """The prunable tensors, in graph order."""
    keep: tuple[int, ...]
    """How many weights are kept: one count for each tensor, or one for all; none where only the
    mask that is read can say."""
    only: tuple[str, ...] = ()
    """The tensors whose mask is permuted, the others staying as they are; empty for all."""
    spread: Spread = ""
    """``random``: as in :class:`Prune`."""


@dataclass(frozen=True, slots=True)
class Combine:
    """Put two masks together, :mod:`ltspec.decisions.operators`."""

    graph: str
    operator: MaskPair
    tensors: tuple[str, ...]
    """The prunable tensors, in graph order."""


@dataclass(frozen=True, slots=True)
class Perturb:
    """Change the weights that a mask keeps, :mod:`ltspec.decisions.operators`; one of the last two
    fields says how. All weights of conv and linear layers, exempt ones whole."""

    graph: str
    seed: int
    draw: int
    level: int
    noise: float | None
    """Standard deviations of a tensor's surviving weights."""
    permute: Literal["layer", "filters"] | None


@dataclass(frozen=True, slots=True)
class Transfer:
    """Carry a state to another network, :mod:`ltspec.decisions.transfer`."""

    graph: str
    """The network that is written."""
    source: str
    """The network of the state that is read."""
    tensors: tuple[tuple[str, str], ...]
    """(target, source) of every parameter and running statistic that is carried, in graph order.
    The others are those of the state ``fresh``, which is read where there are any."""


@dataclass(frozen=True, slots=True)
class Mapmask:
    """Carry a mask to another network, :mod:`ltspec.decisions.transfer`."""

    graph: str
    source: str
    tensors: tuple[tuple[str, str], ...]
    """(target, source) of every mask that is carried, in graph order."""
    dense: tuple[str, ...]
    """Tensors that are pruned in the source's place, and kept whole."""
    keep: tuple[int, ...]
    """How many weights are kept: one count for each tensor that has a mask, in graph order, or one
    for all; none where only the run can say."""


@dataclass(frozen=True, slots=True)
class Rewind:
    """Put the weights of ``state`` under ``mask``; the optimiser is fresh after it."""

    graph: str


@dataclass(frozen=True, slots=True)
class Load:
    """Take a ticket out of a file, :mod:`ltspec.tickets`: a state with its masks."""

    graph: str
    content: str
    """Hash of the ticket's network and arrays; :attr:`Plan.tickets` says where the file is, which
    is no part of the key."""


@dataclass(frozen=True, slots=True)
class Adopt:
    """Begin with the weights of a file, :mod:`ltspec.weights`: a dense state."""

    graph: str
    content: str
    """sha256 of the file; :attr:`Plan.weights` says where it is, which is no part of the key."""
    layout: Literal["canonical", "keras"]
    """How weights of linear and conv layers lie in it, :mod:`ltspec.weights.layout`."""
    tensors: tuple[tuple[str, str], ...]
    """(ours, the file's) of every parameter and running statistic that is read, in graph order. The
    others are those of the state ``fresh``, which is read where there are any."""


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Loss and accuracy on a whole split of a data set."""

    graph: str
    data: str
    data_version: int
    split: SplitName
    alteration: Alteration | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """Error and loss on a whole split along the line between two networks, running statistics
    interpolated too: :func:`ltspec.decisions.line.point`. The networks may have different masks:
    what is pruned is zero."""

    graph: str
    data: str
    data_version: int
    split: SplitName
    alphas: int
    """Evenly spaced points from the first network to the second, both of them among these."""
    alteration: Alteration | None = None
    beyond: int = 0
    """Points that follow with the same spacing beyond each end."""
    recalibration: Recalibration | None = None
    """What running statistics are computed from again at each point; None interpolates them."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """On a whole split, how many examples two networks classify differently, and how far their
    losses are apart."""

    graph: str
    data: str
    data_version: int
    split: SplitName
    alteration: Alteration | None = None


@dataclass(frozen=True, slots=True)
class Compare:
    """Put weights or masks side by side, in numpy alone; gives facts and no arrays.

        question      reads
        distance      first, second, first_mask?, second_mask?
        overlap       first_mask, second_mask
        distribution  first, first_mask?
        threshold     first, first_mask?, second_mask

    A mask stands beside the state that was trained under it; without one a state is dense.
    ``threshold`` reads the weights that a level pruned, and the masks before and after it.
    """

    graph: str
    question: Question
    tensors: tuple[str, ...]
    """The prunable tensors, in graph order."""
    apart: bool = False
    """``threshold``: whether each tensor was pruned on its own."""
    bins: int = 0
    """``distribution``: bins of a histogram."""
    limit: float | None = None
    """``distribution``: how far the bins reach; None for the largest magnitude."""
    percentiles: tuple[float, ...] = ()
    """``distribution``: which are taken."""


Work = (
    Init
    | Train
    | Prune
    | Remask
    | Combine
    | Perturb
    | Transfer
    | Mapmask
    | Rewind
    | Load
    | Adopt
    | Evaluate
    | Line
    | Contrast
    | Compare
)


@dataclass(frozen=True, slots=True)
class Stage:
    """One piece of work, and the stages that it reads."""

    work: Work
    inputs: Mapping[str, int]
    """Stages read, by role (``state``, ``mask``, ``anchor1``), as places in
    :attr:`Plan.stages`."""
    label: str
    """For people; no part of the key."""
    key: str = ""
    """Hash of the work and of its inputs' keys; equal keys are equal results."""
    run: str = ""
    """Train only: hash of all but ``stop``. Stages of one run are points of one trajectory."""
    follows: int | None = None
    """Train only: an earlier point of the same run, which this stage goes on from."""
    resumable: bool = False
    """Train only: whether another stage goes on from here, so that slots are kept."""

    @property
    def kind(self) -> str:
        """``init``, ``train``, ..."""
        return type(self.work).__name__.lower()

    @property
    def anchors(self) -> tuple[str, ...]:
        """Train only: the roles of the solutions that it is repelled from, in their order."""
        count = sum(role.startswith(ANCHOR) for role in self.inputs)
        return tuple(f"{ANCHOR}{number}" for number in range(1, count + 1))

    @property
    def changes_mask(self) -> bool:
        """Whether it is a training that changes its mask, and so gives one beside its state."""
        return isinstance(self.work, Train) and self.work.masks is not None

    @property
    def reads(self) -> tuple[int, ...]:
        """All stages that must be there before this one."""
        links = tuple(self.inputs.values())
        return links if self.follows is None else (*links, self.follows)

    @property
    def steps(self) -> int:
        """Training steps from its input state; 0 for what is not training."""
        return self.work.stop - self.work.start if isinstance(self.work, Train) else 0


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a sweep; a spec without one has a single point, with the number 0."""

    number: int = 0
    """From 1 in a sweep."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Every key that the sweep sets here, with dots, and its value as it is written."""
    columns: Mapping[str, Any] = field(default_factory=dict)
    """What tells the point apart in a table: ``values``, but for named settings the name of the
    axis and that of the setting."""
    graph: str = ""
    """Its network, as a key into :attr:`Plan.graphs`."""
    prunable: int = 0
    """Weights in the tensors of that network that may be pruned."""

    @property
    def label(self) -> str:
        """``prune.rewind.to=500it, recipe=low``; empty without a sweep."""
        return labelled(self.columns)


@dataclass(frozen=True, slots=True)
class Side:
    """A network that is compared."""

    replicate: int
    branch: str
    """As in :class:`Outcome`."""
    level: int | None
    """None for initial weights."""
    kept: int | None
    """Weights kept in prunable tensors; None as in :class:`Outcome`."""
    prunable: int = 0
    """As in :class:`Outcome`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row of the final table: a network that was trained and measured."""

    replicate: int
    """Number of the replicate, from 1."""
    branch: str
    """``dense``, ``ticket`` or the name of a branch."""
    level: int
    """0 for ``dense``, and for the dense network of a branch whose network is another one."""
    kept: int | None
    """Weights kept in prunable tensors; None where only the ticket itself can say: where masks are
    combined, or carried to another network."""
    ticket: int | None
    """The stage that holds mask and starting weights; None for the dense network."""
    trained: int
    """The stage that holds the weights after training."""
    scores: Mapping[str, int]
    """Evaluate stages by split."""
    prunable: int = 0
    """Weights in the tensors of its network that may be pruned; 0 for those of the plan."""
    point: int = 0
    """Number of its point in :attr:`Plan.points`."""

    @property
    def side(self) -> Side:
        """The network as one that is compared."""
        return Side(self.replicate, self.branch, self.level, self.kept, self.prunable)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One answer of a Line, Contrast or Compare stage, and what it is the answer to."""

    measure: str
    """The kind of the entry in the spec's ``measure``: ``instability``, ``distance``, ..."""
    entry: int
    """Which entry it is, from 1."""
    about: str
    """``stability``: ``pruning`` or ``data-order``. ``travelled``: from the ``start`` of training,
    from the ``init``, or ``apart`` for two copies. ``overlap``, ``instability``, ``barrier`` and
    ``function``: what the two differ in, ``siblings`` of copies. Empty for others."""
    sides: tuple[Side, ...]
    """The network that is measured, or two."""
    copies: tuple[int, ...]
    """Numbers of the copies, from 1; empty where the networks of the table are measured."""
    step: int
    """The step from which copies were trained on their own, or at which training began, for
    ``stability`` and ``travelled``; else 0."""
    metrics: tuple[str, ...]
    """Which measures of distance are shown."""
    stage: int
    """The stage that gives the answer."""
    point: int = 0
    """Number of its point in :attr:`Plan.points`."""


@dataclass(frozen=True)
class Plan:
    """What a spec means: stages in an order in which they can run."""

    name: str
    spec: Mapping[str, Any]
    """The spec with every default filled in, as JSON-ready data."""
    graphs: Mapping[str, Graph] = field(default_factory=dict)
    """Networks by the hash of their description."""
    replicates: tuple[Replicate, ...] = ()
    tickets: Mapping[str, str] = field(default_factory=dict)
    """Where the ticket files are that are loaded: a path by the hash of the content."""
    weights: Mapping[str, str] = field(default_factory=dict)
    """Where the files of weights are that networks begin with: a path by the hash of the file."""
    points: tuple[Point, ...] = (Point(),)
    """Those of the sweep, in order; one with the number 0 where there is none."""
    data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The ``data`` section of each point of a sweep, and of other specs whose tickets are carried,
    by the name that stages have for its data set. What is not there is that of ``spec``. A folder
    of images is found by it; the size of images is that of each stage's network."""
    stages: tuple[Stage, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    written: int = 0
    """Stages before equal ones became one."""
    written_steps: int = 0
    """Training steps that they would have taken, one by one from their start."""

    @property
    def is_sweep(self) -> bool:
        """Whether there is more to tell apart than one experiment."""
        return self.points[0].number > 0

    def point(self, number: int) -> Point:
        """The point of this number."""
        return self.points[max(number - 1, 0)]

    def density(self, network: Outcome | Side, point: int) -> float:
        """Kept share of the weights that may be pruned in a network of this point, where it is
        known how many are kept."""
        assert network.kept is not None
        return network.kept / self.prunable_in(network, point)

    def prunable_in(self, network: Outcome | Side, point: int) -> int:
        """Weights in the tensors of a network that may be pruned."""
        return network.prunable or self.point(point).prunable

    @property
    def prunable(self) -> int:
        """Weights in the tensors that may be pruned. Raises ValueError where points differ in it:
        then :meth:`density` is what can be asked of a row."""
        (prunable,) = {point.prunable for point in self.points}
        return prunable

    def own_steps(self, stage: Stage) -> int:
        """Training steps that a stage adds to the point that it follows."""
        if stage.follows is None:
            return stage.steps
        earlier = self.stages[stage.follows]
        return stage.steps - earlier.steps

    def trainings(self) -> Iterator[tuple[Stage, Train]]:
        """Every training stage with its work."""
        for stage in self.stages:
            if isinstance(stage.work, Train):
                yield stage, stage.work
