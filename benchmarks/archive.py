"""Benchmark 5: a month of 1m candles from the archive's file against the API's pages, same server, same run.

What lives here: our own client asking for one month, by the file and by 45 pages, both decoded to columns and compared
with each other. What does not: the lake; both ways lead into it alike. The sandbox has the file and the pages ready
before anything is timed. One process asks, the sandbox is another.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from qmd_platform.coverage.sources import Api, Source, sources
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import instant, month_window
from qmd_platform.venues import archive_facts, facts, paging
from qmd_platform.venues.archive import Archive
from qmd_platform.venues.archive_facts import day_of, days
from qmd_platform.venues.ccxt_client import client
from qmd_platform.venues.port import Traffic

MARKET = Market("binance", "BTC/USDT")
MONTH = "2026-08"
WINDOW = month_window(MONTH)
STEP = Timeframe.M1
CANDLES = WINDOW.steps(STEP.step)
TOGETHER = 16
TIMES = 9
_NOTE = (
    "Bytes of the API are counted unpacked; files stay packed on the way. Distance and the venue's budget, which are not in "
    "these figures, both speak for the file: of Binance's 6000 a minute the pages of a month use up 0.9 s."
)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a month's candles: seconds, requests, bytes that came, and the API's weight it costs."""

    name: str
    seconds: float
    requests: int
    bytes: int
    weight: float

    @property
    def candles_a_second(self) -> float:
        """How many candles came in a second."""
        return CANDLES / self.seconds


def ways(url: str) -> Sequence[Way]:
    """The month by pages, by the days' files and by its own file, each ``TIMES`` times, as medians."""
    return asyncio.run(_ways(url))


async def _ways(url: str) -> Sequence[Way]:
    known = facts.of(MARKET.venue, MARKET.kind)
    pages = paging.pages([WINDOW], STEP.step, known.page_limit)
    async with client(MARKET.venue, venue_url=url, concurrency=TOGETHER) as api:
        listed = await api.instruments()
        async with Archive(MARKET.venue, instruments=listed, venue_url=url) as archive:

            async def by_pages(traffic: Traffic) -> list[Candles]:
                return [
                    page.candles for page in await asyncio.gather(*(api.page(MARKET, STEP, p, traffic) for p in pages))
                ]

            async def by_days(traffic: Traffic) -> list[Candles]:
                wanted = [day_of(day.start) for day in days(WINDOW)]
                got = await asyncio.gather(*(archive.day(MARKET, STEP, day, traffic) for day in wanted))
                return [one.candles for one in got]

            async def by_month(traffic: Traffic) -> list[Candles]:
                return [(await archive.month(MARKET, STEP, MONTH, traffic)).candles]

            asked = sum(known.weight(page.steps(STEP.step)) for page in pages)
            (right, first) = await _timed(f"{len(pages)} pages of the API", by_pages, asked)
            rest = [await _timed("the days' files", by_days, 0), await _timed("the month's file", by_month, 0)]
    if not all(candles.equals(right) for candles, _ in rest):
        raise RuntimeError("the archive and the API do not say the same")
    return [first, *(way for _, way in rest)]


async def _timed(name: str, ask: Callable[[Traffic], Awaitable[list[Candles]]], weight: float) -> tuple[Candles, Way]:
    await ask(Traffic())  # connections open, bodies kept, modules imported
    taken = []
    for _ in range(TIMES):
        traffic = Traffic()
        began = time.perf_counter()
        candles = Candles.concat(await ask(traffic))
        taken.append(time.perf_counter() - began)
    return candles, Way(name, statistics.median(taken), traffic.requests, traffic.bytes, weight)


def planned() -> tuple[int, float]:
    """Microseconds to plan five years of one market, and the number of things to ask for."""
    known = archive_facts.find(MARKET.venue, MARKET.kind, STEP)
    if known is None:
        raise RuntimeError(f"{MARKET.venue} has no archive")
    costs = facts.of(MARKET.venue, MARKET.kind)
    wanted = WINDOW.of("2021-01-01", "2026-01-01")
    began = time.perf_counter()
    plan = sources(
        [wanted],
        STEP.step,
        instant("2026-02-10"),
        api=Api(costs.page_limit, costs.weight),
        published_at=known.published_at,
    )
    seconds = time.perf_counter() - began
    return sum(one.source is Source.MONTH for one in plan), 1e6 * seconds


def report(url: str) -> Sequence[str]:
    """The chapter, line by line."""
    found = ways(url)
    files, microseconds = planned()
    return [
        "## 5. A month from the archive against the same month from the API\n",
        f"{CANDLES:,} candles of Binance spot, decoded and compared: all three ways give the same bytes.",
        f"Planning {files} months takes {microseconds / 1000:.1f} ms.\n",
        "| way | ms | candles a second | times the API | requests | MB that came | weight |\n|---|---|---|---|---|---|---|",
        *(
            f"| {way.name} | {1000 * way.seconds:.0f} | {way.candles_a_second:,.0f} | {found[0].seconds / way.seconds:.1f} "
            f"| {way.requests} | {way.bytes / 1e6:.1f} | {way.weight:.0f} |"
            for way in found
        ),
        f"\n{_NOTE}",
    ]
