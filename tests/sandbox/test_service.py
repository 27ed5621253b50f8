"""The server around the venues: counters, kept bodies, clocks, ports, signals."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from qmd_platform.errors import ConfigError
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import Instant
from qmd_platform.sandbox.bodies import Bodies, Sendable
from qmd_platform.sandbox.exchange import Answer
from qmd_platform.sandbox.server import run, running
from qmd_platform.sandbox.service import Sandbox

Get = Callable[..., Any]
BTC = {"symbol": "BTCUSDT", "interval": "1m"}


def test_every_request_and_row_is_counted(get: Get, now: Instant):
    start = now // MINUTE * MINUTE - 10 * MINUTE
    with running(now=now) as url:
        for _ in range(2):
            get(url, "/api/v3/klines", **BTC, startTime=start, endTime=start + 5 * MINUTE - 1)
        get(url, "/fapi/v1/klines", **BTC, limit=7)
        get(url, "/api/v4/spot/candlesticks", currency_pair="BTC_USDT", interval="5m", **{"from": start // 1000})
        get(url, "/v2/candles/trade:1D:tBTCF0:USTF0/hist", end=start, limit=3)
        get(url, "/v2/conf/pub:info:pair")
        get(url, "/api/v3/klines", symbol="NOPE", interval="1m")
        get(url, "/nowhere")
        stats = get(url, "/__sandbox/stats").json()
    assert stats["now"] == now
    assert stats["requests"] == {
        "binance": {"/api/v3/klines": 3, "/fapi/v1/klines": 1},
        "gate": {"/api/v4/spot/candlesticks": 1},
        "bitfinex": {"/v2/candles/{key}/hist": 1, "/v2/conf/{config}": 1},
        "unknown": {"/nowhere": 1},
    }
    assert stats["total_requests"] == 8
    assert stats["rows"]["binance"] == 5 + 5 + 7
    assert stats["rows"]["bitfinex"] == 3
    assert stats["rows_served"] == sum(stats["rows"].values())
    assert stats["statuses"] == {"200": 6, "400": 1, "404": 1}
    assert stats["candles"] == [
        ["binance:BTC/USDT", "1m", start, start + 5 * MINUTE],
        ["binance:BTC/USDT", "1m", start, start + 5 * MINUTE],
        ["binance:BTC/USDT:USDT", "1m", None, None],
        ["gate:BTC/USDT", "5m", start, None],
        ["bitfinex:BTC/USDT:USDT", "1d", None, start + 1],
    ]


def test_reset_zeroes_the_counters(get: Get):
    with running() as url:
        get(url, "/api/v3/klines", **BTC)
        assert get(url, "/__sandbox/reset").status == 404
        assert get(url, "/__sandbox/stats").json()["total_requests"] == 1
        assert get(url, "/__sandbox/reset", method="POST").status == 200
        stats = get(url, "/__sandbox/stats").json()
    assert (stats["total_requests"], stats["rows_served"], stats["bytes"]) == (0, 0, 0)
    assert (stats["requests"], stats["candles"]) == ({}, [])


def test_an_unknown_path_is_named(url: str, get: Get):
    for path in ("/nowhere", "/api/v3/depth", "/api/v4/futures/usdt/trades", "/v2/tickers", "/fapi/v2/klines"):
        answer = get(url, path)
        assert answer.status == 404
        assert path in answer.json()["error"]


def test_a_running_clock_tells_the_real_time_and_a_candle_in_progress_grows(get: Get):
    with running() as url:
        before = time.time_ns() // 1_000_000
        told = get(url, "/api/v3/time").json()["serverTime"]
        after = time.time_ns() // 1_000_000
        assert before <= told <= after
        day = {"symbol": "BTCUSDT", "interval": "1d", "startTime": told // 86_400_000 * 86_400_000}
        seen = [float(get(url, "/api/v3/klines", **day).json()[0][5])]
        deadline = time.monotonic() + 10
        while seen[-1] <= seen[0] and time.monotonic() < deadline:
            time.sleep(0.05)
            seen.append(float(get(url, "/api/v3/klines", **day).json()[0][5]))
    # Not kept: the same request, a later answer.
    assert seen[-1] > seen[0]


def test_settled_pages_are_answered_from_what_is_kept():
    start = time.time_ns() // 1_000_000 // MINUTE * MINUTE - 3000 * MINUTE
    closed = f"/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime={start}&limit=1000"
    forming = f"/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime={start + 2900 * MINUTE}&limit=1000"

    async def asked() -> tuple[int, int]:
        import aiohttp

        async with Sandbox() as sandbox, aiohttp.ClientSession() as session:
            for path in (closed, closed, forming, forming):
                async with session.get(sandbox.url + path) as answer:
                    await answer.read()
            return len(sandbox.bodies), sandbox.stats.rows.total()

    kept, rows = asyncio.run(asked())
    assert kept == 1
    assert rows > 2000


def test_kept_bodies_are_bounded_and_the_least_used_goes_first():
    bodies = Bodies(most_bytes=100)
    for name in ("a", "b", "c"):
        bodies.keep(name, Sendable(Answer(b""), b"x" * 40, is_gzipped=False), accepts_gzip=False)
        bodies.get("a", accepts_gzip=False)
    assert [name for name in ("a", "b", "c") if bodies.get(name, accepts_gzip=False)] == ["a", "c"]
    assert bodies.get("a", accepts_gzip=True) is None


def test_a_taken_port_is_refused_in_plain_words(url: str):
    port = urlsplit(url).port
    assert port is not None
    with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}"), running(port=port):
        pass


def test_strangers_are_not_served():
    with pytest.raises(ConfigError, match="loopback"):
        run(host="0.0.0.0")  # noqa: S104 - the point


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ConfigError, match="zone"), running(now="2026-11-20T12:00:00"):
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_program_serves_until_it_is_told_to_stop(get: Get, number: signal.Signals):
    code = "from qmd_platform.sandbox.server import run; run(on_ready=lambda url: print(url, flush=True))"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process:
        try:
            url = process.stdout.readline().strip()
            assert get(url, "/api/v3/ping").status == 200
            process.send_signal(number)
            assert process.wait(timeout=10) == 0
        finally:
            process.kill()


def test_serving_candles_needs_neither_pandas_nor_arrow_nor_ccxt():
    code = (
        "import sys; import qmd_platform.sandbox.server; "
        "print({'pandas', 'pyarrow', 'ccxt', 'dagster', 'sqlalchemy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
