"""One connection kept: sockets opened one after another, for as long as somebody listens.

What lives here: aiohttp, the loop, what goes wrong on the wire. What does not: what is done next and when (``machine``).
"""

import asyncio
import contextlib
import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qmd_platform.model.window import Instant
from qmd_platform.venues import facts
from qmd_platform.venues.streams.machine import Machine
from qmd_platform.venues.streams.patience import Endurance
from qmd_platform.venues.streams.plan import Door
from qmd_platform.venues.streams.records import Heard
from qmd_platform.venues.streams.state import Phase, StreamState

if TYPE_CHECKING:
    import aiohttp

_HANG_UP_S = 2.0
"""How long we wait for the venue to say goodbye too."""

_TOO_MANY, _BANNED = 429, 418

_WINDOW_BITS = 15
"""How much a compressed message may refer back to: the most there is, as aiohttp and browsers ask for."""


@dataclass(frozen=True, slots=True)
class Clock:
    """``seconds`` only goes forward; ``now`` is epoch ms."""

    seconds: Callable[[], float] = time.monotonic
    now: Callable[[], Instant] = lambda: time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Listener:
    """Who listens, and how; see ``listening.listen``."""

    on_heard: Callable[[Heard], None]
    on_state: Callable[[StreamState], None]
    endurance: Endurance
    dice: random.Random
    clock: Clock
    compress: bool = False


