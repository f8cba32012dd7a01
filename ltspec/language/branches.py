"""Takes nothing; gives the section ``branches``: what tickets are compared with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag

from ltspec.language.checks import unique, word_or_list, word_or_mapping
from ltspec.language.criteria import Criterion
from ltspec.language.data import Data
from ltspec.language.duration import Duration
from ltspec.language.dynamic import Dynamic
from ltspec.language.elastic import ElasticMap, Origin, Target
from ltspec.language.levels import Levels
from ltspec.language.prune import Rewinding
from ltspec.language.section import Section
from ltspec.language.train import Positive, Train

Draw = Annotated[int, Field(ge=1, le=1_000_000)]
BranchName = Annotated[str, Field(min_length=1)]


class Reinitialize(Section):
    """The ticket's mask on fresh initial weights: the control of Frankle and Carbin (2019)."""

    kind: Literal["reinitialize"]
    """What is done with the ticket. `reinitialize`: its mask is kept, its weights are drawn anew
    (Frankle and Carbin 2019, the random reinitialisation control)."""
    levels: Levels = "all"
    """At which levels the branch leaves: `all` of the schedule, or a list such as `[5, 10]`."""
    draw: Draw = 1
    """Which of the independent draws of fresh weights. Two branches with the same number start
    from the same weights."""
    same_sign: bool = False
    """Whether each fresh weight takes the sign of the weight that the ticket starts from: of the
    initial one (Zhou et al. 2019), or where tickets are rewound to a step k, of the one at k
    (Frankle, Schwab and Morcos 2020). Only the sizes of weights of conv and linear layers are new;
    norms, biases and running statistics are the ticket's. Of initial weights, though, the scales of
    norms are drawn anew too, where they are random (`norm_scale: uniform`)."""
    repel: bool = True
    """Whether the term of `prune.repel` is part of its training too, with the same solutions as in
    the ticket's. Without `prune.repel` there is none, and `false` is an error."""
    schedule: Duration | None = None
    """Where learning rate and data order begin. The default is where the ticket's begin."""


class ShuffleMask(Section):
    """The ticket's weights under a random permutation of its mask."""

    kind: Literal["shuffle-mask"]
    """What is done with the ticket. `shuffle-mask`: its mask is permuted at random, and laid on
    the same rewound weights. As many weights are left, in other places."""
    levels: Levels = "all"
    """At which levels the branch leaves: `all` of the schedule, or a list such as `[5, 10]`."""
    within: Literal["layer", "all"] = "layer"
    """What is permuted. `layer`: each tensor's mask on its own, so that each keeps as many weights
    as in the ticket; `all`: those of all prunable tensors together, so that only their sum stays.
    """
    like: BranchName | None = None
    """The branch whose mask of the same level is permuted, such as a `prune` or a `combine-masks`:
    with `within: layer` as many weights are kept in each tensor as there. The default is the
    ticket."""
    draw: Draw = 1
    """Which of the independent permutations. In two branches with the same number each place goes
    to the same one, whichever masks these are."""
    repel: bool = True
    """Whether the term of `prune.repel` is part of its training too, with the same solutions as in
    the ticket's. Without `prune.repel` there is none, and `false` is an error."""
    schedule: Duration | None = None
    """Where learning rate and data order begin. The default is where the ticket's begin."""


class RandomMask(Section):
    """The ticket's weights under a random mask with layer densities of its own."""

    kind: Literal["random-mask"]
    """What is done with the ticket. `random-mask`: as many weights are kept as in the ticket, at
    random places of its rewound weights. `layers` says how many in each layer; for as many as the
    ticket has in each, or for no rule at all, use `shuffle-mask`. `like` matches another branch."""
    levels: Levels = "all"
    """At which levels the branch leaves: `all` of the schedule, or a list such as `[5, 10]`."""
    layers: Literal["erk", "uniform"] = "erk"
    """How the weights are shared out among the layers. `uniform`: the same density in each; `erk`:
    density in proportion to the sum of a layer's dimensions over their product, layers that would
    be more than full being full (Evci et al. 2020, Erdos-Renyi-kernel)."""
    like: BranchName | None = None
    """The branch that it is as sparse as, at the same level and in the same replicate: one that
    does not keep as many weights as the ticket, such as a `combine-masks`. The default is the
    ticket."""
    draw: Draw = 1
    """Which of the independent draws. Of two branches with the same number the mask with fewer
    weights in a layer lies within the other one there."""
    repel: bool = True
    """Whether the term of `prune.repel` is part of its training too, with the same solutions as in
    the ticket's. Without `prune.repel` there is none, and `false` is an error."""
    schedule: Duration | None = None
    """Where learning rate and data order begin. The default is where the ticket's begin."""


