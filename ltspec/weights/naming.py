"""Takes a network and the tensors of a file; gives which of these is which of the network's.

Names decide, and they decide alone: every tensor of the network is there under its name in one of
the namings below, in its shape, and nothing else is. What only fits in part, or in two ways that
differ, is refused.

    naming        a tensor                            who writes it
    ticket        weights/stage1.block0.norm1.scale   ``ltspec run``: a ticket file
    ltspec        stage1.block0.norm1.scale           anybody, in ltspec's own names
    PyTorch       stage1.0.norm1.weight               ``ltspec ticket export --to torch``
    torchvision   layer1.0.bn1.weight                 torchvision and timm; ImageNet ResNets alone
    Keras         stage1_block0_norm1/gamma           ``ltspec ticket export --to keras``

No numpy: ``validate`` asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from ltspec.errors import WeightsError
from ltspec.networks.code import names
from ltspec.networks.code.outline import outline
from ltspec.networks.elastic import tensors_of
from ltspec.networks.graph import Graph, Shape
from ltspec.tickets.certificate import BUFFERS, MASK, WEIGHTS
from ltspec.tickets.container import Tensor
from ltspec.weights.header import shown

Layout = Literal["canonical", "keras"]
FLOATS = ("F16", "BF16", "F32", "F64")
"""Types of tensors that weights can be made of."""
_MOST = 4
"""Names that a message lists of a kind."""


@dataclass(frozen=True, slots=True)
class Naming:
    """What a network's tensors may be called."""

    whose: str
    names: Mapping[str, str]
    """Theirs by ours, of all tensors, in graph order."""
    shapes: Mapping[str, Shape]
    """Theirs by our name."""
    spare: frozenset[str] = frozenset()
    """What may be there beside them and is not read."""
    layout: Layout = "canonical"


@dataclass(frozen=True, slots=True)
class Fit:
    """Which tensor of a file is which of a network."""

    tensors: tuple[tuple[str, str], ...]
    """(ours, theirs), in graph order; those that are drawn afresh are not there."""
    layout: Layout


@dataclass(slots=True)
class Problems:
    """What keeps a file from being of one naming."""

    missing: list[str]
    left_over: list[str]
    other: list[str]
    """What is said of each tensor of another shape or type."""

    def __bool__(self) -> bool:
        return bool(self.missing or self.left_over or self.other)


def namings(graph: Graph, family: str) -> list[Naming]:
    """Everything that the tensors of a network may be called; two that say the same are one."""
    tensors = tensors_of(graph)
    ours = {each.name: each.shape for each in tensors}
    buffers = {each.name for each in graph.buffers}
    shape = outline(graph)
    counters = frozenset(names.torch_counters(graph, shape))
    found = [
        Naming(
            "ltspec's tickets",
            {name: (BUFFERS if name in buffers else WEIGHTS) + name for name in ours},
            ours,
            frozenset(MASK + each.name for each in graph.prunable),
        ),
        Naming("ltspec", {name: name for name in ours}, ours),
        Naming("PyTorch", names.torch_names(graph, shape), ours, counters),
    ]
    if family == "imagenet-resnet":
        counters = frozenset(names.torchvision_counters(graph))
        found.append(Naming("torchvision", names.torchvision_names(graph), ours, counters))
    theirs = names.keras_names(graph, shape)
    found.append(Naming("Keras", theirs, names.keras_shapes(graph), layout="keras"))
    return [
        each
        for place, each in enumerate(found)
        if not any(
            (each.names, each.layout) == (before.names, before.layout) for before in found[:place]
        )
    ]


def classifier_of(graph: Graph) -> frozenset[str]:
    """Our names of the classifier's tensors; none where the network does not say what it is."""
    nodes = {name for block in graph.blocks if block.role == "classifier" for name in block.nodes}
    return frozenset(
        tensor.name for tensor in tensors_of(graph) if tensor.name.rpartition(".")[0] in nodes
    )


