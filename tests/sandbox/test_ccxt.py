"""The real ccxt against the sandbox: what it parses is the market's closed form."""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Instant, Window
from qmd_platform.sandbox.market import in_base, trading, truth
from qmd_platform.sandbox.server import running
from qmd_platform.sandbox.universe import VENUES, listings

BY_MARKET = {str(listing.market): listing for listing in listings()}
KINDS = [
    "binance:BTC/USDT",
    "binance:BTC/USDT:USDT",
    "binance:1000PEPE/USDT:USDT",
    "gate:ETH/USDT",
    "gate:BTC/USDT:USDT",
    "gate:SOL/USDT:USDT",
    "bitfinex:BTC/USD",
    "bitfinex:BTC/USDT",
    "bitfinex:BTC/USDT:USDT",
    "bitfinex:DOGE/USD",
    "okx:BTC/USDT",
    "okx:DOGE/USDT:USDT",
    "bybit:BTC/USDT",
    "bybit:SOL/USDT:USDT",
    "kraken:DOGE/USD",
    "kraken:BTC/USDT",
]
Pointed = Callable[[Any, str], Any]
Exchanges = dict[str, Any]
Rows = list[list[float]]


@pytest.fixture(scope="session")
def exchanges(url: str, pointed: Pointed) -> Exchanges:
    """ccxt's own classes, markets loaded with no other setting than the address."""
    import ccxt

    made = {name: pointed(getattr(ccxt, name)(), url) for name in VENUES}
    for exchange in made.values():
        exchange.enableRateLimit = False
        exchange.load_markets()
    return made


def assert_is_truth(rows: Rows, market: Market, timeframe: Timeframe, window: Window, now: Instant):
    """``rows`` as ccxt parsed them, closed or not, against the closed form."""
    listing = BY_MARKET[str(market)]
    expected = truth(market, timeframe, window, now)
    got = np.array([row for row in rows if row[0] + timeframe.step <= now], np.float64).reshape(-1, 6)
    assert got[:, 0].tolist() == expected.open_at.tolist()
    for place, name in enumerate(("open", "high", "low", "close"), 1):
        assert got[:, place].tolist() == getattr(expected, name).tolist()
    if market.venue == "okx" and not listing.is_spot:  # ccxt reads the base coins that OKX prints beside the contracts
        assert got[:, 5].tolist() == expected.volume.tolist()
        return
    lots = np.rint(got[:, 5] * 10**listing.lot_digits).astype(np.int64)
    assert (lots / 10**listing.lot_digits).tolist() == got[:, 5].tolist()
    assert in_base(lots, listing).tolist() == expected.volume.tolist()


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("timeframe", [Timeframe.M1, Timeframe.M5, Timeframe.H4, Timeframe.D1])
def test_ccxt_reads_the_closed_form(exchanges: Exchanges, now: Instant, name: str, timeframe: Timeframe):
    market = Market.parse(name)
    start = now // timeframe.step * timeframe.step - 200 * timeframe.step
    rows = exchanges[market.venue].fetch_ohlcv(market.symbol, timeframe.value, start, 500, {"until": now})
    assert_is_truth(rows, market, timeframe, Window(start, now), now)


@pytest.mark.parametrize("name", [name for name in KINDS if "BTC" in name])
def test_ccxt_reads_the_forming_candle_last(exchanges: Exchanges, now: Instant, name: str):
    market = Market.parse(name)
    listing = BY_MARKET[name]
    rows = exchanges[market.venue].fetch_ohlcv(market.symbol, "1h", None, 3)
    shown = trading(listing, Timeframe.H1.step, now - 3 * Timeframe.H1.step, now, now)
    assert [row[0] for row in rows] == shown.open_at.tolist()
    assert rows[-1][0] + Timeframe.H1.step > now
    assert rows[-1][4] == shown.close[-1] / 10**listing.tick_digits
    assert rows[-1][5] == shown.volume[-1] / 10**listing.lot_digits
    later = truth(market, Timeframe.H1, Window(rows[-1][0], rows[-1][0] + 1), now + Timeframe.H1.step)
    assert rows[-1][5] * float(listing.contract_size) < later.volume[0]


