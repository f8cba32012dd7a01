"""Takes nothing; gives the sections behind ``to`` and ``map`` of a branch of kind ``transfer``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag

from ltspec.language.checks import unique, word_or_mapping
from ltspec.language.model import Count, Depth, Width
from ltspec.language.section import Section

Block = Annotated[int, Field(ge=1, le=10_000)]
Place = Annotated[int, Field(ge=0, le=10_000)]
Blocks = Annotated[
    tuple[Block, ...],
    Field(min_length=1, json_schema_extra={"uniqueItems": True}),
    AfterValidator(unique),
]
Places = Annotated[
    tuple[Place, ...],
    Field(
        json_schema_extra={"uniqueItems": True},
        description="The blocks of the other network that are copies of this one, from 0; `[]` "
        "leaves it out.",
    ),
    AfterValidator(unique),
]
BlockName = Annotated[str, Field(pattern=r"^block(0|[1-9][0-9]{0,3})$")]
StageName = Annotated[str, Field(pattern=r"^stage[1-9][0-9]{0,2}$")]


class Origin(Section):
    """Whose ticket is carried, where it is not the spec's own: one of the two keys."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["ticket"]}, {"required": ["spec"]}]}
    )

    ticket: Annotated[str, Field(min_length=1)] | None = None
    """A ticket file of any run, made with any framework. A relative path begins at the spec's
    folder. The file says which network it is of, which weights are left, and where its training
    began. It is one ticket, so that the branch has one row a replicate, at the level that the file
    names, and takes no `levels`. Its pruned weights are gone: `weights: mapped` goes with
    `mask: mapped`. Results are found by what is in the file, wherever it lies."""
    spec: Annotated[str, Field(min_length=1)] | None = None
    """Another spec, whose tickets are carried: those of its own line, of the levels that the
    branch names, replicate by replicate. A relative path begins at this spec's folder. What its
    tickets take becomes part of this spec's plan, and what a run of that spec has left in the
    store is not done again. It has no sweep, the same family, and at least as many replicates."""


class Target(Section):
    """The network that a ticket is carried to: what is different from the spec's ``model``."""

    depth: Depth | None = None
    """For `cifar-resnet`, `imagenet-resnet` and `cifar-vgg`: how many layers there are."""
    widths: Annotated[tuple[Width, ...], Field(min_length=1, max_length=64)] | None = None
    """For `lenet`: how many units each hidden layer has. Layers of one width that follow each other
    are a stage: MLP-3 of the paper is `[300, 300, 300, 100]`."""
    classifier: Count | None = None
    """For `cifar-vgg`: how many linear layers there are behind the convolutions."""
    blocks: Count | None = None
    """For `mobilenet-v1`: how many blocks of 512 channels are repeated in the middle."""
    options: dict[str, Any] | None = None
    """For `custom`: what the function is called with, in place of the spec's options."""


Word = Literal["append", "interpolate", "first", "last", "spaced"]


class StageMap(Section):
    """How the blocks of a stage become those of the same stage of another network."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [key]} for key in ("append", "interpolate", "keep", "blocks")]
        }
    )

    append: Blocks | None = None
    """The blocks that are repeated, the run of them as a whole: of blocks 1, 2, 3, `[1, 2]` makes
    1 2 1 2 3. Each as often as the others, earlier ones once more where that does not come out
    even."""
    interpolate: Blocks | None = None
    """The blocks that are repeated, each on the spot: of blocks 1, 2, 3, `[1, 2]` makes
    1 1 2 2 3."""
    keep: Blocks | None = None
    """The blocks that stay beside block 0, in their order."""
    blocks: dict[BlockName, Places] | None = None
    """Written out: behind each block of the ticket's network, the blocks of the other one that are
    copies of it, such as `{block1: [1, 3], block2: [2, 4]}`. `block0: [0]` goes without saying."""


MapOfStage = Annotated[
    Annotated[StageMap, Tag("mapping")] | Annotated[Word, Tag("word")],
    Discriminator(
        word_or_mapping,
        custom_error_type="LT103",
        custom_error_message="expected a word such as append, or a mapping such as {keep: [1, 3]}",
    ),
    Field(description="How the blocks of this stage become those of the other network."),
]


class Map(Section):
    """How the blocks of a network become those of another."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": [key]} for key in ("append", "interpolate", "keep", "blocks", "stages")
            ]
        }
    )

    append: Blocks | None = None
    """For all stages that grow: the blocks that are repeated, the run of them as a whole. Of blocks
    1, 2, 3, `[1, 2]` makes 1 2 1 2 3. Each as often as the others, earlier ones once more where
    that does not come out even."""
    interpolate: Blocks | None = None
    """For all stages that grow: the blocks that are repeated, each on the spot. Of blocks 1, 2, 3,
    `[1, 2]` makes 1 1 2 2 3."""
    keep: Blocks | None = None
    """For all stages that shrink: the blocks that stay beside block 0, in their order."""
    blocks: dict[BlockName, Places] | None = None
    """For every stage, written out: behind each block of the ticket's network, the blocks of the
    other one that are copies of it, such as `{block1: [1, 3], block2: [2, 4]}`. `block0: [0]` goes
    without saying."""
    stages: dict[StageName, MapOfStage] | None = None
    """One map a stage, such as `{stage3: {append: [2]}, stage4: interpolate}`; stages that are not
    named follow the default."""


ElasticMap = Annotated[
    Annotated[Map, Tag("mapping")] | Annotated[Word, Tag("word")],
    Discriminator(
        word_or_mapping,
        custom_error_type="LT103",
        custom_error_message="expected a word such as append, or a mapping such as {keep: [1, 3]}",
    ),
]
