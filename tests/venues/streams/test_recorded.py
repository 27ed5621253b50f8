"""Recorded WebSocket logs: every message is known by name, and what is read is what is in it."""

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qmd_platform.model.window import instant
from qmd_platform.venues.streams.dialects import TABLE
from qmd_platform.venues.streams.messages import Accepted, Beat, Ignored, Unreadable
from qmd_platform.venues.streams.records import HeardCandle, HeardMark
from tests.venues.streams.reading import AT, only, read, reader, streams

DATA = Path(__file__).parents[4] / "shared" / "data"
CRYPTOFEED, HFTBACKTEST = DATA / "ws_cryptofeed", DATA / "ws_hftbacktest_binance"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not CRYPTOFEED.is_dir(), reason="needs the recorded data of ../shared/data"),
]


def received(name: str) -> Iterator[str]:
    """The messages that came, of a log with ``seconds: message`` lines among others."""
    for line in (CRYPTOFEED / name).read_text(encoding="utf-8").splitlines():
        if found := re.match(r"\d+\.\d+: (.*)", line):
            yield found[1]


def classes(venue: str, messages: Iterator[str]) -> Counter[str]:
    """How many messages were of which class, the ignored ones by their names."""
    reading = TABLE[venue].reader([])
    events = [event for text in messages for event in reading.read(text, AT)]
    return Counter(event.name if isinstance(event, Ignored) else type(event).__name__ for event in events)


@pytest.mark.parametrize(
    ("venue", "name", "known"),
    [
        ("binance", "BINANCE_FUTURES.ws.1.0", {"bookTicker": 613, "depthUpdate": 764, "kline": 67, "aggTrade": 91}),
        (
            "bitfinex",
            "BITFINEX.ws.11.0",
            {"info": 1, "conf": 1, "Accepted": 21, "ticker": 21, "trades": 7, "book": 1600, "Beat": 42},
        ),
        (
            "gate",
            "GATEIO_FUTURES.ws.1.0",
            {"Accepted": 22, "order_book_update": 352, "book_ticker": 75, "candlesticks": 1},
        ),
        ("okx", "OKX.ws.1.0", {"Accepted": 18, "tickers": 28, "trades": 74, "books": 290}),
    ],
)
def test_every_recorded_message_is_known(venue: str, name: str, known: dict[str, int]) -> None:
    assert classes(venue, received(name)) == known


@pytest.mark.parametrize(
    ("venue", "name", "why", "accepted"),
    [
        ("bybit", "BYBIT.ws.26.0", "no topic of version 5", 4),
        ("kraken", "KRAKEN.ws.48.0", "version 1 of the API", 0),
        ("kraken", "KRAKEN.ws.49.0", "version 1 of the API", 0),
    ],
)
def test_messages_of_a_version_that_is_not_spoken_say_so(venue: str, name: str, why: str, accepted: int) -> None:
    """Both logs are older than the versions that are listened to."""
    events = [event for text in received(name) for event in TABLE[venue].reader([]).read(text, AT)]
    assert sum(isinstance(event, Accepted) for event in events) == accepted
    rest = [event for event in events if not isinstance(event, Accepted)]
    assert rest
    assert all(isinstance(event, Unreadable) and why in event.error.message for event in rest)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("spot_btcusdt_20240808.gz", {"depthUpdate": 3451, "bookTicker": 28040, "trade": 9757, "depth": 1}),
        ("usdm_btcusdt_20240808.gz", {"depthUpdate": 6551, "bookTicker": 66089, "trade": 21313, "depth": 1}),
    ],
)
def test_six_minutes_of_binance_are_known_message_by_message(name: str, known: dict[str, int]) -> None:
    """One message in each log is an answer of REST that the recorder put there."""
    with gzip.open(HFTBACKTEST / name, "rt", encoding="utf-8") as lines:
        assert classes("binance", (line.split(" ", 1)[1] for line in lines)) == known


