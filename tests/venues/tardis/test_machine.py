"""tardis-machine over real sockets: the same messages over HTTP and WebSocket, and breaks that become holes."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from aiohttp import web

from qmd_platform.errors import ConfigError, Refused, VenueDown
from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window, instant, iso
from qmd_platform.sandbox.server import serving
from qmd_platform.sandbox.service import Sandbox
from qmd_platform.venues.tardis.machine import BARS, Wanted, messages
from qmd_platform.venues.tardis.messages import DerivativeTicker, Disconnect, Message, Trade, TradeBar, decoded
from qmd_platform.venues.tardis.replayed import HeardBars
from tests.venues.writtenserver import Reply, writing

WINDOW = Window.of("2026-11-02T00:00Z", "2026-11-02T04:00Z")
MARKET = Market("kraken", "BTC/USD")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with serving(now="2026-11-20T12:00:00Z") as served:
        yield served


def wanted(*types: str, exchange: str = "kraken", symbol: str = "BTC/USD", window: Window = WINDOW) -> Wanted:
    return Wanted(exchange, [symbol], types, window)


def heard(url: str, ask: Wanted) -> list[Message]:
    async def go() -> list[Message]:
        return [one async for one in messages(url, ask, timeout_seconds=30)]

    return asyncio.run(go())


def addresses(sandbox: Sandbox) -> tuple[str, str]:
    return sandbox.url, sandbox.url.replace("http", "ws")


def test_http_and_websocket_say_the_same_to_the_byte(sandbox: Sandbox):
    asks = [wanted("trade", BARS), wanted("trade", BARS)]
    both = [heard(url, ask) for url, ask in zip(addresses(sandbox), asks, strict=True)]
    assert both[0] == both[1]
    assert (asks[0].digest, asks[0].rows, asks[0].bytes) == (asks[1].digest, asks[1].rows, asks[1].bytes)
    assert {type(one) for one in both[0]} == {Trade, TradeBar}
    assert asks[0].rows == len(both[0]) > 900


def test_bars_of_a_replay_are_the_candles_of_the_venue(sandbox: Sandbox):
    bars = HeardBars(WINDOW)
    for one in heard(sandbox.url, wanted(BARS)):
        bars.add(one)
    (covered,) = bars.covered
    truth = sandbox.truth(MARKET, Timeframe.M1, covered)
    traded = truth.take(truth.volume > 0)
    assert covered.start == WINDOW.start + MINUTE
    assert covered.end > WINDOW.end - 10 * MINUTE
    for name in ("open_at", "open", "high", "low", "close"):
        assert np.array_equal(getattr(bars.candles, name), getattr(traded, name))
    assert np.round(bars.candles.volume, 8).tolist() == traded.volume.tolist()
    assert bars.rows == len(bars.candles) + bars.disconnects + bars.refused + bars.duplicates + bars.outside


def test_a_contracts_state_comes_with_its_next_settlement(sandbox: Sandbox):
    ask = wanted(
        "derivative_ticker",
        exchange="okex-swap",
        symbol="BTC-USDT-SWAP",
        window=Window.of(WINDOW.start, WINDOW.start + 60_000),
    )
    told = [one for one in heard(sandbox.url, ask) if isinstance(one, DerivativeTicker)]
    assert len(told) >= 5
    assert all(one.funding_timestamp is not None and one.funding_rate is not None for one in told)
    assert told[0].open_interest is None  # not said yet
    assert told[-1].open_interest is not None


@pytest.mark.parametrize("which", [0, 1])
def test_a_break_of_tardiss_own_connection_is_a_hole_and_not_silence(which: int):
    with serving(now="2026-11-20T12:00:00Z") as sandbox:
        away = Window.of("2026-11-02T01:30:20Z", "2026-11-02T01:47:40Z")
        sandbox.tardis.away.append(away)
        bars = HeardBars(WINDOW)
        for one in heard(addresses(sandbox)[which], wanted(BARS)):
            bars.add(one)
        assert bars.disconnects == 1
        (hole,) = bars.holes
        assert hole.start <= away.start // MINUTE * MINUTE
        assert hole.end >= -(-away.end // MINUTE) * MINUTE
        assert hole.end - hole.start < 30 * MINUTE
        assert [one.intersection(hole) for one in bars.covered] == [None, None]
        truth = sandbox.truth(MARKET, Timeframe.M1, WINDOW)
        known = np.concatenate([truth.within(one).take(truth.within(one).volume > 0).open_at for one in bars.covered])
        assert bars.candles.open_at.tolist() == known.tolist()


def bar(at: str, **values: Any) -> Message:
    end = instant(at) + MINUTE
    told = {
        "type": "trade_bar",
        "symbol": "X",
        "exchange": "kraken",
        "name": BARS,
        "interval": MINUTE,
        "kind": "time",
        "open": 1.0,
        "high": 2.0,
        "low": 0.5,
        "close": 1.5,
        "volume": 3.0,
        "buyVolume": 1.0,
        "sellVolume": 2.0,
        "trades": 2,
        "vwap": 1.2,
        "openTimestamp": at,
        "closeTimestamp": at,
        "timestamp": iso(end),
        "localTimestamp": iso(end),
        **values,
    }
    return decoded(json.dumps(told))


BREAK = decoded('{"type":"disconnect","exchange":"kraken","localTimestamp":"2026-11-02T00:10:00Z"}')


def told(*said: Message) -> HeardBars:
    bars = HeardBars(Window.of("2026-11-02T00:00Z", "2026-11-02T01:00Z"))
    for one in said:
        bars.add(one)
    assert bars.rows == len(bars.candles) + bars.disconnects + bars.refused + bars.duplicates + bars.outside
    return bars


def minutes(*spans: tuple[int, int]) -> list[Window]:
    start = instant("2026-11-02")
    return [Window(start + first * MINUTE, start + end * MINUTE) for first, end in spans]


def test_a_replay_that_ends_with_a_break_leaves_the_rest_of_its_window_a_hole():
    bars = told(bar("2026-11-02T00:03:00Z"), BREAK)
    assert (bars.covered, bars.breaks) == (minutes((1, 4)), minutes((4, 60)))


def test_the_first_bar_after_a_break_may_have_begun_before_it_and_is_not_taken():
    bars = told(bar("2026-11-02T00:03:00Z"), BREAK, bar("2026-11-02T00:12:00Z"), bar("2026-11-02T00:13:00Z"))
    assert bars.candles.open_at.tolist() == [instant("2026-11-02T00:03Z"), instant("2026-11-02T00:13Z")]
    assert (bars.covered, bars.breaks) == (minutes((1, 4), (13, 14)), minutes((4, 13)))


def test_a_replay_without_a_bar_covers_nothing():
    assert told().covered == []
    assert told(bar("2026-11-02T00:00:00Z")).covered == []  # the first minute may lack trades that came before


def test_a_bar_that_comes_again_is_counted_and_another_one_of_its_minute_is_refused():
    first = bar("2026-11-02T00:03:00Z")
    assert told(first, first).duplicates == 1
    other = told(first, bar("2026-11-02T00:03:00Z", close=9.0))
    assert other.refused == 1
    (why,) = other.broken.values()
    assert why == "message 2 of the replay: the bar of 2026-11-02T00:03:00Z came a second time, and is another one"


def test_a_bar_whose_last_trade_is_of_an_earlier_minute_is_refused_and_neither_minute_is_whole():
    late = bar("2026-11-02T00:04:00Z", closeTimestamp="2026-11-02T00:03:59.999Z")
    bars = told(bar("2026-11-02T00:03:00Z"), late, bar("2026-11-02T00:05:00Z"))
    assert (bars.refused, bars.candles.open_at.tolist()) == (1, [instant(f"2026-11-02T00:0{n}Z") for n in (3, 5)])
    assert sorted(bars.broken) == [instant(f"2026-11-02T00:0{n}Z") for n in (3, 4)]
    (why,) = set(bars.broken.values())
    assert why == "message 2 of the replay: the bar of 2026-11-02T00:04:00Z has a trade of 2026-11-02T00:03:00Z in it"
    assert bars.covered == minutes((1, 6))


@pytest.mark.parametrize("wrong", [{"interval": 10_000}, {"kind": "volume"}, {"timestamp": "2026-11-02T00:03:30Z"}])
def test_a_bar_that_is_not_of_a_minute_ends_the_replay(wrong: dict[str, Any]):
    with pytest.raises(VenueDown, match="is not of a minute"):
        told(bar("2026-11-02T00:03:00Z", **wrong))


@pytest.mark.parametrize("url", ["tcp://me:hush@machine", "http://me:hush@127.0.0.1:1", "ws://me:hush@127.0.0.1:1"])
def test_a_password_in_the_address_is_not_shown(url: str):
    with pytest.raises((ConfigError, VenueDown)) as caught:
        heard(url, wanted("trade"))
    assert "hush" not in str(caught.value)
    assert url.rpartition("@")[2] in str(caught.value)


def test_an_unknown_symbol_and_a_bad_address_are_refused(sandbox: Sandbox):
    with pytest.raises(Refused, match="kraken has no 'NOPE'"):
        heard(sandbox.url, wanted(BARS, symbol="NOPE"))
    with pytest.raises(VenueDown, match="ended with 1011"):
        heard(addresses(sandbox)[1], wanted(BARS, symbol="NOPE"))
    with pytest.raises(ConfigError, match="is not the address of a tardis-machine"):
        heard("localhost:8000", wanted(BARS))
    with pytest.raises(ConfigError, match="over WebSocket only"):
        heard(sandbox.url, Wanted("kraken", ["BTC/USD"], [BARS], None))


LINE = b'{"type":"disconnect","exchange":"kraken","localTimestamp":"2026-11-02T00:10:00Z"}\n'


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(LINE + b'{"message":"Tardis API: 401","url":"x"}'), "missing required field `type`.*Tardis API: 401"),
        (Reply(LINE + LINE[:30]), "not a message"),
        (Reply(LINE, promised=5 * len(LINE)), "ClientPayloadError"),
        (Reply(b"down", 502), "HTTP 502: down"),
    ],
)
def test_an_answer_that_breaks_off_is_told_and_not_taken_for_the_end(reply: Reply, why: str):
    async def go() -> None:
        async with writing(lambda number, path: reply) as server:
            with pytest.raises(VenueDown, match=why):
                [one async for one in messages(server.url, wanted(BARS), timeout_seconds=30)]

    asyncio.run(go())


def test_what_is_said_now_comes_over_the_streaming_websocket():
    asked: list[str] = []

    async def serve(request: web.Request) -> web.WebSocketResponse:
        asked.append(request.path_qs)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(LINE.decode())
        await socket.close(code=1011, message=b"exchange is gone")
        return socket

    said: list[Message] = []

    async def listen(url: str) -> None:
        async for one in messages(url, Wanted("kraken", ["BTC/USD"], ["trade"], None)):
            said.append(one)  # noqa: PERF401 - what came before the end counts

    async def go() -> None:
        app = web.Application()
        app.router.add_get("/ws-stream-normalized", serve)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            with pytest.raises(VenueDown, match="ended with 1011 exchange is gone"):
                await listen(f"ws://127.0.0.1:{runner.addresses[0][1]}")
        finally:
            await runner.cleanup()

    asyncio.run(go())
    assert isinstance(said[0], Disconnect)
    assert len(said) == 1
    assert "from" not in asked[0]
