"""Takes a network and examples; gives means over all of them of what a backend gives of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ltspec.decisions.criteria import Subject
from ltspec.decisions.state import Array, Arrays
from ltspec.networks.graph import Graph


def mean_gradients(
    subject: Subject,
    graph: Graph,
    weights: Arrays,
    names: Sequence[str],
    along: Arrays | None = None,
) -> dict[str, Array]:
    """The gradient of the mean loss over the subject's examples by the parameters ``names``, or
    its derivative ``along`` a direction; batches are added in float64.

    ``graph`` and ``weights`` are the subject's own, or something built around them.
    """
    sums = {name: np.zeros(weights[name].shape) for name in names}
    seen = 0
    for data, indices in subject.batches():
        _, found = subject.gradients(
            graph, data, weights, subject.buffers, indices, subject.mode, along
        )
        seen += len(indices)
        for name in names:
            sums[name] += len(indices) * found[name].astype(np.float64)
    return {name: total / seen for name, total in sums.items()}
