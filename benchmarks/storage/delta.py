"""Delta Lake, through the package ``deltalake`` (delta-rs).

What lives here: one table as delta-rs' documentation recommends. What does not: other engines on it.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import ColumnProperties, DeltaTable, QueryBuilder, WriterProperties, write_deltalake

from benchmarks.storage.port import Gaps, Rows, holes, joined
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.window import Window, iso, months

TIME = pa.timestamp("us", "UTC")
_NAMES = ", ".join(COLUMNS)
DAILY = """
SELECT market, first_value(open ORDER BY open_at), max(high), min(low), last_value(close ORDER BY open_at), sum(volume)
FROM candles {where} GROUP BY market ORDER BY market
"""
_DICTIONARY = ColumnProperties(dictionary_enabled=True)
WRITER = WriterProperties(
    compression="ZSTD",
    compression_level=3,
    default_column_properties=ColumnProperties(dictionary_enabled=False),
    column_properties={
        "market": _DICTIONARY,
        "open_at": ColumnProperties(dictionary_enabled=False, encoding="DELTA_BINARY_PACKED"),
    },
)


class Delta:
    """One table partitioned by month, its handle kept open and pinned to the version it has seen."""

    settings = (
        "one table partitioned by month (its guide: by date, not by what has many values; by market and month the upsert "
        "takes three times as long), zstd level 3, dictionary off for numbers (a quarter smaller than the default); "
        "upsert by `merge` from a pinned `DeltaTable`, pruned by month and first open time as its guide says; append by "
        "`write_deltalake`; reads by its SQL engine (DataFusion). Nothing is synced: what was acknowledged can be lost with the power"
    )
    packages = ("deltalake",)
    kept = ""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._table = DeltaTable(home) if (home / "_delta_log").exists() else None

    def given(self, market: str, rows: Candles) -> pa.Table:
        """See Store."""
        table = rows.to_arrow()
        table = table.set_column(0, "open_at", table.column("open_at").cast(TIME))
        names = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(rows), np.int32)), pa.array([market]))
        # By numpy: pc.strftime takes as long as the load itself.
        listed, at = np.unique(rows.open_at.view("M8[ms]").astype("M8[M]"), return_inverse=True)
        month = pa.DictionaryArray.from_arrays(pa.array(at.astype(np.int32)), pa.array(listed.astype(str).tolist()))
        return table.add_column(0, "market", names.cast(pa.string())).append_column("month", month.cast(pa.string()))

    def load(self, given: Sequence[pa.Table]) -> None:
        """See Store."""
        for rows in given:
            self._write(rows)

    def upsert(self, given: Sequence[pa.Table]) -> None:
        """See Store."""
        rows = pa.concat_tables(given)
        first = iso(int(pc.min(rows.column("open_at").cast(pa.timestamp("ms", "UTC")).cast(pa.int64())).as_py()))
        months_of = ", ".join(f"'{month}'" for month in pc.unique(rows.column("month")).to_pylist())
        of = f" AND t.market = '{rows.column('market')[0]}'" if len(given) == 1 else ""
        (
            self._opened()
            .merge(
                rows,
                "t.market = s.market AND t.open_at = s.open_at AND t.month = s.month"
                f" AND t.month IN ({months_of}) AND t.open_at >= '{first}'{of}",
                source_alias="s",
                target_alias="t",
                writer_properties=WRITER,
            )
            .when_matched_update_all()
            .when_not_matched_insert_all()
            .execute()
        )

    def append(self, given: Sequence[pa.Table]) -> None:
        """See Store."""
        self._write(pa.concat_tables(given))

    def year(self, market: str, window: Window, shape: str) -> Rows:
        """See Store."""
        where = f"{_where(window)} AND market = '{market}'"
        table = self._asked(f"SELECT {_NAMES} FROM candles {where} ORDER BY open_at")  # noqa: S608 - ours
        return table if shape == "arrow" else table.to_pandas()

    def day(self, markets: Sequence[str], window: Window) -> pa.Table:
        """See Store."""
        query = f"SELECT market, {_NAMES} FROM candles {_where(window)} ORDER BY market, open_at"  # noqa: S608 - ours
        return self._asked(query)

    def gaps(self, markets: Sequence[str], window: Window) -> Gaps:
        """See Store. The log says how many rows a file has; only months of markets that lack some are read."""
        files = self._opened().get_add_actions(flatten=True)
        held: dict[tuple[str, str], int] = {}
        mixed = set()
        columns = ("partition.month", "min.market", "max.market", "num_records")
        for month, low, high, rows in zip(*(files[name].to_pylist() for name in columns), strict=True):
            held[low, month] = held.get((low, month), 0) + rows
            mixed |= {month} if low != high else set()
        found: dict[str, list[tuple[int, int]]] = {market: [] for market in markets}
        data = self._opened().to_pyarrow_dataset()
        for month, part in months(window):
            short = [one for one in markets if month in mixed or held.get((one, month), 0) < part.steps(60_000)]
            where = (pc.field("month") == month) & pc.field("market").isin(short)
            rows = data.to_table(columns=["market", "open_at"], filter=where) if short else None
            for market in short:
                mine = rows.filter(pc.equal(rows["market"], market))["open_at"].cast(pa.int64()).to_numpy() // 1000
                found[market] += holes(np.sort(mine), part)
        return joined(found)

    def daily(self, markets: Sequence[str], window: Window) -> pa.Table:
        """See Store."""
        return self._asked(DAILY.format(where=_where(window)))

    def close(self) -> None:
        """Nothing is left to do."""

    def _opened(self) -> DeltaTable:
        if self._table is None:
            self._table = DeltaTable(self._home)
        return self._table

    def _write(self, rows: pa.Table) -> None:
        to = self._home if self._table is None else self._table
        write_deltalake(to, rows, mode="append", partition_by=["month"], writer_properties=WRITER)
        self._opened()

    def _asked(self, query: str) -> pa.Table:
        return pa.table(QueryBuilder().register("candles", self._opened()).execute(query))


def _where(window: Window) -> str:
    listed = ", ".join(f"'{month}'" for month, _ in months(window))
    return f"WHERE month IN ({listed}) AND open_at >= '{iso(window.start)}' AND open_at < '{iso(window.end)}'"
