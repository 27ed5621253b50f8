"""Every fault, as a client sees it; and the plan that says when."""

import http.client
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmd_platform.errors import ConfigError
from qmd_platform.sandbox import faultfile
from qmd_platform.sandbox.faults import KINDS, Fault, FaultPlan
from qmd_platform.sandbox.server import running

Get = Callable[..., Any]
Plan = Callable[[str], Path]
NOW = "2026-11-20T12:34:56Z"
ASKED = {
    "binance": ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 100}),
    "gate": ("/api/v4/futures/usdt/candlesticks", {"contract": "BTC_USDT", "interval": "1m", "limit": 100}),
    "bitfinex": ("/v2/candles/trade:1m:tBTCUSD/hist", {"limit": 100}),
}
every_venue = pytest.mark.parametrize("venue", ASKED)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    def write(text: str) -> Path:
        path = tmp_path / "faults.toml"
        path.write_text(text)
        return path

    return write


@every_venue
def test_an_empty_page_is_an_empty_list_and_the_next_one_is_whole(get: Get, plan: Plan, venue: str):
    path, query = ASKED[venue]
    with running(now=NOW, faults=plan('[[fault]]\nkind = "empty_page"\nfirst = 1')) as url:
        assert get(url, "/api/v3/ping").json() == {}
        first, second = get(url, path, **query), get(url, path, **query)
        stats = get(url, "/__sandbox/stats").json()
    assert (first.status, first.json()) == (200, [])
    assert len(second.json()) == 100
    assert stats["faults"] == {"empty_page": 1}
    assert stats["rows_served"] == 100


@every_venue
def test_a_short_page_is_the_first_half_of_the_rows(get: Get, plan: Plan, venue: str):
    path, query = ASKED[venue]
    with running(now=NOW, faults=plan('[[fault]]\nkind = "short_page"\nfirst = 1')) as url:
        first, second = get(url, path, **query), get(url, path, **query)
    assert first.status == 200
    assert first.json() == second.json()[:50]


@pytest.mark.parametrize(
    ("venue", "says"),
    [("binance", '"code":-1003'), ("gate", '"label":"TOO_MANY_REQUESTS"'), ("bitfinex", '["error",11010,')],
)
def test_a_throttle_says_when_to_come_back_in_the_venues_words(get: Get, plan: Plan, venue: str, says: str):
    path, query = ASKED[venue]
    with running(now=NOW, faults=plan('[[fault]]\nkind = "throttle"\nretry_after = 7\nfirst = 1')) as url:
        first, second = get(url, path, **query), get(url, path, **query)
    assert (first.status, first.headers["Retry-After"]) == (429, "7")
    assert says in first.body.decode()
    assert second.status == 200
    with running(now=NOW, faults=plan('[[fault]]\nkind = "throttle"\nstatus = 418')) as url:
        assert get(url, path, **query).status == 418


@pytest.mark.parametrize(("venue", "says"), [("binance", "-1001"), ("gate", "SERVER_ERROR"), ("bitfinex", "20060")])
def test_a_server_error_has_its_status_and_the_venues_words(get: Get, plan: Plan, venue: str, says: str):
    path, query = ASKED[venue]
    with running(now=NOW, faults=plan('[[fault]]\nkind = "server_error"\nstatus = 502\nfirst = 1')) as url:
        first, second = get(url, path, **query), get(url, path, **query)
    assert first.status == 502
    assert says in first.body.decode()
    assert second.status == 200
    with running(now=NOW, faults=plan('[[fault]]\nkind = "server_error"')) as url:
        assert get(url, path, **query).status == 503


def test_a_hang_answers_rightly_after_its_seconds(get: Get, plan: Plan):
    path, query = ASKED["binance"]
    with running(now=NOW, faults=plan('[[fault]]\nkind = "hang"\nseconds = 0.3\nfirst = 1')) as url:
        start = time.monotonic()
        first = get(url, path, **query)
        waited = time.monotonic() - start
        assert first.json() == get(url, path, **query).json()
    assert waited >= 0.3


def test_a_hang_does_not_keep_the_sandbox_from_closing(plan: Plan):
    with running(now=NOW, faults=plan('[[fault]]\nkind = "hang"')) as url:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
        connection.request("GET", "/api/v3/ping")
        start = time.monotonic()
    connection.close()
    assert time.monotonic() - start < 15


@pytest.mark.parametrize("headers", [{}, {"Accept-Encoding": "gzip"}])
def test_truncated_json_has_status_200_and_does_not_parse(get: Get, plan: Plan, headers: dict[str, str]):
    path, query = ASKED["binance"]
    with running(now=NOW, faults=plan('[[fault]]\nkind = "truncated_json"\nfirst = 1')) as url:
        first = get(url, path, headers=headers, **query)
        second = get(url, path, headers=headers, **query)
        stats = get(url, "/__sandbox/stats").json()
    assert first.status == 200
    assert int(first.headers["Content-Length"]) == len(first.body)
    with pytest.raises(json.JSONDecodeError):
        first.json()
    assert len(second.json()) == 100
    assert stats["rows_served"] == 100


