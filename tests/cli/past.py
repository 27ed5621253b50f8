"""A small lake with a past, for the commands that look into it: days of 1m candles of a month that has ended.

What lives here: making it, and where its files are. What does not: commands (``conftest.qmd``).
"""

from pathlib import Path

import numpy as np

from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.window import Window

MINUTE, DAY = 60_000, 86_400_000
SERIES = Series.parse("binance:BTC/USDT:1m")
MARCH = Partition(SERIES, "2025-03")
OTHER = Partition(Series.parse("gate:BTC/USDT:1m"), "2025-03")
START = MARCH.window.start


def day(number: int, close: float = 100.5, partition: Partition = MARCH) -> Write:
    """Ten minutes at the beginning of a day of March; every price is ``close``."""
    open_at = START + number * DAY + np.arange(10) * MINUTE
    prices = np.full((5, len(open_at)), close)
    asked = Window(int(open_at[0]), int(open_at[-1]) + MINUTE)
    return Write(partition, Candles(open_at, *prices).to_arrow(), asked=(asked,))


def make(home: Path) -> None:
    """Four commits: day 0, day 1, the other series, and day 1 again with its prices changed from 100.5 to 101.25."""
    with Lake.open(home / "lake") as lake:
        for number, write in enumerate([day(0), day(1), day(0, partition=OTHER), day(1, 101.25)], 1):
            lake.commit([write], run_id=f"run-{number}", source="sandbox:binance")


def files(home: Path, partition: Partition = MARCH) -> list[Path]:
    """All data files of a partition, live or not."""
    return sorted((home / "lake" / "data" / partition.folder).glob("*.parquet"))
