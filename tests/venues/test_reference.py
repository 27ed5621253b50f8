"""Candles of mark, index and premium of every venue that has them, asked through ccxt over real sockets."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import fields, replace
from typing import TypeVar

import pytest

from qmd_platform.errors import BeyondHistory, ConfigError
from qmd_platform.model.reference_tables import STEP, Reference
from qmd_platform.model.series import Market
from qmd_platform.model.window import Instant, Window, instant
from qmd_platform.sandbox.reference_truth import reference_truth
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.venues import facts
from qmd_platform.venues.ccxt_client import CcxtVenue, client
from qmd_platform.venues.port import Page
from qmd_platform.venues.reference_asking import reference_page

T = TypeVar("T")

NOW = "2026-03-20T12:00:30Z"
HAVE = [(venue, wanted) for venue in facts.VENUES for wanted in facts.references(venue)]
LACK = [(venue, wanted) for venue in facts.VENUES for wanted in Reference if (venue, wanted) not in HAVE]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with serving(now=instant(NOW)) as served:
        yield served


def asked(venue: str, url: str, question: Callable[[CcxtVenue], Awaitable[T]]) -> T:
    async def ask() -> T:
        async with client(venue, venue_url=url) as one:
            return await question(one)

    return asyncio.run(ask())


def page(sandbox: Sandbox, market: Market, wanted: Reference, window: Window) -> Page:
    return asked(market.venue, sandbox.url, lambda one: reference_page(one, market, wanted, window))


def perpetual(venue: str, coin: str = "BTC") -> Market:
    return Market(venue, f"{coin}/USDT:USDT")


def hours(venue: str, wanted: Reference, end: Instant, count: int = 10_000) -> Window:
    """The most hours of a page that end at ``end``."""
    most = min(count, facts.reference_of(venue, "perpetual", wanted).page_limit)
    return Window(end - most * STEP.step, end)


@pytest.mark.parametrize(("venue", "wanted"), HAVE)
def test_a_whole_page_is_what_the_venue_has(venue: str, wanted: Reference, sandbox: Sandbox):
    window = hours(venue, wanted, instant("2026-03-01"))
    got = page(sandbox, perpetual(venue), wanted, window)
    assert got.candles.equals(reference_truth(perpetual(venue), wanted, window, instant(NOW)))
    assert len(got.candles) == window.steps(STEP.step)
    assert len(got.digest) == 64


@pytest.mark.parametrize(("venue", "wanted"), [one for one in HAVE if one[1] is Reference.MARK])
def test_of_the_newest_page_only_the_hour_in_progress_is_not_closed(venue: str, wanted: Reference, sandbox: Sandbox):
    end = instant("2026-03-20T13:00:00Z")
    got = page(sandbox, perpetual(venue, "ETH"), wanted, hours(venue, wanted, end, 5)).candles
    true = reference_truth(perpetual(venue, "ETH"), wanted, Window(end - 5 * STEP.step, end), instant(NOW))
    assert got.take(slice(len(true))).equals(true)
    assert len(true) == 4
    assert got.open_at[4:].tolist() in ([], [end - STEP.step])


@pytest.mark.parametrize(("venue", "wanted"), LACK)
def test_what_a_venue_has_not_is_refused_with_those_that_have_it(venue: str, wanted: Reference, sandbox: Sandbox):
    with pytest.raises(ConfigError, match=f"{venue} has no {wanted.value} candles") as caught:
        page(sandbox, perpetual(venue), wanted, Window(0, STEP.step))
    assert "binance" in str(caught.value.hint)


def test_spot_has_neither_mark_nor_index(sandbox: Sandbox):
    with pytest.raises(ConfigError, match="spot"):
        page(sandbox, Market("binance", "BTC/USDT"), Reference.MARK, Window(0, STEP.step))


def test_a_contract_of_a_thousand_coins_has_an_index_of_a_thousand_coins(sandbox: Sandbox):
    window = hours("binance", Reference.INDEX, instant("2026-03-01"), 3)
    market = perpetual("binance", "1000PEPE")
    mark, index = (page(sandbox, market, wanted, window).candles for wanted in (Reference.MARK, Reference.INDEX))
    assert abs(mark.close / index.close - 1).max() < 0.01


def test_mark_and_index_are_told_apart(sandbox: Sandbox):
    for venue in ("binance", "bybit", "gate", "okx", "bitfinex"):
        window = hours(venue, Reference.MARK, instant("2026-03-01"), 30)
        mark, index = (
            page(sandbox, perpetual(venue), wanted, window).candles for wanted in (Reference.MARK, Reference.INDEX)
        )
        assert (mark.close != index.close).mean() > 0.8
        assert abs(mark.close / index.close - 1).max() < 0.005


def test_gate_refuses_hours_older_than_it_serves():
    with serving(now=instant(NOW), gate_history_points=100) as served, pytest.raises(BeyondHistory):
        page(served, perpetual("gate"), Reference.MARK, hours("gate", Reference.MARK, instant("2026-03-01"), 5))


@pytest.mark.parametrize("kind", ["truncated_json", "html", "server_error", "cut_connection"])
def test_an_answer_that_is_none_is_asked_for_again(kind: str):
    market, window = perpetual("okx"), hours("okx", Reference.INDEX, instant("2026-03-01"), 20)
    with serving(now=instant(NOW), faults=[{"kind": kind, "path": "history-index", "first": 1}]) as served:
        got = page(served, market, Reference.INDEX, window)
    assert got.candles.equals(reference_truth(market, Reference.INDEX, window, instant(NOW)))


def test_snapshots_of_one_request_are_gone_on_from_where_it_is_full(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    known = facts.REFERENCE["bitfinex"][Reference.MARK]
    few = {Reference.MARK: replace(known, snapshots=7)}
    monkeypatch.setattr(facts, "REFERENCE", {"bitfinex": few})
    window = hours("bitfinex", Reference.MARK, instant("2026-03-01"), 10)
    got = page(sandbox, perpetual("bitfinex"), Reference.MARK, window)
    assert got.candles.equals(reference_truth(perpetual("bitfinex"), Reference.MARK, window, instant(NOW)))
    assert len(got.candles) == 10


@pytest.mark.parametrize(("venue", "wanted"), HAVE)
def test_every_fact_says_where_it_is_from_and_its_bucket_has_one_budget(venue: str, wanted: Reference):
    known = facts.reference_of(venue, "perpetual", wanted)
    assert set(known.sources) == {field.name for field in fields(known)} - {"sources"}
    assert all(len(source) > 20 for source in known.sources.values())
    assert facts.budgets(venue)[known.budget.bucket] == known.budget
    assert known.room(known.page_limit)[0] == known.page_limit
