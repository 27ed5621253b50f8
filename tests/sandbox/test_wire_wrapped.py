"""What OKX, Bybit and Kraken are known for on the wire, seen by a client that hides nothing."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Instant

Get = Callable[..., Any]
HISTORY, RECENT = "/api/v5/market/history-candles", "/api/v5/market/candles"
KLINE, LISTED = "/v5/market/kline", "/v5/market/instruments-info"
OHLC = "/0/public/OHLC"
OKX = {"instId": "BTC-USDT", "bar": "1m"}
BYBIT = {"category": "linear", "symbol": "BTCUSDT", "interval": "1"}
KRAKEN = {"pair": "XXBTZUSD", "interval": "1"}


@pytest.fixture
def minute(now: Instant) -> Instant:
    return now // MINUTE * MINUTE


def okx_opens(get: Get, url: str, path: str = HISTORY, **query: object) -> list[int]:
    return [int(row[0]) for row in get(url, path, **OKX | query).json()["data"]]


def test_okx_leaves_out_both_ends_and_prints_the_newest_first(url: str, get: Get, minute: Instant):
    start, end = minute - 9 * MINUTE, minute - 5 * MINUTE
    inside = list(range(end - MINUTE, start, -MINUTE))
    assert okx_opens(get, url, before=start, after=end) == inside
    assert okx_opens(get, url, before=start - 1, after=end) == [*inside, start]
    assert okx_opens(get, url, before=start, after=end + 1) == [end, *inside]
    assert okx_opens(get, url, before=start, after=end, limit=2) == inside[:2]


def test_okx_gives_100_rows_unless_asked_and_300_at_most(url: str, get: Get):
    assert len(okx_opens(get, url)) == 100
    assert len(okx_opens(get, url, limit=300)) == 300
    for limit in ("301", "0", "many"):
        refused = get(url, HISTORY, **OKX, limit=limit)
        assert (refused.status, refused.json()["code"]) == (400, "51000")


def test_okx_rows_are_nine_texts_with_the_volume_in_three_units(url: str, get: Get, minute: Instant):
    for wire, size in (("BTC-USDT", None), ("BTC-USDT-SWAP", "0.01"), ("DOGE-USDT-SWAP", "1000")):
        rows = get(url, HISTORY, instId=wire, bar="1m", after=minute, limit=50).json()["data"]
        assert {len(row) for row in rows} == {9}
        assert {type(value) for row in rows for value in row} == {str}
        assert {row[8] for row in rows} == {"1"}
        for row in rows:
            volume, in_coins, in_quote = (Decimal(text) for text in row[5:8])
            if size is None:
                base, quote = volume, in_coins
                assert in_coins == in_quote
            else:
                base, quote = in_coins, in_quote
                assert in_coins == volume * Decimal(size)
            assert Decimal(row[3]) * base <= quote <= Decimal(row[2]) * base


def test_okx_says_which_candle_is_not_confirmed_yet(url: str, get: Get, minute: Instant):
    newest, before = get(url, HISTORY, **OKX, limit=2).json()["data"]
    assert (int(newest[0]), newest[8]) == (minute, "0")
    assert before[8] == "1"


def test_okx_s_recent_candles_reach_back_1440_and_its_history_to_the_listing(url: str, get: Get, minute: Instant):
    oldest = minute - 1439 * MINUTE
    around = {"before": oldest - 3 * MINUTE, "after": oldest + 2 * MINUTE}
    assert okx_opens(get, url, RECENT, **around) == [oldest + MINUTE, oldest]
    assert len(okx_opens(get, url, HISTORY, **around)) == 4


@pytest.mark.parametrize(
    ("path", "query", "says"),
    [
        (HISTORY, {"instId": "NO-SUCH", "bar": "1m"}, (200, "51001")),
        (HISTORY, {"instId": "BTC-USDT", "bar": "1D"}, (400, "51000")),
        (HISTORY, OKX | {"after": "now"}, (400, "51000")),
        ("/api/v5/public/instruments", {}, (400, "51000")),
    ],
)
def test_okx_refuses_in_its_own_words(url: str, get: Get, path: str, query: dict[str, object], says: tuple[int, str]):
    answer = get(url, path, **query)
    assert (answer.status, answer.json()["code"]) == says
    assert answer.json()["data"] == []


def bybit_opens(get: Get, url: str, **query: object) -> list[int]:
    return [int(row[0]) for row in get(url, KLINE, **BYBIT | query).json()["result"]["list"]]


def test_bybit_includes_both_ends_and_the_candle_a_start_lies_in(url: str, get: Get, minute: Instant):
    start, end = minute - 9 * MINUTE, minute - 5 * MINUTE
    both = list(range(end, start - 1, -MINUTE))
    assert bybit_opens(get, url, start=start, end=end) == both
    assert bybit_opens(get, url, start=start + 1, end=end) == both
    assert bybit_opens(get, url, start=start, end=end - 1) == both[1:]
    assert bybit_opens(get, url, start=start, end=end, limit=2) == both[:2]
    assert bybit_opens(get, url, start=start, limit=2) == [start + MINUTE, start]


def test_bybit_gives_200_rows_unless_asked_and_1000_at_most(url: str, get: Get):
    assert len(bybit_opens(get, url)) == 200
    assert len(bybit_opens(get, url, limit=1000)) == 1000
    refused = get(url, KLINE, **BYBIT, limit=1001)
    assert (refused.status, refused.json()["retCode"]) == (200, 10001)


@pytest.mark.parametrize(
    "query",
    [BYBIT | {"symbol": "NOPE"}, BYBIT | {"interval": "7"}, BYBIT | {"category": "shares"}, BYBIT | {"start": "soon"}],
)
def test_bybit_refuses_with_status_200(url: str, get: Get, query: dict[str, object]):
    answer = get(url, KLINE, **query)
    assert (answer.status, answer.json()["retCode"]) == (200, 10001)
    assert answer.json()["retMsg"]


def test_bybit_lists_contracts_page_by_page_and_spot_pairs_at_once(url: str, get: Get):
    whole = get(url, LISTED, category="linear").json()["result"]
    paged, cursor = [], ""
    while True:
        page = get(url, LISTED, category="linear", limit=2, **({"cursor": cursor} if cursor else {})).json()["result"]
        assert 0 < len(page["list"]) <= 2
        paged += page["list"]
        cursor = page["nextPageCursor"]
        if not cursor:
            break
    assert paged == whole["list"]
    assert len(paged) > 2
    assert len(get(url, LISTED, category="spot", limit=2).json()["result"]["list"]) == len(paged)
    assert get(url, LISTED, category="inverse").json()["result"]["list"] == []


def test_bybit_s_spot_pair_and_contract_share_a_name_and_nothing_else(url: str, get: Get):
    spot = get(url, KLINE, **BYBIT | {"category": "spot"}).json()["result"]["list"]
    linear = get(url, KLINE, **BYBIT).json()["result"]["list"]
    assert [row[0] for row in spot] == [row[0] for row in linear]
    assert all(one != other for one, other in zip(spot, linear, strict=True))


def kraken_opens(get: Get, url: str, **query: object) -> list[int]:
    return [row[0] * 1000 for row in get(url, OHLC, **KRAKEN | query).json()["result"]["XXBTZUSD"]]


def test_kraken_serves_its_newest_720_candles_whatever_since(url: str, get: Get, minute: Instant):
    newest = list(range(minute - 719 * MINUTE, minute + 1, MINUTE))
    assert kraken_opens(get, url) == newest
    assert kraken_opens(get, url, since=1) == newest
    since = minute // 1000 - 300
    assert kraken_opens(get, url, since=since) == newest[-5:]
    assert kraken_opens(get, url, since=since - 1) == newest[-6:]
    assert kraken_opens(get, url, since=minute // 1000 + 9_999) == [minute], "the forming one is always there"


def test_kraken_tells_the_newest_closed_candle_and_answers_by_the_pair_s_first_name(
    url: str, get: Get, minute: Instant
):
    for name in ("XXBTZUSD", "XBTUSD", "XBT/USD"):
        result = get(url, OHLC, **KRAKEN | {"pair": name}).json()["result"]
        assert result.keys() == {"XXBTZUSD", "last"}
        assert result["last"] * 1000 == minute - MINUTE


def test_kraken_rows_have_eight_elements_and_an_average_price_between_low_and_high(url: str, get: Get):
    rows = get(url, OHLC, **KRAKEN | {"pair": "XDGUSD"}).json()["result"]["XDGUSD"]
    assert [type(value) for value in rows[0]] == [int, *[str] * 6, int]
    silent = [row for row in rows if not row[7]]
    for row in rows:
        if row[7]:
            assert Decimal(row[3]) <= Decimal(row[5]) <= Decimal(row[2])
    assert silent, "a quiet market prints candles without trades"
    assert {Decimal(row[6]) for row in silent} == {Decimal(row[5]) for row in silent} == {0}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"pair": "NOPE"}, "EQuery:Unknown asset pair"),
        (KRAKEN | {"interval": "7"}, "EGeneral:Invalid arguments"),
        (KRAKEN | {"since": "soon"}, "EGeneral:Invalid arguments"),
    ],
)
def test_kraken_refuses_with_status_200(url: str, get: Get, query: dict[str, object], said: str):
    answer = get(url, OHLC, **query)
    assert (answer.status, answer.json()) == (200, {"error": [said]})


LONGEST = {
    "okx": (HISTORY, OKX | {"bar": "1Mutc", "limit": 300}, HISTORY, OKX | {"bar": "1Dutc", "limit": 300}),
    "bybit": (KLINE, BYBIT | {"interval": "M"}, KLINE, BYBIT | {"interval": "D", "limit": 1000}),
    "kraken": (OHLC, KRAKEN | {"interval": "10080"}, OHLC, KRAKEN | {"interval": "1440"}),
}


def listed_in(venue: str, answer: Any) -> list[list[Any]]:
    """The rows of an answer, oldest first."""
    body = answer.json()
    rows = body["data"] if venue == "okx" else body["result"]["list" if venue == "bybit" else "XXBTZUSD"]
    return sorted(rows, key=lambda row: int(row[0]))


@pytest.mark.parametrize("venue", LONGEST)
def test_months_and_weeks_add_up_to_their_days(url: str, get: Get, venue: str):
    path, query, day_path, day_query = LONGEST[venue]
    long = listed_in(venue, get(url, path, **query))
    days = listed_in(venue, get(url, day_path, **day_query))
    volume = {"okx": 5, "bybit": 5, "kraken": 6}[venue]
    newest, before = int(long[-1][0]), int(long[-2][0])
    inside = [day for day in days if before <= int(day[0]) < newest]
    assert len(inside) in {7, 28, 30, 31}
    assert int(inside[0][0]) == before
    assert Decimal(long[-2][volume]) == sum(Decimal(day[volume]) for day in inside)
    assert (long[-2][1], long[-2][4]) == (inside[0][1], inside[-1][4])
    assert Decimal(long[-2][2]) == max(Decimal(day[2]) for day in inside)
    assert Decimal(long[-2][3]) == min(Decimal(day[3]) for day in inside)
