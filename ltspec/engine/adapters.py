"""Takes the name of a backend and a device; gives its adapter, or says in time what is missing."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from ltspec.decisions.criteria import CRITERIA
from ltspec.engine.backend import Adapter, Backend, Settings
from ltspec.engine.execution import demands
from ltspec.errors import BackendError
from ltspec.networks.graph import OPS
from ltspec.plan.stages import Contrast, Plan, Prune

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
GROUP = "ltspec.backends"
"""Entry-point group under which a package registers its adapter."""


@cache
def installed() -> Mapping[str, tuple[EntryPoint, ...]]:
    """Registered backends by name, without importing any. More than one entry is a clash."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in entry_points(group=GROUP):
        if entry not in found.get(entry.name, ()):
            found[entry.name] = (*found.get(entry.name, ()), entry)
    return found


def find(name: str) -> Adapter:
    """The adapter of that name; does not import its framework.

    Raises BackendError: LT301 for a name that no package registers, LT310 where two do or where
    the package cannot be imported.
    """
    entries = installed().get(name, ())
    if entries and not _NAME.fullmatch(name):
        raise BackendError(
            f"{name!r} cannot name a backend: results lie in a folder of that name",
            code="LT310",
            hint="lower-case letters, digits and hyphens",
        )
    if not entries:
        close = difflib.get_close_matches(name, installed(), 1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise BackendError(
            f"no backend is named {name!r}",
            code="LT301",
            hint=f"{hint}installed: {', '.join(sorted(installed()))}",
        )
    if len({entry.value for entry in entries}) > 1:
        places = " and ".join(entry.value for entry in entries)
        raise BackendError(
            f"two packages register a backend named {name!r}: {places}",
            code="LT310",
            hint="uninstall one of them",
        )
    try:
        adapter: Adapter = entries[0].load()
    except Exception as error:
        raise BackendError(
            f"the backend {name!r} cannot be imported: {error}",
            code="LT310",
            hint=f"it is registered as {entries[0].value}",
        ) from error
    return adapter


def versions(adapter: Adapter) -> dict[str, str]:
    """Versions of its framework. Raises BackendError (LT302) where that is not installed."""
    try:
        return adapter.versions()
    except ImportError as error:
        raise BackendError(
            f"the backend {adapter.name} needs a package that is not installed: {error}",
            code="LT302",
            hint=f'pip install "{adapter.extra}"',
        ) from error


def choose_device(adapter: Adapter, wanted: str) -> str:
    """The device to use: ``auto`` is the best one there is.

    Raises BackendError (LT302, LT303) where the framework or the device is missing.
    """
    versions(adapter)
    devices = list(adapter.devices())
    if wanted == "auto":
        return devices[0]
    if wanted == "cuda" and any(device.startswith("cuda") for device in devices):
        return wanted
    if wanted not in devices:
        raise BackendError(
            f"the backend {adapter.name} has no device {wanted!r} here",
            code="LT303",
            hint=f"devices: {', '.join(devices)}",
        )
    return wanted


def refuse_gaps(adapter: Adapter, plan: Plan, settings: Settings, here: bool = True) -> None:
    """Say before any compute what this backend cannot do, or not on this device.

    ``here``: whether the device is one of this machine and can be asked. A plan may be made for a
    GPU elsewhere; of a CPU all is known, wherever it is.
    Raises BackendError (LT304) with every reason.
    """
    wanted = sorted(features(plan, settings))
    reasons = [f"{name}: {adapter.gaps[name]}" for name in wanted if name in adapter.gaps]
    precision = f"precision:{settings.precision}"
    if settings.precision not in adapter.precisions and precision not in adapter.gaps:
        reasons.append(f"{precision}: has {', '.join(adapter.precisions)}")
    if here or settings.device == "cpu":
        device, lacking = settings.device, lacking_on(adapter, settings.device)
        reasons += [f"{name} on {device}: {lacking[name]}" for name in wanted if name in lacking]
    _refuse(adapter, reasons)


def lacking_on(adapter: Adapter, device: str) -> Mapping[str, str]:
    """What the device lacks of what the backend can do. Adapters that are older than
    ``device_gaps`` say it only when they are opened."""
    return adapter.device_gaps(device) if hasattr(adapter, "device_gaps") else {}


def _refuse(adapter: Adapter, reasons: Sequence[str]) -> None:
    if reasons:
        raise BackendError(
            f"the backend {adapter.name} cannot run this: " + "; ".join(reasons),
            code="LT304",
            hint="`ltspec backends` lists what each one lacks",
        )


ARGUMENTS: Mapping[str, tuple[str, str]] = {
    "evaluate:each": ("evaluate", "each"),
    "gradients:along": ("gradients", "along"),
    "loss:repulsion": ("train", "repulsion"),
}
"""Arguments of a backend's verbs that came to them later, by the feature that needs them."""


def opened(adapter: Adapter, plan: Plan, settings: Settings) -> Backend:
    """The backend, started. Raises BackendError where its device is missing, and (LT304) where it
    is older than something that the plan asks for, before that is called for the first time."""
    backend = adapter.open(settings)
    reasons = []
    for feature in sorted(features(plan, settings) & ARGUMENTS.keys()):
        verb, argument = ARGUMENTS[feature]
        if not _takes(getattr(backend, verb), argument):
            reasons.append(f"{feature}: its `{verb}` has no argument `{argument}`")
    _refuse(adapter, reasons)
    return backend


def _takes(verb: Callable[..., object], argument: str) -> bool:
    """Whether a method can be called with a named argument."""
    parameters = inspect.signature(verb).parameters
    return argument in parameters or any(
        each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values()
    )


def features(plan: Plan, settings: Settings) -> set[str]:
    """What a plan asks of a backend, in the names that adapters use for their gaps."""
    names = {kind: name for name, kind in OPS.items()}
    nodes = [node for graph in plan.graphs.values() for node in graph.nodes]
    wanted = {f"op:{names[type(node.op)]}" for node in nodes}
    wanted |= {
        f"optimizer:{type(demand.optimizer).__name__.lower()}" for _, demand, _ in demands(plan)
    }
    if any(work.repulsion is not None for _, work in plan.trainings()):
        wanted.add("loss:repulsion")
    wanted.add(f"precision:{settings.precision}")
    for stage in plan.stages:
        if isinstance(stage.work, Prune):
            criterion = CRITERIA[stage.work.criterion]
            wanted |= {"precision:float64"} if criterion.gradients == "float64" else set()
            wanted |= {"gradients:along"} if criterion.along else set()
        if isinstance(stage.work, Contrast):
            wanted.add("evaluate:each")
    if settings.threads is not None:
        wanted.add("setting:threads")
    wanted.add("device:cpu" if settings.device == "cpu" else "device:gpu")
    return wanted
