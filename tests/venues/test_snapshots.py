"""Asking what perpetuals are like now over real sockets through real ccxt: all contracts in one look, whatever the venue."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import fields, replace
from typing import TypeVar

import numpy as np
import pytest

from qmd_platform.errors import BadPage, ConfigError, UnknownMarket
from qmd_platform.model.series import Market
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.sandbox.snapshots import open_interest_truth, predictions_truth
from qmd_platform.venues import facts
from qmd_platform.venues.ccxt_client import CcxtVenue, client
from qmd_platform.venues.facts.snapshots import SNAPSHOTS
from qmd_platform.venues.open_interest_parsing import OpenInterest
from qmd_platform.venues.port import Instrument
from qmd_platform.venues.snapshot_asking import Snapshot, open_interest, snapshot
from qmd_platform.venues.snapshot_dialects import HISTORY, state_requests
from tests.venues.asking import QUICK
from tests.venues.asking import asking as written
from tests.venues.writtenserver import Reply

T = TypeVar("T")

NOW = "2026-11-20T12:34:56.789Z"
COINS = ("BTC", "SOL", "DOGE")
LOOKS = {"binance": 2, "bitfinex": 1, "bybit": 1, "gate": 1, "okx": 3}
"""Requests that a look takes, however many contracts there are."""
every_venue = pytest.mark.parametrize("venue", LOOKS)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with serving(now=NOW) as served:
        yield served


def asking(sandbox: Sandbox, venue: str, question: Callable[[CcxtVenue], Awaitable[T]]) -> T:
    async def ask() -> T:
        async with client(venue, venue_url=sandbox.url, patience=QUICK) as asked:
            return await question(asked)

    return asyncio.run(ask())


def of(venue: str) -> list[Market]:
    return [Market(venue, f"{coin}/USDT:USDT") for coin in COINS]


@every_venue
def test_all_contracts_come_in_as_few_requests_as_the_venue_needs_for_one(venue: str, sandbox: Sandbox):
    async def look(asked: CcxtVenue) -> tuple[Snapshot, int]:
        await asked.listed("perpetual")
        before = asked.traffic.requests
        return await snapshot(asked, of(venue)), asked.traffic.requests - before

    found, requests = asking(sandbox, venue, look)
    assert requests == LOOKS[venue]
    assert list(found.states) == of(venue)
    for market, state in found.states.items():
        at = np.array([state.at])
        next_at, rate = predictions_truth(market, at)
        assert state.next_at == next_at[0]
        assert 0 <= instant(NOW) - state.at < 1000, "by the venue's clock; Gate's is HTTP's, in whole seconds"
        if venue == "bitfinex":
            assert np.isnan(state.rate)
        else:
            assert state.rate == rate[0]
            assert state.hours == {"BTC": 8, "SOL": 4, "DOGE": 1}[market.symbol.partition("/")[0]]
        assert np.isnan(state.index) == (venue == "okx"), "OKX's has an answer of its own"


@every_venue
def test_open_interest_now_is_in_base_and_quote_contract_size_applied_once(venue: str, sandbox: Sandbox):
    for market, state in asking(sandbox, venue, lambda asked: snapshot(asked, of(venue))).states.items():
        if venue == "binance":
            assert (state.counted_at, np.isnan(state.base)) == (0, True)
            continue
        truth = open_interest_truth(market, np.array([state.counted_at]))
        assert (state.contracts, state.base) == (truth.contracts[0], truth.base[0])
        assert state.quote == pytest.approx(truth.quote[0], rel=1e-12)


@pytest.mark.parametrize("venue", HISTORY)
def test_open_interest_over_time_is_the_truth_on_the_venue_s_grid(venue: str, sandbox: Sandbox):
    known, market = facts.open_interest_of(venue), Market(venue, "SOL/USDT:USDT")
    start = instant("2026-11-02T00:00:00Z")
    window = Window(start, start + known.page_limit * known.step)
    page = asking(sandbox, venue, lambda asked: open_interest(asked, market, window))
    assert page.rows.at.tolist() == list(range(window.start, window.end, known.step)), "a page holds what it is said to"
    truth = open_interest_truth(market, page.rows.at)
    assert page.rows.base.tolist() == truth.base.tolist()
    assert venue == "bybit" or page.rows.quote.tolist() == truth.quote.tolist()
    assert len(page.digest) == 64


DAY = Window.of("2026-11-02", "2026-11-03")
NOON = DAY.start + 12 * 3_600_000


def gates(symbol: str, size: float, since: int | None = None, until: int | None = None) -> Instrument:
    """A perpetual of Gate whose contract is of ``size`` from ``since`` on."""
    base, _, settle = symbol.replace("/", ":").split(":")
    is_inverse = settle == base
    record = {"id": f"{base}_{settle}", "symbol": symbol, "base": base, "quote": "USD", "settle": settle} | {
        "settleId": settle.lower(), "spot": False, "swap": True, "type": "swap", "contract": True, "contractSize": size,
        "inverse": is_inverse, "linear": not is_inverse,
    }  # fmt: skip
    told = Instrument(symbol, str(record["id"]), "perpetual", base, "USD", settle, True, size, None, None, None, "{}")
    return replace(told, ccxt_market=json.dumps(record), valid_from=since, valid_to=until)


def hourly(n: int, path: str) -> Reply:
    """Ten contracts, worth 70 dollars, at midnight and at noon of that day."""
    return Reply.of([{"time": at // 1000, "open_interest": 10, "open_interest_usd": 70.0} for at in (DAY.start, NOON)])


def of_gate(symbol: str, *rows: Instrument) -> OpenInterest:
    market = Market("gate", symbol)
    page, *_ = written("gate", hourly, lambda asked: open_interest(asked, market, DAY), instruments=rows)
    return page.rows


def test_contracts_of_an_inverse_market_are_not_taken_for_coins():
    rows = of_gate("BTC/USD:BTC", gates("BTC/USD:BTC", 1.0))
    assert (rows.contracts.tolist(), rows.quote.tolist()) == ([10, 10], [70, 70])
    assert np.isnan(rows.base).all()


def test_contracts_over_time_are_of_the_size_of_their_own_time():
    rows = of_gate("X/USDT:USDT", gates("X/USDT:USDT", 0.1, until=NOON), gates("X/USDT:USDT", 0.01, since=NOON))
    assert (rows.contracts.tolist(), rows.base.tolist()) == ([10, 10], [1.0, 0.1])


def test_an_answer_without_a_row_of_the_time_asked_for_is_refused():
    market, later = Market("gate", "X/USDT:USDT"), Window(DAY.end + 100 * 3_600_000, DAY.end + 101 * 3_600_000)
    with pytest.raises(BadPage, match="all 2 rows of open interest of X/USDT:USDT are outside of"):
        written(
            "gate",
            hourly,
            lambda asked: open_interest(asked, market, later),
            instruments=[gates("X/USDT:USDT", 0.1)],
        )


def test_one_contract_with_an_impossible_time_is_named_and_the_others_are_kept():
    def premium(symbol: str, at: int) -> dict[str, object]:
        rates = {"markPrice": "2", "indexPrice": "2", "lastFundingRate": "0.0001"}
        return {"symbol": symbol, "time": at, "nextFundingTime": NOON} | rates

    def answer(n: int, path: str) -> Reply:
        return Reply.of([] if "fundingInfo" in path else [premium("A_USDT", DAY.start), premium("B_USDT", 7)])

    markets = [Market("binance", f"{coin}/USDT:USDT") for coin in "AB"]
    listed = [gates(one.symbol, 1.0) for one in markets]
    found, *_ = written("binance", answer, lambda asked: snapshot(asked, markets), instruments=listed)
    assert [(market.symbol, state.rate, state.hours) for market, state in found.states.items()] == [
        ("A/USDT:USDT", 0.0001, 8)
    ]
    assert [str(one) for one in found.failures] == [
        "binance: B_USDT: the time of a contract's state is not milliseconds: 7"
    ]


def test_a_market_the_venue_does_not_list_is_refused(sandbox: Sandbox):
    with pytest.raises(UnknownMarket, match="NOPE"):
        asking(sandbox, "okx", lambda asked: snapshot(asked, [Market("okx", "NOPE/USDT:USDT")]))


def test_a_venue_that_is_not_asked_is_refused_with_those_that_are():
    with pytest.raises(ConfigError) as caught:
        facts.snapshots_of("kraken")
    assert caught.value.hint == "choose from binance, bitfinex, bybit, gate, okx"
    with pytest.raises(ConfigError) as caught:
        facts.open_interest_of("okx")
    assert "binance, bybit, gate have a history" in str(caught.value.hint)


@every_venue
def test_every_fact_about_snapshots_says_where_it_is_from(venue: str):
    known = SNAPSHOTS[venue]
    for one in [known, *([known.history] if known.history else [])]:
        assert set(one.sources) == {field.name for field in fields(one)} - {"sources"}
        assert all(len(source) > 10 for source in one.sources.values())
    assert (known.history is not None) == (venue in HISTORY)
    assert {one.bucket for one in state_requests(venue, [{"settleId": "usdt"}])} <= set(facts.budgets(venue))