class Perturb(Section):
    """The ticket with its rewound weights changed: Frankle, Schwab and Morcos (2020)."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["noise"]}, {"required": ["permute"]}]}
    )

    kind: Literal["perturb"]
    """What is done with the ticket. `perturb`: its mask is kept, and its rewound weights are
    changed by `noise` or `permute` (after Frankle, Schwab and Morcos 2020). All weights of conv
    and linear layers that survive are; no bias, no norm."""
    levels: Levels = "all"
    """At which levels the branch leaves: `all` of the schedule, or a list such as `[5, 10]`."""
    noise: Positive | None = None
    """Add normal noise of so many standard deviations of the layer's surviving weights. Excludes
    `permute`."""
    permute: Literal["layer", "filters"] | None = None
    """Permute surviving weights at random: those of a `layer`, or those of each of its `filters`
    (all weights into one output channel or neuron) among themselves. Excludes `noise`."""
    draw: Draw = 1
    """Which of the independent draws."""
    repel: bool = True
    """Whether the term of `prune.repel` is part of its training too, with the same solutions as in
    the ticket's. Without `prune.repel` there is none, and `false` is an error."""
    schedule: Duration | None = None
    """Where learning rate and data order begin. The default is where the ticket's begin."""


class Retrain(Section):
    """The ticket trained in another way, or on other data; or a ticket out of a file."""

    kind: Literal["retrain"]
    """What is done with the ticket. `retrain`: mask and rewound weights are kept, and trained as
    `train` and `data` of this branch say, or those of a `ticket` file are trained in the place of
    the spec's own; at least one of the three is written. It is measured on the data that it is
    trained on."""
    levels: Levels = "all"
    """At which levels the branch leaves: `all` of the schedule, or a list such as `[5, 10]`."""
    train: Train | None = None
    """How the branch is trained: a section of its own, nothing is taken over from the spec's. The
    default is the spec's."""
    data: Data | None = None
    """What the branch is trained and tested on: a section of its own. Images must have the same
    shape and as many classes. The default is the spec's."""
    ticket: Annotated[str, Field(min_length=1)] | None = None
    """A ticket file of any run, of the same network, whose mask and weights are trained in the
    place of the ticket's: one found with another framework, seed, data set or spec. A relative path
    begins at the working directory. Results are found by what is in the file, wherever it lies. The
    default is the spec's own ticket of the level."""
    repel: bool = True
    """Whether the term of `prune.repel` is part of its training too, with the same solutions as in
    the ticket's. Without `prune.repel` there is none, and `false` is an error."""
    schedule: Duration | None = None
    """Where learning rate and data order of the branch's training begin. The default is its first
    step; for a `ticket` file without `train` and `data` of the branch it is the step that the
    ticket is trained from by its file, which this spec must have too: the same data set, batch size
    and length, or step 0."""


class RewindApart(Section):
    """The ticket's mask with weights and schedule rewound in another way."""

    kind: Literal["rewind"]
    """What is done with the ticket. `rewind`: its mask is kept, and weights and schedule are
    rewound to other points: weight rewinding, learning-rate rewinding and fine-tuning beside the
    main line (Renda, Frankle and Carbin 2020). `weights: end` are those that the mask was made
    from; where it changes in training (`gradual`, `set`, `rigl`), those that it ended with."""
    levels: Levels = "all"
    """At which levels the branch leaves: `all` of the schedule, or a list such as `[5, 10]`."""
    rewind: Rewinding
    """Where the branch begins anew: a section like `prune.rewind`, or `none`."""
    repel: bool = True
    """Whether the term of `prune.repel` is part of its training too, with the same solutions as in
    the ticket's. Without `prune.repel` there is none, and `false` is an error."""


