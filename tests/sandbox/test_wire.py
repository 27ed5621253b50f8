"""What each venue is known for on the wire, seen by a client that hides nothing."""

from collections.abc import Callable
from decimal import Decimal
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Any

import pytest

from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Instant
from qmd_platform.sandbox.binance import weight
from qmd_platform.sandbox.server import running

SPOT, USDM = "/api/v3/klines", "/fapi/v1/klines"
GATE, PERPETUAL = "/api/v4/spot/candlesticks", "/api/v4/futures/usdt/candlesticks"
BITFINEX = "/v2/candles/trade:1m:tBTCUSD/hist"
BTC = {"symbol": "BTCUSDT", "interval": "1m"}
PAIR = {"currency_pair": "BTC_USDT", "interval": "1m"}
CONTRACT = {"contract": "BTC_USDT", "interval": "1m"}
Answer = Any
Get = Callable[..., Answer]


@pytest.fixture
def minute(now: Instant) -> Instant:
    return now // MINUTE * MINUTE


def test_binance_rows_have_twelve_elements_and_numbers_as_text(url: str, get: Get, minute: Instant):
    rows = get(url, SPOT, **BTC, startTime=minute - 10 * MINUTE, endTime=minute).json()
    assert [row[0] for row in rows] == list(range(minute - 10 * MINUTE, minute + 1, MINUTE))
    assert {len(row) for row in rows} == {12}
    assert [type(value) for value in rows[0]] == [int, *[str] * 5, int, str, int, str, str, str]
    for row in rows:
        assert row[6] == row[0] + MINUTE - 1
        low, high = Decimal(row[3]), Decimal(row[2])
        assert low * Decimal(row[5]) <= Decimal(row[7]) <= high * Decimal(row[5])
        assert Decimal(row[9]) <= Decimal(row[5])


@pytest.mark.parametrize(("path", "most"), [(SPOT, 1000), (USDM, 1500)])
def test_binance_gives_500_rows_unless_asked_and_never_more_than_its_most(
    url: str, get: Get, minute: Instant, path: str, most: int
):
    start = minute - 5000 * MINUTE
    assert len(get(url, path, **BTC).json()) == 500
    assert len(get(url, path, **BTC, startTime=start, limit=most).json()) == most
    beyond = get(url, path, **BTC, startTime=start, limit=most + 1)
    if path == SPOT:
        assert len(beyond.json()) == most
    else:
        assert (beyond.status, beyond.json()["code"]) == (400, -1130)


def test_binance_windows_include_both_ends_and_start_wins_over_the_newest(url: str, get: Get, minute: Instant):
    start = minute - 100 * MINUTE

    def opens(**query: int) -> list[int]:
        return [row[0] for row in get(url, SPOT, **BTC, **query).json()]

    assert opens(startTime=start, endTime=start) == [start]
    assert opens(startTime=start + 1, endTime=start + MINUTE - 1) == []
    assert opens(startTime=start, limit=2) == [start, start + MINUTE]
    assert opens(endTime=start, limit=2) == [start - MINUTE, start]
    assert opens(limit=2) == [minute - MINUTE, minute]
    assert opens(startTime=start, endTime=start - MINUTE) == []
    assert opens(startTime=minute + MINUTE) == []


def test_binance_starts_at_the_listing_however_early_one_asks(url: str, get: Get):
    (first,) = get(url, SPOT, **BTC, startTime=0, limit=1).json()
    assert first[0] == 1502942400000
    assert get(url, SPOT, **BTC, endTime=1502942400000 - 1).json() == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"symbol": "NOPE", "interval": "1m"}, -1121),
        ({"interval": "1m"}, -1102),
        ({"symbol": "BTCUSDT", "interval": "7m"}, -1120),
        ({"symbol": "BTCUSDT", "interval": "1m", "startTime": "yesterday"}, -1100),
        ({"symbol": "BTCUSDT", "interval": "1m", "limit": "0"}, -1130),
    ],
)
def test_binance_refuses_in_its_own_words(url: str, get: Get, query: dict[str, str], code: int):
    answer = get(url, SPOT, **query)
    assert answer.status == 400
    assert answer.json()["code"] == code
    assert answer.json()["msg"]


def test_binance_weighs_requests():
    assert [weight(USDM, {"limit": str(limit)}) for limit in (99, 100, 499, 500, 1000, 1500)] == [1, 2, 2, 5, 5, 10]
    assert [weight(USDM, {}), weight(SPOT, {"limit": "1000"}), weight(SPOT, {})] == [5, 2, 2]
    assert [weight("/api/v3/exchangeInfo", {}), weight("/fapi/v1/exchangeInfo", {}), weight("/api/v3/ping", {})] == [
        20,
        1,
        1,
    ]


