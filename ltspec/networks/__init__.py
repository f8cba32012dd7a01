"""Gives the names that a network of one's own is described with: a graph, and its operations.

A spec with ``family: custom`` names a function that returns a :class:`Graph`; :class:`Draft` is a
short way to write one.
"""

from __future__ import annotations

from ltspec.networks.draft import Draft
from ltspec.networks.graph import (
    INPUT,
    Add,
    AvgPool,
    BatchNorm,
    Block,
    Conv,
    Flatten,
    GlobalAvgPool,
    Graph,
    Linear,
    MaxPool,
    Node,
    Relu,
)

__all__ = [
    "INPUT",
    "Add",
    "AvgPool",
    "BatchNorm",
    "Block",
    "Conv",
    "Draft",
    "Flatten",
    "GlobalAvgPool",
    "Graph",
    "Linear",
    "MaxPool",
    "Node",
    "Relu",
]
