"""The baseline: Parquet files by market and month, written with care by hand.

What lives here: what a careful user of pyarrow would write without a system. What does not: commits over several
markets, history, coverage; nothing keeps two writers apart.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.storage.port import Gaps, Rows, holes, joined, synced
from qmd_platform.model.candles import Candles
from qmd_platform.model.window import Window, month_window, months

Given = tuple[str, list[tuple[str, pa.Table]]]
"""A market, and its rows by month."""


class Plain:
    """Float64 Parquet, one file a market and month; a file is replaced by rename."""

    settings = (
        "`pyarrow.parquet`: float64, zstd level 3, no dictionary (smaller and quicker here), one file a market and month; "
        "written beside, fsync of file and folder, renamed over the old one. No commit over several files"
    )
    packages = ("pyarrow",)
    kept = ""

    def __init__(self, home: Path) -> None:
        self._home = home

    def given(self, market: str, rows: Candles) -> Given:
        """See Store."""
        whole = Window(int(rows.open_at[0]), int(rows.open_at[-1]) + 60_000)
        return market, [(month, rows.within(window).to_arrow()) for month, window in months(whole)]

    def load(self, given: Sequence[Given]) -> None:
        """See Store."""
        for market, parts in given:
            self._folder(market).mkdir(parents=True)
            for month, rows in parts:
                self._replace(self._folder(market) / f"{month}.parquet", rows)

    def upsert(self, given: Sequence[Given]) -> None:
        """See Store. Reads the month, lays the rows over it, writes it anew."""
        for market, parts in given:
            for month, rows in parts:
                path = self._folder(market) / f"{month}.parquet"
                both = pa.concat_tables([pq.read_table(path), rows]).combine_chunks()
                keys = both.column("open_at").cast(pa.int64()).to_numpy()
                _, last = np.unique(keys[::-1], return_index=True)
                self._replace(path, both.take(pa.array(len(both) - 1 - last)))

    def year(self, market: str, window: Window, shape: str) -> Rows:
        """See Store."""
        table = self._read(market, window)
        return table if shape == "arrow" else table.to_pandas()

    def day(self, markets: Sequence[str], window: Window) -> list[pa.Table]:
        """See Store."""
        return [self._read(market, window) for market in markets]

    def gaps(self, markets: Sequence[str], window: Window) -> Gaps:
        """See Store. Footers say how many rows there are; only months that lack some are read."""
        found: dict[str, list[tuple[int, int]]] = {market: [] for market in markets}
        for market in markets:
            for month, part in months(window):
                with pq.ParquetFile(self._folder(market) / f"{month}.parquet") as file:
                    if file.metadata.num_rows < part.steps(60_000):
                        column = file.read(["open_at"]).column("open_at")
                        found[market] += holes(column.cast(pa.int64()).to_numpy(), part)
        return joined(found)

    def close(self) -> None:
        """Nothing is left to do."""

    def _folder(self, market: str) -> Path:
        return self._home / market.replace("/", "-")

    def _read(self, market: str, window: Window) -> pa.Table:
        parts = []
        for month, part in months(window):
            rows = pq.read_table(self._folder(market) / f"{month}.parquet")
            parts.append(rows if part == month_window(month) else _cut(rows, part))
        return pa.concat_tables(parts)

    def _replace(self, path: Path, rows: pa.Table) -> None:
        draft = path.with_suffix(".new")
        with draft.open("wb") as file:
            pq.write_table(rows, file, compression="zstd", compression_level=3, use_dictionary=False)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        synced(path.parent)


def _cut(rows: pa.Table, window: Window) -> pa.Table:
    open_at = rows.column("open_at").cast(pa.int64())
    return rows.filter(pc.and_(pc.greater_equal(open_at, window.start), pc.less(open_at, window.end)))
