"""Damage that comes back after a fixed number of rows: the mark a broken download leaves at each page's end. Pure.

What lives here: the signs of damage one series shows by itself, and the test whether they repeat at a page's
length. What does not: comparing with another timeframe (``agreement``), which finds each half-built candle by
itself and needs no repetition.

Three signs. A *hole*: the next candle is more than a step away. A *repeat*: the next candle opens at the same
time. A *half-built* candle: its close is unusually far from the next open, and its volume is low among its
neighbours, as of a candle that was stored while it was still forming. One sign proves nothing; markets make all
of them (about one clean candle in 200 looks half-built). What no market makes is the sign on a third or more of the
places at one exact distance. So that is what is tested: the probability of chance is bounded by Chernoff and
multiplied by every distance and offset tried.

Limits. At least ``LEAST`` pages must fit in the series: a month of 1m candles has 44 pages of 1000, but a month
of 15m candles has three, and there this rule is silent where ``agrees_with_shorter`` is not. Distances are those
of known page lengths (``PAGES``), give or take a row for pages that overlap or miss each other by one. Where the
series has holes, distances are counted in rows and in steps of time, because pages can be cut by either.
"""

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.candles import Candles
from qmd_platform.quality.measures import Columns

PAGES = (100, 120, 200, 300, 500, 720, 1000, 1440, 1500, 2000, 5000, 10_000)
"""Rows a page of public candle endpoints, defaults and limits (ccxt 4.5 and the recorded Bitfinex pages of 120)."""

LEAST = 4
"""Damaged places at one distance below which nothing is claimed."""

MUST_HIT = 1 / 3
"""Share of the places at one distance that must show the damage. Not all do: a half-built candle can look whole."""

SURE = log(1e-6)
"""Largest log probability of chance at which a repetition is claimed."""

_WIDE = 0.98
"""Share of a series' close-to-open jumps that count as usual."""

_LOW = 0.7
"""Volume below this share of the neighbours' median counts as low. The recorded Gate candles have 0.08 to 1."""

_SIDE = 6
"""Neighbours on each side that volume is compared with."""


@dataclass(frozen=True, slots=True)
class Repetition:
    """``damage`` recurs every ``distance``; ``rows`` are all places of it, from the first to the last damaged."""

    damage: str
    distance: int
    rows: NDArray[np.intp]
    log_chance: float


def of_page_boundary(candles: Candles, step: int) -> Columns:
    """``damage_distance``: the distance at which the row's damage recurs, else 0; with ``damage`` in words.

    Args:
        candles: in any state; the longer the series, the more it tells.
        step: their length in ms.
    """
    found = repetition(candles, step)
    distance = np.zeros(len(candles))
    if found is None:
        return {"damage_distance": distance}
    distance[found.rows] = found.distance
    return {"damage_distance": distance, "damage": np.where(distance > 0, found.damage, "")}


def repetition(candles: Candles, step: int) -> Repetition | None:
    """The repetition of damage least likely to be chance; None when none is beyond doubt."""
    if len(candles) < LEAST * (PAGES[0] - 1):
        return None
    since = np.diff(candles.open_at)
    signs = {
        "half-built candle": _half_built(candles, since == step),
        "hole after it": np.flatnonzero(since > step),
        "repeated candle": np.flatnonzero(since == 0),
    }
    places = [np.arange(len(candles))]
    if len(signs["hole after it"]) and since.min() >= 0:
        places.append(((candles.open_at - candles.open_at[0]) // step).astype(np.intp))
    found = [
        claim for damage, rows in signs.items() for at in places if (claim := _strongest(damage, rows, at)) is not None
    ]
    return min(found, key=lambda claim: claim.log_chance, default=None)


def _half_built(candles: Candles, is_followed: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Rows whose close is far from the next open while their volume is low."""
    with np.errstate(all="ignore"):  # zero and infinite prices are another rule's business
        jump = np.abs(candles.open[1:] / candles.close[:-1] - 1)
    jump[~is_followed | ~np.isfinite(jump)] = 0
    usual = int(len(jump) * _WIDE)
    rows = np.flatnonzero(jump > np.partition(jump, usual)[usual])
    around = np.clip(rows[:, None] + np.arange(-_SIDE, _SIDE + 1), 0, len(candles) - 1)
    neighbours = np.median(candles.volume[around], axis=1) if len(rows) else np.empty(0)
    return rows[candles.volume[rows] < _LOW * neighbours]


def _strongest(damage: str, rows: NDArray[np.intp], places: NDArray[np.intp]) -> Repetition | None:
    """The best-proven distance and offset at which ``rows`` recur; ``places`` is each row's position."""
    length = int(places[-1]) + 1
    distances = [page + off for page in PAGES for off in (-1, 0, 1) if (page + off) * LEAST <= length]
    if len(rows) < LEAST or not distances:
        return None
    share, tried = len(rows) / len(places), log(3 * 2 * sum(distances))  # three signs, two ways to count
    best: tuple[float, int, int] = (SURE, 0, 0)
    for distance in distances:
        hits = np.bincount(places[rows] % distance, minlength=distance)
        offset = int(hits.argmax())
        chance = log_chance(int(hits[offset]), len(range(offset, length, distance)), share) + tried
        best = min(best, (chance, distance, offset))
    chance, distance, offset = best
    if not distance:
        return None
    on = np.flatnonzero(places % distance == offset)
    damaged = rows[places[rows] % distance == offset]
    return Repetition(damage, distance, on[(on >= damaged[0]) & (on <= damaged[-1])], chance)


def log_chance(hits: int, places: int, share: float) -> float:
    """Bound on the log probability of so many hits by chance; 0 unless enough of the places are hit."""
    hit = hits / places
    if hits < LEAST or hit < MUST_HIT or hit <= share:
        return 0.0
    missed = (1 - hit) * log((1 - hit) / (1 - share)) if hit < 1 else 0.0
    return -places * (hit * log(hit / share) + missed)
