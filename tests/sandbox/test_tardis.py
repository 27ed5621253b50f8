"""The sandbox's Tardis on the wire: paths, keys, formats, and trades that add up to its candles."""

import csv
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from qmd_platform.sandbox.tardis import KEY
from tests.sandbox.conftest import Got

TRADES = "/v1/gate-io-futures/trades/2026/11/01/BTC_USDT.csv.gz"


def lines(got: Got) -> list[dict[str, str]]:
    assert got.status == 200
    assert got.headers["Content-Type"] == "application/gzip"
    return list(csv.DictReader(gzip.decompress(got.body).decode().splitlines()))


def test_a_days_trades_are_sorted_by_when_they_came_in_and_lie_inside_the_day(url: str, get: Callable[..., Got]):
    rows = lines(get(url, TRADES))
    local = [int(row["local_timestamp"]) for row in rows]
    assert local == sorted(local)
    assert 1_793_491_200_000_000 <= local[0] < local[-1] < 1_793_577_600_000_000
    assert {row["side"] for row in rows} == {"buy", "sell"}
    assert {(row["exchange"], row["symbol"]) for row in rows} == {("gate-io-futures", "BTC_USDT")}


def test_the_last_trade_of_a_day_may_come_in_on_the_next(url: str, get: Callable[..., Got]):
    first = lines(get(url, "/v1/kraken/trades/2026/11/01/BTC-USD.csv.gz"))[0]
    assert int(first["timestamp"]) < 1_793_491_200_000_000 <= int(first["local_timestamp"])


def test_trades_of_a_minute_add_up_to_its_candle(url: str, get: Callable[..., Got]):
    rows = [
        row for row in lines(get(url, TRADES)) if int(row["timestamp"]) // 60_000_000 == 1_793_491_200_000 // 60_000 + 5
    ]
    query = {"contract": "BTC_USDT", "interval": "1m", "from": 1_793_491_500, "to": 1_793_491_500}
    (candle,) = get(url, "/api/v4/futures/usdt/candlesticks", **query).json()
    prices = [float(row["price"]) for row in rows]
    told = [prices[0], max(prices), min(prices), prices[-1], sum(float(row["amount"]) for row in rows)]
    assert told == [float(candle[name]) for name in ("o", "h", "l", "c", "v")]


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/v1/bybit/trades/2026/11/02/BTCUSDT.csv.gz", "", 401),
        ("/v1/bybit/trades/2026/11/02/BTCUSDT.csv.gz", "TD.other", 401),
        ("/v1/bybit/trades/2026/11/02/BTCUSDT.csv.gz", KEY, 200),
        ("/v1/bybit/trades/2026/11/01/BTCUSDT.csv.gz", "", 200),
        ("/v1/bybit/trades/2026/11/20/BTCUSDT.csv.gz", KEY, 404),
        ("/v1/bybit/trades/2026/02/30/BTCUSDT.csv.gz", KEY, 404),
        ("/v1/bybit/trades/2015/02/01/BTCUSDT.csv.gz", KEY, 404),
        ("/v1/bybit/options_chain/2026/11/01/BTCUSDT.csv.gz", KEY, 404),
        ("/v1/bybit-spot/derivative_ticker/2026/11/01/BTCUSDT.csv.gz", KEY, 404),
        ("/v1/exchanges/bybit", "", 200),
        ("/v1/exchanges/nobody", "", 404),
    ],
)
def test_who_may_have_what(url: str, get: Callable[..., Got], path: str, key: str, status: int):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    assert get(url, path, headers=headers).status == status


def test_a_replay_says_what_was_asked_for_in_the_order_in_which_it_came(url: str, get: Callable[..., Got]):
    asked: list[dict[str, Any]] = [
        {
            "exchange": "bybit",
            "symbols": ["BTCUSDT"],
            "dataTypes": ["trade", "derivative_ticker"],
            "from": "2026-11-01",
            "to": "2026-11-01T00:05Z",
            "withDisconnectMessages": True,
        }
    ]
    got = get(url, "/replay-normalized", options=json.dumps(asked))
    assert got.headers["Content-Type"] == "application/x-json-stream"
    body = gzip.decompress(got.body) if got.headers.get("Content-Encoding") == "gzip" else got.body
    said = [json.loads(line) for line in body.splitlines()]
    assert {one["type"] for one in said} == {"trade", "derivative_ticker"}
    assert [one["localTimestamp"] for one in said] == sorted(one["localTimestamp"] for one in said)


@pytest.mark.parametrize(
    "options",
    [
        "",
        "[]",
        "{}",
        '[{"exchange":"bybit","symbols":["NOPE"],"from":"2026-11-01","to":"2026-11-02","dataTypes":["trade"]}]',
    ],
)
def test_a_replay_that_is_not_asked_for_as_documented_is_refused(url: str, get: Callable[..., Got], options: str):
    got = get(url, "/replay-normalized", options=options)
    assert got.status == 400
    assert got.json()["message"]
