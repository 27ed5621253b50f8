"""When WebSockets say something: with the sandbox's clock, however that goes."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast

import aiohttp
import pytest

from qmd_platform.errors import ConfigError
from qmd_platform.model.timeframe import MINUTE
from qmd_platform.model.window import iso
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from tests.sandbox.conftest import Got
from tests.sandbox.ws_clients import NOW, START, Raw, connected, passed, talking, until

_SUBSCRIBE = {"method": "SUBSCRIBE", "params": ["btcusdt@kline_1m"], "id": 1}
_FAST = 600


def _closed(raw: Raw) -> list[int]:
    return [one["k"]["t"] - START for one in raw.heard if "k" in one and one["k"]["x"]]


def test_time_that_is_made_to_pass_from_another_thread_says_everything_in_it() -> None:
    with serving(now=NOW) as sandbox:

        async def listened() -> list[int]:
            async with connected(sandbox, "binance/spot/ws") as raw:
                await raw.ask(_SUBSCRIBE)
                now = await asyncio.to_thread(sandbox.advance, 600)
                assert now == START + 630_000
                await until(lambda: len(raw.heard) == 1 + 600 // 2)
                return _closed(raw)

        assert asyncio.run(listened()) == [minute * MINUTE for minute in range(10)]
        assert sandbox.clock.now() == START + 630_000


def test_the_door_lets_time_pass_and_refuses_what_is_no_time(get: Callable[..., Got]) -> None:
    with serving(now=NOW) as sandbox:
        done = get(sandbox.url, "/__sandbox/advance", method="POST", body='{"seconds": 90.5}')
        assert done.json() == {"now": START + 120_500}
        for body in ("", "{}", '{"seconds": -1}', '{"seconds": 1e9}', '{"minutes": 1}'):
            refused = get(sandbox.url, "/__sandbox/advance", method="POST", body=body)
            assert refused.status == 400
            assert refused.json()["hint"]
        assert sandbox.clock.now() == START + 120_500


def test_rest_and_websockets_tell_the_same_time_while_it_passes() -> None:
    with serving(now=NOW) as sandbox:
        sandbox.advance(3600)
        assert iso(sandbox.clock.now()) == "2026-11-20T13:34:30Z"
        sandbox.move_clock("2026-11-21T00:00:00Z")
        assert sandbox.advance(1) == sandbox.clock.now()


def test_a_clock_that_was_moved_says_nothing_of_the_time_between() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        await raw.ask(_SUBSCRIBE)
        sandbox.move_clock(START + 60 * MINUTE)
        said = await passed(sandbox, raw, 1)
        assert {one["k"]["t"] - START for one in said} == {60 * MINUTE}

    talking("binance/spot/ws", told)


def test_a_clock_that_runs_faster_says_candles_as_they_close() -> None:
    async def listened() -> None:
        async with Sandbox(now=NOW, speed=_FAST) as sandbox, connected(sandbox, "binance/spot/ws") as raw:
            await raw.ask(_SUBSCRIBE)
            await until(lambda: len(_closed(raw)) >= 3)
            first, *others = _closed(raw)
            assert [at - first for at in others] == [(number + 1) * MINUTE for number in range(len(others))]
            assert sandbox.clock.now() > START + 3 * MINUTE
            with pytest.raises(ConfigError, match="runs by itself"):
                await sandbox.passing(1000)

    asyncio.run(listened())


def test_without_a_time_the_sandbox_runs_with_the_real_clock() -> None:
    async def listened() -> None:
        async with Sandbox(stream_seconds=1) as sandbox, connected(sandbox, "binance/spot/ws") as raw:
            await raw.ask(_SUBSCRIBE)
            await until(lambda: len(raw.heard) >= 3)
            first, second = (one["E"] for one in raw.heard[1:3])
            assert second - first == 1000

    asyncio.run(listened())


def test_heartbeats_come_while_the_clock_stands_still() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        params = {"channel": "ohlc", "symbol": ["BTC/USD"], "interval": 1}
        await raw.ask({"method": "subscribe", "params": params}, 2)
        await until(lambda: len(raw.beats) >= 2)

    talking("kraken/v2", told)


@pytest.mark.parametrize(("option", "value"), [("stream_seconds", 7), ("speed", 0), ("speed", -1.0)])
def test_a_pace_or_a_speed_that_cannot_be_is_refused(option: str, value: float) -> None:
    with pytest.raises(ConfigError) as refused:
        Sandbox(**cast("Any", {option: value}))
    assert refused.value.hint


def test_a_path_of_no_venue_is_refused() -> None:
    async def refused(path: str) -> int:
        async with Sandbox(now=NOW) as sandbox, aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await session.ws_connect(f"{sandbox.url}/ws/{path}")
            return caught.value.status

    assert asyncio.run(refused("ftx/ws")) == 404
    assert asyncio.run(refused("okx/ws/v6/public")) == 404


def test_a_sandbox_that_stops_says_goodbye() -> None:
    async def listened() -> int | None:
        sandbox = Sandbox(now=NOW)
        await sandbox.start()
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{sandbox.url}/ws/okx/ws/v5/public") as socket,
        ):
            stopping = asyncio.create_task(sandbox.stop())
            await socket.receive(timeout=60)
            await stopping
            return socket.close_code

    assert asyncio.run(listened()) == 1001


def test_counters_tell_connections_topics_and_messages() -> None:
    async def told(sandbox: Sandbox, raw: Raw) -> None:
        await raw.ask(_SUBSCRIBE)
        await passed(sandbox, raw, 1)
        figures = json.loads(json.dumps(sandbox.figures()["streams"]))
        assert figures["connections"] == figures["topics"] == figures["opened"] == {"binance": 1}
        assert figures["messages"] == {"binance": {"answer": 1, "closed": 1, "forming": 5}}
        sandbox.reset()
        assert sandbox.figures()["streams"] == figures | {"opened": {}, "messages": {}}

    talking("binance/spot/ws", told)
