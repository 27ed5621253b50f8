"""How listening goes: phases, counters, what is told of them.

What lives here: the shapes. What does not: what changes them (``machine``).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from qmd_platform.errors import BadMessage, StreamRefused
from qmd_platform.model.window import Instant


class Phase(StrEnum):
    """What a connection is doing."""

    CONNECTING = "connecting"
    """The socket is being opened, or nothing has been said on it yet."""
    LIVE = "live"
    """The venue took a subscription, or tells."""
    STALLED = "stalled"
    """It is open and silent; it is given up."""
    WAITING = "waiting"
    """It is gone, and not yet opened anew."""
    STOPPED = "stopped"
    """Nobody listens any more."""


@dataclass(slots=True)
class Counters:
    """What happened on one connection since listening began, over all its sockets.

    Attributes:
        connects: sockets that were to be opened.
        messages: messages that came.
        candles, closed, marks: what was read from them; ``closed`` are among ``candles``.
        unreadable: messages, or rows of them, that are not what the venue documents.
        unread: messages that are no use to us, by the venue's name for them.
        stalls: times it was given up for being silent.
        refused: subscriptions that were refused, each time.
        split: requests asked for again one by one, as it was not said which part of them was refused.
    """

    connects: int = 0
    messages: int = 0
    candles: int = 0
    closed: int = 0
    marks: int = 0
    unreadable: int = 0
    unread: dict[str, int] = field(default_factory=dict)
    stalls: int = 0
    refused: int = 0
    split: int = 0


def counted(counters: Counters) -> Mapping[str, int | Mapping[str, int]]:
    """``counters`` as they are now, by name."""
    return asdict(counters)


@dataclass(frozen=True, slots=True)
class StreamState:
    """One connection as it is at ``at``.

    Attributes:
        venue: the venue.
        connection: which of its connections: ``linear 2/3``.
        phase: see ``Phase``; since ``since``, epoch ms.
        streams: how many subscriptions it carries.
        at: when this was so, by our clock, epoch ms; the ages of ``heard_at`` and ``message_at`` are up to then.
        message_at: when any message came last; None before the first.
        heard_at: when a candle or a mark price came last.
        failures: sockets in a row that were lost before they had been healthy.
        wait_seconds: how long the present wait is; 0 when there is none.
        why: what ended the last socket, or why it could not be opened; empty while nothing has.
        silent: streams that have said nothing for longer than they should, in the venue's spelling.
        refusals: subscriptions the venue refuses at present, each an error that names the market.
        last_unreadable: the newest message that could not be read.
        counters: totals.
    """

    venue: str
    connection: str
    phase: Phase
    since: Instant
    streams: int
    at: Instant
    message_at: Instant | None
    heard_at: Instant | None
    failures: int
    wait_seconds: float
    why: str
    silent: tuple[str, ...]
    refusals: tuple[StreamRefused, ...]
    last_unreadable: BadMessage | None
    counters: Mapping[str, int | Mapping[str, int]]

    @property
    def silence_seconds(self) -> float | None:
        """Age of the last candle or mark price; None before the first."""
        return None if self.heard_at is None else (self.at - self.heard_at) / 1000
