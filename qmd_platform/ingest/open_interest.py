"""Open interest of the past, fetched into the lake from the venues that serve it.

What lives here: which windows to ask, a venue's markets side by side, one commit. What does not: open interest as it is now
(``ingest.snapshots``), asking for one page (``ingest.open_interest_asked``).

What is held is not asked for again, nor what two answers agree is not there, but for the last minutes. What a venue left out of
its grid stays absent: nothing is made up between two rows.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qmd_platform.config import world
from qmd_platform.coverage.summary import Summary
from qmd_platform.errors import VenueDown
from qmd_platform.ingest.asking import machine_clock
from qmd_platform.ingest.columnar import joined
from qmd_platform.ingest.instruments import histories
from qmd_platform.ingest.open_interest_asked import Gained, page_of
from qmd_platform.ingest.receipt import Receipt
from qmd_platform.ingest.shared import coordinated
from qmd_platform.ingest.snapshot_rows import by_market, by_month, read_months
from qmd_platform.ingest.together import all_or_raise
from qmd_platform.lake.buffers import column, truths
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.evidence import Answered
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.snapshot_tables import OPEN_INTEREST
from qmd_platform.model.spans import subtracted, united
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Instant, Window, month_window, months
from qmd_platform.venues import facts
from qmd_platform.venues.ccxt_client import CcxtVenue, client
from qmd_platform.venues.port import Instrument, Traffic

if TYPE_CHECKING:
    from qmd_platform.coordination.opening import Coordination

PUBLISHED_MS = 10 * MINUTE
"""A row may come this long after the time it is of: a window is answered only as far as it is older."""

_DAY = Timeframe.D1.step


def is_served(venue: str) -> bool:
    """Whether ``venue`` is asked for open interest of the past; where it is not, it begins at the first capture."""
    return facts.snapshots_of(venue).history is not None


def fill_open_interest(
    lake: Lake,
    venue: str,
    markets: Sequence[Market],
    wanted: Sequence[str],
    *,
    run_id: str,
    url: str | None = None,
    coordination: "Coordination | None" = None,
) -> list[Receipt]:
    """Make the lake hold what ``venue`` serves of its perpetuals' open interest in these months.

    Args:
        lake: where to.
        venue: who is asked (``is_served``).
        markets: perpetuals of the venue.
        wanted: months, ``2026-11``.
        run_id: who did it.
        url: a server that answers for all venues (a sandbox) instead of the real ones.
        coordination: budgets shared with other workers; None for those of the lake.

    Returns:
        one receipt a month that something was asked of. What could not be fetched is in the failures of the first.

    Raises:
        ConfigError: the venue is not asked for it.
        VenueDown: nothing could be fetched.
        UnknownMarket, Refused, Banned: the venue will not answer.
        WrongWorld: the lake holds the other world's data.
    """
    facts.open_interest_of(venue)
    lake.check_world(world(url))
    errand, began = _Errand(lake, venue, run_id, url), time.monotonic()
    with coordinated(lake, coordination) as shared:
        gained, traffic = asyncio.run(errand.asked(tuple(dict.fromkeys(markets)), wanted, shared))
    failures = tuple(why for one in gained for why in one.failures)
    if failures and not any(one.evidence for one in gained):
        raise VenueDown(venue, f"nothing could be fetched: {failures[0]}")
    receipts = errand.committed(gained, time.monotonic() - began)
    return [replace(one, failures=failures, traffic=traffic) for one in receipts[:1]] + receipts[1:]


@dataclass(frozen=True, slots=True)
class _Errand:
    """What one call of ``fill_open_interest`` is about."""

    lake: Lake
    venue: str
    run_id: str
    url: str | None

    async def asked(
        self, markets: Sequence[Market], wanted: Sequence[str], shared: "Coordination"
    ) -> tuple[list[Gained], Traffic]:
        rows = histories(self.lake, self.venue)
        held = {symbol: one[-1] for symbol, one in rows.items()}
        async with client(
            self.venue,
            venue_url=self.url,
            instruments=[row for one in markets for row in rows.get(one.symbol, ())],
            spending=shared.budgets(self.venue, self.url),
        ) as asked:
            now, windows = await asked.server_time(), [month_window(one) for one in wanted]
            listed = {market: _listed(held.get(market.symbol), windows, now) for market in markets}
            jobs = [self._market(asked, one, todo, now) for one, todo in self._todo(listed, wanted, now).items()]
            return all_or_raise(await asyncio.gather(*jobs, return_exceptions=True)), asked.traffic

    def _todo(
        self, listed: Mapping[Market, Sequence[Window]], wanted: Sequence[str], now: Instant
    ) -> dict[Market, list[Window]]:
        """What is neither held nor answered. Answers are looked up only where something is missing that is not just new."""
        step = facts.open_interest_of(self.venue).step
        rows = read_months(self.lake, Series(OPEN_INTEREST.name, self.venue), set(wanted))
        at = np.where(truths(rows, "is_history"), column(rows, "counted_at"), 0)
        places = by_market(rows)
        todo = {
            market: _missing(windows, at[places.get(str(market), _NOWHERE)], step) for market, windows in listed.items()
        }
        late = [one for windows in todo.values() for one in windows if one.start < now - PUBLISHED_MS - step]
        if not late:
            return todo
        answered = self._answered(Window(min(one.start for one in late), max(one.end for one in late)))
        return {one: subtracted(windows, united(answered.get(one.symbol, ()))) for one, windows in todo.items()}

    def _answered(self, window: Window) -> dict[str, list[Window]]:
        """The windows of which the venue has told all it has, by symbol: the word after what was asked."""
        found: dict[str, list[Window]] = {}
        for _, one in self.lake.evidence(Series(OPEN_INTEREST.name, self.venue), window):
            found.setdefault(one.what.rpartition(" ")[2], []).append(one.window)
        return found

    async def _market(self, asked: CcxtVenue, market: Market, todo: Sequence[Window], now: Instant) -> Gained:
        known, got = facts.open_interest_of(self.venue), Gained()
        # To the day: a second later the venue would refuse the very window that was just inside of its reach.
        oldest = 0 if known.reach_days is None else (now // _DAY - known.reach_days) * _DAY
        for window in todo:
            if window.start < oldest:
                # Nothing older will ever come, so it counts as answered; the reason is kept.
                why = f"older than the {known.reach_days} days the venue serves, of {market.symbol}"
                gone = Window(window.start, min(window.end, oldest))
                got.evidence.append(Answered(gone, machine_clock(), why))
            for page in _pages(window.intersection(Window(oldest, now)), known):
                await page_of(asked, market, page, now - PUBLISHED_MS, got)
        return got

    def committed(self, gained: Sequence[Gained], seconds: float) -> list[Receipt]:
        """Commit rows and evidence of all markets, a write a month."""
        rows = by_month([part for one in gained for part in one.rows], OPEN_INTEREST, "counted_at")
        said: dict[str, list[Answered]] = {}
        for answer in (answer for one in gained for answer in one.evidence):
            for month, part in months(answer.window):
                said.setdefault(month, []).append(replace(answer, window=part))
        writes = [
            Write(
                Partition(Series(OPEN_INTEREST.name, self.venue), month),
                rows.get(month, joined(OPEN_INTEREST, [])),
                evidence=tuple(said.get(month, ())),
            )
            for month in sorted({*rows, *said})
        ]
        if not writes:
            return []
        self.lake.claim_world(world(self.url))
        source = f"{world(self.url)}:{self.venue}"
        _, outcomes = self.lake.commit(writes, run_id=self.run_id, source=source)
        return [Receipt.of_commit(one, Summary(expected=one.rows, present=one.rows), seconds) for one in outcomes]


def _listed(known: Instrument | None, windows: Sequence[Window], now: Instant) -> list[Window]:
    """The parts of ``windows`` in which the market is listed, as far as that is known, until ``now``."""
    first = (known.listed_at if known else None) or 0
    last = min((known.delisted_at if known else None) or now, now)
    alive = Window(first, last) if first < last else None
    return [part for one in windows if alive and (part := one.intersection(alive)) is not None]


def _missing(windows: Sequence[Window], held: NDArray[np.int64], step: int) -> list[Window]:
    """The parts of ``windows`` of whose instants on the grid none is ``held``."""
    grids = [np.arange(part.start, part.end, step) for one in windows if (part := one.snapped(step)) is not None]
    grid = np.concatenate([np.empty(0, np.int64), *grids])
    lacking = grid[~np.isin(grid, held)]
    runs = np.split(lacking, np.flatnonzero(np.diff(lacking) != step) + 1)
    return [Window(int(run[0]), int(run[-1]) + step) for run in runs if len(run)]


_NOWHERE = np.empty(0, np.intp)


def _pages(window: Window | None, known: facts.HistoryFacts) -> Iterator[Window]:
    """``window`` in parts of which each is one request; none where no instant of the grid is in it."""
    on_grid = window.snapped(known.step) if window is not None else None
    if on_grid is not None:
        for start in range(on_grid.start, on_grid.end, known.page_limit * known.step):
            yield Window(start, min(start + known.page_limit * known.step, on_grid.end))
