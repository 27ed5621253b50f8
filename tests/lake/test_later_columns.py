"""A column added to a table: files from before have it as null, and nothing about them changes."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from qmd_platform.lake import views
from qmd_platform.lake.rows import arrow_schema
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model import tables
from tests.lake.making import put
from tests.lake.viewing import INSTRUMENTS_OF_BINANCE, asked, instruments

NOW = tables.INSTRUMENTS
BEFORE = replace(NOW, key=("symbol",), columns=tuple(column for column in NOW.columns if not column.later))
LATER = [column.name for column in NOW.columns if column.later]


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A lake whose instruments were written before the column was there; a list of another venue is newer."""
    lake = Lake.open(tmp_path)
    with monkeypatch.context() as then:
        then.setitem(tables.TABLES, NOW.name, BEFORE)
        put(lake, Write(INSTRUMENTS_OF_BINANCE, instruments().select(arrow_schema(BEFORE).names)))
    return lake


def listed(**change: object) -> pa.Table:
    rows = instruments().to_pylist()
    return pa.Table.from_pylist([rows[0], rows[1] | change], schema=arrow_schema(NOW))


def test_a_file_from_before_reads_with_nulls_in_the_new_column(old: Lake):
    table = old.read(INSTRUMENTS_OF_BINANCE.series)
    assert table.schema == arrow_schema(NOW)
    assert len(table) == 2
    assert {table.column(name).null_count for name in LATER} == {2}
    assert table.drop(LATER).to_pylist() == instruments().drop(LATER).to_pylist()


def test_a_file_from_before_is_proven_by_the_hash_that_was_kept_of_it(old: Lake):
    assert old.verify() == []


def test_the_same_rows_with_nothing_in_the_new_column_are_no_change(old: Lake):
    before = old.state(INSTRUMENTS_OF_BINANCE)
    _, outcome = put(old, Write(INSTRUMENTS_OF_BINANCE, instruments(), replace=True))
    assert (outcome.new, outcome.changed, outcome.unchanged) == (0, 0, 2)
    assert old.state(INSTRUMENTS_OF_BINANCE) == before


def test_a_value_in_the_new_column_is_a_change_and_is_read_back(old: Lake):
    before = old.state(INSTRUMENTS_OF_BINANCE)
    _, outcome = put(old, Write(INSTRUMENTS_OF_BINANCE, listed(delisted_at=86_400_000), replace=True))
    assert (outcome.new, outcome.changed, outcome.unchanged) == (0, 1, 1)
    after = old.state(INSTRUMENTS_OF_BINANCE)
    assert before is not None
    assert after is not None
    assert after.data_version != before.data_version
    read = old.read(INSTRUMENTS_OF_BINANCE.series)
    assert read.column("delisted_at").cast(pa.int64()).to_pylist() == [None, 86_400_000]
    assert old.verify() == []


def test_sql_and_polars_see_old_and_new_files_as_one_table(old: Lake):
    other = replace(INSTRUMENTS_OF_BINANCE, series=replace(INSTRUMENTS_OF_BINANCE.series, venue="gate"))
    put(old, Write(other, listed(delisted_at=86_400_000)))
    rows = asked(old, "SELECT venue, symbol, epoch_ms(delisted_at) FROM instruments ORDER BY ALL")
    assert rows == [
        ("binance", "BTC/USDT", None),
        ("binance", "ETH/USDT", None),
        ("gate", "BTC/USDT", None),
        ("gate", "ETH/USDT", 86_400_000),
    ]
    frame = views.frame(old, "instruments").sort("venue", "symbol").collect()
    assert frame["delisted_at"].is_null().to_list() == [True, True, True, False]