@pytest.mark.parametrize("name", ["binance:BTC/USDT", "gate:BTC/USDT:USDT", "bitfinex:BTC/USD"])
def test_ccxt_async_reads_the_same(pointed: Pointed, url: str, now: Instant, name: str):
    import ccxt.async_support as ccxt

    market = Market.parse(name)
    start = now // MINUTE * MINUTE - 200 * MINUTE

    async def fetched() -> Rows:
        exchange = pointed(getattr(ccxt, market.venue)(), url)
        exchange.enableRateLimit = False
        try:
            return list(await exchange.fetch_ohlcv(market.symbol, "1m", start, 500, {"until": now}))
        finally:
            await exchange.close()

    assert_is_truth(asyncio.run(fetched()), market, Timeframe.M1, Window(start, now), now)


def test_ccxt_lists_every_market_with_its_facts(exchanges: Exchanges):
    for listing in listings():
        parsed = exchanges[listing.market.venue].markets[listing.market.symbol]
        assert parsed["id"] == listing.wire
        assert parsed["spot"] == listing.is_spot
        assert parsed["active"]
        if not listing.is_spot:
            assert parsed["swap"]
            assert parsed["linear"]
            assert parsed["contractSize"] == float(listing.contract_size)
        if listing.market.venue != "bitfinex":
            assert parsed["precision"]["price"] == float(listing.tick)
    assert sum(len(exchange.markets) for exchange in exchanges.values()) == len(listings())


def test_ccxt_reads_listing_dates_where_the_venue_prints_them(exchanges: Exchanges):
    for listing in listings():
        created = exchanges[listing.market.venue].markets[listing.market.symbol]["created"]
        of_contracts = listing.market.venue in {"binance", "bybit"} and not listing.is_spot
        prints = listing.market.venue in {"gate", "okx"} or of_contracts
        assert created == (listing.listed_at if prints else None)


def test_a_market_that_is_not_listed_yet_is_not_in_the_list(pointed: Pointed):
    import ccxt

    with running(now="2026-10-15T08:36:59Z") as url:
        assert "LATE/USDT" not in pointed(ccxt.binance(), url).load_markets()
    with running(now="2026-10-15T08:37:00Z") as url:
        assert "LATE/USDT" in pointed(ccxt.binance(), url).load_markets()


def test_ccxt_knows_the_errors(exchanges: Exchanges):
    import ccxt

    with pytest.raises(ccxt.BadSymbol):
        exchanges["binance"].publicGetKlines({"symbol": "NOPE", "interval": "1m"})
    with pytest.raises(ccxt.BadRequest):
        exchanges["binance"].fetch_ohlcv("BTC/USDT", "7m")
    with pytest.raises(ccxt.BadSymbol):
        exchanges["gate"].publicSpotGetCandlesticks({"currency_pair": "NO_PE", "interval": "1m"})
    with pytest.raises(ccxt.BadSymbol):
        exchanges["gate"].publicFuturesGetSettleCandlesticks({"settle": "usdt", "contract": "NO_PE"})
    with pytest.raises(ccxt.BadRequest):
        exchanges["gate"].fetch_ohlcv("BTC/USDT", "7m")
    with pytest.raises(ccxt.BadSymbol):
        exchanges["bitfinex"].publicGetCandlesTradeTimeframeSymbolHist({"symbol": "tNOPE", "timeframe": "1m"})
    with pytest.raises(ccxt.BadRequest):
        exchanges["bitfinex"].fetch_ohlcv("BTC/USD", "7m")


def test_ccxt_reads_the_clocks(exchanges: Exchanges, now: Instant):
    assert exchanges["binance"].fetch_time() == now
    assert exchanges["binance"].fapiPublicGetTime()["serverTime"] in {now, str(now)}
    assert exchanges["gate"].fetch_time() == now
    assert exchanges["bitfinex"].fetch_status()["status"] == "ok"
