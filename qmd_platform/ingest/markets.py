"""One market of a backfill: since when it is listed, what of the window it lacks, its months.

What lives here: the ends of a market's history. What does not: which markets there are (``ingest.candles``), a month
(``ingest.months``).
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from qmd_platform.coverage.causes import DELISTED, TOO_OLD, UNLISTED
from qmd_platform.coverage.expected import closed_before, expected
from qmd_platform.coverage.plan import believed, to_fetch
from qmd_platform.errors import UnknownMarket, VenueDown
from qmd_platform.ingest.asked import MarketState
from qmd_platform.ingest.fetched import Question
from qmd_platform.ingest.months import MarketWork
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.ingest.shared import Shared
from qmd_platform.ingest.together import all_or_raise
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import Run, State, subtracted
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window, months
from qmd_platform.venues import facts, paging
from qmd_platform.venues.port import Instrument, Venue

AHEAD_MS = 5_000
"""How far a real venue's clock may be ahead of ours before ours is believed: a candle taken while it forms is worse than
one taken late. A sandbox has a clock of its own."""


@dataclass(frozen=True, slots=True)
class VenueWork:
    """The work for one venue. ``now`` is its own clock."""

    venue: Venue
    shared: Shared
    timeframe: Timeframe
    window: Window
    now: Instant

    async def market(self, market: Market, instrument: Instrument) -> list[Receipt]:
        """Bring one market up to date: every month it touches, newest first."""
        step = self.timeframe.step
        now = trusted(self.now, time.time_ns() // 1_000_000, is_live=self.shared.source.startswith("live:"))
        wanted = expected(self.window, step, now)
        if wanted is None:
            return []
        series = Series.candles(market, self.timeframe)
        delisted_at = instrument.delisted_at
        held = believed(self.shared.lake.coverage(series, wanted), delisted_at)
        todo = to_fetch(wanted, held)
        floor = await self._floor(market, todo, held, wanted.start) // step * step
        closed = closed_before(now, step)
        ceiling = closed if delisted_at is None else min(closed, max(-(-delisted_at // step) * step, floor))
        end = min(wanted.end, ceiling)
        clock = self.shared.asking.clock
        is_over = delisted_at is not None and delisted_at <= now  # an end that is announced is none yet
        question = Question(self.venue, market, self.timeframe, floor, ceiling, is_over=is_over, clock=clock)
        edge = Window(todo[-1].start, end) if todo and todo[-1].start < end <= todo[-1].end else None
        newest = facts.of(market.venue, market.kind).newest_only
        state = MarketState(question, paging.too_old_before(now, step, newest))
        begin = max(floor, wanted.start)
        asked = self.shared.asking.windows(Window(begin, end), held, step, edge=edge) if end > begin else []
        total = sum(one.steps(step) for one in asked)
        work = MarketWork(self.shared, state, edge, _outside(wanted, floor, end), total, delisted_at)
        parts = reversed(list(months(wanted)))
        jobs = (work.month(Partition(series, month), part) for month, part in parts)
        receipts = all_or_raise(await asyncio.gather(*jobs, return_exceptions=True))
        stopped = state.stopped or self.shared.banned
        # A venue that does not know a market any more which it has delisted is no reason to raise: its coverage says so.
        if stopped and not (delisted_at is not None and isinstance(stopped, UnknownMarket)):
            raise stopped
        return receipts

    async def _floor(self, market: Market, todo: Sequence[Window], held: Sequence[Run], start: Instant) -> Instant:
        """When the market's candles begin: at its oldest candle, or, before ``start``, earlier; 0 if the venue does not say.

        Not the listing the venue states, where its oldest candle can be asked for: Binance states listings of old
        contracts weeks after their first candle. Asked only when nothing older than what is wanted is held.
        """
        open_ = subtracted(todo, [run.window for run in held if run.cause == TOO_OLD])
        if not open_ or any(run.window.start < open_[0].start for run in held):
            return 0
        until = min(asyncio.get_running_loop().time() + self.shared.asking.deadlines.partition_s, self.shared.ends_at)
        try:
            async with asyncio.timeout_at(until):
                return await self.venue.first_candle_at(market, self.timeframe, start) or 0
        except (VenueDown, TimeoutError):
            return 0  # its pages will be asked for; they fail by themselves, with their own reason


def trusted(venue_time: Instant, our_time: Instant, *, is_live: bool) -> Instant:
    """The time that candles are closed by: the venue's, unless a real one is ahead of our clock (``AHEAD_MS``)."""
    return min(venue_time, our_time + AHEAD_MS) if is_live else venue_time


def _outside(wanted: Window, floor: Instant, end: Instant) -> list[Run]:
    """The parts of ``wanted`` before the listing and after the delisting."""
    before = wanted.start < floor
    after = end < wanted.end
    return [
        *([Run(Window(wanted.start, min(floor, wanted.end)), State.UNLISTED, UNLISTED)] if before else []),
        *([Run(Window(max(end, floor, wanted.start), wanted.end), State.UNLISTED, DELISTED)] if after else []),
    ]
