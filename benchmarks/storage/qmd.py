"""Ours: the lake.

What lives here: the lake through its public names. What does not: the names themselves.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.storage.port import Gaps, Rows, joined
from qmd_platform.lake.store import Lake, Write
from qmd_platform.lake.views import Connection, connect
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.spans import State
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, months
from qmd_platform.reader import candles, read_many

VENUE = "binance"
DAILY = """
SELECT symbol, first(open ORDER BY open_at), max(high), min(low), last(close ORDER BY open_at), sum(volume)
FROM candles_1m WHERE open_at >= epoch_ms(?::BIGINT) AND open_at < epoch_ms(?::BIGINT) GROUP BY symbol ORDER BY symbol
"""


class Qmd:
    """A lake on a local disk with its ledger in SQLite."""

    settings = (
        "local disk, ledger in SQLite, defaults. One commit a market on load, one commit for all markets on the hourly "
        "append; every commit is an upsert with coverage, history and provenance. Synced before acknowledged: "
        "data files, their folders, the ledger"
    )
    packages = ("qmd-platform", "pyarrow", "sqlalchemy")
    kept = "lake/data"

    def __init__(self, home: Path) -> None:
        self._home = home
        home.mkdir(parents=True, exist_ok=True)
        self._lake = Lake.open(home / "lake")
        self._sql: Connection | None = None

    def given(self, market: str, rows: Candles) -> list[Write]:
        """See Store."""
        step = int(np.diff(rows.open_at).min())
        series = Series.candles(Market(VENUE, market), next(one for one in Timeframe if one.step == step))
        whole = Window(int(rows.open_at[0]), int(rows.open_at[-1]) + step)
        return [
            Write(Partition(series, month), rows.within(window).to_arrow(), asked=(window,))
            for month, window in months(whole)
        ]

    def load(self, given: Sequence[list[Write]]) -> None:
        """See Store."""
        for writes in given:
            self._lake.commit(writes, run_id="bench", source="bench")

    def upsert(self, given: Sequence[list[Write]]) -> None:
        """See Store."""
        self.load([[write for writes in given for write in writes]])

    def year(self, market: str, window: Window, shape: str) -> Rows:
        """See Store. To pandas by the reader, which opens the lake each time; to Arrow from the open lake."""
        if shape == "arrow":
            return self._lake.candles(_series(market), window).to_arrow()
        series, home = f"{VENUE}:{market}:1m", self._home
        return candles(series, window.start, window.end, strategy="fail_fast", on_missing="allow", home=home)

    def day(self, markets: Sequence[str], window: Window) -> list[pa.Table]:
        """See Store. By the reader, which opens the lake each time and says what is missing."""
        series = [_series(market) for market in markets]
        found = read_many(series, window.start, window.end, home=self._home, on_missing="allow")
        return [one.rows.to_arrow() for one in found.values()]

    def gaps(self, markets: Sequence[str], window: Window) -> Gaps:
        """See Store. The ledger keeps what is missing, by partition."""
        parts: dict[str, list[tuple[int, int]]] = {market: [] for market in markets}
        for partition, runs in self._lake.ledger.in_state(State.MISSING).items():
            inside = [run.window.intersection(window) for run in runs]
            parts[partition.series.symbol] += [(one.start, one.end) for one in inside if one]
        return joined(parts)

    def daily(self, markets: Sequence[str], window: Window) -> Rows:
        """See Store. A DuckDB connection over the lake's files (``lake.views``), open as the others' are."""
        if self._sql is None:
            self._sql = connect(self._lake)
        return self._sql.sql(DAILY, params=[window.start, window.end]).to_arrow_table()

    def close(self) -> None:
        """See Store."""
        self._lake.close()


def _series(market: str) -> Series:
    return Series.candles(Market(VENUE, market), Timeframe.M1)
