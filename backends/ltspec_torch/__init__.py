"""Takes settings; gives the PyTorch backend. Importing this module does not import torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ltspec.engine.backend import (
    Backend,
    BackendError,
    Demand,
    Lowering,
    Precision,
    Settings,
)
from ltspec_torch.choice import choose


class TorchAdapter:
    """What ``ltspec`` finds under the entry point ``torch``."""

    name = "torch"
    extra = "ltspec[torch]"
    precisions: tuple[Precision, ...] = ("float32", "float64", "tf32", "bf16")
    gaps: Mapping[str, str] = MappingProxyType({})

    determinism = (
        "on a CPU a run repeats itself to the bit with the same number of threads; on a GPU with "
        "--deterministic, by torch's deterministic algorithms (not measured on a GPU)"
    )

    def versions(self) -> dict[str, str]:
        """Versions of torch and of the CUDA that it was built for."""
        import torch

        cuda = {"cuda": torch.version.cuda} if torch.version.cuda else {}
        return {"torch": str(torch.__version__), **cuda}

    def devices(self) -> Sequence[str]:
        """The GPUs, then the CPU."""
        import torch

        return (*(f"cuda:{number}" for number in range(torch.cuda.device_count())), "cpu")

    def device_gaps(self, device: str) -> Mapping[str, str]:
        """NVIDIA's GPUs compute in TF32 and bfloat16 from the Ampere kind on; a CPU in bfloat16
        alone."""
        if device == "cpu":
            return {
                "precision:tf32": "it is a mode of NVIDIA's GPUs since Ampere, and not of a CPU"
            }
        import torch

        if torch.cuda.get_device_capability(device) >= (8, 0):
            return {}
        name = torch.cuda.get_device_name(device)
        return {
            f"precision:{precision}": f"NVIDIA's GPUs have it since Ampere, and {name} is older"
            for precision in ("tf32", "bf16")
        }

    def lower(self, demand: Demand, settings: Settings) -> Lowering:
        """Layout, compilation and memory, as :mod:`ltspec_torch.choice` has them."""
        return choose(demand, settings)

    def open(self, settings: Settings) -> Backend:
        """Raises BackendError: LT303 for a device that is not there, LT304 for a precision that it
        does not have."""
        here = self.devices()
        # ``cuda`` means the first one, as in torch.
        wanted = "cuda:0" if settings.device == "cuda" else settings.device
        if wanted not in here:
            raise BackendError(
                f"torch finds no device {settings.device!r}",
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
        from ltspec_torch.play import TorchBackend

        return TorchBackend(wanted, settings.precision, settings.threads, settings.deterministic)


adapter = TorchAdapter()
