"""Takes nothing; gives the section ``pretrain``: what a network has learnt before it begins."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from ltspec.language.data import Data
from ltspec.language.section import Section
from ltspec.language.train import Train


class Pretrain(Section):
    """Training on other data or labels before everything else (Frankle, Schwab and Morcos 2020,
    section 5), or weights out of a file that were trained elsewhere."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["data"]}, {"required": ["weights"]}]}
    )

    data: Data | None = None
    """What is trained on before: a section of its own, nothing is taken over from the spec's. It
    may be the same data set with `random_labels`, `blur`, `subsample`, `rotation` or another
    `augment`, or another one with images of the same shape. Where it has other classes, the output
    layer begins the spec's own training with its initial weights. Excludes `weights`."""
    train: Train | None = None
    """How it is trained on: a section of its own, as a rule with a `duration` of its own. The
    default is the spec's."""
    weights: Annotated[str, Field(min_length=1)] | None = None
    """A safetensors file that the network begins with: every weight and running statistic of it,
    once each, in its shape, and nothing else. Names are those of ltspec or its ticket files, of
    what `ltspec ticket export` writes for PyTorch or Keras, or, of `imagenet-resnet`, those of
    torchvision and timm; which it is shows in the names. `num_batches_tracked` of norms is not
    read, nor are masks: what a ticket has pruned begins as a zero that is trained. Numbers become
    float32. All replicates begin with the same weights, and differ in data order and augmentation.
    A relative path begins at the working directory. Results are found by what is in the file,
    wherever it lies. Excludes `data`."""
    classifier: Literal["carried", "fresh"] | None = None
    """Where the classifier comes from, where there are `weights`. `carried`: out of the file;
    `fresh`: it is drawn as initial weights are, one for each replicate, as it has to be for other
    classes, and what the file has of it is not read. The default is `carried`."""
