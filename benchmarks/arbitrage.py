"""The tables of arbitrage for many underlyings: seconds and memory by size, of generated funding and candles.

What lives here: a lake with a year of hourly closes and of settlements every 1, 4 and 8 hours at five venues, the making of
its tables in a process of its own, and what that took. What does not: the other benchmarks (``__main__``).

Usage: python -m benchmarks.arbitrage [SIZE ...], sizes in underlyings. Prints the section for docs/benchmarks.md.
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from qmd_platform.funding.intervals import intervals
from qmd_platform.ingest.arbitrage import NAMES, derive_arbitrage
from qmd_platform.ingest.funding_rows import to_arrow
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.settlements import Settlements
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, months

SIZES = (50, 100, 200, 500)
VENUES = ("binance", "bitfinex", "bybit", "gate", "okx")
HOURS = (8, 8, 4, 8, 1)
"""Hours between settlements of one coin after the other: most contracts settle every eight."""
YEAR = Window.of("2025-10-01", "2026-10-01")
TABLES = NAMES[:3]
"""Without cash and carry: there is no spot in this lake."""
HOUR = Timeframe.H1.step
AT_ONCE = 10
"""Coins in one commit."""


def markets(size: int) -> list[Market]:
    """The perpetuals of ``size`` coins at every venue."""
    return [Market(venue, f"C{coin}X/USDT:USDT") for coin in range(size) for venue in VENUES]


def fill(root: Path, size: int) -> None:
    """A lake with a year of all of them, in two processes."""
    Lake.open(root).close()
    firsts = range(0, size, AT_ONCE)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(_fill, [root] * len(firsts), [range(one, min(one + AT_ONCE, size)) for one in firsts]))


def _fill(root: Path, coins: range) -> None:
    with Lake.open(root) as lake:
        writes = [write for coin in coins for write in _coin(coin)]
        lake.commit(writes, run_id="fill", source="sandbox:generated")


def _coin(coin: int) -> Iterator[Write]:
    """A price that wanders, a little otherwise at each venue, and funding that differs by venue."""
    dice = np.random.default_rng(coin)
    opened = np.arange(YEAR.start, YEAR.end, HOUR)
    price = 100 * np.exp(np.cumsum(dice.normal(0, 0.003, len(opened))))
    hours = HOURS[coin % len(HOURS)]
    at = np.arange(YEAR.start, YEAR.end, hours * HOUR)
    for venue in VENUES:
        market = Market(venue, f"C{coin}X/USDT:USDT")
        close = np.round(price * (1 + dice.normal(0, 2e-4, len(opened))), 3)
        candles = Candles(opened, close, close, close, close, np.ones(len(opened)))
        paid = Settlements.of(at, np.round(dice.normal(1e-4, 1e-4, len(at)) * hours / 8, 8))
        found = intervals(paid)
        for month, part in months(YEAR):
            yield Write(Partition(Series.candles(market, Timeframe.H1), month), candles.within(part).to_arrow())
            rows = slice(*(int(row) for row in np.searchsorted(at, [part.start, part.end])))
            yield Write(Partition(Series.funding(market), month), to_arrow(paid.take(rows), found, rows))


@dataclass(frozen=True, slots=True)
class Made:
    """What making tables took: rows, bytes on disk, seconds of processor, MB at most in memory."""

    rows: int
    bytes: int
    cpu: float
    peak: float


def make(root: Path, size: int, wanted: Sequence[str]) -> Made:
    """Make the tables of ``wanted`` months in this process."""
    with Lake.open(root) as lake:
        made = derive_arbitrage(lake, markets(size), wanted, run_id="bench", only=TABLES)
    used = resource.getrusage(resource.RUSAGE_SELF)
    rows, stored = (sum(getattr(one, name) for one in made) for name in ("rows", "stored_bytes"))
    return Made(rows, stored, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def measured(root: Path, size: int) -> tuple[float, list[Made]]:
    """Wall seconds of making a year's tables in two processes, every other month each; and what each took."""
    every = [month for month, _ in months(YEAR)]
    began = time.perf_counter()
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        halves = [pool.submit(make, root, size, every[first::2]) for first in range(2)]
        made = [half.result() for half in halves]
    return time.perf_counter() - began, made


def report(sizes: Sequence[int] = SIZES) -> Iterator[str]:
    """The section for docs/benchmarks.md, line by line as it is measured."""
    yield "## 6. The tables of arbitrage: a year at five venues\n"
    yield (
        "Funding carry, anomalies and venue spreads of a year, made of generated settlements (every 1, 4 and 8 hours) and\n"
        "hourly closes in a lake, in two processes that make every other month each.\n"
    )
    yield "| underlyings | perpetuals | rows | wall s | CPU s | CPU us a row | peak MB, both processes | MB stored |"
    yield "|---|---|---|---|---|---|---|---|"
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "lake"
            fill(root, size)
            wall, made = measured(root, size)
        rows, stored = sum(one.rows for one in made), sum(one.bytes for one in made)
        cpu, peak = sum(one.cpu for one in made), sum(one.peak for one in made)
        yield (
            f"| {size} | {size * len(VENUES):,} | {rows:,} | {wall:.0f} | {cpu:.0f} | {1e6 * cpu / rows:.0f} | {peak:,.0f} "
            f"| {stored / 1e6:,.0f} |"
        )
    load = " / ".join(f"{value:.1f}" for value in os.getloadavg())
    yield f"\nLoad average of the last 1 / 5 / 15 minutes when this ended: {load}, on {os.cpu_count()} cores."


if __name__ == "__main__":
    for line in report([int(one) for one in sys.argv[1:]] or SIZES):
        print(line, flush=True)
