"""Benchmark 1: a whole backfill process against the raw download and against plain ccxt, same server, same run.

What lives here: 5 markets x 30 days of 1m candles of Binance spot. Each program starts cold; the sandbox has its
pages ready before anything is timed, so that nobody pays for making them.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.timing import Took, median, program
from qmd_platform.model.window import Window

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "ADA/USDT")
WINDOW = Window.of("2026-09-10", "2026-10-10")
NOW = "2026-10-10T00:05:00Z"
CANDLES = len(SYMBOLS) * WINDOW.steps(60_000)
HERE = Path(__file__).parent
QMD = str(Path(sys.executable).with_name("qmd"))


def raw(url: str) -> Took:
    """The pages read and thrown away."""
    symbols = [symbol.replace("/", "") for symbol in SYMBOLS]
    return program(
        [sys.executable, str(HERE / "raw_download.py"), url, str(WINDOW.start), str(WINDOW.end), *symbols], {}
    )


def plain_ccxt(url: str, out: Path) -> Took:
    """Plain ccxt and pandas."""
    out.mkdir()
    return program(
        [sys.executable, str(HERE / "plain_ccxt.py"), url, str(WINDOW.start), str(WINDOW.end), str(out), *SYMBOLS], {}
    )


def ours(url: str, home: Path) -> Took:
    """``qmd backfill`` into an empty home: instruments, pages, checks, commits."""
    markets = [f"binance:{symbol}" for symbol in SYMBOLS]
    window = ["--start", "2026-09-10", "--end", "2026-10-10"]
    return program(
        [QMD, "backfill", *markets, "--timeframe", "1m", *window, "--json"],
        {"QMD_HOME": str(home), "QMD_VENUE_URL": url},
    )


def rows(url: str, times: int) -> Sequence[tuple[str, Took]]:
    """The three programs in turn, ``times`` times each, as medians."""
    raw(url)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        return [
            ("raw download (aiohttp, bodies thrown away)", median(times, lambda _: raw(url))),
            ("qmd backfill", median(times, lambda n: ours(url, root / f"home{n}"))),
            ("plain ccxt + pandas + Parquet", median(times, lambda n: plain_ccxt(url, root / f"ccxt{n}"))),
            ("qmd backfill again, all held", median(times, lambda _: ours(url, root / "home0"))),
        ]