class OtherSeed(Section):
    """The ticket's mask on the weights of the next replicate."""

    kind: Literal["other-seed"]
    """What is done with the ticket. `other-seed`: its mask is laid on the rewound weights of the
    next replicate (of the first for the last one), which are trained in that replicate's data
    order. Needs two replicates with different initial weights."""
    levels: Levels = "all"
    """At which levels the branch leaves: `all` of the schedule, or a list such as `[5, 10]`."""
    repel: bool = True
    """Whether the term of `prune.repel` is part of its training too, with the same solutions as in
    the ticket's. Without `prune.repel` there is none, and `false` is an error."""
    schedule: Duration | None = None
    """Where learning rate and data order begin. The default is where the ticket's begin."""


class DynamicMask(Section):
    """A network as sparse as the ticket, whose mask changes while it is trained."""

    kind: Literal["dynamic"]
    """What stands beside the ticket. `dynamic`: the replicate's initial weights are trained from
    the first step on with a mask that changes on the way, as `schedule` says, and that has as many
    weights as the ticket's at the end. Nothing is taken over from the ticket but their
    number, and it is trained without the term of `prune.repel`. The ticket file of the branch has
    the final mask on the initial weights."""
    levels: Levels = "all"
    """Beside which levels: `all` of the schedule, or a list such as `[5, 10]`."""
    schedule: Dynamic
    """How the mask changes: a section like `prune.schedule` of the same name, without `density`."""
    train: Train | None = None
    """How the branch is trained: a section of its own, nothing is taken over from the spec's, for
    example with a `duration` five times as long. The default is the spec's."""
    draw: Draw = 1
    """Which of the independent draws of the random mask and of random growth; `gradual` draws
    nothing."""


class PruneOtherwise(Section):
    """Another criterion's mask, with exactly as many weights as the ticket's."""

    kind: Literal["prune"]
    """What is done with the ticket. `prune`: instead of its mask there is one by another
    `criterion`, made from the dense network in one go, which keeps exactly as many weights as the
    ticket at that level: pruning at initialisation or one-shot pruning at matched density (Frankle
    et al. 2019, Fig. 9; Chen et al. 2021). `like` matches another branch."""
    levels: Levels = "all"
    """At which levels the branch leaves: `all` of the schedule, or a list such as `[5, 10]`."""
    criterion: Criterion
    """What is pruned first: a word or a mapping, as behind `prune.criterion`. Its `rounds` go from
    the dense network to the level's density, and `at: end` is the end of the dense training."""
    scope: Literal["global", "layer", "erk"] | None = None
    """What is compared with what, as behind `prune.scope`; the default is what is written there.
    Where that is something else, `layer` keeps the same share of each tensor."""
    like: BranchName | None = None
    """The branch that it is as sparse as, at the same level and in the same replicate: one that
    does not keep as many weights as the ticket, such as a `combine-masks`. With it, `scope: layer`
    keeps the same share of each tensor. The default is the ticket."""
    weights: Literal["ticket", "scored"] = "ticket"
    """Which weights the mask is laid on: those that the `ticket` starts from, or those that were
    `scored`, such as the initial ones for a criterion at `init`."""
    repel: bool = True
    """Whether the term of `prune.repel` is part of its training too, with the same solutions as in
    the ticket's. Without `prune.repel` there is none, and `false` is an error."""
    schedule: Duration | None = None
    """Where learning rate and data order begin. The default is where the ticket's begin."""


class OtherMask(Section):
    """Which mask a ticket's is combined with: at the same level, of another line or replicate."""

    branch: BranchName | None = None
    """A branch with a mask of its own (`prune`, `shuffle-mask`, `random-mask`, `dynamic` or a
    `retrain` of a ticket file; of the next replicate another `combine-masks` too), which leaves at
    the same levels. The default is the ticket."""
    replicate: Literal["same", "next"] = "same"
    """Whether it is the mask of the `same` replicate, or of the `next` one (of the first for the
    last one)."""


