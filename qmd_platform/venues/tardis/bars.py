"""Minutes made of trades, as they come, a batch at a time. Pure.

What lives here: a minute's first, highest, lowest and last price and its exact volume, repeated trades, how early and late
trades came. What does not: which minutes a data set covers (``covered``), contract sizes (``ingest.tardis``).

A trade is of the minute in which the venue says it was, however late it came; of trades of one microsecond the one that came
first is the earlier one. A trade with an id that came before in the last ``REMEMBERED`` rows, the same in all columns, came
twice. Trades without ids are all taken: two that look the same may be two.
"""

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.candles import Candles, rolled_up
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues.tardis.reading import floats, whole

if TYPE_CHECKING:
    import pyarrow as pa

US = 1000
"""Microseconds in a millisecond."""
REMEMBERED = 100_000
"""Trades in which a repeat is looked for: what a reconnect sends again is seconds old."""

_AT_HAND = 2_880
"""Minutes that every batch is joined with; more are put aside until the end."""

Ints = NDArray[np.int64]


class Bars:
    """Minutes in the making.

    Attributes:
        rows: trades that came.
        duplicates: of these, those that came before.
        refused: of these, those whose price or amount is not above 0.
        earliest_us: the most that a trade came before the time the venue says it was (0 for never): clocks differ.
        latest_us: the most that a trade came after it.
    """

    def __init__(self) -> None:
        self.rows = self.duplicates = self.refused = 0
        self.earliest_us = self.latest_us = 0
        self._minutes, self._aside = _Minutes.none(), [_Minutes.none()]
        self._seen: dict[tuple[int, int, int, str], None] = {}

    def add(self, batch: "pa.RecordBatch") -> None:
        """Take the trades of one checked batch in."""
        self.rows += batch.num_rows
        at, local = whole(batch, "timestamp"), whole(batch, "local_timestamp")
        price, amount = floats(batch, "price"), floats(batch, "amount")
        self.earliest_us = max(self.earliest_us, int((at - local).max(initial=0)))
        self.latest_us = max(self.latest_us, int((local - at).max(initial=0)))
        is_first = self._first(batch, at, price, amount)
        is_good = (price > 0) & (amount > 0)
        self.duplicates += int((~is_first).sum())
        self.refused += int((is_first & ~is_good).sum())
        kept = is_first & is_good
        if kept.any():
            self._minutes = self._minutes.with_(_Minutes.of(at[kept], price[kept], amount[kept]))
        if len(self._minutes.candles) > _AT_HAND:
            self._aside.append(self._minutes)
            self._minutes = _Minutes.none()

    def _first(self, batch: "pa.RecordBatch", at: Ints, price: NDArray[Any], amount: NDArray[Any]) -> NDArray[np.bool_]:
        """Which rows did not come before."""
        is_first = np.ones(batch.num_rows, np.bool_)
        bits = zip(at.tolist(), price.view(np.int64).tolist(), amount.view(np.int64).tolist(), strict=True)
        for row, (key, id_) in enumerate(zip(bits, batch.column("id").to_pylist(), strict=True)):
            if not id_:
                continue
            whole_key = (*key, id_)
            if whole_key in self._seen:
                is_first[row] = False
            else:
                self._seen[whole_key] = None
        for old in list(self._seen)[: max(len(self._seen) - REMEMBERED, 0)]:
            del self._seen[old]
        return is_first

    def made(self) -> tuple[Candles, Ints]:
        """The minutes with trades, sorted, volume in the venue's own unit; and how many trades each is made of."""
        whole_ = reduce(_Minutes.with_, [*self._aside, self._minutes])
        return whole_.candles, whole_.trades


class _Minutes:
    """Minutes with trades, sorted, with when their first and last trade was (us): what two batches say of one is joined."""

    def __init__(self, candles: Candles, first_at: Ints, last_at: Ints, trades: Ints) -> None:
        self.candles, self.first_at, self.last_at, self.trades = candles, first_at, last_at, trades

    @classmethod
    def none(cls) -> "_Minutes":
        nothing = np.empty(0, np.int64)
        return cls(Candles.empty(), nothing, nothing, nothing)

    @classmethod
    def of(cls, at: Ints, price: NDArray[np.float64], amount: NDArray[np.float64]) -> "_Minutes":
        """Of trades in the order in which they came."""
        order = np.argsort(at, kind="stable")
        at, price = at[order], price[order]
        trades = Candles(at // US, price, price, price, price, amount[order])
        candles, counts = rolled_up(trades, MINUTE, 1)
        ends = np.cumsum(counts)
        return cls(candles, at[ends - counts], at[ends - 1], counts)

    def with_(self, later: "_Minutes") -> "_Minutes":
        """These, and ``later`` ones, which came after them."""
        if not len(self.candles) or not len(later.candles):
            return later if len(later.candles) else self
        both = Candles.concat([self.candles, later.candles])
        first_at, last_at = np.r_[self.first_at, later.first_at], np.r_[self.last_at, later.last_at]
        # In each minute the part with the first trade is put first; lexsort is stable, so of equal ones the one that came first.
        order = np.lexsort((first_at, both.open_at))
        candles, counts = rolled_up(both.take(order), MINUTE, MINUTE)
        ends = np.cumsum(counts)
        last = np.lexsort((last_at, both.open_at))[ends - 1]
        joined = Candles(candles.open_at, candles.open, candles.high, candles.low, both.close[last], candles.volume)
        trades = np.add.reduceat(np.r_[self.trades, later.trades][order], ends - counts)
        return _Minutes(joined, first_at[order][ends - counts], last_at[last], trades)


def covered(days: Window, bars: Bars) -> Window | None:
    """The minutes that the files of ``days`` have whole, as far as the files themselves show; None where there are none.

    A day's file has what came in on that day. So the end is left out as long as trades have been late, a minute at least:
    their last ones are in the next day's file. Where the venue's clock ran ahead of Tardis's, the beginning is left out as
    long: its first ones may be in the file of the day before.
    """
    start = days.start + _minutes(bars.earliest_us)
    end = days.end - max(_minutes(bars.latest_us), MINUTE)
    return Window(start, end) if start < end else None


def _minutes(us: int) -> Instant:
    """A span of microseconds as whole minutes of milliseconds, rounded up."""
    return -(-us // (MINUTE * US)) * MINUTE
