"""Takes tensor shapes and a total; gives how many weights each tensor keeps, exactly.

No numpy and no floating point: shares are fractions, and the counts add up to the total.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Literal

Shape = tuple[int, ...]
Spread = Literal["", "global", "erk", "uniform"]
"""How weights are shared out among tensors: not at all, by their scores alone, or by one of
:data:`SPREADS`."""


def uniform(shapes: Sequence[Shape], total: int) -> tuple[int, ...]:
    """The same density in each tensor."""
    sizes = [math.prod(shape) for shape in shapes]
    return _whole([Fraction(total * size, sum(sizes)) for size in sizes], total)


def erk(shapes: Sequence[Shape], total: int) -> tuple[int, ...]:
    """Erdos-Renyi-kernel (Evci et al. 2020, section 3): density = eps sum(shape) / prod(shape).

    A tensor that would have a density above 1 is dense, the one with the highest first, and eps is
    solved again for the others.
    """
    sizes = [math.prod(shape) for shape in shapes]
    sparse = list(range(len(shapes)))
    while sparse:
        dense = sum(size for place, size in enumerate(sizes) if place not in sparse)
        eps = Fraction(total - dense, sum(sum(shapes[place]) for place in sparse))
        densest = max(sparse, key=lambda place: Fraction(sum(shapes[place]), sizes[place]))
        if eps * sum(shapes[densest]) <= sizes[densest]:
            break
        sparse.remove(densest)
    shares = [
        eps * sum(shape) if place in sparse else Fraction(sizes[place])
        for place, shape in enumerate(shapes)
    ]
    return _whole(shares, total)


def _whole(shares: Sequence[Fraction], total: int) -> tuple[int, ...]:
    """Whole numbers that add up to ``total``: rounded down, and what is left goes to the largest
    remainders, earlier tensors first where they are equal."""
    counts = [math.floor(share) for share in shares]
    order = sorted(range(len(shares)), key=lambda place: counts[place] - shares[place])
    for place in order[: total - sum(counts)]:
        counts[place] += 1
    return tuple(counts)


SPREADS: Mapping[str, Callable[[Sequence[Shape], int], tuple[int, ...]]] = {
    "erk": erk,
    "uniform": uniform,
}
"""Ways to share weights out among tensors, by the word in a spec."""
