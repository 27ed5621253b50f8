"""Candles of mark, index and premium as each venue writes them, and what they refuse."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from qmd_platform.model.reference_tables import STEP, Reference
from qmd_platform.model.series import Market
from qmd_platform.model.window import Instant, Window, instant
from qmd_platform.sandbox import dispatch
from qmd_platform.sandbox.funding import settlements_truth
from qmd_platform.sandbox.limits import Limiter
from qmd_platform.sandbox.reference_truth import reference_truth
from qmd_platform.sandbox.server import running
from tests.sandbox.conftest import NOW

Get = Callable[..., Any]
HOUR = STEP.step
GATE = "/api/v4/futures/usdt"
DAY = Window.of("2026-11-01", "2026-11-02")
ASKED: dict[tuple[str, Reference], tuple[str, dict[str, object]]] = {
    ("binance", Reference.MARK): ("/fapi/v1/markPriceKlines", {"symbol": "BTCUSDT", "interval": "1h"}),
    ("binance", Reference.INDEX): ("/fapi/v1/indexPriceKlines", {"pair": "BTCUSDT", "interval": "1h"}),
    ("binance", Reference.PREMIUM): ("/fapi/v1/premiumIndexKlines", {"symbol": "BTCUSDT", "interval": "1h"}),
    ("bybit", Reference.MARK): ("/v5/market/mark-price-kline", {"symbol": "BTCUSDT", "interval": "60"}),
    ("bybit", Reference.INDEX): ("/v5/market/index-price-kline", {"symbol": "BTCUSDT", "interval": "60"}),
    ("bybit", Reference.PREMIUM): ("/v5/market/premium-index-price-kline", {"symbol": "BTCUSDT", "interval": "60"}),
    ("okx", Reference.MARK): ("/api/v5/market/history-mark-price-candles", {"instId": "BTC-USDT-SWAP", "bar": "1H"}),
    ("okx", Reference.INDEX): ("/api/v5/market/history-index-candles", {"instId": "BTC-USDT", "bar": "1H"}),
    ("gate", Reference.MARK): (f"{GATE}/candlesticks", {"contract": "mark_BTC_USDT", "interval": "1h"}),
    ("gate", Reference.INDEX): (f"{GATE}/candlesticks", {"contract": "index_BTC_USDT", "interval": "1h"}),
    ("gate", Reference.PREMIUM): (f"{GATE}/premium_index", {"contract": "BTC_USDT", "interval": "1h"}),
}
WINDOWS: dict[str, dict[str, object]] = {
    "binance": {"startTime": DAY.start, "endTime": DAY.end - 1},
    "bybit": {"start": DAY.start, "end": DAY.end - 1},
    "okx": {"before": DAY.start - 1, "after": DAY.end},
    "gate": {"from": DAY.start // 1000, "to": DAY.end // 1000 - 1},
}
every = pytest.mark.parametrize(("venue", "wanted"), ASKED)


def rows_of(body: Any) -> list[Any]:
    """The rows inside an answer, oldest first."""
    if isinstance(body, dict):
        body = body["data"] if "data" in body else body["result"]["list"]
        return list(body[::-1])
    return list(body)


def prices(row: Any) -> list[float]:
    """Open time in ms, open, high, low and close of a row of any venue."""
    if isinstance(row, dict):
        return [row["t"] * 1000, *(float(row[name]) for name in "ohlc")]
    return [float(value) for value in row[:5]]


@every
def test_a_day_is_the_closed_form(get: Get, url: str, now: Instant, venue: str, wanted: Reference):
    path, query = ASKED[venue, wanted]
    rows = rows_of(get(url, path, **query, **WINDOWS[venue]).json())
    true = reference_truth(Market(venue, "BTC/USDT:USDT"), wanted, DAY, now)
    columns = zip(
        true.open_at.tolist(), *(x.tolist() for x in (true.open, true.high, true.low, true.close)), strict=True
    )
    assert [prices(row) for row in rows] == [list(one) for one in columns]
    assert len(rows) == 24
    assert all(isinstance(row[1] if isinstance(row, list) else row["o"], str) for row in rows)


@every
def test_the_newest_candle_is_forming_and_the_limit_counts_back_from_it(
    get: Get, url: str, now: Instant, venue: str, wanted: Reference
):
    path, query = ASKED[venue, wanted]
    rows = rows_of(get(url, path, **query, limit=3).json())
    assert [prices(row)[0] for row in rows] == [now // HOUR * HOUR - back * HOUR for back in (2, 1, 0)]
    if venue == "okx":
        assert [row[5] for row in rows] == ["1", "1", "0"]


@every
@pytest.mark.parametrize("limit", ["0", "2001", "x"])
def test_a_limit_the_venue_does_not_have_is_refused(get: Get, url: str, venue: str, wanted: Reference, limit: str):
    path, query = ASKED[venue, wanted]
    answer = get(url, path, **query, limit=limit)
    assert answer.status != 200 or answer.json()["retCode"] == 10001


@pytest.mark.parametrize(
    ("path", "query", "says"),
    [
        ("/fapi/v1/markPriceKlines", {"symbol": "NOPE", "interval": "1h"}, "-1121"),
        ("/fapi/v1/markPriceKlines", {"symbol": "BTCUSDT", "interval": "9h"}, "-1120"),
        ("/v5/market/mark-price-kline", {"symbol": "NOPE", "interval": "60"}, "Symbol"),
        ("/v5/market/mark-price-kline", {"category": "spot", "symbol": "BTCUSDT", "interval": "60"}, "Category"),
        ("/v5/market/mark-price-kline", {"symbol": "BTCUSDT", "interval": "7"}, "period"),
        ("/api/v5/market/history-index-candles", {"instId": "BTC-USDT-SWAP", "bar": "1H"}, "51001"),
        ("/api/v5/market/history-mark-price-candles", {"instId": "BTC-USDT-SWAP", "bar": "7H"}, "51000"),
        (f"{GATE}/candlesticks", {"contract": "mark_NO_PE", "interval": "1h"}, "CONTRACT_NOT_FOUND"),
        (f"{GATE}/premium_index", {"contract": "BTC_USDT", "interval": "7h"}, "interval"),
        (f"{GATE}/premium_index", {"contract": "BTC_USDT", "interval": "1h", "from": 0}, "Maximum 1000 points"),
        (f"{GATE}/premium_index", {"contract": "BTC_USDT", "interval": "1h", "from": 1, "limit": 5}, "conflicts"),
    ],
)
def test_what_the_venue_has_not_is_refused_in_its_words(
    get: Get, url: str, path: str, query: dict[str, object], says: str
):
    assert says in get(url, path, **query).body.decode()


def test_the_mark_closes_where_funding_says_the_mark_was(now: Instant):
    market, window = Market("binance", "ETH/USDT:USDT"), Window.of("2026-10-01", "2026-10-08")
    settled = settlements_truth(market, window, now)
    mark = reference_truth(market, Reference.MARK, window, now)
    closes = dict(zip((mark.open_at + HOUR).tolist(), mark.close.tolist(), strict=True))
    known = [
        (at, price)
        for at, price in zip(settled.settled_at.tolist(), settled.mark.tolist(), strict=True)
        if at in closes
    ]
    assert len(known) >= 20
    assert all(closes[at] == price for at, price in known)


def test_silences_and_restatements_of_trading_leave_the_mark_alone_and_holes_do_not(get: Get):
    market = {"market": "binance:BTC/USDT:USDT", "start": "2026-11-01T02:00:00Z", "end": "2026-11-01T05:00:00Z"}
    alone: list[dict[str, object]] = [{"kind": "gap", **market}, {"kind": "restated", "ticks": 9, **market}]
    path, query = ASKED["binance", Reference.MARK]
    with running(now=NOW, faults=alone) as url, running(now=NOW) as plain:
        rows = get(url, path, **query, **WINDOWS["binance"]).json()
        assert rows == get(plain, path, **query, **WINDOWS["binance"]).json()
    with running(now=NOW, faults=[{"kind": "hole", "timeframe": "1h", **market}]) as url:
        assert get(url, path, **query, **WINDOWS["binance"]).json() == [*rows[:2], *rows[5:]]


def test_every_candle_is_one_and_a_premium_is_small():
    for venue, wanted in ASKED:
        found = reference_truth(Market(venue, "DOGE/USDT:USDT"), wanted, DAY, DAY.end)
        assert (found.low <= np.minimum(found.open, found.close)).all()
        assert (np.maximum(found.open, found.close) <= found.high).all()
        assert wanted is not Reference.PREMIUM or np.abs(found.high).max() < 0.05


def test_nothing_is_there_before_the_listing_and_after_the_delisting(get: Get):
    path, query = ASKED["binance", Reference.INDEX]
    late = {**query, "pair": "LATEUSDT", "startTime": 0, "limit": 3}
    leaving = [{"market": "binance:BTC/USDT:USDT", "delisted_at": "2026-11-01T12:00:00Z"}]
    with running(now=NOW, listings=leaving) as url:
        assert get(url, path, **late).json()[0][0] == instant("2026-10-15T08:00:00Z")
        assert len(get(url, path, **query, **WINDOWS["binance"]).json()) == 12


def test_requests_are_counted_where_the_venue_counts_them():
    limiter = Limiter(limits=True)
    path = ASKED["okx", Reference.MARK][0]
    assert [limiter.verdict("okx", path, 1, 0.0) is None for _ in range(11)] == [True] * 10 + [False]
    assert limiter.verdict("okx", "/api/v5/market/history-candles", 1, 0.0) is None
    assert dispatch.weight("/fapi/v1/markPriceKlines", {"limit": "499"}) == 2
    assert dispatch.weight("/fapi/v1/premiumIndexKlines", {"limit": "1000"}) == 5
