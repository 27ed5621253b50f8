"""What each venue's messages say: documented ones, and ours to them."""

import json

import pytest

from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Market, Series
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.venues.streams.dialects import TABLE
from qmd_platform.venues.streams.habits import HABITS
from qmd_platform.venues.streams.messages import Beat, Unreadable
from qmd_platform.venues.streams.records import HeardCandle, HeardMark
from qmd_platform.venues.streams.wanted import checked
from tests.venues.streams import samples
from tests.venues.streams.reading import AT, only, read, reader, streams


@pytest.mark.parametrize(("wanted", "venue_symbol", "size", "texts", "expected"), samples.CANDLES)
def test_a_documented_candle_is_read(
    wanted: str, venue_symbol: str, size: str, texts: tuple[str, ...], expected: tuple[object, ...]
) -> None:
    told = only(HeardCandle, read(reader(streams(wanted, venue_symbol, size)), *texts)[len(texts) - 1 :])
    assert told.series == Series.parse(wanted)
    assert (told.open_at, told.open, told.high, told.low, told.close, told.volume) == expected[:6]
    assert (told.is_closed, told.venue_at) == expected[6:]
    assert told.received_at == AT


def test_contracts_become_base_coins_by_the_arithmetic_of_rest() -> None:
    """23724 contracts of 0.0001 are 2.3724, the float nearest to it; 23724 * 0.0001 is 2.3724000000000003."""
    text = samples.GATE_FUTURES.replace("27525555", "23724")
    told = read(reader(streams("gate:BTC/USDT:USDT:1m", "BTC_USDT", "0.0001")), text)
    assert [one.volume for one in told if isinstance(one, HeardCandle)] == [2.3724]


def test_a_candle_that_is_called_closed_before_its_end_by_the_venues_own_clock_is_told_as_forming() -> None:
    early = samples.BINANCE.replace('"x":false', '"x":true')
    told, doubt = read(reader(streams("binance:ETH/BTC:1m", "ETHBTC")), early)
    assert isinstance(told, HeardCandle)
    assert not told.is_closed
    assert isinstance(doubt, Unreadable)
    assert "called closed before its end" in doubt.error.message
    on_time = early.replace("1579482921215", "1579482960000")
    assert only(HeardCandle, read(reader(streams("binance:ETH/BTC:1m", "ETHBTC")), on_time)).is_closed


@pytest.mark.parametrize(("wanted", "venue_symbol", "text", "expected"), samples.MARKS)
def test_a_documented_message_about_a_perpetual_is_read(
    wanted: str,
    venue_symbol: str,
    text: str,
    expected: tuple[float | None, ...],
) -> None:
    events = [one for one in read(reader(streams(wanted, venue_symbol)), text) if not isinstance(one, Beat)]
    told = only(HeardMark, events)
    assert told == HeardMark(Market.parse(wanted), *expected, received_at=AT)


@pytest.mark.parametrize(("venue", "text", "event"), samples.ANSWERS)
def test_a_documented_answer_is_known(venue: str, text: str, event: object) -> None:
    assert TABLE[venue].reader([]).read(text, AT) == (event,)


def test_requests_are_in_the_venues_own_words() -> None:
    def asked(wanted: str, venue_symbol: str) -> list[object]:
        some = streams(wanted, venue_symbol)
        dialect = TABLE[some[0].subject.market.venue]
        return [json.loads(request.text) for request in dialect.requests(some, 3, 100, AT)]

    assert asked("binance:BTC/USDT:1m", "BTCUSDT") == [{"method": "SUBSCRIBE", "params": ["btcusdt@kline_1m"], "id": 3}]
    assert asked("binance:BTC/USDT:USDT", "BTCUSDT") == [
        {"method": "SUBSCRIBE", "params": ["btcusdt@markPrice@1s"], "id": 3}
    ]
    candles = {"event": "subscribe", "channel": "candles", "key": "trade:1D:tBTCUSD"}
    assert asked("bitfinex:BTC/USD:1d", "tBTCUSD") == [candles]
    status = {"event": "subscribe", "channel": "status", "key": "deriv:tBTCF0:USTF0"}
    assert asked("bitfinex:BTC/USDT:USDT", "tBTCF0:USTF0") == [status]
    assert asked("bybit:BTC/USDT:1h", "BTCUSDT") == [{"req_id": "3", "op": "subscribe", "args": ["kline.60.BTCUSDT"]}]
    gate = {"time": AT // 1000, "id": 3, "channel": "futures.candlesticks", "event": "subscribe"}
    assert asked("gate:BTC/USDT:USDT:1m", "BTC_USDT") == [{**gate, "payload": ["1m", "BTC_USDT"]}]
    about = {"channel": "ohlc", "symbol": ["BTC/USD"], "interval": 240, "snapshot": True}
    assert asked("kraken:BTC/USD:4h", "XXBTZUSD") == [{"method": "subscribe", "params": about, "req_id": 3}]
    args = [{"channel": "candle1Dutc", "instId": "BTC-USDT"}]
    assert asked("okx:BTC/USDT:1d", "BTC-USDT") == [{"id": "3", "op": "subscribe", "args": args}]


def test_what_a_venue_does_not_stream_is_refused_with_what_it_does() -> None:
    def problem(venue: str, wanted: str) -> str:
        about = Series.parse(wanted) if wanted[-1] in "mhd" else Market.parse(wanted)
        with pytest.raises(ConfigError) as caught:
            checked(venue, [about], TABLE[venue].candles)
        return str(caught.value)

    assert "gate streams no 2h candles" in problem("gate", "gate:BTC/USDT:2h")
    assert "1h" in problem("gate", "gate:BTC/USDT:2h")
    assert "kraken is not asked" in problem("kraken", "kraken:BTC/USD")
    assert "has no mark price" in problem("binance", "binance:BTC/USDT")
    assert "is not of okx" in problem("okx", "binance:BTC/USDT:1m")
    with pytest.raises(ConfigError, match="not told over a WebSocket"):
        checked("okx", [Series.funding(Market.parse("okx:BTC/USDT:USDT"))], TABLE["okx"].candles)


@pytest.mark.parametrize("venue", TABLE)
def test_every_fact_of_an_address_says_where_it_is_from(venue: str) -> None:
    for place in HABITS[venue].values():
        assert place.sources.keys() == set(place.__slots__) - {"sources", "sandbox"}


def test_a_minute_is_sixty_thousand_milliseconds_to_everybody() -> None:
    assert {streams(f"{venue}:BTC/USDT:1m", "X")[0].subject.step for venue in TABLE} == {MINUTE}
