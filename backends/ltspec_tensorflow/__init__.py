"""Takes settings; gives the TensorFlow backend. Importing this does not import TensorFlow."""

from __future__ import annotations

import math
import os
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


class TensorflowAdapter:
    """What ``ltspec`` finds under the entry point ``tensorflow``."""

    name = "tensorflow"
    extra = "ltspec[tensorflow]"
    precisions: tuple[Precision, ...] = ("float32", "float64")
    gaps: Mapping[str, str] = MappingProxyType({})

    def versions(self) -> dict[str, str]:
        """Version of TensorFlow."""
        _quiet()
        import tensorflow as tf

        return {"tensorflow": str(tf.__version__)}

    def devices(self) -> Sequence[str]:
        """The GPUs, named as everywhere in ltspec (``cuda:0`` is ``GPU:0``), then the CPU."""
        _quiet()
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        return (*(f"cuda:{number}" for number in range(len(gpus))), "cpu")

    def lower(self, demand: Demand, settings: Settings) -> Lowering:
        """Many steps in one call of one compiled program."""
        return Lowering(
            layout="canonical",
            compilation="xla",
            chunk_steps=100,
            side_by_side=1,
            memory_bytes=_memory_bytes(demand, settings),
        )

    def open(self, settings: Settings) -> Backend:
        """Raises BackendError for a device that is not there."""
        here = self.devices()
        wanted = "cuda:0" if settings.device == "cuda" else settings.device
        if wanted not in here:
            raise BackendError(
                f"TensorFlow finds no device {settings.device!r}",
                code="LT303",
                hint=f"devices here: {', '.join(here)}",
            )
        from ltspec_tensorflow.play import TensorflowBackend

        device = wanted.replace("cuda", "GPU") if wanted != "cpu" else "CPU:0"
        return TensorflowBackend(device, settings.precision, settings.threads)


def _quiet() -> None:
    """No greeting in the log; errors stay. What a person has set wins."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def _memory_bytes(demand: Demand, settings: Settings) -> int:
    """Estimate of the peak: weights and slots twice (before and after a call), gradients, masks,
    two copies of the activations and of the batch (value and gradient), the images as bytes and
    the labels as integers."""
    width = 8 if settings.precision == "float64" else 4
    weights = sum(parameter.size for parameter in demand.graph.parameters)
    slots = 2 if isinstance(demand.optimizer, Adam) else 1
    activations = sum(math.prod(shape) for shape in demand.graph.shapes.values())
    data = demand.examples * (math.prod(demand.graph.input_shape) + 4)
    return width * (weights * (4 + 2 * slots) + 2 * activations * demand.batch_size) + data


adapter = TensorflowAdapter()
