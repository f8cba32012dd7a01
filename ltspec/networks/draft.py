"""Takes operations one after another; gives the Graph that they make, with its blocks."""

from __future__ import annotations

from typing import Literal

from ltspec.networks.graph import INPUT, BatchNorm, Block, Conv, Graph, Node, Op, Relu, Shape


class Draft:
    """A network that is being written down, from its input on."""

    def __init__(self, input_shape: Shape) -> None:
        self.input_shape = input_shape
        self._nodes: list[Node] = []
        self._blocks: list[Block] = []
        self._block_begins = 0

    @property
    def last(self) -> str:
        """Name of the newest node; at first that of the input."""
        return self._nodes[-1].name if self._nodes else INPUT

    def add(self, name: str, op: Op, *inputs: str) -> str:
        """Write one operation, which reads the newest node unless ``inputs`` are named.

        Returns its name.
        """
        self._nodes.append(Node(name, op, inputs or (self.last,)))
        return name

    def conv(
        self,
        name: str,
        out: int,
        kernel: int,
        stride: int = 1,
        *,
        groups: int = 1,
        bias: bool = False,
        reads: str = "",
    ) -> str:
        """A square convolution with ``kernel // 2`` zeros on each side.

        With an odd kernel and stride 1 the image keeps its size, with stride 2 it halves, rounded
        up.
        """
        padding = kernel // 2
        window, steps, sides = (kernel, kernel), (stride, stride), (padding,) * 4
        op = Conv(out, window, steps, sides, groups, bias)
        return self.add(name, op, *([reads] if reads else []))

    def norm_relu(self, norm: str, relu: str) -> str:
        """Batch norm, then ReLU."""
        self.add(norm, BatchNorm())
        return self.add(relu, Relu())

    def end_block(
        self, role: Literal["stem", "block", "classifier"], stage: int = 0, index: int = 0
    ) -> None:
        """Make a block of everything since the block before; ``stage`` from 1, ``index`` from 0."""
        name = f"stage{stage}.block{index}" if role == "block" else role
        nodes = tuple(node.name for node in self._nodes[self._block_begins :])
        self._blocks.append(Block(name, role, nodes, stage, index))
        self._block_begins = len(self._nodes)

    def graph(self) -> Graph:
        """What was written."""
        return Graph(self.input_shape, tuple(self._nodes), tuple(self._blocks))
