"""Tardis's names for our markets: every market has one, and no two of a time have the same."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Market
from qmd_platform.model.window import Instant, Window, instant
from qmd_platform.sandbox.universe import Listing, listings, wire_symbol
from qmd_platform.venues import facts
from qmd_platform.venues.port import Instrument
from qmd_platform.venues.spellings import TABLE
from qmd_platform.venues.tardis import datasets
from qmd_platform.venues.tardis.exchanges import EXCHANGES, dataset_of, exchange, exchange_of, market_of, symbol_of

NOW = instant("2026-11-01")
BEFORE = instant("2026-06-30")


def instrument(one: Listing) -> Instrument:
    kind = one.market.kind
    args = (one.market.symbol, one.wire, kind, one.base, one.quote, one.settle, True, float(one.contract_size))
    return Instrument(*args, None, None, one.listed_at, "{}")


ALL = [(one.market, instrument(one)) for one in listings()]
BASES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=2, max_size=9)


def test_every_kind_of_market_that_is_fetched_has_an_exchange_at_tardis():
    fetched = {(venue, kind) for venue, kind in TABLE if kind != "future"}
    assert {(one.venue, one.kind) for one in EXCHANGES.values()} == fetched
    assert all(exchange_of(market).venue == market.venue for market, _ in ALL)


@pytest.mark.parametrize("at", [BEFORE, NOW])
def test_the_way_from_a_market_to_tardis_and_back_ends_where_it_began(at: Instant):
    for market, one in ALL:
        known = exchange_of(market)
        same = [other for whose, other in ALL if whose.venue == market.venue]
        for spelled in (symbol_of(known, one, at), dataset_of(symbol_of(known, one, at))):
            assert market_of(known, spelled, same, at) == market


@given(
    bases=st.sets(BASES, min_size=1, max_size=8), kind=st.sampled_from(sorted(TABLE)), at=st.sampled_from([BEFORE, NOW])
)
def test_no_two_markets_of_an_exchange_share_a_name_whatever_they_are_called(
    bases: set[str], kind: tuple[str, str], at: Instant
):
    venue, of = kind
    settle = "" if of == "spot" else ":USDT"
    markets = [Market(venue, f"{base}/USDT{settle}") for base in sorted(bases - {"XBT", "XDG", "USDT"})]
    known = [instrument(Listing(one, wire_symbol(one), 2, 3, Decimal(1), 0)) for one in markets]
    at_tardis = exchange_of(Market(venue, f"BTC/USDT{settle}"))
    assert [market_of(at_tardis, symbol_of(at_tardis, one, at), known, at) for one in known] == markets


@pytest.mark.parametrize(
    ("market", "at", "symbol", "dataset"),
    [
        ("binance:BTC/USDT:USDT", NOW, "BTCUSDT", "BTCUSDT"),
        ("gate:BTC/USDT", NOW, "BTC_USDT", "BTC_USDT"),
        ("bitfinex:BTC/USD", NOW, "BTCUSD", "BTCUSD"),
        ("bitfinex:BTC/USDT:USDT", NOW, "BTCF0:USTF0", "BTCF0-USTF0"),
        ("okx:BTC/USDT:USDT", NOW, "BTC-USDT-SWAP", "BTC-USDT-SWAP"),
        ("bybit:ETH/USDT", NOW, "ETHUSDT", "ETHUSDT"),
        ("kraken:BTC/USD", BEFORE, "XBT/USD", "XBT-USD"),
        ("kraken:BTC/USD", NOW, "BTC/USD", "BTC-USD"),
    ],
)
def test_names_are_those_of_tardiss_own_clients(market: str, at: Instant, symbol: str, dataset: str):
    one = next(row for whose, row in ALL if str(whose) == market)
    assert symbol_of(exchange_of(Market.parse(market)), one, at) == symbol
    assert dataset_of(symbol) == dataset


def test_two_instruments_of_one_name_are_refused_and_an_unknown_name_is_no_market():
    known, row = exchange("binance"), next(one for market, one in ALL if str(market) == "binance:BTC/USDT")
    twin = Instrument("BTC2/USDT", row.venue_symbol, "spot", "BTC2", "USDT", "", True, 1.0, None, None, None, "{}")
    assert market_of(known, "NOPE", [row], NOW) is None
    with pytest.raises(ConfigError, match=r"could be BTC/USDT or BTC2/USDT"):
        market_of(known, "BTCUSDT", [row, twin], NOW)


def test_what_is_not_recorded_is_refused_with_the_choices():
    with pytest.raises(ConfigError, match="did you mean okex-swap"):
        exchange("okx-swap")
    with pytest.raises(ConfigError, match="no exchange for perpetual markets of kraken"):
        exchange_of(Market("kraken", "BTC/USD:USD"))


def test_every_exchange_names_the_source_of_what_is_said_of_it():
    for one in EXCHANGES.values():
        assert {"id", "amount"} <= one.sources.keys()
        assert one.venue in facts.VENUES
        assert one.kind == "spot" or "expected" in one.sources or "accrued" in one.sources


def test_a_files_path_and_the_free_days_are_as_documented():
    assert datasets.path_of("deribit", "trades", instant("2019-11-01"), "BTC-PERPETUAL") == (
        "/v1/deribit/trades/2019/11/01/BTC-PERPETUAL.csv.gz"
    )
    days = datasets.days(Window.of("2026-10-31T12:00Z", "2026-11-02T00:00Z"))
    assert [datasets.is_free(day.start) for day in days] == [False, True]
