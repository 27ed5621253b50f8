"""The other direction of a hedge, from the row of the one that earned; and what silence says."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmd_platform.arbitrage.cash_and_carry import cash_and_carry
from qmd_platform.arbitrage.flags import Flag
from qmd_platform.arbitrage.hedges import Hedge
from qmd_platform.arbitrage.legs import seen
from qmd_platform.arbitrage.lifecycle import Thresholds
from qmd_platform.arbitrage.mirror import SILENT_MS, Earned, both_ways, heard
from qmd_platform.arbitrage.opportunities import Events
from qmd_platform.arbitrage.rules import Rules
from qmd_platform.arbitrage.spreads import Directions, venue_spreads
from tests.arbitrage.worlds import DAY, HOUR, START, TERMS, leg, spot

EVERY = Rules(TERMS, thresholds=Thresholds(watch=-1e9, open=1.0, close=-2e9))
"""Whatever there is is watched."""

rates = st.lists(st.floats(-2e-3, 2e-3).map(lambda rate: round(rate, 7)), min_size=8, max_size=20)


def earned(*hedges: Hedge) -> Earned:
    """Rows of hedges as a table has them."""
    names = sorted({name for one in hedges for name in (one.short, one.long)})
    short, long = (
        np.array([names.index(getattr(one, name)) for one in hedges for _ in range(len(one))])
        for name in ("short", "long")
    )
    columns = {
        name: np.concatenate([getattr(one, name) for one in hedges])
        for name in ("at", "funding_per_hour", "net_per_hour", "flags")
    }
    cost = np.concatenate([one.cost_bps for one in hedges]) / 1e4
    coins = np.zeros(len(cost), np.int64)
    return Earned(names, short, long, cost=cost, underlyings=["X"], underlying=coins, **columns)


def same(one: Events, other: Events) -> bool:
    columns = ("at", "net_per_year", "break_even_hours", "flags", "is_settlement")
    return all(np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True) for name in columns)


@settings(max_examples=40)
@given(rates, rates, st.floats(0.94, 1.06))
def test_a_mirrored_row_is_the_hedge_worked_out_the_other_way(one: list[float], other: list[float], apart: float):
    length = min(len(one), len(other))
    closes = [100.0 * apart] * (length * 8 + 1)
    legs = leg("binance:X/USDT:USDT", one[:length]), leg("gate:X/USDT:USDT", other[:length], closes=closes)
    (both,) = venue_spreads(legs, TERMS)
    found = {view.way: view.events for view in both_ways(earned(*both.earning()), EVERY, ())}
    assert set(found) == {(hedge.short, hedge.long) for hedge in (both.there, both.back)}
    for hedge in (both.there, both.back):
        assert same(found[hedge.short, hedge.long], Events.of(hedge, EVERY.thresholds))


@settings(max_examples=40)
@given(rates)
def test_only_the_direction_that_sells_spot_borrows(paid: list[float]):
    perpetual = leg("binance:X/USDT:USDT", paid)
    at = perpetual.settlements.settled_at + 60_000
    stock = spot("binance:X/USDT", [100.0] * (len(paid) * 8 + 1))
    both = cash_and_carry(seen(stock, at, TERMS.windows), seen(perpetual, at, TERMS.windows), TERMS)
    rows = earned(*Directions(both.carry, both.reverse).earning())
    found = {view.way: view.events for view in both_ways(rows, EVERY, ())}
    for hedge in (both.carry, both.reverse):
        assert same(found[hedge.short, hedge.long], Events.of(hedge, EVERY.thresholds))


def test_what_never_goes_above_the_watch_is_passed_over_unless_it_is_alive():
    legs = leg("binance:X/USDT:USDT", [1e-3] * 10), leg("gate:X/USDT:USDT", [0.0] * 10)
    (both,) = venue_spreads(legs, TERMS)
    rows, there = earned(*both.earning()), ("binance:X/USDT:USDT", "gate:X/USDT:USDT")
    back = there[::-1]
    assert [view.way for view in both_ways(rows, Rules(TERMS), ())] == [there]
    assert [view.way for view in both_ways(rows, Rules(TERMS), {back})] == [there, back]
    high = Rules(TERMS, thresholds=Thresholds(watch=50.0, open=60.0))
    assert not list(both_ways(rows, high, ()))


def events(*at: int) -> Events:
    count = len(at)
    known = np.full(count, 0.2)
    return Events(np.array(at, np.int64), known, known, np.zeros(count, np.uint32), np.ones(count, np.bool_))


def test_silence_is_told_from_three_days_on_at_the_instants_others_were_heard_at():
    clock = START + np.arange(0, 12 * DAY, 8 * HOUR)
    found = heard(events(START, START + DAY, START + 10 * DAY), None, clock)
    quiet = found.at[~found.is_settlement].tolist()
    assert quiet == list(range(START + DAY + SILENT_MS, START + 10 * DAY, 8 * HOUR))
    assert found.at.tolist() == sorted({START, START + DAY, START + 10 * DAY, *quiet})
    silent = ~found.is_settlement
    assert set(found.flags[silent].tolist()) == {Flag.VENUE_INCIDENT.bit}
    assert np.isnan(found.net_per_year[silent]).all()
    assert found.net_per_year[~silent].tolist() == [0.2] * 3


@pytest.mark.parametrize(("before", "clock"), list(product([None, START], [[], [START + DAY], [START + 2 * DAY]])))
def test_nothing_is_silent_before_it_was_heard_nor_while_nobody_is(before: int | None, clock: list[int]):
    some = events(START + 2 * DAY)
    assert same(heard(some, before, np.array(clock, np.int64)), some)


def test_what_was_heard_of_in_the_month_before_is_silent_in_this_one():
    nothing = replace(events(), at=np.empty(0, np.int64))
    clock = np.array([START + SILENT_MS - 1, START + SILENT_MS, START + SILENT_MS + HOUR])
    assert heard(nothing, START, clock).at.tolist() == clock[1:].tolist()
    assert not len(heard(nothing, None, clock))
