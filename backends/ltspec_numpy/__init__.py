"""Takes settings; gives the reference backend: the executable definition of what a backend does.

It is slow and plain on purpose. Where a docstring of ltspec and a framework disagree, this is
what is meant; the conformance suite compares every backend with it in float64.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ltspec.engine.backend import Backend, BackendError, Demand, Lowering, Precision, Settings
from ltspec_numpy.lower import memory_bytes


class NumpyAdapter:
    """What ``ltspec`` finds under the entry point ``numpy``."""

    name = "numpy"
    extra = "ltspec"
    precisions: tuple[Precision, ...] = ("float32", "float64")
    gaps: Mapping[str, str] = MappingProxyType(
        {
            "device:gpu": "numpy computes on the CPU; use the torch or the tensorflow backend",
            "precision:bf16": "numpy has no bfloat16",
            "precision:tf32": "it is a mode of GPUs, and numpy computes on the CPU",
            "setting:threads": "numpy's matrix library chooses them when it is loaded; set its own "
            "variable (OPENBLAS_NUM_THREADS)",
        }
    )

    determinism = (
        "a run repeats itself to the bit with the same number of threads of the matrix library"
    )

    def versions(self) -> dict[str, str]:
        """The version of numpy."""
        import numpy

        return {"numpy": numpy.__version__}

    def devices(self) -> Sequence[str]:
        """The CPU."""
        return ("cpu",)

    def device_gaps(self, device: str) -> Mapping[str, str]:
        """None beyond those of the backend: there is but the CPU."""
        return {}

    def lower(self, demand: Demand, settings: Settings) -> Lowering:
        """One step after another."""
        return Lowering(
            layout="canonical",
            compilation="eager",
            chunk_steps=100,
            memory_bytes=memory_bytes(demand, settings),
        )

    def open(self, settings: Settings) -> Backend:
        """Raises BackendError for a device other than ``cpu``, for a precision that is not there,
        and where threads are chosen."""
        if settings.device != "cpu":
            raise BackendError(
                f"numpy has no device {settings.device!r}",
                code="LT303",
                hint="devices here: cpu",
            )
        if settings.precision not in self.precisions:
            raise BackendError(
                f"numpy does not compute in {settings.precision}",
                code="LT304",
                hint=self.gaps[f"precision:{settings.precision}"],
            )
        if settings.threads is not None:
            raise BackendError(
                "numpy's threads cannot be set", code="LT304", hint=self.gaps["setting:threads"]
            )
        from ltspec_numpy.play import NumpyBackend

        return NumpyBackend(settings.precision)


adapter = NumpyAdapter()
