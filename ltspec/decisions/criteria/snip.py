"""Takes a network and examples; gives how much the loss feels each weight (Lee et al. 2019)."""

from __future__ import annotations

import numpy as np

from ltspec.decisions.criteria import Subject
from ltspec.decisions.criteria.means import mean_gradients
from ltspec.decisions.state import Array


def score(subject: Subject) -> dict[str, Array]:
    """|g w|, g being the gradient of the mean loss over the examples ("SNIP", section 4.1).

    That is |dL/dc| of a factor c = 1 on each weight. The paper divides by the sum over all
    weights, which changes no ranking and is left out. Gradients of several batches are added in
    float64.
    """
    assert subject.graph is not None
    names = list(subject.shapes)
    by_weight = mean_gradients(subject, subject.graph, subject.weights, names)
    return {name: np.abs(by_weight[name] * subject.weights[name]) for name in names}