class Connection:
    """Runs one ``Machine`` for a ``Listener``; each new socket passes ``door``."""

    def __init__(self, venue: str, machine: Machine, url: str, door: Door, listener: Listener) -> None:
        self.url = url
        self._venue = venue
        self._machine = machine
        self._door = door
        self._on_heard = listener.on_heard
        self._on_state = listener.on_state
        self._clock = listener.clock
        self._endurance = listener.endurance
        self._compress = _WINDOW_BITS if listener.compress else 0
        self._told: tuple[Phase, float] = (Phase.STOPPED, 0.0)

    async def run(self, session: "aiohttp.ClientSession") -> None:
        """Listen for ever; ends only by being cancelled, or by what ``on_heard`` raises."""
        machine, clock = self._machine, self._clock
        try:
            while True:
                await asyncio.sleep(max(0.0, machine.due(clock.seconds()) - clock.seconds()))
                await self._door.turn()
                machine.begin(clock.now())
                self._tell()
                why, least = await self._socket(session)
                machine.over(why, clock.seconds(), clock.now(), least)
                self._tell()
        finally:
            machine.stop(clock.now())
            self._tell()

    async def _socket(self, session: "aiohttp.ClientSession") -> tuple[str, float]:
        """One socket, from its opening to its end: why it ended, and how long the venue wants us to wait."""
        import aiohttp  # noqa: PLC0415 - 0.2 s, paid by who listens and not by who imports the room

        try:
            async with asyncio.timeout(self._endurance.connect_seconds):
                # Pings and pongs come to us: they are signs of life.
                socket = await session.ws_connect(
                    self.url,
                    autoping=False,
                    compress=self._compress,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_HANG_UP_S),
                )
        except TimeoutError:
            return f"no answer within {self._endurance.connect_seconds:g} s", 0.0
        except aiohttp.WSServerHandshakeError as error:
            return f"refused with status {error.status}", self._least(error)
        except (aiohttp.ClientError, ssl.SSLError, OSError) as error:
            return f"cannot be reached: {str(error) or type(error).__name__}", 0.0
        self._machine.opened(self._clock.seconds(), self._clock.now())
        return await self._kept(socket), 0.0

    async def _kept(self, socket: "aiohttp.ClientWebSocketResponse") -> str:
        """Read ``socket`` and tick until one of them ends, and why it did; what either fails with is raised."""
        reading = asyncio.create_task(self._read(socket))
        ticking = asyncio.create_task(self._tick(socket))
        try:
            done, _ = await asyncio.wait({reading, ticking}, return_when=asyncio.FIRST_COMPLETED)
            why = reading.result() if reading in done else ""
            if ticking in done:
                why = ticking.result() or why
            if not why:  # it could not be written to: reading knows more
                await socket.close()
                why = await reading
            return why
        finally:
            # Gathered, for their being cancelled must not be taken for ours: who cancels us meanwhile wants us to end.
            reading.cancel()
            ticking.cancel()
            try:
                await asyncio.gather(reading, ticking, return_exceptions=True)
            finally:
                await socket.close()

    def _least(self, error: "aiohttp.WSServerHandshakeError") -> float:
        """How long the venue wants us to wait: as it says itself, or else what is known of it."""
        known = facts.VENUES[self._venue]
        usual = {_TOO_MANY: known.throttle_seconds, _BANNED: known.ban_seconds}.get(error.status)
        said = "" if error.headers is None else error.headers.get("Retry-After", "")
        return 0.0 if usual is None else float(said) if said.isdecimal() else usual

    async def _read(self, socket: "aiohttp.ClientWebSocketResponse") -> str:
        """Messages as they come; returns how the venue hung up."""
        from aiohttp import WSMsgType  # noqa: PLC0415 - see _socket

        machine, clock, on_heard = self._machine, self._clock, self._on_heard
        while True:
            message = await socket.receive()
            if message.type is WSMsgType.TEXT:
                for heard in machine.said(message.data, clock.seconds(), clock.now()):
                    on_heard(heard)
                if machine.phase is not self._told[0]:
                    self._tell()
            elif message.type in {WSMsgType.PING, WSMsgType.PONG, WSMsgType.BINARY}:
                await self._odd(socket, message)
            else:
                return _ending(message, socket)

    async def _odd(self, socket: "aiohttp.ClientWebSocketResponse", message: "aiohttp.WSMessage") -> None:
        """Anything but text. No venue sends binary messages here: one is counted as unreadable."""
        from aiohttp import WSMsgType  # noqa: PLC0415 - see _socket

        if message.type is WSMsgType.BINARY:
            self._machine.said(message.data.decode("utf-8", "replace"), self._clock.seconds(), self._clock.now())
            return
        self._machine.signed(self._clock.seconds())
        if message.type is WSMsgType.PING:
            with contextlib.suppress(ConnectionError):  # the next message says how it ended
                await socket.pong(message.data)

    async def _tick(self, socket: "aiohttp.ClientWebSocketResponse") -> str:
        """What is due, when it is due; returns why to hang up, or nothing where the socket takes nothing any more."""
        machine, clock = self._machine, self._clock
        with contextlib.suppress(ConnectionError):  # reading tells how it ended
            while True:
                action = machine.tick(clock.seconds(), clock.now())
                if (
                    machine.phase is not self._told[0]
                    or clock.seconds() - self._told[1] >= self._endurance.tell_seconds
                ):
                    self._tell()
                if action.hang_up:
                    return action.hang_up
                for text in action.texts:
                    await socket.send_str(text)
                if action.ping:
                    await socket.ping()
                await asyncio.sleep(max(0.0, machine.due(clock.seconds()) - clock.seconds()))
        return ""

    def _tell(self) -> None:
        self._told = (self._machine.phase, self._clock.seconds())
        self._on_state(self._machine.state(self._clock.now()))


def _ending(message: "aiohttp.WSMessage", socket: "aiohttp.ClientWebSocketResponse") -> str:
    from aiohttp import WebSocketError  # noqa: PLC0415 - see Connection._socket

    problem = socket.exception()
    if problem is not None:
        return f"the connection broke: {str(problem) or type(problem).__name__}"
    if isinstance(message.data, WebSocketError):  # it was us who hung up
        return f"what came cannot be taken ({message.data.code}): {message.data}"
    words = f": {message.extra}" if message.extra else ""
    return f"the venue hung up ({socket.close_code}){words}"
