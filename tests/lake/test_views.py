"""DuckDB and Polars see the lake's tables: exact numbers, one snapshot, and no damaged file."""

import datetime as dt
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qmd_platform.errors import ConfigError, CorruptSegment, LedgerError
from qmd_platform.lake import codec, readable, views
from qmd_platform.lake.blobs import LocalBlobs
from qmd_platform.lake.packing import MOST_DIGITS
from qmd_platform.lake.rows import arrow_schema, conformed
from qmd_platform.lake.store import Lake, Write
from qmd_platform.lake.view_frames import scanned
from qmd_platform.lake.view_sql import view
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.tables import CANDLES, INSTRUMENTS
from qmd_platform.model.timeframe import Timeframe
from tests.lake.making import FEBRUARY, JANUARY, candles_at, put
from tests.lake.test_codec import OLD, anything, candles, decimals
from tests.servers import fresh_schema

GATE = Partition(Series.candles(Market.parse("gate:BTC/USDT"), Timeframe.H1), "2026-01")
INSTRUMENTS_OF_BINANCE = Partition(Series.instruments("binance"))
LISTED = ", ".join(COLUMNS)


def instruments() -> pa.Table:
    row = {"venue_symbol": "x", "kind": "spot", "base": "BTC", "quote": "USDT", "settle": "", "active": True}
    row |= {"contract_size": 1.0, "tick": None, "lot": 0.001, "listed_at": None, "ccxt_market": "{}"}
    rows = [{"symbol": "BTC/USDT", **row}, {"symbol": "ETH/USDT", **row, "tick": 0.1, "active": False}]
    return pa.Table.from_pylist(rows, schema=arrow_schema(INSTRUMENTS))


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    # Letters that mean something to SQL, to globs and to hive, above the lake.
    with Lake.open(tmp_path / "it's [a] *lake?" / "venue=x" / "lake") as lake:
        yield lake


@pytest.fixture
def filled(lake: Lake) -> Lake:
    put(
        lake,
        Write(JANUARY, candles_at([0, 1, 2], 100.5).to_arrow()),
        Write(FEBRUARY, candles_at([0, 1], 0.1 + 0.2, FEBRUARY).to_arrow()),
        Write(GATE, candles_at([1, 2], 2.0**40, GATE).to_arrow()),
        Write(INSTRUMENTS_OF_BINANCE, instruments()),
    )
    return lake


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


@pytest.mark.parametrize("read", [in_duckdb, in_polars])
def test_whole_numbers_and_floats_are_one_table_with_the_same_bits(filled: Lake, read: Callable[[Lake], Candles]):
    stored = [filled.candles(series) for series in (JANUARY.series, GATE.series)]
    assert read(filled).equals(Candles.concat(stored))
    assert {
        tuple(name for name, _ in file.columns)[1] for file in views.Snapshot(filled, None).files("candles_1h")
    } == {
        "high_i",
        "open",
    }


def one_file(tmp_path: Path, given_: Candles, place: str) -> readable.Readable:
    folder = tmp_path / f"table=candles_1h/venue=v/market=A%2FB/month={place}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "x.parquet"
    path.write_bytes(codec.encode(CANDLES, conformed(CANDLES, given_.to_arrow()), {}))
    return readable.found(path)


@settings(max_examples=30)
@given(st.lists(st.lists(st.lists(anything | decimals, min_size=5, max_size=5), min_size=1, max_size=5), max_size=4))
@example([[[1.5] * 5], [[-0.0] * 5], [[2.0**40] * 5], [[2.0**53 - 1, 1 - 2.0**53, 0.5, 7.0, 5e-324]]])
@example([[[2.0**31 + 5, 2.0**31 - 5, 2.0**31 - 6, 2.0**31 + 1, 7.0]], [[float("nan")] * 5], [[1.0, 2, 3, 4, 0.3]]])
def test_any_floats_come_out_of_both_engines_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[list[float]]]
):
    folder = tmp_path_factory.mktemp("files")
    given_ = [candles(rows) for rows in parts]
    for place, part in enumerate(given_):
        np.add(part.open_at, place * 3_600_000_000, out=part.open_at)
    files = [one_file(folder, part, str(place)) for place, part in enumerate(given_)]
    with duckdb.connect() as connection:
        connection.execute(view("v", CANDLES, files))
        by_duckdb = connection.table("v").select(*COLUMNS).order("open_at").to_arrow_table()
    by_polars = scanned(CANDLES, files).sort("open_at").select(COLUMNS).collect().to_arrow()
    for table in (by_duckdb, by_polars):
        assert from_engine(table).equals(Candles.concat(given_))


@pytest.mark.parametrize("digits", range(1, MOST_DIGITS + 1))
def test_every_scale_is_exact_in_both_engines(tmp_path: Path, digits: int):
    # Numbers whose quotient is another one by way of the reciprocal: the shortcut engines are tempted to take.
    scale = 10.0**digits
    whole = np.random.default_rng(digits).integers(1, min(10 ** min(digits + 6, 15), 2**50), 5_000)
    tempting = whole[whole / scale != whole * (1 / scale)]
    assert len(tempting) > 20
    given_ = candles([[number / scale] * 5 for number in [1, *tempting.tolist()]])
    file = one_file(tmp_path, given_, "2026-01")
    assert ("ps", "int8") in file.columns
    with duckdb.connect() as connection:
        connection.execute(view("v", CANDLES, [file]))
        assert from_engine(connection.table("v").select(*COLUMNS).to_arrow_table()).equals(given_)
    frame = scanned(CANDLES, [file])
    for engine in ("in-memory", "streaming"):
        assert from_engine(frame.select(COLUMNS).collect(engine=engine).to_arrow()).equals(given_)
        for row in range(1, 20):
            one = frame.slice(row, 1).filter(pl.col("low") == given_.low[row]).collect(engine=engine)
            assert one["high"].to_list() == [given_.high[row]]


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


