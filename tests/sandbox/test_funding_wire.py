"""Histories of funding as each venue writes them, what they refuse, and what faults make of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant, Window
from qmd_platform.sandbox import dispatch
from qmd_platform.sandbox.funding import HOUR, settlements_truth
from qmd_platform.sandbox.limits import Limiter
from qmd_platform.sandbox.server import running
from tests.sandbox.conftest import NOW

Get = Callable[..., Any]
BINANCE, INFO = "/fapi/v1/fundingRate", "/fapi/v1/fundingInfo"
GATE = "/api/v4/futures/usdt/funding_rate"
OKX, OKX_NOW = "/api/v5/public/funding-rate-history", "/api/v5/public/funding-rate"
BYBIT = "/v5/market/funding/history"
BITFINEX = "/v2/status/deriv/tBTCF0:USTF0/hist"
ASKED: dict[str, tuple[str, dict[str, object]]] = {
    "binance": (BINANCE, {"symbol": "BTCUSDT"}),
    "gate": (GATE, {"contract": "BTC_USDT"}),
    "okx": (OKX, {"instId": "BTC-USDT-SWAP"}),
    "bybit": (BYBIT, {"category": "linear", "symbol": "BTCUSDT"}),
    "bitfinex": (BITFINEX, {}),
}
every_venue = pytest.mark.parametrize("venue", ASKED)


def rows_of(body: Any) -> list[Any]:
    """The rows inside an answer."""
    if isinstance(body, dict):
        found: list[Any] = body["data"] if "data" in body else body["result"]["list"]
        return found
    return list(body)


def time_of(row: Any) -> int:
    if isinstance(row, list):
        return int(row[0])
    return int(row["t"]) * 1000 if "t" in row else int(row.get("fundingTime") or row["fundingRateTimestamp"])


def newest(venue: str, now: Instant, count: int) -> Any:
    found = settlements_truth(Market(venue, "BTC/USDT:USDT"), Window(0, now), now)
    return found.take(slice(-count, None))


def test_binance_prints_text_oldest_first_some_milliseconds_late_with_the_mark(get: Get, url: str, now: Instant):
    rows = get(url, BINANCE, symbol="BTCUSDT", limit=1000).json()
    truth = newest("binance", now, 1000)
    at = np.array([row["fundingTime"] for row in rows])
    late = at - truth.settled_at
    assert len(rows) == 1000
    assert (late.min(), late.max()) == (0, 30)
    assert 0.3 < (late > 0).mean() < 0.7
    assert [float(row["fundingRate"]) for row in rows] == truth.rate.tolist()
    assert [float(row["markPrice"]) for row in rows] == truth.mark.tolist()
    assert rows[0].keys() == {"symbol", "fundingTime", "fundingRate", "markPrice"}
    assert all(len(row["fundingRate"].partition(".")[2]) == 8 for row in rows)


def test_binance_keeps_the_oldest_from_a_start_and_counts_its_own_late_stamps(get: Get, url: str, now: Instant):
    stamps = [row["fundingTime"] for row in get(url, BINANCE, symbol="DOGEUSDT", limit=50).json()]
    late = next(n for n, at in enumerate(stamps) if at % HOUR and n > 5)
    asked = get(url, BINANCE, symbol="DOGEUSDT", startTime=stamps[late], endTime=stamps[-1], limit=3).json()
    assert [row["fundingTime"] for row in asked] == stamps[late : late + 3]
    asked = get(url, BINANCE, symbol="DOGEUSDT", startTime=stamps[0], endTime=stamps[late] - 1).json()
    assert [row["fundingTime"] for row in asked] == stamps[:late]
    assert len(get(url, BINANCE, symbol="DOGEUSDT").json()) == 100


def test_binance_says_intervals_only_of_contracts_that_were_adjusted(get: Get, url: str):
    rows = get(url, INFO).json()
    assert {row["symbol"]: row["fundingIntervalHours"] for row in rows if row["fundingIntervalHours"] != 8} == {
        "SOLUSDT": 4,
        "DOGEUSDT": 1,
        "1000PEPEUSDT": 4,
        "XRPUSDT": 4,
    }
    assert "BTCUSDT" not in {row["symbol"] for row in rows}
    (pepe,) = (row for row in rows if row["symbol"] == "1000PEPEUSDT")
    assert (pepe["adjustedFundingRateCap"], pepe["adjustedFundingRateFloor"]) == ("0.02000000", "-0.02000000")


def test_gate_prints_seconds_and_six_decimals_newest_first(get: Get, url: str, now: Instant):
    rows = get(url, GATE, contract="BTC_USDT", limit=1000).json()
    truth = newest("gate", now, 1000)
    assert [row["t"] * 1000 for row in rows[::-1]] == truth.settled_at.tolist()
    assert [float(row["r"]) for row in rows[::-1]] == truth.rate.tolist()
    assert all(len(row["r"].partition(".")[2]) == 6 for row in rows)
    (contract,) = (one for one in get(url, "/api/v4/futures/usdt/contracts").json() if one["name"] == "DOGE_USDT")
    assert contract["funding_interval"] == 3600


def test_okx_says_what_was_paid_beside_what_was_predicted_and_reaches_back_three_months(
    get: Get, url: str, now: Instant
):
    rows = get(url, OKX, instId="BTC-USDT-SWAP").json()["data"]
    truth = newest("okx", now, 100)
    assert [int(row["fundingTime"]) for row in rows[::-1]] == truth.settled_at.tolist()
    assert [float(row["realizedRate"]) for row in rows[::-1]] == truth.rate.tolist()
    assert all(row["realizedRate"] != row["fundingRate"] for row in rows)
    old = now - 91 * Timeframe.D1.step
    assert rows_of(get(url, OKX, instId="BTC-USDT-SWAP", before=old, after=old + 24 * HOUR).json())
    assert not rows_of(get(url, OKX, instId="BTC-USDT-SWAP", after=now - 92 * Timeframe.D1.step).json())
    (one,) = get(url, OKX_NOW, instId="SOL-USDT-SWAP").json()["data"]
    assert int(one["nextFundingTime"]) - int(one["fundingTime"]) == 4 * HOUR
    assert int(one["fundingTime"]) > now
    assert len(get(url, OKX_NOW, instId="ANY").json()["data"]) == 6


def test_okx_leaves_out_both_ends(get: Get, url: str):
    rows = get(url, OKX, instId="BTC-USDT-SWAP", limit=5).json()["data"]
    between = get(url, OKX, instId="BTC-USDT-SWAP", before=rows[4]["fundingTime"], after=rows[0]["fundingTime"]).json()
    assert between["data"] == rows[1:4]


def test_bybit_prints_newest_first_and_wants_an_end_with_a_start(get: Get, url: str, now: Instant):
    rows = get(url, BYBIT, category="linear", symbol="BTCUSDT").json()["result"]["list"]
    truth = newest("bybit", now, 200)
    assert [int(row["fundingRateTimestamp"]) for row in rows[::-1]] == truth.settled_at.tolist()
    assert [float(row["fundingRate"]) for row in rows[::-1]] == truth.rate.tolist()
    assert get(url, BYBIT, category="linear", symbol="BTCUSDT", startTime=now - 10 * HOUR).json()["retCode"] == 10001
    info = get(url, "/v5/market/instruments-info", category="linear").json()["result"]["list"]
    assert {one["symbol"]: one["fundingInterval"] for one in info}["DOGEUSDT"] == 60


def test_bitfinex_prints_snapshots_of_which_hundreds_show_one_settlement(get: Get, url: str, now: Instant):
    rows = get(url, BITFINEX, limit=400).json()
    truth = newest("bitfinex", now, 4)
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), reverse=True)
    assert {len(row) for row in rows} == {23}
    assert [place for place, value in enumerate(rows[0]) if value is None] == [1, 4, 6, 10, 12, 13, 15, 16, 18, 19, 20]
    groups = {row[7]: row[11] for row in rows}
    assert len(groups) == 9, "66 hours"
    for at, rate in zip(truth.settled_at.tolist(), truth.rate.tolist(), strict=True):
        assert groups[at + 8 * HOUR] == rate
    first = min((row for row in rows if row[0] >= truth.settled_at[-1]), key=lambda row: int(row[0]))
    assert first[14] == truth.mark[-1]
    assert len({first[2], first[3], first[14]}) == 3, "the prices of contract and coin are other ones"
    ascending = get(url, BITFINEX, start=rows[9][0], end=rows[0][0], sort=1, limit=5).json()
    assert ascending == rows[9:4:-1]
    assert len(get(url, BITFINEX).json()) == 100


@every_venue
def test_nothing_is_there_before_the_listing_and_nothing_is_settled_after_now(
    get: Get, url: str, venue: str, now: Instant
):
    path, query = ASKED[venue]
    past: dict[str, dict[str, object]] = {
        "binance": {"startTime": 0, "endTime": 10**12},
        "gate": {"from": 0, "to": 10**9},
        "okx": {"after": 10**12},
        "bybit": {"startTime": 0, "endTime": 10**12},
        "bitfinex": {"start": 0, "end": 10**12},
    }
    assert rows_of(get(url, path, **query, **past[venue]).json()) == []
    assert max(map(time_of, rows_of(get(url, path, **query).json()))) <= now


@every_venue
@pytest.mark.parametrize("limit", ["0", "5001", "x"])
def test_a_limit_the_venue_does_not_have_is_refused_in_its_words(get: Get, url: str, venue: str, limit: str):
    path, query = ASKED[venue]
    answer = get(url, path, **query, limit=limit)
    body = answer.json()
    assert answer.status != 200 or body["retCode"] == 10001
    assert "limit" in str(body) or "Illegal" in str(body)


@pytest.mark.parametrize(
    ("path", "query", "says"),
    [
        (BINANCE, {"symbol": "NOPE"}, "-1121"),
        (BINANCE, {}, "-1121"),
        (GATE, {"contract": "NO_PE"}, "CONTRACT_NOT_FOUND"),
        ("/api/v4/futures/btc/funding_rate", {"contract": "BTC_USDT"}, "CONTRACT_NOT_FOUND"),
        (OKX, {"instId": "BTC-USDT"}, "51001"),
        (OKX_NOW, {"instId": "NOPE"}, "51001"),
        (BYBIT, {"category": "spot", "symbol": "BTCUSDT"}, "Category"),
        (BYBIT, {"category": "linear", "symbol": "NOPE"}, "Symbol"),
        ("/v2/status/deriv/tNOPE/hist", {}, "symbol: invalid"),
        ("/v2/status/deriv/tBTCUSD/hist", {}, "symbol: invalid"),
    ],
)
def test_a_contract_there_is_none_of_is_refused_in_the_venues_words(
    get: Get, url: str, path: str, query: dict[str, str], says: str
):
    assert says in get(url, path, **query).body.decode()


FAULTS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "empty_page": lambda rows: [],
    "short_page": lambda rows: rows[: len(rows) // 2],
    "descending": lambda rows: rows[::-1],
    "duplicates": lambda rows: [row for n, row in enumerate(rows) for _ in range(2 if n < -(-len(rows) // 2) else 1)],
}


@every_venue
def test_faults_of_rows_befall_funding_too(get: Get, venue: str):
    path, query = ASKED[venue]
    plan = [{"kind": kind, "at": [n]} for n, kind in enumerate([*FAULTS, "contradicting"], 2)]
    with running(now=NOW, faults=plan) as url:
        good, *bad, twice = (rows_of(get(url, path, **query, limit=9).json()) for _ in range(6))
    for rows, expected in zip(bad, FAULTS.values(), strict=True):
        assert rows == expected(good)
    assert [time_of(row) for row in twice] == [time_of(row) for row in [*good[:5], good[4], *good[5:]]]
    assert twice[4] == good[4]
    assert twice[5] != good[4]


def test_kinds_about_candles_only_leave_funding_alone_and_the_clock_s_skew_does_too(get: Get):
    path, query = ASKED["binance"]
    plan: list[dict[str, object]] = [{"kind": "shifted"}, {"kind": "clock_skew", "seconds": 90_000}]
    with running(now=NOW, faults=plan) as url, running(now=NOW) as plain:
        assert get(url, path, **query).json() == get(plain, path, **query).json()


@pytest.mark.parametrize("kind", ["throttle", "truncated_json", "html", "server_error"])
def test_faults_of_answers_befall_funding_as_everything(get: Get, kind: str):
    path, query = ASKED["bitfinex"]
    with running(now=NOW, faults=[{"kind": kind, "path": "status/deriv", "first": 1}]) as url:
        first, second = get(url, path, **query), get(url, path, **query)
    assert (first.status, first.body) != (second.status, second.body)
    assert len(second.json()) == 100


def test_requests_about_funding_are_counted_where_the_venue_counts_them():
    limiter = Limiter(limits=True)
    for _ in range(500):
        assert limiter.verdict("binance", BINANCE, dispatch.weight(BINANCE, {}), 0.0) is None
    refusal = limiter.verdict("binance", INFO, 1, 0.1)
    assert refusal is not None
    assert refusal.status == 429
    assert limiter.verdict("binance", "/fapi/v1/klines", 1, 0.1) is None
    for number in range(91):
        assert (limiter.verdict("bitfinex", BITFINEX, 1, 0.0) is None) == (number < 90)


def test_counters_have_one_name_for_all_contracts():
    assert dispatch.endpoint(BITFINEX) == "/v2/status/deriv/{symbol}/hist"


def test_the_sandbox_says_itself_what_a_lake_ought_to_hold(get: Get, url: str, now: Instant):
    asked = {"start": "2026-11-01T00:00:00Z", "end": "2026-11-30T00:00:00Z"}
    for venue in ("binance", "gate"):
        told = get(url, "/__sandbox/settlements", market=f"{venue}:BTC/USDT:USDT", **asked).json()
        truth = settlements_truth(Market(venue, "BTC/USDT:USDT"), Window.of(**asked), now)
        assert told["settled_at"] == truth.settled_at.tolist()
        assert told["rate"] == truth.rate.tolist()
        assert told["mark"] == (truth.mark.tolist() if venue == "binance" else [None] * len(truth))
    assert get(url, "/__sandbox/settlements", market="gate:BTC/USDT:USDT").json()["error"] == "start is missing"
