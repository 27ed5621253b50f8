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

from qmd_platform.config import world
from qmd_platform.coverage.expected import expected
from qmd_platform.coverage.plan import to_fetch
from qmd_platform.errors import VenueDown
from qmd_platform.ingest.instruments import ingest_instruments, instruments, known
from qmd_platform.ingest.months import MarketWork, OnProgress, Progress, Shared
from qmd_platform.ingest.pages import Question
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import Run, State, in_state, subtracted
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window, months
from qmd_platform.venues.ccxt_client import client
from qmd_platform.venues.port import Instrument, Venue


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
    lake.claim_world(world(url))
    return asyncio.run(_Errand(lake, timeframe, window, run_id, url, on_progress or _silent).run(markets))


def _silent(_: Progress) -> None:
    """Nobody watches."""


def _all_or_raise(results: Sequence[list[Receipt] | BaseException]) -> list[Receipt]:
    """All receipts; the first error if there is any, with the others noted on it."""
    errors = [result for result in results if isinstance(result, BaseException)]
    if errors:
        for other in errors[1:]:
            errors[0].add_note(str(other))
        raise errors[0]
    return [receipt for result in results if not isinstance(result, BaseException) for receipt in result]


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
        return sorted(_all_or_raise(results), key=lambda receipt: receipt.partition)

    async def _of_venue(self, venue: str, markets: Sequence[Market]) -> list[Receipt]:
        held = instruments(self.lake, venue)
        at_hand = [held[market.symbol] for market in markets if market.symbol in held]
        async with client(venue, venue_url=self.url, instruments=at_hand) as asked:
            if len(at_hand) < len(markets):
                await ingest_instruments(asked, self.lake, run_id=self.run_id, source=self.source(venue))
                held = instruments(self.lake, venue)
            needed = [known(held, market) for market in markets]
            now = await asked.server_time()
            shared = Shared(self.lake, self.run_id, self.source(venue), self.on_progress)
            work = _VenueWork(self, asked, shared)
            results = await asyncio.gather(
                *(work.market(market, facts, now) for market, facts in zip(markets, needed, strict=True)),
                return_exceptions=True,
            )
        return _all_or_raise(results)

    def source(self, venue: str) -> str:
        """Where a commit's rows came from: ``live:binance`` or ``sandbox:binance``."""
        return f"{world(self.url)}:{venue}"


@dataclass(frozen=True, slots=True)
class _VenueWork:
    """The work for one venue."""

    errand: _Errand
    venue: Venue
    shared: Shared

    async def market(self, market: Market, instrument: Instrument, now: Instant) -> list[Receipt]:
        """Bring one market up to date: every month it touches, newest first."""
        timeframe = self.errand.timeframe
        step = timeframe.step
        wanted = expected(self.errand.window, step, now)
        if wanted is None:
            return []
        series = Series.candles(market, timeframe)
        held = self.errand.lake.coverage(series, wanted)
        floor = await self._floor(market, instrument, to_fetch(wanted, held), held) // step * step
        listed = wanted.intersection(Window(floor, max(wanted.end, floor + 1)))
        unlisted = [] if listed == wanted else [Window(wanted.start, min(floor, wanted.end))]
        unlisted = subtracted(unlisted, in_state(held, State.UNLISTED))
        todo = to_fetch(listed, held) if listed else []
        work = MarketWork(self.shared, Question(self.venue, market, timeframe, floor, wanted.end), todo)
        parts = reversed(list(months(wanted)))
        receipts = await asyncio.gather(*(work.month(Partition(series, m), part, unlisted) for m, part in parts))
        stopped = work.stopped or self.shared.banned
        if stopped:
            raise stopped
        return list(receipts)

    async def _floor(
        self, market: Market, instrument: Instrument, todo: Sequence[Window], held: Sequence[Run]
    ) -> Instant:
        """When the market's candles begin: its oldest candle, else the listing the venue states; 0 if unknown.

        The candle comes first: Binance states listings of old contracts weeks after their first candle. It is
        asked for only when nothing older than what is wanted is held already.
        """
        if not todo or any(run.window.start < todo[0].start for run in held):
            return 0
        try:
            first = await self.venue.first_candle_at(market, self.errand.timeframe)
        except VenueDown:
            first = None  # its pages will be asked for; they fail by themselves, with their own reason
        return first or instrument.listed_at or 0
