"""Faults that are about funding alone: in percent, in seconds, another interval than the one that is kept."""

from collections.abc import Callable
from typing import Any

from qmd_platform.sandbox.server import running

Get = Callable[..., Any]

NOW = "2024-06-01T12:00:30Z"
RATES, INFO, CANDLES = "/fapi/v1/fundingRate", "/fapi/v1/fundingInfo", "/fapi/v1/klines"
CONTRACTS = "/api/v4/futures/usdt/contracts"
ASKED = {"symbol": "SOLUSDT", "limit": 5}


def test_every_rate_is_a_hundred_times_as_large_and_nothing_else_changes(get: Get):
    with running(now=NOW) as plain, running(now=NOW, faults=[{"kind": "percent"}]) as url:
        good, bad = (get(one, RATES, **ASKED).json() for one in (plain, url))
        assert (
            get(url, CANDLES, symbol="SOLUSDT", interval="1h").body
            == get(plain, CANDLES, symbol="SOLUSDT", interval="1h").body
        )
    for right, wrong in zip(good, bad, strict=True):
        assert wrong == right | {"fundingRate": f"{100 * float(right['fundingRate']):.8f}"}


def test_every_time_is_in_seconds(get: Get):
    with running(now=NOW) as plain, running(now=NOW, faults=[{"kind": "seconds"}]) as url:
        good, bad = (get(one, RATES, **ASKED).json() for one in (plain, url))
    assert bad == [row | {"fundingTime": row["fundingTime"] // 1000} for row in good]


def test_every_contract_is_said_to_settle_as_often_as_the_fault_says(get: Get):
    plan = [{"kind": "stated_interval", "path": "fundingInfo", "hours": 3}, {"kind": "stated_interval"}]
    with running(now=NOW, faults=plan) as url:
        assert {one["fundingIntervalHours"] for one in get(url, INFO).json()} == {3}
        assert {one["funding_interval"] for one in get(url, CONTRACTS).json()} == {7200}
