"""Takes settings; gives the TensorFlow backend. Importing this does not import TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ltspec.engine.backend import (
    Adam,
    Backend,
    BackendError,
    Conv,
    Demand,
    Lowering,
    Precision,
    Settings,
)
from ltspec_tensorflow.filling import filled_count
from ltspec_tensorflow.loading import tensorflow


class TensorflowAdapter:
    """What ``ltspec`` finds under the entry point ``tensorflow``."""

    name = "tensorflow"
    extra = "ltspec[tensorflow]"
    precisions: tuple[Precision, ...] = ("float32", "float64", "tf32", "bf16")
    gaps: Mapping[str, str] = MappingProxyType({})

    determinism = (
        "on a CPU a run repeats itself to the bit with the same number of threads, and oneDNN on "
        "or off; on a GPU with --deterministic, by op determinism (not measured on a GPU)"
    )

    def versions(self) -> dict[str, str]:
        """Version of TensorFlow."""
        return {"tensorflow": str(tensorflow().__version__)}

    def devices(self) -> Sequence[str]:
        """The GPUs, named as everywhere in ltspec (``cuda:0`` is ``GPU:0``), then the CPU."""
        gpus = tensorflow().config.list_physical_devices("GPU")
        return (*(f"cuda:{number}" for number in range(len(gpus))), "cpu")

    def device_gaps(self, device: str) -> Mapping[str, str]:
        """TF32 is of NVIDIA's GPUs since Ampere; TensorFlow itself passes over it elsewhere."""
        if device == "cpu":
            return {
                "precision:tf32": "it is a mode of NVIDIA's GPUs since Ampere, and not of a CPU"
            }
        tf = tensorflow()
        gpu = tf.config.list_physical_devices("GPU")[
            int(device.removeprefix("cuda").strip(":") or 0)
        ]
        details = tf.config.experimental.get_device_details(gpu)
        if details.get("compute_capability", (8, 0)) >= (8, 0):
            return {}
        name = details.get("device_name", device)
        return {"precision:tf32": f"NVIDIA's GPUs have it since Ampere, and {name} is older"}

    def lower(self, demand: Demand, settings: Settings) -> Lowering:
        """Many steps in one call of one compiled program, but for convolutions on a CPU: XLA makes
        them two to nine times slower there (benchmarks/README.md)."""
        convolves = any(isinstance(node.op, Conv) for node in demand.graph.nodes)
        by_step = convolves and settings.device == "cpu"
        return Lowering(
            layout="channels-last",
            compilation="graph" if by_step else "xla",
            chunk_steps=20 if by_step else 100,
            memory_bytes=_memory_bytes(demand, settings),
        )

    def open(self, settings: Settings) -> Backend:
        """Raises BackendError: LT303 for a device that is not there, LT304 for a precision that it
        does not have."""
        here = self.devices()
        wanted = "cuda:0" if settings.device == "cuda" else settings.device
        if wanted not in here:
            raise BackendError(
                f"TensorFlow finds no device {settings.device!r}",
                code="LT303",
                hint=f"devices here: {', '.join(here)}",
            )
        lacks = self.device_gaps(wanted).get(f"precision:{settings.precision}")
        if lacks is not None:
            raise BackendError(
                f"{wanted} does not compute in {settings.precision}: {lacks}",
                code="LT304",
                hint="use --precision float32",
            )
        from ltspec_tensorflow.play import TensorflowBackend

        device = wanted.replace("cuda", "GPU") if wanted != "cpu" else "CPU:0"
        return TensorflowBackend(device, settings)


def _memory_bytes(demand: Demand, settings: Settings) -> int:
    """Estimate of the peak: weights, slots and buffers three times (before a call, before and after
    a stretch of it), gradients, masks, solutions that repel (filled up, and once more while they
    are multiplied), two copies of the activations and of the batch (value and gradient; a third for
    what is rounded to bfloat16), the images as bytes and the labels as integers."""
    width = 8 if settings.precision == "float64" else 4
    graph = demand.graph
    weights = sum(parameter.size for parameter in graph.parameters)
    buffers = sum(math.prod(buffer.shape) for buffer in graph.buffers)
    slots = 2 if isinstance(demand.optimizer, Adam) else 1
    activations = sum(math.prod(shape) for shape in graph.shapes.values()) * demand.batch_size
    copies = 3 if settings.precision == "bf16" else 2
    data = demand.examples * (math.prod(graph.input_shape) + 4)
    vectors = 5 + 3 * slots + 2 * filled_count(demand.repelled_from)
    return width * (weights * vectors + 3 * buffers + copies * activations) + data


adapter = TensorflowAdapter()
