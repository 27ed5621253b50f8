"""ArcticDB on LMDB. Needs pandas < 3, so its process runs in an environment of its own.

What lives here: ArcticDB as its documentation recommends. What does not: its object-store backends.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import arcticdb
import pandas as pd
import pyarrow as pa
from arcticdb import OutputFormat, QueryBuilder, ReadRequest, UpdatePayload, WritePayload

from benchmarks.storage.port import Gaps, Rows, holes
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.window import Window

DAILY = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
Given = tuple[str, pd.DataFrame]


class ArcticDB:
    """One library, one symbol a market, the batch calls where there are any."""

    settings = (
        "LMDB, one symbol a market, library defaults (100,000 rows a segment, LZ4), `write_batch`, `update_batch`, "
        "`append_batch`, `read_batch`. LMDB syncs at every commit of its own. Every symbol is committed by itself: a batch can be "
        "half there. Production use needs a paid licence"
    )
    packages = ("arcticdb", "pandas")
    kept = ""

    def __init__(self, home: Path) -> None:
        self._arctic = arcticdb.Arctic(f"lmdb://{home}")
        self._library = self._arctic.get_library("candles", create_if_missing=True)

    def given(self, market: str, rows: Candles) -> Given:
        """See Store."""
        index = pd.DatetimeIndex(rows.open_at.view("M8[ms]").astype("M8[ns]"), name="open_at")
        return market, pd.DataFrame({name: getattr(rows, name) for name in COLUMNS[1:]}, index=index)

    def load(self, given: Sequence[Given]) -> None:
        """See Store."""
        _fine(self._library.write_batch([WritePayload(market, frame) for market, frame in given]))

    def upsert(self, given: Sequence[Given]) -> None:
        """See Store."""
        if len(given) == 1:
            self._library.update(*given[0])
        else:
            _fine(self._library.update_batch([UpdatePayload(market, frame) for market, frame in given]))

    def append(self, given: Sequence[Given]) -> None:
        """See Store."""
        _fine(self._library.append_batch([WritePayload(market, frame) for market, frame in given]))

    def year(self, market: str, window: Window, shape: str) -> Rows:
        """See Store."""
        shape_of = OutputFormat.PYARROW if shape == "arrow" else OutputFormat.PANDAS
        return self._library.read(market, date_range=_range(window), output_format=shape_of).data

    def day(self, markets: Sequence[str], window: Window) -> list[pa.Table]:
        """See Store."""
        asked = [ReadRequest(market, date_range=_range(window)) for market in markets]
        return [one.data for one in _fine(self._library.read_batch(asked, output_format=OutputFormat.PYARROW))]

    def gaps(self, markets: Sequence[str], window: Window) -> Gaps:
        """See Store. Descriptions say how many rows there are; of markets that lack some the index alone is read."""
        about = _fine(self._library.get_description_batch(list(markets)))
        short = [one for one, said in zip(markets, about, strict=True) if said.row_count < window.steps(60_000)]
        read = _fine(self._library.read_batch([ReadRequest(market, columns=[]) for market in short]))
        found = {
            market: holes(one.data.index.to_numpy().astype("M8[ms]").astype("i8"), window)
            for market, one in zip(short, read, strict=True)
        }
        return {market: gaps for market, gaps in found.items() if gaps}

    def daily(self, markets: Sequence[str], window: Window) -> pa.Table:
        """See Store. There is no SQL: the same by its query builder, joined here."""
        query = QueryBuilder().date_range(_range(window)).resample("1D").agg(DAILY)
        rows = _fine(self._library.read_batch(list(markets), query_builder=query, output_format=OutputFormat.PYARROW))
        tables = [one.data.select(list(DAILY)) for one in rows]
        return pa.concat_tables(tables).add_column(0, "market", pa.array(list(markets)))

    def close(self) -> None:
        """See Store."""
        del self._library, self._arctic


def _fine(results: Sequence[Any]) -> Sequence[Any]:
    """A batch does not raise: what failed is among its results."""
    for one in results:
        if isinstance(one, arcticdb.DataError):
            raise RuntimeError(str(one))  # noqa: TRY004 - the system's failure, not a wrong type
    return results


def _range(window: Window) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Both ends are included there."""
    return pd.Timestamp(window.start, unit="ms"), pd.Timestamp(window.end - 1, unit="ms")
