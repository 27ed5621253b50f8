"""Benchmarks 3 and 4: reading a market-year against raw pyarrow, and bytes a candle.

What lives here: one year of 1m candles of the sandbox's market in the lake, and the same rows as the float64
Parquet a user would write. Recorded data is measured where it is at hand.
"""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.timing import seconds
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import windows_of
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, months
from qmd_platform.reader import candles
from qmd_platform.sandbox.market import truth

MARKET = Market("binance", "BTC/USDT")
YEAR = Window.of("2025-01-01", "2026-01-01")
RECORDED = Path(__file__).parent.parent.parent / "shared" / "data"


def stored(lake: Lake, market: Market, timeframe: Timeframe, rows: Candles) -> int:
    """Commit ``rows`` by month; the bytes they take."""
    series = Series.candles(market, timeframe)
    whole = Window(int(rows.open_at[0]), int(rows.open_at[-1]) + timeframe.step)
    writes = [
        Write(Partition(series, month), part.to_arrow(), asked=tuple(windows_of(part.open_at, timeframe.step)))
        for month, window in months(whole)
        if len(part := rows.within(window))
    ]
    _, outcomes = lake.commit(writes, run_id="bench", source="bench")
    return sum(outcome.bytes for outcome in outcomes)


def year(home: Path) -> list[tuple[str, float]]:
    """Seconds to read the year: ours and raw, to Arrow and to pandas."""
    rows = truth(MARKET, Timeframe.M1, YEAR, YEAR.end + 60_000)
    home.mkdir(exist_ok=True)
    lake = Lake.open(home / "lake")
    stored(lake, MARKET, Timeframe.M1, rows)
    lake.close()
    plain = home / "plain"
    plain.mkdir(exist_ok=True)
    files = [plain / f"{month}.parquet" for month, _ in months(YEAR)]
    for file, (_, window) in zip(files, months(YEAR), strict=True):
        pq.write_table(rows.within(window).to_arrow(), file, compression="zstd")

    def raw() -> pa.Table:
        return pa.concat_tables([pq.read_table(file) for file in files])

    def ours(as_: str) -> object:
        return candles(str(MARKET), "1m", YEAR.start, YEAR.end, as_=as_, strategy="fail_fast", home=home)

    return [
        ("raw pyarrow.parquet, float64, to Arrow", seconds(raw)),
        ("reader, to Arrow", seconds(lambda: ours("arrow"))),
        ("raw pyarrow.parquet, float64, to pandas", seconds(lambda: raw().to_pandas())),
        ("reader, to pandas", seconds(lambda: ours("pandas"))),
    ]


def recordings() -> Iterator[tuple[str, Timeframe, Candles]]:
    """Recorded candle files, where they are."""
    names = {
        "Gate BTC perpetual 5m 2023": ("gate_perp_2023/BTC_USDT_USDT-5m-futures.feather", Timeframe.M5),
        "Binance BTC perpetual 1m 2025": ("binance_perp_2025/BTC_USDT_USDT-1m-futures.feather", Timeframe.M1),
        "Binance LAYER perpetual 1m 2025": ("binance_perp_2025/LAYER_USDT_USDT-1m-futures.feather", Timeframe.M1),
        "Bybit BTC perpetual 5m 2024": ("bybit_perp_2024/BTC_USDT_USDT-5m-futures.json", Timeframe.M5),
    }
    from tests.acceptance.recordings import recorded_candles

    for name, (file, timeframe) in names.items():
        if (RECORDED / file).exists():
            yield name, timeframe, recorded_candles(RECORDED / file)


def bytes_a_candle(home: Path) -> list[tuple[str, float]]:
    """Bytes on disk for one candle, by recording."""
    home.mkdir(exist_ok=True)
    lake = Lake.open(home / "lake")
    sizes = []
    for number, (name, timeframe, rows) in enumerate(recordings()):
        size = stored(lake, Market("binance", f"REC{number}/USDT"), timeframe, rows)
        sizes.append((name, size / len(rows)))
    lake.close()
    return sizes
