"""Clients of the sandbox's WebSockets: ccxt.pro pointed at it, and a raw one that hides nothing.

What lives here: helpers for the tests named ``test_ws_*``. What does not: assertions about any venue.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import urlsplit

import aiohttp

from qmd_platform.model.series import Market
from qmd_platform.model.timeframe import MINUTE, Timeframe
from qmd_platform.model.window import Window, instant
from qmd_platform.sandbox.faultfile import Faults
from qmd_platform.sandbox.service import Sandbox

Json = Any
Ccxt = Any

_GREETING = ("bitfinex", "kraken")
PATIENCE = 120.0
"""Seconds in which anything has to happen; on a busy machine too."""


def streaming(name: str, url: str) -> Ccxt:
    """The ccxt.pro client of a venue, its REST and its WebSockets at the sandbox at ``url``."""
    import ccxt.pro

    exchange = getattr(ccxt.pro, name)()
    base = f"{url.replace('http', 'ws', 1)}/ws/{name}"
    exchange.urls["api"] = _moved(exchange.urls["api"], url) | _streams(name, base)
    return exchange


def _streams(name: str, base: str) -> Json:
    if name == "gate":  # has no "ws"
        return {"spot": f"{base}/spot/ws/v4/", "swap": {"usdt": f"{base}/linear/v4/ws/usdt"}}
    return {
        "ws": {
            # ccxt tells spot from contracts by "/stream" in the address
            "binance": {"spot": f"{base}/spot/stream", "linear": f"{base}/linear/ws"},
            "bitfinex": {"public": f"{base}/ws/2"},
            "okx": f"{base}/ws/v5",
            "bybit": {"public": {kind: f"{base}/v5/public/{kind}" for kind in ("spot", "linear")}},
            "kraken": {"publicV2": f"{base}/v2"},
        }[name]
    }


def _moved(node: Json, base: str) -> Json:
    if isinstance(node, dict):
        return {key: value if key == "ws" else _moved(value, base) for key, value in node.items()}
    return base + urlsplit(node).path


async def until(condition: Callable[[], object]) -> None:
    """Wait for ``condition``, looking often."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - whatever the test waits for has no event
            await asyncio.sleep(0.005)


class Raw:
    """One connection. ``heard`` is all that came, parsed where it is JSON, without the heartbeats, which are ``beats``."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.heard: list[Json] = []
        self.beats: list[Json] = []
        self.pings = 0
        self.answers_pings = True
        self._reading = asyncio.create_task(self._read())

    @property
    def closed_with(self) -> int | None:
        """The code of the end; None while the connection lasts."""
        return self.socket.close_code if self._reading.done() else None

    async def ask(self, asked: Json, answers: int = 1) -> list[Json]:
        """Send a request; the next ``answers`` messages."""
        before = len(self.heard)
        await self.socket.send_str(asked if isinstance(asked, str) else json.dumps(asked))
        await until(lambda: len(self.heard) >= before + answers)
        return self.heard[before : before + answers]

    async def _read(self) -> None:
        async for message in self.socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                said = _parsed(message.data)
                (self.beats if _is_beat(said) else self.heard).append(said)
            elif message.type is aiohttp.WSMsgType.PING:
                self.pings += 1
                if self.answers_pings:
                    await self.socket.pong(message.data)


def _is_beat(said: Json) -> bool:
    return said == {"channel": "heartbeat"} or (isinstance(said, list) and said[1] == "hb")


def _parsed(text: str) -> Json:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


@asynccontextmanager
async def connected(sandbox: Sandbox, path: str) -> AsyncIterator[Raw]:
    """A raw connection to ``path`` below ``/ws/``, after the greeting of venues that greet."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{sandbox.url}/ws/{path}", autoping=False, max_msg_size=0) as socket,
    ):
        raw = Raw(socket)
        if path.startswith(_GREETING):
            await until(lambda: raw.heard)
        yield raw
        await socket.close()
        await raw._reading  # noqa: SLF001 - its own


def topics(sandbox: Sandbox, venue: str) -> int:
    """How many topics clients of ``venue`` have subscribed to."""
    return cast("dict[str, int]", sandbox.streams.figures()["topics"]).get(venue, 0)


NOW = "2026-11-20T12:34:30Z"
"""Where the clock stands when a test begins to talk: in the middle of a minute."""
START = instant("2026-11-20T12:34:00Z")
"""When that minute began."""


def talking(path: str, told: Callable[[Sandbox, Raw], Awaitable[None]], faults: Faults | None = None) -> None:
    """Run ``told`` with a sandbox and a connection to ``path``; candles in progress come every 10 seconds."""

    async def talk() -> None:
        async with Sandbox(now=NOW, stream_seconds=10, faults=faults) as sandbox, connected(sandbox, path) as raw:
            await told(sandbox, raw)

    asyncio.run(talk())


async def passed(sandbox: Sandbox, raw: Raw, minutes: float) -> list[Json]:
    """What is said to the one connection while these pass."""
    before = len(raw.heard)
    await sandbox.passing(round(minutes * MINUTE))
    await until(lambda: len(raw.heard) >= _sent(sandbox))
    return raw.heard[before:]


def _sent(sandbox: Sandbox) -> int:
    messages = cast("dict[str, dict[str, int]]", sandbox.streams.figures()["messages"])
    return sum(count for kinds in messages.values() for kind, count in kinds.items() if kind != "heartbeat")


def true_rows(sandbox: Sandbox, market: str) -> list[list[float]]:
    """The first minute's candle as of the truth: open time, open, high, low, close, volume."""
    found = sandbox.truth(Market.parse(market), Timeframe.M1, Window(START, START + MINUTE))
    columns = (found.open_at, found.open, found.high, found.low, found.close, found.volume)
    return [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)]


async def rest(sandbox: Sandbox, path: str) -> Json:
    """What REST answers to the same question."""
    async with aiohttp.ClientSession() as session, session.get(sandbox.url + path) as response:
        return await response.json()
