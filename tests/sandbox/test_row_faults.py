"""Faults of rows, as a client sees them at every venue that prints rows in another way."""

from collections.abc import Callable
from typing import Any

import pytest

from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import instant
from qmd_platform.sandbox.server import serving

Get = Callable[..., Any]
Row = list[float]
NOW = "2026-11-20T12:34:56Z"
FIRST = instant("2026-11-20T10:00:00Z")
LAST = FIRST + 9 * MINUTE
TEN = [FIRST + n * MINUTE for n in range(10)]


def binance(get: Get, url: str) -> list[Row]:
    rows = get(url, "/fapi/v1/klines", symbol="BTCUSDT", interval="1m", startTime=FIRST, endTime=LAST).json()
    return [[row[0], *map(float, row[1:6])] for row in rows]


def gate(get: Get, url: str) -> list[Row]:
    query = {"from": FIRST // 1000, "to": LAST // 1000}
    rows = get(url, "/api/v4/spot/candlesticks", currency_pair="BTC_USDT", interval="1m", **query).json()
    return [[int(row[0]) * 1000, *(float(row[at]) for at in (5, 3, 4, 2, 6))] for row in rows]


def bitfinex(get: Get, url: str) -> list[Row]:
    rows = get(url, "/v2/candles/trade:1m:tBTCUSD/hist", start=FIRST, end=LAST, sort=1).json()
    return [[row[at] for at in (0, 1, 3, 4, 2, 5)] for row in rows]


VENUES = {"binance": binance, "gate": gate, "bitfinex": bitfinex}
Ask = Callable[[Get, str], list[Row]]


@pytest.fixture(params=VENUES)
def ask(request: pytest.FixtureRequest) -> Ask:
    return VENUES[request.param]


def both(get: Get, ask: Ask, **fault: object) -> tuple[list[Row], list[Row]]:
    """The page as it should be, and as ``fault`` makes it."""
    with serving(now=NOW) as sandbox:
        right = ask(get, sandbox.url)
        sandbox.plan_faults([fault])
        wrong = ask(get, sandbox.url)
        assert sandbox.figures()["faults"] == {fault["kind"]: 1}
    assert {row[0] for row in right} <= set(TEN)
    return right, wrong


def test_rows_come_the_other_way_round(get: Get, ask: Ask):
    right, wrong = both(get, ask, kind="descending")
    assert wrong == right[::-1]


def test_the_first_half_of_the_rows_comes_twice(get: Get, ask: Ask):
    right, wrong = both(get, ask, kind="duplicates")
    half = -(-len(right) // 2)
    assert wrong == sorted([*right, *right[:half]])


def test_the_row_in_the_middle_contradicts_itself(get: Get, ask: Ask):
    right, wrong = both(get, ask, kind="contradicting")
    middle = len(right) // 2
    assert [*wrong[: middle + 1], *wrong[middle + 2 :]] == right
    again, told = wrong[middle + 1], right[middle]
    assert (again[0], again[5]) == (told[0], told[5])
    assert all(mine > theirs for mine, theirs in zip(again[1:5], told[1:5], strict=True))


def test_the_candle_in_progress_comes_though_nobody_asked(get: Get, ask: Ask):
    right, wrong = both(get, ask, kind="forming")
    assert wrong[:-1] == right
    assert wrong[-1][0] == instant("2026-11-20T12:34:00Z")


def test_the_newest_row_is_half_built(get: Get, ask: Ask):
    right, wrong = both(get, ask, kind="half_built")
    assert wrong[:-1] == right[:-1]
    assert wrong[-1][:2] == right[-1][:2]
    assert 0 < wrong[-1][5] < right[-1][5]


@pytest.mark.parametrize("of", [None, "ETH"])
def test_rows_are_another_markets(get: Get, ask: Ask, of: str | None):
    markets = {"binance": "binance:ETH/USDT:USDT", "gate": "gate:ETH/USDT", "bitfinex": "bitfinex:ETH/USD"}
    named = {"of": markets[ask.__name__]} if of else {}
    right, wrong = both(get, ask, kind="wrong_market", **named)
    assert right[0][1] > 20_000  # bitcoin
    assert not {tuple(row) for row in wrong} & {tuple(row) for row in right}
    assert of is None or all(row[1] < 10_000 for row in wrong)
    assert {row[0] for row in wrong} <= set(TEN)


def test_rows_come_from_outside_the_window(get: Get, ask: Ask):
    right, wrong = both(get, ask, kind="outside")
    assert [row for row in wrong if row[0] in TEN] == right
    assert wrong[0][0] < FIRST
    assert wrong[-1][0] > LAST
    assert len(wrong) <= len(right) + 10


def test_the_row_in_the_middle_opens_a_second_late(get: Get, ask: Ask):
    right, wrong = both(get, ask, kind="misaligned")
    late = [row[0] - told[0] for row, told in zip(wrong, right, strict=True)]
    assert late == [1000 * (at == len(right) // 2) for at in range(len(right))]


@pytest.mark.parametrize("by", [1, -1])
def test_every_row_is_labelled_one_late_or_early(get: Get, ask: Ask, by: int):
    right, wrong = both(get, ask, kind="shifted", by=by)
    assert wrong == [[row[0] + by * MINUTE, *row[1:]] for row in right]


def test_a_low_is_above_its_high(get: Get, ask: Ask):
    _, wrong = both(get, ask, kind="bad_values", value="low_above_high")
    assert [row[3] > row[2] for row in wrong] == [at == len(wrong) // 2 for at in range(len(wrong))]


def test_a_volume_is_negative(get: Get, ask: Ask):
    right, wrong = both(get, ask, kind="bad_values", value="negative")
    assert [row[5] < 0 for row in wrong] == [at == len(right) // 2 for at in range(len(right))]


@pytest.mark.parametrize(
    ("path", "query", "says"),
    [
        ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m"}, '"NaN"'),
        ("/api/v4/spot/candlesticks", {"currency_pair": "BTC_USDT", "interval": "1m"}, '"NaN"'),
        ("/v2/candles/trade:1m:tBTCUSD/hist", {}, ",null,"),
    ],
)
def test_a_close_is_no_number_in_the_venues_way(get: Get, path: str, query: dict[str, str], says: str):
    with serving(now=NOW, faults=[{"kind": "bad_values", "value": "nan"}]) as sandbox:
        answer = get(sandbox.url, path, **query)
    assert answer.body.decode().count(says) == 1
    assert answer.json()


def test_an_empty_page_stays_empty_whatever_the_fault(get: Get):
    query = {"symbol": "BTCUSDT", "interval": "1m", "startTime": 0, "endTime": 1000}
    for kind in ("descending", "duplicates", "contradicting", "half_built", "outside", "shifted", "bad_values"):
        with serving(now=NOW, faults=[{"kind": kind}]) as sandbox:
            assert get(sandbox.url, "/api/v3/klines", **query).json() == []


def test_the_venues_time_and_date_are_off_and_the_candles_are_not(get: Get):
    with serving(now=NOW) as sandbox:
        right = get(sandbox.url, "/api/v3/klines", symbol="BTCUSDT", interval="1m").json()
        sandbox.plan_faults([{"kind": "clock_skew", "seconds": -90}])
        told = get(sandbox.url, "/api/v3/time").json()["serverTime"]
        gate_told = get(sandbox.url, "/api/v4/spot/time").json()["server_time"]
        date = get(sandbox.url, "/v2/platform/status").headers["Date"]
        assert get(sandbox.url, "/api/v3/klines", symbol="BTCUSDT", interval="1m").json() == right
    assert told == gate_told == instant(NOW) - 90_000
    assert date == "Fri, 20 Nov 2026 12:33:26 GMT"
