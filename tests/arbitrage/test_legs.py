"""A leg as it was known: quotes and settlements are looked up backwards in time, never forwards."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.arbitrage.carry import DELAY_MS
from qmd_platform.arbitrage.legs import INTEREST_AGE_MS, Interest, Quotes, decision_times, seen
from qmd_platform.funding.intervals import intervals
from qmd_platform.model.settlements import Settlements
from tests.arbitrage.worlds import HOUR, START, flat_candles, leg, spot

EIGHT = 8 * HOUR


def test_there_is_something_to_decide_whenever_a_settlement_of_either_leg_became_known():
    both = [leg("binance:X/USDT:USDT", [1e-4] * 2, hours=8), leg("gate:X/USDT:USDT", [1e-4] * 3, hours=4)]
    assert decision_times(both).tolist() == [START + hour * HOUR + DELAY_MS for hour in (4, 8, 12, 16)]


def test_a_close_is_known_when_its_candle_has_ended():
    quotes = Quotes.of_candles(flat_candles([100.0, 110.0]), HOUR, half_spread=0.001)
    assert quotes.at.tolist() == [START + HOUR, START + 2 * HOUR]
    assert quotes.bid == pytest.approx([99.9, 109.89])
    assert quotes.ask == pytest.approx([100.1, 110.11])


def test_prices_in_another_currency_are_converted_by_what_was_known():
    ours = Quotes.of_candles(flat_candles([100.0, 100.0, 100.0]), HOUR)
    rate = Quotes.of_candles(flat_candles([0.99, 1.01], start=START + HOUR), HOUR)
    assert np.array_equal(ours.in_currency(rate).bid, [np.nan, 99.0, 101.0], equal_nan=True)


def test_a_settlement_is_not_known_before_it_is_published():
    at = np.array([START + EIGHT, START + EIGHT + DELAY_MS])
    found = seen(leg("binance:X/USDT:USDT", [0.0008]), at, (8.0,))
    assert np.isnan(found.last_per_hour[0])
    assert found.last_per_hour[1] == pytest.approx(0.0001)
    assert found.next_at.tolist() == [0, START + 2 * EIGHT]


def test_rates_of_different_intervals_are_compared_by_the_hour():
    at = np.array([START + 24 * HOUR + DELAY_MS])
    every8 = seen(leg("binance:X/USDT:USDT", [0.0008] * 3, hours=8), at, (24.0,))
    every1 = seen(leg("gate:X/USDT:USDT", [0.0001] * 24, hours=1), at, (24.0,))
    assert every8.per_hour[24.0] == pytest.approx(every1.per_hour[24.0])
    assert every8.last_per_hour == pytest.approx(every1.last_per_hour)


def test_prices_are_per_coin():
    at = np.array([START + HOUR])
    found = seen(leg("binance:1000X/USDT:USDT", [], closes=[50.0, 50.0], units=1000), at, (24.0,))
    assert found.mid == pytest.approx([0.05])


def test_before_the_first_quote_there_is_no_price_and_it_is_endlessly_old():
    found = seen(spot("binance:X/USDT", [100.0]), np.array([START - 1, START + HOUR]), (24.0,))
    assert np.isnan(found.mid[0])
    assert found.quote_age_ms.tolist() == [np.inf, HOUR]


def test_spot_has_no_funding():
    found = seen(spot("binance:X/USDT", [100.0]), np.array([START]), (24.0,))
    assert (found.per_hour[24.0].tolist(), found.last_per_hour.tolist()) == ([0.0], [0.0])
    assert np.isnan(found.interval_hours).all()


def test_a_change_of_interval_shows_as_long_as_it_is_in_the_window():
    at_hours = [8, 16, 20, 24, 28, 32, 36, 40, 44, 48]
    paid = Settlements.of([START + hour * HOUR for hour in at_hours], [1e-4] * 10, stated_hours=[8.0, 8.0, *[4.0] * 8])
    one = leg("binance:X/USDT:USDT", [])
    changed = replace(one, settlements=paid, found=intervals(paid))
    at = np.array([START + hour * HOUR + DELAY_MS for hour in (16, 20, 43, 44)])
    assert seen(changed, at, (24.0,)).has_changed.tolist() == [False, True, True, False]


@given(st.lists(st.floats(-0.01, 0.01), min_size=4, max_size=20), st.data())
def test_what_comes_later_changes_no_earlier_row(rates: list[float], data: st.DataObject):
    cut = data.draw(st.integers(1, len(rates) - 1))
    one, other = leg("binance:X/USDT:USDT", rates), leg("binance:X/USDT:USDT", [*rates[:cut], *[0.005] * 5])
    limit = START + (cut * 8) * HOUR + DELAY_MS
    wild = Quotes(other.quotes.at, *(np.where(other.quotes.at <= limit, side, 7.0) for side in (other.quotes.bid,) * 2))
    at = np.arange(START, limit + 1, HOUR // 2)
    before, after = seen(one, at, (24.0, 72.0)), seen(replace(other, quotes=wild), at, (24.0, 72.0))
    for name in ("mid", "quote_age_ms", "last_per_hour", "cumulative_rate", "interval_hours", "next_at", "has_changed"):
        assert np.array_equal(getattr(before, name), getattr(after, name), equal_nan=True), name
    for length, column in before.per_hour.items():
        assert np.array_equal(column, after.per_hour[length], equal_nan=True)


def test_a_new_pace_is_not_used_before_the_rows_that_prove_it():
    at_hours = np.array([8, 16, 24, 28, 32, 36, 40])
    paid = Settlements.of(START + at_hours * HOUR, [8e-4] * 7)
    one = replace(leg("binance:X/USDT:USDT", []), settlements=paid, found=intervals(paid))
    found = seen(one, START + at_hours * HOUR + DELAY_MS, (24.0,))
    assert found.interval_hours.tolist()[2:] == [8.0, 8.0, 8.0, 4.0, 4.0]
    assert found.last_per_hour[2:] == pytest.approx([1e-4, 1e-4, 1e-4, 2e-4, 2e-4])
    assert found.cumulative_rate == pytest.approx(8e-4 * np.arange(1, 8))


def test_open_interest_is_worth_what_the_coins_last_known_are_at_the_mid():
    one = leg("binance:1000X/USDT:USDT", [1e-4] * 6, units=1000.0)
    known = replace(one, interest=Interest(np.array([START + HOUR, START + 2 * HOUR]), np.array([5000.0, 7000.0])))
    at = START + np.array([0, HOUR, 2 * HOUR - 1, 2 * HOUR, 2 * HOUR + INTEREST_AGE_MS, 2 * HOUR + INTEREST_AGE_MS + 1])
    found = seen(known, at, (24.0,))
    assert np.array_equal(found.open_interest_quote, [np.nan, 500.0, 500.0, 700.0, 700.0, np.nan], equal_nan=True)
    assert np.isnan(seen(one, at, (24.0,)).open_interest_quote).all()
    assert np.isnan(seen(spot("gate:X/USDT", [100.0] * 3), at, (24.0,)).open_interest_quote).all()