def fit(graph: Graph, family: str, tensors: Mapping[str, Tensor], *, fresh: bool) -> Fit:
    """Which of a file's ``tensors`` is which of the network's.

    ``fresh``: the classifier is drawn anew, and what the file has of it is not read.
    Raises WeightsError: LT287 where they do not fit, or in more than one way; LT288 where only the
    classifier does not, or is to be drawn and nothing says which layers it is.
    """
    afresh = classifier_of(graph) if fresh else frozenset()
    if fresh and not afresh:
        raise WeightsError(
            "the network does not say which of its layers are the classifier",
            code="LT288",
            hint="leave `classifier: fresh` out, or give your network blocks, the last of them a "
            "classifier",
        )
    known = namings(graph, family)
    looked = [(naming, problems(naming, tensors, afresh)) for naming in known]
    right = [naming for naming, found in looked if not found]
    ways = {(_pairs(naming, afresh), naming.layout): naming for naming in right}
    if len(ways) > 1:
        whose = " and ".join(naming.whose for naming in ways.values())
        raise WeightsError(
            f"its names are those of {whose}, which mean other tensors by them",
            code="LT287",
            hint="write the file anew in one naming, such as that of `ltspec ticket export`",
        )
    if right:
        return Fit(_pairs(right[0], afresh), right[0].layout)
    naming, found = min(looked, key=lambda each: -_shared(each[0], tensors))
    if not _shared(naming, tensors):
        raise _unknown(known, tensors)
    if not fresh and (error := _of_the_classifier(graph, naming, tensors, found)):
        raise error
    raise WeightsError(
        f"its tensors, named as by {naming.whose}, are not those of the network: {_said(found)}",
        code="LT287",
        hint="write the `model` and `data` that the weights are for",
    )


def _pairs(naming: Naming, afresh: frozenset[str]) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in naming.names.items() if pair[0] not in afresh)


def problems(
    naming: Naming, tensors: Mapping[str, Tensor], afresh: frozenset[str] = frozenset()
) -> Problems:
    """What is missing from a file, left over in it, or of another shape or type."""
    found = Problems([], [], [])
    for ours, theirs in naming.names.items():
        if ours in afresh:
            continue
        tensor, shape = tensors.get(theirs), naming.shapes[ours]
        if tensor is None:
            found.missing.append(theirs)
        elif tensor.shape != shape:
            found.other.append(f"{theirs} is {_size(tensor.shape)} and not {_size(shape)}")
        elif tensor.dtype not in FLOATS:
            found.other.append(f"{theirs} is of type {tensor.dtype}")
    known = {*naming.names.values(), *naming.spare}
    found.left_over = [shown(name) for name in tensors if name not in known]
    return found


def _of_the_classifier(
    graph: Graph, naming: Naming, tensors: Mapping[str, Tensor], found: Problems
) -> WeightsError | None:
    """What is said where all but the classifier fits."""
    afresh = classifier_of(graph)
    if not afresh or problems(naming, tensors, afresh):
        return None
    return WeightsError(
        f"all but the classifier is that of the network: {_said(found)}",
        code="LT288",
        hint="write `classifier: fresh` beside `weights`: for other classes it is drawn anew",
    )


def _unknown(known: Iterable[Naming], tensors: Mapping[str, Tensor]) -> WeightsError:
    if not tensors:
        return WeightsError("it holds no tensor", code="LT287")
    examples = [f"{next(iter(each.names.values()))} ({each.whose})" for each in known]
    return WeightsError(
        f"none of its names is known of this network: {_some(map(shown, tensors))}",
        code="LT287",
        hint=f"the first tensor of the network is called {' or '.join(examples)}",
    )


def _shared(naming: Naming, tensors: Mapping[str, Tensor]) -> int:
    return sum(name in tensors for name in naming.names.values())


def _said(found: Problems) -> str:
    return "; ".join(_parts(found))


def _parts(found: Problems) -> Iterator[str]:
    for names_, one, many in (
        (found.missing, "is missing", "are missing"),
        (found.left_over, "is left over", "are left over"),
    ):
        if names_:
            yield f"{_some(names_)} {one if len(names_) == 1 else many}"
    if found.other:
        yield _some(found.other)


def _some(listed: Iterable[str]) -> str:
    """``a, b, c, d and 3 more``."""
    each = list(listed)
    more = f" and {len(each) - _MOST} more" if len(each) > _MOST else ""
    return ", ".join(each[:_MOST]) + more


def _size(shape: Shape) -> str:
    return " x ".join(map(str, shape)) or "a single number"