def test_binance_tells_the_weight_spent_in_this_minute(get: Get):
    with running() as url:
        # A minute may turn in between, but not twice.
        spent = [int(get(url, SPOT, **BTC).headers["X-MBX-USED-WEIGHT-1M"]) for _ in range(3)]
        assert {after - before for before, after in pairwise(spent)} & {2}
        assert get(url, "/api/v4/spot/time").headers["X-MBX-USED-WEIGHT-1M"] is None


def test_binance_lists_the_symbols_asked_for(url: str, get: Get):
    listed = get(url, "/api/v3/exchangeInfo", symbols='["BTCUSDT","ETHUSDT"]').json()["symbols"]
    assert [one["symbol"] for one in listed] == ["BTCUSDT", "ETHUSDT"]
    assert get(url, "/api/v3/exchangeInfo", symbol="NOPE").json()["code"] == -1121
    assert get(url, "/dapi/v1/exchangeInfo").json()["symbols"] == []
    assert len(get(url, "/api/v3/exchangeInfo").json()["symbols"]) >= 30


def test_gate_spot_rows_are_lists_of_text_with_the_close_before_the_open(url: str, get: Get, minute: Instant):
    rows = get(url, GATE, **PAIR, **{"from": minute // 1000 - 600, "to": minute // 1000}).json()
    assert [int(row[0]) * 1000 for row in rows] == list(range(minute - 10 * MINUTE, minute + 1, MINUTE))
    assert {type(value) for row in rows for value in row} == {str}
    assert [row[7] for row in rows] == ["true"] * 10 + ["false"]
    for before, row in pairwise(rows):
        assert abs(Decimal(row[5]) - Decimal(before[2])) <= Decimal("0.1")
        assert Decimal(row[4]) * Decimal(row[6]) <= Decimal(row[1]) <= Decimal(row[3]) * Decimal(row[6])


def test_gate_perpetual_rows_are_objects_with_whole_contracts(url: str, get: Get, minute: Instant):
    rows = get(url, PERPETUAL, **CONTRACT, **{"from": minute // 1000 - 600, "to": minute // 1000}).json()
    assert len(rows) == 11
    for row in rows:
        assert set(row) == {"t", "v", "o", "h", "l", "c", "sum"}
        assert {name: type(value) for name, value in row.items()} == dict.fromkeys("ohlc", str) | {
            "t": int,
            "v": int,
            "sum": str,
        }
        base = row["v"] * Decimal("0.0001")
        assert Decimal(row["l"]) * base <= Decimal(row["sum"]) <= Decimal(row["h"]) * base


@pytest.mark.parametrize("kind", [(GATE, PAIR, 1000), (PERPETUAL, CONTRACT, 2000)])
def test_gate_refuses_more_points_than_its_most(
    url: str, get: Get, minute: Instant, kind: tuple[str, dict[str, str], int]
):
    path, market, most = kind
    end = minute // 1000

    def asked(**query: int) -> Answer:
        return get(url, path, **market, **{"from" if name == "since" else name: n for name, n in query.items()})

    assert len(asked(since=end - (most - 1) * 60, to=end).json()) == most
    refused = asked(since=end - most * 60, to=end)
    assert (refused.status, refused.json()["label"]) == (400, "INVALID_PARAM_VALUE")
    # Without `to`, the window reaches to now.
    assert asked(since=end - most * 60).status == 400
    assert len(asked().json()) == 100
    assert len(asked(limit=most).json()) == most
    assert asked(limit=most + 1).status == 400
    assert asked(limit=5, since=end - 60).status == 400
    assert [*map(opened, asked(limit=2, to=end - 60).json())] == [end - 120, end - 60]


def opened(row: dict[str, int] | list[str]) -> int:
    return int(row["t"] if isinstance(row, dict) else row[0])


@pytest.mark.parametrize(
    ("path", "query", "label"),
    [
        (GATE, {"currency_pair": "NO_PE", "interval": "1m"}, "INVALID_CURRENCY_PAIR"),
        (PERPETUAL, {"contract": "NO_PE", "interval": "1m"}, "CONTRACT_NOT_FOUND"),
        ("/api/v4/futures/btc/candlesticks", {"contract": "BTC_USDT", "interval": "1m"}, "CONTRACT_NOT_FOUND"),
        (GATE, {"currency_pair": "BTC_USDT", "interval": "7m"}, "INVALID_PARAM_VALUE"),
        (GATE, {"currency_pair": "BTC_USDT", "interval": "1m", "from": "-1"}, "INVALID_PARAM_VALUE"),
    ],
)
def test_gate_refuses_in_its_own_words(url: str, get: Get, path: str, query: dict[str, str], label: str):
    answer = get(url, path, **query)
    assert (answer.status, answer.json()["label"]) == (400, label)


def test_gate_lists_nothing_but_spot_and_usdt_perpetuals(url: str, get: Get):
    for path in ("futures/btc/contracts", "delivery/usdt/contracts", "options/underlyings", "margin/currency_pairs"):
        assert get(url, f"/api/v4/{path}").json() == []
    assert {"BTC_USDT", "SOL_USDT"} <= {one["name"] for one in get(url, "/api/v4/futures/usdt/contracts").json()}
    assert {"BTC", "USDT"} <= {one["currency"] for one in get(url, "/api/v4/spot/currencies").json()}


def test_gate_serves_all_of_history_unless_told_to_behave(url: str, get: Get, minute: Instant):
    old = {"from": minute // 1000 - 10_001 * 60, "to": minute // 1000 - 10_000 * 60}
    assert len(get(url, GATE, **PAIR, **old).json()) == 2
    with running(now=minute, gate_history_points=10_000) as short:
        refused = get(short, GATE, **PAIR, **old)
        assert (refused.status, refused.json()) == (
            400,
            {
                "label": "INVALID_PARAM_VALUE",
                "message": "Candlestick too long ago. Maximum 10000 points ago are allowed",
            },
        )
        recent = {"from": old["to"], "to": old["to"] + 60}
        assert len(get(short, GATE, **PAIR, **recent).json()) == 2


def test_bitfinex_rows_are_numbers_newest_first_with_the_close_after_the_open(url: str, get: Get, minute: Instant):
    rows = get(url, BITFINEX, start=minute - 60 * MINUTE, end=minute - 1).json()
    assert [row[0] for row in rows] == sorted({row[0] for row in rows}, reverse=True)
    ascending = get(url, BITFINEX, start=minute - 60 * MINUTE, end=minute - 1, sort=1).json()
    assert ascending == rows[::-1]
    for _, open_, close, high, low, volume in rows:
        assert low <= min(open_, close) <= max(open_, close) <= high
        assert volume > 0
    for before, row in pairwise(ascending):
        assert abs(row[1] - before[2]) <= 1


def test_bitfinex_counts_its_limit_after_leaving_out_idle_minutes(url: str, get: Get, minute: Instant):
    sparse = "/v2/candles/trade:1m:tBTCUST/hist"
    assert len(get(url, sparse).json()) == 100
    start = minute - 20_000 * MINUTE
    oldest = get(url, sparse, start=start, sort=1, limit=10_000).json()
    newest = get(url, sparse, start=start, end=minute, limit=10_000).json()
    assert len(oldest) == len(newest) == 10_000
    assert oldest[0][0] <= start + 64 * MINUTE
    assert oldest[-1][0] - oldest[0][0] > 10_500 * MINUTE
    assert newest[0][0] >= minute - 64 * MINUTE
    # All of the window is there, when it is asked in two halves.
    rest = get(url, sparse, start=oldest[-1][0] + 1, end=minute, sort=1, limit=10_000).json()
    assert {row[0] for row in newest} <= {row[0] for row in [*oldest, *rest]}
    assert [row[0] for row in get(url, sparse, start=start, sort=1, limit=3).json()] == [row[0] for row in oldest[:3]]


def test_bitfinex_begins_at_the_listing_when_asked_for_the_oldest(url: str, get: Get):
    (first,) = get(url, BITFINEX, sort=1, limit=1).json()
    assert first[0] == 1517443200000


@pytest.mark.parametrize(
    ("path", "query", "message"),
    [
        ("/v2/candles/trade:1m:tNOPE/hist", {}, "symbol: invalid"),
        ("/v2/candles/trade:7m:tBTCUSD/hist", {}, "time_frame: invalid"),
        (BITFINEX, {"limit": "10001"}, "limit: invalid"),
        (BITFINEX, {"start": "soon"}, "start: invalid"),
    ],
)
def test_bitfinex_refuses_in_its_own_words(url: str, get: Get, path: str, query: dict[str, str], message: str):
    answer = get(url, path, **query)
    assert (answer.status, answer.json()) == (500, ["error", 10020, message])


def test_bitfinex_gives_the_last_candle_alone(url: str, get: Get):
    (newest,) = get(url, BITFINEX, limit=1).json()
    assert get(url, "/v2/candles/trade:1m:tBTCUSD/last").json() == newest


def test_the_date_header_follows_the_venues_clock(url: str, get: Get, now: Instant):
    for path in ("/v2/platform/status", "/api/v3/time", "/api/v4/spot/time"):
        date = parsedate_to_datetime(get(url, path).headers["Date"])
        assert int(date.timestamp()) == now // 1000


def test_bodies_are_packed_for_those_who_take_it(url: str, get: Get, minute: Instant):
    query = {**BTC, "startTime": minute - 900 * MINUTE, "endTime": minute - 1}
    plain = get(url, SPOT, **query)
    packed = get(url, SPOT, **query, headers={"Accept-Encoding": "gzip, deflate"})
    again = get(url, SPOT, **query, headers={"Accept-Encoding": "gzip, deflate"})
    assert plain.headers["Content-Encoding"] is None
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.body) < len(plain.body) / 2
    assert packed.json() == again.json() == plain.json()
