"""The report: one table a task, what we lose and why, how each system was used.

What lives here: words and tables. What does not: any measuring (``tasks``, ``child``).
"""

import os
import platform
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.storage.data import Data

OURS, RAW = "qmd", "plain"

NAMES = {
    "qmd": "**qmd lake**",
    "plain": "plain Parquet (pyarrow)",
    "delta": "Delta Lake",
    "duckdb": "DuckDB",
    "arcticdb": "ArcticDB",
}

TITLES = {
    "load": "Load {load} market-years into an empty store",
    "upsert": "Hourly append of 60 candles to {markets} markets, in one commit where there is such a thing",
    "upsert_each": "Hourly append of 60 candles to {markets} markets, a commit for each",
    "append": "Hourly append to {markets} markets, promised to be new",
    "year_arrow": "One market-year to Arrow",
    "year_pandas": "One market-year to pandas",
    "month": "One month of one market to Arrow",
    "day": "The last day of {markets} markets to Arrow",
    "daily": "The last day of {markets} markets as one candle each, by SQL",
    "gaps": "Gap scan: every missing candle of {markets} market-years",
}

ABOUT = {
    "load": "A new folder each time, closed at the end.",
    "upsert": (
        "Before it every market has half a month, up to a noon. The afternoon comes hour by hour; writing an hour twice must"
        " change nothing, which is checked. ArcticDB and plain Parquet commit each market by itself all the same."
    ),
    "upsert_each": "Delta Lake takes longer with every hour, as every commit leaves a file until `optimize` is run.",
    "append": "Nothing is looked up, and twice is twice. Only of systems that have such a call; the lake has none.",
    "year_pandas": "Of the lake it is the reader's `candles(...)`, which opens the lake each time; all others are open.",
    "day": "Of the lake it is the reader's `read_many(...)`, which opens the lake each time and says what is missing.",
    "daily": "Of the lake DuckDB over its files (`qmd sql`), of ArcticDB its query builder; plain Parquet has no SQL.",
    "gaps": (
        "All answer with both ends of every gap. The lake asks its ledger. The others look at counts first (footers, log, "
        "descriptions, or a `GROUP BY` of market and day) and read open times only where some are missing."
    ),
}

SHORT = {"upsert": "Hourly append, one commit", "upsert_each": "Hourly append, a commit for each", "append": "New rows"}
"""A task in the list of losses, where its title is too long."""

_LATER = "it adds small segments to LMDB, and joining them is left to a later `defragment`"
_OPEN = "its file is open and partly in its own memory already, and it checks no hash of what it reads"
_SEGMENTS = "it reads the segments that hold the day, where we hash files whole"

WHY = {
    ("load", "arcticdb"): "it packs with LZ4 on both cores, and stores {bytes:.1f} times our bytes",
    ("load", "duckdb"): "it works on both cores and hashes nothing",
    ("load", "delta"): "it works on both cores, syncs nothing and works out no coverage",
    ("load", "plain"): "it has no ledger, no hashes, no coverage",
    ("upsert", "duckdb"): "all markets are one write to one log, where we make a file each",
    ("upsert", "delta"): "all markets are one small file, to be sorted by a later `optimize`, and nothing is synced",
    ("upsert", "arcticdb"): _LATER,
    ("upsert", "plain"): "it has no ledger",
    (
        "upsert_each",
        "duckdb",
    ): "a commit is one record in its log, where ours is a file, a record and a ledger transaction",
    ("append", "duckdb"): "as above, and nothing is looked up",
    ("append", "delta"): "as above, and nothing is looked up",
    ("append", "arcticdb"): _LATER,
    (
        "year",
        "arcticdb",
    ): "LZ4 over {bytes:.1f} times our bytes, and no hashes; decompression is half of what a read of ours takes",
    ("year", "duckdb"): _OPEN,
    ("year", "plain"): "it asks no ledger, checks no hash",
    ("year", "delta"): "it checks no hash",
    ("month", "plain"): "it asks no ledger and checks no hash; here these cost as much as the file itself",
    ("month", "arcticdb"): "as with a year",
    ("month", "duckdb"): _OPEN,
    ("month", "delta"): "it checks no hash",
    ("day", "duckdb"): _OPEN,
    ("day", "delta"): _SEGMENTS,
    ("day", "arcticdb"): _SEGMENTS,
    ("day", "plain"): "it asks no ledger and checks no hash",
    ("daily", "duckdb"): "its own table, where we give it a file of every market to open",
    ("daily", "delta"): "its statistics are in the log, where DuckDB reads every file's footer",
    ("daily", "arcticdb"): "it reads the segments that hold the day",
}
"""Why a system is quicker than ours at a task; a task by its first word where its variants share the reason."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a child said."""

    seconds: list[float]
    cpu: list[float]
    answer: str
    notes: dict[str, float]
    settings: str
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.seconds)


Results = dict[tuple[str, str], Result]
"""By task and system."""


def report(results: Results, data: Data, candles: int, took: float, cold: Sequence[str] = ()) -> str:
    """The whole page; ``cold`` are the lines about cold processes (``benchmarks.readers``)."""
    lines = [*_head(data, candles, took), *_tables(results, data)]
    if cold:
        lines += [f"## {len(TITLES) + 2}. A cold process that reads the lake\n", *cold, ""]
    lines += [*_losses(results), *_systems(results)]
    return "\n".join(lines) + "\n"


