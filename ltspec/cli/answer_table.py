"""Takes a plan and facts; gives the answers to the spec's questions on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ltspec.cli.tables import print_table
from ltspec.language.points import shown
from ltspec.plan.stages import Plan
from ltspec.results.answering import answers
from ltspec.results.answers import Answer, Unit


def print_answers(console: Console, plan: Plan, facts: Mapping[int, Mapping[str, Any]]) -> None:
    """Print a line for each answer, where the spec asks anything."""
    found = answers(plan, facts)
    if not found:
        return
    each = {"replicates": replicates_text, "95% interval": interval_text}
    # With one replicate there is nothing to say of several.
    each = {name: text for name, text in each.items() if any(map(text, found))}
    title = "answers"
    if each:
        title += ": of the mean over replicates, and of each: mean (lowest-highest)"
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    settings = list(dict.fromkeys(key for answer in found for key in answer.settings))
    for key in settings:
        table.add_column(key.replace(".", ".\n"), overflow="fold")
    for heading in ("asked", "of"):
        table.add_column(heading)
    table.add_column("level", justify="right")
    for heading in ("answer", *each):
        table.add_column(heading)
    for answer in found:
        table.add_row(
            *(shown(answer.settings[key]) if key in answer.settings else "-" for key in settings),
            _asked(answer),
            f"{answer.line} less {answer.other}" if answer.other else answer.line,
            "" if answer.level is None else str(answer.level),
            answer_text(answer),
            *(text(answer) for text in each.values()),
        )
    print_table(console, table)
    notes = [
        note
        for unit, note in _NOTES.items()
        if any(answer.unit == unit and answer.ever != answer.onwards for answer in found)
    ]
    if notes:
        console.print("; ".join(notes) + "\n", highlight=False, soft_wrap=True)


_NOTES: dict[Unit, str] = {
    "step": "a step is the first at which it holds; onwards is the one from which on it holds at "
    "all later ones too",
    "steps": "a number of steps is the least after which it holds; onwards is the one from which "
    "on it holds after all longer pre-trainings too",
    "density": "a density is the lowest that holds with all higher ones; in brackets the lowest at "
    "which it holds at all",
}
"""What is said where the two differ."""


def _asked(answer: Answer) -> str:
    """``first stable, below 2 points, test``."""
    ways = [answer.split]
    by = " after pre-training" if answer.unit == "steps" else ""
    if answer.batchnorm == "recalibrate":
        ways.append(f"recalibrated on {answer.batches} batches")
    match answer.kind:
        case "first-stable":
            what = f"first stable{by}, below {_points(answer.threshold)} points"
            ways.append(f"{answer.alphas} alphas")
        case "first-matching":
            what = f"first matching{by}, within {_points(answer.threshold)} points"
        case "sparsest-matching":
            what = f"sparsest matching, within {_points(answer.threshold)} points"
        case _:
            what = "area, mean points"
    return f"{what}, {', '.join(ways)}"


def answer_text(answer: Answer) -> str:
    """``step 500 (onwards: 2,000)``, ``10.74%, level 10 (8.59%)``, ``none up to step 2,000`` or how
    much is not done yet."""
    if answer.missing:
        return f"not done yet: {answer.missing} of {answer.needed} figures"
    unit = answer.unit
    if answer.value is not None:
        text = _named(unit, answer.value)
        if answer.found_level is not None:
            text += f", level {answer.found_level}"
    elif unit == "accuracy":
        text = "none: no stretch of densities in common"
    elif unit in ("step", "steps"):
        text = f"none up to {_named(unit, answer.tried[-1])}"
    else:
        text = f"none, not even {figure_text(unit, answer.tried[-1])}"
    if answer.ever == answer.onwards or answer.ever is None:
        return text
    if unit == "density":
        return f"{text} ({figure_text(unit, answer.ever)})"
    onwards = "none" if answer.onwards is None else figure_text(unit, answer.onwards)
    return f"{text} (onwards: {onwards})"


def replicates_text(answer: Answer) -> str:
    """Empty for one replicate; ``1,500 (500-2,000)``, or how many of them have an answer."""
    count = len(answer.replicates)
    if count < 2 or answer.missing:
        return ""
    if answer.spread is None:
        return f"{answer.reached} of {count} have one"
    mean, low, high = (
        figure_text(answer.unit, each)
        for each in (answer.spread.mean, answer.spread.low, answer.spread.high)
    )
    if low == high:
        return mean
    return f"{mean} ({low} to {high})" if answer.unit == "accuracy" else f"{mean} ({low}-{high})"


def interval_text(answer: Answer) -> str:
    """``310 to 2,690 (n = 3)``, and of how many replicates; empty where there is none."""
    if answer.spread is None or answer.spread.interval is None:
        return ""
    low, high = (figure_text(answer.unit, each) for each in answer.spread.interval)
    return f"{low} to {high} (n = {len(answer.replicates)})"


def _named(unit: Unit, figure: float) -> str:
    """``step 2,000`` or ``2,000 steps``, for a bare 0 says little; else as it is."""
    text = figure_text(unit, figure)
    return {"step": f"step {text}", "steps": f"{text} step{'s' * (figure != 1)}"}.get(unit, text)


def figure_text(unit: Unit, figure: float) -> str:
    """A step, a density or a difference of accuracies in points, as people read them."""
    match unit:
        case "step" | "steps":
            return f"{figure:,.0f}" if figure == int(figure) else f"{figure:,.1f}"
        case "density":
            return f"{figure:.2%}"
        case _:
            return f"{100 * figure:+.2f}"


def _points(threshold: float | None) -> str:
    return "" if threshold is None else f"{100 * threshold:g}"