def test_html_comes_with_status_200(get: Get, plan: Plan):
    path, query = ASKED["bitfinex"]
    with running(now=NOW, faults=plan('[[fault]]\nkind = "html"\nat = [2]')) as url:
        assert len(get(url, path, **query).json()) == 100
        second = get(url, path, **query)
    assert (second.status, second.headers["Content-Type"]) == (200, "text/html; charset=UTF-8")
    assert second.body.startswith(b"<!DOCTYPE html>")


@every_venue
def test_a_cut_connection_breaks_off_in_the_middle_of_the_body(get: Get, plan: Plan, venue: str):
    path, query = ASKED[venue]
    with running(now=NOW, faults=plan('[[fault]]\nkind = "cut_connection"\nfirst = 1')) as url:
        with pytest.raises(http.client.IncompleteRead) as broken:
            get(url, path, **query)
        whole = get(url, path, **query)
    assert whole.body.startswith(broken.value.partial)
    assert len(broken.value.partial) == len(whole.body) // 2


def test_faults_strike_only_the_venue_and_path_they_name(get: Get, plan: Plan):
    with running(now=NOW, faults=plan('[[fault]]\nkind = "html"\nvenue = "gate"\npath = "candlesticks"')) as url:
        statuses = {venue: get(url, path, **query).body[:1] for venue, (path, query) in ASKED.items()}
        assert get(url, "/api/v4/spot/time").json()
    assert statuses == {"binance": b"[", "gate": b"<", "bitfinex": b"["}


def test_the_first_fault_that_strikes_wins_and_each_counts_for_itself(get: Get, plan: Plan):
    path, query = ASKED["binance"]
    text = '[[fault]]\nkind = "server_error"\nevery = 2\n\n[[fault]]\nkind = "throttle"\nevery = 3\n'
    with running(now=NOW, faults=plan(text)) as url:
        statuses = [get(url, path, **query).status for _ in range(6)]
        # A reset starts the plan again.
        get(url, "/__sandbox/reset", method="POST")
        again = [get(url, path, **query).status for _ in range(6)]
    assert statuses == again == [200, 503, 429, 503, 200, 503]


@given(
    which=st.sampled_from(["every", "at", "first", None]),
    number=st.integers(1, 9),
    times=st.none() | st.integers(1, 4),
    asked=st.integers(0, 40),
)
def test_the_plan_strikes_the_requests_it_counts(which: str | None, number: int, times: int | None, asked: int):
    fault = Fault("html", times=times)
    if which == "at":
        fault.at = frozenset({number, number + 2})
    elif which:
        setattr(fault, which, number)
    counted = {
        "every": lambda n: n % number == 0,
        "at": lambda n: n in {number, number + 2},
        "first": lambda n: n <= number,
        None: lambda n: True,
    }[which]
    plan = FaultPlan([fault])
    struck = [n for n in range(1, asked + 1) if plan.strike("gate", "/x", 0, is_candles=False)]
    assert struck == [n for n in range(1, asked + 1) if counted(n)][:times]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[fault]]\nkind = "htlm"', "fault 1: unknown kind 'htlm'.*did you mean html"),
        ("[[fault]]\nevery = 2", "fault 1: the key kind is missing"),
        ('[[fault]]\nkind = "html"\nvenue = "ftx"', "unknown venue 'ftx'.*binance, bitfinex, bybit, gate"),
        ('[[fault]]\nkind = "html"\nevry = 2', "unknown key 'evry'.*every"),
        ('[[fault]]\nkind = "html"\nevery = 0', "every must be a whole number of at least 1, not 0"),
        ('[[fault]]\nkind = "html"\nevery = 2\nfirst = 1', "every and first contradict"),
        ('[[fault]]\nkind = "html"\nat = [0]', "at must be a list"),
        ('[[fault]]\nkind = "html"\nseconds = 1', "seconds says nothing about html"),
        ('[[fault]]\nkind = "throttle"\nstatus = 503', "status 503 is not for throttle.*400 and 499"),
        ('[[fault]]\nkind = "hang"\nseconds = "long"', "seconds must be a number"),
        ('[[fault]]\nkind = "html"\n\n[[fault]]\nkind = 3', "fault 2: kind must be text"),
        ('[fault]\nkind = "html"', "fault must be a list of tables"),
        ('[[faults]]\nkind = "html"', r"unknown key 'faults'.*\[\[fault\]\]"),
        ("[[fault", "faults.toml: "),
    ],
)
def test_a_wrong_plan_is_refused_with_its_place_and_the_choices(plan: Plan, text: str, says: str):
    path = plan(text)
    with pytest.raises(ConfigError, match=says) as refused:
        faultfile.plan(path)
    assert str(path) in str(refused.value)


def test_a_plan_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"cannot read .*no\.toml"), running(faults=tmp_path / "no.toml"):
        pass


def test_every_kind_of_fault_is_described():
    from qmd_platform.sandbox import faults

    assert faults.__doc__ is not None
    assert all(f"| ``{kind}`` |" in faults.__doc__ for kind in KINDS)
