"""Takes float64 numbers; gives logarithm, cosine and normal quantile with the same bits everywhere.

A machine's own ``log`` and ``cos`` may differ in the last bit from another's. These are built of
+, -, *, / and sqrt alone, each of which IEEE 754 rounds correctly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LN2 = 0.6931471805599453
_PI = 3.141592653589793

# Rational approximation of the normal quantile by P. J. Acklam, relative error below 1.15e-9.
_CENTRE_TOP = (
    -3.969683028665376e01,
    2.209460984245205e02,
    -2.759285104469687e02,
    1.383577518672690e02,
    -3.066479806614716e01,
    2.506628277459239e00,
)
_CENTRE_BOTTOM = (
    -5.447609879822406e01,
    1.615858368580409e02,
    -1.556989798598866e02,
    6.680131188771972e01,
    -1.328068155288572e01,
    1.0,
)
_TAIL_TOP = (
    -7.784894002430293e-03,
    -3.223964580411365e-01,
    -2.400758277161838e00,
    -2.549732539343734e00,
    4.374664141464968e00,
    2.938163982698783e00,
)
_TAIL_BOTTOM = (
    7.784695709041462e-03,
    3.224671290700398e-01,
    2.445134137142996e00,
    3.754408661907416e00,
    1.0,
)
_TAIL = 0.02425


def _polynomial(coefficients: Sequence[float], x: Floats) -> Floats:
    """Horner's rule, highest power first."""
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * x + coefficient
    return total


def log(x: Floats) -> Floats:
    """Natural logarithm of positive, finite numbers, to about 1e-15 relative or absolute."""
    mantissa, exponent = np.frexp(x)
    small = mantissa < 0.7071067811865476
    mantissa = np.where(small, mantissa * 2.0, mantissa)
    exponent = exponent - small
    z = (mantissa - 1.0) / (mantissa + 1.0)  # |z| < 0.172; ln m = 2 artanh z
    series = _polynomial([1.0 / k for k in range(21, 0, -2)], z * z)
    return exponent * _LN2 + 2.0 * z * series


def cos(x: Floats) -> Floats:
    """Cosine for 0 <= x <= pi, to about 1e-15 absolute."""
    flip = x > _PI / 2
    y = np.where(flip, _PI - x, x)
    terms = [1.0]
    for k in range(1, 13):
        terms.append(-terms[-1] / ((2 * k - 1) * (2 * k)))
    value = _polynomial(terms[::-1], y * y)
    return np.where(flip, -value, value)


def normal_quantile(p: Floats) -> Floats:
    """x with P(N(0, 1) <= x) = p, for 0 < p < 1, to about 1e-9 relative."""
    x = np.empty_like(p)
    low, high = p < _TAIL, p > 1.0 - _TAIL
    centre = ~(low | high)
    q = p[centre] - 0.5
    r = q * q
    x[centre] = q * _polynomial(_CENTRE_TOP, r) / _polynomial(_CENTRE_BOTTOM, r)
    for tail, side, sign in ((low, p[low], 1.0), (high, 1.0 - p[high], -1.0)):
        t = np.sqrt(-2.0 * log(side))
        x[tail] = sign * _polynomial(_TAIL_TOP, t) / _polynomial(_TAIL_BOTTOM, t)
    return x
