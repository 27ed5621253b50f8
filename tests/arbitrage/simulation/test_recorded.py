"""The simulation on recorded markets: against sums made by hand of the same rows, and against the recorder's mistakes."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from qmd_platform.arbitrage.economics import Capital
from qmd_platform.arbitrage.hedges import Terms
from qmd_platform.arbitrage.risks import Limits
from qmd_platform.arbitrage.simulation.run import Outcome, Setting, simulate
from qmd_platform.arbitrage.simulation.splits import chronological
from qmd_platform.arbitrage.simulation.trades import Conditions, flows, trade
from qmd_platform.arbitrage.simulation.world import World, world
from qmd_platform.model.window import Window
from tests.arbitrage.simulation.defect import agreement, apart
from tests.arbitrage.simulation.recorded import EARLIER, FILE, STEP, legs

pytestmark = [pytest.mark.shared, pytest.mark.skipif(not FILE.exists(), reason="no recorded data")]

PAIRS = [
    ("binance:BTC/USDT:USDT", "binance:BTC/USDT"),
    ("okx:ETH/USDT:USDT", "okx:ETH/USDT"),
    ("okx:BTC/USDT:USDT", "bybit:BTC/USDT:USDT"),
]
SETTING = Setting(Terms(limits=Limits(quote_age_ms=STEP)), draws=40)

recorded = cache(legs)


def place(short: str, long: str) -> World:
    return world(recorded()[short], recorded()[long], STEP)


@cache
def outcomes(short: str, long: str) -> tuple[Outcome, ...]:
    made = place(short, long)
    whole = Window(int(made.open_at[0]), made.end)
    hold = SETTING.rules.max_hold_ms
    split = chronological(whole, embargo_ms=hold, max_hold_ms=hold)
    parts = {"all": whole, "train": split.train, "test": split.test}
    return tuple(simulate(made, SETTING, parts, np.random.default_rng(1)))


def test_bybits_candles_open_four_hours_before_their_rows_time():
    dated, by_file = agreement(recorded()["bybit:BTC/USDT:USDT"])
    assert dated > 0.95
    assert by_file < 0.05


@pytest.mark.parametrize("venue", EARLIER)
def test_every_venues_candles_end_when_gates_of_that_hour_do(venue: str):
    market = recorded()[f"{venue}:BTC/USDT:USDT"]
    assert apart(market) < 6
    assert min(apart(market, hours) for hours in (-4, 4)) > 20


def test_a_month_of_carry_earned_what_its_rows_add_up_to():
    made = place("binance:BTC/USDT:USDT", "binance:BTC/USDT")
    conditions = Conditions(SETTING.terms.costs, Capital(short_leverage=1), notional=10_000.0)
    one = trade(made, 300, 390, conditions)
    assert one is not None
    assert one.why == "asked"
    perp = recorded()["binance:BTC/USDT:USDT"]
    closes = dict(zip((perp.candles.open_at + STEP).tolist(), perp.candles.close.tolist(), strict=True))
    paid = zip(perp.leg.settlements.settled_at.tolist(), perp.leg.settlements.rate.tolist(), strict=True)
    by_hand = sum(rate * closes[at] for at, rate in paid if one.entry_at < at <= one.exit_at)
    found = sum(flow.amount for flow in flows(made, one, conditions) if flow.kind == "funding")
    assert found == pytest.approx(one.quantity * by_hand)


@pytest.mark.parametrize(("short", "long"), PAIRS)
def test_every_profit_is_its_payments_and_dearer_is_worse(short: str, long: str):
    found = {(one.part, one.strategy, one.scenario): one for one in outcomes(short, long)}
    for one in found.values():
        assert one.account.profit == pytest.approx(sum(one.sums.values()), abs=1e-6)
    for part in ("all", "train", "test"):
        for strategy in ("rules", "always_on"):
            profits = [found[part, strategy, scenario].account.profit for scenario in ("double", "base", "free")]
            assert profits == sorted(profits)


@pytest.mark.parametrize(("short", "long"), PAIRS)
def test_positions_never_overlap_nor_reach_from_one_part_into_the_other(short: str, long: str):
    for one in outcomes(short, long):
        for before, after in pairwise(one.played.trades):
            assert before.exit_at <= after.entry_at
    trained = [one for one in outcomes(short, long) if one.part == "train" and one.strategy == "rules"]
    tested = next(one for one in outcomes(short, long) if one.part == "test")
    ends = [made.exit_at for one in trained for made in one.played.trades]
    assert all(at <= tested.window.start + STEP for at in ends)
