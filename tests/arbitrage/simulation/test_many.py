"""Many trades at once: each is the trade that it is alone, whatever happens to it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmd_platform.arbitrage.costs import Costs
from qmd_platform.arbitrage.economics import Capital
from qmd_platform.arbitrage.simulation.many import Many
from qmd_platform.arbitrage.simulation.playing import play_rows
from qmd_platform.arbitrage.simulation.trades import Conditions, flows
from qmd_platform.arbitrage.simulation.world import World, world
from qmd_platform.model.window import Window
from tests.arbitrage.worlds import COSTS, HOUR, START, traded

DEAR = Conditions(
    Costs(fees=COSTS.fees, slippage=0.0003, transfer=0.0002, borrow_per_year=0.1),
    Capital(),
    notional=5_000.0,
    half_spread=0.0007,
)
prices = st.lists(st.floats(60, 160), min_size=30, max_size=30)


LIVES = [Window(START, START + 9 * HOUR), Window(START + 14 * HOUR, START + 40 * HOUR)]


def of(
    kinds: tuple[str, str],
    one: list[float],
    other: list[float],
    missing: list[int],
    listed: list[Window] | None = None,
) -> World:
    rates = [0.001, -0.002, 0.0005]
    short = traded(f"binance:{kinds[0]}", one, rates, wick=0.05, missing=missing, listed=listed)
    return world(short, traded(f"gate:{kinds[1]}", other, rates[::-1], hours=4, wick=0.05), HOUR)


@settings(max_examples=40)
@given(
    st.sampled_from([("X/USDT:USDT", "X/USDT:USDT"), ("X/USDT:USDT", "X/USDT"), ("X/USDT", "X/USDT:USDT")]),
    prices,
    prices,
    st.lists(st.integers(0, 28), max_size=6),
    st.sampled_from([None, LIVES]),
)
def test_every_one_of_many_made_what_it_makes_alone(
    kinds: tuple[str, str], one: list[float], other: list[float], missing: list[int], listed: list[Window] | None
):
    place = of(kinds, one, other, missing, listed)
    pairs = np.array([(entry, leave) for entry in range(29) for leave in range(entry + 1, 31, 3)], np.intp)
    gross, costs = Many(place, DEAR).results(pairs)
    for row in range(0, len(pairs), 7):
        alone = play_rows(place, pairs[row : row + 1], DEAR)
        by_hand = sum(flow.amount for made in alone.trades for flow in flows(place, made, DEAR))
        assert gross[row] - costs[row] == pytest.approx(by_hand, abs=1e-6)


def test_calm_and_liquidated_trades_are_told_apart():
    calm, spike = [100.0] * 30, [100.0] * 15 + [150.0] + [100.0] * 14
    place = of(("X/USDT:USDT", "X/USDT:USDT"), spike, calm, [])
    gross, _ = Many(place, DEAR).results(np.array([(2, 10), (2, 25), (18, 25)], np.intp))
    assert gross[1] < -1_000 < gross.min(where=[True, False, True], initial=0.0)
