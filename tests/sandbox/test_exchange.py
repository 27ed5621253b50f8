"""Which rows a request gets, and which answers may be kept: against the plain definition."""

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import instant
from qmd_platform.sandbox import dispatch
from qmd_platform.sandbox.exchange import FOREVER, Ask, Deterministic, Exchange
from qmd_platform.sandbox.market import trading
from qmd_platform.sandbox.universe import Listing, listings

NOW = instant("2026-11-20T12:34:56.789Z")
EXCHANGE = Exchange(listings())
SOME = [
    one for one in listings() if str(one.market) in {"binance:LATE/USDT", "gate:BTC/USDT:USDT", "bitfinex:BTC/USDT"}
]
near_now = st.integers(-3000, 20).map(lambda minutes: NOW + minutes * MINUTE)
near_listing = st.integers(-100, 100).map(lambda minutes: instant("2026-10-15T08:37:00Z") + minutes * MINUTE)


@given(
    listing=st.sampled_from(SOME),
    timeframe=st.sampled_from([Timeframe.M1, Timeframe.M5, Timeframe.H1]),
    bounds=st.tuples(near_now | near_listing, near_now | st.just(FOREVER)),
    limit=st.integers(1, 300),
    newest=st.booleans(),
)
def test_a_request_gets_the_oldest_or_newest_rows_of_its_window(
    listing: Listing, timeframe: Timeframe, bounds: tuple[int, int], limit: int, *, newest: bool
):
    start, end = bounds
    ask = Ask(listing, timeframe, start, end, limit, newest=newest)
    everything = trading(listing, timeframe.step, start, end, NOW)
    rows = Deterministic(listing).rows(ask, NOW)
    picked = slice(-limit, None) if newest else slice(limit)
    assert np.array_equal(rows.open_at, everything.open_at[picked])
    assert np.array_equal(rows.close.values, everything.close[picked])


@dataclass(frozen=True)
class Spoken:
    """How one venue writes a request."""

    path: str
    market: dict[str, str]
    start: str
    end: str
    unit: int = 1


VENUES = [
    Spoken("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m"}, "startTime", "endTime"),
    Spoken("/fapi/v1/klines", {"symbol": "LATEUSDT", "interval": "5m"}, "startTime", "endTime"),
    Spoken("/api/v4/spot/candlesticks", {"currency_pair": "BTC_USDT", "interval": "1m"}, "from", "to", 1000),
    Spoken("/v2/candles/trade:1m:tBTCUST/hist", {}, "start", "end"),
    Spoken("/v2/candles/trade:1m:tBTCUST/hist", {"sort": "1"}, "start", "end"),
]


@given(
    spoken=st.sampled_from(VENUES),
    start=st.none() | near_now,
    end=st.none() | near_now,
    limit=st.none() | st.integers(1, 50),
    later=st.integers(1, 3 * 3_600_000),
)
def test_an_answer_that_may_be_kept_is_the_same_whenever_it_is_asked(
    spoken: Spoken, start: int | None, end: int | None, limit: int | None, later: int
):
    query = dict(spoken.market)
    for name, value in ((spoken.start, start), (spoken.end, end)):
        if value is not None:
            query[name] = str(value // spoken.unit)
    if limit is not None:
        query["limit"] = str(limit)
    answer = dispatch.answer(EXCHANGE, spoken.path, query, NOW)
    if answer.settled:
        assert dispatch.answer(EXCHANGE, spoken.path, query, NOW + later).body == answer.body


def test_a_closed_page_may_be_kept_and_one_with_the_forming_candle_may_not():
    def settled(**query: object) -> bool:
        asked = {"symbol": "BTCUSDT", "interval": "1m"} | {name: str(value) for name, value in query.items()}
        return dispatch.answer(EXCHANGE, "/api/v3/klines", asked, NOW).settled

    start = NOW // MINUTE * MINUTE - 100 * MINUTE
    assert settled(startTime=start, endTime=start + 50 * MINUTE)
    assert settled(startTime=start, limit=50)
    assert not settled(startTime=start)
    assert not settled(startTime=start, endTime=NOW)
    assert not settled(limit=5)


def test_times_beyond_all_reason_are_answered():
    for number in ("9" * 20, "0"):
        for spoken in VENUES:
            query = {**spoken.market, spoken.start: number, spoken.end: number}
            answer = dispatch.answer(EXCHANGE, spoken.path, query, NOW)
            assert (answer.status, answer.body) == (200, b"[]")
        query = {"symbol": "BTCUSDT", "interval": "1m", "startTime": "9" * 5000}
        assert dispatch.answer(EXCHANGE, "/api/v3/klines", query, NOW).status == 400
