"""The backfill: what the lake lacks of a window, fetched from the venue and committed month by month.

What lives here: which markets of which venues, and what each lacks. What does not: fetching and committing a
month (``ingest.months``), longer timeframes (``ingest.rollup``).

A month is the unit of commit: killed at any instant, a backfill loses at most the months in flight, and the
next run fetches only those. Months are asked newest first, so a venue that serves no older candles is found
out with one refusal.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qmd_platform.config import world
from qmd_platform.coverage.causes import DELISTED
from qmd_platform.coverage.plan import believed, to_fetch
from qmd_platform.errors import OutOfTime, UnknownMarket
from qmd_platform.ingest.asking import Asking
from qmd_platform.ingest.instruments import aged, histories, keep, known, listed
from qmd_platform.ingest.markets import VenueWork, trusted
from qmd_platform.ingest.months import held_receipt
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.ingest.shared import PAGES_IN_FLIGHT, OnProgress, Progress, Shared, coordinated
from qmd_platform.ingest.together import all_or_raise
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window, months
from qmd_platform.venues import archive_facts
from qmd_platform.venues.archive import Archive
from qmd_platform.venues.ccxt_client import CcxtVenue, client
from qmd_platform.venues.dialects import spelling
from qmd_platform.venues.port import Instrument

if TYPE_CHECKING:
    from qmd_platform.coordination.opening import Coordination


def backfill(
    lake: Lake,
    markets: Sequence[Market],
    timeframe: Timeframe,
    window: Window,
    *,
    run_id: str,
    url: str | None = None,
    on_progress: OnProgress | None = None,
    asking: Asking | None = None,
    coordination: "Coordination | None" = None,
    on_venue_time: Callable[[Instant], None] | None = None,
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
        asking: what to ask for besides, and how long it may take.
        coordination: the budgets and leases shared with other workers; None for those of the lake.
        on_venue_time: called with the time that each venue's candles are closed by, when it has said it.

    Returns:
        one receipt a market and month that the window's closed part touches, in order.

    Raises:
        UnknownMarket, Refused, Banned: the venue will not answer; what had arrived is committed first.
        OutOfTime: the run's deadline came; what had arrived is committed.
        WrongWorld: the lake holds the other world's data.
    """
    for market in markets:
        spelling(market.venue, market.kind, timeframe)
    lake.check_world(world(url))
    with coordinated(lake, coordination) as shared:
        told = (on_progress or _silent, on_venue_time or _silent)
        errand = _Errand(lake, timeframe, window, run_id, url, *told, asking or Asking(), shared)
        return asyncio.run(errand.run(markets))


