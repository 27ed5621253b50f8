"""Bybit's predictions: a delta has only what changed, and a rate is told with the settlement that it is of."""

import json

from qmd_platform.venues.streams.dialects import Reader
from qmd_platform.venues.streams.messages import Unreadable
from qmd_platform.venues.streams.records import HeardMark
from tests.venues.streams.reading import AT, only, reader, streams

SETTLES = 1_673_280_000_000
BEFORE = 1_673_272_861_686
HOURS = 3_600_000


def ticker(kind: str, ts: int, **fields: str) -> str:
    """As in bybit-exchange.github.io/docs/v5/websocket/public/ticker, read on 2026-11-21."""
    data = {"symbol": "BTCUSDT", **fields}
    return json.dumps({"topic": "tickers.BTCUSDT", "type": kind, "data": data, "cs": 24987956059, "ts": ts})


def bybit() -> Reader:
    return reader(streams("bybit:BTC/USDT:USDT", "BTCUSDT"))


def funding(one: Reader, text: str) -> tuple[float | None, int | None]:
    mark = only(HeardMark, one.read(text, AT))
    return mark.predicted_rate, mark.next_settlement_at


WHOLE = ticker(
    "snapshot",
    BEFORE,
    markPrice="17217.33",
    fundingRate="-0.000212",
    nextFundingTime=str(SETTLES),
    openInterest="68744",
)


def test_a_rate_that_changes_is_told_with_its_settlement_and_a_settlement_with_its_rate() -> None:
    one = bybit()
    assert funding(one, WHOLE) == (-0.000212, SETTLES)
    assert funding(one, ticker("delta", BEFORE + 100, markPrice="17217.34")) == (None, None)
    assert funding(one, ticker("delta", BEFORE + 200, fundingRate="-0.000213")) == (-0.000213, SETTLES)
    assert funding(one, ticker("delta", BEFORE + 300, fundingRate="-0.000214", markPrice="17217")) == (
        -0.000214,
        SETTLES,
    )
    later = SETTLES + 8 * HOURS
    assert funding(one, ticker("delta", SETTLES + 50, nextFundingTime=str(later))) == (-0.000214, later)
    assert funding(one, ticker("delta", SETTLES + 60, fundingRate="0.0001")) == (0.0001, later)


def test_a_rate_that_changes_after_the_settlement_is_not_told_of_that_one() -> None:
    one = bybit()
    funding(one, WHOLE)
    assert funding(one, ticker("delta", SETTLES, fundingRate="0.0001")) == (0.0001, None)
    later = SETTLES + 8 * HOURS
    assert funding(one, ticker("delta", SETTLES + 50, nextFundingTime=str(later))) == (0.0001, later)


def test_nothing_is_remembered_beyond_a_snapshot_a_connection_or_a_message_that_cannot_be_read() -> None:
    changed = ticker("delta", BEFORE + 100, fundingRate="-0.000213")
    assert funding(bybit(), changed) == (-0.000213, None)
    for forgets in (ticker("delta", BEFORE, nextFundingTime="soon"), ticker("delta", BEFORE)[:40]):
        one = bybit()
        funding(one, WHOLE)
        only(Unreadable, one.read(forgets, AT))
        assert funding(one, changed) == (-0.000213, None)
    one = bybit()
    funding(one, WHOLE)
    funding(one, ticker("snapshot", BEFORE, markPrice="17217.33"))
    assert funding(one, changed) == (-0.000213, None)


def test_each_perpetual_has_its_own() -> None:
    one = reader(streams("bybit:BTC/USDT:USDT", "BTCUSDT"), streams("bybit:ETH/USDT:USDT", "ETHUSDT"))
    funding(one, WHOLE)
    other = ticker("delta", BEFORE + 100, fundingRate="0.0003").replace("BTCUSDT", "ETHUSDT")
    assert funding(one, other) == (0.0003, None)
