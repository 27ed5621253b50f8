"""Cash and carry: spot is paid in full, pays its own fee, has no funding and is borrowed to be sold."""

from dataclasses import replace

import numpy as np
import pytest

from qmd_platform.arbitrage.carry import DELAY_MS
from qmd_platform.arbitrage.cash_and_carry import CashAndCarry, cash_and_carry
from qmd_platform.arbitrage.costs import Costs, Fee
from qmd_platform.arbitrage.economics import Capital
from qmd_platform.arbitrage.flags import Flag, flags_of
from qmd_platform.arbitrage.hedges import Terms
from qmd_platform.arbitrage.legs import seen
from qmd_platform.errors import ConfigError
from tests.arbitrage.worlds import DAY, START, TERMS, leg, spot

END = np.array([START + DAY + DELAY_MS])
PERP, SPOT = "binance:X/USDT:USDT", "binance:X/USDT"


def both(rate: float, terms: Terms = TERMS) -> CashAndCarry:
    looked = seen(spot(SPOT, [100.0] * 25), END, (24.0,)), seen(leg(PERP, [rate] * 3), END, (24.0,))
    return cash_and_carry(*looked, terms)


def test_positive_funding_is_earned_by_long_spot_and_costs_the_reverse():
    found = both(0.0008)
    assert found.carry.net_per_hour == pytest.approx([0.0001])
    assert found.reverse.net_per_hour == pytest.approx([-0.0001 - 0.0876 / 8760])
    assert (found.carry.short, found.carry.long) == (PERP, SPOT)
    assert (found.reverse.short, found.reverse.long) == (SPOT, PERP)


def test_negative_funding_is_earned_by_the_reverse_less_the_borrowing():
    found = both(-0.0008)
    assert found.reverse.funding_per_hour == pytest.approx([0.0001])
    assert found.reverse.borrow_per_hour == pytest.approx([0.00001])
    assert found.reverse.net_per_hour == pytest.approx([0.00009])
    assert found.carry.borrow_per_hour.tolist() == [0.0]


def test_long_spot_ties_up_its_notional():
    found = both(0.0008)
    gained = 0.0001 * 24 - 0.002
    assert found.carry.return_on_capital[24.0] == pytest.approx([gained / (1 + 1 / 3 + 0.1)])


def test_the_perpetual_is_bought_with_the_leverage_of_long_legs_and_sold_with_that_of_short_ones():
    short_limit = replace(TERMS.limits, liquidation_distance=0.5)
    found = both(-0.0008, replace(TERMS, limits=short_limit, capital=Capital(short_leverage=3, long_leverage=1)))
    gained = 0.00009 * 24 - 0.002
    assert found.reverse.return_on_capital[24.0] == pytest.approx([gained / (1 + 1 + 0.1)])
    assert found.carry.return_on_capital[24.0] == pytest.approx([(-0.0001 * 24 - 0.002) / (1 / 3 + 1 + 0.1)])
    assert Flag.LIQ_DISTANCE in flags_of(int(found.carry.flags[0])), "a third of the price liquidates the short"
    assert Flag.LIQ_DISTANCE not in flags_of(int(found.reverse.flags[0])), "what is paid in full falls by far"


def test_each_leg_pays_its_own_fee():
    fees = {
        ("binance", "spot"): Fee(0.001, 0, "2026-01-01", "t"),
        ("binance", "perpetual"): Fee(0.0005, 0, "2026-01-01", "t"),
    }
    found = both(0.0008, Terms(costs=Costs(fees=fees, slippage=0.0), windows=(24.0,)))
    assert found.carry.fees_bps == pytest.approx([30.0])


def test_spot_has_no_interval_that_could_differ():
    assert flags_of(int(both(0.0008).carry.flags[0])) == ()


def test_two_perpetuals_are_refused():
    one = seen(leg(PERP, [0.0] * 3), END, (24.0,))
    with pytest.raises(ConfigError, match="is no spot"):
        cash_and_carry(one, one, TERMS)
