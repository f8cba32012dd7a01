"""Takes the heading of a column; gives the unit of what stands beneath it."""

from __future__ import annotations

import re
from collections.abc import Mapping

UNITS: Mapping[str, str] = {
    # what tells rows apart
    "point": "",
    "branch": "",
    "line": "",
    "network": "",
    "and": "",
    "between": "",
    "split": "",
    "batchnorm": "",
    "metric": "",
    "to": "",
    "what": "",
    "asked": "",
    "of": "",
    "entry": "number in measure",
    "level": "number",
    "replicate": "number",
    "replicates": "unit of the answer",
    "answer": "step, steps, % of weights or points",
    "95% interval": "unit of the answer",
    # figures
    "density": "% of prunable weights",
    "weights": "count",
    "explored": "% of prunable weights",
    "updates": "count",
    "from step": "step",
    "step": "step",
    "pairs": "count",
    "n": "count",
    "instability": "points of error",
    "barrier": "points of error",
    "different": "points",
    "losses": "nats",
    "l2": "unit of weights",
    "angle": "degrees",
    "cosine": "-1 to 1",
    "angular": "2 angle / pi",
    "IoU": "share",
    "IoU by chance": "share",
    "share of smaller": "share",
    "share by chance": "share",
    "deviation": "unit of weights",
    "largest removed": "magnitude",
    "smallest kept": "magnitude",
    "to the one before": "see metric",
    "to the first": "see metric",
    "to init": "see metric",
}
"""By heading, as tables on the screen have them."""

_PATTERNS: Mapping[str, str] = {
    r"\w+ accuracy": "% of examples",
    r"\w+ loss": "mean, nats",
    r"p\d+(\.\d+)?": "percentile, unit of weights",
}


def unit_of(heading: str) -> str | None:
    """The unit; empty for words. None for a column that a spec names, such as a key of its
    sweep."""
    if heading in UNITS:
        return UNITS[heading]
    return next((unit for form, unit in _PATTERNS.items() if re.fullmatch(form, heading)), None)