class CombineMasks(Section):
    """The ticket's weights under what two masks have in common, or both of them together."""

    kind: Literal["combine-masks"]
    """What is done with the ticket. `combine-masks`: its mask and an `other` one are put together,
    and laid on the same rewound weights. How many weights are left is known when it is done; where
    none is, the run ends with an error."""
    levels: Levels = "all"
    """At which levels the branch leaves: `all` of the schedule, or a list such as `[5, 10]`."""
    operator: Literal["intersect", "union"]
    """`intersect` keeps the weights that both masks keep, `union` those that either of them keeps.
    """
    other: OtherMask
    """The other mask: `{branch: snip}` is that of the branch named snip, `{replicate: next}` the
    next replicate's ticket, and both together that replicate's branch."""
    repel: bool = True
    """Whether the term of `prune.repel` is part of its training too, with the same solutions as in
    the ticket's. Without `prune.repel` there is none, and `false` is an error."""
    schedule: Duration | None = None
    """Where learning rate and data order begin. The default is where the ticket's begin."""


Control = Literal["imp", "random", "shuffled", "reinit", "magnitude", "snip", "grasp"]
Controls = Annotated[
    Annotated[Literal["all"], Tag("word")]
    | Annotated[
        tuple[Control, ...],
        Field(json_schema_extra={"uniqueItems": True}),
        AfterValidator(unique),
        Tag("list"),
    ],
    Discriminator(
        word_or_list,
        custom_error_type="LT103",
        custom_error_message="expected the word all, or a list such as [imp, random]",
    ),
]


class MaskThere(Section):
    """A mask of the other network by a criterion, with as many weights as the mapped one."""

    criterion: Criterion
    """What is pruned first: a word or a mapping, as behind `prune.criterion`. Its `at` names a
    point of the dense training of the ticket's network, whose weights are carried by the map before
    they are scored: at the `rewind` point, where the ticket is rewound to, these are the weights
    that are trained. With `weights: own` it is the other network's own dense training; with
    `weights: fresh` the fresh weights are scored, and `at` is `init`. Examples are those that the
    branch is trained on."""
    scope: Literal["global", "layer", "erk"] | None = None
    """What is compared with what, as behind `prune.scope`; the default is what is written there.
    Where that is something else, `layer` keeps the same share of each tensor. `erk` are the
    densities of the other network. With `only` it is about the weights within one block, and no
    `erk`: `global` compares all of them with each other, `layer` those of one tensor."""
    only: Literal["copies"] | None = None
    """In which blocks the mask is by the criterion. `copies`: only in those that are a second or
    later copy of one; each keeps as many weights as the mapped mask does there, and all other
    blocks keep the mapped mask. Weights are scored in the dense network, as without `only`. The
    default is in all blocks."""


MaskOrigin = Annotated[
    Annotated[
        Literal[
            "mapped",
            "shuffled",
            "shuffled-all",
            "shuffled-copies",
            "random-uniform",
            "random-erk",
            "dense",
        ],
        Tag("word"),
    ]
    | Annotated[MaskThere, Tag("mapping")],
    Discriminator(
        word_or_mapping,
        custom_error_type="LT103",
        custom_error_message="expected a word such as mapped, or a mapping such as "
        "{criterion: snip}",
    ),
]


