"""A lake with values that are easily spoilt, and what a store has, bit for bit. Shared by this room's tests."""

import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psycopg2
import pyarrow as pa

from qmd_platform.lake.rows import arrow_schema
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model import tables
from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.publish.opening import opened
from qmd_platform.publish.port import Store
from tests.servers import Server

PERPETUAL = Market.parse("binance:BTC/USDT:USDT")
SPOT = Market.parse("gate:1000X'Y/USDT")
MINUTES = Partition(Series.candles(PERPETUAL, Timeframe.M1), "2026-02")
OF_SPOT = Partition(Series.candles(SPOT, Timeframe.M1), "2026-02")
MARCH = Partition(MINUTES.series, "2026-03")
HOURS = Partition(Series.candles(PERPETUAL, Timeframe.H1), "2026-02")
FUNDING = Partition(Series.funding(PERPETUAL), "2026-02")
DAY = 1440

ODD = (-0.0, 5e-324, math.nextafter(0.3, 1), 1.7976931348623157e308, float("nan"), 1e22, 123456789.12345678)
"""Numbers that a detour by way of decimal text or of another width would change."""

Row = tuple[Any, ...]


def candles(partition: Partition, steps: list[int], price: float | None = None) -> Candles:
    """Candles at ``steps`` from the partition's start; of one price, or of odd ones."""
    open_at = partition.window.start + np.array(steps, np.int64) * partition.series.timeframe.step
    if price is not None:
        return Candles(open_at, *(np.full(len(steps), price) for _ in range(5)))
    odd = np.resize(np.array(ODD), (len(steps), 5)) * 1.0
    return Candles(open_at, *(np.ascontiguousarray(odd[:, place]) for place in range(5)))


def funding(rates: list[float | None]) -> pa.Table:
    """Settlements every eight hours; where the rate is None, all that may be unknown is."""
    start = FUNDING.window.start
    rows = [
        {
            "settled_at": start + 8 * 3_600_000 * number,
            "rate": 0.0001 if rate is None else rate,
            "interval_hours": None if rate is None else 8.0,
            "interval_from": "unknown" if rate is None else "stated",
            "is_suspect": rate is None,
            "mark": None if rate is None else 0.1 + 0.2,
        }
        for number, rate in enumerate(rates)
    ]
    return pa.Table.from_pylist(rows, schema=arrow_schema(tables.FUNDING_RATES))


def filled(lake: Lake) -> None:
    """Two venues, two timeframes, two months, three days of one of them, and funding."""
    put(
        lake,
        Write(MINUTES, candles(MINUTES, [*range(20), *range(DAY, DAY + 20), *range(5 * DAY, 5 * DAY + 5)]).to_arrow()),
        Write(OF_SPOT, candles(OF_SPOT, [*range(10), DAY + 3]).to_arrow()),
        Write(MARCH, candles(MARCH, [0, 1, 2]).to_arrow()),
        Write(HOURS, candles(HOURS, [0, 30, 60]).to_arrow()),
        Write(FUNDING, funding([-0.0, 0.0001, None, 1e-9])),
    )


def put(lake: Lake, *writes: Write) -> None:
    """Commit ``writes``."""
    lake.commit(writes, run_id="test", source="live:test")


@dataclass
class Target:
    """A store, and a way around qmd to what it has."""

    url: str
    name: str = field(init=False)

    def store(self) -> Store:
        """A connection of qmd's own."""
        return opened(self.name, {}, self.url)

    @property
    def server(self) -> Server:
        """The server, where it is of this test alone."""
        raise NotImplementedError

    @contextmanager
    def asked(self) -> Iterator[Any]:
        """A cursor over PostgreSQL's wire; each statement by itself."""
        connection = psycopg2.connect(self.wire)
        connection.autocommit = True
        try:
            yield connection.cursor()
        finally:
            connection.close()

    def rows(self, table: str) -> dict[Row, Row]:
        """All rows of a table: by venue, symbol and epoch ms the other values, floats as their bits."""
        spec = tables.table(table)
        at, *rest = (column.name for column in spec.columns)
        with self.asked() as cursor:
            if not self.is_there(cursor, table):
                return {}
            cursor.execute(f"SELECT venue, symbol, {self.ms(at)}, {', '.join(rest)} FROM {self.table(table)}")  # noqa: S608 - a test's
            found = cursor.fetchall()
        rows = {row[:3]: tuple(map(bits, row[3:])) for row in found}
        assert len(rows) == len(found), "a row is there twice"
        return rows


@dataclass
class PostgresTarget(Target):
    """A database."""

    own: Server | None = None

    def __post_init__(self) -> None:
        self.name, self.wire = "postgres", self.url

    @property
    def server(self) -> Server:
        assert self.own
        return self.own

    def table(self, name: str) -> str:
        return f"market_data.{name}"

    def ms(self, column: str) -> str:
        return f"(extract(epoch FROM {column}) * 1000)::bigint"

    def is_there(self, cursor: Any, table: str) -> bool:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (self.table(table),))
        return cursor.fetchone()[0]


@dataclass
class QuestTarget(Target):
    """A QuestDB server: loaded over HTTP, read over PostgreSQL's wire."""

    wire: str
    own: Server | None = None

    def __post_init__(self) -> None:
        self.name = "questdb"

    @property
    def server(self) -> Server:
        assert self.own
        return self.own

    def table(self, name: str) -> str:
        return name

    def ms(self, column: str) -> str:
        return f"CAST({column} AS LONG) / 1000"

    def is_there(self, cursor: Any, table: str) -> bool:
        cursor.execute(f"SELECT 1 FROM tables() WHERE table_name = '{table}'")  # noqa: S608 - a test's
        return cursor.fetchone() is not None


def held(lake: Lake, table: str) -> dict[Row, Row]:
    """What ``Target.rows`` gives of a store that is what the lake is."""
    rows: dict[Row, Row] = {}
    for series in lake.series():
        if series.table == table:
            for row in lake.read(series).cast(_plain(table)).to_pylist():
                at, *rest = row.values()
                rows[series.venue, series.symbol, at] = tuple(map(bits, rest))
    return rows


def bits(value: Any) -> Any:
    """A float by its bits; None and every NaN are the same, as they are to QuestDB."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return struct.pack(">d", value) if isinstance(value, float) else value


def same(lake: Lake, target: Target) -> None:
    """Fail unless the store is what the lake is, row for row and bit for bit."""
    for table in ("candles_1m", "candles_1h", "funding_rates"):
        assert target.rows(table) == held(lake, table), table


def _plain(table: str) -> pa.Schema:
    """A table's columns with instants as whole numbers."""
    schema = arrow_schema(tables.table(table))
    return pa.schema([pa.field(f.name, pa.int64() if pa.types.is_timestamp(f.type) else f.type) for f in schema])