def _silent(_: object) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class _Errand:
    """What one call of ``backfill`` is about, whatever the venue."""

    lake: Lake
    timeframe: Timeframe
    window: Window
    run_id: str
    url: str | None
    on_progress: OnProgress
    on_venue_time: Callable[[Instant], None]
    asking: Asking
    coordination: "Coordination"

    async def run(self, markets: Sequence[Market]) -> list[Receipt]:
        """All venues side by side."""
        by_venue: dict[str, list[Market]] = {}
        for market in markets:
            by_venue.setdefault(market.venue, []).append(market)
        jobs = [self._of_venue(venue, listed) for venue, listed in by_venue.items()]
        results = await asyncio.gather(*jobs, return_exceptions=True)
        receipts = [receipt for of_venue in all_or_raise(results) for receipt in of_venue]
        return sorted(receipts, key=lambda receipt: receipt.partition)

    async def _of_venue(self, venue: str, markets: Sequence[Market]) -> list[Receipt]:
        if all(self._is_held(market) for market in markets):
            return [receipt for market in markets for receipt in self._held(market)]
        ends_at = asyncio.get_running_loop().time() + self.asking.deadlines.run_s
        rows = histories(self.lake, venue)
        held = {symbol: one[-1] for symbol, one in rows.items()}
        at_hand = [row for market in markets for row in rows.get(market.symbol, ())]
        async with AsyncExitStack() as stack:
            asked = await stack.enter_async_context(self._client(venue, at_hand))
            now, fresh = await self._listed(asked, ends_at, is_known=all(one.symbol in held for one in markets))
            self.on_venue_time(trusted(now, self.asking.clock(), is_live=self.url is None))
            # A market that the list lacks is delisted, and what it had may still be asked for.
            at_last = held if fresh is None else {one.symbol: one for one in aged(held, fresh, now)}
            wanted, unknown = self._wanted(markets, at_last)
            self.lake.claim_world(world(self.url))
            if fresh is not None:
                keep(fresh, venue, self.lake, run_id=self.run_id, source=self.source(venue), at=now)
                asked.sizes.know([row for one in histories(self.lake, venue).values() for row in one])
            shared = Shared(
                self.lake,
                self.run_id,
                self.source(venue),
                self.on_progress,
                self.asking,
                self.coordination,
                ends_at,
                archive=await self._archive(stack, venue, [instrument for _, instrument in wanted]),
            )
            work = VenueWork(asked, shared, self.timeframe, self.window, now)
            results = await asyncio.gather(*(work.market(*one) for one in wanted), return_exceptions=True)
        receipts = [receipt for of_market in all_or_raise([*results, *unknown]) for receipt in of_market]
        if asyncio.get_running_loop().time() >= ends_at and any(receipt.failures for receipt in receipts):
            raise self._late(venue)
        return receipts

    def _wanted(
        self, markets: Sequence[Market], at_last: Mapping[str, Instrument]
    ) -> tuple[list[tuple[Market, Instrument]], list[UnknownMarket]]:
        """The markets with their instruments, and an error for each that the venue does not list.

        Whoever is there to correct it is told at once. Where nobody is, the others are fetched first: one wrong name, or
        one market that is not listed yet, is no reason to let all of a venue wait.
        """
        wanted: list[tuple[Market, Instrument]] = []
        unknown: list[UnknownMarket] = []
        for market in markets:
            try:
                wanted.append((market, known(at_last, market)))
            except UnknownMarket as error:
                unknown.append(error)
        if unknown and not (wanted and self.asking.patient):
            raise unknown[0]
        return wanted, unknown

    async def _listed(
        self, asked: CcxtVenue, ends_at: float, *, is_known: bool
    ) -> tuple[Instant, list[Instrument] | None]:
        """The venue's time, and what it lists unless that ``is_known``; OutOfTime when the run's time is over before."""
        try:
            async with asyncio.timeout_at(ends_at):
                return await asked.server_time(), None if is_known else await asked.instruments()
        except TimeoutError:
            raise self._late(asked.name) from None

    def _late(self, venue: str) -> OutOfTime:
        return OutOfTime(venue, f"the run's {self.asking.deadlines.run_s:g} s are over", hint="run it again")

    def _client(self, venue: str, at_hand: Sequence[Instrument]) -> CcxtVenue:
        return client(
            venue,
            venue_url=self.url,
            instruments=at_hand,
            concurrency=PAGES_IN_FLIGHT,
            timeout_seconds=self.asking.deadlines.request_s,
            spending=self.coordination.budgets(venue, self.url),
        )

    async def _archive(self, stack: AsyncExitStack, venue: str, traded: Sequence[Instrument]) -> Archive | None:
        """The venue's archive, if it has one for any of these markets. Nothing is asked yet."""
        kinds = {Market(venue, one.symbol).kind for one in traded}
        if not self.asking.archive or not any(archive_facts.find(venue, kind, self.timeframe) for kind in kinds):
            return None
        return await stack.enter_async_context(Archive(venue, instruments=traded, venue_url=self.url))

    def _is_held(self, market: Market) -> bool:
        """Whether nothing of the window is left to ask for: then the venue is not troubled at all."""
        wanted = self.window.snapped(self.timeframe.step)
        if self.asking.again or self.asking.recheck or wanted is None:
            return wanted is None
        runs = self.lake.coverage(Series.candles(market, self.timeframe), wanted)
        if any(run.cause == DELISTED for run in runs):  # it may have come back since
            _, delisted_at = listed(self.lake, market.venue).get(market.symbol, (None, None))
            runs = believed(runs, delisted_at)
        return not to_fetch(wanted, runs)

    def _held(self, market: Market) -> list[Receipt]:
        self.on_progress(Progress(market, 0, 0))
        wanted = self.window.snapped(self.timeframe.step)
        series = Series.candles(market, self.timeframe)
        parts = months(wanted) if wanted else ()
        return [held_receipt(self.lake, Partition(series, month)) for month, _ in parts]

    def source(self, venue: str) -> str:
        """Where a commit's rows came from: ``live:binance`` or ``sandbox:binance``."""
        return f"{world(self.url)}:{venue}"
