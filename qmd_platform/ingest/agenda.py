"""The agenda of a lake and a universe: what is wanted, what of it the lake lacks, what to ask for now.

What lives here: reading lake, ledger and universe for the planner. What does not: the plan (``coverage.agenda``), doing
it (``ingest.candles``), launching runs of it (``sensors``).

Importing this module is cheap, because a sensor does so in a process of its own at every tick.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from qmd_platform.config import Universe, VenueUniverse
from qmd_platform.coverage.agenda import Agenda, Lacking, agenda, derivable, gaps, settled
from qmd_platform.coverage.expected import closed_before
from qmd_platform.coverage.plan import believed
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Instant, Window
from qmd_platform.venues import archive_facts, facts

if TYPE_CHECKING:
    from qmd_platform.lake.store import Lake
    from qmd_platform.model.evidence import Attempt
    from qmd_platform.model.spans import Run

Listed = Mapping[str, tuple[Instant | None, Instant | None]]
"""By symbol: since when and until when a venue lists it, as far as that is known."""

YOUNG_MS = 15 * MINUTE
"""Candles are left to the tail schedules for this long after they closed."""

YOUNG_OMITTED_MS = 60 * MINUTE
"""The same where a venue omits candles without trades: the last ones are only told from late ones by what follows."""

ARCHIVE_REQUESTS = 3
"""A month of an archive: the file, its checksum, and a page of the venue's API to compare it with."""


def planned(
    lake: "Lake",
    universe: Universe,
    *,
    now: Instant,
    budget: int,
    in_flight: Collection[Partition] = (),
    order: Sequence[Market] | None = None,
    venues: Collection[str] | None = None,
    venue_time: Instant | None = None,
    fresh: bool = False,
) -> Agenda:
    """What to ask for now.

    Args:
        lake: what is held, and how often what is not was asked for.
        universe: what is wanted.
        now: this machine's clock, which the questions asked so far go by.
        budget: requests for each venue (``coverage.agenda``).
        in_flight: partitions somebody is asking for.
        order: the markets an orchestrator has partitions of, in its order; others are left out. By slug when not given.
        venues: only these.
        venue_time: the venues' clock; ``now`` when not given.
        fresh: also what closed a moment ago, which is usually left to the tail.
    """
    found = lacking(lake, universe, now=now, venues=venues, venue_time=venue_time, fresh=fresh)
    known = None if order is None else set(order)
    return agenda(
        [one for one in found if known is None or one.series.market in known],
        now=now,
        budget=budget,
        in_flight=in_flight,
        order=sorted(universe.markets, key=lambda market: market.slug) if order is None else order,
    )


def lacking(
    lake: "Lake",
    universe: Universe,
    *,
    now: Instant,
    venues: Collection[str] | None = None,
    venue_time: Instant | None = None,
    fresh: bool = False,
) -> list[Lacking]:
    """Every series of the universe with its gaps, the fetched timeframes of a venue first. Arguments as of ``planned``."""
    clock = now if venue_time is None else venue_time
    return [
        one
        for name, venue in universe.venues.items()
        if venues is None or name in venues
        for one in _Reading(lake, venue, universe.start, now=now, clock=clock, young=0 if fresh else None).lacking()
    ]


def wanted(series: Series, start: Instant, end: Instant, listed: Listed) -> Window | None:
    """The candles of ``series`` that ought to be there; None when there are none.

    From ``start`` to ``end``, and no longer than the venue lists the market. Not only since it lists it: venues state
    listings later than their first candles, so what is before the first one is found out by asking.
    """
    _, delisted_at = listed.get(series.symbol, (None, None))
    end = end if delisted_at is None else min(end, delisted_at)
    return Window(start, end).snapped(series.timeframe.step) if end > start else None


class _Reading:
    """What the lake knows of one venue, in a few questions."""

    def __init__(
        self, lake: "Lake", venue: VenueUniverse, start: Instant, *, now: Instant, clock: Instant, young: int | None
    ) -> None:
        from qmd_platform.ingest.instruments import listed  # noqa: PLC0415 - Arrow, only when there is a lake to read

        self._venue, self._start, self._now, self._clock, self._young = venue, start, now, clock, young
        self._listed: Listed = listed(lake, venue.venue)
        every = [Series.candles(market, step) for step in self._timeframes() for market in venue.markets]
        self._runs: dict[Series, list[Run]] = lake.ledger.gaps_of(every) if every else {}
        self._settled: dict[Market, list[Window]] = {}
        self._attempts: dict[Series, list[Attempt]] = lake.ledger.attempts(every) if every else {}

    def _timeframes(self) -> list[Timeframe]:
        return [self._venue.base, *self._venue.native, *self._venue.derived]

    def lacking(self) -> Iterator[Lacking]:
        """Fetched series before the ones made of them."""
        for step in self._timeframes():
            for market in self._venue.markets:
                window = wanted(Series.candles(market, step), self._start, self._end(market, step), self._listed)
                if window is not None and step in self._venue.derived:
                    yield self._made(Series.candles(market, step), window)
                elif window is not None:
                    yield self._fetched(Series.candles(market, step), window)

    def _end(self, market: Market, step: Timeframe) -> Instant:
        omits = facts.of(market.venue, market.kind).omits_empty
        young = self._young if self._young is not None else YOUNG_OMITTED_MS if omits else YOUNG_MS
        return closed_before(self._clock - young, step.step)

    def _fetched(self, series: Series, window: Window) -> Lacking:
        known = facts.of(series.venue, series.market.kind)
        runs, attempts = self._runs.get(series, ()), self._attempts.get(series, ())
        found = gaps([window], runs, attempts, self._now, series.timeframe.step)
        listed_at, _ = self._listed.get(series.symbol, (None, None))
        served = 0 if known.newest_only is None else self._clock - known.newest_only * series.timeframe.step
        archive = archive_facts.find(series.venue, series.market.kind, series.timeframe)
        return Lacking(
            series, found, known.page_limit, max(served, listed_at or 0), ARCHIVE_REQUESTS if archive is not None else 0
        )

    def _made(self, series: Series, window: Window) -> Lacking:
        found = gaps([window], self._runs.get(series, ()), (), self._now, series.timeframe.step)
        return Lacking(series, derivable(found, self._base(series.market) if found else (), series.timeframe.step), 0)

    def _base(self, market: Market) -> list[Window]:
        """Where the shorter candles are settled, worked out once for all the longer ones."""
        if market not in self._settled:
            _, delisted_at = self._listed.get(market.symbol, (None, None))
            runs = self._runs.get(Series.candles(market, self._venue.base), ())
            self._settled[market] = settled(believed(runs, delisted_at))
        return self._settled[market]
