"""Takes a finished session; gives the folder that a person opens: table, tickets, plan."""

from __future__ import annotations

from pathlib import Path

from ltspec.engine import runner
from ltspec.engine.session import Session
from ltspec.errors import StoreError
from ltspec.plan import planfile
from ltspec.plan.stages import Plan
from ltspec.results import table
from ltspec.results.tickets import place_tickets


def write_results(plan: Plan, session: Session) -> tuple[Path, list[Path]]:
    """Write ``runs/NAME/REALM/`` in the store: ``table.csv``, ``table.json``, ``plan.json`` and
    ``tickets/``. Returns the folder and the tickets. Raises StoreError where it cannot be written.
    """
    folder = session.store.folder / "runs" / plan.name / session.execution.realm
    found = table.rows(plan, runner.scores(plan, session.realm))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "table.csv").write_text(table.as_csv(found), encoding="utf-8")
        (folder / "table.json").write_text(table.as_json(plan, found), encoding="utf-8")
        (folder / "plan.json").write_text(
            planfile.write(plan, session.execution.describe()), encoding="utf-8"
        )
        tickets = place_tickets(plan, session.realm, folder / "tickets")
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror}", code="LT403") from None
    return folder, tickets
