"""Repeatable randomness: a hash of (seed, number), and smooth noise made from it.

What lives here: whole-number arithmetic only, so every machine gets the same bits. What does not: prices
(``market``). No random source and no state anywhere: the same question always has the same answer.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_HALF = 1 << 15


@dataclass(frozen=True, slots=True)
class Octave:
    """One layer of noise: ``period`` in minutes between its random points, ``height`` in 2**-30 of the price."""

    period: int
    height: int


def seed_of(name: str) -> int:
    """The seed that belongs to ``name``: 64 bits, the same on every machine and in every version of Python."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def scrambled(seed: int, numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """64 well-mixed bits for each of ``numbers``: splitmix64, seeded."""
    z = numbers.astype(np.uint64)
    z *= _GOLDEN
    z += np.uint64(seed)
    z ^= z >> np.uint64(30)
    z *= _FIRST
    z ^= z >> np.uint64(27)
    z *= _SECOND
    z ^= z >> np.uint64(31)
    return z


def smooth(seed: int, octaves: Sequence[Octave], first: int, count: int) -> NDArray[np.int64]:
    """Noise at the minutes ``first``, ``first + 1``, ... (``count`` of them), in 2**-30.

    Every octave draws straight lines between random points one period apart; long periods move far, short ones
    little, which looks like a random walk yet needs no walking: any minute costs the same.
    """
    total = np.zeros(count, np.int64)
    minutes = np.arange(first, first + count, dtype=np.int64)
    for octave in octaves:
        cell = minutes // octave.period
        low = int(cell[0])
        points = scrambled(seed ^ octave.period, np.arange(low, int(cell[-1]) + 2, dtype=np.int64))
        heights = (points >> np.uint64(48)).astype(np.int64) - _HALF
        at = cell - low
        left = heights[at]
        rise = (heights[at + 1] - left) * (minutes - cell * octave.period) // octave.period
        total += (left + rise) * octave.height // _HALF
    return total
