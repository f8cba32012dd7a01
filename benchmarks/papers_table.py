"""The experiments of the papers as a table: what each spec of ``examples/papers`` comes to.

    python benchmarks/papers_table.py

Markdown with the stages and the training steps of each plan, and the steps that its networks would
take if each were trained from scratch. Nothing is trained and no data is read.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ltspec.language.source import read
from ltspec.plan import validate
from ltspec.plan.cost import steps_from_scratch, total
from ltspec.plan.passes import compile_spec

PAPERS = Path(__file__).parents[1] / "examples" / "papers"


def line(path: Path) -> str:
    """One row of the table."""
    plan = compile_spec(validate(read(path)))
    steps, scratch = total(plan).steps, steps_from_scratch(plan)
    numbers = (
        f"{len(plan.points)}",
        f"{len(plan.stages):,}",
        f"{steps:,}",
        f"{scratch:,}",
        f"{scratch / steps:.2f}",
    )
    return f"| [{path.stem}](../examples/papers/{path.name}) | {' | '.join(numbers)} |"


def main() -> None:
    """Print the table, row by row."""
    print("| spec | points | stages | steps | each network from scratch | factor |")
    print("|---|---|---|---|---|---|", flush=True)
    for path in sorted(PAPERS.glob("[0-9]*.yaml")):
        print(line(path), flush=True)


if __name__ == "__main__":
    sys.exit(main())
