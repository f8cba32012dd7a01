"""Takes a count of solutions; gives how many a program is made for. Imports no TensorFlow."""

from __future__ import annotations


def filled_count(count: int) -> int:
    """The power of two from ``count`` on, 0 for 0: rows of zeros add nothing to the term, and so a
    program is compiled a few times in an experiment and not at each of its levels."""
    return 1 << (count - 1).bit_length() if count else 0
