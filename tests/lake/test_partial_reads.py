"""A window is read without the rest of its files, and gives what the whole would: same rows, same bits."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmd_platform.lake import codec
from qmd_platform.lake.rows import conformed
from qmd_platform.lake.store import Lake, Write
from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.tables import CANDLES
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, months

MINUTE, DAY = 60_000, 86_400_000
SPAN = Window.of("2025-01-01", "2025-03-08")
ONE, OTHER, ABSENT = (
    Series.candles(Market("binance", symbol), Timeframe.M1) for symbol in ("ONE/USDT", "OTHER/USDT", "ABSENT/USDT")
)


def minutes(seed: int, window: Window = SPAN) -> Candles:
    """A walk of prices, with a whole day, the turn of a month and the ends of some days not there."""
    open_at = np.arange(window.start, window.end, MINUTE, dtype=np.int64)
    day = (open_at - window.start) // DAY
    open_at = open_at[~np.isin(day, (10, 30, 31, 58)) & ((day % 7 != 3) | (open_at % DAY < 22 * 3_600_000))]
    price = 10_000 + np.cumsum(np.random.default_rng(seed).integers(-3, 4, len(open_at)))
    return Candles(open_at, price / 10, (price + 2) / 10, (price - 1) / 10, (price + 1) / 10, price % 7 / 100)


def commit(lake: Lake, series: Series, rows: Candles) -> None:
    for month, window in months(SPAN):
        part = rows.within(window).to_arrow()
        lake.commit([Write(Partition(series, month), part, asked=(window,))], run_id="test", source="live:test")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    with Lake.open(tmp_path_factory.mktemp("partial") / "lake") as made:
        for seed, series in enumerate((ONE, OTHER)):
            rows = minutes(seed)
            commit(made, series, rows.take(rows.open_at % (5 * DAY) < 4 * DAY))
            commit(made, series, rows)
        yield made


@settings(max_examples=40)
@given(start=st.integers(-3 * 1440, 70 * 1440), length=st.sampled_from([1, 60, 1440, 1441, 12 * 1440, 80 * 1440]))
def test_any_window_has_the_rows_that_the_whole_has_in_it(lake: Lake, start: int, length: int):
    window = Window(SPAN.start + start * MINUTE, SPAN.start + (start + length) * MINUTE)
    held = lake.held_of([ONE, OTHER, ABSENT], window)
    for seed, series in enumerate((ONE, OTHER)):
        assert lake.candles(series, window).equals(minutes(seed).within(window))
        assert held[series].candles.equals(minutes(seed).within(window))
        assert held[series].runs == tuple(lake.coverage(series, window))
    assert len(held[ABSENT].candles) == 0


def test_many_series_are_of_one_snapshot(tmp_path: Path):
    with Lake.open(tmp_path / "lake") as lake:
        commit(lake, ONE, minutes(1))
        before = lake.ledger.last_commit()
        commit(lake, OTHER, minutes(2))
        commit(lake, ONE, minutes(3))
        held = lake.held_of([ONE, OTHER], as_of=before)
        assert {one.commit for one in held.values()} == {before}
        assert held[ONE].candles.equals(minutes(1))
        assert len(held[OTHER].candles) == 0
        assert lake.held_of([]) == {}


def test_of_a_days_window_only_the_part_of_the_file_around_it_is_decoded():
    rows = minutes(0, Window.of("2025-01-01", "2025-02-01"))
    data = codec.encode(CANDLES, conformed(CANDLES, rows.to_arrow()), {})
    out = Candles(np.full(len(rows), -1), *np.full((len(COLUMNS) - 1, len(rows)), np.nan))
    window = Window(SPAN.start + 15 * DAY, SPAN.start + 16 * DAY)
    lo, hi = codec.decode_candles(data, out, window)
    assert hi - lo <= codec.ROW_GROUP < len(rows)
    assert out.take(slice(lo, hi)).within(window).equals(rows.within(window))
    assert np.isnan(np.r_[out.close[:lo], out.close[hi:]]).all()
