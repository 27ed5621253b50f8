"""Costs: four fills of two legs, scenarios, and fees that cannot be meant."""

from datetime import date

import pytest

from qmd_platform.arbitrage.costs import FEES, SCENARIOS, Costs, Fee
from qmd_platform.errors import ConfigError

FIVE_BPS = Fee(0.0005, 0.0, "2026-01-01", "a test")
PERPS = (("a", "perpetual"), ("b", "perpetual"))
EQUAL = Costs(fees=dict.fromkeys(PERPS, FIVE_BPS))


def test_four_fills_of_five_basis_points_are_twenty():
    assert EQUAL.fees_of_round_trip(PERPS) == pytest.approx(0.0020)


def test_slippage_is_paid_at_each_of_the_four_fills():
    assert Costs(slippage=0.0003).slippage_of_round_trip(PERPS) == pytest.approx(0.0012)


@pytest.mark.parametrize(("scenario", "total"), [("free", 0.0), ("base", 0.0020), ("double", 0.0040)])
def test_a_scenario_scales_every_cost(scenario: str, total: float):
    scaled = EQUAL.scaled(SCENARIOS[scenario])
    assert scaled.fees_of_round_trip(PERPS) == pytest.approx(total)
    assert scaled.slippage == pytest.approx(0.0001 * SCENARIOS[scenario])
    assert scaled.borrow_per_year == pytest.approx(0.10 * SCENARIOS[scenario])
    assert scaled.liquidation == pytest.approx(0.005 * SCENARIOS[scenario])


def test_every_default_says_when_and_where_it_was_read():
    for fee in FEES.values():
        assert date.fromisoformat(fee.as_of)
        assert len(fee.source.split()) > 3


def test_a_venue_without_a_fee_is_refused_with_the_ones_there_are():
    with pytest.raises(ConfigError, match="no fee is configured for perpetual at binanc ") as refused:
        Costs().fee("binanc ", "perpetual")
    assert "binance perpetual" in (refused.value.hint or "")


def test_percent_for_a_fraction_is_refused():
    with pytest.raises(ConfigError, match="not a fraction"):
        Fee(0.05, 0.0, "2026-01-01", "somebody's percent")
