"""The sandbox's own doors: faults, listings and the clock changed while it runs, and what is refused there."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qmd_platform.model.candles import COLUMNS, Candles
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox import control, faults
from qmd_platform.sandbox.server import running, serving
from tests.sandbox.conftest import Got

Get = Callable[..., Any]
Post = Callable[..., Got]
NOW = "2026-11-20T12:34:56Z"
KLINES = "/api/v3/klines"
BTC = {"symbol": "BTCUSDT", "interval": "1m"}
SPOT = Market("binance", "BTC/USDT")
HERE = instant(NOW) // MINUTE * MINUTE


@pytest.fixture
def post(get: Get) -> Post:
    def send(url: str, door: str, body: str) -> Got:
        got: Got = get(url, f"/__sandbox/{door}", method="POST", body=body)
        return got

    return send


def test_a_plan_is_changed_while_the_sandbox_runs_and_its_counts_are_shown(get: Get, post: Post):
    with running(now=NOW) as url:
        assert get(url, KLINES, **BTC).status == 200
        assert post(url, "faults", '[[fault]]\nkind = "server_error"\nevery = 2').status == 200
        assert [get(url, KLINES, **BTC).status for _ in range(4)] == [200, 503, 200, 503]
        (shown,) = get(url, "/__sandbox/faults").json()
        assert shown == {"kind": "server_error", "every": 2, "met": 4, "struck": 2}
        assert post(url, "faults", json.dumps({"fault": [{"kind": "html"}]})).status == 200
        assert get(url, KLINES, **BTC).body.startswith(b"<!DOCTYPE")
        assert post(url, "faults", "").json() == []
        assert get(url, KLINES, **BTC).status == 200


@pytest.mark.parametrize(
    ("text", "error", "hint"),
    [
        ('[[fault]]\nkind = "htlm"', "the request: fault 1: unknown kind 'htlm'", "did you mean html"),
        ("[[fault", "the request: ", None),
        ('{"fault": [{"kind": "outage", "since": "2026-11-20T00:00:00Z"}]}', "the key until is missing", None),
        ('[[fault]]\nkind = "gap"\nmarket = "binance:BTC/USDT"\nstart = 2\nend = 1', "start must be before end", None),
        (
            '[[fault]]\nkind = "gap"\nmarket = "binance:NO/SUCH"\nstart = 1\nend = 2',
            "lists no market binance:NO/SUCH",
            None,
        ),
        (
            '[[fault]]\nkind = "gap"\nmarket = "bitfinex:BTC/USD"\nstart = 1\nend = 2\nflat = true',
            "bitfinex prints no flat candles",
            "leave flat out",
        ),
        ('[[fault]]\nkind = "shifted"\nby = 2', "by must be 1 (late) or -1 (early), not 2", None),
        ('[[fault]]\nkind = "bad_values"\nvalue = "nun"', "unknown value 'nun'", "did you mean nan"),
        (
            '[[fault]]\nkind = "restated"\nmarket = "binance:BTC/USDT"\nstart = 1\nend = 2\nevery = 3',
            "every says",
            None,
        ),
        ('[[fault]]\nkind = "html"\nsince = "2026-11-20T00:00:00"', "has no time zone", "Z for UTC"),
    ],
)
def test_a_wrong_plan_is_refused_and_the_one_before_stays(
    get: Get, post: Post, text: str, error: str, hint: str | None
):
    with running(now=NOW, faults=[{"kind": "server_error", "first": 2}]) as url:
        assert get(url, KLINES, **BTC).status == 503
        refused = post(url, "faults", text)
        assert refused.status == 400
        assert error in refused.json()["error"]
        assert hint is None or hint in refused.json()["hint"]
        assert [get(url, KLINES, **BTC).status for _ in range(2)] == [503, 200]


def test_the_clock_that_stands_still_is_moved_and_candles_close(get: Get, post: Post):
    with running(now=NOW) as url:
        newest = get(url, KLINES, **BTC, limit=1).json()[0]
        moved = post(url, "clock", '{"now": "2026-11-20T13:00:30Z"}')
        assert moved.json() == {"now": instant("2026-11-20T13:00:30Z")}
        assert get(url, "/api/v3/time").json() == {"serverTime": instant("2026-11-20T13:00:30Z")}
        again = get(url, KLINES, **BTC, startTime=newest[0], limit=1).json()[0]
        later = get(url, KLINES, **BTC, limit=1).json()[0]
    assert later[0] == instant("2026-11-20T13:00:00Z")
    assert (again[0], again[1]) == (newest[0], newest[1])
    assert float(again[5]) > float(newest[5])  # it was in progress


@pytest.mark.parametrize("body", ["", "[]", '{"now": "2026-11-20"}x', '{"then": 1}', '{"now": "noon"}'])
def test_a_clock_is_not_moved_to_nonsense(get: Get, post: Post, body: str):
    with running(now=NOW) as url:
        assert post(url, "clock", body).status == 400
        assert get(url, "/api/v3/time").json() == {"serverTime": instant(NOW)}


def test_a_clock_that_runs_is_not_moved(post: Post):
    with running() as url:
        refused = post(url, "clock", '{"now": "2026-11-20T13:00:30Z"}')
    assert (refused.status, refused.json()["hint"]) == (400, "start it with a time: --now")


def test_the_truth_is_told_over_the_socket(get: Get):
    window = Window(HERE - 180 * MINUTE, HERE + 60 * MINUTE)
    with serving(now=NOW) as sandbox:
        query = {"market": str(SPOT), "timeframe": "1m", "start": window.start, "end": window.end}
        told = get(sandbox.url, "/__sandbox/truth", **query).json()
        expected = sandbox.truth(SPOT, Timeframe.M1, window)
        refused = get(sandbox.url, "/__sandbox/truth", market=str(SPOT))
    assert len(expected) == 180
    for name in COLUMNS:
        assert told[name] == getattr(expected, name).tolist()
    assert isinstance(expected, Candles)
    assert (refused.status, refused.json()["error"]) == (400, "timeframe is missing")


def test_requests_are_told_one_by_one_with_window_weight_and_the_venues_time(get: Get):
    with running(now=NOW, faults=[{"kind": "html", "at": [3]}]) as url:
        get(url, KLINES, **BTC, startTime=HERE - 5 * MINUTE, endTime=HERE - 1, limit=5)
        get(url, "/api/v4/spot/time")
        get(url, KLINES, **BTC)
        lines = get(url, "/__sandbox/requests").json()
    assert lines[0] == {
        "at": instant(NOW),
        "venue": "binance",
        "endpoint": KLINES,
        "weight": 2,
        "fault": None,
        "status": 200,
        "rows": 5,
        "market": str(SPOT),
        "timeframe": "1m",
        "start": HERE - 5 * MINUTE,
        "end": HERE,
    }
    assert [(line["venue"], line["fault"], line["rows"]) for line in lines[1:]] == [
        ("gate", None, 0),
        ("binance", "html", 0),
    ]


def test_the_page_of_the_sandbox_lists_every_fault_and_every_door():
    page = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    for module in (faults, control):
        rows = [line.replace("``", "`") for line in (module.__doc__ or "").splitlines() if line.startswith("| ``")]
        assert len(rows) > 5
        assert [row for row in rows if row not in page] == []
