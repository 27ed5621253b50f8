"""Tables as data: one word per notion, a unit and a sentence for everything."""

import duckdb
import pytest

from qmd_platform.errors import ConfigError
from qmd_platform.model import tables
from qmd_platform.model.candles import COLUMNS
from qmd_platform.model.timeframe import Timeframe

ALL = [tables.CANDLES, *tables.TABLES.values()]


def test_the_candles_table_has_the_columns_candles_have():
    assert tuple(column.name for column in tables.CANDLES.columns) == COLUMNS


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_every_column_is_explained_once(table: tables.Table):
    names = [column.name for column in table.columns]
    assert len(set(names)) == len(names)
    assert all(len(column.sentence) > 10 for column in table.columns)
    assert all(column.unit for column in table.columns if column.dtype in {"instant", "float64"})


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_a_key_names_columns_that_are_always_there(table: tables.Table):
    assert table.key
    keys = [table.column(name) for name in table.key]
    assert not [one for one in keys if one.nullable and not one.later]
    assert not keys[0].nullable


def test_an_instant_is_called_at_and_nothing_else_is_but_the_ends_of_a_validity():
    for table in ALL:
        for column in table.columns:
            is_time = column.name.endswith("_at") or column.name in {"valid_from", "valid_to"}
            assert (column.dtype == "instant") == is_time, column.name


@pytest.mark.parametrize("timeframe", list(Timeframe))
def test_candles_of_every_timeframe_are_one_kind_of_table(timeframe: Timeframe):
    assert tables.table(f"candles_{timeframe.value}") is tables.CANDLES


def test_instruments_are_a_table():
    assert tables.table("instruments") is tables.INSTRUMENTS


@pytest.mark.parametrize("name", ["candle_1m", "candles", "candles_7m", ""])
def test_an_unknown_table_is_refused_with_the_known_ones(name: str):
    with pytest.raises(ConfigError, match="unknown table") as refusal:
        tables.table(name)
    assert refusal.value.hint
    assert "candles_" in refusal.value.hint


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_no_column_is_a_word_of_sql(table: tables.Table):
    with duckdb.connect() as sql:
        for column in table.columns:
            named = column.name  # of our own tables, which nobody else writes
            told = sql.execute(f'SELECT {named} AS {named} FROM (SELECT 1 AS "{named}")').fetchone()  # noqa: S608 - as above
            assert told == (1,)
