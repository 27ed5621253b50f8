"""All WebSocket connections of the sandbox, and the moments at which they are told something.

What lives here: the paths, the ticks of the sandbox's clock, time that is made to pass. What does not: single connections
(``connection``), venues (``binance`` and others).

Every second of the sandbox's clock is a tick: candles that end there are told closed, and every ``pace`` seconds those in
progress and contracts are told as they stand.
"""

import asyncio
from collections import Counter
from collections.abc import Callable

from aiohttp import WSCloseCode, web

from qmd_platform.errors import ConfigError
from qmd_platform.model.window import Instant
from qmd_platform.sandbox.clock import Clock
from qmd_platform.sandbox.exchange import Exchange
from qmd_platform.sandbox.streams.binance import Binance
from qmd_platform.sandbox.streams.bitfinex import Bitfinex
from qmd_platform.sandbox.streams.bybit import Bybit
from qmd_platform.sandbox.streams.candles import SECOND, CandlesNow
from qmd_platform.sandbox.streams.connection import Connection
from qmd_platform.sandbox.streams.contracts import ContractsNow
from qmd_platform.sandbox.streams.dialect import Booth, Dialect, Kind, Said, Topic
from qmd_platform.sandbox.streams.gate import Gate
from qmd_platform.sandbox.streams.kraken import Kraken
from qmd_platform.sandbox.streams.line import Line, Mischief
from qmd_platform.sandbox.streams.okx import Okx

PREFIX = "/ws/"
"""Where the paths begin; the venue's name follows, then the venue's own path."""
PACES = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60)
"""Seconds between two messages about a candle in progress that can be chosen."""
USUAL_PACE = 2
_DIALECTS: tuple[type[Dialect], ...] = (Binance, Bitfinex, Bybit, Gate, Kraken, Okx)
_PATHS = {
    "binance": ("spot/ws", "spot/stream", "linear/"),
    "bitfinex": ("ws/2",),
    "bybit": ("v5/public/spot", "v5/public/linear"),
    "gate": ("spot/ws/v4", "linear/v4/ws/usdt"),
    "kraken": ("v2",),
    "okx": ("ws/v5/public", "ws/v5/business"),
}


