"""Takes a plan and facts; gives its plots as pieces of a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ltspec.plan.stages import Plan
from ltspec.results import drawn, plots
from ltspec.results.page.content import Figure
from ltspec.results.table import Row, counted, summary

Facts = Mapping[int, Mapping[str, Any]]


def of_accuracy(plan: Plan, rows: Sequence[Row]) -> list[Figure]:
    """Accuracy over density, one plot a split."""
    lines = summary(rows)
    splits = dict.fromkeys(split for line in lines for split in line.accuracy)
    return [
        _figure(
            f"accuracy-{split}",
            f"Accuracy on the {split} split over the weights that remain",
            lambda target, split=split: plots.plot_accuracy(  # type: ignore[misc]
                lines, split, plan.name, target, plan.points
            ),
        )
        for split in splits
    ]


def of_measures(plan: Plan, facts: Facts) -> list[Figure]:
    """Lines between networks, and distances between solutions, where the spec measures any."""
    found = []
    if lines := drawn.curves(plan, facts, "instability"):
        found.append(
            _figure(
                "instability",
                "Error along the lines between copies of a network",
                lambda target: plots.plot_lines(lines, plan.name, target, plan.points),
            )
        )
    if between := drawn.curves(plan, facts, "barrier"):
        found.append(
            _figure(
                "barrier",
                "Error along the lines between two networks",
                lambda target: plots.plot_lines(between, plan.name, target, plan.points),
            )
        )
    if matrices := drawn.distances(plan, facts):
        found.append(
            _figure(
                "distance",
                "Distances between solutions",
                lambda target: plots.plot_distances(matrices, counted(plan, facts), target),
            )
        )
    return found


def _figure(name: str, caption: str, draw: Callable[[Path], None]) -> Figure:
    return Figure(inline(plots.as_svg(draw), name, caption), caption)


_REFERENCE = re.compile(r'(\bid="|\bxlink:href="#|\burl\(#)')
_ID = re.compile(r' id="[^"]*"')


def inline(text: str, name: str, caption: str) -> str:
    """An SVG file as an element for a page: ids begin with ``name``, so that no two figures share
    one, and programs that read aloud say ``caption``, which is plain words."""
    element = text[text.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>\s*", "", element, flags=re.DOTALL)
    element = _REFERENCE.sub(lambda met: f"{met[1]}{name}-", element)
    met: set[str] = set()

    def once(found: re.Match[str]) -> str:
        """Nothing for a second element of the same name: equal images have equal ones."""
        new = found[0] not in met
        met.add(found[0])
        return found[0] if new else ""

    element = _ID.sub(once, element)
    return element.replace("<svg", f'<svg role="img" aria-label="{caption}"', 1)
