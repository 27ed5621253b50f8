"""DuckDB and Polars see the lake's tables: by their names, in one snapshot, and through a connection like any other."""

import datetime as dt
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import polars as pl
import pytest

from qmd_platform.errors import ConfigError, LedgerError
from qmd_platform.lake import views
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import COLUMNS
from tests.lake.making import FEBRUARY, JANUARY, candles_at, put
from tests.lake.viewing import INSTRUMENTS_OF_BINANCE, asked, in_duckdb, in_polars, instruments
from tests.servers import fresh_schema


def test_venue_and_symbol_come_from_the_folders(filled: Lake):
    rows = asked(filled, "SELECT DISTINCT venue, symbol FROM candles_1h ORDER BY ALL")
    assert rows == [("binance", "BTC/USDT:USDT"), ("gate", "BTC/USDT")]
    polars = views.frame(filled, "candles_1h").select("venue", "symbol").unique().sort("venue").collect()
    assert polars.rows() == rows


def test_the_columns_are_the_tables_own(filled: Lake):
    described = [row[:2] for row in asked(filled, "DESCRIBE candles_1h")]
    kinds = ["TIMESTAMP WITH TIME ZONE", *["DOUBLE"] * 5]
    assert described == [("venue", "VARCHAR"), ("symbol", "VARCHAR"), *zip(COLUMNS, kinds, strict=True)]
    schema = views.frame(filled, "candles_1h").collect_schema()
    assert schema == views.frame(filled, "candles_1d").collect_schema()
    assert list(schema) == ["venue", "symbol", *COLUMNS]
    assert schema["open_at"] == pl.Datetime("ms", "UTC")


def test_instruments_are_a_table_too_with_their_nulls(filled: Lake):
    query = "SELECT venue, symbol, tick, active FROM instruments ORDER BY symbol"
    rows = [("binance", "BTC/USDT", None, True), ("binance", "ETH/USDT", 0.1, False)]
    assert asked(filled, query) == rows
    frame = views.frame(filled, "instruments")
    assert frame.select("venue", "symbol", "tick", "active").sort("symbol").collect().rows() == rows
    assert frame.collect_schema() == {"venue": pl.String} | dict(frame.collect_schema())


def test_times_are_utc_wherever_the_machine_is(filled: Lake, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "America/New_York")
    ((text,),) = asked(filled, "SELECT min(open_at)::VARCHAR FROM candles_1h")
    assert text == "2026-01-01 00:00:00+00"


@pytest.mark.parametrize("table", views.TABLES)
def test_a_table_that_holds_nothing_is_empty_and_has_its_columns(lake: Lake, table: str):
    assert asked(lake, f"FROM {table}") == []
    names = [row[0] for row in asked(lake, f"DESCRIBE {table}")]
    frame = views.frame(lake, table)
    assert names == list(frame.collect_schema())
    assert frame.collect().rows() == []


def test_a_filter_opens_only_the_files_it_needs(filled: Lake):
    with views.connect(filled) as connection:
        query = "EXPLAIN ANALYZE SELECT max(high) FROM candles_1h WHERE venue = 'gate' AND symbol = 'BTC/USDT'"
        plan = connection.sql(query).fetchall()[0][1]
    assert "venue=gate" in plan
    assert "venue=binance" not in plan
    plan = views.frame(filled, "candles_1h").filter(pl.col("venue") == "gate").explain()
    assert "venue=gate" in plan
    assert "venue=binance" not in plan


def test_a_range_of_time_reads_only_the_months_it_touches(lake: Lake):
    put(
        lake,
        Write(JANUARY, candles_at([0, 1, 2]).to_arrow()),
        Write(FEBRUARY, candles_at([0, 1], partition=FEBRUARY).to_arrow()),
    )
    with views.connect(lake) as connection:
        query = "EXPLAIN ANALYZE SELECT max(high) FROM candles_1h WHERE open_at >= '2026-02-01'"
        assert "Row Groups Scanned: 1 / 2" in connection.sql(query).fetchall()[0][1]


def test_a_connection_shows_the_snapshot_it_was_opened_on(filled: Lake):
    with views.connect(filled) as connection:
        put(filled, Write(JANUARY, candles_at([7], 1.0).to_arrow()))
        assert connection.sql("SELECT count(*) FROM candles_1h").fetchall() == [(7,)]
    assert asked(filled, "SELECT count(*) FROM candles_1h") == [(8,)]


def test_the_lake_is_shown_as_it_was_at_a_commit(lake: Lake):
    first, _ = put(lake, Write(JANUARY, candles_at([0], 1.0).to_arrow()))
    put(lake, Write(JANUARY, candles_at([0, 1], 2.0).to_arrow()))
    assert asked(lake, "SELECT sum(close) FROM candles_1h", as_of=first) == [(1.0,)]
    assert views.frame(lake, "candles_1h", as_of=first).collect().height == 1
    assert asked(lake, "SELECT sum(close) FROM candles_1h") == [(4.0,)]
    assert asked(lake, "SELECT sum(close) FROM candles_1h", as_of=0) == [(None,)]


