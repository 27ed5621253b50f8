"""One client's WebSocket: what waits to be sent, what was heard last, how long the venue is patient.

What lives here: sending in order, answering, heartbeats, the limits of a connection. What does not: the venue's words
(``dialect``), what is said when (``hub``).
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress

from aiohttp import ClientConnectionError, WSCloseCode, WSMsgType, web

from qmd_platform.model.window import Instant
from qmd_platform.sandbox.streams.dialect import Dialect, Kind, Said
from qmd_platform.sandbox.streams.line import Line

MOST_WAITING = 50_000
"""Messages that wait for a client who does not read; with more, the connection ends."""
_PATIENCE = 30.0
"""Seconds of the real clock that time waits for a client who does not read, when it is moved."""


class Connection:
    """A client of ``dialect.VENUE`` who came with ``request``. ``counts`` are messages sent, by kind."""

    def __init__(self, dialect: Dialect, line: Line, request: web.BaseRequest, now: Callable[[], Instant]) -> None:
        self.dialect = dialect
        self.line = line
        self.is_ending = False
        self.counts: Counter[str] = Counter()
        self._request = request
        self._socket = web.WebSocketResponse(autoping=False, compress=False)
        self._now = now
        self._waiting: deque[Said] = deque()
        self._wake = asyncio.Event()
        self._sent = asyncio.Event()
        self._sent.set()
        self._requests: deque[float] = deque()
        self._quiet_since: dict[str | None, float] = {None: time.monotonic()}
        self._pinged = self._ponged = self._active = time.monotonic()

    async def serve(self) -> web.WebSocketResponse:
        """Talk until either side ends it."""
        await self._socket.prepare(self._request)
        self.say(self.dialect.greeting(self._now()))
        sender = asyncio.create_task(self._send())
        try:
            await self._listen()
        finally:
            sender.cancel()
            self._waiting.clear()
            self._sent.set()
        return self._socket

    def say(self, said: Iterable[Said]) -> None:
        """Send these in order, as fast as the client reads, with what befalls them on the way."""
        now = self._now()
        for one in said:
            self._waiting.extend(self.line.through(one, now))
        if len(self._waiting) > MOST_WAITING:
            self._waiting.clear()
            self.end(WSCloseCode.POLICY_VIOLATION, "the client does not read")
        elif self._waiting:
            self._sent.clear()
            self._wake.set()

    async def sent(self) -> None:
        """Until all that was said is on its way; ends a connection whose client does not read."""
        try:
            await asyncio.wait_for(self._sent.wait(), _PATIENCE)
        except TimeoutError:
            self.end(WSCloseCode.POLICY_VIOLATION, "the client does not read")

    def end(self, code: int, why: str) -> None:
        """Close the connection, after a word about it."""
        _held(self._close(code, why))

    def cut(self) -> None:
        """End the connection without a word."""
        if self._request.transport is not None:
            self._request.transport.close()

    def restart(self) -> None:
        """End the connection as a venue does whose server restarts."""
        self.is_ending = True
        self.say(self.dialect.farewell(self._now()))
        _held(self._restarted())

    async def _restarted(self) -> None:
        await self.sent()
        await self._close(WSCloseCode.SERVICE_RESTART, "")

    async def _close(self, code: int, why: str) -> None:
        await self._socket.close(code=code, message=why.encode(), drain=False)
        self._sent.set()

    def keep(self) -> None:
        """What is due by the real clock: heartbeats, ping frames, the end of patience. Called every second."""
        now, limits = time.monotonic(), self.dialect.limits
        for topic in (None, *self.dialect.topics.values()):
            quiet = now - self._quiet_since.setdefault(topic.name if topic else None, now)
            beat = self.dialect.beat(topic, quiet)
            if beat is not None:
                self.say([beat])
        if limits.idle and now - self._active > limits.idle:
            self.end(4004, f"No data received in {limits.idle:g}s.")
        if limits.pong_within and self._pinged - self._ponged > limits.pong_within:
            self.end(WSCloseCode.POLICY_VIOLATION, "Pong timeout")
        elif limits.ping_every and now - self._pinged >= limits.ping_every:
            self._pinged = now
            _held(self._ping())

    async def _ping(self) -> None:
        if not self._socket.closed and not self.line.is_dead(self._now()):
            with suppress(ClientConnectionError, ConnectionError):  # it has just gone
                await self._socket.ping(str(self._now()).encode())

    async def _send(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                while self._waiting:
                    await self._send_one(self._waiting.popleft())
            except (ClientConnectionError, ConnectionError):
                self._waiting.clear()
            self._sent.set()

    async def _send_one(self, said: Said) -> None:
        if said.kind is Kind.CUT:
            self._waiting.clear()
            self.cut()
            return
        self.counts[said.kind.value] += 1
        self._active = time.monotonic()
        self._quiet_since[None] = self._active
        if said.topic is not None and said.kind is not Kind.ANSWER:
            self._quiet_since[said.topic.name] = self._active
        await self._socket.send_str(said.text)

    async def _listen(self) -> None:
        async for message in self._socket:
            self._active = time.monotonic()
            if message.type is WSMsgType.PONG:
                self._ponged = self._active
                continue
            if not self._may_ask():
                await self.sent()
                await self._close(WSCloseCode.POLICY_VIOLATION, "Too many requests")
                return
            if message.type is WSMsgType.PING:
                if not self.line.is_dead(self._now()):
                    await self._socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                self.say(self.dialect.hear(message.data, self._now()))

    def _may_ask(self) -> bool:
        """Count a request; whether the venue's limit allows it."""
        limits = self.dialect.limits
        self._requests.append(self._active)
        while self._requests[0] <= self._active - limits.seconds:
            self._requests.popleft()
        return not limits.requests or len(self._requests) <= limits.requests


_HELD: set[asyncio.Task[None]] = set()
"""Tasks that somebody has to hold on to until they are done."""


def _held(work: Coroutine[None, None, None]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    _HELD.add(task)
    task.add_done_callback(_HELD.discard)
