"""Takes a plan and a store; gives where results were made, from which data, and their tickets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ltspec.engine.store import Realm, Store
from ltspec.errors import DataError, LtspecError, TicketError
from ltspec.plan import planfile
from ltspec.plan.stages import Plan
from ltspec.results.page.content import Column, Part, Sheet, TicketFile
from ltspec.results.table import point_cells, point_headings
from ltspec.results.tickets import own_data, place_of
from ltspec.tickets.certificate import read_certificate


def stages(plan: Plan, realm: Realm) -> Sheet:
    """How many stages there are of each kind, and what of them is done."""
    columns = [
        Column("kind"),
        Column("stages", "count", is_number=True),
        Column("in the store", "count", is_number=True),
        Column("training", "steps", is_number=True),
    ]
    rows = []
    for kind in dict.fromkeys(stage.kind for stage in plan.stages):
        own = [stage for stage in plan.stages if stage.kind == kind]
        steps = sum(plan.own_steps(stage) for stage in own)
        held = sum(realm.has(stage.key) for stage in own)
        rows.append([kind, f"{len(own):,}", f"{held:,}", f"{steps:,}" if steps else "-"])
    return Sheet("Stages by kind", columns, rows)


def machines(plan: Plan, realm: Realm, folder: Path) -> list[Part]:
    """A row for each way in which trainings were played: device and versions, as they were noted.

    ``folder``: that of the run, whose plan file says whether the last run was deterministic.
    """
    played: dict[tuple[tuple[str, str], ...], list[float]] = {}
    for stage, _ in plan.trainings():
        facts = realm.read_facts(stage.key)
        if facts is not None:
            on = tuple(sorted(facts["played_on"].items()))
            played.setdefault(on, []).append(facts["seconds"])
    if not played:
        return []
    names = list(dict.fromkeys(name for on in played for name, _ in on))
    first = [name for name in ("backend", "device", "threads") if name in names]
    names = [*first, *(name for name in names if name not in first)]
    sheet = Sheet(
        "Trainings, by what they were played on",
        [
            *(Column(name, "number" if name == "threads" else "") for name in names),
            Column("trainings", "count", is_number=True),
            Column("time", "seconds", is_number=True),
        ],
        [
            [*(dict(on).get(name, "-") for name in names), f"{len(took):,}", f"{sum(took):,.1f}"]
            for on, took in sorted(played.items())
        ],
    )
    precision = realm.name.rpartition("-")[2]
    return [f"Precision: {precision}.", sheet, *_deterministic(plan, folder)]


def threads(plan: Plan, realm: Realm) -> str:
    """The number of threads that every training had; empty where it is not known, or not the same
    for all of them."""
    facts = [realm.read_facts(stage.key) for stage, _ in plan.trainings()]
    found = {fact["played_on"].get("threads", "all") for fact in facts if fact is not None}
    return found.pop() if len(found) == 1 and "all" not in found else ""


def _deterministic(plan: Plan, folder: Path) -> list[str]:
    """What the plan file of the run says; nothing where there is none of this plan."""
    try:
        before, execution = planfile.read((folder / "plan.json").read_text(encoding="utf-8"))
        if before.stages != plan.stages:
            return []
        deterministic = execution["settings"]["deterministic"]
    except (OSError, UnicodeDecodeError, LtspecError, KeyError, TypeError):
        return []
    if deterministic:
        return ["Deterministic: the same run on the same device repeats itself to the bit."]
    return ["Not deterministic: faster operations were allowed."]


def data(plan: Plan, store: Store) -> tuple[list[Part], list[str]]:
    """The data sets with the hash of the bytes that were read, and what was noticed of them."""
    names = sorted({name for stage in plan.stages for name in own_data(stage.work)})
    rows, warnings = [], []
    for name, version in names:
        try:
            fingerprint = store.fingerprint(name, version)
            warnings += [f"{name}: {warning}" for warning in store.data_warnings(name, version)]
        except DataError:
            fingerprint = "not read yet"
        rows.append([name, str(version), fingerprint])
    if not rows:
        return [], []
    columns = [Column("data"), Column("version", "of its reader", is_number=True)]
    columns.append(Column("fingerprint", "sha256 of what was read"))
    return [Sheet("Data sets", columns, rows)], warnings


def tickets(plan: Plan, folder: Path, page: Path) -> tuple[list[str], list[TicketFile]]:
    """Headings, and a row for each ticket of the plan, with the hash of its content where the file
    is there. ``folder``: that of the run, ``page``: where the page will lie."""
    headings = [*point_headings(plan), "replicate", "line", "level"]
    beside = page.parent.resolve() == folder.resolve()
    found = []
    for outcome in plan.outcomes:
        if outcome.ticket is None:
            continue
        place = Path("tickets") / place_of(plan, outcome)
        cells = [
            *map(str, point_cells(plan, outcome.point)),
            str(outcome.replicate),
            outcome.branch,
            str(outcome.level),
        ]
        content, there = _content(folder / place, plan.stages[outcome.ticket].key)
        href = place.as_posix() if beside and there else ""
        found.append(TicketFile(place.as_posix(), href, cells, content, there))
    return headings, found


def _content(file: Path, key: str) -> tuple[str, bool]:
    """Hash of a ticket's content, or why there is none; and whether there is."""
    if not file.is_file():
        return "not written yet", False
    try:
        certificate = read_certificate(file)
    except TicketError as error:
        return f"cannot be read ({error.code})", False
    keys: Mapping[str, Any] = certificate.manifest["keys"]
    if keys["ticket"] != key:
        return "of another experiment of this name", False
    return certificate.content, True
