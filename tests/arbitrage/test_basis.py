"""Basis: against index and spot, in basis points; a year's only where there is a day of expiry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.arbitrage.basis import Prices, basis, basis_bps, dated_per_year
from qmd_platform.model.candles import Candles
from tests.arbitrage.worlds import DAY, HOUR, START, flat_candles

NONE = Candles.empty()


def same(found: np.ndarray, wanted: list[float]) -> bool:
    return bool(np.allclose(found, wanted, equal_nan=True))


def test_the_table_of_a_small_world_is_the_one_worked_out_by_hand():
    traded, mark = flat_candles([100.1, 99.9, 100.0]), flat_candles([100.05, 100.0, 100.02])
    index, spot = flat_candles([100.0, 100.0]), flat_candles([99.9, 100.0, 100.2])
    found = basis(Prices(traded, mark, index, spot), HOUR)
    assert found.available_at.tolist() == [START + HOUR, START + 2 * HOUR, START + 3 * HOUR]
    assert same(found.mark_index_bps, [5.0, 0.0, np.nan])
    assert same(found.price_index_bps, [10.0, -10.0, np.nan])
    assert same(found.price_spot_bps, [(100.1 / 99.9 - 1) * 1e4, -10.0, (100 / 100.2 - 1) * 1e4])


def test_a_perpetuals_basis_is_never_annualised():
    found = basis(Prices(flat_candles([101.0]), NONE, flat_candles([100.0]), NONE), HOUR)
    assert np.isnan(found.basis_per_year).all()


def test_a_dated_futures_basis_is_annualised_by_the_days_left():
    at = np.array([START])
    assert dated_per_year([102.0], [100.0], at, START + 73 * DAY) == pytest.approx([0.02 * 365 / 73])


def test_nothing_is_annualised_on_the_last_day():
    assert np.isnan(dated_per_year([102.0], [100.0], np.array([START]), START + DAY - 1)).all()


def test_a_contract_of_a_thousand_coins_is_compared_with_a_thousand_coins():
    found = basis(Prices(flat_candles([0.01001]), NONE, NONE, flat_candles([0.00001]), units=1000), HOUR)
    assert same(found.price_spot_bps, [10.0])


def test_prices_of_different_minutes_are_not_compared():
    index = flat_candles([100.0], start=START + HOUR)
    assert np.isnan(basis(Prices(flat_candles([101.0]), NONE, index, NONE), HOUR).price_index_bps).all()


def test_a_price_that_is_no_price_has_no_basis():
    assert np.isnan(basis_bps([0.0, -1.0, 1.0, np.nan], [1.0, 1.0, 0.0, 1.0])).all()


@given(st.lists(st.floats(1, 1e6), min_size=2, max_size=30), st.data())
def test_what_comes_later_changes_no_earlier_row(closes: list[float], data: st.DataObject):
    cut = data.draw(st.integers(1, len(closes) - 1))
    other = [*closes[:cut], *[close * 2 for close in closes[cut:]]]
    rows = [
        basis(Prices(flat_candles(one), flat_candles(one), flat_candles(closes[:cut] * 2), NONE), HOUR)
        for one in (closes, other)
    ]
    for name in ("price", "mark_index_bps", "price_index_bps"):
        before, after = (getattr(one, name)[:cut] for one in rows)
        assert np.array_equal(before, after, equal_nan=True)
