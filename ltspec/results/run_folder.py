"""Takes a finished session; gives the folder that a person opens: table, tickets, plan."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ltspec.engine import runner
from ltspec.engine.session import Session
from ltspec.engine.store import Store
from ltspec.errors import UsageError
from ltspec.plan import planfile
from ltspec.plan.replicates import TICKET
from ltspec.plan.stages import Plan
from ltspec.results import answering, answers, measures, table, transfers
from ltspec.results.placing import Drafts
from ltspec.results.tickets import packed_tickets, place_of

PAGE = "report.html"
"""What the page of a run is called, which :mod:`ltspec.results.page` makes when asked."""
NETWORKS = "ltspec-networks"
"""Where a page says for programs which networks it is about, as :func:`networks` has them."""
KEEPS_BOTH = "Another name keeps both (--set name=...), and so does another file (--out)"
TICKETS = "tickets"
"""What the folder of its tickets is called."""


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
    :func:`ltspec.engine.runner.scores` gives, where the caller has read them; what other processes
    have made since is read now.

    One process at a time. Everything is written elsewhere first, then each file gets its name at
    once, ``plan.json`` last: whoever reads meanwhile, or after a kill, finds every file old or new
    and whole, and no ticket beside one of another experiment.

    Returns the folder, the tickets and the table's rows. Raises StoreError (LT403) where the
    folder cannot be written, InvariantError where an answer is none that there was to choose.
    """
    folder = folder_of(session.store.folder, plan, session.execution.realm)
    with session.store.sole_writer(folder) as scratch:
        scores = runner.scores(plan, session.realm, scores)
        found = table.rows(plan, scores)
        answered = answering.answers(plan, scores)
        carried = transfers.squares(plan, found)
        drafts = Drafts(folder, scratch)
        tickets = []
        for outcome, packed in packed_tickets(plan, session, scores):
            place = Path(TICKETS) / place_of(plan, outcome)
            drafts.add(place, packed)
            if outcome.branch == TICKET:  # branches are controls
                tickets.append(folder / place)
        texts = {
            "table.csv": table.as_csv(plan, found),
            "table.json": table.as_json(plan, found),
            **measures.files(plan, scores),
            "transfers.csv": transfers.as_csv(plan, carried) if carried else "",
            "answers.csv": answers.as_csv(answered) if answered else "",
            "answers.json": answers.as_json(plan, answered) if answered else "",
            "plan.json": planfile.write(plan, session.execution.describe()),
        }
        for name, text in texts.items():
            if text:
                drafts.add(Path(name), text.encode())
        if is_of_another(plan, folder):
            note(
                f"{folder} had the table of another experiment named {plan.name}, which is "
                "replaced; its results stay in the store. Another name keeps both (--set name=...)"
            )
            drafts.drop(PAGE)
            drafts.drop(TICKETS)
        for name, text in texts.items():
            if not text:  # of the same spec when it measured or asked more
                drafts.drop(name)
        drafts.drop_others(TICKETS)
        drafts.place()
    return folder, tickets, found


def write_page(
    plan: Plan, store: Store, folder: Path, make: Callable[[], str], note: Callable[[str], None]
) -> None:
    """Write the page of a run beside its table; ``make`` gives it, while nobody changes the folder.
    ``note`` is told of a table or a page of another experiment.

    Raises StoreError (LT403) where it cannot be written.
    """
    with store.sole_writer(folder) as scratch:
        if is_of_another(plan, folder):
            note(
                f"{folder} has the table of another experiment named {plan.name}, which the page "
                f"beside it is not about. {KEEPS_BOTH}"
            )
        tell_of_another_page(plan, folder / PAGE, note)
        drafts = Drafts(folder, scratch)
        drafts.add(Path(PAGE), make().encode())
        drafts.place()


def tell_of_another_page(plan: Plan, page: Path, note: Callable[[str], None]) -> None:
    """Tell ``note`` where the page that is about to be replaced is one of another experiment."""
    try:
        head = page.read_text(encoding="utf-8").partition("</title>")[0]
    except (OSError, UnicodeDecodeError):
        return
    said = re.search(f'<meta name="{NETWORKS}" content="([0-9a-f ]*)">', head)
    if said is not None and set(said[1].split()) - set(networks(plan)):
        note(f"{page} was the page of another experiment, which is replaced. {KEEPS_BOTH}")


def networks(plan: Plan) -> list[str]:
    """The trained networks of a plan's table, each by the beginning of its key."""
    return sorted({plan.stages[outcome.trained].key[:12] for outcome in plan.outcomes})


def is_of_another(plan: Plan, folder: Path) -> bool:
    """Whether a folder holds results that this plan does not have."""
    try:
        before, _ = planfile.read((folder / "plan.json").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, UsageError):
        return False
    trained = [{read.stages[o.trained].key for o in read.outcomes} for read in (before, plan)]
    return bool(trained[0] - trained[1])
