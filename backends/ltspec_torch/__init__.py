"""Takes settings; gives the PyTorch backend. Importing this module does not import torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ltspec.engine.backend import (
    Adam,
    Backend,
    BackendError,
    Demand,
    Lowering,
    Precision,
    Settings,
)


class TorchAdapter:
    """What ``ltspec`` finds under the entry point ``torch``."""

    name = "torch"
    extra = "ltspec[torch]"
    precisions: tuple[Precision, ...] = ("float32", "float64")
    gaps: Mapping[str, str] = MappingProxyType({})

    def versions(self) -> dict[str, str]:
        """Versions of torch and of the CUDA that it was built for."""
        import torch

        cuda = {"cuda": torch.version.cuda} if torch.version.cuda else {}
        return {"torch": str(torch.__version__), **cuda}

    def devices(self) -> Sequence[str]:
        """The GPUs, then the CPU."""
        import torch

        return (*(f"cuda:{number}" for number in range(torch.cuda.device_count())), "cpu")

    def lower(self, demand: Demand, settings: Settings) -> Lowering:
        """Eager steps: compiled ones were no faster for matrix products of this size."""
        return Lowering(
            layout="canonical",
            compilation="eager",
            chunk_steps=100,
            side_by_side=1,
            memory_bytes=_memory_bytes(demand, settings),
        )

    def open(self, settings: Settings) -> Backend:
        """Raises BackendError for a device that is not there."""
        here = self.devices()
        # ``cuda`` means the first one, as in torch.
        wanted = "cuda:0" if settings.device == "cuda" else settings.device
        if wanted not in here:
            raise BackendError(
                f"torch finds no device {settings.device!r}",
                code="LT303",
                hint=f"devices here: {', '.join(here)}",
            )
        from ltspec_torch.play import TorchBackend

        return TorchBackend(wanted, settings.precision, settings.threads)


def _memory_bytes(demand: Demand, settings: Settings) -> int:
    """Estimate of the peak: weights, gradients, masks, slots, two copies of the activations and
    of the batch (value and gradient), the images as bytes and the labels as integers."""
    width = 8 if settings.precision == "float64" else 4
    weights = sum(parameter.size for parameter in demand.graph.parameters)
    slots = 2 if isinstance(demand.optimizer, Adam) else 1
    activations = sum(math.prod(shape) for shape in demand.graph.shapes.values())
    data = demand.examples * (math.prod(demand.graph.input_shape) + 8)
    return width * (weights * (3 + slots) + 2 * activations * demand.batch_size) + data


adapter = TorchAdapter()
