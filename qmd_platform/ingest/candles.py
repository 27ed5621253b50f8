"""The backfill: what the lake lacks of a window, fetched from the venue and committed month by month.

What lives here: which markets of which venues, and what each lacks. What does not: fetching and committing a
month (``ingest.months``), longer timeframes (``ingest.rollup``).

A month is the unit of commit: killed at any instant, a backfill loses at most the months in flight, and the
next run fetches only those. Months are asked newest first, so a venue that serves no older candles is found
out with one refusal.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from qmd_platform.config import world
from qmd_platform.coverage.expected import closed_before, expected
from qmd_platform.coverage.plan import to_fetch
from qmd_platform.errors import VenueDown
from qmd_platform.ingest.instruments import instruments, keep, known
from qmd_platform.ingest.months import PAGES_IN_FLIGHT, MarketWork, OnProgress, Progress, Shared, held_receipt
from qmd_platform.ingest.pages import Question
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import Run, State, in_state, subtracted
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window, months
from qmd_platform.venues.ccxt_client import client
from qmd_platform.venues.dialects import spelling
from qmd_platform.venues.port import Venue

T = TypeVar("T")


def backfill(
    lake: Lake,
    markets: Sequence[Market],
    timeframe: Timeframe,
    window: Window,
    *,
    run_id: str,
    url: str | None = None,
    on_progress: OnProgress | None = None,
) -> list[Receipt]:
    """Make the lake hold every closed candle of ``window``; fetch only what it lacks.

    Args:
        lake: where to.
        markets: of any venues; venues are asked side by side.
        timeframe: fetched as such from the venue.
        window: half-open; what is not closed yet by the venue's clock is left for later.
        run_id: who did it, kept with every commit.
        url: a server that answers for all venues (a sandbox) instead of the real ones.
        on_progress: called after every page.

    Returns:
        one receipt a market and month that the window's closed part touches, in order.

    Raises:
        UnknownMarket, Refused, Banned: the venue will not answer; what had arrived is committed first.
        WrongWorld: the lake holds the other world's data.
    """
    for market in markets:
        spelling(market.venue, market.kind, timeframe)
    lake.check_world(world(url))
    return asyncio.run(_Errand(lake, timeframe, window, run_id, url, on_progress or _silent).run(markets))


def _silent(_: Progress) -> None:
    """Nobody watches."""


def _all_or_raise(results: Sequence[T | BaseException]) -> list[T]:
    """All results; the first error if there is any, with the others noted on it."""
    errors = [result for result in results if isinstance(result, BaseException)]
    if errors:
        for other in errors[1:]:
            errors[0].add_note(str(other))
        raise errors[0]
    return [result for result in results if not isinstance(result, BaseException)]


@dataclass(frozen=True, slots=True)
class _Errand:
    """What one call of ``backfill`` is about, whatever the venue."""

    lake: Lake
    timeframe: Timeframe
    window: Window
    run_id: str
    url: str | None
    on_progress: OnProgress

    async def run(self, markets: Sequence[Market]) -> list[Receipt]:
        """All venues side by side."""
        by_venue: dict[str, list[Market]] = {}
        for market in markets:
            by_venue.setdefault(market.venue, []).append(market)
        jobs = [self._of_venue(venue, listed) for venue, listed in by_venue.items()]
        results = await asyncio.gather(*jobs, return_exceptions=True)
        receipts = [receipt for of_venue in _all_or_raise(results) for receipt in of_venue]
        return sorted(receipts, key=lambda receipt: receipt.partition)

    async def _of_venue(self, venue: str, markets: Sequence[Market]) -> list[Receipt]:
        if all(self._is_held(market) for market in markets):
            return [receipt for market in markets for receipt in self._held(market)]
        held = instruments(self.lake, venue)
        at_hand = [held[market.symbol] for market in markets if market.symbol in held]
        async with client(venue, venue_url=self.url, instruments=at_hand, concurrency=PAGES_IN_FLIGHT) as asked:
            now = await asked.server_time()
            fresh = None if len(at_hand) == len(markets) else await asked.instruments()
            listed = held if fresh is None else {instrument.symbol: instrument for instrument in fresh}
            for market in markets:
                known(listed, market)
            self.lake.claim_world(world(self.url))
            if fresh is not None:
                keep(fresh, venue, self.lake, run_id=self.run_id, source=self.source(venue))
            shared = Shared(self.lake, self.run_id, self.source(venue), self.on_progress)
            work = _VenueWork(self, asked, shared)
            results = await asyncio.gather(*(work.market(market, now) for market in markets), return_exceptions=True)
        return [receipt for of_market in _all_or_raise(results) for receipt in of_market]

    def _is_held(self, market: Market) -> bool:
        """Whether nothing of the window is left to ask for: then the venue is not troubled at all."""
        wanted = self.window.snapped(self.timeframe.step)
        series = Series.candles(market, self.timeframe)
        return wanted is None or not to_fetch(wanted, self.lake.coverage(series, wanted))

    def _held(self, market: Market) -> list[Receipt]:
        self.on_progress(Progress(market, 0, 0))
        wanted = self.window.snapped(self.timeframe.step)
        series = Series.candles(market, self.timeframe)
        parts = months(wanted) if wanted else ()
        return [held_receipt(self.lake, Partition(series, month)) for month, _ in parts]

    def source(self, venue: str) -> str:
        """Where a commit's rows came from: ``live:binance`` or ``sandbox:binance``."""
        return f"{world(self.url)}:{venue}"


@dataclass(frozen=True, slots=True)
class _VenueWork:
    """The work for one venue."""

    errand: _Errand
    venue: Venue
    shared: Shared

    async def market(self, market: Market, now: Instant) -> list[Receipt]:
        """Bring one market up to date: every month it touches, newest first."""
        timeframe = self.errand.timeframe
        step = timeframe.step
        wanted = expected(self.errand.window, step, now)
        if wanted is None:
            return []
        series = Series.candles(market, timeframe)
        held = self.errand.lake.coverage(series, wanted)
        floor = await self._floor(market, to_fetch(wanted, held), held) // step * step
        listed = wanted.intersection(Window(floor, max(wanted.end, floor + 1)))
        unlisted = [] if listed == wanted else [Window(wanted.start, min(floor, wanted.end))]
        unlisted = subtracted(unlisted, in_state(held, State.UNLISTED))
        todo = to_fetch(listed, held) if listed else []
        work = MarketWork(self.shared, Question(self.venue, market, timeframe, floor, closed_before(now, step)), todo)
        parts = reversed(list(months(wanted)))
        jobs = (work.month(Partition(series, month), part, unlisted) for month, part in parts)
        receipts = _all_or_raise(await asyncio.gather(*jobs, return_exceptions=True))
        stopped = work.stopped or self.shared.banned
        if stopped:
            raise stopped
        return receipts

    async def _floor(self, market: Market, todo: Sequence[Window], held: Sequence[Run]) -> Instant:
        """When the market's candles begin: at its oldest candle; 0 if the venue does not say.

        Not the listing the venue states, where its oldest candle can be asked for: Binance states listings of old
        contracts weeks after their first candle. Asked only when nothing older than what is wanted is held.
        """
        if not todo or any(run.window.start < todo[0].start for run in held):
            return 0
        try:
            return await self.venue.first_candle_at(market, self.errand.timeframe) or 0
        except VenueDown:
            return 0  # its pages will be asked for; they fail by themselves, with their own reason
