"""Fees and funding intervals as venues' lists state them, and as they do not."""

import asyncio

import pytest

from qmd_platform.sandbox.server import running
from qmd_platform.venues import facts, terms
from qmd_platform.venues.ccxt_client import client
from qmd_platform.venues.port import Instrument
from qmd_platform.venues.terms import Fees, Interval

NOW = "2026-11-10T12:00:00Z"


@pytest.fixture(scope="module")
def listed() -> dict[str, dict[str, Instrument]]:
    """What every venue of the sandbox lists, by symbol."""

    async def asked(venue: str, url: str) -> dict[str, Instrument]:
        async with client(venue, venue_url=url) as one:
            return {found.symbol: found for found in await one.instruments()}

    with running(now=NOW) as url:
        return {venue: asyncio.run(asked(venue, url)) for venue in facts.VENUES}


def perpetual_or_spot(of: dict[str, Instrument], kind: str) -> Instrument:
    return next(one for one in of.values() if one.kind == kind and one.base == "BTC")


@pytest.mark.parametrize(
    ("venue", "kind", "fees"),
    [
        ("binance", "spot", Fees(0.001, 0.001, "ccxt")),
        ("binance", "perpetual", Fees(0.0002, 0.0005, "ccxt")),
        ("bitfinex", "perpetual", Fees(0.001, 0.002, "ccxt")),
        ("bybit", "perpetual", Fees(0.0001, 0.0006, "ccxt")),
        ("gate", "spot", Fees(0.002, 0.002, "venue")),
        ("gate", "perpetual", Fees(-0.0001, 0.00075, "venue")),
        ("kraken", "spot", Fees(0.0025, 0.004, "venue")),
        ("okx", "perpetual", Fees(0.0002, 0.0005, "ccxt")),
    ],
)
def test_fees_are_the_list_s_own_or_ccxt_s_and_it_is_said_whose(
    listed: dict[str, dict[str, Instrument]], venue: str, kind: str, fees: Fees
):
    one = perpetual_or_spot(listed[venue], kind)
    assert (one.maker_fee, one.taker_fee, one.fees_from) == fees


@pytest.mark.parametrize(
    ("venue", "stated"),
    [
        ("binance", (None, None)),
        ("bitfinex", (8.0, "usual")),
        ("bybit", (8.0, "venue")),
        ("gate", (8.0, "venue")),
        ("okx", (None, None)),
    ],
)
def test_an_interval_is_what_the_list_says_else_what_is_usual_else_unknown(
    listed: dict[str, dict[str, Instrument]], venue: str, stated: tuple[float | None, str | None]
):
    one = perpetual_or_spot(listed[venue], "perpetual")
    assert (one.funding_interval_hours, one.funding_interval_from) == stated


def test_a_spot_market_has_no_funding(listed: dict[str, dict[str, Instrument]]):
    spot = [one for of in listed.values() for one in of.values() if one.kind == "spot"]
    assert {one.funding_interval_hours for one in spot} == {None}


def test_intervals_stated_elsewhere_say_of_which_contracts():
    async def asked(venue: str, url: str) -> dict[str, Interval]:
        async with client(venue, venue_url=url) as one:
            return await one.interval_facts()

    with running(now=NOW) as url:
        binance, okx = (asyncio.run(asked(venue, url)) for venue in ("binance", "okx"))
    assert binance["BTC/USDT:USDT"] == Interval(8, "usual")
    assert binance["SOL/USDT:USDT"] == Interval(4.0, "venue")
    assert okx["BTC/USDT:USDT"] == Interval(8.0, "venue")


def test_nothing_is_made_up_where_nothing_is_said():
    assert terms.fees("okx", {}) == Fees(None, None, None)
    assert terms.fees("gate", {"swap": True, "info": {"maker_fee_rate": "?", "taker_fee_rate": "0.1"}}) == Fees(
        None, None, None
    )
    assert terms.interval("kraken", {"swap": True, "info": {}}) is None
    assert terms.interval("gate", {"swap": True, "info": {"funding_interval": "0"}}) is None
