"""No row looks ahead, whatever pace a venue settles at, changes to, or misses: past rows stand when later ones come."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from qmd_platform.arbitrage.carry import DELAY_MS, carry
from qmd_platform.arbitrage.hedges import Terms
from qmd_platform.arbitrage.legs import Leg, Quotes, seen
from qmd_platform.arbitrage.lifecycle import Thresholds
from qmd_platform.arbitrage.opportunities import Events, Transition, transitions
from qmd_platform.arbitrage.spreads import venue_spread
from qmd_platform.funding.intervals import intervals
from qmd_platform.model.series import Market
from qmd_platform.model.settlements import Settlements
from tests.arbitrage.worlds import COSTS, HOUR, START, flat_candles

# Runs of one pace; 12, 16 and 24 h among runs of 4 and 8 are settlements that are missing.
runs = st.lists(st.tuples(st.sampled_from([1, 4, 8, 12, 16, 24]), st.integers(1, 6)), min_size=1, max_size=7)
TERMS = Terms(costs=COSTS, windows=(24.0, 72.0))
RULES = Thresholds(watch=0.01, open=0.02, close=-0.2, confirmations=2)


def paid(*parts: list[tuple[int, int]], seed: int = 1) -> Settlements:
    hours = [hours for part in parts for hours, times in part for _ in range(times)]
    at = START + HOUR * np.cumsum(hours)
    return Settlements.of(at, np.random.default_rng(seed).normal(2e-4, 3e-4, len(at)), np.full(len(at), 100.0))


def leg(settlements: Settlements, market: str = "binance:X/USDT:USDT") -> Leg:
    quotes = Quotes.of_candles(flat_candles([100.0] * 2000, start=START - HOUR), HOUR)
    return Leg.of(Market.parse(market), quotes, settlements)


def known(settlements: Settlements, edge: int) -> Settlements:
    return settlements.take(settlements.settled_at <= edge)


@settings(max_examples=150)
@given(runs, runs)
def test_rows_of_carry_that_are_available_stay_as_they_are(before: list[tuple[int, int]], after: list[tuple[int, int]]):
    whole = paid(before, after)
    edge = int(whole.settled_at[sum(times for _, times in before) - 1])
    early = known(whole, edge)
    one, other = carry(early, intervals(early)), carry(whole, intervals(whole))
    stands = one.available_at <= edge + DELAY_MS
    assert np.array_equal(np.flatnonzero(stands), np.flatnonzero(other.available_at <= edge + DELAY_MS))
    rows = np.flatnonzero(stands)
    for name in ("interval_hours", "rate_per_hour", "simple_per_year", "compounded_per_year", "cumulative_rate"):
        assert np.array_equal(getattr(one, name)[rows], getattr(other, name)[rows], equal_nan=True), name
    for length, windowed in one.windows.items():
        later = other.windows[length].simple_per_year
        assert np.array_equal(windowed.simple_per_year[rows], later[rows], equal_nan=True)


@settings(max_examples=150)
@given(runs, runs)
def test_a_leg_a_spread_and_their_transitions_are_the_same_seen_then_and_seen_later(
    before: list[tuple[int, int]], after: list[tuple[int, int]]
):
    whole = paid(before, after)
    edge = int(whole.settled_at[sum(times for _, times in before) - 1])
    at = known(whole, edge).settled_at + DELAY_MS
    rows, decided = [], []
    for settlements in (known(whole, edge), whole):
        short, long = leg(settlements), leg(known(paid([(8, 60)], seed=2), edge), "gate:X/USDT:USDT")
        hedge = venue_spread(seen(short, at, TERMS.windows), seen(long, at, TERMS.windows), TERMS)
        rows.append(hedge)
        decided.append(transitions("pair", Events.of(hedge, RULES), RULES)[0])
    for name in (
        "funding_per_hour",
        "last_funding_per_hour",
        "cumulative_difference",
        "short_hours",
        "short_next_at",
        "flags",
    ):
        assert np.array_equal(getattr(rows[0], name), getattr(rows[1], name), equal_nan=True), name
    assert written(decided[0]) == written(decided[1])


def written(changes: list[Transition]) -> list[str]:
    return [repr(one) for one in changes]
