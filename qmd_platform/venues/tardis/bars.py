"""Minutes made of trades, as they come, a batch at a time. Pure.

What lives here: a minute's first, highest, lowest and last price and its exact volume, repeated trades, how early and late
trades came. What does not: which minutes a data set covers (``covered``), contract sizes (``ingest.tardis``).

A trade is of the minute in which the venue says it was, however late it came; of trades of one microsecond the one that came
first is the earlier one. A trade with an id that came before in the last ``REMEMBERED`` rows, of the same time, price and amount,
came twice; where one of these is another, the two contradict each other. Trades without ids are all taken: two that look the same
may be two. A minute of which a row is refused is not whole, so no candle is made of what is left of it.
"""

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qmd_platform.model.candles import Candles, rolled_up
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues.tardis.reading import FIRST_LINE, floats, whole

if TYPE_CHECKING:
    import pyarrow as pa

US = 1000
"""Microseconds in a millisecond."""
REMEMBERED = 100_000
"""Trades in which a repeat is looked for: what a reconnect sends again is seconds old."""

_AT_HAND = 2_880
"""Minutes that every batch is joined with; more are put aside until the end."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_Trade = tuple[int, float, float]
"""When (us), price, amount."""


class Bars:
    """Minutes in the making.

    Attributes:
        rows: trades that came.
        duplicates: of these, those that came before.
        refused: of these, those whose price or amount is not above 0, and those that contradict one that came before.
        broken: the minutes that are not whole for that, and of each the first reason: file, line and what is wrong.
        earliest_us: the most that a trade came before the time the venue says it was (0 for never): clocks differ.
        latest_us: the most that a trade came after it.
    """

    def __init__(self) -> None:
        self.rows = self.duplicates = self.refused = 0
        self.broken: dict[Instant, str] = {}
        self.earliest_us = self.latest_us = 0
        self._minutes, self._aside = _Minutes.none(), [_Minutes.none()]
        self._seen: dict[str, _Trade] = {}
        self._file, self._line = "", FIRST_LINE

    def begins(self, file: str) -> None:
        """The rows that come now are those of ``file``, from its first on."""
        self._file, self._line = file, FIRST_LINE

    def add(self, batch: "pa.RecordBatch") -> None:
        """Take the trades of one checked batch in."""
        at, local = whole(batch, "timestamp"), whole(batch, "local_timestamp")
        price, amount = floats(batch, "price"), floats(batch, "amount")
        self.earliest_us = max(self.earliest_us, int((at - local).max(initial=0)))
        self.latest_us = max(self.latest_us, int((local - at).max(initial=0)))
        kept = self._taken(batch.column("id").to_pylist(), at, price, amount)
        if kept.any():
            self._minutes = self._minutes.with_(_Minutes.of(at[kept], price[kept], amount[kept]))
        if len(self._minutes.candles) > _AT_HAND:
            self._aside.append(self._minutes)
            self._minutes = _Minutes.none()
        self.rows += batch.num_rows
        self._line += batch.num_rows

    def _taken(self, ids: list[str | None], at: Ints, price: Floats, amount: Floats) -> NDArray[np.bool_]:
        """Which rows are good and did not come before."""
        is_good = (price > 0) & (amount > 0)
        is_taken = is_good.copy()
        trades = zip(at.tolist(), price.tolist(), amount.tolist(), strict=True)
        for row, (trade, id_, good) in enumerate(zip(trades, ids, is_good.tolist(), strict=True)):
            if not good:
                name, value = ("amount", trade[2]) if trade[1] > 0 else ("price", trade[1])
                self._refuse(row, f"{name} {value!r} is not above 0", trade[0])
                continue
            before = self._seen.setdefault(id_, trade) if id_ else trade
            if before is trade:
                continue
            is_taken[row] = False
            if before == trade:
                self.duplicates += 1
            else:
                why = f"trade {id_} is {_said(trade)} here and {_said(before)} before"
                self._refuse(row, why, trade[0], before[0])
        for old in list(self._seen)[: max(len(self._seen) - REMEMBERED, 0)]:
            del self._seen[old]
        return is_taken

    def _refuse(self, row: int, why: str, *at_us: int) -> None:
        """Do not take a row of the batch; the minutes of these times are not whole without it."""
        self.refused += 1
        for us in at_us:
            self.broken.setdefault(us // (MINUTE * US) * MINUTE, f"{self._file} line {self._line + row}: {why}")

    def made(self) -> tuple[Candles, Ints]:
        """The minutes with trades, sorted, volume in the venue's own unit; and how many trades each is made of."""
        whole_ = reduce(_Minutes.with_, [*self._aside, self._minutes])
        return whole_.candles, whole_.trades


def _said(trade: _Trade) -> str:
    at, price, amount = trade
    return f"{amount!r} at {price!r}, {at} us"


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
