"""Takes a random matrix; gives one with orthonormal rows or columns, the same bits everywhere.

A machine's own QR may differ from another's in the last bits, and so may its sums. Here every
number is made of +, -, *, / and sqrt on whole arrays, in an order that is written down.
"""

from __future__ import annotations

import numpy as np

from ltspec.decisions.exact import Floats

LANES = 256
"""Columns that are worked on at once: a sum over a row is 256 sums side by side, then a tree. Part
of the meaning: another number adds in another order."""


def orthonormal(matrix: Floats) -> Floats:
    """The rows of ``matrix`` made orthonormal; of a tall one, the columns.

    Modified Gram-Schmidt (Golub and Van Loan, section 5.2.8). Of a matrix of independent normal
    numbers it gives each orthonormal matrix with equal probability (Saxe et al. 2014).
    """
    tall = matrix.shape[0] > matrix.shape[1]
    rows = np.array(matrix.T if tall else matrix, order="C")
    pieces = [slice(at, min(at + LANES, rows.shape[1])) for at in range(0, rows.shape[1], LANES)]
    for number, row in enumerate(rows):
        row /= np.sqrt(_products(rows[number : number + 1], row, pieces))[0]
        later = rows[number + 1 :]
        share = _products(later, row, pieces)
        for piece in pieces:
            later[:, piece] -= share * row[piece]
    return rows.T if tall else rows


def _products(rows: Floats, row: Floats, pieces: list[slice]) -> Floats:
    """The scalar product of ``row`` with each of ``rows``, of shape (rows, 1)."""
    sums = np.zeros((len(rows), LANES))
    for piece in pieces:
        sums[:, : piece.stop - piece.start] += rows[:, piece] * row[piece]
    while sums.shape[1] > 1:
        half = sums.shape[1] // 2
        sums = sums[:, :half] + sums[:, half:]
    return sums
