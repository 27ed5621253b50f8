"""Whoever cancels listening is obeyed at once, wherever it just was."""

import asyncio
import random
from collections.abc import Callable

import aiohttp
import pytest
from aiohttp import web

from qmd_platform.venues.streams.connection import Clock, Connection, Listener
from qmd_platform.venues.streams.dialects import TABLE
from qmd_platform.venues.streams.habits import HABITS
from qmd_platform.venues.streams.machine import Machine
from qmd_platform.venues.streams.patience import Endurance
from qmd_platform.venues.streams.plan import Door
from qmd_platform.venues.streams.state import Phase, StreamState
from tests.venues.streams.listeners import PATIENCE, Ears
from tests.venues.streams.reading import streams

HASTE = Endurance(base_seconds=0.0005, cap_seconds=0.001, tell_seconds=0.0005)
STEPS = 150
"""Steps of the loop: a venue that hangs up at once is asked and lost several times in them."""


class Called(Ears):
    """Ears that know when the first connection is begun."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()

    def on_state(self, state: StreamState) -> None:
        super().on_state(state)
        if state.counters["connects"]:
            self.begun.set()


def _nobody(_: object) -> None:
    """Nobody listens to what is heard."""


async def hangs_up(request: web.BaseRequest) -> web.StreamResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.close()
    return socket


def connection(url: str, on_state: Callable[[StreamState], None]) -> Connection:
    dialect, some, dice = TABLE["binance"], streams("binance:BTC/USDT:1m", "BTCUSDT"), random.Random(1)  # noqa: S311 - a test
    machine = Machine("spot 1/1", dialect, HABITS["binance"]["spot"], some, endurance=HASTE, dice=dice)
    listener = Listener(_nobody, on_state, HASTE, dice, Clock())
    return Connection("binance", machine, url, Door(None, Clock().seconds), listener)


async def cancelled(session: aiohttp.ClientSession, url: str, steps: int) -> Called:
    """What is told of a connection that is cancelled so many steps of the loop after it has begun."""
    ears = Called()
    task = asyncio.create_task(connection(url, ears.on_state).run(session))
    await ears.begun.wait()
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=PATIENCE)
    assert done, f"cancelled {steps} steps after it has begun, it goes on"
    assert task.cancelled()
    assert ears.newest["spot 1/1"].phase is Phase.STOPPED
    return ears


def test_a_connection_ends_at_whichever_step_it_is_cancelled() -> None:
    async def run() -> None:
        runner = web.ServerRunner(web.Server(hangs_up), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"ws://127.0.0.1:{runner.addresses[0][1]}/"
        try:
            async with aiohttp.ClientSession() as session:
                told = [await cancelled(session, url, steps) for steps in range(STEPS)]
        finally:
            await runner.cleanup()
        assert max(len(ears.states) for ears in told) > 4, "some were lost and begun anew before"

    asyncio.run(run())


def test_what_telling_of_a_state_raises_ends_listening() -> None:
    async def run() -> None:
        async def stays(request: web.BaseRequest) -> web.StreamResponse:
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            async for _ in socket:
                pass
            return socket

        runner = web.ServerRunner(web.Server(stays), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        one = connection(f"ws://127.0.0.1:{runner.addresses[0][1]}/", full)
        try:
            async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE):
                await one.run(session)
        finally:
            await runner.cleanup()

    tellings: list[StreamState] = []

    def full(state: StreamState) -> None:
        tellings.append(state)
        if len(tellings) == 2:
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        asyncio.run(run())
