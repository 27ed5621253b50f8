"""Markets that come back, and terms that change: what the lists show, what candles and funding are left alone."""

import numpy as np
import pytest

from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox import funding, universe
from qmd_platform.sandbox.exchange import Ask, Exchange
from qmd_platform.sandbox.listed import changed
from qmd_platform.sandbox.market import trading, truth_of
from qmd_platform.sandbox.universe import Listing

GONE, BACK = instant("2026-11-20T08:30:00Z"), instant("2026-11-21T16:10:00Z")
HOUR = 60 * MINUTE
NOW = BACK + 30 * HOUR
AROUND = Window(GONE - 5 * HOUR, BACK + 5 * HOUR)


def listing(market: str, **said: object) -> Listing:
    found = changed(universe.listings(), [{"market": market, **said}])
    return next(one for one in found if str(one.market) == market)


def relisted(market: str) -> Listing:
    return listing(market, delisted_at=GONE, relisted_at=BACK)


@pytest.mark.parametrize("market", ["binance:SOL/USDT", "bitfinex:SOL/USD", "kraken:SOL/USD", "okx:SOL/USDT"])
@pytest.mark.parametrize("now", [GONE + HOUR, NOW], ids=["away", "back"])
def test_while_it_was_away_there_is_nothing_and_before_and_after_it_is_as_if_it_had_stayed(market: str, now: int):
    found = truth_of(relisted(market), Timeframe.M1, AROUND, now)
    stayed = truth_of(listing(market), Timeframe.M1, AROUND, now)
    there = (stayed.open_at < GONE) | (stayed.open_at >= BACK)
    assert found.equals(stayed.take(there))
    assert (now == NOW) == bool((found.open_at >= BACK).any())


def test_a_page_is_full_across_the_time_it_was_away():
    one = relisted("gate:SOL/USDT")
    ask = Ask(one, Timeframe.M1, GONE - 10 * MINUTE, NOW, 100, newest=False, descending=False, given=(None, None))
    rows = Exchange([one]).candles(ask, NOW)
    expected = [*range(GONE - 10 * MINUTE, GONE, MINUTE), *range(BACK, BACK + 90 * MINUTE, MINUTE)]
    assert rows.open_at.tolist() == expected


def test_nothing_is_settled_while_it_was_away():
    market = "gate:SOL/USDT:USDT"
    at = funding.settled(relisted(market), AROUND.start, AROUND.end).at
    stayed = funding.settled(listing(market), AROUND.start, AROUND.end).at
    assert at.tolist() == [one for one in stayed.tolist() if one < GONE or one > BACK]
    assert len(at) < len(stayed)


def test_the_list_shows_it_as_gone_and_then_as_new():
    exchange = Exchange([relisted("okx:SOL/USDT")])
    shown = [exchange.listings("okx", at, spot=True) for at in (GONE - 1, GONE, BACK - 1, BACK)]
    assert [[one.listed_at == BACK for one in each] for each in shown] == [[False], [], [], [True]]


def test_a_contract_that_came_back_this_instant_has_a_mark_price():
    one = relisted("okx:SOL/USDT:USDT").as_listed(BACK)
    assert (funding.marks(one, np.array([BACK], np.int64)) > 0).all()


def test_contracts_of_a_tenth_are_ten_times_as_many_and_what_was_traded_is_the_same():
    market = "gate:SOL/USDT:USDT"
    smaller = listing(market, changes_at=GONE, contract_size="0.1")
    ask = [
        Ask(
            one,
            Timeframe.M1,
            GONE - 5 * MINUTE,
            GONE + 5 * MINUTE,
            100,
            newest=False,
            descending=False,
            given=(None, None),
        )
        for one in (listing(market), smaller)
    ]
    before, after = (Exchange([one.listing]).candles(one, NOW).volume.floats() for one in ask)
    assert (after / before).tolist() == [1.0] * 5 + [10.0] * 5
    window = Window(GONE - HOUR, GONE + HOUR)
    assert truth_of(smaller, Timeframe.M1, window, NOW).equals(truth_of(listing(market), Timeframe.M1, window, NOW))


def test_terms_are_shown_from_their_time_on_and_the_last_ones_count():
    entries = [
        {"market": "gate:SOL/USDT", "changes_at": BACK, "tick": "0.0001"},
        {"market": "gate:SOL/USDT", "changes_at": GONE, "tick": "0.001", "lot": "1"},
    ]
    found = changed(universe.listings(), entries)
    (one,) = (one for one in found if one.market == Market.parse("gate:SOL/USDT"))
    shown = [(one.as_listed(at).tick, one.as_listed(at).lot) for at in (GONE - 1, GONE, BACK)]
    assert shown == [("0.01", "0.001"), ("0.001", "1"), ("0.0001", "1")]
    assert len(trading(one, MINUTE, GONE, GONE + HOUR, NOW)) == 60


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"tick": "0.1"}, "changes_at goes with"),
        ({"changes_at": GONE}, "changes_at goes with"),
        ({"changes_at": GONE, "tick": "0.02"}, "not a power of ten"),
        ({"changes_at": GONE, "lot": "10"}, "not a power of ten"),
        ({"changes_at": GONE, "lot": "little"}, "is not a number"),
        ({"changes_at": GONE, "contract_size": "0.3"}, "without a rest"),
        ({"changes_at": GONE, "contract_size": "0"}, "without a rest"),
        ({"relisted_at": BACK}, "after delisted_at"),
        ({"delisted_at": BACK, "relisted_at": GONE}, "after delisted_at"),
        ({"delisted_at": GONE, "relisted_at": BACK, "renamed_to": "gate:NEW/USDT:USDT"}, "not renamed"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(said: dict[str, object], why: str):
    with pytest.raises(ConfigError, match=f"listing 1: .*{why}"):
        listing("gate:SOL/USDT:USDT", **said)


def test_only_gates_perpetuals_have_another_contract_size():
    with pytest.raises(ConfigError, match="says nothing about this market"):
        listing("okx:SOL/USDT:USDT", changes_at=GONE, contract_size="0.1")
