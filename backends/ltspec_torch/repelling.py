"""Takes weights at fixed places; gives the gradient of the term that repels from earlier solutions.

See :mod:`ltspec.decisions.repulsion`. All tensors that take part are one vector here, in the order
in which they lie in memory, so that a step is a handful of operations however many there are.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ltspec.engine.backend import Graph, Repulsion
from ltspec_torch.arrays import memory_format, shared
from ltspec_torch.choice import Layout


class Repelling:
    """The solutions of one training at fixed places of a device, for steps that are recorded."""

    def __init__(
        self, graph: Graph, layout: Layout, parameters: Sequence[Tensor], count: int
    ) -> None:
        """``parameters``: in graph order, in ``layout``. ``count``: solutions that repel."""
        self._layout, self._named = layout, graph.prunable
        self._places = [i for i, parameter in enumerate(graph.parameters) if parameter.prunable]
        self._weights = [parameters[place] for place in self._places]
        self._sizes = [parameter.size for parameter in self._named]
        model = self._weights[0]
        self._units = torch.zeros(count, sum(self._sizes), dtype=model.dtype, device=model.device)
        self._factor = torch.zeros((), dtype=model.dtype, device=model.device)
        self._loaded: Repulsion | None = None

    def load(self, repulsion: Repulsion) -> None:
        """Repel from these solutions; those that are there already are not sent again."""
        if repulsion is self._loaded:
            return
        pieces = torch.split(self._units, self._sizes, dim=1)
        for piece, parameter in zip(pieces, self._named, strict=True):
            directions = shared(repulsion.directions[parameter.name], torch.device("cpu"))
            piece.copy_(self._in_memory(directions, 1).reshape(repulsion.count, -1))
        self._factor.fill_(2 * repulsion.strength / repulsion.count)
        self._loaded = repulsion

    def add_to(self, gradients: Sequence[Tensor]) -> None:
        """Add the term's gradient, in place, to those of all parameters in graph order."""
        weights = torch.cat([self._in_memory(weight).reshape(-1) for weight in self._weights])
        norm = torch.linalg.vector_norm(weights)
        # Of weights that are zero every product below is zero, too: by anything but zero.
        norm = torch.where(norm > 0, norm, 1)
        cosines = torch.mv(self._units, weights) / norm
        along = torch.dot(cosines, cosines) / norm
        term = torch.mv(self._units.t(), cosines).sub_(weights.mul_(along))
        term.mul_(self._factor / norm)
        torch._foreach_add_(
            [self._in_memory(gradients[place]) for place in self._places],
            [
                piece.view(self._in_memory(weight).shape)
                for piece, weight in zip(torch.split(term, self._sizes), self._weights, strict=True)
            ],
        )

    def _in_memory(self, tensor: Tensor, leading: int = 0) -> Tensor:
        """``tensor``, behind so many dimensions more, with its dimensions as they lie in memory."""
        last = memory_format(self._layout, tensor.shape[leading:]) == torch.channels_last
        return tensor.movedim(leading + 1, -1) if last else tensor
