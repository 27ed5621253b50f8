"""Candles as columns: slicing, Arrow without copying, and rolling up exactly as a venue would print it."""

import subprocess
import sys
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.model.candles import COLUMNS, Candles, rolled_up
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window

prices = st.decimals("0.01", "99999", places=2)
volumes = st.decimals(0, 10_000, places=5)


def candles(minutes: list[int], values: list[tuple[Decimal, ...]]) -> Candles:
    """Candles at these minutes; ``values`` are open, high, low, close, volume."""
    columns = [np.array([float(row[i]) for row in values], np.float64) for i in range(5)]
    return Candles(np.array(minutes, np.int64) * MINUTE, *columns)


@st.composite
def minutes_and_values(draw: st.DrawFn) -> tuple[list[int], list[tuple[Decimal, ...]]]:
    minutes = sorted(draw(st.sets(st.integers(0, 90), max_size=40)))
    rows = st.tuples(prices, prices, prices, prices, volumes)
    return minutes, draw(st.lists(rows, min_size=len(minutes), max_size=len(minutes)))


some_candles = minutes_and_values().map(lambda both: candles(*both))


@given(minutes_and_values(), st.sampled_from([Timeframe.M3, Timeframe.M5, Timeframe.M15, Timeframe.H1]))
def test_a_longer_candle_is_the_first_highest_lowest_last_and_exact_sum_of_its_minutes(
    drawn: tuple[list[int], list[tuple[Decimal, ...]]], timeframe: Timeframe
):
    minutes, values = drawn
    longer, made_of = rolled_up(candles(minutes, values), timeframe.step, MINUTE)
    size = timeframe.step // MINUTE
    buckets = sorted({minute // size for minute in minutes})
    expected = []
    for bucket in buckets:
        rows = [row for minute, row in zip(minutes, values, strict=True) if minute // size == bucket]
        opens, highs, lows, closes, volume = zip(*rows, strict=True)
        expected.append((opens[0], max(highs), min(lows), closes[-1], sum(volume)))
    assert longer.equals(candles([bucket * size for bucket in buckets], expected))
    assert made_of.tolist() == [sum(minute // size == bucket for minute in minutes) for bucket in buckets]


@given(minutes_and_values())
def test_rolling_up_in_two_steps_is_rolling_up_in_one(drawn: tuple[list[int], list[tuple[Decimal, ...]]]):
    minutes = candles(*drawn)
    fives, _ = rolled_up(minutes, 5 * MINUTE, MINUTE)
    in_two, _ = rolled_up(fives, 15 * MINUTE, 5 * MINUTE)
    in_one, _ = rolled_up(minutes, 15 * MINUTE, MINUTE)
    assert in_two.equals(in_one)


def test_ten_times_a_tenth_is_one():
    minutes = candles(list(range(10)), [(Decimal(1),) * 4 + (Decimal("0.1"),)] * 10)
    longer, _ = rolled_up(minutes, 15 * MINUTE, MINUTE)
    assert longer.volume.tolist() == [1.0]


def test_volumes_that_are_no_decimals_are_summed_as_floats():
    thirds = np.array([1 / 3, 1 / 7, 1e-17])
    flat = np.ones(3)
    minutes = Candles(np.arange(3, dtype=np.int64) * MINUTE, flat, flat, flat, flat, thirds)
    longer, _ = rolled_up(minutes, 5 * MINUTE, MINUTE)
    assert longer.volume[0] == pytest.approx(thirds.sum(), rel=1e-15)


def test_rolling_up_nothing_gives_nothing():
    longer, made_of = rolled_up(Candles.empty(), 5 * MINUTE, MINUTE)
    assert len(longer) == len(made_of) == 0


def test_a_months_total_beyond_the_exact_integers_leaves_its_hours_exact():
    each = Decimal("99999999999.1")
    values = [(Decimal(1),) * 4 + (each,)] * 60 * 24 * 10
    longer, _ = rolled_up(candles(list(range(len(values))), values), 60 * MINUTE, MINUTE)
    assert longer.volume.tolist() == [float(each * 60)] * 240


@given(some_candles, st.integers(0, 90), st.integers(1, 90))
def test_the_rows_within_a_window_are_those_that_open_in_it(rows: Candles, start: int, length: int):
    window = Window(start * MINUTE, (start + length) * MINUTE)
    assert rows.within(window).open_at.tolist() == [at for at in rows.open_at.tolist() if window.contains(at)]


@given(some_candles, st.integers(0, 40))
def test_candles_cut_in_two_and_joined_are_the_same(rows: Candles, at: int):
    assert Candles.concat([rows.take(slice(at)), rows.take(slice(at, None))]).equals(rows)


@given(some_candles)
def test_candles_survive_arrow(rows: Candles):
    table = rows.to_arrow()
    assert table.column_names == list(COLUMNS)
    assert table.schema.field("open_at").type == pa.timestamp("ms", "UTC")
    assert Candles.from_arrow(table).equals(rows)


@given(some_candles, st.integers(1, 7), st.integers(0, 5))
def test_candles_survive_arrow_cut_into_pieces_and_sliced(rows: Candles, size: int, offset: int):
    whole = rows.to_arrow()
    pieces = [whole.slice(at, size) for at in range(0, len(rows), size)]
    table = pa.concat_tables(pieces) if pieces else whole
    assert Candles.from_arrow(table.slice(offset)).equals(rows.take(slice(offset, None)))


def test_arrow_shows_the_same_memory():
    rows = candles([1, 2], [(Decimal(1),) * 5, (Decimal(2),) * 5])
    data = rows.to_arrow().column("volume").chunk(0).buffers()[1]
    assert data.address == rows.volume.ctypes.data


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_of_another_type_is_refused_and_not_read_as_other_numbers(column: str):
    rows = candles([1], [(Decimal(1),) * 5])
    other = getattr(rows, column).astype(np.float64 if column == "open_at" else np.int64)
    with pytest.raises(TypeError, match=f"candles' {column} must be"):
        replace(rows, **{column: other}).to_arrow()


def test_a_strided_column_comes_through_arrow_whole():
    grid = np.arange(12, dtype=np.float64).reshape(4, 3)
    rows = Candles(np.arange(4, dtype=np.int64) * MINUTE, *(grid[:, 0],) * 5)
    assert rows.to_arrow().column("close").to_pylist() == [0.0, 3.0, 6.0, 9.0]


@pytest.mark.parametrize("column", COLUMNS[1:])
def test_candles_that_differ_in_one_bit_are_not_equal(column: str):
    one = candles([1], [(Decimal(0),) * 5])
    other = candles([1], [(Decimal(0),) * 5])
    assert one.equals(other)
    getattr(other, column)[0] = -0.0
    assert not one.equals(other)


def test_going_through_arrow_does_not_import_pandas():
    program = (
        "import sys, numpy as np; from qmd_platform.model.candles import Candles; n = np.arange(3.0);"
        "c = Candles(n.astype(np.int64), n, n, n, n, n); assert Candles.from_arrow(c.to_arrow()).equals(c);"
        "sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
