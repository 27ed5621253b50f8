"""``make bench``: every benchmark in one run, printed and written to docs/benchmarks.md.

What lives here: the order, the tables and the words around them. What does not: what is measured (the other
modules of this room). Usage: python -m benchmarks [--quick], which leaves out the 30 markets x 12 months and the tables of
arbitrage.
"""

import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import arbitrage, archive, backfill, freqtrade, orchestration, readers, reading, streams
from benchmarks.timing import Took, median, program
from qmd_platform.model.window import Window
from qmd_platform.sandbox.universe import listings
from tests.acceptance.programs import sandbox

REPORT = Path(__file__).parent.parent / "docs" / "benchmarks.md"
TIMES = 5
MONTHS = Window.of("2025-10-01", "2026-10-01")
MANY = 30
TABLES = ("candles_1m", *(f"candles_{step}" for step in orchestration.DERIVED))


def main() -> None:
    """Run all, print as it comes, write the report at the end."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed Python keeps its bytecode; so do we
    lines = []
    for line in _report(is_quick="--quick" in sys.argv[1:]):
        print(line, flush=True)
        lines.append(line)
    REPORT.write_text("\n".join(lines) + "\n")


def _report(*, is_quick: bool) -> Iterator[str]:
    yield "# Benchmarks\n"
    yield f"Last run {time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.machine()}."
    yield "Made by `make bench`; compare ratios, not seconds. Every program starts cold, with its bytecode compiled."
    yield "The venue is the sandbox on loopback: no distance, no rate limit. Medians.\n"
    with tempfile.TemporaryDirectory() as folder, sandbox("--now", backfill.NOW) as url:
        root = Path(folder)
        rows = list(backfill.rows(url, TIMES))
        if freqtrade.EXECUTABLE:
            rows.append(("freqtrade download-data", median(3, lambda n: freqtrade.download(url, root / f"freq{n}"))))
        yield from _backfill(rows)
        yield from _orchestrated(url, root, dict(rows)["qmd backfill"], is_quick=is_quick)
        yield from _reading(root)
        yield ""
        yield from archive.report(url)
    if not is_quick:
        yield ""
        yield from arbitrage.report()
    yield "\n## 7. Listening: messages about candles that a listener reads\n"
    yield from streams.report()
    yield "\nLoading PostgreSQL and QuestDB, beside a bare COPY and the bare client: `python -m benchmarks.publishing`"
    yield "(serving-stores.md has its last figures)."
    load = " / ".join(f"{value:.1f}" for value in os.getloadavg())
    yield f"\nLoad average of the last 1 / 5 / 15 minutes when this ended: {load}; other work beside it makes all of it slower."


def _backfill(rows: Sequence[tuple[str, Took]]) -> Iterator[str]:
    raw, ours = dict(rows)[rows[0][0]], dict(rows)["qmd backfill"]
    yield "## 1. A whole backfill process: 5 markets x 30 days of 1m candles\n"
    yield f"{backfill.CANDLES:,} candles, from an empty folder.\n"
    yield "| program | wall s | CPU s | times raw | times ours |\n|---|---|---|---|---|"
    for name, took in rows:
        yield (
            f"| {name} | {took.wall:.2f} | {took.cpu:.2f} | {took.wall / raw.wall:.1f} | {took.wall / ours.wall:.2f} |"
        )
    if not freqtrade.EXECUTABLE:
        yield "\nfreqtrade was not measured: set FREQTRADE to its executable."
    yield ""


def _orchestrated(url: str, root: Path, library: Took, *, is_quick: bool) -> Iterator[str]:
    yield "## 2. The same through Dagster\n"
    yield "| what | runs | wall s |\n|---|---|---|"
    yield f"| library (`qmd backfill`) | - | {library.wall:.2f} |"
    run = median(3, lambda n: orchestration.one_run(url, root / f"run{n}"))
    yield f"| one Dagster run, process start included, two whole months | 1 | {run.wall:.2f} |"
    home = root / "ui"
    orchestration.universe(home, backfill.SYMBOLS, "2026-09-01")
    with orchestration.ui(home, url) as graphql:
        runs, took = orchestration.backfill(
            graphql, backfill.SYMBOLS, Window.of("2026-09-01", "2026-11-01"), TABLES[:1]
        )
    yield f"| Dagster backfill (daemon, queue, run workers), two whole months | {runs} | {took:.2f} |"
    yield ""
    if not is_quick:
        yield from _many(url, root / "many")


def _many(url: str, home: Path) -> Iterator[str]:
    """Everything held already: what a backfill through the daemon costs is orchestration."""
    symbols = [listing.market.symbol for listing in listings() if listing.market.venue == "binance"]
    symbols = [symbol for symbol in symbols if ":" not in symbol and not symbol.startswith("LATE")][:MANY]
    orchestration.universe(home, symbols, "2025-10-01")
    environment = {"QMD_HOME": str(home), "QMD_VENUE_URL": url}
    markets = [f"binance:{symbol}" for symbol in symbols]
    window = ["--start", "2025-10-01", "--end", "2026-10-01"]
    filled = program([backfill.QMD, "backfill", *markets, "--timeframe", "1m", *window, "--json"], environment)
    yield f"### {len(symbols)} markets x 12 months, all 1m candles held\n"
    yield f"Filling the lake with the library took {filled.wall:.1f} s ({len(symbols) * MONTHS.steps(60_000):,} candles).\n"
    yield "| backfill of | partitions | runs | wall s | ms a partition |\n|---|---|---|---|---|"
    with orchestration.ui(home, url) as graphql:
        for name, tables in (
            ("all six candle tables, rolled up and checked for the first time", TABLES),
            ("all six candle tables again, nothing to do", TABLES),
            ("1m candles alone again, nothing to do", TABLES[:1]),
        ):
            runs, took = orchestration.backfill(graphql, symbols, MONTHS, tables)
            partitions = len(symbols) * 12 * len(tables)
            yield f"| {name} | {partitions:,} | {runs} | {took:.1f} | {1000 * took / partitions:.0f} |"
    yield ""


def _reading(root: Path) -> Iterator[str]:
    yield "## 3. Reading one market-year of 1m candles (525,600 rows, 12 files)\n"
    yield "| reader | ms | times raw |\n|---|---|---|"
    timed = reading.year(root / "year")
    for (name, took), (_, raw) in zip(timed, [timed[0], timed[0], timed[2], timed[2]], strict=True):
        yield f"| {name} | {1000 * took:.1f} | {took / raw:.2f} |"
    yield "\nThe same year beside ArcticDB, and hourly appends to 100 markets beside Delta Lake: benchmarks-storage.md."
    yield from readers.report(root)
    yield "\n## 4. Bytes a candle on disk, recorded data\n"
    sizes = reading.bytes_a_candle(root / "bytes")
    if not sizes:
        yield "The recordings are not at hand."
        return
    yield "| recording | bytes a candle |\n|---|---|"
    for name, size in sizes:
        yield f"| {name} | {size:.2f} |"


if __name__ == "__main__":
    main()