def test_a_snapshot_that_never_was_is_refused(lake: Lake):
    with pytest.raises(LedgerError, match="99"):
        views.connect(lake, as_of=99)
    with pytest.raises(LedgerError, match="99"):
        views.frame(lake, "candles_1h", as_of=99)


@pytest.mark.parametrize(
    "query",
    [
        'SELECT count(*) FROM "candles_1h"',
        "SELECT count(*) FROM CANDLES_1H",
        "FROM candles_1h SELECT count(*)",
        "WITH x AS (SELECT * FROM candles_1h) SELECT count(*) FROM x",
        "SELECT count(*) FROM memory.main.candles_1h",
        "SELECT count(*) FROM query('FROM candles_1h')",
        "SELECT count(*) FROM query_table('candles_1h')",
    ],
)
def test_however_a_table_is_named_its_rows_are_there(filled: Lake, query: str):
    assert asked(filled, query) == [(7,)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM query_table('candles_' || '1h')",
        "SELECT close FROM query_table('candles_' || '1h') WHERE open > 1",
        "SELECT * FROM query_table('candles_' || '1h') LIMIT 1",
    ],
)
def test_a_table_whose_files_were_not_proven_refuses_to_be_read(filled: Lake, query: str):
    with pytest.raises(duckdb.Error, match="not checked yet"):
        asked(filled, query)


def test_the_raw_connection_reads_what_was_prepared(filled: Lake):
    with views.connect(filled) as connection:
        with pytest.raises(duckdb.Error, match="not checked yet"):
            connection.raw.sql("SELECT count(*) FROM candles_1h").fetchall()
        connection.prepare("candles_1h")
        assert connection.raw.sql("SELECT count(*) FROM candles_1h").fetchall() == [(7,)]


def test_a_connection_is_used_as_duckdbs_own(filled: Lake):
    mine = pl.DataFrame({"venue": ["gate"], "weight": [2.0]})
    assert mine.height == 1
    with views.connect(filled) as connection:
        joined = "SELECT sum(weight) FROM candles_1h JOIN mine USING (venue)"
        assert connection.execute(joined).fetchone() == (4.0,)
        assert connection.execute("SELECT count(*) FROM candles_1h WHERE venue = ?", ["gate"]).fetchall() == [(2,)]
        connection.execute("CREATE TABLE kept AS FROM candles_1h")
        assert connection.table("kept").count("*").fetchall() == [(7,)]
        assert connection.view("candles_1h").count("*").fetchall() == [(7,)]


def test_another_thread_asks_by_a_cursor(filled: Lake):
    found: list[object] = []
    with views.connect(filled) as connection:

        def ask() -> None:
            with connection.cursor() as other:
                found.append(other.sql("SELECT count(*) FROM candles_1h").fetchall())

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert connection.sql("SELECT count(*) FROM candles_1h").fetchall() == [(7,)]
    assert found == [[(7,)]] * 4


def test_a_lake_on_an_object_store_is_asked_like_any_other(postgres: str, files_url: str, tmp_path: Path):
    with Lake.open(tmp_path / "lake", postgres=fresh_schema(postgres), files=files_url) as lake:
        put(lake, Write(JANUARY, candles_at([0, 1, 2], 100.5).to_arrow()), Write(INSTRUMENTS_OF_BINANCE, instruments()))
        stored = lake.candles(JANUARY.series)
        assert in_duckdb(lake).equals(stored)
        assert in_polars(lake).equals(stored)
        assert asked(lake, "SELECT count(*) FROM instruments", verify=False) == [(2,)]


def test_an_unknown_table_is_refused_with_the_names_there_are(lake: Lake):
    with pytest.raises(ConfigError, match="candles_1h"):
        views.frame(lake, "candles_1hour")


@pytest.mark.parametrize(("extra", "package"), [("sql", "duckdb"), ("polars", "polars")])
def test_a_missing_package_is_named_with_the_command_that_brings_it(
    lake: Lake, extra: str, package: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, package, None)
    ask = {"duckdb": views.connect, "polars": lambda lake: views.frame(lake, "candles_1h")}[package]
    with pytest.raises(ConfigError, match=rf"pip install 'qmd-platform\[{extra}\]'"):
        ask(lake)


def test_the_module_starts_neither_engine():
    program = "import sys, qmd_platform.lake.views; sys.exit('duckdb' in sys.modules or 'polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_times_are_datetimes_with_a_zone_in_python(filled: Lake):
    ((at,),) = asked(filled, "SELECT min(open_at) FROM candles_1h")
    assert at == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
