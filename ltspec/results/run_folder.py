"""Takes a finished session; gives the folder that a person opens: table, tickets, plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ltspec.engine import runner
from ltspec.engine.session import Session
from ltspec.errors import StoreError, UsageError
from ltspec.plan import planfile
from ltspec.plan.stages import Plan
from ltspec.results import answering, answers, measures, table, transfers
from ltspec.results.tickets import place_tickets

PAGE = "report.html"
"""What the page of a run is called, which :mod:`ltspec.results.page` makes when asked."""


def folder_of(store: Path, plan: Plan, realm: str) -> Path:
    """Where the table and tickets of a plan lie in a store."""
    return store / "runs" / plan.name / realm


def write_results(
    plan: Plan,
    session: Session,
    note: Callable[[str], None] = lambda text: None,
    scores: Mapping[int, Mapping[str, Any]] | None = None,
) -> tuple[Path, list[Path], list[table.Row]]:
    """Write ``runs/NAME/REALM/`` in the store: ``table.csv``, ``table.json``, ``plan.json``,
    ``tickets/``, and a ``.csv`` and a ``.json`` of each kind of ``measure`` that the spec has,
    and of ``answers`` where it asks anything; ``transfers.csv`` where a sweep carries tickets.
    ``note`` is told when those of another experiment are replaced. ``scores`` are what
    :func:`ltspec.engine.runner.scores` gives, where the caller has read them.

    Returns the folder, the tickets and the table's rows. Raises StoreError (LT403) where the
    folder cannot be written, InvariantError where an answer is none that there was to choose.
    """
    folder = folder_of(session.store.folder, plan, session.execution.realm)
    scores = runner.scores(plan, session.realm) if scores is None else scores
    found = table.rows(plan, scores)
    answered = answering.answers(plan, scores)
    carried = transfers.squares(plan, found)
    try:
        if _is_of_another(plan, folder):
            note(
                f"{folder} had the table of another experiment named {plan.name}, which is "
                "replaced; its results stay in the store. Another name keeps both (--set name=...)"
            )
            (folder / PAGE).unlink(missing_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "table.csv").write_text(table.as_csv(plan, found), encoding="utf-8")
        (folder / "table.json").write_text(table.as_json(plan, found), encoding="utf-8")
        for name, text in {
            **measures.files(plan, scores),
            "transfers.csv": transfers.as_csv(plan, carried) if carried else "",
            "answers.csv": answers.as_csv(answered) if answered else "",
            "answers.json": answers.as_json(plan, answered) if answered else "",
        }.items():
            if text:
                (folder / name).write_text(text, encoding="utf-8")
            else:  # of the same spec when it measured or asked more
                (folder / name).unlink(missing_ok=True)
        (folder / "plan.json").write_text(
            planfile.write(plan, session.execution.describe()), encoding="utf-8"
        )
        tickets = place_tickets(plan, session, scores, folder / "tickets")
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror}", code="LT403") from None
    return folder, tickets, found


def _is_of_another(plan: Plan, folder: Path) -> bool:
    """Whether a folder holds results that this plan does not have."""
    try:
        before, _ = planfile.read((folder / "plan.json").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, UsageError):
        return False
    trained = [{read.stages[o.trained].key for o in read.outcomes} for read in (before, plan)]
    return bool(trained[0] - trained[1])
