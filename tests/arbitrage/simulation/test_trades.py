"""Single trades: fills, missing legs, liquidation, funding, and that profit is what was paid."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmd_platform.arbitrage.costs import Costs
from qmd_platform.arbitrage.economics import Capital
from qmd_platform.arbitrage.simulation.accounts import equity, totals
from qmd_platform.arbitrage.simulation.trades import Conditions, Trade, ambiguous_funding, flows, result, trade
from qmd_platform.arbitrage.simulation.world import Traded, World, world
from qmd_platform.errors import ConfigError
from qmd_platform.model.window import Window
from tests.arbitrage.worlds import COSTS, HOUR, START, traded

A, B = "binance:X/USDT:USDT", "gate:X/USDT:USDT"
CONDITIONS = Conditions(COSTS, Capital(), notional=1_000.0)
CALM = [100.0] * 30


def of(short: Traded, long: Traded) -> World:
    return world(short, long, HOUR)


def sums(place: World, made: Trade | None, conditions: Conditions = CONDITIONS) -> dict[str, float]:
    assert made is not None
    return dict(totals(flows(place, made, conditions)))


def test_a_trade_of_a_small_world_is_the_one_worked_out_by_hand():
    place = of(traded(A, [102.0] * 30, [0.001, 0.002]), traded(B, [98.0] * 15 + [99.0] * 15, [0.0005] * 6, hours=4))
    made = trade(place, 4, 20, CONDITIONS)
    assert made is not None
    assert (made.entry_at, made.exit_at, made.why) == (START + 4 * HOUR, START + 20 * HOUR, "asked")
    assert made.quantity == pytest.approx(10.0)
    found = sums(place, made)
    assert found["price"] == pytest.approx(10 * ((102 - 98) - (102 - 99)))
    # Settled after 4:00 and until 20:00: the short's at 8:00 and 16:00, the long's at 8, 12, 16 and 20.
    assert found["funding"] == pytest.approx(10 * 100 * (0.001 + 0.002 - 4 * 0.0005))
    assert found["fee"] == pytest.approx(-0.0005 * 10 * (102 + 98 + 102 + 99))


def test_every_fill_loses_half_the_spread_beside_its_slippage():
    place = of(traded(A, [102.0] * 30), traded(B, [98.0] * 15 + [99.0] * 15))
    conditions = Conditions(replace(COSTS, slippage=0.0003), Capital(), 1_000.0, half_spread=0.0002)
    found = sums(place, trade(place, 4, 20, conditions), conditions)
    assert found["slippage"] == pytest.approx(-0.0005 * 10 * (102 + 98 + 102 + 99))
    assert found["price"] == pytest.approx(10 * ((102 - 98) - (102 - 99))), "fills stay at the candles' prices"


def test_a_settlement_at_the_entry_is_not_ours_and_one_at_the_exit_is():
    place = of(traded(A, CALM, [0.001, 0.01]), traded(B, CALM))
    assert sums(place, trade(place, 8, 16, CONDITIONS))["funding"] == pytest.approx(10.0)
    assert sums(place, trade(place, 9, 15, CONDITIONS))["funding"] == 0.0


def test_what_settles_within_a_minute_of_a_fill_is_told_apart():
    place = of(traded(A, CALM, [0.001, 0.01]), traded(B, CALM))
    assert ambiguous_funding(place, trade(place, 8, 15, CONDITIONS)) == pytest.approx(1.0)
    assert ambiguous_funding(place, trade(place, 8, 16, CONDITIONS)) == pytest.approx(11.0)
    assert ambiguous_funding(place, trade(place, 9, 15, CONDITIONS)) == 0.0


def test_longs_pay_and_shorts_get_where_the_rate_is_positive():
    short, long = traded(A, CALM, [0.001]), traded(B, CALM, [0.001])
    only_short, only_long = of(short, traded(B, CALM)), of(traded(A, CALM), long)
    assert sums(only_short, trade(only_short, 0, 20, CONDITIONS))["funding"] == pytest.approx(1.0)
    assert sums(only_long, trade(only_long, 0, 20, CONDITIONS))["funding"] == pytest.approx(-1.0)


def test_a_leg_without_a_candle_at_entry_is_not_entered():
    place = of(traded(A, CALM, missing=[4]), traded(B, CALM))
    assert trade(place, 4, 20, CONDITIONS) is None
    assert trade(place, 5, 20, CONDITIONS) is not None


def test_an_exit_waits_for_both_legs_and_the_trade_stays():
    place = of(traded(A, CALM, missing=[20, 21]), traded(B, CALM, missing=[22]))
    made = trade(place, 4, 20, CONDITIONS)
    assert made is not None
    assert (made.short_exit.row, made.long_exit.row) == (23, 23)


def test_a_position_at_the_end_of_the_data_is_closed_at_the_last_price_and_says_so():
    place = of(traded(A, [*CALM[:-1], 103.0]), traded(B, CALM))
    made = trade(place, 4, 99, CONDITIONS)
    assert made is not None
    assert (made.why, made.exit_at, made.short_exit.price) == ("ended", place.end, 103.0)
    assert sums(place, made)["price"] == pytest.approx(-30.0)


def test_a_market_that_is_not_listed_is_not_entered():
    listed = Window(START + 10 * HOUR, START + 20 * HOUR)
    place = of(traded(A, CALM, listed=[listed]), traded(B, CALM))
    found = [trade(place, row, 25, CONDITIONS) is not None for row in range(30)]
    assert found == [10 <= row < 20 for row in range(30)]


def test_a_market_that_ends_is_settled_at_its_last_close_and_the_other_leg_closed_at_once():
    place = of(traded(A, [100.0] * 11 + [104.0]), traded(B, [100.0] * 12 + [101.0] * 10))
    made = trade(place, 4, 20, CONDITIONS)
    assert made is not None
    assert (made.why, made.short_exit.why, made.long_exit.why) == ("settled", "settled", "unwound")
    assert (made.short_exit.at, made.short_exit.price) == (START + 12 * HOUR, 104.0)
    assert (made.long_exit.at, made.long_exit.price) == (START + 12 * HOUR, 100.0)


def test_a_market_that_ends_and_is_listed_again_is_settled_at_its_end_and_entered_again():
    lives = [Window(START, START + 12 * HOUR), Window(START + 16 * HOUR, START + 40 * HOUR)]
    again = traded(A, [100.0] * 11 + [104.0] + [180.0] * 18, listed=lives, missing=[13, 14])
    place = of(again, traded(B, CALM))
    made = trade(place, 4, 25, CONDITIONS)
    assert made is not None
    assert (made.why, made.short_exit.why, made.long_exit.why) == ("settled", "settled", "unwound")
    assert (made.short_exit.at, made.short_exit.price) == (START + 12 * HOUR, 104.0), "not what it is worth much later"
    assert trade(place, 13, 25, CONDITIONS) is None
    later = trade(place, 18, 25, CONDITIONS)
    assert later is not None
    assert (later.why, later.exit_at) == ("asked", START + 25 * HOUR)


def test_an_extreme_inside_a_candle_liquidates_though_the_close_is_calm():
    calm, spike = traded(A, CALM), traded(A, CALM)
    spike.candles.high[10] = 133.0  # 100 * (1 + 1/3 - 0.01) is 132.33
    place = of(Traded.of(spike.leg, spike.candles, HOUR), traded(B, CALM))
    made = trade(place, 4, 20, CONDITIONS)
    assert made is not None
    assert (made.why, made.short_exit.row, made.long_exit.row) == ("liquidated", 10, 11)
    assert made.short_exit.price == pytest.approx(100 * (1 + 1 / 3 - 0.01))
    found = sums(place, made)
    assert found["liquidation"] == pytest.approx(-0.005 * 10 * made.short_exit.price)
    assert found["price"] == pytest.approx(-10 * (made.short_exit.price - 100))
    assert trade(of(calm, traded(B, CALM)), 4, 20, CONDITIONS).why == "asked"


def test_a_gap_over_the_liquidation_price_is_filled_at_the_open():
    place = of(traded(A, [100.0] * 10 + [150.0] * 20), traded(B, CALM))
    made = trade(place, 4, 20, CONDITIONS)
    assert made is not None
    # The candle of row 10 opens at 100 and closes at 150: its high is beyond, its open is not.
    assert made.short_exit.price == pytest.approx(100 * (1 + 1 / 3 - 0.01))
    gap = of(traded(A, [100.0] * 10 + [150.0] * 20, missing=[10]), traded(B, CALM))
    again = trade(gap, 4, 20, CONDITIONS)
    assert again is not None
    assert again.short_exit.price == 150.0


def test_a_fall_liquidates_the_long_leg_and_not_spot():
    fallen = [100.0] * 10 + [60.0] * 20
    perp, cash = of(traded(A, CALM), traded(B, fallen)), of(traded(A, CALM), traded("gate:X/USDT", fallen))
    assert trade(perp, 4, 20, CONDITIONS).long_exit.why == "liquidated"
    assert trade(cash, 4, 20, CONDITIONS).why == "asked"


def test_a_borrowed_coin_costs_by_the_hour():
    place = of(traded("gate:X/USDT", CALM), traded(A, CALM))
    assert sums(place, trade(place, 0, 10, CONDITIONS))["borrow"] == pytest.approx(-0.0876 / 8760 * 10 * 1000)


def test_a_thousand_coins_a_unit_change_nothing_in_the_money():
    plain = of(traded(A, [100.0] * 20 + [101.0] * 10, [0.001] * 3), traded(B, CALM))
    scaled = of(
        traded("binance:1000X/USDT:USDT", [100_000.0] * 20 + [101_000.0] * 10, [0.001] * 3, units=1000), traded(B, CALM)
    )
    for row in (12, 25):
        assert sums(scaled, trade(scaled, 4, row, CONDITIONS)) == pytest.approx(
            sums(plain, trade(plain, 4, row, CONDITIONS))
        )


def test_an_unknown_mark_is_taken_from_the_last_close_before_the_settlement():
    one = traded(A, [100.0] * 7 + [110.0] * 23, [0.001])
    one.leg.settlements.mark[:] = np.nan
    place = of(one, traded(B, CALM))
    assert place.short.paid.tolist() == pytest.approx([0.11])


def test_candles_off_the_grid_and_legs_without_candles_are_refused():
    with pytest.raises(ConfigError, match="no candles"):
        of(traded(A, []), traded(B, CALM))
    with pytest.raises(ConfigError, match="do not open every"):
        world(traded(A, CALM), traded(B, CALM), 7 * HOUR)


prices = st.lists(st.floats(60, 160), min_size=12, max_size=40)
dear = Conditions(Costs(fees=COSTS.fees, slippage=0.0003, transfer=0.0002), Capital(), 5_000.0, half_spread=0.0007)


@settings(max_examples=60)
@given(prices, prices, st.lists(st.floats(-0.01, 0.01), max_size=9), st.data())
def test_profit_is_the_sum_of_payments_and_the_change_of_equity(
    one: list[float], other: list[float], rates: list[float], data: st.DataObject
):
    missing = data.draw(st.lists(st.integers(1, 10), max_size=4))
    place = of(traded(A, one, rates, wick=0.05, missing=missing), traded(B, other, rates[::-1], hours=4, wick=0.05))
    entry = data.draw(st.integers(0, len(place) - 1))
    made = trade(place, entry, entry + data.draw(st.integers(1, 30)), dear)
    if made is None:
        assert not place.both_trade[entry]
        return
    payments = list(flows(place, made, dear))
    paid = sum(flow.amount for flow in payments)
    account = equity(place, [made], payments, 1_000.0)
    by_formula = made.quantity * ((made.short_entry - made.long_entry) - (made.short_exit.price - made.long_exit.price))
    earned = result(place, made, dear)
    assert totals(payments)["price"] == pytest.approx(by_formula, abs=1e-6)
    assert account.profit == pytest.approx(paid, abs=1e-6)
    assert earned.gross - earned.costs == pytest.approx(paid, abs=1e-6)
    assert all(made.entry_at <= flow.at <= made.exit_at for flow in payments)


@settings(max_examples=60)
@given(prices, st.floats(0.5, 2), st.data())
def test_what_comes_after_a_trade_changes_none_of_it(one: list[float], times: float, data: st.DataObject):
    cut = data.draw(st.integers(6, len(one) - 1))
    later = [*one[:cut], *[price * times for price in one[cut:]]]
    rates = [0.001] * 10
    places = [
        of(traded(A, closes, rates, wick=0.01), traded(B, CALM * 2, rates[: cut // 8])) for closes in (one, later)
    ]
    made = [trade(place, 1, cut - 1, CONDITIONS) for place in places]
    assert made[0] == made[1]
    assert list(flows(places[0], made[0], CONDITIONS)) == list(flows(places[1], made[1], CONDITIONS))