def flip(lake: Lake, series: Series) -> Path:
    """Flip a bit in the middle of the first file of ``series``; size and modification time stay."""
    segment = lake.ledger.segments(series)[0]
    path = Path(lake.blobs.data.where(segment.path))
    stat = path.stat()
    data = bytearray(path.read_bytes())
    data[60] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return path


def test_a_flipped_bit_is_never_served(filled: Lake):
    path = flip(filled, GATE.series)
    with views.connect(filled) as connection, pytest.raises(CorruptSegment) as caught:
        connection.sql("SELECT * FROM candles_1h")
    assert str(path) in str(caught.value)
    with pytest.raises(CorruptSegment):
        views.frame(filled, "candles_1h")


def test_a_bit_flipped_after_the_file_was_proven_is_seen_at_the_next_query(filled: Lake):
    with views.connect(filled) as connection:
        connection.sql("SELECT * FROM candles_1h").fetchall()
        flip(filled, JANUARY.series)
        with pytest.raises(CorruptSegment):
            connection.sql("SELECT * FROM candles_1h")


def test_only_the_files_of_the_tables_a_query_names_are_proven(filled: Lake):
    flip(filled, GATE.series)
    assert asked(filled, "SELECT count(*) FROM instruments") == [(2,)]


def test_damage_may_be_looked_at_on_request(filled: Lake):
    flip(filled, GATE.series)
    assert asked(filled, "SELECT count(*) FROM candles_1h", verify=False) == [(7,)]
    assert views.frame(filled, "candles_1h", verify=False).select(pl.len()).collect().item() == 7
    with pytest.raises(CorruptSegment):
        asked(filled, "SELECT count(*) FROM candles_1h")


@pytest.mark.parametrize("verify", [True, False])
def test_a_missing_file_is_told_by_name(filled: Lake, *, verify: bool):
    path = Path(filled.blobs.data.where(filled.ledger.segments(GATE.series)[0].path))
    path.unlink()
    with pytest.raises(CorruptSegment, match="gate"):
        asked(filled, "SELECT count(*) FROM candles_1h", verify=verify)


def test_a_file_is_hashed_once_in_a_process(filled: Lake, monkeypatch: pytest.MonkeyPatch):
    asked(filled, "SELECT count(*) FROM candles_1h")
    monkeypatch.setattr(readable, "proven", None)
    assert asked(filled, "SELECT count(*) FROM candles_1h") == [(7,)]


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


def test_files_of_layout_1_are_read_by_way_of_a_copy(tmp_path: Path):
    partition = Partition(Series.candles(Market.parse("binance:BTC/USDT"), Timeframe.M1), "2025-12")
    data = (OLD / "layout1-whole.parquet").read_bytes()
    blobs = LocalBlobs(tmp_path)
    blobs.put(f"{partition.folder}/old.parquet", data)
    segment = old_segment(partition, data)
    for verify in (True, False):
        (file,) = readable.readable(blobs, [segment], verify=verify)
        assert tmp_path not in file.path.parents
        rows = scanned(CANDLES, [file]).collect()
        columns = np.frombuffer((OLD / "layout1-whole.bits").read_bytes(), "<i8").reshape(6, -1)
        assert from_engine(rows.select(COLUMNS).to_arrow()).equals(Candles(columns[0], *columns[1:].view(np.float64)))
        assert rows["symbol"].unique().to_list() == ["BTC/USDT"]


def old_segment(partition: Partition, data: bytes):
    import hashlib

    from qmd_platform.ledger.records import Segment

    digest = hashlib.sha256(data).hexdigest()
    return Segment(partition, f"{partition.folder}/old.parquet", 60, len(data), digest, 1)


class Elsewhere:
    """Blobs that are on no local disk."""

    def __init__(self, blobs: LocalBlobs) -> None:
        self._blobs = blobs

    def read(self, path: str) -> bytes:
        return self._blobs.read(path)

    def where(self, path: str) -> str:
        return f"s3://bucket/{path}"


def test_files_of_an_object_store_are_copied_once(filled: Lake):
    segments = filled.ledger.segments(JANUARY.series)
    blobs = Elsewhere(filled.blobs.data)
    files = readable.readable(blobs, segments)
    assert scanned(CANDLES, files).collect().height == 5
    for segment in segments:
        Path(filled.blobs.data.where(segment.path)).unlink()
    assert readable.readable(blobs, segments) == files


def test_a_lake_on_an_object_store_is_asked_like_any_other(postgres: str, files_url: str, tmp_path: Path):
    with Lake.open(tmp_path / "lake", postgres=fresh_schema(postgres), files=files_url) as lake:
        put(lake, Write(JANUARY, candles_at([0, 1, 2], 100.5).to_arrow()), Write(INSTRUMENTS_OF_BINANCE, instruments()))
        stored = lake.candles(JANUARY.series)
        assert in_duckdb(lake).equals(stored)
        assert in_polars(lake).equals(stored)
        assert asked(lake, "SELECT count(*) FROM instruments", verify=False) == [(2,)]


def test_temporary_copies_are_gone_when_the_process_ends(tmp_path: Path):
    program = "from qmd_platform.lake.readable import scratch; print(scratch().name)"
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env)
    assert Path(done.stdout.strip()).parent == tmp_path
    assert list(tmp_path.iterdir()) == []


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
