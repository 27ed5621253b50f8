"""When flags are raised that others' facts raise: depth, open interest, delisting, peg, cap; and what nobody knows."""

import numpy as np
import pytest

from qmd_platform.arbitrage.economics import Capital
from qmd_platform.arbitrage.legs import seen
from qmd_platform.arbitrage.risks import (
    Limits,
    at_cap,
    delisting,
    depegged,
    liquidation_distance,
    low_open_interest,
    too_thin,
)
from tests.arbitrage.worlds import DAY, START, leg, spot

LIMITS = Limits()
UNKNOWN = np.array([np.nan])


def test_a_book_is_too_thin_for_a_size_it_holds_less_than_three_times():
    assert too_thin(np.array([29_999.0, 30_000.0]), 10_000.0, LIMITS).tolist() == [True, False]


def test_open_interest_below_the_limit_is_low():
    assert low_open_interest(np.array([999_999.0, 1_000_000.0]), LIMITS).tolist() == [True, False]


def test_a_delisting_is_known_from_its_announcement_and_matters_when_it_is_near():
    at = START + DAY * np.arange(40)
    found = delisting(at, START + 5 * DAY, START + 30 * DAY, LIMITS)
    assert np.flatnonzero(found).tolist() == list(range(16, 40))
    late = delisting(at, START + 29 * DAY, START + 30 * DAY, LIMITS)
    assert np.flatnonzero(late)[0] == 29
    assert not delisting(at, None, START + 30 * DAY, LIMITS).any()


@pytest.mark.parametrize(("value", "is_away"), [(1.0, False), (0.996, False), (0.99, True), (1.01, True)])
def test_a_peg_is_lost_half_a_percent_away(value: float, is_away: bool):  # noqa: FBT001 - a table of cases
    assert depegged(np.array([value]), LIMITS).tolist() == [is_away]


def test_a_rate_at_or_beyond_its_cap_or_floor_is_at_the_cap():
    assert at_cap(np.array([0.0075, 0.0074, -0.0075, 0.009]), 0.0075, -0.0075).tolist() == [True, False, True, True]


def test_what_nobody_knows_raises_nothing():
    assert not too_thin(UNKNOWN, 1.0, LIMITS).any()
    assert not low_open_interest(UNKNOWN, LIMITS).any()
    assert not depegged(UNKNOWN, LIMITS).any()
    assert not at_cap(UNKNOWN, 0.0075, -0.0075).any()
    assert not at_cap(np.array([0.01]), np.nan, np.nan).any()


def test_only_margined_legs_can_be_liquidated():
    at = np.array([START])
    perp, cash = seen(leg("binance:X/USDT:USDT", []), at, (24.0,)), seen(spot("binance:X/USDT", []), at, (24.0,))
    capital = Capital(short_leverage=2, long_leverage=10)
    assert liquidation_distance(perp, perp, LIMITS, capital) == pytest.approx(0.1 - 0.01)
    assert liquidation_distance(perp, cash, LIMITS, capital) == pytest.approx(0.5 - 0.01)
    assert liquidation_distance(cash, cash, LIMITS, capital) == np.inf
