"""Venue spreads: the golden break-even, antisymmetry, both directions, and no look ahead."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.arbitrage.carry import DELAY_MS
from qmd_platform.arbitrage.flags import Flag, flags_of
from qmd_platform.arbitrage.hedges import Hedge
from qmd_platform.arbitrage.legs import Interest, Leg, seen
from qmd_platform.arbitrage.lifecycle import Thresholds
from qmd_platform.arbitrage.opportunities import Events, transitions
from qmd_platform.arbitrage.spreads import venue_spread, venue_spreads
from qmd_platform.errors import ConfigError
from tests.arbitrage.worlds import DAY, HOUR, START, TERMS, leg, spot

END = np.array([START + DAY + DELAY_MS])
A, B = "binance:X/USDT:USDT", "gate:X/USDT:USDT"
lists = st.lists(st.floats(-0.01, 0.01), min_size=3, max_size=12)


def of(short: Leg, long: Leg, at: np.ndarray = END) -> Hedge:
    return venue_spread(seen(short, at, TERMS.windows), seen(long, at, TERMS.windows), TERMS)


def names(hedge: Hedge, row: int = 0) -> set[str]:
    return {flag.value for flag in flags_of(int(hedge.flags[row]))}


@pytest.mark.parametrize(("per_year", "days"), [(0.10, 7.3), (0.05, 14.6)])
def test_four_fills_of_five_basis_points_break_even_after(per_year: float, days: float):
    found = of(leg(A, [per_year / 1095] * 3), leg(B, [0.0] * 3))
    assert found.cost_bps == pytest.approx([20.0])
    assert found.break_even_hours / 24 == pytest.approx([days])
    assert found.net_per_year[240.0] == pytest.approx([per_year - 0.002 / 10 * 365])


def test_a_hedge_of_a_small_world_is_the_one_worked_out_by_hand():
    short = leg(A, [0.0009, 0.0006, 0.0009], closes=[101.0] * 25, half_spread=0.001)
    long = leg(B, [0.0001] * 24, hours=1, closes=[100.0] * 25, half_spread=0.002)
    found = of(short, long)
    mid = (101.0 + 100.0) / 2
    assert found.price_spread_bps == pytest.approx([1.0 / mid * 1e4])
    assert found.entry_spread_bps == pytest.approx([(100.2 - 100.899) / mid * 1e4])
    assert found.exit_spread_bps == pytest.approx([(101.101 - 99.8) / mid * 1e4])
    assert found.funding_per_hour == pytest.approx([0.0024 / 24 - 0.0001], abs=1e-15)
    assert found.last_funding_per_hour == pytest.approx([0.0009 / 8 - 0.0001])
    assert found.cumulative_difference == pytest.approx([0.0], abs=1e-15)
    assert found.cost_bps == pytest.approx([(0.202 + 0.4) / mid * 1e4 + 20])
    assert (found.short_hours.tolist(), found.long_hours.tolist()) == ([8.0], [1.0])
    assert found.short_next_at.tolist() == [START + 32 * HOUR]
    assert found.long_next_at.tolist() == [START + 25 * HOUR]
    assert names(found) == {"INTERVAL_MISMATCH"}


@given(lists, lists, st.floats(90, 110), st.floats(0, 0.01))
def test_swapping_the_legs_turns_the_differences_and_keeps_the_cost(
    one: list[float], other: list[float], price: float, half: float
):
    rows = min(len(one), len(other))
    first = leg(A, one[:rows], closes=[price] * (rows * 8 + 1), half_spread=half)
    second = leg(B, other[:rows])
    there, back = of(first, second), of(second, first)
    for name in ("price_spread_bps", "funding_per_hour", "last_funding_per_hour", "cumulative_difference"):
        assert np.array_equal(getattr(there, name), -getattr(back, name)), name
    assert np.array_equal(there.entry_spread_bps, back.exit_spread_bps)
    assert there.cost_bps == pytest.approx(back.cost_bps)


@given(lists)
def test_income_between_two_rows_is_the_change_of_the_cumulative_difference(rates: list[float]):
    at = START + DELAY_MS + np.arange(1, len(rates) + 1) * 8 * HOUR
    found = of(leg(A, rates), leg(B, [0.0001] * len(rates)), at)
    assert np.diff(found.cumulative_difference) == pytest.approx(np.asarray(rates[1:]) - 0.0001, abs=1e-12)


def test_each_instant_has_one_row_a_pair_in_the_direction_that_earns():
    legs = [leg(B, [0.0002] * 6), leg(A, [0.0001] * 3 + [0.0005] * 3), leg("okx:X/USDT:USDT", [0.0001] * 6)]
    found = [hedge for both in venue_spreads(legs, TERMS) for hedge in both.earning()]
    pairs = [(hedge.short, hedge.long, int(at)) for hedge in found for at in hedge.at]
    assert len({(frozenset(pair[:2]), pair[2]) for pair in pairs}) == len(pairs) == 3 * 6
    assert not [hedge.pair for hedge in found if (hedge.funding_per_hour < 0).any()]
    assert {hedge.pair for hedge in found} >= {f"{A}|{B}", f"{B}|{A}"}


def test_a_position_is_closed_when_the_funding_turns_because_its_direction_goes_on():
    rules = Thresholds(expected_hold_hours=240.0)
    legs = [leg(A, [0.0005] * 8 + [-0.0005] * 8), leg(B, [0.0] * 16)]
    (both,) = venue_spreads(legs, TERMS)
    lives = [transitions(hedge.pair, Events.of(hedge, rules), rules)[0] for hedge in (both.there, both.back)]
    assert [one.after.value for one in lives[0]] == ["WATCH", "OPEN", "HOLD", "CLOSE", "NONE"]
    assert [one.after.value for one in lives[1]][:2] == ["WATCH", "OPEN"]
    assert lives[1][1].at > lives[0][3].at


def test_a_pair_has_rows_when_one_of_its_own_legs_settled_and_not_when_a_third_did():
    legs = [leg(A, [0.0001] * 3), leg(B, [0.0002] * 3), leg("okx:X/USDT:USDT", [0.0001] * 24, hours=1)]
    assert sorted(len(both.there) for both in venue_spreads(legs, TERMS)) == [3, 24, 24]
    assert [len(both.back) for both in venue_spreads(legs, TERMS, START + HOUR * np.arange(9))] == [9] * 3


def test_a_thousand_coins_are_hedged_by_a_thousand_coins():
    found = of(
        leg("binance:1000X/USDT:USDT", [0.0001] * 3, closes=[20.0] * 25, units=1000),
        leg(B, [0.0] * 3, closes=[0.02] * 25),
    )
    assert found.price_spread_bps == pytest.approx([0.0], abs=1e-9)
    assert names(found) == {"MULTIPLIER"}


def test_prices_that_are_apart_are_not_taken_for_the_same_coin():
    found = of(leg(A, [0.0001] * 3, closes=[20_000.0] * 25), leg(B, [0.0] * 3, closes=[20.0] * 25))
    assert "IDENTITY_UNPROVEN" in names(found)


def test_legs_priced_in_different_currencies_are_marked():
    assert "QUOTE_MISMATCH" in names(of(leg("binance:X/USDC:USDC", [0.0001] * 3), leg(B, [0.0] * 3)))


def test_an_old_price_is_marked_and_one_that_never_came_has_no_cost():
    stale = of(leg(A, [0.0001] * 3, closes=[100.0] * 3), leg(B, [0.0] * 3))
    assert "STALE_QUOTE" in names(stale)
    none = of(leg(A, [0.0001] * 3, closes=[]), leg(B, [0.0] * 3))
    assert "STALE_QUOTE" in names(none)
    assert np.isnan(none.net_per_year[24.0]).all()


def test_high_leverage_is_marked_as_near_liquidation():
    risky = replace(TERMS, capital=replace(TERMS.capital, short_leverage=10))
    looked = [seen(leg(one, [0.0001] * 3), END, TERMS.windows) for one in (A, B)]
    (row,) = venue_spread(*looked, risky).flags
    assert Flag.LIQ_DISTANCE in flags_of(int(row))


def test_open_interest_below_a_million_of_either_leg_is_marked_and_unknown_is_not():
    def looked(coins: float) -> Hedge:
        one = replace(leg(A, [0.0001] * 3), interest=Interest(np.array([START + HOUR]), np.array([coins])))
        return of(one, leg(B, [0.0] * 3))

    assert names(looked(9_999.0)) == {"LOW_OI"}
    assert names(looked(10_000.0)) == names(of(leg(A, [0.0001] * 3), leg(B, [0.0] * 3))) == set()


def test_what_others_know_is_raised_too():
    looked = [seen(leg(one, [0.0001] * 3), END, TERMS.windows) for one in (A, B)]
    assert names(venue_spread(*looked, TERMS, {Flag.LOW_OI: np.array([True])})) == {"LOW_OI"}


def test_a_difference_that_changes_its_sign_is_marked():
    terms = replace(TERMS, windows=(72.0, 24.0))
    at = np.array([START + 3 * DAY + DELAY_MS])
    looked = [seen(leg(A, [0.0005] * 6 + [-0.0001] * 3), at, terms.windows), seen(leg(B, [0.0] * 9), at, terms.windows)]
    assert names(venue_spread(*looked, terms)) == {"LOW_PERSISTENCE"}


def test_a_spot_leg_is_refused():
    with pytest.raises(ConfigError, match="no perpetual"):
        of(leg(A, [0.0] * 3), spot("gate:X/USDT", [100.0]))


def test_legs_looked_at_at_different_instants_are_refused():
    with pytest.raises(ConfigError, match="different instants"):
        venue_spread(seen(leg(A, [0.0]), END, (24.0,)), seen(leg(B, [0.0]), END + 1, (24.0,)), TERMS)


@given(lists, st.data())
def test_what_comes_later_changes_no_earlier_row(rates: list[float], data: st.DataObject):
    cut = data.draw(st.integers(1, len(rates) - 1))
    at = START + DELAY_MS + np.arange(1, cut + 1) * 8 * HOUR
    before = of(leg(A, rates), leg(B, [0.0001] * len(rates)), at)
    after = of(leg(A, [*rates[:cut], *[0.009] * 9]), leg(B, [*[0.0001] * cut, *[-0.009] * 9]), at)
    for name in ("funding_per_hour", "cumulative_difference", "cost_bps", "break_even_hours", "flags"):
        assert np.array_equal(getattr(before, name), getattr(after, name), equal_nan=True), name