class Hub:
    """Every connection, told at every tick. ``pace``: seconds between two messages about a candle in progress.

    Raises:
        ConfigError: ``pace`` is none of ``PACES``.
    """

    def __init__(self, exchange: Exchange, clock: Clock, mischief: Mischief, pace: int = USUAL_PACE) -> None:
        if pace not in PACES:
            raise ConfigError(
                f"{pace!r} is not a pace of the streams", hint=f"choose from {', '.join(map(str, PACES))} seconds"
            )
        self._booth = Booth(exchange, CandlesNow(), ContractsNow())
        self._exchange = exchange
        self._clock = clock
        self._mischief = mischief
        self._pace = pace * SECOND
        self._connections: dict[Connection, str] = {}
        self._opened: Counter[str] = Counter()
        self._messages: Counter[tuple[str, str]] = Counter()
        self._passing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to tick, where the clock runs."""
        self._tasks.append(asyncio.create_task(self._keep()))
        if self._clock.frozen is None:
            self._tasks.append(asyncio.create_task(self._run()))

    async def stop(self) -> None:
        """End every connection as a venue does that goes away."""
        for task in self._tasks:
            task.cancel()
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        for connection in list(self._connections):
            connection.end(WSCloseCode.GOING_AWAY, "")
        await asyncio.sleep(0)
        if wrong := [end for end in ends if isinstance(end, Exception)]:
            raise wrong[0]

    def reset(self) -> None:
        """Count connections and messages from 0 again."""
        self._opened.clear()
        self._messages.clear()
        for connection in list(self._connections):
            connection.counts.clear()

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Speak to one client until it is over; 404 where no venue has the path."""
        venue, _, path = request.path.removeprefix(PREFIX).partition("/")
        dialect = next((one for one in _DIALECTS if venue == one.VENUE), None)
        if dialect is None or not path.startswith(_PATHS[venue]):
            return web.Response(status=404, text=f"the sandbox has no WebSocket at {request.path}")
        if self._mischief.refuses(venue, path, self._clock.now()):
            return web.Response(status=503)
        speaker = dialect(self._booth, path, dict(request.query))
        connection = Connection(speaker, Line(self._mischief, speaker), request, self._clock.now)
        self._connections[connection] = venue
        self._opened[venue] += 1
        try:
            return await connection.serve()
        finally:
            del self._connections[connection]
            self._count(venue, connection)

    async def advance(self, span: int, move: Callable[[Instant], object]) -> Instant:
        """Let ``span`` ms pass on a clock that stands still: all that is said in them is said, in order.

        ``move`` sets the clock. Waits at each tick until the clients have been sent everything.
        """
        async with self._passing:
            start = self._clock.now()
            for at in range((start // SECOND + 1) * SECOND, start + span + 1, SECOND):
                move(at)
                self.tick(at)
                await self.sent()
            move(start + span)
            return start + span

    async def sent(self) -> None:
        """Until every client was sent what was said."""
        for connection in list(self._connections):
            await connection.sent()
        await asyncio.sleep(0)

    def tick(self, at: Instant) -> None:
        """Tell every connection what there is to say at ``at``, a full second."""
        for connection, venue in list(self._connections.items()):
            if connection.is_ending:
                continue
            if self._mischief.restarts(venue, at):
                self._mischief.ended(venue, at)
                connection.restart()
                continue
            told = [
                said for topic in list(connection.dialect.topics.values()) for said in self._told(connection, topic, at)
            ]
            if told:
                connection.say(told)

    def figures(self) -> dict[str, object]:
        """Open connections, their topics, connections ever opened, and messages sent by kind; each by venue."""
        # Copies first: whoever asks may do so from another thread.
        open_now, messages, topics = list(self._connections.items()), self._messages.copy(), Counter[str]()
        for connection, venue in open_now:
            topics[venue] += len(connection.dialect.topics)
            messages.update({(venue, kind): count for kind, count in dict(connection.counts).items()})
        by_venue: dict[str, dict[str, int]] = {}
        for (venue, kind), count in sorted(messages.items()):
            by_venue.setdefault(venue, {})[kind] = count
        return {
            "connections": dict(Counter(venue for _, venue in open_now)),
            "topics": dict(topics),
            "opened": dict(self._opened),
            "messages": by_venue,
        }

    def _told(self, connection: Connection, topic: Topic, at: Instant) -> list[Said]:
        """What there is to say of ``topic``."""
        is_closed = topic.timeframe is not None and at % topic.timeframe.step == 0
        if not is_closed and at % (topic.every or self._pace):
            return []
        known = topic.listing
        listing = self._exchange.listing(known.market.venue, known.wire, known.settle)
        if listing is None or (topic.timeframe is None and listing.events.is_delisted(at)):
            return []
        dialect, line = connection.dialect, connection.line
        if topic.timeframe is None:
            contract = self._booth.contracts.at(listing, at)
            return dialect.contract(topic, contract, at + line.ahead(topic, Kind.MARK, at))
        candles = self._booth.candles
        candle = candles.closed(listing, topic.timeframe, at) if is_closed else candles.at(listing, topic.timeframe, at)
        if candle is None:
            return []
        ahead = line.ahead(topic, Kind.CLOSED if is_closed else Kind.FORMING, at)
        return dialect.candle(topic, candle, at + ahead, is_closed=is_closed)

    def _count(self, venue: str, connection: Connection) -> None:
        self._messages.update({(venue, kind): count for kind, count in connection.counts.items()})

    async def _run(self) -> None:
        """Tick with a clock that runs."""
        said = self._clock.now() // SECOND * SECOND
        while True:
            while said + SECOND <= self._clock.now():
                said += SECOND
                self.tick(said)
                if said + SECOND <= self._clock.now():  # too much to say: the messages come late, and none is lost
                    await self.sent()
            await asyncio.sleep(self._clock.real_seconds(said + SECOND - self._clock.now()))

    async def _keep(self) -> None:
        """Look after the connections, by the real clock."""
        while True:
            await asyncio.sleep(1)
            for connection in list(self._connections):
                connection.keep()
