"""The page of a month that archive and API are compared by, and what differs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.model.candles import Candles
from qmd_platform.model.series import Market, Series
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Window, month_window
from qmd_platform.venues.archive_check import Disagreement, compared, is_contradicted, sample_page

STEP = 60_000
BTC = Series.candles(Market("binance", "BTC/USDT"), Timeframe.M1)
ETH = Series.candles(Market("binance", "ETH/USDT"), Timeframe.M1)


def candles(*minutes: int, volume: float = 7.0) -> Candles:
    at = np.array(minutes, np.int64) * STEP
    price = np.arange(len(at), dtype=np.float64) * 0 + 3.0
    return Candles(at, price, price + 2, price - 2, price + 1, np.full(len(at), volume))


def changed(told: Candles, row: int, **values: float) -> Candles:
    columns = {name: getattr(told, name).copy() for name in ("open_at", "open", "high", "low", "close", "volume")}
    for name, value in values.items():
        columns[name][row] = value
    return Candles(**columns)


@given(
    st.integers(0, 50_000),
    st.integers(1, 50_000),
    st.integers(1, 1500),
)
def test_the_sample_is_a_page_inside_the_window_and_always_the_same(start: int, count: int, limit: int):
    window = Window(start * STEP, (start + count) * STEP)
    page = sample_page(BTC, window, STEP, limit)
    assert page == sample_page(BTC, window, STEP, limit)
    assert page.intersection(window) == page
    assert page.start % STEP == 0
    assert page.steps(STEP) == min(count, limit)


def test_samples_of_other_months_and_markets_lie_elsewhere():
    months = [month_window(f"2026-{month:02d}") for month in range(1, 13)]
    places = {
        sample_page(series, window, STEP, 1000).start - window.start for series in (BTC, ETH) for window in months
    }
    assert len(places) == 24


def test_equal_candles_do_not_differ():
    assert compared(candles(1, 2, 3), candles(1, 2, 3)) == []
    assert compared(Candles.empty(), Candles.empty()) == []


def test_each_candle_that_differs_is_told_once_with_the_first_column_that_does():
    archive = candles(1, 2, 3)
    api = changed(changed(archive, 0, close=9.0, volume=8.0), 2, volume=7.5)
    assert compared(archive, api) == [
        Disagreement(STEP, "close", 4.0, 9.0),
        Disagreement(3 * STEP, "volume", 7.0, 7.5),
    ]
    assert [str(one) for one in compared(archive, api)] == ["close: 4.0, the API 9.0", "volume: 7.0, the API 7.5"]


def test_the_smallest_difference_counts():
    archive = candles(1)
    assert len(compared(archive, changed(archive, 0, open=np.nextafter(3.0, 4.0)))) == 1


def test_a_candle_that_one_side_lacks_is_told_with_the_side():
    found = compared(candles(1, 2, 4), candles(2, 3, 4))
    assert [(one.open_at // STEP, str(one)) for one in found] == [(1, "the API lacks it"), (3, "the archive lacks it")]


@pytest.mark.parametrize(("wrong", "is_too_much"), [(0, False), (10, False), (11, True), (1000, True)])
def test_a_file_is_not_believed_when_more_than_a_hundredth_of_the_sample_is_otherwise(wrong: int, is_too_much: bool):  # noqa: FBT001 - a column of the table
    archive = candles(*range(1000))
    api = archive
    for row in range(wrong):
        api = changed(api, row, close=99.0)
    assert is_contradicted(compared(archive, api), 1000) is is_too_much


def test_what_the_archive_lacks_does_not_count_against_it():
    assert not is_contradicted(compared(candles(1), candles(*range(1000))), 1000)
    assert is_contradicted(compared(candles(*range(1000)), candles(1)), 1000)
