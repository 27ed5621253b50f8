"""What one connection does next: a state machine without a socket, a clock or chance of its own.

What lives here: phases, heartbeats, silence, waits, counters. What does not: sockets (``connection``), what messages say (the
dialects), who was asked for what (``subscriptions``).

```text
WAITING -> begin -> CONNECTING -> opened, first answer -> LIVE -> silence -> STALLED
   ^                    |                                  |                    |
   +------ over --------+----------------------------------+--------------------+        any -> stop -> STOPPED
```

1. ``now`` is a clock that only goes forward, in seconds; ``at`` and ``received_at`` are epoch ms, for what is told.
2. Every ``over`` is one failure more; failures are forgotten only when a socket has told something and lasted
   ``Endurance.healthy_seconds`` since. A venue that accepts and hangs up at once is asked less and less often.
3. A socket that says nothing at all for ``Habits.quiet_seconds`` is dead, whatever TCP says of it.
4. A stream that says nothing for longer than it should is told. It is a reason to connect anew where streams speak without
   trades too; elsewhere when all of them are silent, and when it never spoke on this socket at a venue that answers every
   subscription with candles. But once: what is silent still is left until it speaks again. Among others that speak it is a
   reason once in ``Endurance.silence_seconds`` at most: it may be a market without trades.
"""

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from qmd_platform.errors import BadMessage
from qmd_platform.model.window import Instant
from qmd_platform.venues.streams.dialects import Dialect, Reader
from qmd_platform.venues.streams.habits import Habits
from qmd_platform.venues.streams.messages import Accepted, Beat, Denied, Event, Farewell, Ignored, Unreadable
from qmd_platform.venues.streams.patience import Endurance
from qmd_platform.venues.streams.records import Heard, HeardCandle, HeardMark
from qmd_platform.venues.streams.state import Counters, Phase, StreamState, counted
from qmd_platform.venues.streams.subscriptions import Subscriptions
from qmd_platform.venues.streams.wanted import Stream

_BEATS = 4
"""So many beats of a stream may be left out before it is silent."""


@dataclass(frozen=True, slots=True)
class Action:
    """What the socket is to do: send ``texts`` in order, then a ping of the protocol; or hang up, if ``hang_up`` says why."""

    texts: Sequence[str] = ()
    ping: bool = False
    hang_up: str = ""


