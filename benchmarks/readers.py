"""Benchmark 3, its second half: a reader's cold start, and the last day of a hundred markets, beside raw pyarrow.

What lives here: both, as lines of the report. What does not: a market-year (``reading``); the year beside ArcticDB and
appends beside Delta Lake (``benchmarks.storage``).
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.reading import stored
from benchmarks.storage.market import generated
from benchmarks.timing import median, program, seconds
from qmd_platform.lake.store import Lake
from qmd_platform.model.series import Market, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window
from qmd_platform.reader import candles, read_many

MARKETS = [Market("binance", f"M{number}/USDT") for number in range(100)]
MONTH = Window.of("2025-06-01", "2025-07-01")
DAY = Window.of("2025-06-30", "2025-07-01")
TIMES = 7


def report(root: Path) -> Iterator[str]:
    """Both tables."""
    home = root / "hundred"
    files = list(_filled(home))
    yield f"\n### The last day of {len(MARKETS)} markets ({len(MARKETS) * DAY.steps(60_000):,} candles of 1m, to Arrow)\n"
    yield "| reader | ms |\n|---|---|"
    for name, run in _days(home, files):
        yield f"| {name} | {1000 * seconds(run):.0f} |"
    yield "\n### A cold process\n"
    yield from cold(home, Series.candles(MARKETS[0], Timeframe.M1), DAY)


def cold(home: Path, series: Series, day: Window, times: int = TIMES) -> Iterator[str]:
    """The table of programs that start, import, and read one day of ``series`` out of the lake in ``home``: medians."""
    yield "| program | wall ms | CPU ms |\n|---|---|---|"
    for name, code in _programs(series, day):
        took = median(times, lambda _, code=code: program([sys.executable, "-c", code], {"QMD_HOME": str(home)}))
        yield f"| {name} | {1000 * took.wall:.0f} | {1000 * took.cpu:.0f} |"


def _filled(home: Path) -> Iterator[Path]:
    """A month of every market in the lake of ``home``, and as the float64 Parquet files a user would write."""
    home.mkdir(exist_ok=True)
    with Lake.open(home / "lake") as lake:
        for number, market in enumerate(MARKETS):
            rows = generated(number, MONTH)
            stored(lake, market, Timeframe.M1, rows)
            file = home / f"{number}.parquet"
            pq.write_table(rows.to_arrow(), file, compression="zstd")
            yield file


def _days(home: Path, files: list[Path]) -> list[tuple[str, Callable[[], object]]]:
    series = [Series.candles(market, Timeframe.M1) for market in MARKETS]
    since = pa.scalar(DAY.start, pa.timestamp("ms", "UTC"))

    def raw() -> object:
        return [pq.read_table(file, filters=[("open_at", ">=", since)]) for file in files]

    def one_by_one() -> object:
        options = {"as_": "arrow", "home": home, "strategy": "fail_fast", "on_missing": "allow"}
        return [candles(one, start=DAY.start, end=DAY.end, **options) for one in series]

    def together() -> object:
        found = read_many(series, DAY.start, DAY.end, home=home, on_missing="allow")
        return [one.arrow for one in found.values()]

    return [
        ("raw pyarrow.parquet, float64, a file a market, filtered", raw),
        ("`reader.candles`, one market after the other, each with its coverage", one_by_one),
        ("`reader.read_many`, all in one state of the lake", together),
    ]


def _programs(series: Series, day: Window) -> list[tuple[str, str]]:
    call = f"candles('{series}', {day.start}, {day.end}, strategy='fail_fast', on_missing='allow'"
    read = f"from qmd_platform.reader import candles\n{call}"
    return [
        ("`python -c pass`", "pass"),
        ("`import qmd_platform.reader`", "import qmd_platform.reader"),
        ("`import pyarrow`", "import pyarrow"),
        ("`import pandas`", "import pandas"),
        ("import, and read a day to Arrow", f"{read}, as_='arrow')"),
        ("import, and read a day to pandas", f"{read})"),
    ]
