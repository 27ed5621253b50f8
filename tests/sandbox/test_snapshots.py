"""Contracts as they are now: what is predicted drifts to what is paid, and every venue prints it in its own way."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from qmd_platform.errors import ConfigError
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Instant, Window
from qmd_platform.sandbox.funding import HOUR, cap, settlements_truth
from qmd_platform.sandbox.open_interest_wire import BINANCE_REACH
from qmd_platform.sandbox.snapshots import open_interest_truth, predictions_truth

Get = Callable[..., Any]
BTC = "BTC/USDT:USDT"
PREMIUM, HISTORY = "/fapi/v1/premiumIndex", "/futures/data/openInterestHist"
TICKERS, OF_BYBIT = "/v5/market/tickers", "/v5/market/open-interest"
CONTRACTS, STATS = "/api/v4/futures/usdt/contracts", "/api/v4/futures/usdt/contract_stats"
RATES, MARKS, OF_OKX = "/api/v5/public/funding-rate", "/api/v5/public/mark-price", "/api/v5/public/open-interest"
STATUS = "/v2/status/deriv"
DAY = Timeframe.D1.step


@pytest.mark.parametrize("venue", ["binance", "bybit", "okx", "gate", "bitfinex"])
@pytest.mark.parametrize("coin", ["BTC", "SOL", "DOGE", "XRP"])
def test_a_prediction_drifts_to_what_is_settled_in_the_end(venue: str, coin: str, now: Instant):
    market = Market(venue, f"{coin}/USDT:USDT")
    at = np.arange(now - 20 * DAY, now, 7 * MINUTE)
    next_at, rate = predictions_truth(market, at)
    paid = settlements_truth(market, Window(now - 20 * DAY, now + DAY), now + DAY)
    settled = paid.rate[np.searchsorted(paid.settled_at, next_at)]
    assert np.isin(next_at, paid.settled_at).all()
    off, left = np.abs(rate - settled), next_at - at
    assert (left > 0).all()
    assert off.max() <= 2e-4 + 2e-6
    assert off.max() > 1e-4
    assert off[left < 10 * MINUTE].max() < off.max() / 3, "the nearer the settlement is, the less it is off"
    assert np.abs(rate).max() * 1e8 <= cap(market)


def test_a_settlement_that_is_never_listed_is_announced_all_the_same():
    eth = Market("gate", "ETH/USDT:USDT")
    missed = 1_775_664_000_000  # 2026-04-08T16:00:00Z
    next_at, _ = predictions_truth(eth, np.array([missed - HOUR, missed + HOUR]))
    assert next_at.tolist() == [missed, missed + 8 * HOUR]
    assert missed not in settlements_truth(eth, Window(missed - DAY, missed + DAY), missed + DAY).settled_at


def test_open_interest_moves_and_is_never_nothing(now: Instant):
    at = np.arange(now - 60 * DAY, now, HOUR)
    for venue in ("binance", "gate", "okx", "bybit", "bitfinex"):
        base = open_interest_truth(Market(venue, BTC), at).base
        assert base.min() > 0.3 * np.median(base)
        assert base.max() > 1.1 * np.median(base)
    with pytest.raises(ConfigError, match="no market"):
        open_interest_truth(Market("gate", "NOPE/USDT:USDT"), at)


def test_binance_prints_all_contracts_or_one_and_no_open_interest(get: Get, url: str, now: Instant):
    rows = get(url, PREMIUM).json()
    (one,) = (row for row in rows if row["symbol"] == "BTCUSDT")
    assert get(url, PREMIUM, symbol="BTCUSDT").json() == one
    next_at, rate = predictions_truth(Market("binance", BTC), np.array([now]))
    assert (one["time"], one["nextFundingTime"], float(one["lastFundingRate"])) == (now, next_at[0], rate[0])
    assert float(one["markPrice"]) != float(one["indexPrice"])
    assert get(url, PREMIUM, symbol="NOPE").json()["code"] == -1121


def test_binance_serves_thirty_days_of_open_interest_and_refuses_older(get: Get, url: str, now: Instant):
    asked = {"symbol": "BTCUSDT", "period": "1h"}
    newest = get(url, HISTORY, **asked).json()
    assert len(newest) == 30
    assert newest[-1]["timestamp"] == now // HOUR * HOUR
    start = now // HOUR * HOUR - 20 * DAY
    rows = get(url, HISTORY, **asked, startTime=start, endTime=now, limit=500).json()
    assert [row["timestamp"] for row in rows[:2]] == [start, start + HOUR], "the oldest from the start on"
    truth = open_interest_truth(Market("binance", BTC), np.array([row["timestamp"] for row in rows]))
    assert [float(row["sumOpenInterest"]) for row in rows] == truth.base.tolist()
    assert [float(row["sumOpenInterestValue"]) for row in rows] == truth.quote.tolist()
    assert get(url, HISTORY, **asked, startTime=now - BINANCE_REACH - 1).json()["code"] == -1130
    assert get(url, HISTORY, **asked, limit=501).json()["code"] == -1130


def test_bybit_prints_text_and_its_history_newest_first(get: Get, url: str, now: Instant):
    body = get(url, TICKERS, category="linear", symbol="SOLUSDT").json()
    (one,) = body["result"]["list"]
    assert (body["time"], one["fundingIntervalHour"]) == (now, "4")
    truth = open_interest_truth(Market("bybit", "SOL/USDT:USDT"), np.array([now]))
    assert (float(one["openInterest"]), float(one["openInterestValue"])) == (truth.base[0], truth.quote[0])
    asked = {"category": "linear", "symbol": "SOLUSDT", "intervalTime": "1h"}
    rows = get(url, OF_BYBIT, **asked, startTime=now - 30 * DAY, endTime=now, limit=200).json()["result"]["list"]
    at = [int(row["timestamp"]) for row in rows]
    assert at == list(range(now // HOUR * HOUR, now // HOUR * HOUR - 200 * HOUR, -HOUR)), "the newest of the window"
    assert get(url, OF_BYBIT, **asked, limit=201).json()["retCode"] == 10001
    assert get(url, TICKERS, category="spot").json()["retCode"] == 10001


def test_gate_s_list_of_contracts_says_what_each_is_like_now(get: Get, url: str, now: Instant):
    (one,) = (row for row in get(url, CONTRACTS).json() if row["name"] == "BTC_USDT")
    next_at, rate = predictions_truth(Market("gate", BTC), np.array([now]))
    assert (one["funding_next_apply"] * 1000, float(one["funding_rate"])) == (next_at[0], rate[0])
    assert one["position_size"] == open_interest_truth(Market("gate", BTC), np.array([now])).contracts[0]
    assert one["quanto_multiplier"] == "0.0001"
    rows = get(url, STATS, contract="BTC_USDT", interval="1h", **{"from": (now - 3 * DAY) // 1000}, limit=100).json()
    at = np.array([row["time"] * 1000 for row in rows])
    assert len(at) == 72
    truth = open_interest_truth(Market("gate", BTC), at)
    assert [row["open_interest"] for row in rows] == truth.contracts.tolist()
    assert [row["open_interest_usd"] for row in rows] == truth.quote.tolist()
    assert get(url, STATS, contract="NOPE_USDT").json()["label"] == "CONTRACT_NOT_FOUND"


def test_okx_says_rates_marks_and_open_interest_apart(get: Get, url: str, now: Instant):
    (rate,) = get(url, RATES, instId="BTC-USDT-SWAP").json()["data"]
    marks, interest = (get(url, path, instType="SWAP").json()["data"] for path in (MARKS, OF_OKX))
    expected = predictions_truth(Market("okx", BTC), np.array([now]))[1][0]
    assert (float(rate["fundingRate"]), int(rate["ts"])) == (expected, now)
    assert {row["instId"] for row in marks} == {row["instId"] for row in interest}
    (one,) = (row for row in interest if row["instId"] == "BTC-USDT-SWAP")
    truth = open_interest_truth(Market("okx", BTC), np.array([now]))
    assert (float(one["oi"]), float(one["oiCcy"])) == (truth.contracts[0], truth.base[0])
    assert get(url, MARKS, instType="FUTURES").json()["code"] == "51000"


def test_bitfinex_s_newest_state_is_a_row_of_its_history_with_the_key_in_front(get: Get, url: str, now: Instant):
    every = get(url, STATUS, keys="ALL").json()
    (one,) = get(url, STATUS, keys="tBTCF0:USTF0").json()
    assert one in every
    assert (one[0], one[1], len(one)) == ("tBTCF0:USTF0", now, 24)
    (last,) = get(url, f"{STATUS}/tBTCF0:USTF0/hist", limit=1).json()
    assert (len(last), last[7]) == (23, one[8])
    next_at, rate = predictions_truth(Market("bitfinex", BTC), np.array([now]))
    share = (now - (next_at[0] - 8 * HOUR)) / (8 * HOUR)
    assert one[9] / share == pytest.approx(rate[0], abs=1e-8 / share)
    assert one[18] == open_interest_truth(Market("bitfinex", BTC), np.array([now])).base[0]
