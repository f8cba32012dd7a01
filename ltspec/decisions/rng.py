"""Takes a seed, a purpose and an index; gives random numbers that are the same everywhere.

A stream is named, not drawn from: what it gives depends on its name alone, so no stream moves
because another was used, and resuming needs no generator state. The bits are Philox-4x64
(Salmon et al. 2011), whose output is fixed; everything made of them uses only operations that
IEEE 754 rounds correctly, so every machine gets the same bits.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from ltspec.decisions.exact import normal_quantile


def bits(count: int, seed: int, purpose: str, *index: str | int) -> NDArray[np.uint64]:
    """``count`` random 64-bit words of the stream (seed, purpose, index)."""
    name = "\x1f".join(["ltspec-stream-1", str(seed), purpose, *map(str, index)])
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "little")
    return np.random.Philox(key=key).random_raw(count)


def permutation(count: int, seed: int, purpose: str, *index: str | int) -> NDArray[np.int32]:
    """A random order of 0 .. count - 1: the stable order of ``count`` random words."""
    order = np.argsort(bits(count, seed, purpose, *index), kind="stable")
    return order.astype(np.int32)


def uniform(count: int, seed: int, purpose: str, *index: str | int) -> NDArray[np.float64]:
    """Uniform in the open interval (0, 1): the middles of 2^52 equal parts."""
    words = bits(count, seed, purpose, *index) >> np.uint64(12)
    return (words.astype(np.float64) + 0.5) * 2.0**-52


def normal(count: int, seed: int, purpose: str, *index: str | int) -> NDArray[np.float64]:
    """Standard normal, by the inverse of its distribution function; one word a number."""
    return normal_quantile(uniform(count, seed, purpose, *index))
