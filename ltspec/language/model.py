"""Takes nothing; gives the section ``model``: which network is trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ltspec.language.section import Section

Width = Annotated[int, Field(ge=1, le=1_000_000)]
Init = Literal["glorot-normal", "glorot-uniform", "kaiming-normal", "kaiming-uniform"]


class Lenet(Section):
    """A fully connected network with ReLU between its layers: LeNet-300-100 by default."""

    family: Literal["lenet"]
    """Which family of networks. `lenet`: hidden layers `fc1`, `fc2`, ... with ReLU, then the
    classifier; 266,610 parameters on MNIST at the default widths (Frankle and Carbin 2019)."""
    widths: Annotated[tuple[Width, ...], Field(min_length=1, max_length=64)] = (300, 100)
    """How many units each hidden layer has, from the input on. The classifier is not listed: its
    width is the number of classes."""
    init: Init = "glorot-normal"
    """What initial weights are drawn from; biases start at zero. `glorot-normal` is what Frankle
    and Carbin (2019) use for LeNet; Maene, Li and Moens (2021, Table 1) use `kaiming-uniform`."""


Model = Lenet
"""The sections that may stand behind ``model``."""
