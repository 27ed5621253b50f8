"""Settled funding, fetched into the lake: what was never asked for, in as few requests as it takes.

What lives here: which windows to ask, asking a venue's markets side by side. What does not: pages (``venues``), what
proves an interval (``funding.intervals``), the commit (``ingest.funding_commits``).

A settlement cannot be told from nothing by a grid of time, as candles can: intervals change. So what is known to be asked
for is the evidence itself: a window that was answered is not asked again, but for its last settlements where ``tail`` says
so. A settlement that seems to be missing is flagged (SUSPECT_GAP) and asked for again with back-off where ``recheck`` says so.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from qmd_platform.config import world
from qmd_platform.coverage.causes import AGREED
from qmd_platform.coverage.recheck import next_ask
from qmd_platform.errors import BeyondHistory, OutOfTime, VenueDown
from qmd_platform.funding.intervals import Fact, intervals
from qmd_platform.ingest.asking import Asking
from qmd_platform.ingest.funding_commits import Gained, committed
from qmd_platform.ingest.funding_rows import settlements
from qmd_platform.ingest.instrument_history import Rows, told_since
from qmd_platform.ingest.instruments import histories, instruments, keep, known, with_intervals
from qmd_platform.ingest.receipt import Receipt, some_or_raise
from qmd_platform.ingest.shared import coordinated
from qmd_platform.ingest.together import all_or_raise
from qmd_platform.lake.store import Lake
from qmd_platform.model.evidence import Answered
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import State, subtracted, united
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues.ccxt_client import CcxtVenue, client
from qmd_platform.venues.terms import Interval

if TYPE_CHECKING:
    from qmd_platform.coordination.opening import Coordination

PUBLISHED_MS = 10 * MINUTE
"""A settlement may be listed this long after it happened: a window is answered only as far as it is older."""


def fill_funding(
    lake: Lake,
    partitions: Sequence[Partition],
    *,
    run_id: str,
    url: str | None = None,
    asking: Asking | None = None,
    coordination: "Coordination | None" = None,
    on_venue_time: Callable[[Instant], None] | None = None,
) -> list[Receipt]:
    """Make the lake hold every settlement of ``partitions`` (months of funding of one venue).

    Args:
        lake: where to.
        partitions: of ``funding_rates``.
        run_id: who did it, kept with every commit.
        url: a server that answers for all venues (a sandbox) instead of the real ones.
        asking: what to ask for besides.
        coordination: budgets shared with other workers; None for those of the lake.
        on_venue_time: called with the venue's time when it has said it.

    Returns:
        one receipt a partition that has begun: settlements present, and those that seem to be missing.

    Raises:
        VenueDown: nothing could be fetched.
        OutOfTime: the run's deadline came; the markets that were done are committed.
        ConfigError: the venue's rows cannot be right (two rates for one settlement); nothing of the market was kept.
        UnknownMarket, Refused, Banned: the venue will not answer.
        WrongWorld: the lake holds the other world's data.
    """
    (venue,) = {partition.series.venue for partition in partitions}
    lake.check_world(world(url))
    with coordinated(lake, coordination) as shared:
        errand = _Errand(lake, venue, run_id, url, asking or Asking(), shared, on_venue_time)
        receipts = asyncio.run(errand.in_time(partitions))
    return some_or_raise(venue, receipts)


@dataclass(frozen=True, slots=True)
class _Errand:
    """What one call of ``fill_funding`` is about."""

    lake: Lake
    venue: str
    run_id: str
    url: str | None
    asking: Asking
    coordination: "Coordination"
    on_venue_time: Callable[[Instant], None] | None = None

    @property
    def source(self) -> str:
        """Where a commit's rows came from."""
        return f"{world(self.url)}:{self.venue}"

    async def in_time(self, partitions: Sequence[Partition]) -> list[Receipt]:
        """``run``, cut off at the run's deadline: markets that are done by then are committed."""
        limit = self.asking.deadlines.run_s
        try:
            async with asyncio.timeout(limit):
                return await self.run(partitions)
        except TimeoutError:
            raise OutOfTime(self.venue, f"the run's {limit:g} s are over", hint="run it again") from None

    async def run(self, partitions: Sequence[Partition]) -> list[Receipt]:
        """All markets side by side."""
        windows: dict[Market, list[Window]] = {}
        for partition in sorted(partitions):
            windows.setdefault(partition.series.market, []).append(partition.window)
        held = instruments(self.lake, self.venue)
        async with client(
            self.venue,
            venue_url=self.url,
            instruments=[held[market.symbol] for market in windows if market.symbol in held],
            timeout_seconds=self.asking.deadlines.request_s,
            spending=self.coordination.budgets(self.venue, self.url),
        ) as asked:
            now = await asked.server_time()
            if self.on_venue_time is not None:
                self.on_venue_time(now)
            stated = await asked.interval_facts()
            if any(market.symbol not in held for market in windows):
                fresh = await asked.instruments()
                for market in windows:
                    known({one.symbol: one for one in fresh}, market)
                self.lake.claim_world(world(self.url))
                found = with_intervals(fresh, stated)
                keep(found, self.venue, self.lake, run_id=self.run_id, source=self.source, at=now)
            self.lake.claim_world(world(self.url))
            rows = histories(self.lake, self.venue)
            said = {one: _said(stated.get(one.symbol), rows.get(one.symbol, ()), now) for one in windows}
            jobs = [self._market(asked, market, wanted, now, said[market]) for market, wanted in windows.items()]
            results = await asyncio.gather(*jobs, return_exceptions=True)
        return sorted(
            (receipt for of_market in all_or_raise(results) for receipt in of_market), key=lambda one: one.partition
        )

    async def _market(
        self, asked: CcxtVenue, market: Market, wanted: Sequence[Window], now: Instant, facts: Sequence[Fact]
    ) -> list[Receipt]:
        began = time.monotonic()
        open_ = [one for window in wanted if (one := window.intersection(Window(0, now))) is not None]
        got = Gained()
        for window in self._todo(market, open_, now):
            await self._ask(asked, market, window, now, got)
        receipts = committed(self.lake, market, got, facts, open_, run_id=self.run_id, source=self.source)
        spent = time.monotonic() - began
        return [replace(one, seconds=spent) for one in receipts]

    def _todo(self, market: Market, wanted: Sequence[Window], now: Instant) -> list[Window]:
        """What of ``wanted`` nobody has answered yet, and what is to be asked again."""
        answered = [one for _, one in self.lake.evidence(Series.funding(market)) if not one.error]
        todo = subtracted(wanted, united(one.window for one in answered))
        held = settlements(self.lake, market)
        if self.asking.tail and todo and len(held):
            before = int(held.settled_at[max(len(held) - self.asking.tail, 0)])
            if before < todo[-1].start:
                todo = united([*todo, Window(before, todo[-1].end)])
        if not self.asking.recheck or not len(held):
            return todo
        found = intervals(held)
        for row in np.flatnonzero(found.suspect):
            gap = Window(int(held.settled_at[row - 1]) + MINUTE if row else 0, int(held.settled_at[row]))
            asks = [one.at for one in answered if one.window.start <= gap.start and gap.end <= one.window.end]
            due = next_ask(State.VERIFIED_EMPTY, AGREED, len(asks), max(asks, default=0))
            if due is not None and due <= self.asking.clock():
                todo = united([*todo, gap])
        return [part for one in todo for whole in wanted if (part := one.intersection(whole)) is not None]

    async def _ask(self, asked: CcxtVenue, market: Market, window: Window, now: Instant, got: Gained) -> None:
        """One window, and the rest of it where the venue does not go back so far."""
        at = self.asking.clock()
        try:
            page = await asked.funding(market, window, got.traffic)
        except BeyondHistory as error:
            oldest = min(max(error.oldest or window.end, window.start), window.end)
            # Nothing older will ever come, so it counts as answered; the reason is kept.
            got.evidence.append(Answered(Window(window.start, oldest), at, f"beyond history: {error.message}"))
            if oldest < window.end:
                await self._ask(asked, market, Window(oldest, window.end), now, got)
            return
        except VenueDown as error:
            got.failures.append(f"{window}: {error}")
            return
        told = window.intersection(Window(0, now - PUBLISHED_MS))
        if told is not None:
            got.evidence.append(Answered(told, at, page.asked, page.digest, len(page.settlements)))
        got.take(page)


def _said(stated: Interval | None, rows: Rows, now: Instant) -> list[Fact]:
    """The interval that the venue states now, for the one under way and for as long as its lists have said the same."""
    if stated is None:
        return []
    since = now - round(stated.hours * 60) * MINUTE
    if rows and rows[-1].funding_interval_hours == stated.hours:
        since = min(since, told_since(rows, "funding_interval_hours") or now)
    return [Fact(Window(since, now), stated.hours)]
