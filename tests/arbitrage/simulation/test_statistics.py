"""Equity, Sharpe ratio and drawdown: the mistakes that are tempting, and values worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.arbitrage.economics import Capital
from qmd_platform.arbitrage.simulation.accounts import Equity, combined, equity
from qmd_platform.arbitrage.simulation.statistics import (
    Drawdown,
    autocorrelations,
    drawdown,
    returns,
    sharpe,
)
from qmd_platform.arbitrage.simulation.trades import Conditions, flows, trade
from qmd_platform.arbitrage.simulation.world import world
from tests.arbitrage.worlds import COSTS, DAY, HOUR, START, traded


def account(values: list[float], capital: float = 100.0, step: int = HOUR) -> Equity:
    return Equity(START + step * np.arange(1, len(values) + 1), np.asarray(values, np.float64), capital, step)


def test_mistake_8_holding_in_a_flat_market_earns_nothing_but_its_costs():
    place = world(traded("binance:X/USDT:USDT", [100.0] * 30), traded("gate:X/USDT:USDT", [100.0] * 30), HOUR)
    made = trade(place, 2, 28, Conditions(COSTS.scaled(0), Capital(), notional=1_000.0))
    assert made is not None
    free = equity(place, [made], list(flows(place, made, Conditions(COSTS.scaled(0), Capital()))), 500.0)
    assert free.value.tolist() == [500.0] * 30
    assert free.profit == 0.0
    assert np.isnan(sharpe(returns(free), HOUR).plain)
    paid = equity(place, [made], list(flows(place, made, Conditions(COSTS, Capital()))), 500.0)
    assert paid.profit == pytest.approx(-2.0)


def test_mistake_9_the_ratio_is_of_returns_on_capital_around_the_clock():
    found = account([101.0, 100.0, 103.0, 102.0])
    assert returns(found) == pytest.approx([0.01, -0.01, 0.03, -0.01])
    ratio = sharpe(returns(found), HOUR, lags=0)
    assert ratio.plain == pytest.approx(0.005 / np.std([0.01, -0.01, 0.03, -0.01], ddof=1) * np.sqrt(8760))
    assert ratio.adjusted == pytest.approx(ratio.plain)
    assert ratio.samples == 4
    assert sharpe(returns(found), DAY, lags=0).plain == pytest.approx(ratio.plain / np.sqrt(24))


def test_mistake_10_a_drawdown_is_told_in_money_and_as_a_fraction_with_its_dates():
    found = drawdown(account([110.0, 121.0, 99.0, 105.0, 121.0, 130.0]))
    at = [START + HOUR * row for row in range(1, 7)]
    assert found == Drawdown(22.0, pytest.approx(22 / 121), at[1], at[2], at[4])


def test_a_fall_from_the_first_sample_on_is_measured_from_the_capital():
    found = drawdown(account([90.0, 80.0, 95.0]))
    assert (found.amount, found.fraction) == (20.0, pytest.approx(0.2))
    assert (found.peak_at, found.trough_at, found.recovered_at) == (START + HOUR, START + 2 * HOUR, None)


def test_equity_that_goes_below_zero_is_more_than_the_whole_peak_and_not_nothing():
    found = drawdown(account([100.0, -50.0]))
    assert (found.amount, found.fraction) == (150.0, 1.5)


def test_equity_that_only_rises_has_no_drawdown():
    assert drawdown(account([100.0, 101.0])) == Drawdown(0.0, 0.0, None, None, None)
    assert drawdown(account([])) == Drawdown(0.0, 0.0, None, None, None)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=40))
def test_the_deepest_drawdown_is_the_largest_fall_from_any_earlier_level(values: list[float]):
    levels = [100.0, *values]
    deepest = max((max(levels[: row + 1]) - level for row, level in enumerate(levels)), default=0.0)
    assert drawdown(account(values)).amount == pytest.approx(max(deepest, 0.0))


def test_returns_that_resemble_the_one_before_lower_the_ratio_by_los_factor():
    # rho_1 is 0.5 in the long run: for many periods the ratio shrinks by sqrt(1 + 2 * 0.5).
    source = np.random.default_rng(7)
    drawn = source.normal(0.001, 0.01, 200_001)
    smooth = (drawn[1:] + drawn[:-1]) / 2
    assert autocorrelations(smooth, 2) == pytest.approx([0.5, 0.0], abs=0.01)
    ratio = sharpe(smooth, HOUR, lags=1)
    assert ratio.plain / ratio.adjusted == pytest.approx(np.sqrt(2), rel=0.01)


def test_independent_returns_keep_their_ratio():
    ratio = sharpe(np.random.default_rng(8).normal(0.001, 0.01, 50_000), HOUR)
    assert ratio.lags == 24
    assert ratio.adjusted == pytest.approx(ratio.plain, rel=0.06)


def test_a_short_sample_takes_few_lags_and_says_so():
    assert sharpe(np.random.default_rng(9).normal(0, 1, 55), HOUR).lags == 5


@pytest.mark.parametrize("values", [[], [0.01], [0.01, 0.01, 0.01], [0.1 + 0.2, 0.3, 0.3]])
def test_what_does_not_vary_has_no_ratio_and_not_an_endless_one(values: list[float]):
    assert np.isnan(sharpe(np.asarray(values), HOUR).plain)


def test_accounts_together_are_worth_their_sum_at_every_instant():
    one, other = account([101.0, 102.0]), account([50.0, 60.0, 70.0], capital=40.0)
    late = Equity(other.at + 2 * HOUR, other.value, 40.0, HOUR)
    assert combined([one, other]).value.tolist() == [151.0, 162.0, 172.0]
    assert combined([one, late]).value.tolist() == [141.0, 142.0, 152.0, 162.0, 172.0]
    assert combined([one, late]).profit == pytest.approx(one.profit + late.profit)


def test_a_part_of_an_account_begins_with_what_there_was():
    part = account([101.0, 103.0, 106.0]).within(START + 2 * HOUR, START + 9 * HOUR)
    assert (part.capital, part.profit) == (101.0, 5.0)
