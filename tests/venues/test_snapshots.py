"""Asking what perpetuals are like now over real sockets through real ccxt: all contracts in one look, whatever the venue."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import fields
from typing import TypeVar

import numpy as np
import pytest

from qmd_platform.errors import ConfigError, UnknownMarket
from qmd_platform.model.series import Market
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.sandbox.snapshots import open_interest_truth, predictions_truth
from qmd_platform.venues import facts
from qmd_platform.venues.ccxt_client import CcxtVenue, client
from qmd_platform.venues.facts.snapshots import SNAPSHOTS
from qmd_platform.venues.snapshot_asking import Snapshot, open_interest, snapshot
from qmd_platform.venues.snapshot_dialects import HISTORY, state_requests
from tests.venues.asking import QUICK

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