def test_the_numbers_of_a_heartbeat_are_in_the_bitfinex_log_and_none_is_missing() -> None:
    """The reader would ask to connect anew if one were."""
    numbers = [json.loads(text)[-1] for text in received("BITFINEX.ws.11.0") if text.startswith("[")]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_recorded_klines_of_binance_are_read_field_by_field() -> None:
    names = ("SUSHI", "AKRO", "KEEP", "CTK")
    wanted = [streams(f"binance:{name}/USDT:USDT:1m", f"{name}USDT") for name in names]
    reading, compared = reader(*wanted), 0
    for text in received("BINANCE_FUTURES.ws.1.0"):
        said = json.loads(text)["data"]
        if said["e"] != "kline":
            continue
        told, candle = only(HeardCandle, read(reading, text)), said["k"]
        assert f"{told.series.symbol.split('/')[0]}USDT" == candle["s"]
        numbers = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}
        assert {name: getattr(told, name) for name in numbers} == {
            name: float(Decimal(candle[key])) for name, key in numbers.items()
        }
        assert (told.open_at, told.is_closed, told.venue_at) == (candle["t"], candle["x"], said["E"])
        # What the venue calls closed was over by its own clock, and the other way round.
        assert candle["x"] == (said["E"] > candle["T"])
        compared += 1
    assert compared == 67


def test_the_recorded_candle_of_gate_is_read_field_by_field() -> None:
    text = next(text for text in received("GATEIO_FUTURES.ws.1.0") if '"futures.candlesticks","event":"update"' in text)
    told = only(HeardCandle, read(reader(streams("gate:FRONT/USDT:USDT:1m", "FRONT_USDT", "10")), text))
    assert told.open_at == instant("2023-05-24T12:09:00Z")
    assert (told.open, told.high, told.low, told.close, told.volume) == (0.1701, 0.1701, 0.1701, 0.1701, 0.0)
    assert told.venue_at == 1684930165934
    assert not told.is_closed, "the message of 2023 does not say whether the window is over"


def sample(path: str) -> list[str]:
    """The JSON texts of a documented sample: what is sent, what comes."""
    text = (DATA / path).read_text(encoding="utf-8")
    return [part.strip() for part in re.split(r"^[<>=] ", text, flags=re.MULTILINE) if part.strip()]


def test_the_documented_state_of_a_contract_of_bitfinex_is_read_field_by_field() -> None:
    _, subscribed, state = sample("docsamples_bitfinex/DerivStatus.txt")
    reading = reader(streams("bitfinex:BTC/USDT:USDT", "tBTCF0:USTF0"))
    assert read(reading, subscribed) == [Accepted(topic="deriv:tBTCF0:USTF0")]
    told, row = only(HeardMark, read(reading, state)), json.loads(state)[1]
    assert (told.venue_at, told.index, told.next_settlement_at) == (row[0], row[3], row[7])
    assert (told.mark, told.open_interest) == (row[14], row[17]) == (0.7664, 246502.09001551)
    assert told.predicted_rate is None, "what has accrued is not what will be settled"
    assert read(reading, '[1,"hb"]') == [Beat("deriv:tBTCF0:USTF0")]


def test_the_documented_ticker_of_a_contract_of_gate_is_read_field_by_field() -> None:
    _, answer, update = sample("docsamples_gate/SubscribeToTickerUpdates.txt")
    reading = reader(streams("gate:ETH/USDT:USDT", "ETH_USDT", "0.01"))
    assert read(reading, answer) == [Accepted(-999)]
    told, said = only(HeardMark, read(reading, update)), json.loads(update)
    row: dict[str, Any] = said["result"][0]
    assert told.venue_at == said["time_ms"]
    assert told.mark == float(row["mark_price"])
    assert told.index == float(row["index_price"])
    assert told.predicted_rate == float(row["funding_rate"])
    assert told.open_interest == float(Decimal(row["total_size"]) * Decimal("0.01"))
    assert told.next_settlement_at is None
