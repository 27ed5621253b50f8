"""Break-even, net return a year and return on capital: the golden vectors, and what must hold for any numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.arbitrage.economics import (
    Capital,
    break_even_hours,
    net_per_year,
    return_on_capital,
)
from qmd_platform.errors import ConfigError
from qmd_platform.funding.annual import HOURS_PER_YEAR

COST = 4 * 0.0005
costs = st.floats(1e-5, 0.05)
incomes = st.floats(1e-8, 1e-3)


@pytest.mark.parametrize(("spread_per_year", "days"), [(0.10, 7.3), (0.05, 14.6)])
def test_four_fills_of_five_basis_points_break_even_after(spread_per_year: float, days: float):
    assert break_even_hours(COST, spread_per_year / HOURS_PER_YEAR) / 24 == pytest.approx(days)


@given(costs, incomes)
def test_the_net_return_is_zero_exactly_at_break_even(cost: float, per_hour: float):
    hours = float(break_even_hours(cost, per_hour))
    assert net_per_year(per_hour, cost, hours) == pytest.approx(0, abs=1e-9 * per_hour * HOURS_PER_YEAR + 1e-12)


@given(costs, incomes, st.floats(1, 10_000))
def test_the_longer_the_hold_the_nearer_the_net_return_is_to_the_spread(cost: float, per_hour: float, hold: float):
    shorter, longer = net_per_year(per_hour, cost, hold), net_per_year(per_hour, cost, 2 * hold)
    assert shorter < longer < per_hour * HOURS_PER_YEAR


def test_what_earns_nothing_never_breaks_even_and_what_is_unknown_stays_unknown():
    found = break_even_hours([0.002, 0.002, np.nan, 0.002, 0.0], [0.0, -1e-5, 1e-5, np.nan, -1e-5])
    assert np.array_equal(found, [np.inf, np.inf, np.nan, np.nan, 0.0], equal_nan=True)


def test_an_income_of_next_to_nothing_never_breaks_even():
    assert break_even_hours(0.002, 5e-324) == np.inf


def test_return_on_capital_divides_by_both_margins_and_the_buffer():
    capital = Capital(short_leverage=2, long_leverage=4, buffer=0.05)
    assert capital.per_notional == pytest.approx(0.8)
    assert return_on_capital(1e-4, 0.002, 100, capital) == pytest.approx((0.01 - 0.002) / 0.8)


def test_a_fully_funded_spot_leg_ties_up_its_notional():
    assert Capital(short_leverage=2, long_leverage=1, buffer=0).per_notional == pytest.approx(1.5)


@pytest.mark.parametrize("hold", [0.0, -1.0, float("nan")])
def test_a_net_return_without_a_hold_is_refused(hold: float):
    with pytest.raises(ConfigError, match="hold"):
        net_per_year(1e-5, 0.002, hold)


def test_leverage_of_zero_is_refused():
    with pytest.raises(ConfigError, match="leverage"):
        Capital(short_leverage=0)
