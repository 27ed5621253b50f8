"""Candles made of a venue's snapshots (Bitfinex has no candles of its mark and index prices).

What lives here: decoding snapshots, and which hours have enough of them; pure. What does not: asking for them
(``reference_asking``), settlements of funding in the same rows (``funding_snapshots``).

A candle is made of an hour only where no part of it longer than ``APART`` is without a snapshot, its beginning and its end
included. Its open and close are those of the first and the last snapshot in it, its high and low those of the snapshots: the
price between two of them is not known. All other hours have no candle.
"""

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from qmd_platform.errors import BadPage
from qmd_platform.model.candles import Candles
from qmd_platform.model.reference_tables import STEP, Reference
from qmd_platform.model.timeframe import MINUTE

APART = 15 * MINUTE
"""The longest time without a snapshot in an hour of which a candle is made; recorded ones are up to 7 minutes apart."""

_POSITIONS = {Reference.INDEX: 3, Reference.MARK: 14}
"""Where the price is in a row without key. [2] is what the contract traded at; to take it for the index is a known mistake."""
_LEAST = 18
_LATEST_MS = 1 << 43
"""The year 2248: a number larger than this is not a time in ms."""
_EARLIEST_MS = 1 << 40
"""The year 2004: a number smaller than this is a time in seconds, or none."""

_rows = msgspec.json.Decoder(list[list[Any]])


@dataclass(frozen=True, slots=True, eq=False)
class Snapshots:
    """One price at many instants, sorted by time: ``at`` epoch ms, ``price`` quote per base, NaN where the row has none."""

    at: NDArray[np.int64]
    price: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.at)

    @classmethod
    def concat(cls, parts: "list[Snapshots]") -> "Snapshots":
        """All of ``parts``, sorted by time, each instant once: of two the one that came first."""
        at = np.concatenate([np.empty(0, np.int64), *(one.at for one in parts)])
        price = np.concatenate([np.empty(0), *(one.price for one in parts)])
        _, first = np.unique(at, return_index=True)
        return cls(at[first], price[first])


def decoded(venue: str, body: bytes, wanted: Reference) -> Snapshots:
    """The snapshots of a page; ``BadPage`` where it is none."""
    try:
        rows = _rows.decode(body)
    except msgspec.MsgspecError as error:
        raise BadPage(venue, f"the answer is not a page of snapshots: {error}", sample=body) from None
    if any(len(row) < _LEAST for row in rows):
        raise BadPage(venue, f"the answer's rows are not snapshots of {_LEAST} elements or more", sample=body)
    if any(type(row[0]) is not int or not _EARLIEST_MS < row[0] < _LATEST_MS for row in rows):
        raise BadPage(venue, "the time of a snapshot is not a time", sample=body)
    place = _POSITIONS[wanted]
    prices = [row[place] if type(row[place]) in {int, float} else np.nan for row in rows]
    at = np.array([row[0] for row in rows], np.int64)
    order = np.argsort(at, kind="stable")
    return Snapshots(at[order], np.array(prices, np.float64)[order])


def candles(snapshots: Snapshots) -> Candles:
    """The candles of the hours that have enough of ``snapshots``, which are sorted, each instant once; no volume."""
    known = np.isfinite(snapshots.price) & (snapshots.price > 0)
    at, price = snapshots.at[known], snapshots.price[known]
    if not len(at):
        return Candles.empty()
    hour = at // STEP.step
    first = np.flatnonzero(np.r_[True, hour[1:] != hour[:-1]])
    last = np.r_[first[1:], len(at)] - 1
    open_at = hour[first] * STEP.step
    before = np.r_[0, np.diff(at)]
    before[first] = at[first] - open_at
    widest = np.maximum(np.maximum.reduceat(before, first), open_at + STEP.step - at[last])
    high, low = np.maximum.reduceat(price, first), np.minimum.reduceat(price, first)
    found = Candles(open_at, price[first], high, low, price[last], np.zeros(len(first)))
    return found.take(widest <= APART)
