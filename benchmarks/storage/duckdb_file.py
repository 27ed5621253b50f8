"""DuckDB: one database file.

What lives here: DuckDB as its documentation recommends it for bulk data. What does not: SQL views over the lake
(``qmd``).
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks.storage.port import Gaps, Rows, holes, joined
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.window import Window

DAY = 86_400_000
_NAMES = ", ".join(COLUMNS)
_TABLE = """
CREATE TABLE candles (market VARCHAR NOT NULL, open_at TIMESTAMP_MS NOT NULL,
    open DOUBLE NOT NULL, high DOUBLE NOT NULL, low DOUBLE NOT NULL, close DOUBLE NOT NULL, volume DOUBLE NOT NULL)
"""
_MERGE = """
MERGE INTO candles USING given ON candles.market = given.market AND candles.open_at = given.open_at
WHEN MATCHED THEN UPDATE SET open = given.open, high = given.high, low = given.low, close = given.close,
    volume = given.volume
WHEN NOT MATCHED THEN INSERT (market, open_at, open, high, low, close, volume)
    VALUES (given.market, given.open_at, given.open, given.high, given.low, given.close, given.volume)
"""
_INSIDE = "open_at >= make_timestamp_ms(?) AND open_at < make_timestamp_ms(?)"
_DAILY = f"""
SELECT market, first(open ORDER BY open_at), max(high), min(low), last(close ORDER BY open_at), sum(volume)
FROM candles WHERE {_INSIDE} GROUP BY market ORDER BY market
"""  # noqa: S608 - ours


class DuckDB:
    """One table of all markets in the order of market and time, in one file that one process may have open."""

    settings = (
        "one file, one table sorted by market and time, no primary key (its guide advises against one for bulk loads); "
        "upsert by `MERGE`, append by `INSERT`; defaults else. The write-ahead log is synced at each commit. "
        "While one process writes, no other can open the file"
    )
    packages = ("duckdb",)
    kept = ""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._db = duckdb.connect(str(home / "candles.duckdb"))
        self._db.execute(_TABLE.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))

    def given(self, market: str, rows: Candles) -> pa.Table:
        """See Store."""
        table = rows.to_arrow()
        open_at = table.column("open_at").cast(pa.timestamp("ms"))
        names = pa.DictionaryArray.from_arrays(pa.array([0] * len(rows), pa.int32()), pa.array([market]))
        return table.set_column(0, "open_at", open_at).add_column(0, "market", names.cast(pa.string()))

    def load(self, given: Sequence[pa.Table]) -> None:
        """See Store."""
        for rows in given:
            self._said(rows, "INSERT INTO candles SELECT * FROM given")

    def upsert(self, given: Sequence[pa.Table]) -> None:
        """See Store."""
        self._said(pa.concat_tables(given), _MERGE)

    def append(self, given: Sequence[pa.Table]) -> None:
        """See Store."""
        self._said(pa.concat_tables(given), "INSERT INTO candles SELECT * FROM given")

    def year(self, market: str, window: Window, shape: str) -> Rows:
        """See Store."""
        query = f"SELECT {_NAMES} FROM candles WHERE market = ? AND {_INSIDE} ORDER BY open_at"  # noqa: S608 - ours
        found = self._db.sql(query, params=[market, window.start, window.end])
        return found.df() if shape == "pandas" else found.to_arrow_table()

    def day(self, markets: Sequence[str], window: Window) -> pa.Table:
        """See Store."""
        query = f"SELECT market, {_NAMES} FROM candles WHERE {_INSIDE} ORDER BY market, open_at"  # noqa: S608 - ours
        return self._db.sql(query, params=[window.start, window.end]).to_arrow_table()

    def gaps(self, markets: Sequence[str], window: Window) -> Gaps:
        """See Store. Counts by market and day, then the open times of the days that lack some."""
        query = """
            WITH grid AS (SELECT markets.market, days.day FROM (SELECT unnest($markets) AS market) AS markets
                CROSS JOIN (SELECT unnest(range($first, $last)) AS day) AS days),
            held AS (SELECT market, epoch_ms(open_at) // 86400000 AS day, count(*) AS rows FROM candles GROUP BY ALL),
            short AS (SELECT grid.market, grid.day FROM grid LEFT JOIN held USING (market, day)
                WHERE coalesce(rows, 0) < 1440)
            SELECT short.market, short.day, list(epoch_ms(open_at) ORDER BY open_at) FILTER (open_at IS NOT NULL)
            FROM short LEFT JOIN candles
                ON candles.market = short.market AND epoch_ms(candles.open_at) // 86400000 = short.day
            GROUP BY ALL ORDER BY ALL
        """
        about = {"markets": list(markets), "first": window.start // DAY, "last": window.end // DAY}
        return by_day(self._db.sql(query, params=about).to_arrow_table())

    def daily(self, markets: Sequence[str], window: Window) -> pa.Table:
        """See Store."""
        return self._db.sql(_DAILY, params=[window.start, window.end]).to_arrow_table()

    def close(self) -> None:
        """See Store: moves the log into the file."""
        self._db.close()

    def _said(self, given: pa.Table, statement: str) -> None:
        self._db.register("given", given)
        self._db.execute(statement)
        self._db.unregister("given")


def by_day(found: pa.Table) -> Gaps:
    """Gaps from rows of market, day (since 1970) and the day's open times in ms."""
    parts: dict[str, list[tuple[int, int]]] = {}
    for market, day, open_at in zip(*(column.to_pylist() for column in found.columns), strict=True):
        parts.setdefault(market, []).extend(
            holes(np.array(open_at or [], np.int64), Window(day * DAY, (day + 1) * DAY))
        )
    return joined(parts)
