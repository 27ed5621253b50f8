"""One connection against servers that behave badly, over real sockets."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import aiohttp
import pytest
from aiohttp import web

from qmd_platform.model.series import Series
from qmd_platform.venues.streams.connection import Clock, Connection, Listener
from qmd_platform.venues.streams.dialects import TABLE
from qmd_platform.venues.streams.habits import HABITS
from qmd_platform.venues.streams.machine import Machine
from qmd_platform.venues.streams.patience import Endurance
from qmd_platform.venues.streams.plan import Door
from qmd_platform.venues.streams.records import Heard
from qmd_platform.venues.streams.state import Phase
from tests.venues.streams.listeners import QUICK, Ears, until
from tests.venues.streams.reading import streams

CANDLE = {"t": 1_700_000_040_000, "i": "1m", "o": "1", "h": "2", "l": "1", "c": "2", "v": "3", "x": False}
KLINE = json.dumps({"e": "kline", "E": 1_700_000_041_000, "s": "BTCUSDT", "k": CANDLE})

Behaviour = Callable[[web.WebSocketResponse], Awaitable[None]]


class Venue:
    """Sockets, each of which behaves as the next of ``behaviours``; the last goes on for ever."""

    def __init__(self, *behaviours: Behaviour | int) -> None:
        self._behaviours = list(behaviours)
        self.sockets = 0
        self.url = ""

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        behaviour = self._behaviours[min(self.sockets, len(self._behaviours) - 1)]
        self.sockets += 1
        if isinstance(behaviour, int):
            return web.Response(status=behaviour, headers={"Retry-After": "7"})
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        with suppress(ConnectionError):
            await behaviour(socket)
        return socket


async def tells(socket: web.WebSocketResponse) -> None:
    """Answers, tells one candle, and stays."""
    await answers(socket)
    await socket.send_str(KLINE)
    async for _ in socket:
        pass


async def answers(socket: web.WebSocketResponse) -> None:
    asked = await socket.receive_json()
    await socket.send_json({"result": None, "id": asked["id"]})


async def tells_and_hangs_up(socket: web.WebSocketResponse) -> None:
    await answers(socket)
    await socket.send_str(KLINE)
    await socket.close(code=1012, message=b"restart")


async def breaks(socket: web.WebSocketResponse) -> None:
    """The machine at the other end is gone."""
    await answers(socket)
    await socket.send_str(KLINE)
    transport = socket.get_extra_info("transport")
    transport.abort()


async def hangs(socket: web.WebSocketResponse) -> None:
    """Reads nothing and says nothing any more, not even goodbye."""
    await socket.send_str(KLINE)
    await asyncio.sleep(3600)


@asynccontextmanager
async def kept(
    venue: Venue,
    endurance: Endurance = QUICK,
    on_heard: Callable[[Heard], None] | None = None,
    clock: Clock | None = None,
    **habits: float,
) -> AsyncIterator[Ears]:
    """A connection to ``venue`` that carries one stream of candles."""
    runner = web.ServerRunner(web.Server(venue.serve), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    venue.url = f"ws://127.0.0.1:{runner.addresses[0][1]}/"
    ears, dialect = Ears(), TABLE["binance"]
    known = replace(HABITS["binance"]["spot"], **habits)
    some = streams("binance:BTC/USDT:1m", "BTCUSDT")
    dice = random.Random(3)  # noqa: S311 - a test that can be repeated
    machine = Machine("spot 1/1", dialect, known, some, endurance=endurance, dice=dice)
    door = Door(None, asyncio.get_running_loop().time)
    listener = Listener(on_heard or ears.heard.append, ears.on_state, endurance, dice, clock or Clock())
    connection = Connection("binance", machine, venue.url, door, listener)
    async with aiohttp.ClientSession() as session:
        task = asyncio.create_task(connection.run(session))
        try:
            yield ears
        finally:
            task.cancel()
            await runner.cleanup()
            with suppress(asyncio.CancelledError):
                await task


def phases(ears: Ears) -> list[Phase]:
    """The phases in their order, each once."""
    found = [state.phase for state in ears.states]
    return [phase for place, phase in enumerate(found) if not place or phase is not found[place - 1]]


def test_a_connection_that_is_hung_up_is_opened_anew_and_subscribed_again() -> None:
    async def run() -> None:
        venue = Venue(tells_and_hangs_up, breaks, tells)
        async with kept(venue) as ears:
            await until(lambda: len(ears.candles) == 3)
        assert phases(ears) == [Phase.CONNECTING, Phase.LIVE, Phase.WAITING] * 2 + [
            Phase.CONNECTING,
            Phase.LIVE,
            Phase.STOPPED,
        ]
        assert {one.series for one in ears.candles} == {Series.parse("binance:BTC/USDT:1m")}
        reasons = [state.why for state in ears.states if state.phase is Phase.WAITING]
        assert reasons[0] == "the venue hung up (1012): restart"
        assert ears.newest["spot 1/1"].counters["connects"] == 3

    asyncio.run(run())


def test_a_venue_that_cannot_be_reached_is_tried_again_for_ever() -> None:
    async def run() -> None:
        venue = Venue(503)
        async with kept(venue) as ears:
            await until(lambda: venue.sockets >= 4)
        reasons = {state.why for state in ears.states if state.phase is Phase.WAITING}
        assert reasons == {"refused with status 503"}
        assert ears.newest["spot 1/1"].failures >= 3

    asyncio.run(run())


@pytest.mark.parametrize("status", [429, 418])
def test_a_venue_that_names_a_wait_is_obeyed(status: int) -> None:
    async def run() -> None:
        venue = Venue(status, tells)
        async with kept(venue) as ears:
            await until(lambda: any(state.phase is Phase.WAITING for state in ears.states))
            assert ears.newest["spot 1/1"].wait_seconds == 7
            assert venue.sockets == 1

    asyncio.run(run())


def test_a_socket_that_hangs_is_given_up_although_tcp_is_fine() -> None:
    async def run() -> None:
        venue = Venue(hangs, tells)
        quick = replace(QUICK, tell_seconds=0.05)
        async with kept(venue, quick, quiet_seconds=0.3, ping_seconds=0.1) as ears:
            await until(lambda: venue.sockets == 2 and len(ears.candles) == 2)
        assert Phase.STALLED in phases(ears)
        assert ears.newest["spot 1/1"].counters["stalls"] == 1

    asyncio.run(run())


def test_pongs_keep_a_quiet_socket() -> None:
    """Half a minute passes with each ping; a socket without any sign of life for a minute would be given up."""

    async def quiet(socket: web.WebSocketResponse) -> None:
        async for message in socket:
            passed.append(30.0)
            if message.type is aiohttp.WSMsgType.PING:
                await socket.pong(message.data)

    async def run() -> None:
        venue = Venue(quiet)
        clock = Clock(seconds=lambda: sum(passed))
        async with kept(venue, replace(QUICK, tell_seconds=0.01, stall_steps=1000), clock=clock) as ears:
            await until(lambda: len(passed) > 10)
        assert venue.sockets == 1
        assert Phase.STALLED not in phases(ears)

    passed: list[float] = []
    asyncio.run(run())


def test_a_ping_of_the_venue_is_answered() -> None:
    async def pinging(socket: web.WebSocketResponse) -> None:
        await answers(socket)
        await socket.ping(b"are you there")
        ponged.append((await socket.receive()).data)

    async def run() -> None:
        async with kept(Venue(pinging)):
            await until(lambda: ponged)

    ponged: list[bytes] = []
    asyncio.run(run())
    assert ponged[0] == b"are you there", "on the first socket; on a slow machine there may be more by then"


def test_a_binary_message_is_unreadable_and_no_end() -> None:
    async def odd(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(b"\x8f\x00odd")
        await tells(socket)

    async def run() -> None:
        async with kept(Venue(odd)) as ears:
            await until(lambda: ears.candles)
        assert ears.newest["spot 1/1"].counters["unreadable"] == 1

    asyncio.run(run())


def test_what_cannot_be_taken_is_not_said_to_be_the_venue_hanging_up() -> None:
    async def huge(socket: web.WebSocketResponse) -> None:
        await socket.send_str(" " * 5_000_000)
        async for _ in socket:
            pass

    async def run() -> None:
        async with kept(Venue(huge)) as ears:
            await until(lambda: any(state.why for state in ears.states))
        whys = [state.why for state in ears.states if state.why]
        assert whys[0].startswith("what came cannot be taken (1009): Message size")

    asyncio.run(run())


def test_what_the_listener_raises_ends_listening() -> None:
    def full(_: object) -> None:
        raise OSError("no space left")

    async def run() -> None:
        async with kept(Venue(tells), on_heard=full) as ears:
            await until(lambda: ears.newest and ears.newest["spot 1/1"].phase is Phase.STOPPED)

    with pytest.raises(OSError, match="no space left"):
        asyncio.run(run())


def test_a_door_lets_through_no_more_than_it_may() -> None:
    async def run() -> None:
        door = Door((3, 0.2), asyncio.get_running_loop().time)
        started = asyncio.get_running_loop().time()
        times = []
        for _ in range(7):
            await door.turn()
            times.append(asyncio.get_running_loop().time() - started)
        for earlier, later in zip(times, times[3:], strict=False):
            assert later - earlier >= 0.199

    asyncio.run(run())
