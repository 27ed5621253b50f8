"""Who was asked for what on one connection: subscriptions under way, refused, silent.

What lives here: the books of it, without a clock of its own. What does not: the connection's phases (``machine``).
"""

import re
from collections.abc import Callable, Sequence

from qmd_platform.errors import StreamRefused
from qmd_platform.model.window import Instant
from qmd_platform.venues.streams.dialects import Dialect, Request
from qmd_platform.venues.streams.messages import Accepted, Denied
from qmd_platform.venues.streams.wanted import Stream, Wanted

_ROUNDS = 4


class Subscriptions:
    """The subscriptions of one connection, over all its sockets."""

    def __init__(self, dialect: Dialect, streams: Sequence[Stream], batch: int) -> None:
        self._dialect = dialect
        self._batch = batch
        self._streams = {stream.topic: stream for stream in streams}
        self._wanted: dict[Wanted, list[str]] = {}
        for stream in streams:
            self._wanted.setdefault(stream.subject.wanted, []).append(stream.topic)
        self._requests: dict[int, Request] = {}
        self._number = 0
        self._last: dict[str, float] = {}
        self._spoken: set[str] = set()
        self._again: dict[str, float] = {}
        self.refusals: dict[str, StreamRefused] = {}
        self._excused: set[str] = set()

    @property
    def count(self) -> int:
        """How many are not refused."""
        return len(self._streams) - len(self.refusals)

    def all(self, now: float, at: Instant) -> list[str]:
        """The messages that subscribe to everything, on a new socket."""
        self._requests.clear()
        self.refusals.clear()
        self._again.clear()
        self._last = dict.fromkeys(self._streams, now)
        self._spoken.clear()
        return self._asked(list(self._streams.values()), self._batch, at)

    def _asked(self, streams: Sequence[Stream], batch: int, at: Instant) -> list[str]:
        requests = self._dialect.requests(streams, self._number + 1, batch, at)
        self._requests |= {request.number: request for request in requests}
        self._number += len(requests)
        # Answers come soon: requests older than a few rounds of everything are not waited for.
        for number in list(self._requests)[: -_ROUNDS * len(self._streams)]:
            del self._requests[number]
        return [request.text for request in requests]

    def accepted(self, event: Accepted) -> None:
        """The venue took what ``event`` names."""
        for topic in self._named(event.number, event.topic):
            self.refusals.pop(topic, None)
            self._again.pop(topic, None)

    def denied(self, event: Denied, again_at: float, at: Instant) -> tuple[int, list[str]]:
        """The venue refused what ``event`` names: how many streams that is for sure, and what is to be asked anew.

        A request of several streams of which none is named is asked for again one by one: some of them may be fine.
        """
        topics = self._named(event.number, event.topic) or self._in_words(event.words)
        several = event.topic is None and len(topics) > 1
        if several and not (named := self._in_words(event.words)):
            return 0, self._asked([self._streams[topic] for topic in topics], 1, at)
        refused = named if several else topics
        for topic in refused:
            market = self._streams[topic].subject.market
            self.refusals[topic] = StreamRefused(
                market.venue, f"{market}: {topic} is refused: {event.words}", topic=topic
            )
            self._again[topic] = again_at
        rest = [self._streams[topic] for topic in topics if topic not in refused]
        return len(refused), self._asked(rest, self._batch, at) if rest else []

    def _named(self, number: int | None, topic: str | None) -> list[str]:
        if topic is not None:
            return [topic] if topic in self._streams else []
        request = self._requests.get(number) if number is not None else None
        return [stream.topic for stream in request.streams] if request else []

    def _in_words(self, words: str) -> list[str]:
        """Topics that the venue's own words name."""
        return [topic for topic in self._streams if re.search(rf"{re.escape(topic)}(?![\w-])", words)]

    def again(self, now: float, seconds: float, at: Instant) -> list[str]:
        """The messages that ask once more for what was refused long enough ago."""
        due = [topic for topic, moment in self._again.items() if moment <= now]
        self._again |= dict.fromkeys(due, now + seconds)
        return self._asked([self._streams[topic] for topic in due], 1, at) if due else []

    def topics_of(self, wanted: Wanted) -> list[str]:
        """The topics that tell of ``wanted``."""
        return self._wanted.get(wanted, [])

    def lives(self, topic: str, now: float) -> None:
        """The stream said something."""
        if topic in self._last:
            self._last[topic] = now
            self._spoken.add(topic)
            self._excused.discard(topic)
            if topic in self.refusals:
                del self.refusals[topic]
                self._again.pop(topic, None)

    def silent(self, now: float, limit: Callable[[Stream], float]) -> list[str]:
        """Streams that have said nothing for longer than ``limit`` allows; refused ones are not among them."""
        return [
            topic
            for topic, last in self._last.items()
            if topic not in self.refusals and now - last > limit(self._streams[topic])
        ]

    def speechless(self, topics: Sequence[str]) -> list[str]:
        """Those of ``topics`` that never spoke on this socket."""
        return [topic for topic in topics if topic not in self._spoken]

    def excuse(self, topics: Sequence[str]) -> bool:
        """Whether these silences are a reason to connect anew: once for each, until the stream speaks again."""
        fresh = [topic for topic in topics if topic not in self._excused]
        self._excused.update(fresh)
        return bool(fresh)
