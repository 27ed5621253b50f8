"""Funding in closed form: when, at which rate, at which mark; and what comes again every month."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window, instant, iso
from qmd_platform.sandbox import funding
from qmd_platform.sandbox.funding import HOUR, missing_truth, settled, settlements_truth
from qmd_platform.sandbox.market import END_OF_TIME, truth
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.universe import listings

PERPETUALS = {str(one.market): one for one in listings() if not one.is_spot}
YEAR = Window.of("2025-11-01", "2026-11-01")
OCTOBER = Window.of("2026-10-01", "2026-11-01")


def market(text: str) -> Market:
    return Market.parse(f"{text}/USDT:USDT")


def gaps(text: str, window: Window = YEAR) -> set[int]:
    found = settlements_truth(market(text), window, END_OF_TIME)
    return set((np.diff(found.settled_at) // HOUR).tolist())


@pytest.mark.parametrize("venue", ["binance", "bitfinex", "bybit", "gate", "okx"])
@pytest.mark.parametrize(("coin", "hours"), [("BTC", 8), ("SOL", 4), ("DOGE", 1)])
def test_every_venue_has_contracts_that_settle_every_eight_four_and_one_hours(venue: str, coin: str, hours: int):
    assert gaps(f"{venue}:{coin}") == {hours}


@pytest.mark.parametrize("venue", ["binance", "bybit", "gate"])
def test_a_contract_changes_to_four_hours_and_back_every_month_and_says_so(venue: str):
    at = settlements_truth(market(f"{venue}:XRP"), OCTOBER, END_OF_TIME).settled_at
    often = Window.of("2026-10-11T00:00:00Z", "2026-10-21T00:00:00Z")
    inside = at[(at > often.start) & (at <= often.end)]
    assert set(np.diff(inside)) == {4 * HOUR}
    assert (len(inside), len(at)) == (60, 60 + 63)
    assert (at % (4 * HOUR) == 0).all()
    hours = [
        funding.current_hours(market(f"{venue}:XRP"), instant(f"2026-10-{day}T00:00:00Z")) for day in (10, 11, 20, 21)
    ]
    assert hours == [8, 4, 4, 8]


def test_a_rate_is_at_its_cap_for_two_days_of_every_month():
    found = settlements_truth(market("binance:1000PEPE"), OCTOBER, END_OF_TIME)
    capped = found.take(found.rate == 0.02)
    assert len(capped) == 12
    assert iso(int(capped.settled_at[0])) == "2026-10-05T04:00:00Z"
    assert iso(int(capped.settled_at[-1])) == "2026-10-07T00:00:00Z"
    assert abs(found.rate).max() == 0.02


def test_one_settlement_a_month_is_never_listed():
    window = Window.of("2026-10-08T00:00:00Z", "2026-10-09T00:00:00Z")
    listed = settlements_truth(market("gate:ETH"), window, END_OF_TIME)
    assert [iso(at) for at in listed.settled_at.tolist()] == ["2026-10-08T00:00:00Z", "2026-10-08T08:00:00Z"]
    assert [iso(at) for at in missing_truth(market("gate:ETH"), OCTOBER).tolist()] == ["2026-10-08T16:00:00Z"]
    assert gaps("gate:ETH") == {8, 16}
    assert not len(missing_truth(market("gate:BTC"), YEAR))


def test_a_thousandfold_contract_costs_a_thousand_coins():
    mark = settlements_truth(market("binance:1000PEPE"), OCTOBER, END_OF_TIME).mark
    assert ((mark > 0.001) & (mark < 0.1)).all()


@pytest.mark.parametrize("text", PERPETUALS)
def test_nearly_half_of_all_rates_are_exactly_the_interest_and_none_is_beyond_the_cap(text: str):
    found = settled(PERPETUALS[text], YEAR.start, YEAR.end)
    if not len(found):
        assert text.partition(":")[2].startswith("LATE"), "only this one was listed later"
        return
    interest = 10_000 * found.hours // 8
    interest -= interest % (100 if text.startswith("gate") else 1)
    assert 0.3 < (found.rate == interest).mean() < 0.7
    assert (found.rate < 0).mean() > 0.1
    assert (abs(found.rate) <= funding.cap(PERPETUALS[text].market)).all()


@pytest.mark.parametrize("text", ["binance:BTC", "binance:1000PEPE", "bitfinex:DOGE", "bitfinex:XRP"])
def test_the_mark_is_the_close_of_the_minute_before(text: str):
    window = Window.of("2026-10-10T00:00:00Z", "2026-10-11T12:00:00Z")
    found = settlements_truth(market(text), window, END_OF_TIME)
    for at, mark in zip(found.settled_at.tolist(), found.mark.tolist(), strict=True):
        before = truth(market(text), Timeframe.M1, Window(at - 40 * MINUTE, at), END_OF_TIME)
        assert mark == before.close[-1]


@pytest.mark.parametrize("venue", ["bybit", "gate", "okx"])
def test_venues_whose_history_has_no_mark_have_none_and_nobody_states_hours(venue: str):
    found = settlements_truth(market(f"{venue}:BTC"), OCTOBER, END_OF_TIME)
    assert np.isnan(found.mark).all()
    assert np.isnan(found.stated_hours).all()


@given(
    st.sampled_from(sorted(PERPETUALS)),
    st.lists(st.integers(instant("2019-01-01"), instant("2027-01-01")), min_size=3, max_size=3, unique=True),
)
def test_what_is_asked_in_parts_is_what_is_asked_at_once(text: str, cuts: list[int]):
    first, middle, last = sorted(cuts)
    whole, left, right = (settled(PERPETUALS[text], *ends) for ends in ((first, last), (first, middle), (middle, last)))
    for name in ("at", "rate", "hours"):
        assert np.array_equal(getattr(whole, name), np.r_[getattr(left, name), getattr(right, name)])


def test_nothing_is_settled_before_the_listing_nor_after_now_nor_after_the_delisting():
    late, now = market("binance:LATE"), instant("2026-11-20T16:00:00Z")
    found = settlements_truth(late, Window.of("2026-01-01", "2027-01-01"), now)
    assert iso(int(found.settled_at[0])) == "2026-10-15T16:00:00Z", "listed at 08:37"
    assert int(found.settled_at[-1]) == now, "what is settled now is settled"
    leaving = [{"market": str(late), "delisted_at": "2026-11-01T00:00:00Z"}]
    with serving(now=now, listings=leaving) as sandbox:
        ours = sandbox.settlements_truth(late, Window.of("2026-01-01", "2027-01-01"))
    assert iso(int(ours.settled_at[-1])) == "2026-10-31T16:00:00Z"


def test_the_same_coin_has_other_rates_elsewhere_but_not_unrelated_ones():
    ours, theirs = (settlements_truth(market(f"{venue}:BTC"), YEAR, END_OF_TIME).rate for venue in ("binance", "okx"))
    assert 0.2 < np.corrcoef(ours, theirs)[0, 1] < 0.95


def test_spot_has_no_funding_and_a_market_there_is_none_of_is_refused():
    assert not len(settlements_truth(Market("binance", "BTC/USDT"), YEAR, END_OF_TIME))
    with pytest.raises(ConfigError, match="lists no market"):
        settlements_truth(market("binance:NOPE"), YEAR, END_OF_TIME)


def test_intervals_are_counted_once_each():
    hours = Counter(settled(PERPETUALS["gate:XRP/USDT:USDT"], OCTOBER.start, OCTOBER.end).hours.tolist())
    assert hours == {4: 60, 8: 63}
