"""A lake's rows as the engines see them, shared by the tests of views."""

import pyarrow as pa

from qmd_platform.lake import views
from qmd_platform.lake.rows import arrow_schema
from qmd_platform.lake.store import Lake
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.tables import INSTRUMENTS
from qmd_platform.model.timeframe import Timeframe

GATE = Partition(Series.candles(Market.parse("gate:BTC/USDT"), Timeframe.H1), "2026-01")
INSTRUMENTS_OF_BINANCE = Partition(Series.instruments("binance"))
LISTED = ", ".join(COLUMNS)


def instruments() -> pa.Table:
    row = {"venue_symbol": "x", "kind": "spot", "base": "BTC", "quote": "USDT", "settle": "", "active": True}
    row |= {"contract_size": 1.0, "tick": None, "lot": 0.001, "listed_at": None, "ccxt_market": "{}"}
    rows = [{"symbol": "BTC/USDT", **row}, {"symbol": "ETH/USDT", **row, "tick": 0.1, "active": False}]
    return pa.Table.from_pylist(rows, schema=arrow_schema(INSTRUMENTS))


def asked(lake: Lake, query: str, **how: object) -> list[tuple[object, ...]]:
    with views.connect(lake, **how) as connection:
        return connection.sql(query).fetchall()


def in_duckdb(lake: Lake) -> Candles:
    with views.connect(lake) as connection:
        query = f"SELECT {LISTED} FROM candles_1h ORDER BY venue, symbol, open_at"  # noqa: S608 - our own names
        return from_engine(connection.sql(query).to_arrow_table())


def in_polars(lake: Lake) -> Candles:
    frame = views.frame(lake, "candles_1h").sort("venue", "symbol", "open_at").select(COLUMNS)
    return from_engine(frame.collect().to_arrow())


def from_engine(table: pa.Table) -> Candles:
    at = table.column("open_at").cast(pa.timestamp("ms", "UTC"))
    return Candles.from_arrow(table.set_column(0, "open_at", at).combine_chunks())