def _head(data: Data, candles: int, took: float) -> Iterator[str]:
    load = " / ".join(f"{value:.1f}" for value in os.getloadavg())
    yield "# Benchmarks of storage\n"
    yield (
        f"Last run {time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{platform.machine()}, {took / 60:.0f} minutes; load average at its end (1 / 5 / 15 minutes) {load}."
    )
    yield "Made by `make bench-storage`, all systems in one run; compare ratios, not milliseconds."
    if os.getloadavg()[2] > 2 * (os.cpu_count() or 1):
        yield "Much else ran beside it, so here processor times and the quickest calls say more than medians do."
    yield ""
    yield (
        f"The data are {data.scale.markets} made-up markets, {candles:,} candles of 1m: prices on a tick grid, volumes in lots, "
        "volatility in clusters, minutes without a trade, outages. Sizes of recorded candles are below. Every task of every "
        "system runs in a process of its own that has imported everything and has the store open; files are in the page "
        f"cache. Given are the median of {data.scale.times} calls after one that does not count, the quickest and the slowest, "
        "and the processor time. All systems must give the same answer, bit for bit (sums to 9 digits), or the run fails.\n"
    )


def _tables(results: Results, data: Data) -> Iterator[str]:
    for number, (task, title) in enumerate(TITLES.items(), 1):
        rows = {system: result for (done, system), result in results.items() if done == task}
        if not rows:
            continue
        yield f"## {number}. {title.format(load=data.scale.load, markets=data.scale.markets)}\n"
        if task in ABOUT:
            yield ABOUT[task] + "\n"
        yield "| system | ms | quickest - slowest | CPU ms | times qmd | times plain |\n|---|---|---|---|---|---|"
        for system in sorted(rows, key=lambda one: rows[one].median):
            yield _row(system, rows)
        answer = next(iter(rows.values())).answer
        yield f"\nThe answer of all: {answer.rpartition(',')[0]}.\n" if answer else ""
    yield from _sizes(results)


def _row(system: str, rows: dict[str, Result]) -> str:
    one = rows[system]
    span = f"{_ms(min(one.seconds))} - {_ms(max(one.seconds))}"
    ratios = [_times(one.median / rows[base].median) if base in rows else "-" for base in (OURS, RAW)]
    cells = [NAMES[system], _ms(one.median), span, _ms(statistics.median(one.cpu)), *ratios]
    return f"| {' | '.join(cells)} |"


def _sizes(results: Results) -> Iterator[str]:
    made = {system: result.notes["bytes a candle"] for (task, system), result in results.items() if task == "load"}
    real = {
        system: result.notes["bytes a candle"]
        for (task, system), result in results.items()
        if task == "recorded" and result.notes
    }
    yield f"## {len(TITLES) + 1}. Bytes a candle on disk\n"
    yield "Made-up: the loaded market-years, all files of the store. Recorded: exchanges' own candles"
    if real:
        yield "(Gate and Bybit BTC 5m, Binance BTC and LAYER 1m, all in one store; of the lake its data files alone).\n"
    else:
        yield "were not at hand in this run.\n"
    yield "| system | made-up | times qmd | recorded | times qmd |\n|---|---|---|---|---|"
    for system in sorted(made, key=lambda one: made[one]):
        cells = [f"{made[system]:.2f}", _ratio(made, system)]
        cells += [f"{real[system]:.2f}", _ratio(real, system)] if system in real else ["-", "-"]
        yield f"| {NAMES[system]} | {' | '.join(cells)} |"
    yield ""


def _ratio(sizes: dict[str, float], system: str) -> str:
    return _times(sizes[system] / sizes[OURS]) if OURS in sizes else "-"


def _losses(results: Results) -> Iterator[str]:
    """Every figure in which another system is quicker, from the figures themselves."""
    yield "## Where the lake is slower, and why\n"
    lines = []
    for (task, system), result in results.items():
        ours = results.get((_same(task), OURS))
        if task in TITLES and ours and result.median < 0.95 * ours.median:
            times = _times(ours.median / result.median)
            lines.append(f"- {_short(task)}: {NAMES[system]} is {times} times as quick{_why(task, system, results)}.")
    yield "\n".join(lines) or "Nowhere in this run."
    yield ""


def _same(task: str) -> str:
    """What of ours a task is compared with: we have one way to append."""
    return "upsert" if task == "append" else task


def _why(task: str, system: str, results: Results) -> str:
    reason = WHY.get((task, system)) or WHY.get((task.partition("_")[0], system))
    if reason is None:
        return ""
    sizes = [results["load", one].notes["bytes a candle"] for one in (system, OURS)]
    return ": " + reason.format(bytes=sizes[0] / sizes[1])


def _short(task: str) -> str:
    return SHORT.get(task) or TITLES[task].format(load="some", markets="all").partition(",")[0]


def _systems(results: Results) -> Iterator[str]:
    yield "## How each was used, and what survives a power cut\n"
    shown = set()
    for (_, system), result in results.items():
        if system not in shown:
            shown.add(system)
            versions = ", ".join(f"{package} {version}" for package, version in result.versions.items())
            yield f"- {NAMES[system]} ({versions}): {result.settings}."
    yield f"\n{SYNCS}"
    for system in NAMES.keys() - shown:
        yield f"\n{NAMES[system]} was not measured: it is not installed."


SYNCS = """Counted with strace on 2026-11-21, for one hourly append to 100 markets:

| system | in one commit | a commit for each |
|---|---|---|
| qmd lake | 202 fsync, 2 fdatasync | 400 fsync, 215 fdatasync |
| plain Parquet (pyarrow) | 200 fsync | 200 fsync |
| ArcticDB | 400 fdatasync | 400 fdatasync |
| DuckDB | 1 fdatasync | 100 fdatasync |
| Delta Lake | none | none |

A sync costs little on this machine (its host has a cache) and 0.2 to 5 ms on a disk of one's own: there the
systems that sync more lose more than shown here."""
"""By hand, as strace is not everywhere."""


def _ms(seconds: float) -> str:
    value = 1000 * seconds
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2f}"
