"""What a connection has to know of a venue: how it is greeted, asked, answered, and told.

What lives here: topics, messages and the base of all dialects. What does not: any venue's words (``binance`` and others),
sockets (``connection``), when anything is said (``hub``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from qmd_platform.model.timeframe import Timeframe
from qmd_platform.model.window import Instant
from qmd_platform.sandbox.exchange import Exchange
from qmd_platform.sandbox.streams.candles import Candle, CandlesNow
from qmd_platform.sandbox.streams.contracts import Contract, ContractsNow
from qmd_platform.sandbox.streams.wire import printed
from qmd_platform.sandbox.universe import Listing


class What(StrEnum):
    """What a topic is about."""

    CANDLES = "candles"
    CONTRACT = "contract"


class Kind(StrEnum):
    """What a message is, for counters and faults."""

    ANSWER = "answer"
    SNAPSHOT = "snapshot"
    FORMING = "forming"
    CLOSED = "closed"
    MARK = "mark"
    CUT = "cut"
    HEARTBEAT = "heartbeat"


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing a connection has subscribed to: ``name`` is one of its kind on the connection.

    ``key``: how the venue writes it, where that is not the name. ``every``: milliseconds between two messages about it; 0 for the sandbox's usual pace.
    """

    name: str
    what: What
    listing: Listing
    timeframe: Timeframe | None = None
    every: int = 0
    key: str = ""

    @property
    def wire(self) -> str:
        """How the venue writes it."""
        return self.key or self.name


@dataclass(frozen=True, slots=True)
class Said:
    """A message on its way to a client; ``topic`` is None where it is about the connection itself."""

    text: str
    kind: Kind
    topic: Topic | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a venue allows a connection, as far as its documentation says: 0 for what it says nothing of.

    ``topics`` at a time; ``requests`` in ``seconds`` of the real clock, more end the connection. A ping frame comes
    every ``ping_every`` seconds, and ``pong_within`` seconds without any pong end the connection, as do ``idle``
    seconds without a message in either direction.
    """

    topics: int = 0
    requests: int = 0
    seconds: float = 1.0
    ping_every: float = 0.0
    pong_within: float = 0.0
    idle: float = 0.0


@dataclass(frozen=True, slots=True)
class Booth:
    """What the sandbox knows, for those who speak for a venue."""

    exchange: Exchange
    candles: CandlesNow
    contracts: ContractsNow

    def listed(self, venue: str, wire: str, *settles: str, now: Instant) -> Listing | None:
        """The market spelled ``wire`` if it is traded at ``now``. Replayed ones are not: a recording has no pace."""
        found = self.exchange.listing(venue, wire, *settles)
        if found is None or found.character is None or found.market in self.exchange.replayed:
            return None
        return None if found.listed_at > now or found.events.is_delisted(now) else found


class Dialect:
    """One connection's end of a venue's protocol. Subclasses speak it.

    Args:
        booth: what there is to say.
        path: the venue's own path, below the venue's name.
        query: the parameters after it.
    """

    VENUE: ClassVar[str]
    limits: Limits = Limits()

    def __init__(self, booth: Booth, path: str, query: Mapping[str, str]) -> None:
        self.booth = booth
        self.path = path
        self.query = query
        self.topics: dict[str, Topic] = {}

    def greeting(self, now: Instant) -> list[Said]:
        """What the venue says first."""
        return []

    def hear(self, text: str, now: Instant) -> list[Said]:
        """The answers to a client's message; changes ``topics``."""
        raise NotImplementedError

    def candle(self, topic: Topic, candle: Candle, now: Instant, *, is_closed: bool) -> list[Said]:
        """What is said of ``candle`` at ``now``: as it stands, or that it ``is_closed``."""
        raise NotImplementedError

    def contract(self, topic: Topic, contract: Contract, now: Instant) -> list[Said]:
        """What is said at ``now`` of a contract as it stands: mark, index, funding, open interest."""
        return []

    def farewell(self, now: Instant) -> list[Said]:
        """What the venue says before its server restarts."""
        return []

    def novelty(self, now: Instant) -> str:
        """A message as a newer version of the venue might say it: well formed, and of no kind that is documented."""
        return printed({"event": "novelty", "channel": "novelty", "ts": now, "data": [{"level": 3}]})

    def beat(self, topic: Topic | None, quiet: float) -> Said | None:
        """The heartbeat of ``topic``, or of the connection where None, that has been quiet for so many seconds."""
        return None

    def is_full(self) -> bool:
        """Whether the connection has as many topics as the venue allows."""
        return 0 < self.limits.topics <= len(self.topics)


class Traded:
    """Candles at venues that say something of them when there was a trade, and nothing when they are over."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[int, ...]] = {}

    def is_news(self, topic: Topic, candle: Candle) -> bool:
        """Whether there was a trade in ``candle`` since it was said last; from now on it is said."""
        before = self._said.get(topic.name)
        self._said[topic.name] = candle.state
        return candle.volume > 0 and candle.state != before


LAST_TRADE = 1
"""Milliseconds before the end of a candle in which there was a trade since it was said last: when this trade was."""


def answer(text: str) -> Said:
    """A message that is an answer."""
    return Said(text, Kind.ANSWER)
