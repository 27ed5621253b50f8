"""Names: market, series and partition, in every spelling and back, over every symbol shape ccxt has."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Market, Partition, Series
from qmd_platform.model.timeframe import Timeframe

SHAPES = [  # ccxt unified symbols, with what kind of instrument each names
    ("BTC/USDT", "spot"),
    ("BTC/USDT:USDT", "perpetual"),
    ("BTC/USD:BTC", "perpetual"),
    ("BTC/USDT:USDT-240329", "future"),
    ("BTC/USD:BTC-240329", "future"),
    ("BTC/USD:BTC-240329-50000-C", "option"),
    ("ETH/USDT:USDT-240329-3200.5-P", "option"),
    ("1000PEPE/USDT:USDT", "perpetual"),
    ("kPEPE/USDC:USDC", "perpetual"),
    ("BTC.D/USDT", "spot"),
    ("USDT0/UST", "spot"),
    ("AAVE3S/USDT", "spot"),
    ("TESTBTC/TESTUSDT:TESTUSDT", "perpetual"),
    ("BTC-PERP/USD", "spot"),
    ("A_B/C_D:E_F", "perpetual"),
    ("币安人生/USDT", "spot"),
    ("$MICHI/USDT:USDT", "perpetual"),
    ("100%/USDT", "spot"),
    ("~X~/Y", "spot"),
]
MONTHS = ["2017-08", "2026-11"]
FORBIDDEN_IN_DAGSTER_KEYS = "|,[]"

part = st.text(st.characters(exclude_categories=("Cs", "Z", "Cc"), exclude_characters="/:|,[]"), min_size=1, max_size=8)
settles = part.filter(lambda one: one not in set(Timeframe))  # with one it is a series, and refused
symbols = st.one_of(
    st.builds(lambda base, quote: f"{base}/{quote}", part, part),
    st.builds(lambda base, quote, settle: f"{base}/{quote}:{settle}", part, part, settles),
)
markets = st.builds(Market, st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True), symbols)
candle_series = st.builds(Series.candles, markets, st.sampled_from(list(Timeframe)))


@pytest.mark.parametrize(("symbol", "kind"), SHAPES)
def test_a_symbols_shape_tells_its_kind(symbol: str, kind: str):
    assert Market("binance", symbol).kind == kind


@pytest.mark.parametrize("symbol", [symbol for symbol, _ in SHAPES])
def test_every_symbol_shape_survives_every_spelling(symbol: str):
    market = Market.parse(f"binance:{symbol}")
    assert market.symbol == symbol
    assert Market.from_slug(market.slug) == market
    for timeframe in Timeframe:
        series = Series.candles(market, timeframe)
        assert Series.parse(str(series)) == series
        for month in MONTHS:
            partition = Partition(series, month)
            assert Partition.from_folder(partition.folder) == partition


@given(markets)
def test_a_market_survives_its_slug_and_its_text(market: Market):
    assert Market.from_slug(market.slug) == market
    assert Market.parse(str(market)) == market


@given(markets)
def test_a_slug_is_safe_in_files_addresses_and_dagster_keys(market: Market):
    assert re.fullmatch(r"[A-Za-z0-9%_~-]+", market.slug)


@given(markets, markets)
def test_two_markets_never_share_a_slug(one: Market, other: Market):
    assert (one.slug == other.slug) == (one == other)


@given(candle_series, st.sampled_from(MONTHS))
def test_a_partition_survives_its_folder(series: Series, month: str):
    partition = Partition(series, month)
    assert Partition.from_folder(partition.folder) == partition
    assert partition.folder.count("/") == 3
    assert not set(partition.folder) & set('\\:*?"<>|')


@given(candle_series)
def test_a_series_survives_its_text_and_knows_its_parts(series: Series):
    assert Series.parse(str(series)) == series
    assert Series.candles(series.market, series.timeframe) == series


@given(candle_series, st.sampled_from(MONTHS))
def test_a_dagster_key_has_the_market_then_the_month_and_nothing_dagster_forbids(series: Series, month: str):
    slug, _, tail = Partition(series, month).key.partition("|")
    assert tail == month
    assert Market.from_slug(slug) == series.market
    assert not set(slug) & set(FORBIDDEN_IN_DAGSTER_KEYS)


def test_the_spellings_are_the_documented_ones():
    partition = Partition(Series.parse("binance:BTC/USDT:USDT:1m"), "2026-11")
    assert partition.key == "binance~BTC-USDT_USDT|2026-11"
    assert partition.folder == "table=candles_1m/venue=binance/market=BTC%2FUSDT%3AUSDT/month=2026-11"
    assert str(partition) == "binance:BTC/USDT:USDT:1m 2026-11"


def test_instruments_are_one_partition_of_a_venue():
    partition = Partition(Series.instruments("gate"))
    assert partition.folder == "table=instruments/venue=gate/month=all"
    assert Partition.from_folder(partition.folder) == partition
    assert str(partition.series) == "gate:instruments"


def test_a_spot_series_and_its_perpetual_do_not_look_alike():
    assert str(Series.parse("gate:BTC/USDT:1m")) != str(Series.parse("gate:BTC/USDT:USDT:1m"))


@pytest.mark.parametrize(
    "text",
    ["", "binance", "binance:", "binance:BTC", "BTC/USDT", ":BTC/USDT", "Binance:BTC/USDT", "binance:BTC/USDT:",
     "binance:BTC/USDT:USDT:USDT", "binance:BTC/ USDT", "binance:/USDT", "binance:BTC/USDT/X", "binance:BTC|/USDT"],
)  # fmt: skip
def test_what_is_not_a_market_is_refused_with_an_example(text: str):
    with pytest.raises(ConfigError, match="is not a market") as refusal:
        Market.parse(text)
    assert "binance:BTC/USDT:USDT" in str(refusal.value)


@pytest.mark.parametrize("text", ["", "1m", "binance:1m", "BTC/USDT:1m"])
def test_what_is_not_a_series_is_refused_with_an_example(text: str):
    with pytest.raises(ConfigError) as refusal:
        Series.parse(text)
    assert refusal.value.hint


def test_a_series_without_a_timeframe_is_told_the_valid_ones():
    with pytest.raises(ConfigError, match="unknown timeframe 'USDT'"):
        Series.parse("binance:BTC/USDT:USDT")


@pytest.mark.parametrize("slug", ["", "binance", "binance~BTC", "BTC-USDT", "binance-BTC~USDT"])
def test_what_is_not_a_slug_is_refused(slug: str):
    with pytest.raises(ConfigError):
        Market.from_slug(slug)


def test_a_series_where_a_market_is_wanted_is_told_apart():
    with pytest.raises(ConfigError, match="is a series, not a market") as refused:
        Market.parse("binance:BTC/USDT:1m")
    assert refused.value.hint == "the market is binance:BTC/USDT, the timeframe 1m"