class Transfer(Section):
    """The ticket carried to a deeper or shallower network of its family, or to other data."""

    kind: Literal["transfer"]
    """What is done with the ticket. `transfer`: it is carried to another network of its family by
    repeating or leaving out blocks, weights, running statistics and mask alike (the Elastic
    Lottery Ticket Hypothesis, Chen et al. 2021), or to the same network for other data.
    It is trained without the term of `prune.repel`, which is about solutions of one network.
    `ltspec show SPEC --map` draws which block goes where."""
    levels: Levels = "all"
    """At which levels the branch leaves: `all` of the schedule, or a list such as `[5, 10]`. With
    `from: {spec: ...}` they are those of that spec's schedule."""
    origin: Origin | None = Field(default=None, alias="from")
    """Whose ticket is carried: `{ticket: FILE}`, a ticket file, or `{spec: FILE}`, the tickets of
    another spec. The other network is then this spec's, or what `to` makes of it. The default is
    the spec's own tickets."""
    to: Target = Target.model_construct()
    """The other network: keys of `model` that are different in it, such as `{depth: 32}`. The
    default is the same network, and with `from` that of the spec."""
    map: ElasticMap | None = None
    """Which blocks of the ticket's network become which of the other one. A word for all stages
    (`append` and `interpolate` make more blocks, `first`, `last` and `spaced` keep so many), or a
    mapping such as `{append: [1, 2]}` or `{keep: [1, 3]}`. The default appends in stages that grow
    and keeps the first blocks of those that shrink. Stem, classifier and the first block of each
    stage, block 0, are always kept. Every tensor of the other network is written by exactly one of
    the ticket's, of the same shape; what is not is an error before anything runs."""
    weights: Literal["mapped", "fresh", "own"] = "mapped"
    """Where weights and running statistics come from. `mapped`: the ticket's rewound ones, by the
    map; `fresh`: drawn anew; `own`: the other network's own, trained densely from its own start up
    to the rewind point, as its own tickets begin."""
    mask: MaskOrigin = "mapped"
    """Where the mask comes from. `mapped`: the ticket's, by the map; `shuffled`: the mapped one,
    permuted at random within each layer; `shuffled-all`: over all layers together;
    `shuffled-copies`: within each layer, but only in blocks that are a second or later copy of
    one; `dense`: none. With as many weights as the mapped one keeps in all, and in other layers:
    `random-uniform` and `random-erk` at random places, shared out as by `layers` of
    `kind: random-mask`; and a mapping such as `{criterion: {name: snip, at: rewind}}` by a
    criterion on the other network, with `only: copies` in copied blocks alone."""
    classifier: Literal["carried", "fresh"] = "carried"
    """Where the classifier comes from. `carried`: it is the ticket's; `fresh`: its weights are
    drawn anew and it is dense, as it has to be for other classes."""
    controls: Controls = ()
    """What the carried ticket is compared with: `all`, or a list such as `[imp, random]`. Each is a
    line of its own, named after the branch (`deeper-imp`), which `measure` and `ask` can name as
    they can a branch. `imp`: the other network's own dense training and tickets, level by level;
    `random`: the carried mask permuted within each layer; `shuffled`: the same in copies alone;
    `reinit`: the carried mask on fresh weights; `magnitude`, `snip`, `grasp`: masks made in one go
    from the other network's own dense training, with as many weights as its own ticket of that
    level, by the trained weights, or at the rewind point by gradients over the whole training set
    (GraSP ranked by size, at temperature 200), as in the code of Chen et al. (2021). All begin at
    the rewind point and are trained as the branch is. With `train` or `data` of the branch, the
    other network's own training is that one: `imp` and the last three are rewound in it as
    `prune.rewind` says, and the first three are trained as the carried ticket. `schedule` of the
    branch is not for `imp`, which is all that a spec of the other network would give. With
    `from: {spec: ...}` those of the other network (`imp`, `magnitude`, `snip`, `grasp`) need the
    same schedule, scope and rewind point in both specs, so that a level is the same in both, and
    the same rates layer by layer. A ticket file has no such levels, and no weights under another
    mask: `reinit` alone goes with it, and is what `all` asks for."""
    draw: Draw = 1
    """Which of the independent draws of what is random: fresh weights, shuffled and random
    masks."""
    train: Train | None = None
    """How the branch is trained: a section of its own, nothing is taken over from the spec's. The
    default is the spec's."""
    data: Data | None = None
    """What the branch is trained and tested on: a section of its own (cross-dataset transfer). With
    other classes, `classifier` is `fresh`. The default is the spec's."""
    schedule: Duration | None = None
    """Where learning rate and data order begin. The default is where the ticket's begin, so that
    T - k steps follow, and with `train` or `data` of its own the first step. With `from` it is
    where that ticket's began, if it was trained on the same data, altered in the same way, with the
    same batch size and for as many steps, or began at step 0; else it has to be written. It has to
    for `weights: own` too where the schedule of this spec's tickets begins at another step."""


Branch = Annotated[
    Reinitialize
    | ShuffleMask
    | RandomMask
    | Perturb
    | PruneOtherwise
    | CombineMasks
    | Retrain
    | RewindApart
    | OtherSeed
    | DynamicMask
    | Transfer,
    Field(discriminator="kind", description="What one line beside the ticket's is made of."),
]
"""The sections that may stand behind a branch's name."""
