"""Takes a plan and the person's choices; gives a Session: everything opened that a run needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ltspec.data.alteration import Alteration
from ltspec.data.dataset import Dataset
from ltspec.data.reader import read
from ltspec.data.streamed import Folder
from ltspec.decisions.alter import altered
from ltspec.engine import adapters, runner
from ltspec.engine.backend import Backend, Precision, Settings
from ltspec.engine.execution import ExecutionPlan, lower
from ltspec.engine.perform import Bench
from ltspec.engine.store import Realm, Store
from ltspec.engine.watch import Watch
from ltspec.plan.stages import Plan


@dataclass
class Session:
    """A plan, the backend that plays it, and the store that keeps what comes of it."""

    plan: Plan
    execution: ExecutionPlan
    store: Store
    realm: Realm
    bench: Bench
    data: Path
    versions: Mapping[str, str]

    @classmethod
    def open(
        cls,
        plan: Plan,
        *,
        backend: str,
        device: str,
        precision: Precision,
        threads: int | None,
        store: Path,
        data: Path,
        note: Callable[[str], None],
        execution: ExecutionPlan | None = None,
        deterministic: bool = True,
    ) -> Session:
        """Find backend and device, refuse what cannot be done, open the store.

        ``execution``: the execution part of a plan file, followed as it is written when it is for
        this backend, device and precision.
        Raises BackendError and StoreError; nothing is computed before.
        """
        adapter = adapters.find(backend)
        settings = Settings(
            adapters.choose_device(adapter, device),
            precision,
            threads,
            deterministic,
        )
        adapters.refuse_gaps(adapter, plan, settings)
        lowered = _followed(execution, backend, settings) or lower(plan, adapter, settings)
        opened = Store.open(store, report=note)
        versions = adapters.versions(adapter)

        def open_data(name: str, size: int, alteration: Alteration | None) -> Dataset | Folder:
            found = read(name, plan.data.get(name, plan.spec["data"]), size, data, note)
            for warning in found.warnings:
                note(warning)
            opened.check_data(name, found.fingerprint, found.facts.version, found.warnings)
            return found if alteration is None else altered(found, alteration)

        played_on = {
            "backend": backend,
            "device": settings.device,
            "threads": str(threads or "all"),
            **versions,
        }

        def open_backend(precision: Precision) -> Backend:
            return adapters.opened(adapter, plan, replace(settings, precision=precision))

        bench = Bench(plan, lowered, open_backend, open_data, played_on)
        return cls(plan, lowered, opened, opened.realm(lowered.realm), bench, data, versions)

    @property
    def title(self) -> str:
        """For people: backend, versions, device, precision."""
        packages = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        settings = self.execution.settings
        return f"{self.execution.backend} ({packages}), {settings.device}, {settings.precision}"

    def run(self, watch: Watch, checkpoint_seconds: float, processes: int = 1) -> None:
        """Do everything that is still to be done, in as many processes side by side."""
        if processes > 1:
            from ltspec.engine import side_by_side

            order = side_by_side.Order(
                self.plan, self.execution, self.store.folder, self.data, checkpoint_seconds
            )
            side_by_side.run(order, self.realm, processes, watch)
            return
        runner.run(self.plan, self.realm, self.bench, watch, checkpoint_seconds)


def _followed(
    written: ExecutionPlan | None, backend: str, settings: Settings
) -> ExecutionPlan | None:
    """A plan file's execution part, when it is for what was chosen; else None."""
    if written is None or written.backend != backend:
        return None
    same = replace(written.settings, threads=settings.threads) == settings
    return replace(written, settings=settings) if same else None