class Machine:
    """One connection."""

    def __init__(
        self,
        name: str,
        dialect: Dialect,
        habits: Habits,
        streams: Sequence[Stream],
        *,
        endurance: Endurance,
        dice: random.Random,
    ) -> None:
        self.phase = Phase.WAITING
        self.counters = Counters()
        self._name = name
        self._dialect, self._habits = dialect, habits
        self._streams = streams
        self._endurance, self._dice = endurance, dice
        self._subscriptions = Subscriptions(dialect, streams, habits.batch)
        self._reader: Reader = dialect.reader(streams)
        self._outbox: deque[str] = deque()
        self._next_send = self._next_ping = self._any = self._wait_until = 0.0
        self._first: float | None = None
        self._failures, self._wait, self._patient_until = 0, 0.0, 0.0
        self._why, self._leaving = "", ""
        self._since: Instant = 0
        self._message_at: Instant | None = None  # when any message came last
        self._heard_at: Instant | None = None  # when a candle or a price did
        self._silent: tuple[str, ...] = ()
        self._unreadable: BadMessage | None = None

    def begin(self, at: Instant) -> None:
        """A socket is being opened."""
        self._turn(Phase.CONNECTING, at)
        self._wait = 0.0
        self.counters.connects += 1

    def opened(self, now: float, at: Instant) -> None:
        """The socket is open: everything is subscribed to, and read anew."""
        self._reader = self._dialect.reader(self._streams)
        self._outbox = deque([*self._dialect.opening(), *self._subscriptions.all(now, at)])
        self._next_send, self._next_ping = now, now + self._habits.ping_seconds
        self._any, self._first, self._leaving, self._silent = now, None, "", ()

    def said(self, text: str, now: float, received_at: Instant) -> Sequence[Heard]:
        """The socket brought ``text``; returned is what was heard in it."""
        self._any, self._message_at = now, received_at
        self.counters.messages += 1
        heard: list[Heard] = []
        for event in self._reader.read(text, received_at):
            if isinstance(event, (HeardCandle, HeardMark)):
                self._told(event, now, received_at)
                heard.append(event)
            else:
                self._noted(event, now, received_at)
        return heard

    def signed(self, now: float) -> None:
        """The socket brought a ping or a pong of the protocol."""
        self._any = now

    def _told(self, event: Heard, now: float, received_at: Instant) -> None:
        self._heard_at = received_at
        self._first = now if self._first is None else self._first
        if self.phase is Phase.CONNECTING:
            self._turn(Phase.LIVE, received_at)
        if isinstance(event, HeardCandle):
            self.counters.candles += 1
            self.counters.closed += event.is_closed
            topics = self._subscriptions.topics_of(event.series)
        else:
            self.counters.marks += 1
            topics = self._subscriptions.topics_of(event.market)
        if len(topics) == 1:  # where there are more, a beat says which of them it was
            self._subscriptions.lives(topics[0], now)

    def _noted(self, event: Event, now: float, at: Instant) -> None:
        match event:
            case Accepted():
                self._subscriptions.accepted(event)
                if self.phase is Phase.CONNECTING:
                    self._turn(Phase.LIVE, at)
            case Denied():
                self._denied(event, now, at)
            case Farewell():
                self._leaving = event.why
            case Beat(topic=str(topic)):
                self._subscriptions.lives(topic, now)
            case _:
                self._counted(event)

    def _counted(self, event: Event) -> None:
        if isinstance(event, Unreadable):
            self.counters.unreadable += 1
            self._unreadable = event.error
        elif isinstance(event, Ignored):
            self.counters.unread[event.name] = self.counters.unread.get(event.name, 0) + 1

    def _denied(self, event: Denied, now: float, at: Instant) -> None:
        refused, again = self._subscriptions.denied(event, now + self._endurance.again_seconds, at)
        self.counters.refused += refused if refused or again else 1  # of a refusal that names nothing
        self.counters.split += bool(again)
        self._why = event.words
        self._outbox.extend(again)

    def tick(self, now: float, at: Instant) -> Action:
        """What is due; to be asked at ``due``, and after messages."""
        if self._leaving:
            return Action(hang_up=self._leaving)
        if self._first is not None and now - self._first >= self._endurance.healthy_seconds:
            self._failures = 0
        if why := self._stalled(now):
            self.counters.stalls += 1
            self._turn(Phase.STALLED, at)
            return Action(hang_up=why)
        self._outbox.extend(self._subscriptions.again(now, self._endurance.again_seconds, at))
        return self._sends(now, at)

    def _sends(self, now: float, at: Instant) -> Action:
        ping = False
        if now >= self._next_ping:
            self._next_ping = now + self._habits.ping_seconds
            text = self._dialect.ping(self._streams[0].place, at)
            ping = text is None
            self._outbox.extend([] if text is None else [text])
        texts: list[str] = []
        if self._outbox and now >= self._next_send:
            texts.append(self._outbox.popleft())
            self._next_send = now + 1 / self._habits.sends_per_second
        return Action(texts, ping)

    def _stalled(self, now: float) -> str:
        """Why the socket is no use any more; empty while it is."""
        if now - self._any > self._habits.quiet_seconds:
            return f"nothing came for {self._habits.quiet_seconds:g} s"
        self._silent = tuple(self._subscriptions.silent(now, self._limit))
        if not self._subscriptions.excuse(dead := self._dead(now)):
            return ""
        self._patient_until = now + self._endurance.silence_seconds
        more = f" and {len(dead) - 1} more" if len(dead) > 1 else ""
        return f"{dead[0]}{more} said nothing for too long"

    def _dead(self, now: float) -> Sequence[str]:
        """The silent streams whose silence means something."""
        talks = self._habits.beat_seconds is not None or (self._habits.talks and now >= self._patient_until)
        if talks or len(self._silent) == self._subscriptions.count:
            return self._silent
        return self._subscriptions.speechless(self._silent) if self._habits.greets else ()

    def _limit(self, stream: Stream) -> float:
        """Seconds for which a stream may be silent."""
        patience = self._endurance
        if self._habits.beat_seconds is not None:
            return _BEATS * self._habits.beat_seconds
        if not stream.subject.step:
            return patience.mark_seconds
        return min(patience.stall_steps * stream.subject.step / 1000, patience.stall_cap_seconds)

    def over(self, why: str, now: float, at: Instant, least: float = 0.0) -> None:
        """The socket is gone, or there was none; the venue wants us to wait for ``least`` seconds."""
        self._failures += 1
        self._wait = max(self._endurance.wait(self._failures, self._dice), least)
        self._wait_until = now + self._wait
        self._why = why
        self._turn(Phase.WAITING, at)

    def stop(self, at: Instant) -> None:
        """Nobody listens any more."""
        self._turn(Phase.STOPPED, at)

    def due(self, now: float) -> float:
        """When to ask ``tick`` next, or, while it waits, ``begin``."""
        if self.phase is Phase.WAITING:
            return self._wait_until
        return min(now + self._endurance.tell_seconds, self._next_send if self._outbox else self._next_ping)

    def state(self, at: Instant) -> StreamState:
        """How it is."""
        return StreamState(
            venue=self._dialect.venue,
            connection=self._name,
            phase=self.phase,
            since=self._since,
            streams=len(self._streams),
            at=at,
            message_at=self._message_at,
            heard_at=self._heard_at,
            failures=self._failures,
            wait_seconds=self._wait,
            why=self._why,
            silent=self._silent,
            refusals=tuple(self._subscriptions.refusals.values()),
            last_unreadable=self._unreadable,
            counters=counted(self.counters),
        )

    def _turn(self, phase: Phase, at: Instant) -> None:
        if phase is not self.phase:
            self.phase, self._since = phase, at
