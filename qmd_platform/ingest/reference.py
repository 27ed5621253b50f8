"""Candles of mark, index and premium, fetched into the lake: what was never asked for, in as few requests as it takes.

What lives here: which hours to ask for, asking a venue's markets side by side, each under its lease. What does not: pages and
their holes (``ingest.reference_asked``), the commit (``ingest.reference_commits``).

What is known to be asked for is the evidence itself: an hour that was answered is not asked for again, but for the last ones
where ``tail`` says so, and holes that are due where ``recheck`` does.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qmd_platform.config import world
from qmd_platform.coordination.leases import held_lease
from qmd_platform.coverage.causes import AGREED, OUT_OF_TIME, TOO_OLD
from qmd_platform.coverage.expected import closed_before
from qmd_platform.coverage.recheck import next_ask
from qmd_platform.ingest.asking import Asking
from qmd_platform.ingest.instruments import instruments, keep, known, listed_window
from qmd_platform.ingest.receipt import Receipt, some_or_raise
from qmd_platform.ingest.reference_asked import Came, Questions
from qmd_platform.ingest.reference_commits import committed
from qmd_platform.ingest.reference_rows import held, series_of, wanted_of
from qmd_platform.ingest.shared import coordinated
from qmd_platform.ingest.together import all_or_raise
from qmd_platform.lake.store import Lake
from qmd_platform.model.evidence import Answered
from qmd_platform.model.reference_tables import STEP, Reference
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import State, intersected, subtracted, united, windows_of
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues import facts
from qmd_platform.venues.ccxt_client import CcxtVenue, client
from qmd_platform.venues.port import Instrument

if TYPE_CHECKING:
    from qmd_platform.coordination.opening import Coordination


def fill_reference(
    lake: Lake,
    partitions: Sequence[Partition],
    *,
    run_id: str,
    url: str | None = None,
    asking: Asking | None = None,
    coordination: "Coordination | None" = None,
) -> list[Receipt]:
    """Make the lake hold every closed hour of ``partitions`` (months of mark, index or premium of one venue's perpetuals).

    Args:
        lake: where to.
        partitions: of ``mark_candles``, ``index_candles`` or ``premium_candles``, mixed as they come.
        run_id: who did it, kept with every commit.
        url: a server that answers for all venues (a sandbox) instead of the real ones.
        asking: what to ask for besides, and how long it may take.
        coordination: budgets and leases shared with other workers; None for those of the lake.

    Returns:
        one receipt a partition that has begun: hours present, proven empty, kept apart, and missing.

    Raises:
        ConfigError: the venue has no such candles.
        VenueDown: nothing could be fetched.
        UnknownMarket, Refused, Banned: the venue will not answer.
        WrongWorld: the lake holds the other world's data.
    """
    (venue,) = {partition.series.venue for partition in partitions}
    for partition in partitions:
        facts.reference_of(venue, partition.series.market.kind, wanted_of(partition.series))
    lake.check_world(world(url))
    with coordinated(lake, coordination) as shared:
        receipts = asyncio.run(_Errand(lake, venue, run_id, url, asking or Asking(), shared).run(partitions))
    return some_or_raise(venue, receipts)


@dataclass(frozen=True, slots=True)
class _Errand:
    """What one call of ``fill_reference`` is about."""

    lake: Lake
    venue: str
    run_id: str
    url: str | None
    asking: Asking
    coordination: "Coordination"

    async def run(self, partitions: Sequence[Partition]) -> list[Receipt]:
        """All series side by side."""
        ends_at = asyncio.get_running_loop().time() + self.asking.deadlines.run_s
        windows: dict[Series, list[Window]] = {}
        for partition in sorted(partitions):
            windows.setdefault(partition.series, []).append(partition.window)
        at_hand = instruments(self.lake, self.venue)
        symbols = {series.symbol for series in windows}
        async with client(
            self.venue,
            venue_url=self.url,
            instruments=[at_hand[symbol] for symbol in symbols if symbol in at_hand],
            timeout_seconds=self.asking.deadlines.request_s,
            spending=self.coordination.budgets(self.venue, self.url),
        ) as asked:
            now = await asked.server_time()
            listed = await self._listed(asked, [series.market for series in windows], at_hand, now)
            jobs = [
                self._series(asked, series, _there(listed[series.symbol], months, now), ends_at)
                for series, months in windows.items()
            ]
            results = await asyncio.gather(*jobs, return_exceptions=True)
        return sorted(
            (receipt for of_series in all_or_raise(results) for receipt in of_series), key=lambda one: one.partition
        )

    async def _listed(
        self, asked: CcxtVenue, markets: Sequence[Market], at_hand: dict[str, Instrument], now: Instant
    ) -> dict[str, Instrument]:
        """The instruments by symbol, asked for where one is not known; UnknownMarket where the venue lists none."""
        if all(market.symbol in at_hand for market in markets):
            self.lake.claim_world(world(self.url))
            return at_hand
        fresh = await asked.instruments()
        for market in markets:
            known({one.symbol: one for one in fresh}, market)
        self.lake.claim_world(world(self.url))
        keep(fresh, self.venue, self.lake, run_id=self.run_id, source=self._source, at=now)
        return instruments(self.lake, self.venue)

    @property
    def _source(self) -> str:
        return f"{world(self.url)}:{self.venue}"

    async def _series(self, asked: CcxtVenue, series: Series, windows: list[Window], ends_at: float) -> list[Receipt]:
        began, limits = time.monotonic(), self.asking.deadlines
        until = min(asyncio.get_running_loop().time() + limits.partition_s, ends_at)
        market, wanted = series.market, wanted_of(series)
        leases, seconds = self.coordination.leases, self.coordination.settings.lease_s
        patience = max(until - asyncio.get_running_loop().time(), 0.0)
        async with held_lease(leases, str(series), owner=self.run_id, seconds=seconds, patience_s=patience) as lease:
            todo = self._todo(market, wanted, windows)
            if lease is None:
                came = Came(failures=[f"{window}: {OUT_OF_TIME}" for window in todo])
            else:
                closed = max((window.end for window in windows), default=0)
                came = await Questions(asked, market, wanted, closed, self.asking.clock, until).ask(todo)
            receipts = committed(self.lake, market, wanted, came, windows, run_id=self.run_id, source=self._source)
        spent = time.monotonic() - began
        return [replace(one, seconds=spent) for one in receipts]

    def _todo(self, market: Market, wanted: Reference, windows: list[Window]) -> list[Window]:
        """What of ``windows`` nobody has answered yet, and what is to be asked again."""
        if not windows:
            return []
        span = Window(windows[0].start, windows[-1].end)
        answered = [one for _, one in self.lake.evidence(series_of(market, wanted), span) if not one.error]
        todo = subtracted(windows, united(one.window for one in answered))
        again: list[Window] = []
        if self.asking.tail and todo:
            again.append(Window(todo[-1].start - self.asking.tail * STEP.step, todo[-1].start))
        if self.asking.recheck:
            there = windows_of(held(self.lake, market, wanted).open_at, STEP.step)
            again += _due(subtracted(windows, [*there, *todo]), answered, self.asking.clock())
        return intersected(united([*todo, *again]), windows)


def _due(holes: Sequence[Window], answered: Sequence[Answered], now: Instant) -> Iterator[Window]:
    """The parts of ``holes`` that are to be looked at again by now, each as far as one answer speaks about it."""
    parts = {part for hole in holes for one in answered if (part := hole.intersection(one.window)) is not None}
    for part in parts:
        asks = [one for one in answered if one.window.start <= part.start and part.end <= one.window.end]
        due = next_ask(State.VERIFIED_EMPTY, AGREED, len(asks), max(one.at for one in asks))
        if due is not None and due <= now and all(one.what != TOO_OLD for one in asks):
            yield part


def _there(instrument: Instrument, months: Sequence[Window], now: Instant) -> list[Window]:
    """The hours of ``months`` that can be there: whole hours while it is listed, closed by the venue's clock."""
    listed_at, delisted_at = listed_window(instrument)
    start = (listed_at or 0) // STEP.step * STEP.step
    end = closed_before(now, STEP.step)
    if delisted_at is not None:
        end = min(end, -(-delisted_at // STEP.step) * STEP.step)
    return intersected(months, [Window(start, end)]) if start < end else []
